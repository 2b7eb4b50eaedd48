package filestore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.RunBlobs(t, storagetest.BlobsHarness{
		Place: func(t testing.TB) func() (storage.Blobs, error) {
			dir := t.TempDir()
			return func() (storage.Blobs, error) { return Open(dir, nil) }
		},
	})
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	var dir string
	storagetest.RunBlobsKill(t, func(t testing.TB) string {
		dir = t.TempDir()
		return "file://" + filepath.ToSlash(dir)
	})
	left, err := os.ReadDir(filepath.Join(dir, tempFolder))
	require.NoError(t, err)
	require.Empty(t, left, "what killed writers left is gone")
}
