package storagetest

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkNothingBeforeClose(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	for _, size := range []int{0, 100, 1 << 20} {
		for _, declared := range []int64{int64(size), -1} {
			content := someBytes("unseen", size)
			w, err := b.Create(t.Context(), "blob", declared)
			require.NoError(t, err)
			requireNoBlob(t, b, "blob")
			for rest := content; len(rest) > 0; {
				n := min(len(rest), 100_000)
				_, err := w.Write(rest[:n])
				require.NoError(t, err)
				rest = rest[n:]
				requireNoBlob(t, b, "blob")
			}
			require.NoError(t, w.Close())
			requireBlob(t, b, "blob", content)
			require.NoError(t, b.Delete(t.Context(), "blob"))
		}
	}
}

// checkAppearsWhole reads while the writer closes.
func checkAppearsWhole(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	ctx := t.Context()
	for round := range sized(20, 60) {
		name := numbered("b", round)
		content := someBytes(name, 200_000)
		var acknowledged, failed atomic.Bool
		together(t, 3, func(i int) error {
			if i == 0 {
				err := sendBlob(ctx, b, name, -1, content, 50_000)
				failed.Store(err != nil)
				acknowledged.Store(err == nil)
				return err
			}
			for seen := false; !failed.Load(); {
				mustBeThere := seen || acknowledged.Load()
				there, err := wholeOrAbsent(ctx, b, name, content)
				if err != nil {
					return err
				}
				if mustBeThere && !there {
					return fmt.Errorf("%s is gone after it was there", name)
				}
				if mustBeThere {
					return nil
				}
				seen = there
			}
			return nil
		})
	}
}

func checkAbort(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	for name, content := range map[string][]byte{"nothing": nil, "some": someBytes("some", 100), "much": someBytes("much", 6<<20)} {
		for _, declared := range []int64{-1, int64(len(content)), int64(len(content)) + 1} {
			w, err := b.Create(t.Context(), name, declared)
			require.NoError(t, err)
			_, err = w.Write(content)
			require.NoError(t, err)
			w.Abort()
			requireNameIsFree(t, b, name)
			w.Abort()
			require.Error(t, w.Close(), "an aborted blob cannot be closed")
			requireNameIsFree(t, b, name)
		}
	}
}

func checkEndedWriter(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("kept", 1000)
	w, err := b.Create(t.Context(), "kept", -1)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	w.Abort()
	requireBlob(t, b, "kept", content)
	_, err = w.Write([]byte("more"))
	require.Error(t, err, "write after close")
	require.Error(t, w.Close(), "close after close")
	w.Abort()
	requireBlob(t, b, "kept", content)

	w, err = b.Create(t.Context(), "aborted", -1)
	require.NoError(t, err)
	w.Abort()
	_, err = w.Write([]byte("more"))
	require.Error(t, err, "write after abort")
	requireNameIsFree(t, b, "aborted")
}

// checkDeclaredLength includes the way in which uploads break: the reader that
// is copied from fails half-way, and the caller closes all the same.
func checkDeclaredLength(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("length", 300_000)
	size := int64(len(content))
	for _, declared := range []int64{size + 1, size * 2, 6 << 20, 1 << 40, 1, 0, size - 1, size / 2} {
		for _, piece := range []int{100_000, 300_000} {
			err := sendBlob(t.Context(), b, "blob", declared, content, piece)
			require.ErrorIs(t, err, storage.ErrIncomplete, "%d bytes instead of %d", size, declared)
			requireNameIsFree(t, b, "blob")
		}
	}
	for _, declared := range []int64{1, size * 2} {
		w, err := b.Create(t.Context(), "blob", declared)
		require.NoError(t, err)
		require.ErrorIs(t, w.Close(), storage.ErrIncomplete, "nothing instead of %d", declared)
		requireNameIsFree(t, b, "blob")
	}

	w, err := b.Create(t.Context(), "blob", size)
	require.NoError(t, err)
	broken := errors.New("the caller's reader broke")
	_, err = io.Copy(w, io.MultiReader(io.LimitReader(bytesOf("length"), 100_000), failingReader{broken}))
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, w.Close(), storage.ErrIncomplete)
	requireNameIsFree(t, b, "blob")

	// What did not fit is refused at Write or at Close; either way nothing is kept,
	// also if the caller did not look at the error of Write.
	w, err = b.Create(t.Context(), "blob", 10)
	require.NoError(t, err)
	_, err = w.Write(content[:10])
	require.NoError(t, err)
	_, _ = w.Write(content[10:11])
	require.ErrorIs(t, w.Close(), storage.ErrIncomplete)
	requireNameIsFree(t, b, "blob")
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
