package storagetest_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestAnHonestHostKeepsTheContract(t *testing.T) {
	t.Parallel()
	t.Run("records", func(t *testing.T) {
		t.Parallel()
		storagetest.Run(t, storagetest.Harness{Volatile: true, Place: func(testing.TB) func() (storage.Driver, error) {
			return func() (storage.Driver, error) { return storagetest.NewMalicious(memstore.New(), nil), nil }
		}})
	})
	t.Run("blobs", func(t *testing.T) {
		t.Parallel()
		storagetest.RunBlobs(t, storagetest.BlobsHarness{Volatile: true, Place: func(testing.TB) func() (storage.Blobs, error) {
			return func() (storage.Blobs, error) {
				return storagetest.NewMalicious(nil, memstore.NewBlobs()).Blobs(), nil
			}
		}})
	})
	t.Run("a fork of records", func(t *testing.T) {
		t.Parallel()
		storagetest.Run(t, storagetest.Harness{Volatile: true, Place: func(t testing.TB) func() (storage.Driver, error) {
			return func() (storage.Driver, error) {
				return storagetest.NewMalicious(memstore.New(), nil).Fork(context.WithoutCancel(t.Context()))
			}
		}})
	})
}

// hosted is a malicious store and what a program sees of it.
type hosted struct {
	*storagetest.Malicious
	store *storage.Store
}

func newHosted() *hosted {
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	return &hosted{host, storage.New(host)}
}

func (h *hosted) put(t testing.TB, key, value string) {
	t.Helper()
	require.NoError(t, h.store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(key, []byte(value))
		return nil
	}))
}

