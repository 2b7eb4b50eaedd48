package testservices

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

func TestBucketsHeedConditionsAlsoInParts(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"gofakes3": S3, "minio": MinIO} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, bucket := S3Client(t, start(t))
			put := func() error {
				_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: &bucket, Key: aws.String("key"), Body: bytes.NewReader([]byte("whole")), IfNoneMatch: aws.String("*"),
				})
				return err
			}
			require.NoError(t, inParts(t, client, bucket, "*"))
			require.Equal(t, "PreconditionFailed", code(inParts(t, client, bucket, "*")))
			require.Equal(t, "PreconditionFailed", code(put()))
			require.NoError(t, inParts(t, client, bucket, ""))
			_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("key")})
			require.NoError(t, err)
			require.NoError(t, put())
			require.Equal(t, "PreconditionFailed", code(inParts(t, client, bucket, "*")))
		})
	}
}

// inParts uploads "key" in one part.
func inParts(t *testing.T, client *s3.Client, bucket, condition string) error {
	upload, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("key")})
	require.NoError(t, err)
	part, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &bucket, Key: aws.String("key"), UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte("part")),
	})
	require.NoError(t, err)
	complete := &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: aws.String("key"), UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	}
	if condition != "" {
		complete.IfNoneMatch = &condition
	}
	_, err = client.CompleteMultipartUpload(t.Context(), complete)
	return err
}

func code(err error) string {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

func TestKilledMinIOComesBackWithWhatItHad(t *testing.T) {
	t.Parallel()
	server := StartMinIO(t)
	rawURL := server.Bucket(t)
	client, bucket := S3Client(t, rawURL)
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("key"), Body: strings.NewReader("kept")})
	require.NoError(t, err)
	server.Kill()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	_, err = http.Get(u.Query().Get("endpoint"))
	require.Error(t, err, "a killed server does not answer")
	server.Restart(t)
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("key")})
	require.NoError(t, err)
	require.EqualValues(t, 4, *head.ContentLength)
	_, err = os.Stat(filepath.Join(server.Folder(), bucket))
	require.NoError(t, err)
}
