package consent

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/sqlitestore"
)

// watched counts what a driver is asked to commit.
type watched struct {
	storage.Driver
	commits, checks atomic.Int64
}

func (w *watched) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	w.commits.Add(1)
	w.checks.Add(int64(len(checks)))
	return w.Driver.Commit(ctx, checks, writes)
}

// Eight workers of one relay count at once: each commit is tried once and checks nothing
// that another one changes, so that counting puts nobody's work in line.
func TestEightWhoCountAtOnceNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (storage.Driver, error){
		"sqlite": func(t *testing.T) (storage.Driver, error) {
			return sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), nil)
		},
		"postgres": func(t *testing.T) (storage.Driver, error) {
			return postgresstore.Open(t.Context(), testservices.Postgres(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, err := open(t)
			require.NoError(t, err)
			w := &watched{Driver: driver}
			store := storage.New(w)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			s := &Service{cfg: Config{Store: store, Directory: &Directory{cfg: DirectoryConfig{Zone: time.UTC}}, Now: time.Now}}
			p := &Post{worker: &Worker{service: s}, relay: Relay{ID: RelayID{1}}}
			const writers, each = 8, 25
			var all sync.WaitGroup
			failed := make(chan error, writers*each)
			for range writers {
				all.Go(func() {
					for range each {
						if err := store.Transact(t.Context(), p.count(CountedOpened)); err != nil {
							failed <- err
						}
					}
				})
			}
			all.Wait()
			close(failed)
			require.NoError(t, <-failed)
			require.EqualValues(t, writers*each, w.commits.Load(), "none was tried again")
			require.Zero(t, w.checks.Load())
			counted, err := s.Monthly(t.Context())
			require.NoError(t, err)
			require.Len(t, counted, 1)
			require.Equal(t, "200", counted[0].Count.String())
		})
	}
}
