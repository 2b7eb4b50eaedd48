package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"reconnect.example/storage"
)

// Open asks the bucket for the length and then for the range: two calls. The
// length must come from elsewhere than the answer that holds the bytes, since a
// server, or what stands before it, that cuts its answer short may also say that
// this was all.
func (s *Store) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := s.enter(ctx, name); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	if offset < 0 {
		return nil, fmt.Errorf("bucket: %w: offset %d", storage.ErrInvalid, offset)
	}
	size, err := s.size(ctx, name)
	if err != nil {
		return nil, err
	}
	if offset > size {
		return nil, fmt.Errorf("bucket: %w: offset %d in a blob of %d bytes", storage.ErrInvalid, offset, size)
	}
	left := size - offset
	if length >= 0 {
		left = min(left, length)
	}
	if left == 0 {
		return &reader{ctx: ctx}, nil // clouds answer a range of nothing with an error
	}
	if left == size {
		length = -1 // the whole object: only then do clouds check their checksum of it
	} else {
		length = left
	}
	content, err := s.bucket.NewRangeReader(ctx, objectKey(name), offset, length, &blob.ReaderOptions{BeforeRead: s.options.BeforeRead})
	switch {
	case isNotFound(err):
		return nil, s.missing(ctx) // deleted since
	case err != nil:
		return nil, readError(ctx, "open a blob", err)
	case content.Size() != size:
		_ = content.Close()
		return nil, fmt.Errorf("bucket: open a blob: %w: it has %d bytes and was said to have %d", storage.ErrUnavailable, content.Size(), size)
	}
	return &reader{ctx: ctx, content: content, left: left}, nil
}

// reader is an open range of a blob.
type reader struct {
	ctx     context.Context
	content *blob.Reader // nil for an empty range
	left    int64        // bytes the caller has still to get
	ended   bool
	closed  bool
}

// Read ends with io.EOF only when the whole range was read: an answer that was
// cut is an error, never a shorter blob.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("bucket: %w", err)
	}
	if r.closed {
		return 0, fmt.Errorf("bucket: %w: the reader is closed", storage.ErrInvalid)
	}
	if r.left == 0 {
		return 0, r.end()
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.content.Read(p)
	r.left -= int64(n)
	switch {
	case err == nil, r.left == 0 && errors.Is(err, io.EOF):
		return n, nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, readError(r.ctx, "read a blob", err)
}

// end looks behind the last byte: there a client may say that the checksum was
// wrong, if it did not with the last bytes, and there is what a server sent too
// much.
func (r *reader) end() error {
	if r.content == nil || r.ended {
		return io.EOF
	}
	n, err := io.ReadFull(r.content, make([]byte, 1))
	if n == 0 && errors.Is(err, io.EOF) {
		r.ended = true
		return io.EOF
	}
	if n > 0 {
		return fmt.Errorf("bucket: read a blob: %w: the bucket sent more than the range", storage.ErrUnavailable)
	}
	return readError(r.ctx, "read a blob", err)
}

// Close ends the request. A connection that was not read to its end is thrown
// away by the client; what it says about that is of no use to the caller.
func (r *reader) Close() error {
	if r.content != nil && !r.closed {
		_ = r.content.Close()
	}
	r.closed = true
	return nil
}
