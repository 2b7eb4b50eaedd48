package s3bucket_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"sync"
	"testing"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	_ "reconnect.example/storage/bucket/s3bucket"
	"reconnect.example/storage/storagetest"
)

// TestMain reads what libraries write to the program's log meanwhile.
func TestMain(m *testing.M) {
	said := &logbook{}
	log.SetOutput(said)
	code := m.Run()
	for _, secret := range []string{"secret-name", "0f3a", "Signature="} {
		if bytes.Contains(said.text.Bytes(), []byte(secret)) {
			fmt.Fprintf(os.Stderr, "the log holds %q:\n%s", secret, said.text.Bytes())
			code = 1
		}
	}
	os.Exit(code)
}

type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

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
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("takes long; set RECONNECT_TEST_ALL=1")
	}
	storagetest.RunBlobsKill(t, testservices.MinIO)
}
