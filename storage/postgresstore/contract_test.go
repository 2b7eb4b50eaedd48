package postgresstore_test

import (
	"testing"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/storagetest"
)

func TestRecordsKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(t testing.TB) func() (storage.Driver, error) {
			url := testservices.Postgres(t)
			return func() (storage.Driver, error) { return postgresstore.Open(t.Context(), url) }
		},
	})
}
