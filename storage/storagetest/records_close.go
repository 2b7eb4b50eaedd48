package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkClosed(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "a", "1")
	require.NoError(t, d.Close())
	_, err := d.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = d.Scan(t.Context(), "", "", 10)
	require.ErrorIs(t, err, storage.ErrClosed)
	require.ErrorIs(t, d.Commit(t.Context(), nil, puts("a", "2")), storage.ErrClosed)
	require.ErrorIs(t, d.Commit(t.Context(), nil, nil), storage.ErrClosed)
	require.NoError(t, d.Close(), "a second Close does nothing")
}

func checkReopen(t testing.TB, h Harness) {
	open := h.Place(t)
	d := opened(t, open)
	want := map[string]string{}
	for i := range 120 {
		key := numbered("k", i)
		want[key] = numbered("value", i)
		put(t, d, key, "first")
		put(t, d, key, want[key])
	}
	for i := 0; i < 120; i += 7 {
		remove(t, d, numbered("k", i))
		delete(want, numbered("k", i))
	}
	kept := get(t, d, numbered("k", 1))
	require.NoError(t, d.Close())

	for range 2 {
		d = opened(t, open)
		requireOrder(t, d, want)
		require.Equal(t, kept, get(t, d, kept.Key), "the version survives")
		require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: kept.Key, Version: kept.Version}}, nil))
		require.NoError(t, d.Close())
	}
}

// checkReopenedVersions deletes the record with the highest version before it
// closes: a driver that looks for the highest version it finds gives it again.
func checkReopenedVersions(t testing.TB, h Harness) {
	open := h.Place(t)
	seen := map[storage.Version]bool{}
	for range 5 {
		d := opened(t, open)
		for range 3 {
			put(t, d, "a", "same")
			version := get(t, d, "a").Version
			require.False(t, seen[version], "version %d was given twice", version)
			seen[version] = true
		}
		remove(t, d, "a")
		require.NoError(t, d.Close())
	}
}

// checkCloseUnderLoad closes while others write.
func checkCloseUnderLoad(t testing.TB, h Harness) {
	open := h.Place(t)
	d := opened(t, open)
	const writers = 4
	acknowledged := make([]int, writers)
	var commits atomic.Int64
	enough, once := make(chan struct{}), sync.Once{}
	together(t, writers+1, func(writer int) error {
		if writer == writers {
			<-enough
			return d.Close()
		}
		for i := 0; ; i++ {
			err := d.Commit(t.Context(), nil, puts(numbered(fmt.Sprintf("w%d/", writer), i), "v"))
			if err != nil || commits.Add(1) == 40 {
				once.Do(func() { close(enough) })
			}
			if errors.Is(err, storage.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			acknowledged[writer] = i + 1
		}
	})
	d = opened(t, open)
	for writer, n := range acknowledged {
		for i := range n {
			get(t, d, numbered(fmt.Sprintf("w%d/", writer), i))
		}
		requireAbsent(t, d, numbered(fmt.Sprintf("w%d/", writer), n)) // the one that answered ErrClosed
	}
}
