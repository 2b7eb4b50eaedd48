package postgresstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/storagetest"
)

// childURL names, in the environment of a child process, its database.
const childURL = "POSTGRESSTORE_CHILD_URL"

// childNumber says, in the environment, which child it is.
const childNumber = "POSTGRESSTORE_CHILD_NUMBER"

// processes runs the calling test again in a number of processes. In each it
// calls do, when all of them are ready; and returns true in the parent, when all
// have ended well.
func processes(t *testing.T, number int, url func() string, do func(child int, url string) error) (parent bool) {
	t.Helper()
	if of := os.Getenv(childURL); of != "" {
		child, err := strconv.Atoi(os.Getenv(childNumber))
		require.NoError(t, err)
		fmt.Println("ready")
		_, err = io.ReadAll(os.Stdin) // until the parent lets all go
		require.NoError(t, err)
		require.NoError(t, do(child, of))
		return false
	}
	self, err := os.Executable()
	require.NoError(t, err)
	of := url()
	var children []*exec.Cmd
	var gates []io.Closer
	for i := range number {
		child := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		child.Stderr = os.Stderr
		child.Env = append(os.Environ(), childURL+"="+of, childNumber+"="+strconv.Itoa(i))
		gate, err := child.StdinPipe()
		require.NoError(t, err)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewReader(out)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
		go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the child
		children, gates = append(children, child), append(gates, gate)
	}
	for _, gate := range gates {
		require.NoError(t, gate.Close())
	}
	for _, child := range children {
		require.NoError(t, child.Wait())
	}
	return true
}

func TestProcessesCountExactly(t *testing.T) {
	t.Parallel()
	const number = 4
	each := sized(40, 250)
	var place string
	counted := processes(t, number, func() string {
		place = testservices.Postgres(t)
		return place
	}, func(child int, url string) error {
		store, err := storage.Open(t.Context(), url)
		if err != nil {
			return err
		}
		for i := range each {
			for {
				err := increment(t.Context(), store, fmt.Sprintf("receipt/%d/%d", child, i))
				if err == nil {
					break
				}
				// Among so many it may lose too often, which says that nothing was written.
				if !errors.Is(err, storage.ErrConflict) {
					return err
				}
			}
		}
		return store.Close()
	})
	if !counted {
		return
	}
	store := storage.New(open(t, place))
	r, err := store.Get(t.Context(), "counter")
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(number*each), string(r.Value))
	receipts := 0
	for _, err := range store.All(t.Context(), "receipt/") {
		require.NoError(t, err)
		receipts++
	}
	require.Equal(t, number*each, receipts)
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	var place string
	migrated := processes(t, 4, func() string {
		place = testservices.Postgres(t)
		return place
	}, func(child int, url string) error {
		d, err := postgresstore.Open(t.Context(), url)
		if err != nil {
			return err
		}
		if err := d.Commit(t.Context(), nil, []storage.Write{{Key: strconv.Itoa(child), Value: nil}}); err != nil {
			return err
		}
		return d.Close()
	})
	if !migrated {
		return
	}
	page, err := open(t, place).Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, page, 4)
	require.Equal(t, "1", testservices.PostgresSQL(t, place, "SELECT count(*) FROM reconnect.migrations WHERE version_id = 1"))
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	storagetest.RunKill(t, func(t testing.TB) string {
		return strings.Replace(testservices.Postgres(t), "postgres:", quiet+":", 1)
	})
}

// quiet is the scheme of a store that is opened when nobody else is connected to
// it: the server may still be doing what a killed process had sent, and nobody
// can say that it is lost, or there, before that is over.
const quiet = "postgres-quiet"

func init() {
	storage.Register(quiet, func(ctx context.Context, u *url.URL) (storage.Driver, error) {
		address := *u
		address.Scheme = "postgres"
		if err := awaitQuiet(ctx, address.String()); err != nil {
			return nil, err
		}
		return postgresstore.Open(ctx, address.String())
	})
}

func awaitQuiet(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	ask := time.NewTicker(2 * time.Millisecond)
	defer ask.Stop()
	for {
		var others int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others)
		if err != nil || others == 0 {
			return err
		}
		select {
		case <-ask.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
