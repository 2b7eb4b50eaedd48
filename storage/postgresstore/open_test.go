package postgresstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
)

const secret = "hunter2-and-more"

// requireNoSecret looks for a password everywhere that an error can be printed.
func requireNoSecret(t *testing.T, err error) {
	t.Helper()
	for _, form := range []string{"%v", "%+v", "%#v", "%q"} {
		require.NotContains(t, fmt.Sprintf(form, err), secret)
	}
	var connecting *pgconn.ConnectError // it has the whole configuration in it
	require.False(t, errors.As(err, &connecting))
	var parsing *pgconn.ParseConfigError
	require.False(t, errors.As(err, &parsing))
}

func TestNoErrorHasThePasswordInIt(t *testing.T) {
	t.Parallel()
	place, err := url.Parse(testservices.Postgres(t))
	require.NoError(t, err)
	testservices.PostgresSQL(t, place.String(), "CREATE ROLE guarded LOGIN PASSWORD 'another'")
	place.User = url.UserPassword("guarded", secret)
	wrong := place.String()
	place.Path += "-that-is-not-there"
	noDatabase := place.String()

	for about, example := range map[string]struct {
		url  string
		kind error
		says string
	}{
		"the password is wrong":        {wrong, storage.ErrUnavailable, "28P01"},
		"the database is not there":    {noDatabase, storage.ErrUnavailable, ""},
		"nobody listens":               {"postgres://u:" + secret + "@127.0.0.1:1/db", storage.ErrUnavailable, "refused"},
		"the socket is not there":      {"postgres://u:" + secret + "@/db?host=/nowhere", storage.ErrUnavailable, "no such file"},
		"the host is not known":        {"postgres://u:" + secret + "@nowhere.invalid/db?connect_timeout=5", storage.ErrUnavailable, ""},
		"the port is no number":        {"postgres://u:" + secret + "@host/db?port=many", storage.ErrInvalid, ""},
		"the URL is broken":            {"postgres://u:" + secret + "@host:port/db", storage.ErrInvalid, ""},
		"it has a fragment":            {"postgres://u:x@host/db#" + secret, storage.ErrInvalid, ""},
		"an escape is broken":          {"postgres://u:" + secret + "@host/db?user=%zz", storage.ErrInvalid, ""},
		"an option is not known":       {"postgres://u:" + secret + "@host/db?sslmoed=disable", storage.ErrInvalid, "sslmode"},
		"an option is a setting":       {"postgres://u:" + secret + "@host/db?synchronous_commit=off", storage.ErrInvalid, ""},
		"an option is there twice":     {"postgres://u:" + secret + "@host/db?sslmode=disable&sslmode=require", storage.ErrInvalid, ""},
		"the mode of TLS is not known": {"postgres://u:" + secret + "@host/db?sslmode=perhaps", storage.ErrInvalid, ""},
		"a certificate is not there":   {"postgres://u:" + secret + "@host/db?sslrootcert=/nowhere", storage.ErrInvalid, ""},
		"it is another scheme":         {"mysql://u:" + secret + "@host/db", storage.ErrInvalid, ""},
	} {
		_, err := postgresstore.Open(t.Context(), example.url)
		require.ErrorIs(t, err, example.kind, about)
		require.ErrorContains(t, err, example.says, about)
		requireNoSecret(t, err)
		_, err = storage.Open(t.Context(), example.url)
		require.Error(t, err, about)
		requireNoSecret(t, err)
	}
}

func TestBothSchemesAreRegistered(t *testing.T) {
	t.Parallel()
	place := testservices.Postgres(t)
	for _, address := range []string{place, "postgresql" + place[len("postgres"):]} {
		store, err := storage.Open(t.Context(), address)
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
}

// Whoever can answer in the name of the server could otherwise read and change
// what is sent.
func TestAnotherMachineMustShowItsCertificate(t *testing.T) {
	t.Parallel()
	for address, verified := range map[string]bool{
		"postgres://u@db.example/db":                         true,
		"postgres://u@192.0.2.1/db?connect_timeout=3":        true,
		"postgres://u@db.example/db?sslmode=disable":         false,
		"postgres://u@localhost/db":                          false,
		"postgres://u@127.0.0.1/db":                          false,
		"postgres://u@/db?host=/var/run/postgresql":          true,
		"postgres://u@[::1]/db":                              false,
		"postgres://u@/db?host=db.example":                   true,
		"postgres://u@db.example/db?sslmode=verify-full":     true,
		"postgres://u@/db?host=/var/run/postgresql,db.other": true,
	} {
		require.Equal(t, verified, postgresstore.Verifies(t, address), address)
	}
}

func TestDatabaseOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	place := testservices.Postgres(t)
	require.NoError(t, open(t, place).Close())
	testservices.PostgresSQL(t, place, "INSERT INTO reconnect.migrations (version_id, is_applied) VALUES (2, true)")
	_, err := postgresstore.Open(t.Context(), place)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "newer version")
}

func TestSchemaOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	place := testservices.Postgres(t)
	testservices.PostgresSQL(t, place, "CREATE SCHEMA reconnect AUTHORIZATION safe", "CREATE TABLE reconnect.records (theirs int)",
		"ALTER TABLE reconnect.records OWNER TO safe")
	_, err := postgresstore.Open(t.Context(), place)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.Equal(t, "0", testservices.PostgresSQL(t, place, "SELECT count(theirs) FROM reconnect.records"))
}

// The server of the application needs no right to change the form of the store.
func TestRoleMayDoNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	place := testservices.Postgres(t)
	as := func(role string) string {
		u, err := url.Parse(place)
		require.NoError(t, err)
		u.User = url.User(role)
		return u.String()
	}
	testservices.PostgresSQL(t, place, "CREATE ROLE worker LOGIN", "CREATE ROLE stranger LOGIN")
	_, err := postgresstore.Open(t.Context(), as("worker"))
	require.ErrorIs(t, err, storage.ErrReadOnly, "the owner of the database comes first")

	require.NoError(t, open(t, place).Close())
	testservices.PostgresSQL(t, place, grants(t, databaseOf(t, place), "worker")...)
	d := open(t, as("worker"))
	require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: "a"}}, []storage.Write{{Key: "a", Value: []byte("1")}}))
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Delete: true}, {Key: "b", Value: nil}}))
	s, err := d.Snapshot(t.Context())
	require.NoError(t, err)
	page, err := s.Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, page, 1)

	_, err = postgresstore.Open(t.Context(), as("stranger"))
	require.ErrorIs(t, err, storage.ErrReadOnly)
}

// grants are those of docs/drivers.md.
func grants(t *testing.T, database, role string) (statements []string) {
	text, err := os.ReadFile("../../docs/drivers.md")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "GRANT ") {
			line = strings.Replace(line, "ON DATABASE safe", "ON DATABASE "+database, 1)
			statements = append(statements, strings.Replace(line, "safe_app", role, 1))
		}
	}
	require.Len(t, statements, 5)
	return statements
}

// What is gone must never look like a record that is not there.
func TestLostDatabaseIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	place := testservices.Postgres(t)
	d := open(t, place)
	_, err := d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
	testservices.PostgresSQL(t, place, "DROP SCHEMA reconnect CASCADE")
	_, err = d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrDamaged)
	require.NotErrorIs(t, err, storage.ErrNotFound)
	require.ErrorIs(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: nil}}), storage.ErrDamaged)

	u, err := url.Parse(place)
	require.NoError(t, err)
	u.Path = "/postgres"
	name := databaseOf(t, place)
	testservices.PostgresSQL(t, u.String(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'",
		"ALTER DATABASE "+name+" RENAME TO "+name+"_elsewhere")
	_, err = d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrNotFound)
}

func TestLargestCommitFits(t *testing.T) {
	t.Parallel()
	if sized(0, 1) == 0 {
		t.Skip("100 MiB: only with RECONNECT_TEST_ALL=1")
	}
	d := open(t, testservices.Postgres(t))
	var writes []storage.Write
	for i := range storage.MaxWrites {
		writes = append(writes, storage.Write{Key: fmt.Sprintf("k%03d", i), Value: make([]byte, storage.MaxValue)})
	}
	require.NoError(t, d.Commit(t.Context(), nil, writes))
	page, err := d.Scan(t.Context(), "k", "k097", 10)
	require.NoError(t, err)
	require.Len(t, page, 2)
	require.Len(t, page[1].Value, storage.MaxValue)
}
