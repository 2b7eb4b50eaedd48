package bucket

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"gocloud.dev/blob"

	"reconnect.example/storage"
)

// Options are what [New] can be told; nil means none of it.
type Options struct {
	// BeforeWrite is handed to gocloud for every upload ([blob.WriterOptions]), to
	// set what only one cloud knows; nil for nothing.
	BeforeWrite func(as func(any) bool) error
	// BeforeRead is the same for every download ([blob.ReaderOptions]).
	BeforeRead func(as func(any) bool) error
}

// Store is a bucket of blobs. It implements [storage.Blobs].
type Store struct {
	bucket   *blob.Bucket
	options  Options
	patience time.Duration // to find out what happened to an upload

	life   sync.RWMutex // read-locked during every call, locked by Close
	closed bool

	writersMu sync.Mutex
	writers   map[*writer]struct{} // not yet ended
}

var _ storage.Blobs = (*Store)(nil)

// patience is short: the caller's context may have ended already.
const patience = 10 * time.Second

// New keeps blobs in a bucket that the caller has opened with gocloud. It first
// proves, by writing its marker twice, that the bucket can be written and heeds
// conditions. The store closes the bucket; after an error the caller does.
//
// ErrInvalid: the bucket replaces objects although told not to, or is a folder
// of gocloud's fileblob. ErrReadOnly: the credentials do not allow to write.
// ErrUnavailable: there is no such bucket, or it does not answer.
func New(ctx context.Context, b *blob.Bucket, options *Options) (*Store, error) {
	if b == nil {
		return nil, fmt.Errorf("bucket: %w: no bucket given", storage.ErrInvalid)
	}
	if options == nil {
		options = &Options{}
	}
	// fileblob answers to no other method that would tell it from a cloud.
	if folder := os.FileInfo(nil); b.As(&folder) {
		return nil, errNotDurable
	}
	s := &Store{bucket: b, options: *options, patience: patience, writers: map[*writer]struct{}{}}
	if err := s.proveConditions(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Size asks the bucket for the length of the object.
func (s *Store) Size(ctx context.Context, name string) (int64, error) {
	if err := s.enter(ctx, name); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	return s.size(ctx, name)
}

func (s *Store) size(ctx context.Context, name string) (int64, error) {
	found, err := s.bucket.Attributes(ctx, objectKey(name))
	switch {
	case isNotFound(err):
		return 0, s.missing(ctx)
	case err != nil:
		return 0, readError(ctx, "look for a blob", err)
	}
	return found.Size, nil
}

// missing answers ErrNotFound if the marker is there. S3 says the same of an
// object that is not there and of a bucket that is not there, and a program that
// takes one for the other believes that all documents were deleted.
func (s *Store) missing(ctx context.Context) error {
	if _, err := s.bucket.Attributes(ctx, Marker); isNotFound(err) {
		return fmt.Errorf("bucket: %w: the bucket, or its marker %s, is gone", storage.ErrUnavailable, Marker)
	} else if err != nil {
		return readError(ctx, "look for the marker of the bucket", err)
	}
	return fmt.Errorf("bucket: %w", storage.ErrNotFound)
}

// Delete removes the object. After an error it may be gone or not; delete it
// again. A bucket that keeps versions keeps the bytes: see the package comment.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.enter(ctx, name); err != nil {
		return err
	}
	defer s.life.RUnlock()
	err := s.bucket.Delete(ctx, objectKey(name))
	if isNotFound(err) {
		if err := s.missing(ctx); !isMissing(err) {
			return err
		}
		return nil
	}
	if err != nil {
		return writeError(ctx, "delete a blob", err)
	}
	return nil
}

// Close waits for calls under way, throws away blobs still being written, whose
// writers answer ErrClosed from now on, and closes the bucket. Readers may go
// on. Closing again does nothing.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for w := range s.writers {
		w.cancel() // all of them, before waiting for one
	}
	for w := range s.writers {
		w.fail(fmt.Errorf("bucket: %w", storage.ErrClosed))
	}
	if err := s.bucket.Close(); err != nil {
		return readError(context.Background(), "close", err)
	}
	return nil
}

// enter begins a call on name: with nil the caller owes s.life.RUnlock.
func (s *Store) enter(ctx context.Context, name string) error {
	if err := storage.CheckBlobName(name); err != nil {
		return fmt.Errorf("bucket: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bucket: %w", err)
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return fmt.Errorf("bucket: %w", storage.ErrClosed)
	}
	return nil
}
