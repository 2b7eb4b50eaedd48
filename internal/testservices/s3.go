package testservices

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

// Credentials of every bucket of this package.
const (
	s3User     = "reconnect-test"
	s3Password = "reconnect-test-secret"
	s3Region   = "us-east-1"
)

// S3 starts an S3 server inside this process, which keeps everything in memory
// and ends with the test, and returns the "s3://" URL of a new bucket. The
// credentials are in the environment from then on, also for child processes.
func S3(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(S3Handler("vault"))
	t.Cleanup(server.Close)
	return S3URL("vault", server.URL)
}

// S3Handler is such a server with one empty bucket, to stand behind a proxy.
func S3Handler(bucket string) http.Handler {
	setS3Credentials()
	backend := &conditionalBackend{Backend: s3mem.New()}
	if err := backend.CreateBucket(bucket); err != nil {
		panic("testservices: " + err.Error()) // for a name that no bucket can have
	}
	inner := gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0)).Server()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			backend.complete(r.Header.Get("If-None-Match"), func() { inner.ServeHTTP(w, r) })
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// S3URL is the URL of a bucket at an endpoint such as "http://127.0.0.1:9000".
func S3URL(bucket, endpoint string) string {
	return "s3://" + bucket + "?" + url.Values{
		"endpoint": {endpoint}, "hostname_immutable": {"true"}, "use_path_style": {"true"}, "region": {s3Region}, "disable_https": {"true"},
	}.Encode()
}

// S3Client speaks to a bucket without the project's driver, to see and to spoil
// what lies in it. It returns the bucket's name too.
func S3Client(t testing.TB, rawURL string) (client *s3.Client, bucket string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(u.Query().Get("endpoint")),
		Region:       s3Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s3User, s3Password, ""),
	}), u.Host
}

// setS3Credentials names the same ones for every test of the process, since
// t.Setenv refuses tests that run in parallel. Nothing of the machine's own
// configuration is looked at.
var setS3Credentials = sync.OnceFunc(func() {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": s3User, "AWS_SECRET_ACCESS_KEY": s3Password, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic("testservices: " + err.Error())
		}
	}
})

// conditionalBackend adds what gofakes3 v1.2.0 leaves out and S3 does: that the
// end of an upload in parts heeds If-None-Match.
type conditionalBackend struct {
	gofakes3.Backend
	mu        sync.Mutex // one upload in parts ends at a time
	condition string     // If-None-Match of that one
}

func (b *conditionalBackend) complete(condition string, serve func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.condition = condition
	serve()
}

func (b *conditionalBackend) PutObject(bucket, key string, meta map[string]string, input io.Reader, size int64,
	conditions *gofakes3.PutConditions,
) (gofakes3.PutObjectResult, error) {
	// Only the end of an upload in parts comes with all bytes at hand, and then
	// complete holds the lock.
	if _, parts := input.(*bytes.Reader); parts && conditions == nil && b.condition != "" {
		conditions = &gofakes3.PutConditions{IfNoneMatch: aws.String(b.condition)}
	}
	return b.Backend.PutObject(bucket, key, meta, input, size, conditions)
}

// newBucket makes a bucket on a server that this package started.
func newBucket(t testing.TB, endpoint, name string) string {
	t.Helper()
	rawURL := S3URL(name, endpoint)
	client, bucket := S3Client(t, rawURL)
	_, err := client.CreateBucket(context.WithoutCancel(t.Context()), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	return rawURL
}

// needs skips a test that this machine cannot run, but not where all must run.
func needs(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		t.Fatal("this test needs " + what)
	}
	t.Skip("this test needs " + what)
}
