package memstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"reconnect.example/storage"
)

// Blobs keeps blobs in memory. It fulfils the contract of [storage.Blobs] but
// for durability, and but for its memory, which is that of all blobs.
type Blobs struct {
	mu     sync.RWMutex
	blobs  map[string][]byte
	closed bool
}

var _ storage.Blobs = (*Blobs)(nil)

// NewBlobs makes an empty store of blobs.
func NewBlobs() *Blobs {
	return &Blobs{blobs: make(map[string][]byte)}
}

// Create implements [storage.Blobs].
func (b *Blobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	if err := storage.CheckBlobName(name); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	if _, taken := b.blobs[name]; taken {
		return nil, fmt.Errorf("create %q: %w", name, storage.ErrExists)
	}
	return &writer{ctx: ctx, blobs: b, name: name, size: size}, nil
}

// Open implements [storage.Blobs].
func (b *Blobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	content, err := b.content(ctx, name)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > int64(len(content)) {
		return nil, fmt.Errorf("open %q: %w: offset %d of %d bytes", name, storage.ErrInvalid, offset, len(content))
	}
	content = content[offset:]
	if length >= 0 && length < int64(len(content)) {
		content = content[:length]
	}
	return &reader{ctx: ctx, content: bytes.NewReader(content)}, nil
}

// Size implements [storage.Blobs].
func (b *Blobs) Size(ctx context.Context, name string) (int64, error) {
	content, err := b.content(ctx, name)
	return int64(len(content)), err
}

// Delete implements [storage.Blobs].
func (b *Blobs) Delete(ctx context.Context, name string) error {
	if err := storage.CheckBlobName(name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ready(ctx); err != nil {
		return err
	}
	delete(b.blobs, name)
	return nil
}

// Close implements [storage.Blobs] and forgets everything.
func (b *Blobs) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.blobs = true, nil
	return nil
}

// content returns the bytes of a blob, which nobody ever changes.
func (b *Blobs) content(ctx context.Context, name string) ([]byte, error) {
	if err := storage.CheckBlobName(name); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	content, ok := b.blobs[name]
	if !ok {
		return nil, fmt.Errorf("open %q: %w", name, storage.ErrNotFound)
	}
	return content, nil
}

func (b *Blobs) ready(ctx context.Context) error {
	if b.closed {
		return storage.ErrClosed
	}
	return ctx.Err()
}

func (b *Blobs) stillOpen(ctx context.Context) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ready(ctx)
}

// writer collects a blob; Close makes it visible.
type writer struct {
	ctx     context.Context
	blobs   *Blobs
	name    string
	size    int64 // negative for any
	content []byte
	err     error // why it can no longer be kept
	ended   bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, fmt.Errorf("write %q: %w: the writer was closed", w.name, storage.ErrInvalid)
	}
	if w.err == nil {
		w.err = w.blobs.stillOpen(w.ctx)
	}
	if w.err == nil && w.size >= 0 && int64(len(w.content)+len(p)) > w.size {
		w.err = fmt.Errorf("write %q: %w: more than the declared %d bytes", w.name, storage.ErrIncomplete, w.size)
	}
	if w.err != nil {
		w.content = nil
		return 0, w.err
	}
	w.content = append(w.content, p...)
	return len(p), nil
}

func (w *writer) Close() error {
	if w.ended {
		return fmt.Errorf("close %q: %w: the writer was closed before", w.name, storage.ErrInvalid)
	}
	w.ended = true
	if w.err != nil {
		return w.err
	}
	if w.size >= 0 && int64(len(w.content)) != w.size {
		return fmt.Errorf("close %q: %w: %d bytes of the declared %d", w.name, storage.ErrIncomplete, len(w.content), w.size)
	}
	w.blobs.mu.Lock()
	defer w.blobs.mu.Unlock()
	if err := w.blobs.ready(w.ctx); err != nil {
		return err
	}
	if _, taken := w.blobs.blobs[w.name]; taken {
		return fmt.Errorf("close %q: %w", w.name, storage.ErrExists)
	}
	w.blobs.blobs[w.name] = w.content
	return nil
}

func (w *writer) Abort() {
	w.ended, w.content = true, nil
}

// reader reads a blob while its context lasts.
type reader struct {
	ctx     context.Context
	content *bytes.Reader
	closed  bool
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, storage.ErrClosed
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.content.Read(p)
}

func (r *reader) Close() error {
	r.closed = true
	return nil
}
