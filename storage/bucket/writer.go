package bucket

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"reconnect.example/storage"
)

const (
	// PartSize is up to where a blob is sent in one request from memory. Of a
	// longer one, this many bytes for each request under way and one more are held.
	// Five MiB is the least that S3 takes.
	PartSize = 5 << 20
	// Concurrency is how many parts of one blob are under way at once.
	Concurrency = 2

	// writerKey is the metadatum that says which writer made an object.
	writerKey = "writer"
)

// writer is a blob on its way: the caller's bytes go through a pipe to one
// gocloud Upload. Its fields are used by one goroutine at a time: the caller's,
// which holds store.life for reading, or Store.Close, which holds it for writing.
//
// It uses Upload, and not gocloud's Writer, because the one of azureblob panics
// in Close after a failed upload. And because Upload with a reader that fails
// commits, on some clouds, what it had read so far, the context of the upload is
// cancelled before the reader fails: every driver looks at it before it commits.
type writer struct {
	ctx     context.Context
	store   *Store
	key     string
	mark    string // the value of writerKey: no other writer has it
	size    int64  // declared, or negative
	written int64
	err     error // once ended: what every later call answers

	pipe   *io.PipeWriter
	cancel context.CancelFunc // of the upload
	done   chan struct{}      // closed when the upload has ended
	upload error              // what it answered, then
}

// Create begins an upload. It asks the bucket nothing: that the name is taken
// comes out at Close, or earlier if the cloud says so.
func (s *Store) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	if err := s.enter(ctx, name); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	upload, cancel := context.WithCancel(ctx)
	content, pipe := io.Pipe()
	w := &writer{
		ctx: ctx, store: s, key: objectKey(name), mark: rand.Text(), size: size,
		pipe: pipe, cancel: cancel, done: make(chan struct{}),
	}
	s.writersMu.Lock()
	s.writers[w] = struct{}{}
	s.writersMu.Unlock()
	go func() { // ended by Close, Abort or Store.Close, which wait for done
		defer close(w.done)
		w.upload = s.bucket.Upload(upload, w.key, content, s.uploadOptions(w.mark))
		content.CloseWithError(errEnded) // wakes a Write
	}()
	return w, nil
}

// uploadOptions are those of an upload that never replaces an object.
func (s *Store) uploadOptions(mark string) *blob.WriterOptions {
	return &blob.WriterOptions{
		IfNotExist:     true,
		Metadata:       map[string]string{writerKey: mark},
		ContentType:    "application/octet-stream", // nobody is to guess from the contents
		BufferSize:     PartSize,
		MaxConcurrency: Concurrency,
		BeforeWrite:    s.options.BeforeWrite,
	}
}

// Write passes p on, and waits while the network is slower than the caller.
func (w *writer) Write(p []byte) (int, error) {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err != nil {
		return 0, w.err
	}
	if err := w.ctx.Err(); err != nil {
		return 0, w.fail(fmt.Errorf("bucket: %w", err))
	}
	if w.size >= 0 && int64(len(p)) > w.size-w.written {
		return 0, w.fail(fmt.Errorf("bucket: %w: more than the declared %d bytes", storage.ErrIncomplete, w.size))
	}
	if len(p) == 0 {
		return 0, nil // a pipe would wait for somebody to read nothing
	}
	n, err := w.pipe.Write(p)
	w.written += int64(n)
	if err != nil { // the upload ended before it saw the end of the blob, so that nothing is there
		<-w.done
		return n, w.fail(writeError(w.ctx, "write a blob", w.upload))
	}
	return n, nil
}

// Close lets the upload end, and finds out what became of it.
func (w *writer) Close() error {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err != nil {
		return w.err
	}
	if err := w.ctx.Err(); err != nil {
		return w.fail(fmt.Errorf("bucket: %w", err))
	}
	if w.size >= 0 && w.written != w.size {
		return w.fail(fmt.Errorf("bucket: %w: %d of the declared %d bytes", storage.ErrIncomplete, w.written, w.size))
	}
	_ = w.pipe.Close() // never fails
	<-w.done
	if err := w.outcome(); err != nil {
		return w.fail(err)
	}
	w.fail(errEnded)
	return nil
}

// Abort throws the blob away.
func (w *writer) Abort() {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err == nil {
		w.fail(errEnded)
	}
}

// fail ends the writer with what it answers from now on. It returns when the
// upload has ended and has taken back the parts that it had sent.
func (w *writer) fail(err error) error {
	w.err = err
	w.cancel() // before the reader fails: see writer
	w.pipe.CloseWithError(errEnded)
	<-w.done
	w.store.writersMu.Lock()
	delete(w.store.writers, w)
	w.store.writersMu.Unlock()
	return err
}
