package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"reconnect.example/storage"
)

// Blobs is the store of blobs of the same host.
func (m *Malicious) Blobs() storage.Blobs { return maliciousBlobs{m.below, m} }

type maliciousBlobs struct {
	storage.Blobs
	host *Malicious
}

func (b maliciousBlobs) lie(name string) (lie, bool) {
	b.host.mu.Lock()
	defer b.host.mu.Unlock()
	l, lied := b.host.blobs.lies[name]
	return l, lied
}

func (b maliciousBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	w, err := b.Blobs.Create(ctx, name, size)
	if err != nil {
		return nil, err
	}
	return &maliciousWriter{BlobWriter: w, host: b.host, name: name}, nil
}

func (b maliciousBlobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	l, lied := b.lie(name)
	switch {
	case !lied:
		return b.Blobs.Open(ctx, name, offset, length)
	case l.bytes == nil:
		return nil, storage.ErrNotFound
	case offset < 0 || offset > int64(len(l.bytes)):
		return nil, fmt.Errorf("%w: offset", storage.ErrInvalid)
	}
	rest := l.bytes[offset:]
	if length >= 0 && length < int64(len(rest)) {
		rest = rest[:length]
	}
	if l.end >= 0 {
		rest = rest[:min(l.end, len(rest))]
	}
	return io.NopCloser(bytes.NewReader(rest)), nil
}

func (b maliciousBlobs) Size(ctx context.Context, name string) (int64, error) {
	l, lied := b.lie(name)
	switch {
	case !lied:
		return b.Blobs.Size(ctx, name)
	case l.bytes == nil:
		return 0, storage.ErrNotFound
	}
	return int64(len(l.bytes)), nil
}

func (b maliciousBlobs) Delete(ctx context.Context, name string) error {
	if err := b.Blobs.Delete(ctx, name); err != nil {
		return err
	}
	b.host.mu.Lock()
	defer b.host.mu.Unlock()
	b.host.wrote(&b.host.blobs, name, nil)
	return nil
}

type maliciousWriter struct {
	storage.BlobWriter
	host    *Malicious
	name    string
	written []byte
	kept    bool
}

func (w *maliciousWriter) Write(p []byte) (int, error) {
	n, err := w.BlobWriter.Write(p)
	w.written = append(w.written, p[:n]...)
	return n, err
}

func (w *maliciousWriter) Close() error {
	if err := w.BlobWriter.Close(); err != nil || w.kept {
		return err
	}
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	w.host.wrote(&w.host.blobs, w.name, append([]byte{}, w.written...))
	w.kept = true
	return nil
}

// forkedBlobs are the blobs of another store with changes of their own.
type forkedBlobs struct {
	storage.Blobs // own
	from          storage.Blobs
	mu            sync.Mutex
	deleted       map[string]bool
}

func (b *forkedBlobs) isDeleted(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.deleted[name]
}

func (b *forkedBlobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	r, err := b.Blobs.Open(ctx, name, offset, length)
	if errors.Is(err, storage.ErrNotFound) && !b.isDeleted(name) {
		return b.from.Open(ctx, name, offset, length)
	}
	return r, err
}

func (b *forkedBlobs) Size(ctx context.Context, name string) (int64, error) {
	n, err := b.Blobs.Size(ctx, name)
	if errors.Is(err, storage.ErrNotFound) && !b.isDeleted(name) {
		return b.from.Size(ctx, name)
	}
	return n, err
}

func (b *forkedBlobs) Delete(ctx context.Context, name string) error {
	b.mu.Lock()
	b.deleted[name] = true
	b.mu.Unlock()
	return b.Blobs.Delete(ctx, name)
}