func (h *hosted) blob(t testing.TB, name, value string) {
	t.Helper()
	w, err := h.Blobs().Create(t.Context(), name, int64(len(value)))
	require.NoError(t, err)
	_, err = io.WriteString(w, value)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

// seen is what a program reads, record by record and in one page, which agree.
func (h *hosted) seen(t testing.TB, prefix string) map[string]string {
	t.Helper()
	out := map[string]string{}
	page, err := h.Scan(t.Context(), prefix, "", 1000)
	require.NoError(t, err)
	for _, r := range page {
		out[r.Key] = string(r.Value)
		one, err := h.store.Get(t.Context(), r.Key)
		require.NoError(t, err)
		require.Equal(t, r, one)
	}
	require.Len(t, h.Records(prefix), len(out))
	return out
}

func (h *hosted) readBlob(t testing.TB, name string, offset, length int64) string {
	t.Helper()
	r, err := h.Blobs().Open(t.Context(), name, offset, length)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(b)
}

func TestTheHostShowsWhatItIsToldAndTakesItBack(t *testing.T) {
	t.Parallel()
	h := newHosted()
	h.put(t, "a", "first")
	h.put(t, "b", "other")
	then := h.Now()
	h.put(t, "a", "second")
	h.put(t, "c", "later")
	honest := map[string]string{"a": "second", "b": "other", "c": "later"}
	require.Equal(t, honest, h.seen(t, ""))
	require.Equal(t, [][]byte{[]byte("first"), []byte("second")}, h.Record("a").Versions())
	require.Equal(t, []storage.Write{{Key: "a", Value: []byte("second")}, {Key: "c", Value: []byte("later")}}, h.Written(then))

	for name, c := range map[string]struct {
		lie  func()
		want map[string]string
	}{
		"swap":      {func() { h.Record("a").Swap(h.Record("b")) }, map[string]string{"a": "other", "b": "second", "c": "later"}},
		"move":      {func() { h.Record("a").Swap(h.Record("d")) }, map[string]string{"b": "other", "c": "later", "d": "second"}},
		"drop":      {func() { h.Record("a").Drop() }, map[string]string{"b": "other", "c": "later"}},
		"flip":      {func() { h.Record("a").Flip(8*1 + 1) }, map[string]string{"a": "sgcond", "b": "other", "c": "later"}},
		"cut":       {func() { h.Record("a").Cut(3) }, map[string]string{"a": "sec", "b": "other", "c": "later"}},
		"cut all":   {func() { h.Record("a").Cut(0) }, map[string]string{"a": "", "b": "other", "c": "later"}},
		"append":    {func() { h.Record("a").Append([]byte("!")) }, map[string]string{"a": "second!", "b": "other", "c": "later"}},
		"splice":    {func() { h.Record("a").Splice(2, h.Record("b").Bytes()[:2]) }, map[string]string{"a": "seotnd", "b": "other", "c": "later"}},
		"rearrange": {func() { h.Record("a").Rearrange(4, 1, 0, 0) }, map[string]string{"a": "ndsecoseco", "b": "other", "c": "later"}},
		"forge":     {func() { h.Record("0").Forge([]byte("made up")) }, map[string]string{"0": "made up", "a": "second", "b": "other", "c": "later"}},
		"replay":    {func() { h.Record("a").Replay(then) }, map[string]string{"a": "first", "b": "other", "c": "later"}},
		"all":       {func() { h.Malicious.Replay("", then) }, map[string]string{"a": "first", "b": "other"}},
		"prefix":    {func() { h.Malicious.Replay("c", then) }, map[string]string{"a": "second", "b": "other"}},
		"beginning": {func() { h.Malicious.Replay("", 0) }, map[string]string{}},
	} {
		c.lie()
		require.Equal(t, c.want, h.seen(t, ""), name)
		h.Honest()
		require.Equal(t, honest, h.seen(t, ""), name)
	}
	h.Record("a").Drop()
	h.Record("b").Drop()
	h.Record("a").Honest()
	require.Equal(t, map[string]string{"a": "second", "c": "later"}, h.seen(t, ""), "one lie alone is taken back")
}

func TestPrefixesAreSwappedWhole(t *testing.T) {
	t.Parallel()
	h := newHosted()
	h.put(t, "v1/a", "one")
	h.put(t, "v1/b", "only here")
	h.put(t, "v2/a", "two")
	h.blob(t, "v1/x", "blob one")
	h.SwapPrefixes("v1/", "v2/")
	require.Equal(t, map[string]string{"v1/a": "two", "v2/a": "one", "v2/b": "only here"}, h.seen(t, ""))
	require.Equal(t, "blob one", h.readBlob(t, "v2/x", 0, -1))
	require.Equal(t, []string{"v2/x"}, h.BlobNames(""))
	_, err := h.Blobs().Size(t.Context(), "v1/x")
	require.ErrorIs(t, err, storage.ErrNotFound)
	h.SwapPrefixes("v1/", "v2/")
	require.Equal(t, map[string]string{"v1/a": "one", "v1/b": "only here", "v2/a": "two"}, h.seen(t, ""))
}

func TestALieIsInEveryPage(t *testing.T) {
	t.Parallel()
	h := newHosted()
	want := []string{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		h.put(t, key, key)
	}
	for _, key := range []string{"a", "b", "d"} {
		h.Record(key).Drop()
	}
	for _, key := range []string{"0", "cc", "h", "i"} {
		h.Record(key).Forge([]byte("x"))
	}
	all, err := h.Scan(t.Context(), "", "", 100)
	require.NoError(t, err)
	for _, r := range all {
		want = append(want, r.Key)
	}
	require.Equal(t, []string{"0", "c", "cc", "e", "f", "g", "h", "i"}, want)
	for limit := 1; limit < 9; limit++ {
		got := []string{}
		for after := ""; ; {
			page, err := h.Scan(t.Context(), "", after, limit)
			require.NoError(t, err)
			for _, r := range page {
				got, after = append(got, r.Key), r.Key
			}
			if len(page) < limit {
				break
			}
		}
		require.Equal(t, want, got, "pages of %d", limit)
	}
}

// No check stands against the host: a program that reads a lie and writes after
// it is told that all was well, and what it wrote is there.
func TestNoCheckStandsAgainstTheHost(t *testing.T) {
	t.Parallel()
	change := func(tx *storage.Tx, key string) error {
		r, err := tx.Get(key)
		if err != nil && !isNotFound(err) {
			return err
		}
		tx.Put(key, append(r.Value, '+'))
		return nil
	}
	for name, c := range map[string]struct {
		lie  func(h *hosted)
		want string
	}{
		"older":    {func(h *hosted) { h.Record("a").Replay(1) }, "1+"},
		"dropped":  {func(h *hosted) { h.Record("a").Drop() }, "+"},
		"another":  {func(h *hosted) { h.Record("a").Forge([]byte("x")) }, "x+"},
		"honestly": {func(*hosted) {}, "2+"},
	} {
		h := newHosted()
		h.put(t, "a", "1")
		h.put(t, "a", "2")
		c.lie(h)
		require.NoError(t, h.store.Transact(t.Context(), func(tx *storage.Tx) error { return change(tx, "a") }), name)
		require.Equal(t, map[string]string{"a": c.want}, h.seen(t, ""), name)
		h.Honest()
		require.Equal(t, map[string]string{"a": c.want}, h.seen(t, ""), "%s: what is written over a lie is the truth", name)
	}
	h := newHosted()
	h.Record("new").Forge([]byte("x"))
	require.NoError(t, h.store.Transact(t.Context(), func(tx *storage.Tx) error { return change(tx, "new") }))
	require.Equal(t, map[string]string{"new": "x+"}, h.seen(t, ""))
	require.ErrorIs(t, h.Commit(t.Context(), []storage.Check{{Key: "new", Version: 77}}, nil), storage.ErrConflict, "what it does not lie about, it checks")
	h.Record("new").Forge([]byte("y"))
	require.ErrorIs(t, h.Commit(t.Context(), []storage.Check{{Key: "new", Version: 77}}, nil), storage.ErrConflict, "nor does it believe what it never said")
}

func isNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }

