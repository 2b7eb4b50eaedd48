package postgresstore_test

import (
	"sync/atomic"
	"testing"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/storagetest"
)

// With RECONNECT_TEST_ALL=1 every other place is reached through a pooler that
// changes the session after every transaction.
func TestRecordsKeepTheContract(t *testing.T) {
	t.Parallel()
	var places atomic.Int64
	storagetest.Run(t, storagetest.Harness{
		Place: func(t testing.TB) func() (storage.Driver, error) {
			place := testservices.Postgres
			if places.Add(1)%2 == 0 && sized(0, 1) == 1 {
				place = pooled
			}
			url := place(t)
			return func() (storage.Driver, error) { return postgresstore.Open(t.Context(), url) }
		},
	})
}
