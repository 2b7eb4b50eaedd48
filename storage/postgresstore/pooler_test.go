package postgresstore_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// pooled is a database that was opened once directly, as a pooler demands, and
// is reached through one that changes the session after every transaction.
func pooled(t testing.TB) string {
	t.Helper()
	url := testservices.Postgres(t)
	require.NoError(t, open(t, url).Close())
	return testservices.PostgresPooler(t, url)
}

func TestPoolerMayChangeTheSession(t *testing.T) {
	t.Parallel()
	url := pooled(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	session := func() (pid int) {
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid))
		return pid
	}
	require.NotEqual(t, session(), session(), "it does")
	_, err = conn.Exec(t.Context(), "SELECT $1::int", 1)
	require.ErrorContains(t, err, "prepared statement", "a client that prepares statements is lost")
	require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))

	d := open(t, url+"&pool_max_conns=1")
	write := []storage.Write{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}}
	absent := []storage.Check{{Key: "a"}}
	for range 3 {
		require.NoError(t, d.Commit(t.Context(), absent, write))
		require.ErrorIs(t, d.Commit(t.Context(), absent, write), storage.ErrConflict)
		r, err := d.Get(t.Context(), "a")
		require.NoError(t, err)
		require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: "a", Version: r.Version}}, nil))
		s, err := d.Snapshot(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Delete: true}}))
		for range 3 { // all in one session
			page, err := s.Scan(t.Context(), "", "", 10)
			require.NoError(t, err)
			require.Len(t, page, 2)
		}
		require.NoError(t, s.Close())
		page, err := d.Scan(t.Context(), "", "", 10)
		require.NoError(t, err)
		require.Len(t, page, 1)
	}
}
