package bucket

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"gocloud.dev/gcerrors"

	"reconnect.example/storage"
)

const (
	// Marker is the name of the object that [New] leaves in the bucket, below the
	// prefix. No blob can have it, since names of blobs have no dot.
	Marker = ".reconnect"
	// MarkerText is what it holds.
	MarkerText = "reconnect bucket 1\n"
)

// proveConditions tries to write the marker over itself, and succeeds if the
// bucket refuses. A server that knows nothing of If-None-Match would take it for
// any header and replace the object: of two writers of one name the second would
// win over the first, which was told that its blob is safe.
func (s *Store) proveConditions(ctx context.Context) error {
	for range 2 {
		mark := rand.Text()
		err := s.bucket.Upload(ctx, Marker, strings.NewReader(MarkerText), s.uploadOptions(mark))
		if gcerrors.Code(err) == gcerrors.FailedPrecondition {
			return nil
		}
		if err != nil {
			return writeError(ctx, "write the marker of the bucket", err)
		}
		found, err := s.bucket.Attributes(ctx, Marker)
		if err != nil {
			return readError(ctx, "look at the marker of the bucket", err)
		}
		if found.Metadata[writerKey] != mark || found.Size != int64(len(MarkerText)) {
			return fmt.Errorf("bucket: %w: the service does not keep metadata", storage.ErrInvalid)
		}
	}
	return fmt.Errorf("bucket: %w: the service replaces an object although told not to (If-None-Match), so that blobs are not safe in it", storage.ErrInvalid)
}
