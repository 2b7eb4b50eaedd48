package bucket

import (
	"context"
	"fmt"

	"reconnect.example/storage"
)

// outcome says what became of an upload that was sent to its end, by looking at
// the object and not at the answer alone. An answer can be lost, and then the
// client of the cloud sends the request again by itself: the second one is told
// that the name is taken, by the first. The mark of the writer, kept with the
// object, tells the two cases apart. Looking also finds a cloud that kept another
// number of bytes than it was sent.
//
// The look has a time of its own: the caller's context may have ended while the
// request was on its way, and the question is still worth an answer.
func (w *writer) outcome() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), w.store.patience)
	defer cancel()
	found, err := w.store.bucket.Attributes(ctx, w.key)
	switch {
	case err == nil && found.Metadata[writerKey] == w.mark:
		if found.Size == w.written {
			return nil
		}
		return w.removeWrong(ctx, found.Size)
	case err == nil && w.upload != nil:
		return fmt.Errorf("bucket: close a blob: %w", storage.ErrExists)
	case w.upload != nil && refused(w.upload):
		return writeError(w.ctx, "close a blob", w.upload)
	case err == nil, isNotFound(err) && w.upload == nil:
		return fmt.Errorf("bucket: close a blob: %w: it was acknowledged, and is not there", storage.ErrUnknown)
	case w.upload == nil:
		return fmt.Errorf("bucket: look for a blob that was acknowledged: %w: %s", storage.ErrUnknown, reason(err))
	}
	// Not found is no proof: the request may have been cut off here and still be
	// under way there.
	return fmt.Errorf("%w: %w", storage.ErrUnknown, readError(w.ctx, "close a blob", w.upload))
}

// removeWrong takes away an object of ours that has another length than was sent.
func (w *writer) removeWrong(ctx context.Context, size int64) error {
	sentinel := storage.ErrUnavailable
	if err := w.store.bucket.Delete(ctx, w.key); err != nil && !isNotFound(err) {
		sentinel = storage.ErrUnknown
	}
	return fmt.Errorf("bucket: close a blob: %w: the bucket kept %d of %d bytes", sentinel, size, w.written)
}
