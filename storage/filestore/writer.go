package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"reconnect.example/storage"
)

// writer is a blob on its way. Its fields are used by one goroutine at a time:
// the caller's, which holds store.life for reading, or Store.Close, which holds
// it for writing.
type writer struct {
	ctx     context.Context
	store   *Store
	name    string
	size    int64 // declared, or negative
	written int64
	temp    string
	file    *os.File
	err     error // once ended: what every later call answers
}

// Create begins a blob in tmp. Each Write is one system call: pass large pieces.
func (s *Store) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	if err := s.enter(ctx, name); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	// Saves sending a blob that would be refused at the end; the end decides.
	if _, err := s.sizeOf(name); err == nil {
		return nil, fmt.Errorf("filestore: %w", storage.ErrExists)
	}
	temp, file, err := s.createTemp()
	if err != nil {
		return nil, writeError("begin a blob", err)
	}
	w := &writer{ctx: ctx, store: s, name: name, size: size, temp: temp, file: file}
	s.writersMu.Lock()
	s.writers[w] = struct{}{}
	s.writersMu.Unlock()
	return w, nil
}

// Write appends p. The first error throws the blob away, which frees its space.
func (w *writer) Write(p []byte) (int, error) {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err != nil {
		return 0, w.err
	}
	if err := w.ctx.Err(); err != nil {
		return 0, w.fail(fmt.Errorf("filestore: %w", err))
	}
	if w.size >= 0 && int64(len(p)) > w.size-w.written {
		return 0, w.fail(fmt.Errorf("filestore: %w: more than the declared %d bytes", storage.ErrIncomplete, w.size))
	}
	n, err := w.store.system.write(w.file, p)
	w.written += int64(n)
	if err != nil {
		return n, w.fail(writeError("write a blob", err))
	}
	return n, nil
}

// Close makes the blob durable and then visible.
func (w *writer) Close() error {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err != nil {
		return w.err
	}
	if err := w.commit(); err != nil {
		return w.fail(err)
	}
	// The blob has its name; should removing the other one fail, the next Open does it.
	w.fail(errEnded)
	return nil
}

func (w *writer) commit() error {
	if err := w.ctx.Err(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if w.size >= 0 && w.written != w.size {
		return fmt.Errorf("filestore: %w: %d of the declared %d bytes", storage.ErrIncomplete, w.written, w.size)
	}
	// The contents before the name: a name that survives a loss of power must
	// not lead to a file whose bytes did not.
	if err := w.store.system.sync(w.file); err != nil {
		return writeError("make a blob durable", err)
	}
	if err := w.store.system.close(w.file); err != nil {
		return writeError("close a blob", err)
	}
	// Last chance to cancel: from the link on, the blob is coming.
	if err := w.ctx.Err(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	return w.store.publish(w.ctx, w.temp, w.name)
}

// publish gives the file temp its name, or undoes that and says why.
func (s *Store) publish(ctx context.Context, temp, name string) error {
	shard, path, folder := &s.shards[shardOf(name)], blobPath(name), shardPath(shardOf(name))
	err := shard.begin(ctx, name, func() error { return s.system.link(s.root, temp, path) })
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("filestore: %w", storage.ErrExists)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return fmt.Errorf("filestore: %w", err)
	default:
		return writeError("name a blob", err)
	}
	syncErr := s.system.syncFolder(s.root, folder)
	if syncErr == nil {
		shard.end(name, nil)
		return nil
	}
	var undoErr error
	shard.end(name, func() { undoErr = s.system.remove(s.root, path) })
	// The failed fsync may have written the name all the same, so its removal has to be written too.
	undoErr = errors.Join(undoErr, s.system.syncFolder(s.root, folder))
	if undoErr != nil {
		return fmt.Errorf("filestore: make a blob's name durable: %w: %w", storage.ErrUnknown, withoutPath(syncErr))
	}
	return writeError("make a blob's name durable", syncErr)
}

// Abort throws the blob away.
func (w *writer) Abort() {
	w.store.life.RLock()
	defer w.store.life.RUnlock()
	if w.err == nil {
		w.fail(errEnded)
	}
}

// fail ends the writer with what it answers from now on.
func (w *writer) fail(err error) error {
	w.drop(err)
	w.store.writersMu.Lock()
	delete(w.store.writers, w)
	w.store.writersMu.Unlock()
	return err
}

// drop removes the file in tmp. Errors are of no consequence: nobody knows its
// name, and the next Open removes it.
func (w *writer) drop(err error) {
	w.err = err
	w.file.Close()
	w.store.system.remove(w.store.root, w.temp)
}
