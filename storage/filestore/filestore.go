// Package filestore keeps blobs in files of one folder on this machine. What
// Close of a writer acknowledged survives kill -9 and loss of power.
//
// It is registered as "file":
//
//	blobs, err := storage.OpenBlobs(ctx, "file:///var/lib/safe/blobs") // an absolute path
//	blobs, err := storage.OpenBlobs(ctx, "file:data/blobs")            // from the working folder
//
// With "?existing=true" the URL sets [Options.Existing].
//
// # The folder
//
//	format      one line, which layout this is; written last when a store is made
//	lock        held (flock) by the one process that has the store open
//	tmp/        blobs being written, under 32 random hexadecimal digits
//	00/ … ff/   blobs; the folder is the first byte of the SHA-256 of the name
//
// The 256 folders are made together with the store, so that a write never has
// to make one durable, and deleting a person's last blob leaves no empty folder
// that still tells of them. They share names evenly whatever the names look
// like: ten million blobs are 40,000 files in each. A blob's file is called
// like the blob with '+' for '/', or, if that is longer than 128 bytes, '~' and
// the SHA-256 of the name in hexadecimal; neither sign occurs in a name.
// Folders have mode 0700 and files 0600.
//
// # A write
//
// In this order, so that a crash between any two steps leaves a whole blob or
// none: write a new file in tmp; fsync it; link it to its name, which fails if
// the name is taken and never replaces a file; fsync the folder of the name;
// remove the name in tmp. Between link and fsync the blob is hidden from
// readers of this process, so that nobody acts on what a loss of power could
// still take away. A file found in tmp by the next Open belongs to a process
// that died; Open makes the folders durable before it removes it.
//
// # Not done here
//
// Contents are not checked for decay: callers seal them. A folder on a network
// file system is as durable as that makes fsync, and as exclusive as it makes
// flock. Only systems with flock are served (Linux, the BSDs, macOS).
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"reconnect.example/storage"
)

// Options are what [Open] can be told; nil means none of it.
type Options struct {
	// Existing refuses, with ErrNotFound, to make a new store. Set it where the
	// folder is a disk of its own: not mounted, it would look like an empty store.
	Existing bool
}

// Store is a folder of blobs. It implements [storage.Blobs].
type Store struct {
	root   *os.Root // every path goes through it: it never leaves the folder, also not over a symbolic link
	lock   *os.File
	system system
	shards [shardCount]shard

	life   sync.RWMutex // read-locked during every call, locked by Close
	closed bool

	writersMu sync.Mutex
	writers   map[*writer]struct{} // not yet ended
}

var _ storage.Blobs = (*Store)(nil)

// Open opens the store in the folder dir, or makes it there, durably, if the
// folder is empty or missing. It removes what writers of a killed process left.
//
// ErrInUse: another process (or this one) has it open. ErrInvalid: the folder
// holds something else, which is left untouched. ErrNotFound: see
// [Options.Existing]. ErrReadOnly and ErrNoSpace as they say.
func Open(dir string, options *Options) (*Store, error) {
	if options == nil {
		options = &Options{}
	}
	return open(dir, options, realSystem())
}

func open(dir string, options *Options, sys system) (store *Store, err error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: filestore: no folder given", storage.ErrInvalid)
	}
	root, err := openFolder(dir, options.Existing)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	s := &Store{root: root, system: sys, writers: map[*writer]struct{}{}}
	defer func() {
		if err != nil {
			s.release()
			err = fmt.Errorf("folder %s: %w", dir, err)
		}
	}()
	// Before the lock file is made: a folder that is not ours is not touched.
	if err := s.refuseForeign(options.Existing); err != nil {
		return nil, err
	}
	if s.lock, err = lockFolder(root); err != nil {
		return nil, err
	}
	if err := s.makeLayout(dir); err != nil {
		return nil, err
	}
	if err := s.removeLeftovers(); err != nil {
		return nil, err
	}
	return s, nil
}

// Delete removes the blob, durably. After an error it may be gone or not;
// delete it again.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.enter(ctx, name); err != nil {
		return err
	}
	defer s.life.RUnlock()
	err := s.system.remove(s.root, blobPath(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return writeError("delete a blob", err)
	}
	// Also when it was not there: an earlier Delete may have failed at this very
	// step, and a loss of power would bring the blob back.
	if err := s.system.syncFolder(s.root, shardPath(shardOf(name))); err != nil {
		return writeError("make a deletion durable", err)
	}
	return nil
}

// Close waits for calls under way, throws away blobs still being written, whose
// writers answer ErrClosed from now on, and lets another process open the store.
// Readers may go on. Closing again does nothing.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for w := range s.writers {
		w.drop(fmt.Errorf("filestore: %w", storage.ErrClosed))
	}
	return s.release()
}

// release closes what open opened; the lock last, for it is what keeps other
// processes away.
func (s *Store) release() error {
	err := s.root.Close()
	if s.lock != nil {
		err = errors.Join(err, unlock(s.lock))
	}
	return err
}

// enter begins a call on name: with nil the caller owes s.life.RUnlock.
func (s *Store) enter(ctx context.Context, name string) error {
	if err := storage.CheckBlobName(name); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return fmt.Errorf("filestore: %w", storage.ErrClosed)
	}
	return nil
}
