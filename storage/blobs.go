package storage

import (
	"context"
	"fmt"
	"io"
)

// Blobs keeps large immutable byte strings under names. The contract, which
// storagetest.RunBlobs proves:
//
//   - Names are as [CheckBlobName] says. "a" and "a/b" may both exist.
//   - A blob is never half visible: it appears whole when Close of its writer
//     returns nil, durable against kill -9 and loss of power, and is never
//     changed afterwards.
//   - A writer whose context was cancelled, whose Write failed, that was aborted,
//     or that was closed at another length than declared leaves nothing behind.
//     What a killed process left is never visible, and is gone when the store is
//     next opened or, in a cloud, when a rule of the bucket says so.
//   - Of several writers of one name exactly one wins; the others get ErrExists.
//   - A blob that was deleted is gone for every later Open; a reader that was
//     open may go on.
//   - A fault of the store is an error, never a short or empty blob.
//   - All methods may be called from many goroutines; a writer or reader by one.
type Blobs interface {
	// Create begins a blob of exactly size bytes, or of any length if size is
	// negative. It answers ErrExists, at once or at Close, if the name is taken.
	// ctx rules the writer until it ends. Memory does not grow with the size.
	Create(ctx context.Context, name string, size int64) (BlobWriter, error)
	// Open reads length bytes from offset, or to the end if length is negative.
	// ErrNotFound if there is no such blob; ErrInvalid if offset is negative or
	// lies behind its end. A range that goes past the end is cut at the end.
	// ctx rules the reader until it is closed.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Size returns the length of a blob in bytes, or ErrNotFound.
	Size(ctx context.Context, name string) (int64, error)
	// Delete removes a blob, durably. Deleting what is not there is no error.
	Delete(ctx context.Context, name string) error
	// Close releases the store. Calls after it answer ErrClosed, and so does a
	// writer that was still open: it leaves nothing behind.
	Close() error
}

// BlobWriter is a blob being written. Exactly one of Close and Abort ends it;
// Abort after Close does nothing, so that it can be deferred.
type BlobWriter interface {
	// Write fails, and the blob with it, when the context was cancelled, when it
	// would pass the declared size (ErrIncomplete), or for a fault of the store.
	// Large pieces (256 KiB) are cheapest: a driver may pass each on as it comes.
	io.Writer
	// Close makes the blob durable and visible, or leaves nothing and says why:
	// ErrIncomplete if it is shorter than declared, ErrExists if the name is
	// taken, the error of the context or of the Write that failed. ErrUnknown
	// means that the blob may be there, whole; Delete settles it, in a cloud once
	// no request can be under way any more.
	Close() error
	// Abort throws the blob away.
	Abort()
}

// CheckBlobName returns ErrInvalid, saying what is wrong, unless name is 1 to
// [MaxKey] bytes of a-z, 0-9, '-' and '_' in parts divided by single slashes.
// There is no dot, so that no name can climb out of a folder, and no upper
// case, so that no file system takes two names for one. Every driver checks
// with it.
func CheckBlobName(name string) error {
	if len(name) == 0 || len(name) > MaxKey {
		return fmt.Errorf("%w: blob name of %d bytes, want 1 to %d", ErrInvalid, len(name), MaxKey)
	}
	previous := byte('/')
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '/' && previous == '/':
			return fmt.Errorf("%w: blob name has an empty part", ErrInvalid)
		case c == '/':
		default:
			return fmt.Errorf("%w: blob name has byte 0x%02x at %d", ErrInvalid, c, i)
		}
		previous = c
	}
	if previous == '/' {
		return fmt.Errorf("%w: blob name ends with a slash", ErrInvalid)
	}
	return nil
}
