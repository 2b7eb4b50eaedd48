package postgresstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
)

// sized returns what a test does: a little when everybody runs it, more with
// RECONNECT_TEST_ALL=1.
func sized(little, more int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return more
	}
	return little
}

// eachCut calls try with every moment at which the request that it makes, or
// the answer to it, can be cut, in order, until there are no more.
func eachCut(t *testing.T, proxy *testservices.PostgresProxy, marker func(n int) string, try func(n int, cut testservices.Cut)) (cuts int) {
	t.Helper()
	attempt := func(cut testservices.Cut) bool {
		proxy.CutNext(marker(cuts), cut)
		try(cuts, cut)
		cuts++
		return proxy.WasCut()
	}
	for sent := 0; attempt(testservices.Cut{Sent: sent}); sent += sized(23, 3) {
		require.Less(t, sent, 10_000)
	}
	for answered := 0; attempt(testservices.Cut{Sent: testservices.All, Answered: answered}); answered += sized(6, 1) {
		require.Less(t, answered, 10_000)
	}
	for range sized(5, 30) { // a race with the server
		require.True(t, attempt(testservices.Cut{Sent: testservices.All, Answered: testservices.AtOnce}))
	}
	return cuts
}

// A connection breaks at every moment of a commit. What the driver then says of
// it must be true.
func TestCutCommitIsHonest(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	proxy := testservices.NewPostgresProxy(t, url)
	cutOff, witness := open(t, proxy.URL()), open(t, url)
	key := func(n int) string { return fmt.Sprintf("k%06d", n) }
	answers := map[error]int{}
	commit := func(n int) error {
		return cutOff.Commit(t.Context(), []storage.Check{{Key: key(n) + "/a"}},
			[]storage.Write{{Key: key(n) + "/a", Value: []byte("1")}, {Key: key(n) + "/b", Value: []byte("1")}})
	}
	require.NoError(t, cutOff.Commit(t.Context(), nil, []storage.Write{{Key: "warm", Value: nil}}))
	eachCut(t, proxy, key, func(n int, cut testservices.Cut) {
		err := commit(n)
		_, a := witness.Get(t.Context(), key(n)+"/a")
		_, b := witness.Get(t.Context(), key(n)+"/b")
		if cut.Answered != testservices.AtOnce { // when it may happen between the two reads
			require.Equal(t, a == nil, b == nil, "half of a commit cut at %+v", cut)
		}
		switch {
		case err == nil:
			require.NoError(t, a, "cut at %+v", cut)
		case errors.Is(err, storage.ErrUnknown):
			// Who sends it again finds out.
			again := commit(n)
			if again != nil {
				require.ErrorIs(t, again, storage.ErrConflict, "cut at %+v", cut)
			}
			_, a = witness.Get(t.Context(), key(n)+"/a")
			require.NoError(t, a, "cut at %+v", cut)
			if cut.Sent == testservices.All && cut.Answered >= 0 {
				require.ErrorIs(t, again, storage.ErrConflict, "the server had answered that it happened; cut at %+v", cut)
			}
			answers[storage.ErrUnknown]++
		default:
			require.ErrorIs(t, err, storage.ErrUnavailable, "cut at %+v", cut)
			require.ErrorIs(t, a, storage.ErrNotFound, "cut at %+v", cut)
			answers[storage.ErrUnavailable]++
		}
	})
	require.NotZero(t, answers[storage.ErrUnknown])
}

// Above the driver nothing is left of it: every transaction happens, and once.
func TestCutTransactionsAreResolvedAndDoubleNothing(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	proxy := testservices.NewPostgresProxy(t, url)
	store := storage.New(open(t, proxy.URL()))
	receipt := func(n int) string { return fmt.Sprintf("receipt/%06d", n) }
	require.NoError(t, increment(t.Context(), store, "receipt/warm"))
	cuts := eachCut(t, proxy, func(n int) string { return receipt(n) }, func(n int, cut testservices.Cut) {
		require.NoError(t, increment(t.Context(), store, receipt(n)), "cut at %+v", cut)
	})
	r, err := store.Get(t.Context(), "counter")
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(cuts+1), string(r.Value))
}

// increment counts one up and leaves a receipt, in one transaction.
func increment(ctx context.Context, s *storage.Store, receipt string) error {
	return s.Transact(ctx, func(tx *storage.Tx) error {
		r, err := tx.Get("counter")
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		n := 0
		if len(r.Value) > 0 {
			if n, err = strconv.Atoi(string(r.Value)); err != nil {
				return err
			}
		}
		tx.Put("counter", []byte(strconv.Itoa(n+1)))
		tx.PutUnique(receipt, []byte(rand.Text()))
		return nil
	})
}

func TestCutReadIsMadeAgain(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	proxy := testservices.NewPostgresProxy(t, url)
	d := open(t, proxy.URL())
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "searched", Value: []byte("1")}}))
	marker := func(int) string { return "searched" }
	eachCut(t, proxy, marker, func(_ int, cut testservices.Cut) {
		r, err := d.Get(t.Context(), "searched")
		require.NoError(t, err, "cut at %+v", cut)
		require.Equal(t, "1", string(r.Value))
	})
	eachCut(t, proxy, marker, func(_ int, cut testservices.Cut) {
		page, err := d.Scan(t.Context(), "searched", "", 10)
		require.NoError(t, err, "cut at %+v", cut)
		require.Len(t, page, 1, "a page that was cut short; cut at %+v", cut)
	})
}

// After a cut all connections of the pool are old ones.
func TestAllConnectionsCutAreMadeAnew(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	proxy := testservices.NewPostgresProxy(t, url)
	d := open(t, proxy.URL())
	for range sized(3, 20) {
		errs := make(chan error)
		for range 6 {
			go func() { errs <- d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte("1")}}) }()
		}
		for range 6 {
			if err := <-errs; err != nil {
				require.ErrorIs(t, err, storage.ErrUnknown) // written to a connection that had just been cut
			}
		}
		proxy.CutAll()
		_, err := d.Get(t.Context(), "a")
		require.NoError(t, err)
	}
}

func TestSnapshotOfACutConnectionIsOver(t *testing.T) {
	t.Parallel()
	url := testservices.Postgres(t)
	proxy := testservices.NewPostgresProxy(t, url)
	d := open(t, proxy.URL())
	s, err := d.Snapshot(t.Context())
	require.NoError(t, err)
	proxy.CutAll()
	for range 2 { // and never of another state
		_, err = s.Scan(t.Context(), "", "", 10)
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
	require.NoError(t, s.Close())
}

// open opens a database and closes it when the test ends.
func open(t testing.TB, url string) *postgresstore.Driver {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := postgresstore.Open(ctx, url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}
