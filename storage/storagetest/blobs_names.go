package storagetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkBlobNames(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	long := strings.Repeat("0123456789abcdef", storage.MaxKey/16)
	names := []string{
		"a", "b", "a/b", "a/b/c", "a-b", "a_b", "ab", "a--b", "a/-/b", "-", "_", "--", "0", "00", "-/_", "_/-",
		"con", "nul", "tmp", "lock", "format", "tmp/x", "index", "1e1", "a-2fb", "a2fb",
		long, long[:storage.MaxKey-1], long[:255], long[:256], "x" + long[:storage.MaxKey-1],
		strings.Repeat("d/", storage.MaxKey/2-1) + "d", strings.Repeat("d/", storage.MaxKey/2-1) + "ee",
	}
	for _, name := range names {
		putBlob(t, b, name, []byte("content of "+name))
	}
	for i, name := range names {
		for _, later := range names[i:] {
			requireBlob(t, b, later, []byte("content of "+later))
		}
		require.NoError(t, b.Delete(t.Context(), name))
		requireNoBlob(t, b, name)
	}
}

func checkBadBlobNames(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	putBlob(t, b, "a", []byte("a"))
	putBlob(t, b, "b/a", []byte("b/a"))
	for _, name := range []string{
		"", ".", "..", "/", "//", "/a", "a/", "b//a", "./a", "b/./a", "../a", "b/../a", "b/..", "/etc/passwd", "a.b",
		"A", "B/a", "ä", "a b", " a", "a\n", "a\x00", "a\x00b", "b\\a", "..\\a", "c:a", "a*", "a?", "a%2fb", "%2e%2e", "a+b", "~a", "$a", "a:b",
		"\u202ea", "\xff", strings.Repeat("a", storage.MaxKey+1), strings.Repeat("a", 1<<20),
	} {
		_, err := b.Create(t.Context(), name, 1)
		require.ErrorIs(t, err, storage.ErrInvalid, "create %.40q", name)
		_, err = b.Open(t.Context(), name, 0, -1)
		require.ErrorIs(t, err, storage.ErrInvalid, "open %.40q", name)
		_, err = b.Size(t.Context(), name)
		require.ErrorIs(t, err, storage.ErrInvalid, "size of %.40q", name)
		require.ErrorIs(t, b.Delete(t.Context(), name), storage.ErrInvalid, "delete %.40q", name)
	}
	requireBlob(t, b, "a", []byte("a"))
	requireBlob(t, b, "b/a", []byte("b/a"))
}
