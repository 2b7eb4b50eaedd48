package storagetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func isNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }

func checkLifeOfABlob(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	requireNoBlob(t, b, "v/b/1")
	require.NoError(t, b.Delete(t.Context(), "v/b/1"), "deleting what is not there is no error")

	first, second := someBytes("first", 1000), someBytes("second", 2000)
	putBlob(t, b, "v/b/1", first)
	putBlob(t, b, "v/b/2", second)
	for range 2 {
		requireBlob(t, b, "v/b/1", first)
		requireBlob(t, b, "v/b/2", second)
	}
	require.NoError(t, b.Delete(t.Context(), "v/b/1"))
	requireNoBlob(t, b, "v/b/1")
	requireBlob(t, b, "v/b/2", second)
	require.NoError(t, b.Delete(t.Context(), "v/b/1"), "nor is deleting again")

	putBlob(t, b, "v/b/1", second)
	requireBlob(t, b, "v/b/1", second)
}

// checkBlobContents takes the lengths around which buffers, blocks and parts of
// uploads end, and pieces that do not divide them.
func checkBlobContents(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	for i, size := range []int{0, 1, 511, 4096, 32<<10 - 1, 64<<10 + 1, 256 << 10, 256<<10 + 1, 1 << 20, 5<<20 + 1} {
		content := someBytes(fmt.Sprint("content ", size), size)
		for _, declared := range []int64{int64(size), -1} {
			for _, piece := range []int{997, 64 << 10, 256 << 10} {
				if piece == 997 && size > 64<<10+1 {
					continue
				}
				name := fmt.Sprintf("b/%d/%d/%d", i, piece, declared&1)
				if declared < 0 {
					name += "/open"
				}
				require.NoError(t, sendBlob(t.Context(), b, name, declared, content, piece), name)
				requireBlob(t, b, name, content)
			}
		}
	}
	zeros := make([]byte, 100_000)
	putBlob(t, b, "zeros", zeros)
	requireBlob(t, b, "zeros", zeros)

	w, err := b.Create(t.Context(), "empty-writes", 2)
	require.NoError(t, err)
	for _, piece := range []string{"", "a", "", "b", ""} {
		n, err := w.Write([]byte(piece))
		require.NoError(t, err)
		require.Equal(t, len(piece), n)
	}
	require.NoError(t, w.Close())
	requireBlob(t, b, "empty-writes", []byte("ab"))
}

func checkRanges(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("ranges", 300_000)
	size := int64(len(content))
	putBlob(t, b, "blob", content)
	putBlob(t, b, "empty", nil)
	edges := []int64{0, 1, 2, 4095, 4096, size / 2, size - 2, size - 1, size}
	lengths := append(edges, -1, math.MinInt64, size+1, math.MaxInt64)
	for _, offset := range edges {
		for _, length := range lengths {
			end := size
			if length >= 0 && length < size-offset {
				end = offset + length
			}
			have, err := readRange(t.Context(), b, "blob", offset, length)
			require.NoError(t, err, "%d bytes from %d", length, offset)
			requireValue(t, content[offset:end], have, fmt.Sprintf("%d bytes from %d", length, offset))
		}
	}
	for _, length := range []int64{-1, 0, 1} {
		have, err := readRange(t.Context(), b, "empty", 0, length)
		require.NoError(t, err)
		require.Empty(t, have)
		for name, offsets := range map[string][]int64{"blob": {-1, math.MinInt64, size + 1, math.MaxInt64}, "empty": {-1, 1}} {
			for _, offset := range offsets {
				_, err := b.Open(t.Context(), name, offset, length)
				require.ErrorIs(t, err, storage.ErrInvalid, "%d bytes from %d of %s", length, offset, name)
			}
		}
	}
	r, err := b.Open(t.Context(), "blob", 1000, 5000)
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(r, content[1000:6000]))
	require.NoError(t, r.Close())
	r, err = b.Open(t.Context(), "blob", 0, -1)
	require.NoError(t, err)
	require.NoError(t, r.Close(), "a reader may be closed before its end")
}

func checkManyReaders(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("read by many", 500_000)
	putBlob(t, b, "blob", content)
	ctx := t.Context()
	readers := make([]io.ReadCloser, 5)
	for i := range readers {
		var err error
		readers[i], err = b.Open(ctx, "blob", int64(i)*1000, -1)
		require.NoError(t, err)
	}
	piece := make([]byte, 100)
	for turn := range 30 {
		for i, r := range readers {
			_, err := io.ReadFull(r, piece)
			require.NoError(t, err)
			requireValue(t, content[i*1000+turn*100:][:100], piece, "a reader among others")
		}
	}
	for _, r := range readers {
		require.NoError(t, r.Close())
	}
	together(t, 16, func(i int) error {
		for j := range 20 {
			offset := int64(i*20+j) * 1000
			have, err := readRange(ctx, b, "blob", offset, 100_000)
			if err != nil {
				return err
			}
			if string(have) != string(content[offset:offset+100_000]) {
				return fmt.Errorf("wrong bytes from %d", offset)
			}
		}
		return nil
	})
}

const bigBlob = 64 << 20

// checkBigBlob allows half the blob: the parts that an upload over a network
// keeps for repeating them, and what else the process does meanwhile.
func checkBigBlob(t testing.TB, h BlobsHarness) {
	const allowed = bigBlob / 2
	b := h.open(t)
	start := heap()
	require.NoError(t, sendBigBlob(t.Context(), b, func() {
		require.Less(t, heap(), start+allowed, "memory while writing")
	}))

	r, err := b.Open(t.Context(), "big", 0, -1)
	require.NoError(t, err)
	defer r.Close()
	have, want := sha256.New(), sha256.New()
	_, err = io.CopyN(want, bytesOf("big"), bigBlob)
	require.NoError(t, err)
	for range 4 {
		_, err = io.CopyN(have, r, bigBlob/4)
		require.NoError(t, err)
		require.Less(t, heap(), start+allowed, "memory while reading")
	}
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.Equal(t, want.Sum(nil), have.Sum(nil))
	require.NoError(t, b.Delete(t.Context(), "big"))
}

func sendBigBlob(ctx context.Context, b storage.Blobs, each func()) error {
	w, err := b.Create(ctx, "big", bigBlob)
	if err != nil {
		return err
	}
	defer w.Abort()
	content := bytesOf("big")
	for range 8 {
		if _, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(content, bigBlob/8), make([]byte, 256<<10)); err != nil {
			return err
		}
		each()
	}
	return w.Close()
}

// heap is what is still in use after a collection, in bytes.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
