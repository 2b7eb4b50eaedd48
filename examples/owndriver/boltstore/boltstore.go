// Package boltstore keeps records in one file of bbolt. It is the example of a driver that somebody
// brings themselves: bbolt knows nothing of this project, and what lies between the two is this file.
// Copy it for a database of your own; docs/drivers.md says what to ask of one. It is registered as "bolt":
//
//	store, err := storage.Open(ctx, "bolt:///var/lib/safe/records.bolt")
//
// What makes it right: bbolt has one writer at a time, so that between the checks and the writes of a commit
// nobody else writes; it returns from a commit when the disk has it; and its readers see one state, the last
// that was committed. One process at a time has the file.
package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"reconnect.example/storage"
)

func init() {
	storage.Register("bolt", func(_ context.Context, u *url.URL) (storage.Driver, error) {
		// A host, a user or an option would be somebody's mistake: nothing here heeds one.
		if u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasPrefix(u.Path, "/") {
			return nil, fmt.Errorf("%w: write bolt:///folder/file, with the whole path and nothing more", storage.ErrInvalid)
		}
		return Open(u.Path)
	})
}

// bucket holds the records: key -> version (eight bytes, big-endian) and value. Its sequence is the
// version that was last given, so that none is given twice, also to what was deleted meanwhile.
var bucket = []byte("records")

// Driver keeps records in a file of bbolt.
type Driver struct {
	db     *bbolt.DB
	closed atomic.Bool // so that a snapshot ends with its store
}

var (
	_ storage.Driver      = (*Driver)(nil)
	_ storage.Snapshotter = (*Driver)(nil)
)

// Open opens the file, or makes it (mode 0600). It answers storage.ErrInUse while another process has it.
func Open(path string) (*Driver, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 100 * time.Millisecond})
	if err != nil {
		return nil, named("open", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err == nil {
		err = syncFolder(filepath.Dir(path)) // bbolt does not: after a loss of power the file itself could be gone
	}
	if err != nil {
		return nil, errors.Join(named("prepare", err), db.Close())
	}
	return &Driver{db: db}, nil
}

// Get implements storage.Driver.
func (d *Driver) Get(ctx context.Context, key string) (found storage.Record, err error) {
	if err := ctx.Err(); err != nil {
		return found, err
	}
	err = d.db.View(func(tx *bbolt.Tx) error {
		stored := tx.Bucket(bucket).Get([]byte(key))
		if stored == nil {
			return storage.ErrNotFound
		}
		found, err = record([]byte(key), stored)
		return err
	})
	return found, named("get", err)
}

// Scan implements storage.Driver. A page is one transaction, and so one state.
func (d *Driver) Scan(ctx context.Context, prefix, after string, limit int) (page []storage.Record, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = d.db.View(func(tx *bbolt.Tx) error {
		page, err = scan(tx, prefix, after, limit)
		return err
	})
	return page, named("scan", err)
}

// Commit implements storage.Driver. Up to the last line nothing was written, and whatever is wrong leaves
// nothing behind. If the last line fails the disk did, and nobody can say what it has: ErrUnknown.
func (d *Driver) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := d.db.Begin(true) // waits for whoever writes
	if err != nil {
		return named("commit", err)
	}
	defer tx.Rollback() // does nothing once the commit is made
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := apply(tx.Bucket(bucket), checks, writes); err != nil {
		return named("commit", err)
	}
	if len(writes) == 0 {
		return nil
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnknown, named("commit", err))
	}
	return nil
}

func apply(records *bbolt.Bucket, checks []storage.Check, writes []storage.Write) error {
	for _, c := range checks {
		version := storage.Version(0)
		if stored := records.Get([]byte(c.Key)); stored != nil {
			r, err := record(nil, stored)
			if err != nil {
				return err
			}
			version = r.Version
		}
		if version != c.Version {
			return fmt.Errorf("%w: %q", storage.ErrConflict, c.Key)
		}
	}
	version, err := records.NextSequence()
	if err != nil {
		return err
	}
	for _, w := range writes {
		if w.Delete {
			err = records.Delete([]byte(w.Key))
		} else {
			err = records.Put([]byte(w.Key), append(binary.BigEndian.AppendUint64(nil, version), w.Value...))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close implements storage.Driver: it waits for what is under way.
func (d *Driver) Close() error {
	d.closed.Store(true)
	return d.db.Close()
}

// Snapshot implements storage.Snapshotter, so that backups can be made. It is a copy of the file, which has no
// name any more when it is opened: a transaction that reads for as long as a backup takes would hold up everybody
// who writes, because bbolt cannot make its file larger meanwhile.
func (d *Driver) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(d.db.Path()), "snapshot-")
	if err != nil {
		return nil, named("snapshot", err)
	}
	defer os.Remove(file.Name())
	err = d.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(file)
		return err
	})
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, named("snapshot", err)
	}
	copied, err := bbolt.Open(file.Name(), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return nil, named("snapshot", err)
	}
	return &snapshot{of: d, copied: &Driver{db: copied}}, nil
}

type snapshot struct{ of, copied *Driver }

func (s *snapshot) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	if s.of.closed.Load() {
		return nil, storage.ErrClosed
	}
	return s.copied.Scan(ctx, prefix, after, limit)
}

func (s *snapshot) Close() error { return s.copied.Close() }

func scan(tx *bbolt.Tx, prefix, after string, limit int) ([]storage.Record, error) {
	var page []storage.Record
	cursor := tx.Bucket(bucket).Cursor()
	key, stored := cursor.Seek([]byte(max(prefix, after)))
	if key != nil && string(key) == after {
		key, stored = cursor.Next()
	}
	for ; key != nil && len(page) < limit && bytes.HasPrefix(key, []byte(prefix)); key, stored = cursor.Next() {
		r, err := record(key, stored)
		if err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	return page, nil
}

// record copies: what bbolt shows is a part of its file, and valid only inside the transaction.
func record(key, stored []byte) (storage.Record, error) {
	if len(stored) < 8 {
		return storage.Record{}, fmt.Errorf("%w: a record without a version", storage.ErrDamaged)
	}
	return storage.Record{Key: string(key), Version: storage.Version(binary.BigEndian.Uint64(stored)), Value: append([]byte{}, stored[8:]...)}, nil
}

// named gives an error the sentinel of package storage that fits. Nothing becomes ErrNotFound by accident:
// a store that takes its own failure for "there is no such paper" loses papers.
func named(doing string, err error) error {
	sentinel := storage.ErrUnavailable
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrDamaged):
		return err
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen), errors.Is(err, bolterrors.ErrTxClosed):
		sentinel = storage.ErrClosed
	case errors.Is(err, bolterrors.ErrTimeout):
		sentinel = storage.ErrInUse
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		sentinel = storage.ErrDamaged
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EDQUOT):
		sentinel = storage.ErrNoSpace
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, bolterrors.ErrDatabaseReadOnly):
		sentinel = storage.ErrReadOnly
	}
	return fmt.Errorf("%s: %w: %w", doing, sentinel, err)
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
