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

func checkClosedBlobs(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	putBlob(t, b, "blob", []byte("content"))
	require.NoError(t, b.Close())
	_, err := b.Create(t.Context(), "new", 1)
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = b.Open(t.Context(), "blob", 0, -1)
	require.ErrorIs(t, err, storage.ErrClosed)
	_, err = b.Size(t.Context(), "blob")
	require.ErrorIs(t, err, storage.ErrClosed)
	require.ErrorIs(t, b.Delete(t.Context(), "blob"), storage.ErrClosed)
	require.NoError(t, b.Close(), "a second Close does nothing")
}

func checkWriterOfClosedStore(t testing.TB, h BlobsHarness) {
	open := h.Place(t)
	b := openedBlobs(t, open)
	writers := map[string]storage.BlobWriter{}
	for _, name := range []string{"closed", "written", "aborted"} {
		w, err := b.Create(t.Context(), name, -1)
		require.NoError(t, err)
		_, err = w.Write(someBytes(name, 100_000))
		require.NoError(t, err)
		writers[name] = w
	}
	require.NoError(t, b.Close())
	_, err := writers["written"].Write([]byte("more"))
	require.ErrorIs(t, err, storage.ErrClosed)
	require.ErrorIs(t, writers["closed"].Close(), storage.ErrClosed)
	for _, w := range writers {
		w.Abort()
	}
	b = openedBlobs(t, open)
	for name := range writers {
		requireNameIsFree(t, b, name)
	}
}

// checkCloseUnderWriters closes while others write.
func checkCloseUnderWriters(t testing.TB, h BlobsHarness) {
	open := h.Place(t)
	b := openedBlobs(t, open)
	ctx := t.Context()
	const writers = 4
	acknowledged := make([]int, writers)
	enough := make(chan struct{})
	var written atomic.Int64
	var once sync.Once
	together(t, writers+1, func(writer int) error {
		if writer == writers {
			<-enough
			return b.Close()
		}
		for i := 0; ; i++ {
			name := numbered(fmt.Sprintf("w%d/", writer), i)
			err := sendBlob(ctx, b, name, -1, someBytes(name, 5000), 1000)
			if err != nil || written.Add(1) >= 40 {
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
	b = openedBlobs(t, open)
	for writer, n := range acknowledged {
		for i := range n {
			name := numbered(fmt.Sprintf("w%d/", writer), i)
			requireBlob(t, b, name, someBytes(name, 5000))
		}
		requireNoBlob(t, b, numbered(fmt.Sprintf("w%d/", writer), n)) // the one that answered ErrClosed
	}
}

func checkReopenBlobs(t testing.TB, h BlobsHarness) {
	open := h.Place(t)
	kept := map[string][]byte{}
	var gone []string
	for round := range 4 {
		b := openedBlobs(t, open)
		for name, content := range kept {
			requireBlob(t, b, name, content)
			require.ErrorIs(t, sendBlob(t.Context(), b, name, -1, []byte("other"), 10), storage.ErrExists)
		}
		for _, name := range gone {
			requireNoBlob(t, b, name)
		}
		for i := range 6 {
			name := fmt.Sprintf("r%d/%d", round, i)
			kept[name] = someBytes(name, i*30_000)
			putBlob(t, b, name, kept[name])
		}
		deleted := fmt.Sprintf("r%d/0", round)
		require.NoError(t, b.Delete(t.Context(), deleted))
		delete(kept, deleted)
		w, err := b.Create(t.Context(), fmt.Sprintf("r%d/open", round), -1)
		require.NoError(t, err)
		_, err = w.Write([]byte("never closed"))
		require.NoError(t, err)
		gone = append(gone, deleted, fmt.Sprintf("r%d/open", round))
		require.NoError(t, b.Close())
		w.Abort()
	}
}
