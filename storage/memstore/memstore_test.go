package memstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestRecordsKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(testing.TB) func() (storage.Driver, error) {
			return func() (storage.Driver, error) { return memstore.New(), nil }
		},
		Volatile: true,
	})
}

func TestBlobsKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobs(t, storagetest.BlobsHarness{
		Place: func(testing.TB) func() (storage.Blobs, error) {
			return func() (storage.Blobs, error) { return memstore.NewBlobs(), nil }
		},
		Volatile: true,
	})
}

func TestEveryOpeningIsANewStore(t *testing.T) {
	t.Parallel()
	first, err := storage.Open(t.Context(), "mem://")
	require.NoError(t, err)
	require.NoError(t, first.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("a", nil)
		return nil
	}))
	second, err := storage.Open(t.Context(), "mem://")
	require.NoError(t, err)
	_, err = second.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
	_, err = storage.OpenBlobs(t.Context(), "mem://")
	require.NoError(t, err)
}

func TestURLWithANameIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"mem://name", "mem:///path", "mem://?shared=true", "mem:name"} {
		_, err := storage.Open(t.Context(), url)
		require.ErrorIs(t, err, storage.ErrInvalid, url)
		_, err = storage.OpenBlobs(t.Context(), url)
		require.ErrorIs(t, err, storage.ErrInvalid, url)
	}
}
