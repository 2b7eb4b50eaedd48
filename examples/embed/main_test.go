package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExampleKeepsAPaperAndTakesItOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "everything.zip"))
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), filepath.Join(dir, "data"), out))
	require.NoError(t, out.Close())
	z, err := zip.OpenReader(out.Name())
	require.NoError(t, err)
	defer z.Close()
	_, err = z.Open("reconnect/data/documents/private/Birth certificate.txt")
	require.NoError(t, err)
}
