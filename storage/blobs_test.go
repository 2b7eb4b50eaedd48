package storage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func TestBlobNamesThatCouldLeaveTheStoreAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a", "7", "-", "_", "a/b", "a/b/c-d_e", strings.Repeat("a", storage.MaxKey), "a/" + strings.Repeat("b", storage.MaxKey-2),
	} {
		require.NoError(t, storage.CheckBlobName(name), "%q", name)
	}
	for _, name := range []string{
		"", ".", "..", "/", "//", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a.b", "A", "é", "a b", "a\x00", "a\\b", "a\n",
		"~", "+", "%2e%2e", "c:", strings.Repeat("a", storage.MaxKey+1),
	} {
		require.ErrorIs(t, storage.CheckBlobName(name), storage.ErrInvalid, "%q", name)
	}
}
