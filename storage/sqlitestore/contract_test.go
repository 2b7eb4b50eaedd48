package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/storage/storagetest"
)

func TestRecordsKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(t testing.TB) func() (storage.Driver, error) {
			path := filepath.Join(t.TempDir(), "records.db")
			return func() (storage.Driver, error) { return sqlitestore.Open(t.Context(), path, nil) }
		},
	})
}
