package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"gocloud.dev/blob"

	"reconnect.example/storage"
)

func init() {
	// "s3" is registered by package s3bucket, which knows more about it.
	for _, scheme := range []string{"gs", "azblob"} {
		storage.RegisterBlobs(scheme, func(ctx context.Context, u *url.URL) (storage.Blobs, error) {
			b, err := OpenURL(ctx, u)
			if err != nil {
				return nil, err
			}
			s, err := New(ctx, b, nil)
			if err != nil {
				_ = b.Close()
				return nil, err
			}
			return s, nil
		})
	}
}

// OpenURL opens the bucket that a URL names, with the driver of gocloud that the
// program has imported for its scheme. Beside what that driver takes,
// "prefix=folder/" puts all blobs below that name.
//
// ErrInvalid: the URL holds a user or password, which belong into the
// environment; its prefix does not end with a slash; no driver knows it; or it
// names a folder ("file"), which [gocloud.dev/blob/fileblob] would not make
// durable. The error never holds the URL.
func OpenURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	query, err := url.ParseQuery(u.RawQuery)
	prefix := query.Get("prefix")
	switch {
	case u.Scheme == "file":
		return nil, errNotDurable
	case u.Scheme == "mem":
		return nil, fmt.Errorf("bucket: %w: a bucket in memory keeps nothing; give New one of memblob in tests", storage.ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("bucket: %w: the options of the URL are unreadable", storage.ErrInvalid)
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("bucket: %w: credentials come from the environment and not from the URL", storage.ErrInvalid)
	case prefix != "" && (!strings.HasSuffix(prefix, "/") || storage.CheckBlobName(strings.TrimSuffix(prefix, "/")) != nil):
		return nil, fmt.Errorf("bucket: %w: the prefix must read like the name of a blob and end with a slash", storage.ErrInvalid)
	case !blob.DefaultURLMux().ValidBucketScheme(u.Scheme):
		return nil, fmt.Errorf("bucket: %w: import gocloud's driver for %q", storage.ErrInvalid, u.Scheme)
	}
	b, err := blob.DefaultURLMux().OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("bucket: %w: %s", storage.ErrInvalid, innermost(err))
	}
	return b, nil
}

// innermost is the reason without what repeats the URL around it.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}
