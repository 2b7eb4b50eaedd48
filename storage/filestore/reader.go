package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"reconnect.example/storage"
)

// Open reads from the file of the blob. The reader keeps one file open.
func (s *Store) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := s.enter(ctx, name); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	if offset < 0 {
		return nil, fmt.Errorf("filestore: %w: offset %d", storage.ErrInvalid, offset)
	}
	var file *os.File
	err := s.find(name, func(path string) (err error) {
		file, err = s.openRegular(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, readError("look at a blob", err)
	}
	if offset > info.Size() {
		file.Close()
		return nil, fmt.Errorf("filestore: %w: offset %d in a blob of %d bytes", storage.ErrInvalid, offset, info.Size())
	}
	left := info.Size() - offset
	if length >= 0 {
		left = min(left, length)
	}
	return &reader{ctx: ctx, file: file, offset: offset, left: left}, nil
}

// Size returns the length of the file of the blob.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	if err := s.enter(ctx, name); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	return s.sizeOf(name)
}

func (s *Store) sizeOf(name string) (size int64, err error) {
	err = s.find(name, func(path string) error {
		info, err := s.root.Lstat(path)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return errNotRegular
		}
		size = info.Size()
		return nil
	})
	return size, err
}

// find runs lookup on the path of a blob that is there for good.
func (s *Store) find(name string, lookup func(path string) error) error {
	found, err := s.shards[shardOf(name)].look(name, func() error { return lookup(blobPath(name)) })
	switch {
	case !found, errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("filestore: %w", storage.ErrNotFound)
	case err != nil:
		return readError("find a blob", err)
	}
	return nil
}

// reader is an open range of a blob.
type reader struct {
	ctx    context.Context
	file   *os.File
	offset int64
	left   int64 // bytes the caller has still to get
}

// Read ends with io.EOF only when the whole range was read: a file that lost
// its end is an error, never a shorter blob.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("filestore: %w", err)
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.file.ReadAt(p, r.offset)
	r.offset += int64(n)
	r.left -= int64(n)
	switch {
	case n == len(p):
		return n, nil
	case errors.Is(err, io.EOF):
		return n, readError("read a blob", io.ErrUnexpectedEOF)
	}
	return n, readError("read a blob", err)
}

func (r *reader) Close() error {
	return r.file.Close()
}