func TestBlobsAreLiedAboutInRanges(t *testing.T) {
	t.Parallel()
	h := newHosted()
	h.blob(t, "b", "0123456789")
	h.Blob("b").Rearrange(4, 2, 0)
	require.Equal(t, "890123", h.readBlob(t, "b", 0, -1))
	require.Equal(t, "012", h.readBlob(t, "b", 2, 3))
	require.Equal(t, "23", h.readBlob(t, "b", 4, 100))
	_, err := h.Blobs().Open(t.Context(), "b", 7, 1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	size, err := h.Blobs().Size(t.Context(), "b")
	require.NoError(t, err)
	require.EqualValues(t, 6, size)

	h.Honest()
	h.Blob("b").EndEarly(4)
	require.Equal(t, "0123", h.readBlob(t, "b", 0, -1))
	size, err = h.Blobs().Size(t.Context(), "b")
	require.NoError(t, err)
	require.EqualValues(t, 10, size, "it does not say so")

	then := h.Now()
	require.NoError(t, h.Blobs().Delete(t.Context(), "b"))
	_, err = h.Blobs().Open(t.Context(), "b", 0, -1)
	require.ErrorIs(t, err, storage.ErrNotFound)
	h.Malicious.Replay("", then)
	require.Equal(t, "0123456789", h.readBlob(t, "b", 0, -1), "a deleted blob is back")
	require.Equal(t, [][]byte{[]byte("0123456789")}, h.Blob("b").Versions())
}

func TestAForkGoesItsOwnWay(t *testing.T) {
	t.Parallel()
	h := newHosted()
	h.put(t, "a", "common")
	h.put(t, "b", "common")
	h.blob(t, "x", "blob")
	h.blob(t, "y", "blob")
	h.Record("b").Forge([]byte("a lie"))
	forked, err := h.Fork(t.Context())
	require.NoError(t, err)
	fork := &hosted{forked, storage.New(forked)}
	h.put(t, "a", "here")
	fork.put(t, "a", "there")
	fork.blob(t, "z", "there only")
	require.NoError(t, fork.Blobs().Delete(t.Context(), "y"))

	require.Equal(t, map[string]string{"a": "here", "b": "a lie"}, h.seen(t, ""))
	require.Equal(t, map[string]string{"a": "there", "b": "a lie"}, fork.seen(t, ""))
	require.Equal(t, "blob", fork.readBlob(t, "x", 0, -1))
	require.Equal(t, []string{"x", "z"}, fork.BlobNames(""))
	require.Equal(t, []string{"x", "y"}, h.BlobNames(""))
	for _, name := range []string{"y", "gone"} {
		_, err = fork.Blobs().Open(t.Context(), name, 0, -1)
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, err = fork.Blobs().Size(t.Context(), name)
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
}

func TestALieAboutNothingIsAMistake(t *testing.T) {
	t.Parallel()
	h := newHosted()
	h.put(t, "a", "abc")
	for name, lie := range map[string]func(){
		"flip":      func() { h.Record("gone").Flip(0) },
		"flip far":  func() { h.Record("a").Flip(8 * 3) },
		"cut":       func() { h.Record("gone").Cut(0) },
		"cut far":   func() { h.Record("a").Cut(4) },
		"append":    func() { h.Record("gone").Append([]byte("x")) },
		"splice":    func() { h.Record("a").Splice(2, []byte("xy")) },
		"rearrange": func() { h.Record("a").Rearrange(2, 2) },
		"end early": func() { h.Blob("gone").EndEarly(0) },
	} {
		require.Panics(t, lie, name)
	}
	require.Equal(t, map[string]string{"a": "abc"}, h.seen(t, ""))
}
