package s3bucket_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// What the package comment says about cost.
func TestCallsAreThoseThatAreDocumented(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	var mu sync.Mutex
	var calls []string
	p.begin(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		mu.Lock()
		calls = append(calls, r.Method)
		mu.Unlock()
		next.ServeHTTP(w, r)
	})
	var b storage.Blobs
	for _, example := range []struct {
		what string
		do   func() error
		want int
	}{
		{"the first opening", func() error { b = p.open(t); return nil }, 7},
		{"a later opening", func() error { b = p.open(t); return nil }, 5},
		{"upload", func() error { return send(t.Context(), b, "small", bytesOf(5<<20-1)) }, 2},
		{"longer upload", func() error { return send(t.Context(), b, "big", bytesOf(12<<20)) }, 3 + 3},
		{"download", func() error { _, err := read(t.Context(), b, "big"); return err }, 2},
		{"length", func() error { _, err := b.Size(t.Context(), "big"); return err }, 1},
		{"deletion", func() error { return b.Delete(t.Context(), "big") }, 2},
		{"what is not there", func() error {
			_, err := b.Size(t.Context(), "big")
			require.ErrorIs(t, err, storage.ErrNotFound)
			return nil
		}, 1 + 1},
	} {
		calls = nil
		require.NoError(t, example.do(), example.what)
		require.Len(t, calls, example.want, "%s: %v", example.what, calls)
	}
}

// A real server gives the rights of the documented policy to everybody, and
// nobody in particular then does all that a store does.
func TestDocumentedPolicyIsEnough(t *testing.T) {
	t.Parallel()
	url := testservices.MinIO(t)
	client, bucket := testservices.S3Client(t, url)
	policy := documentedPolicy(t, bucket)
	_, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy})
	require.NoError(t, err)

	b := opened(t, url+"&anonymous=true")
	_, err = b.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrNotFound)
	for _, length := range []int{0, 1000, 11 << 20} {
		content := bytesOf(length)
		require.NoError(t, send(t.Context(), b, name, content))
		requireTrue(t, nil, b, name, content)
		require.ErrorIs(t, send(t.Context(), b, name, content), storage.ErrExists)
		require.NoError(t, b.Delete(t.Context(), name))
	}
	list, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: aws.String(name)})
	require.NoError(t, err)
	require.Empty(t, list.Uploads, "the rights include removing parts")
}

// documentedPolicy is the one of docs/drivers.md, for everybody.
func documentedPolicy(t *testing.T, bucket string) string {
	text, err := os.ReadFile("../../../docs/drivers.md")
	require.NoError(t, err)
	_, policy, found := strings.Cut(string(text), "```json\n{\n  \"Version\"")
	require.True(t, found)
	policy, _, found = strings.Cut("{\n  \"Version\""+policy, "```")
	require.True(t, found)
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(policy, "BUCKET", bucket)), &document))
	for _, statement := range document["Statement"].([]any) {
		statement.(map[string]any)["Principal"] = map[string]any{"AWS": []string{"*"}}
	}
	forEverybody, err := json.Marshal(document)
	require.NoError(t, err)
	return string(forEverybody)
}

// Tools that copy buckets may drop metadata.
func TestCopiedObjectIsABlob(t *testing.T) {
	t.Parallel()
	url := testservices.S3(t)
	b := opened(t, url)
	client, bucket := testservices.S3Client(t, url)
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(name), Body: strings.NewReader("restored")})
	require.NoError(t, err)
	requireTrue(t, nil, b, name, []byte("restored"))
	require.ErrorIs(t, send(t.Context(), b, name, []byte("restored")), storage.ErrExists)
	require.NoError(t, b.Delete(t.Context(), name))
	_, err = b.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrNotFound)
}
