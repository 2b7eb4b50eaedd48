package postgresstore_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
)

// The server is set to acknowledge before it writes, as some are, and ends
// without warning while many write.
func TestServerThatDiesLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	cluster := testservices.NewPostgresCluster(t, "synchronous_commit = off", "wal_writer_delay = '10s'")
	store := storage.New(open(t, cluster.Database(t)))
	const writers = 4
	var acknowledged, unknown atomic.Int64
	var stop atomic.Bool
	errs := make([]error, writers)
	receipts := make([][]string, writers)
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for n := 0; !stop.Load() && errs[writer] == nil; n++ {
				receipt := fmt.Sprintf("receipt/w%d/%06d", writer, n)
				switch err := increment(t.Context(), store, receipt); {
				case err == nil:
					receipts[writer] = append(receipts[writer], receipt)
					acknowledged.Add(1)
				case errors.Is(err, storage.ErrUnknown):
					unknown.Add(1)
				case errors.Is(err, storage.ErrUnavailable), errors.Is(err, storage.ErrConflict):
				default:
					errs[writer] = err
				}
			}
		})
	}
	for range sized(1, 5) {
		enough := acknowledged.Load() + 40
		require.Eventually(t, func() bool { return acknowledged.Load() >= enough }, 20*time.Second, time.Millisecond)
		cluster.Stop(t)
		cluster.Start(t)
	}
	stop.Store(true)
	all.Wait()
	require.NoError(t, errors.Join(errs...))

	for _, of := range receipts {
		for _, receipt := range of {
			_, err := store.Get(t.Context(), receipt)
			require.NoError(t, err, "acknowledged and lost")
		}
	}
	there := int64(0)
	for _, err := range store.All(t.Context(), "receipt/") {
		require.NoError(t, err)
		there++
	}
	r, err := store.Get(t.Context(), "counter")
	require.NoError(t, err)
	require.Equal(t, strconv.FormatInt(there, 10), string(r.Value), "as many increments as receipts")
	require.LessOrEqual(t, there, acknowledged.Load()+unknown.Load())
}

func TestServerThatIsDownOrUnfitIsNamed(t *testing.T) {
	t.Parallel()
	cluster := testservices.NewPostgresCluster(t)
	url := cluster.Database(t)
	d := open(t, url)
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("1")}}))
	cluster.Stop(t)
	_, err := d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	err = d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("2")}})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrUnknown, "nothing was sent")
	_, err = d.Snapshot(t.Context())
	require.ErrorIs(t, err, storage.ErrUnavailable)
	_, err = postgresstore.Open(t.Context(), url)
	require.ErrorIs(t, err, storage.ErrUnavailable)

	cluster.Start(t)
	r, err := d.Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "1", string(r.Value))

	testservices.PostgresSQL(t, url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
	require.Eventually(t, func() bool { return testservices.PostgresSQL(t, url, "SHOW fsync") == "off" }, 10*time.Second, 20*time.Millisecond)
	_, err = postgresstore.Open(t.Context(), url)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "fsync")

	// As after a failover that went the wrong way: what a standby has is old.
	cluster.Standby(t)
	_, err = d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrReadOnly)
	require.ErrorContains(t, err, "standby")
	_, err = postgresstore.Open(t.Context(), url)
	require.ErrorIs(t, err, storage.ErrReadOnly)
}

// Under another isolation a commit would check the state from before its locks.
func TestDatabaseWithAnotherIsolationIsRefused(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url+"&pool_max_conns=1") // and connected already
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: nil}}))
	postgresstore.Session(t, d, "SELECT set_config('default_transaction_isolation', 'repeatable read', false)")
	require.ErrorIs(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: nil}}), storage.ErrUnavailable)

	testservices.PostgresSQL(t, url, "ALTER DATABASE "+databaseOf(t, url)+" SET default_transaction_isolation = 'repeatable read'")
	_, err := postgresstore.Open(t.Context(), url)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "isolation")
}

func TestDatabaseThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url+"&pool_max_conns=1")
	write := []storage.Write{{Key: "a", Value: []byte("1")}}

	// A disk that is full, as the server reports it.
	testservices.PostgresSQL(t, url, raising("RAISE EXCEPTION 'as it happens' USING ERRCODE = 'disk_full'"))
	err := d.Commit(t.Context(), nil, write)
	require.ErrorIs(t, err, storage.ErrNoSpace)
	require.NotErrorIs(t, err, storage.ErrUnknown)

	postgresstore.Session(t, d, "SELECT set_config('default_transaction_read_only', 'on', false)")
	require.ErrorIs(t, d.Commit(t.Context(), nil, write), storage.ErrReadOnly)
	_, err = d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// raising returns what is done before every record that is put. It can count in
