package postgresstore

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Session asks a connection of the pool about itself.
func Session(t testing.TB, d *Driver, query string) string {
	t.Helper()
	var answer any
	require.NoError(t, d.pool.QueryRow(t.Context(), query, pgx.QueryExecModeExec).Scan(&answer))
	return fmt.Sprint(answer)
}

// Verifies says whether nothing is said in clear, or to whoever answers, to the
// servers of a URL.
func Verifies(t testing.TB, url string) bool {
	t.Helper()
	config, err := configure(url)
	require.NoError(t, err)
	safe := func(host string, c *tls.Config) bool {
		return strings.HasPrefix(host, "/") || c != nil && !c.InsecureSkipVerify
	}
	verifies := safe(config.ConnConfig.Host, config.ConnConfig.TLSConfig)
	for _, other := range config.ConnConfig.Fallbacks {
		verifies = verifies && safe(other.Host, other.TLSConfig)
	}
	return verifies
}
