package storage_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestADriverUnderAPrefixKeepsTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(t testing.TB) func() (storage.Driver, error) {
			inner := memstore.New()
			for _, key := range []string{"a", "mine", "mine/", "mine0", "mind/~", "z"} { // what stands around it
				require.NoError(t, inner.Commit(t.Context(), nil, []storage.Write{{Key: key}}))
			}
			prefix := "mine/"
			if strings.HasSuffix(t.Name(), "KeysAreComparedByteByByte") {
				inner, prefix = memstore.New(), "" // it needs keys of MaxKey bytes
			}
			return func() (storage.Driver, error) { return storage.Under(inner, prefix), nil }
		},
	})
}

func write(t *testing.T, d storage.Driver, keys ...string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: []byte("value of " + key)}}))
	}
}

func keysOf(t *testing.T, scan func(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error)) (keys []string) {
	t.Helper()
	page, err := scan(t.Context(), "", "", storage.MaxScan)
	require.NoError(t, err)
	for _, r := range page {
		keys = append(keys, r.Key)
	}
	return keys
}

func TestUsersUnderTwoPrefixesNeitherSeeNorChangeEachOther(t *testing.T) {
	t.Parallel()
	inner := memstore.New()
	alpha, beta := storage.Under(inner, "alpha/"), storage.Under(inner, "beta/")
	write(t, alpha, "a", "same")
	write(t, beta, "b", "same")
	require.Equal(t, []string{"alpha/a", "alpha/same", "beta/b", "beta/same"}, keysOf(t, inner.Scan))
	require.Equal(t, []string{"a", "same"}, keysOf(t, alpha.Scan))
	require.Equal(t, []string{"b", "same"}, keysOf(t, beta.Scan))

	_, err := beta.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
	for _, way := range []string{"../alpha/a", "alpha/a"} { // nothing climbs out
		_, err := beta.Get(t.Context(), way)
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
	require.NoError(t, beta.Commit(t.Context(), []storage.Check{{Key: "a"}}, []storage.Write{{Key: "same", Delete: true}}))
	mine, err := alpha.Get(t.Context(), "same")
	require.NoError(t, err)
	require.Equal(t, "value of same", string(mine.Value))
	page, err := alpha.Scan(t.Context(), "", "same", 10)
	require.NoError(t, err)
	require.Empty(t, page, "the walk ends where the prefix does")
}

func TestARecordNamedLikeThePrefixIsNotSeenUnderIt(t *testing.T) {
	t.Parallel()
	inner := memstore.New()
	write(t, inner, "p/", "p/a")
	require.Equal(t, []string{"a"}, keysOf(t, storage.Under(inner, "p/").Scan))
}

func TestClosingAViewClosesNothingElse(t *testing.T) {
	t.Parallel()
	inner := storage.New(memstore.New())
	one, other := inner.Under("one/"), inner.Under("other/")
	require.NoError(t, one.Close())
	require.NoError(t, one.Close())
	_, err := one.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrClosed)
	require.NoError(t, other.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put("a", []byte("1")); return nil }))
	r, err := inner.Get(t.Context(), "other/a")
	require.NoError(t, err)
	require.Equal(t, "1", string(r.Value))
}

func TestThePrefixTakesItsLengthFromTheKey(t *testing.T) {
	t.Parallel()
	d := storage.Under(memstore.New(), "p/")
	longest := strings.Repeat("k", storage.MaxKey-2)
	write(t, d, longest)
	require.Equal(t, []string{longest}, keysOf(t, d.Scan))
	long := longest + "k"
	_, err := d.Get(t.Context(), long)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = d.Scan(t.Context(), long, "", 1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = d.Scan(t.Context(), "", long, 1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorIs(t, d.Commit(t.Context(), []storage.Check{{Key: long}}, nil), storage.ErrInvalid)
	require.ErrorIs(t, d.Commit(t.Context(), nil, []storage.Write{{Key: long}}), storage.ErrInvalid)
}

func TestAPrefixThatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"with space", "é/", strings.Repeat("p", storage.MaxKey+1)} {
		d := storage.Under(memstore.New(), prefix)
		_, err := d.Get(t.Context(), "a")
		require.ErrorIs(t, err, storage.ErrInvalid)
		_, err = d.Scan(t.Context(), "", "", 1)
		require.ErrorIs(t, err, storage.ErrInvalid)
		require.ErrorIs(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a"}}), storage.ErrInvalid)
	}
}

func TestCommitUnderAPrefixLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	d := storage.Under(memstore.New(), "p/")
	checks, writes := []storage.Check{{Key: "a"}}, []storage.Write{{Key: "a"}}
	require.NoError(t, d.Commit(t.Context(), slices.Clone(checks), writes))
	require.ErrorIs(t, d.Commit(t.Context(), checks, writes), storage.ErrConflict)
	require.Equal(t, []storage.Check{{Key: "a"}}, checks)
	require.Equal(t, []storage.Write{{Key: "a"}}, writes)
}

func TestASnapshotUnderAPrefixIsOfItAlone(t *testing.T) {
	t.Parallel()
	inner := memstore.New()
	write(t, inner, "o/a", "p/", "p/a", "q/a")
	view := storage.Under(inner, "p/")
	snapshot, err := view.(storage.Snapshotter).Snapshot(t.Context())
	require.NoError(t, err)
	write(t, view, "b")
	require.Equal(t, []string{"a"}, keysOf(t, snapshot.Scan))
	require.Equal(t, []string{"a", "b"}, keysOf(t, view.Scan))
	_, err = snapshot.Scan(t.Context(), strings.Repeat("k", storage.MaxKey), "", 1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.NoError(t, snapshot.Close())
	_, err = snapshot.Scan(t.Context(), "", "", 1)
	require.ErrorIs(t, err, storage.ErrClosed)

	require.NoError(t, view.Close())
	_, err = view.(storage.Snapshotter).Snapshot(t.Context())
	require.ErrorIs(t, err, storage.ErrClosed)

	_, promised := storage.Under(plain{memstore.New()}, "p/").(storage.Snapshotter)
	require.False(t, promised, "what the inner driver cannot do is not promised")
}

// plain is a driver without snapshots.
type plain struct{ storage.Driver }