// reconnect.raised, which no failure takes back.
func raising(what string) string {
	return `CREATE SEQUENCE reconnect.raised; GRANT ALL ON SEQUENCE reconnect.raised TO PUBLIC;
CREATE FUNCTION reconnect.raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + what + `; RETURN NEW; END $$;
CREATE TRIGGER raise BEFORE INSERT ON reconnect.records FOR EACH ROW EXECUTE FUNCTION reconnect.raise()`
}

func TestSerializationFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url)
	testservices.PostgresSQL(t, url, raising(`IF nextval('reconnect.raised') <= 3 THEN
		RAISE EXCEPTION 'as it happens' USING ERRCODE = 'serialization_failure'; END IF`))
	require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: "a"}}, []storage.Write{{Key: "a", Value: []byte("1")}}))
	require.Equal(t, "4", testservices.PostgresSQL(t, url, "SELECT last_value FROM reconnect.raised"))
}

func TestSerializationFailureThatStaysEnds(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url)
	testservices.PostgresSQL(t, url, raising(`PERFORM nextval('reconnect.raised');
		RAISE EXCEPTION 'as it happens' USING ERRCODE = 'serialization_failure'`))
	err := d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("1")}})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	tries, err := strconv.Atoi(testservices.PostgresSQL(t, url, "SELECT last_value FROM reconnect.raised"))
	require.NoError(t, err)
	require.Greater(t, tries, 3)
	require.Less(t, tries, 20)
}

// A server that ends a connection says so, but not whether the commit happened.
func TestEndedSessionLeavesTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url)
	testservices.PostgresSQL(t, url, raising(`IF nextval('reconnect.raised') IN (1, 2) THEN
		PERFORM pg_terminate_backend(pg_backend_pid()); END IF`))
	err := d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("1")}})
	require.ErrorIs(t, err, storage.ErrUnknown)
	require.NoError(t, increment(t.Context(), storage.New(d), "receipt"), "the second, found out by its transaction")
	r, err := d.Get(t.Context(), "counter")
	require.NoError(t, err)
	require.Equal(t, "1", string(r.Value))
}

// Commits lock in one order and never deadlock with each other; a stranger may
// lock in another.
func TestDeadlockWithAStrangerIsTriedAgain(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	timeout := func(of string) {
		testservices.PostgresSQL(t, url, "ALTER DATABASE "+databaseOf(t, url)+" SET deadlock_timeout = '"+of+"'")
	}
	timeout("60s")
	stranger, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	timeout("2s")
	d := open(t, url) // looks for deadlocks first, and so is the one that gives way

	ordered := strings.Fields(testservices.PostgresSQL(t, url,
		"SELECT hashtextextended(k, 0) FROM unnest(ARRAY['a', 'b']) AS k ORDER BY 1"))
	tx, err := stranger.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock("+ordered[1]+")")
	require.NoError(t, err)
	answer := make(chan error, 1)
	go func() {
		answer <- d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: nil}, {Key: "b", Value: nil}})
	}()
	waiting := "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	require.Eventually(t, func() bool { return testservices.PostgresSQL(t, url, waiting) != "0" }, 10*time.Second, time.Millisecond)
	_, err = tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock("+ordered[0]+")")
	require.NoError(t, err, "the commit gave way")
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-answer)
	require.NoError(t, stranger.Close(t.Context()))
}

// A server that ends transactions which do nothing for a while must not end a
// backup that thinks.
func TestSnapshotMayIdle(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	d := open(t, url)
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("1")}}))
	testservices.PostgresSQL(t, url, "ALTER DATABASE "+databaseOf(t, url)+" SET idle_in_transaction_session_timeout = '20ms'")
	s, err := d.Snapshot(t.Context())
	require.NoError(t, err)
	other, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	name := "SELECT count(*) FROM pg_stat_activity WHERE pid = " + strconv.FormatUint(uint64(other.PgConn().PID()), 10)
	require.Eventually(t, func() bool { return testservices.PostgresSQL(t, url, name) == "0" }, 10*time.Second, 10*time.Millisecond)
	page, err := s.Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.NoError(t, s.Close())
	require.NoError(t, other.Close(t.Context()))
}

// Nothing may be left in a session, or a pooler that hands it to another client
// would break both.
func TestSessionKeepsNothing(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	testservices.PostgresSQL(t, url, "ALTER DATABASE "+databaseOf(t, url)+" SET synchronous_commit = off")
	d := open(t, url+"&pool_max_conns=1")
	require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: "a"}}, []storage.Write{{Key: "a", Value: nil}}))
	_, err := d.Get(t.Context(), "a")
	require.NoError(t, err)
	_, err = d.Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	left := postgresstore.Session(t, d, `SELECT (SELECT count(*) FROM pg_prepared_statements)
		+ (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())`)
	require.Equal(t, "0", left)
	require.Equal(t, "off", postgresstore.Session(t, d, "SELECT current_setting('synchronous_commit')"))
	require.Equal(t, "on", postgresstore.Session(t, d, "SELECT current_setting('enable_seqscan')"))
}

func databaseOf(t testing.TB, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	return config.Database
}
