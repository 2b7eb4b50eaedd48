package postgresstore

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"reconnect.example/storage"
)

func init() {
	for _, scheme := range []string{"postgres", "postgresql"} {
		storage.Register(scheme, func(ctx context.Context, u *url.URL) (storage.Driver, error) {
			return Open(ctx, u.String())
		})
	}
}

// options are what may follow the ? of a URL. Others are refused: pgx would
// send them to the server as settings, and a mistyped option must not be one
// that is not set.
var options = []string{
	"application_name", "connect_timeout", "dbname", "host", "passfile", "password", "pool_max_conns", "port",
	"sslcert", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni", "user",
}

// longestConnect is how long a connection may take to be made, if the URL does
// not say.
const longestConnect = 10 * time.Second

// configure reads a URL. No error of it repeats any part of the URL.
func configure(rawURL string) (*pgxpool.Config, error) {
	invalid := func(why string) error { return fmt.Errorf("%w: %s", storage.ErrInvalid, why) }
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Fragment != "" {
		return nil, invalid("it is not a URL of the form postgres://role:password@host:port/database?sslmode=verify-full")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, invalid("the options of the URL are unreadable")
	}
	for name, values := range query {
		if !slices.Contains(options, name) || len(values) != 1 {
			return nil, invalid("the URL has an option that is not known, or one twice; known are " + strings.Join(options, ", "))
		}
	}
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, invalid("the URL, or what the environment adds to it (PGHOST, PGPASSFILE, ...), has a wrong value")
	}
	if !query.Has("sslmode") && os.Getenv("PGSSLMODE") == "" && !local(config.ConnConfig) {
		// The default of PostgreSQL goes on in clear with whoever answers.
		query.Set("sslmode", "verify-full")
		u.RawQuery = query.Encode()
		if config, err = pgxpool.ParseConfig(u.String()); err != nil {
			return nil, invalid("the certificates that the URL or the environment names cannot be read")
		}
	}
	if !query.Has("pool_max_conns") {
		config.MaxConns = int32(max(8, 2*runtime.GOMAXPROCS(0)))
	}
	prepare(config.ConnConfig)
	return config, nil
}

// local says whether all servers are reached without leaving this machine.
func local(c *pgx.ConnConfig) bool {
	hosts := []string{c.Host}
	for _, other := range c.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		ip := net.ParseIP(host)
		return !strings.HasPrefix(host, "/") && !strings.HasPrefix(host, "@") && host != "localhost" && (ip == nil || !ip.IsLoopback())
	})
}

func prepare(c *pgx.ConnConfig) {
	// No statement is kept by name in a session: a pooler in transaction mode
	// gives every transaction another one.
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	c.StatementCacheCapacity = 0
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = longestConnect
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "reconnect"
	}
	c.ValidateConnect = checkServer
}

// checkServer refuses, at every new connection, servers that would break the
// contract: a standby answers with what was true a while ago, one without fsync
// loses what it acknowledged, and under another isolation the checks of a commit
// would see the state from before its locks.
func checkServer(ctx context.Context, conn *pgconn.PgConn) error {
	const settings = `SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('default_transaction_isolation')`
	results, err := conn.Exec(ctx, settings).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return &refusal{storage.ErrUnavailable, "the server does not answer as PostgreSQL does"}
	}
	row := results[0].Rows[0]
	if string(row[0]) != "f" {
		return &refusal{storage.ErrReadOnly, "the server is a standby; name the primary"}
	}
	if string(row[1]) != "on" {
		return &refusal{storage.ErrInvalid, "the server runs with fsync off and would lose what it acknowledged"}
	}
	if string(row[2]) != "read committed" {
		return &refusal{storage.ErrInvalid, "the role or the database has another default_transaction_isolation than 'read committed'"}
	}
	return nil
}
