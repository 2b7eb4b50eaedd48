package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"reconnect.example/storage"
)

func (b *toyBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ready(ctx, name); err != nil {
		return nil, err
	}
	_, err := os.Stat(b.path(name))
	if (err == nil || b.burnt[name]) && b.flaw != blobFlawOverwrites {
		return nil, storage.ErrExists
	}
	w := &toyWriter{ctx: ctx, blobs: b, name: name, size: size}
	switch b.flaw {
	case blobFlawInPlace:
		w.file, err = os.Create(b.path(name))
	case blobFlawSharedTemp:
		w.file, err = os.Create(filepath.Join(b.dir, "tmp", path.Base(name)))
	default:
		w.file, err = os.CreateTemp(filepath.Join(b.dir, "tmp"), b.file(name)+".")
	}
	if err == nil && b.flaw == blobFlawEmptyFirst {
		err = os.WriteFile(b.path(name), nil, 0o600)
	}
	return w, err
}

type toyWriter struct {
	ctx     context.Context
	blobs   *toyBlobs
	name    string
	size    int64
	written int64
	file    *os.File
	kept    [][]byte // of blobFlawKeepsSlice and blobFlawHoardsWriting
	failed  error
	closed  bool
	aborted bool
}

func (w *toyWriter) is(flaws ...string) bool { return slices.Contains(flaws, w.blobs.flaw) }

func (w *toyWriter) ready() error {
	if w.is(blobFlawLateCommit) {
		return w.ctx.Err()
	}
	w.blobs.mu.Lock()
	defer w.blobs.mu.Unlock()
	return w.blobs.ready(w.ctx, w.name)
}

func (w *toyWriter) Write(p []byte) (int, error) {
	if w.closed || w.aborted {
		return 0, storage.ErrInvalid
	}
	if w.failed == nil {
		w.failed = w.ready()
	}
	if w.failed != nil {
		return 0, w.failed
	}
	if w.size >= 0 && w.written+int64(len(p)) > w.size && !w.is(blobFlawLongIsFine) {
		w.failed = fmt.Errorf("%w: too long", storage.ErrIncomplete)
		if w.is(blobFlawKeepsFitting) {
			n, _ := w.file.Write(p[:w.size-w.written])
			w.written += int64(n)
		}
		return 0, w.failed
	}
	w.written += int64(len(p))
	switch {
	case w.is(blobFlawKeepsSlice):
		w.kept = append(w.kept, p)
	case w.is(blobFlawHoardsWriting):
		w.kept = append(w.kept, slices.Clone(p))
	case w.is(blobFlawCuts) && w.written > 1<<20:
	default:
		return w.file.Write(p)
	}
	return len(p), nil
}

func (w *toyWriter) Close() error {
	if w.closed || w.aborted && !w.is(blobFlawClosesAborted) {
		return storage.ErrInvalid
	}
	if w.aborted {
		return nil
	}
	w.closed = true
	err := w.failed
	if err == nil {
		err = w.ready()
	}
	if w.is(blobFlawLies) {
		err = w.failed
	}
	short := w.size >= 0 && w.written < w.size && !w.is(blobFlawShortIsFine)
	switch {
	case w.is(blobFlawKeepsCut) && w.ctx.Err() != nil, w.is(blobFlawKeepsClosed) && errors.Is(err, storage.ErrClosed):
		_ = w.keep()
	case w.is(blobFlawKeepsFitting) && w.written == w.size:
		return w.keep()
	case err == nil && short:
		err = storage.ErrIncomplete
	case err == nil:
		err = w.keep()
	}
	if err == nil && w.is(blobFlawLies) {
		return w.ctx.Err()
	}
	if err != nil {
		w.drop()
	}
	return err
}

// keep gives what was written its name.
func (w *toyWriter) keep() error {
	for _, p := range w.kept {
		if _, err := w.file.Write(p); err != nil {
			return err
		}
	}
	from, to := w.file.Name(), w.blobs.path(w.name)
	if w.is(blobFlawSharedTemp) {
		_ = w.file.Close()
		return os.Rename(from, to)
	}
	_, taken := os.Stat(to)
	switch {
	case w.is(blobFlawInPlace), w.is(blobFlawNoEmpty) && w.written == 0:
		return w.file.Close()
	case w.is(blobFlawRaces):
		if taken == nil {
			return storage.ErrExists
		}
		linger()
		return os.Rename(from, to)
	case w.is(blobFlawCopies):
		return w.copy(to)
	case w.is(blobFlawOverwrites, blobFlawChecksEarly, blobFlawEmptyFirst):
		return os.Rename(from, to)
	case w.is(blobFlawWritesLater):
		go func() { // only in processes that are killed
			time.Sleep(5 * time.Millisecond)
			_ = os.Rename(from, to)
		}()
		return nil
	}
	err := os.Link(from, to)
	if os.IsExist(err) {
		err = storage.ErrExists
	}
	_ = os.Remove(from)
	_ = w.file.Close()
	return err
}

func (w *toyWriter) copy(to string) error {
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return storage.ErrExists
	}
	if err != nil {
		return err
	}
	for {
		linger()
		if _, err := io.CopyN(out, w.file, 20_000); err != nil {
			return out.Close()
		}
	}
}

func (w *toyWriter) drop() {
	switch {
	case w.is(blobFlawKeepsHalf) && w.failed == nil && w.blobs.closed:
		return // as if the process had died here
	case w.is(blobFlawLoserDeletes):
		_ = os.Remove(w.blobs.path(w.name))
	}
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

func (w *toyWriter) Abort() {
	switch {
	case w.closed && w.is(blobFlawAbortsClosed):
		_ = os.Remove(w.blobs.path(w.name))
	case w.closed || w.aborted:
		return
	case w.is(blobFlawAbortKeeps):
		_ = w.keep()
	case w.is(blobFlawAbortBurns):
		w.blobs.mu.Lock()
		w.blobs.burnt[w.name] = true
		w.blobs.mu.Unlock()
	}
	w.aborted = true
	w.drop()
}
