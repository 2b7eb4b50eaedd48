package s3bucket_test

import (
	"testing"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	_ "reconnect.example/storage/bucket/s3bucket"
	"reconnect.example/storage/storagetest"
)

// The server in this process keeps its blobs in the memory that the suite would
// measure, so that the two checks on memory are left to MinIO.
func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobs(t, storagetest.BlobsHarness{Place: place(testservices.S3), Volatile: true})
}

func TestContractOnMinIO(t *testing.T) {
	storagetest.RunBlobs(t, storagetest.BlobsHarness{Place: place(testservices.MinIO)})
}

func place(start func(testing.TB) string) func(t testing.TB) func() (storage.Blobs, error) {
	return func(t testing.TB) func() (storage.Blobs, error) {
		url := start(t)
		return func() (storage.Blobs, error) { return storage.OpenBlobs(t.Context(), url) }
	}
}

func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobsKill(t, testservices.S3)
}

func TestKilledWriterLosesNothingAcknowledgedOnMinIO(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobsKill(t, testservices.MinIO)
}
