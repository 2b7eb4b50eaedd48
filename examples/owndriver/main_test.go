package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage/storagetest"
)

func TestExampleRunsVaultsOnADatabaseOfOnesOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), dir, &out))
	require.Equal(t, "kept in bbolt, and read again: a scan, of any length\n", out.String())
	leaks, err := storagetest.ScanFolder(dir, []byte("Birth certificate"), []byte("a scan, of any length"), []byte("four words to keep"))
	require.NoError(t, err)
	require.Empty(t, leaks)

	out.Reset()
	require.NoError(t, run(t.Context(), dir, &out), "what is there already is opened, and a second vault made beside the first")
}
