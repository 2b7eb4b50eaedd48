// Package s3bucket keeps blobs in a bucket of Amazon S3, or of a service that
// speaks its language, such as MinIO, Ceph or the object storage of a host in
// your country. How blobs lie in a bucket, what a call costs and how to make the
// bucket: see package bucket, of which this is the part that knows S3.
//
// It is registered as "s3":
//
//	import _ "reconnect.example/storage/bucket/s3bucket"
//
//	blobs, err := storage.OpenBlobs(ctx, "s3://vault?region=eu-west-3&prefix=blobs/")
//	blobs, err := storage.OpenBlobs(ctx, "s3://vault?endpoint=https://s3.example.org&hostname_immutable=true&use_path_style=true&region=us-east-1")
//
// The options are those of [gocloud.dev/blob/s3blob.URLOpener]; with a service
// that does not know the newer checksums, request_checksum_calculation=when_required.
// Credentials come from where the AWS SDK looks: environment, profile, role of
// the machine.
//
// # Uploads
//
// A blob below 5 MiB is one PutObject; a longer one is sent in parts of 5 MiB,
// two at a time, which take 20 MiB of memory, and becomes visible, whole, with
// the request that completes it. Both carry If-None-Match, so that no object is
// ever replaced. A blob has at most 10,000 parts, 48 GiB.
//
// Parts of an upload that failed, was cancelled or aborted are removed at once.
// Those of a process that was killed stay, invisible and paid for, until a
// lifecycle rule of the bucket removes them; nobody else can tell them from
// uploads of another process that is still at work.
//
// # What is proved when it is opened
//
// That the service heeds If-None-Match for both kinds of uploads. Some do so
// only for the first, and some for neither: they are refused with ErrInvalid,
// since of two writers of one name both would be told that they had won.
package s3bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	_ "gocloud.dev/blob/s3blob" // registers "s3" with gocloud

	"reconnect.example/storage"
	"reconnect.example/storage/bucket"
)

func init() {
	storage.RegisterBlobs("s3", func(ctx context.Context, u *url.URL) (storage.Blobs, error) {
		s, err := open(ctx, u)
		if err != nil {
			return nil, err
		}
		return s, nil
	})
}

// removeTimeout is how long removing the parts of a failed upload may take; its
// context may have ended already.
const removeTimeout = 15 * time.Second

func open(ctx context.Context, u *url.URL) (store *bucket.Store, err error) {
	b, err := bucket.OpenURL(ctx, u)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	var client *s3.Client
	if !b.As(&client) {
		return nil, fmt.Errorf("s3bucket: %w: gocloud's driver for s3 has another client than expected", storage.ErrInvalid)
	}
	s, err := bucket.New(ctx, b, &bucket.Options{BeforeWrite: transferWith(client), BeforeRead: quietly})
	if err != nil {
		return nil, err
	}
	if err := provePartsHeedConditions(ctx, client, u.Host, u.Query().Get("prefix")+bucket.Marker); err != nil {
		return nil, err
	}
	return s, nil
}

// transferWith replaces the manager of uploads that gocloud makes: it would hold
// 16 MiB of each upload before it sends the first part, and leave the parts of an
// upload whose context ended in the bucket.
func transferWith(client *s3.Client) func(as func(any) bool) error {
	return func(as func(any) bool) error {
		var manager *transfermanager.Client
		if !as(&manager) {
			return errors.New("s3bucket: gocloud uploads to s3 in another way than expected")
		}
		*manager = *transfermanager.New(discreet{client}, func(o *transfermanager.Options) {
			o.PartSizeBytes = bucket.PartSize
			o.MultipartUploadThreshold = bucket.PartSize
			o.Concurrency = bucket.Concurrency
			o.FailTimeout = removeTimeout
			// Otherwise it takes its own, and not what the URL says.
			o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
		})
		return nil
	}
}

// discreet keeps names out of the program's log: the manager of uploads writes the
// error of every upload that it could not complete there, with the URL of the
// request, and with that the id of a vault. Losing to another writer is one.
type discreet struct{ *s3.Client }

func (d discreet) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, options ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	out, err := d.Client.CompleteMultipartUpload(ctx, in, options...)
	if err != nil {
		err = unnamed{err}
	}
	return out, err
}

// unnamed is an error that is known by its kind alone.
type unnamed struct{ error }

func (u unnamed) Error() string { return "s3: " + cmp.Or(apiCode(u.error), "no answer") }
func (u unnamed) Unwrap() error { return u.error }

// quietly keeps the SDK from writing a line to the program's log for every object
// that was sent in parts: of those S3 has no checksum of the whole. Whether each
// part arrived was checked, and what callers keep is sealed.
func quietly(as func(any) bool) error {
	var options *[]func(*s3.Options)
	if !as(&options) {
		return errors.New("s3bucket: gocloud downloads from s3 in another way than expected")
	}
	*options = append(*options, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
	return nil
}

// provePartsHeedConditions sends the marker, which is there, once more, in parts
// and on condition that it is not there.
func provePartsHeedConditions(ctx context.Context, client *s3.Client, name, key string) error {
	upload, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &name, Key: &key})
	if err != nil {
		return refusal(ctx, "begin an upload in parts", err)
	}
	err = completeConditionally(ctx, client, upload)
	if err == nil {
		return fmt.Errorf("s3bucket: %w: the service replaces an object although told not to (If-None-Match) when it comes in parts, so that blobs are not safe in it", storage.ErrInvalid)
	}
	_, removeErr := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: &key, UploadId: upload.UploadId})
	if apiCode(err) != "PreconditionFailed" {
		return refusal(ctx, "send an object in parts", err)
	}
	if removeErr != nil && apiCode(removeErr) != "NoSuchUpload" {
		return refusal(ctx, "remove the parts of an upload", removeErr)
	}
	return nil
}

func completeConditionally(ctx context.Context, client *s3.Client, upload *s3.CreateMultipartUploadOutput) error {
	part, err := client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte(bucket.MarkerText)),
	})
	if err != nil {
		return err
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{
			ETag: part.ETag, PartNumber: aws.Int32(1), ChecksumCRC32: part.ChecksumCRC32,
		}}},
	})
	return err
}

// refusal names a fault of opening without the text of the cloud's error, which
// may hold the URL of the request.
func refusal(ctx context.Context, doing string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("s3bucket: %s: %w", doing, ended)
	}
	switch code := apiCode(err); code {
	case "":
		return fmt.Errorf("s3bucket: %s: %w: no answer", doing, storage.ErrUnavailable)
	case "AccessDenied":
		return fmt.Errorf("s3bucket: %s: %w: %s", doing, storage.ErrReadOnly, code)
	default:
		return fmt.Errorf("s3bucket: %s: %w: %s", doing, storage.ErrUnavailable, code)
	}
}

func apiCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
