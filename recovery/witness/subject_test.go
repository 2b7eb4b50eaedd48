package witness_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/storage/storagetest"
)

// api is what a witness promises to its clients, wherever it runs.
type api interface {
	Latest(ctx context.Context, vault [16]byte) ([]witness.Checkpoint, error)
	Raise(ctx context.Context, vault [16]byte, heads []witness.Checkpoint, owner []byte, durable bool) ([]witness.Checkpoint, error)
	Keep(ctx context.Context, vault [16]byte, owner []byte, side []witness.Kept) error
	OwnerSide(ctx context.Context, vault [16]byte) (owner []byte, side []witness.Kept, err error)
	Inbox(ctx context.Context) (inbox []byte, err error)
	Restore(ctx context.Context, vault [16]byte, statement []byte) (complete []byte, err error)
	Restored(ctx context.Context, vault [16]byte) (complete []byte, err error)
	Vaults(ctx context.Context, after [16]byte, limit int) ([][16]byte, error)
	Forks(ctx context.Context, vault [16]byte) ([]witness.Fork, error)
	Count(ctx context.Context, vault [16]byte, counter [32]byte) (witness.Tries, error)
	Evaluate(ctx context.Context, vault [16]byte, counter, input [32]byte, generation uint64) (witness.Evaluation, error)
	Tried(ctx context.Context, vault [16]byte, counter [32]byte) (witness.Tries, error)
	Reset(ctx context.Context, vault [16]byte, counter [32]byte, statement []byte) error
	Begin(ctx context.Context, vault [16]byte, approval []byte) (witness.Request, error)
	Approve(ctx context.Context, vault [16]byte, approval []byte) (witness.Request, error)
	Cancel(ctx context.Context, vault, request [16]byte) error
	Requests(ctx context.Context, vault [16]byte) ([]witness.Request, error)
	EvaluateWithin(ctx context.Context, vault, request [16]byte, counter, input [32]byte, generation uint64) (witness.Evaluation, error)
}

var _ api = (*witness.Witness)(nil)

// subject is a witness under test.
type subject struct {
	api
	clock   *testClock
	sweep   func(ctx context.Context) (dropped int, err error) // as its operator does
	renew   func(ctx context.Context) (generation uint64, err error)
	restart func() // ends it in order and starts it again on what it stored
	crash   func() // the same, but it dies
}

// The keys of every witness under test: its own seed, and the operator whose
// statements it takes.
var (
	witnessSeed = bytes.Repeat([]byte{'w'}, 32)
	witnessKey  = signingKey(witnessSeed)
	operatorKey = signingKey(bytes.Repeat([]byte{'o'}, 32))
)

func signingKey(seed []byte) seal.SigningKey {
	key, err := seal.SigningKeyFromBytes(seed)
	if err != nil {
		panic(err) // the seeds are above
	}
	return key
}

// testingT is the part of testing.TB that rapid's T has too.
type testingT interface {
	require.TestingT
	Cleanup(func())
}

// newSubject starts a witness over the drivers that open returns: each opening
// gives the same records again.
func newSubject(t testingT, open func() storage.Driver) *subject {
	s := &subject{clock: &testClock{now: noon}}
	var w *witness.Witness
	var mains *storagetest.Faulty
	start := func() {
		mains = storagetest.NewFaulty(open())
		var err error
		w, err = witness.New(witness.Config{
			Store: storage.New(mains), Now: s.clock.Now, FlushEvery: time.Second, Seed: witnessSeed, Operator: operatorKey.Public(),
		})
		require.NoError(t, err)
		s.api, s.sweep, s.renew = w, w.Sweep, w.RenewKey
	}
	stop := func() error {
		err := w.Close()
		require.NoError(t, mains.Close())
		return err
	}
	s.restart = func() {
		require.NoError(t, stop())
		start()
	}
	s.crash = func() {
		cut(mains)
		_ = stop() // what it tells nobody hears
		start()
	}
	start()
	t.Cleanup(func() { require.NoError(t, stop()) })
	return s
}

// cut makes every later call fail, as when the power goes.
func cut(mains *storagetest.Faulty) { mains.FailFrom(1, storage.ErrUnavailable, storagetest.Before) }

// kept is a driver in memory that outlives being closed.
type kept struct{ *memstore.Driver }

func (kept) Close() error { return nil }

func inMemory(t testingT) *subject {
	driver := kept{memstore.New()}
	return newSubject(t, func() storage.Driver { return driver })
}

func inSQLite(t testingT, folder string) *subject {
	return newSubject(t, func() storage.Driver {
		driver, err := sqlitestore.Open(context.Background(), filepath.Join(folder, "witness.db"), nil)
		require.NoError(t, err)
		return driver
	})
}

func TestConformanceInMemory(t *testing.T) {
	t.Parallel()
	runConformance(t, func(t *testing.T) *subject { return inMemory(t) })
}

func TestConformanceOverSQLite(t *testing.T) {
	t.Parallel()
	runConformance(t, func(t *testing.T) *subject { return inSQLite(t, t.TempDir()) })
}
