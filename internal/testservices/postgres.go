package testservices

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// owner is the role that owns the databases of tests. It is no superuser.
const owner = "safe"

// shared is the cluster of this test process.
var shared struct {
	once    sync.Once
	cluster *PostgresCluster
	err     error
}

// Postgres returns the URL of a new and empty database of PostgreSQL, in a
// cluster that this test process starts once and shares. The role of the URL owns
// the database and may do nothing else. The server is reached through a socket in
// a folder that only its user can enter, so that its open door is nobody else's.
func Postgres(t testing.TB) string {
	t.Helper()
	programs := postgresPrograms(t)
	shared.once.Do(func() { shared.cluster, shared.err = startCluster(programs, nil) })
	require.NoError(t, shared.err)
	return shared.cluster.Database(t)
}

// PostgresCluster is a server of PostgreSQL with its databases.
type PostgresCluster struct {
	folder    string
	watchdog  *watchdog
	databases atomic.Int64
}

// NewPostgresCluster starts a cluster for one test, which may stop and restart
// it, and ends it with the test. Settings are lines of postgresql.conf.
func NewPostgresCluster(t testing.TB, settings ...string) *PostgresCluster {
	t.Helper()
	c, err := startCluster(postgresPrograms(t), settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.watchdog.end()) })
	return c
}

// Database creates an empty database and returns its URL.
func (c *PostgresCluster) Database(t testing.TB) string {
	t.Helper()
	name := "test" + strconv.FormatInt(c.databases.Add(1), 10)
	PostgresSQL(t, c.url("postgres"), "CREATE DATABASE "+name+" OWNER "+owner)
	return c.url(name)
}

func (c *PostgresCluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(owner), Path: "/" + database, RawQuery: url.Values{"host": {c.folder}}.Encode()}
	return u.String()
}

// PostgresSQL runs statements as the superuser, each in a transaction of its
// own, in the database of that URL, and returns what they answer, without headings.
func PostgresSQL(t testing.TB, databaseURL string, statements ...string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	arguments := []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
		"-h", u.Query().Get("host"), "-U", "postgres", "-d", strings.TrimPrefix(u.Path, "/")}
	for _, statement := range statements {
		arguments = append(arguments, "-c", statement)
	}
	psql := exec.CommandContext(t.Context(), filepath.Join(postgresPrograms(t), "psql"), arguments...)
	out, err := psql.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// Stop ends the server at once, without any order: it writes nothing more, cuts
// all connections, and recovers from its log when it is started again.
func (c *PostgresCluster) Stop(t testing.TB) {
	t.Helper()
	require.NoError(t, c.watchdog.command("stop"))
}

// Start starts a stopped server, and returns when it answers.
func (c *PostgresCluster) Start(t testing.TB) {
	t.Helper()
	require.NoError(t, c.watchdog.command("start"))
}

// Standby starts the server again as one that only repeats what another writes,
// and can be read but not written.
func (c *PostgresCluster) Standby(t testing.TB) {
	t.Helper()
	require.NoError(t, c.watchdog.command("standby"))
}

// postgresPrograms returns the folder of the newest programs of PostgreSQL.
func postgresPrograms(t testing.TB) string {
	t.Helper()
	newest, version := "", 0.0
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	for _, program := range found {
		folder := filepath.Dir(program)
		if v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64); err == nil && v > version {
			newest, version = folder, v
		}
	}
	if newest == "" {
		if program, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(program)
		}
		needs(t, "the server programs of PostgreSQL (initdb, postgres)")
	}
	return newest
}

func startCluster(programs string, settings []string) (*PostgresCluster, error) {
	w, folder, err := startWatchdog(postgresScript, append([]string{programs, owner}, settings...)...)
	if err != nil {
		return nil, err
	}
	return &PostgresCluster{folder: folder, watchdog: w}, nil
}

// postgresScript makes and guards a cluster. It is run by a shell as the user of
// the server, which is not root, with the folder of the programs, the role that
// owns databases, and settings; it is told what to do on its standard input.
const postgresScript = `
programs=$1 owner=$2
shift 2
umask 077
folder=$(mktemp -d /tmp/reconnect-postgres.XXXXXXXX) || exit 1
log=$folder/log data=$folder/data

start() { "$programs/pg_ctl" start -w -s -D "$data" -l "$log" </dev/null >>"$log" 2>&1; }
stop()  { "$programs/pg_ctl" stop -w -s -m "$1" -D "$data" </dev/null >>"$log" 2>&1; }
clean() { test -e "$data/postmaster.pid" && stop immediate; cd /; rm -rf "$folder"; }
fail()  { tail -n 5 "$log" | tr '\n' ' '; echo; exit 1; }
trap clean EXIT
trap 'exit 1' HUP INT TERM

"$programs/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync </dev/null >"$log" 2>&1 || fail
{
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$folder'"
	echo "max_connections = 300"
	for setting; do echo "$setting"; done
} >>"$data/postgresql.conf"
# The role "guarded" needs its password.
printf 'local all guarded scram-sha-256\nlocal all all trust\n' >"$data/pg_hba.conf"
start || fail
"$programs/psql" -X -q -h "$folder" -U postgres -c "CREATE ROLE $owner LOGIN" </dev/null >>"$log" 2>&1 || fail
echo "at $folder"

# The pipe breaks when the test process ends, however it ends.
while read -r command; do
	case $command in
	start)   start || fail ;;
	stop)    stop immediate || fail ;;
	standby) stop fast; touch "$data/standby.signal"; start || fail ;;
	end)     trap - EXIT; clean; echo done; exit ;;
	esac
	echo done
done
`
