// Package sqlitestore keeps records in one SQLite database: durable, on one
// machine, for one process. It is registered as "sqlite":
//
//	sqlite:///var/lib/safe/records.db    an absolute path
//	sqlite:data/records.db               a path relative to the working directory
//	sqlite:data/records.db?existing=true only if it is there already
//
// In a path, "?", "#" and "%" are written %3F, %23 and %25.
//
// # On disk
//
// Beside records.db lie records.db-wal and records.db-shm, which are SQLite's
// log and belong to the database while it is open or after a crash: copy or move
// all three together, or none but the first after the process has ended in
// order. All files are readable by their owner only. records.db.lock is the lock
// by which a second process, or a second opening, is refused with
// [storage.ErrInUse]; it may stay.
//
// A commit is in the log and flushed (synchronous=FULL) when it is answered.
// Commits that arrive together are flushed together. What is deleted is
// overwritten with zeros in the database, and disappears from the log as the log
// is reused: after some four megabytes of further writing, or at Close.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"reconnect.example/internal/closing"
	"reconnect.example/storage"
)

// Options are the choices of [Open].
type Options struct {
	// Existing refuses, with ErrNotFound, to create a database that is not there:
	// it catches a disk that was not mounted.
	Existing bool
}

// Driver keeps records in an SQLite database. Open makes one.
type Driver struct {
	mu     sync.RWMutex // every call holds it for reading; Close needs it alone
	closed bool

	path      string
	lock      *os.File
	reads     reads
	writes    *writer
	snapshots closing.Open[*snapshot]
}

var (
	_ storage.Driver      = (*Driver)(nil)
	_ storage.Snapshotter = (*Driver)(nil)
)

// Open opens the database in the file of that path, or creates it; its folder
// must be there. opts may be nil. Errors:
//
//   - ErrInUse: another process, or this one, has it open.
//   - ErrNotFound: the folder, or with Options.Existing the file, is not there.
//   - ErrReadOnly, ErrNoSpace: the folder or file cannot be written.
//   - ErrDamaged: it is no database, or a truncated or overwritten one.
//   - ErrInvalid: it is another program's, or that of a newer version.
func Open(ctx context.Context, path string, opts *Options) (*Driver, error) {
	if opts == nil {
		opts = &Options{}
	}
	path, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	d := &Driver{path: path}
	if err := d.open(ctx, path, opts); err != nil {
		return nil, fmt.Errorf("sqlitestore: %s: %w", path, errors.Join(err, d.Close()))
	}
	return d, nil
}

func (d *Driver) open(ctx context.Context, path string, opts *Options) (err error) {
	if opts.Existing && missing(path) {
		return fmt.Errorf("%w: there is no database; is the disk mounted?", storage.ErrNotFound)
	}
	if d.lock, err = lockFile(path + ".lock"); err != nil {
		return err
	}
	if missing(path) {
		if err := create(ctx, path); err != nil {
			return err
		}
	}
	if err := checkFile(path); err != nil {
		return err
	}
	if d.writes, err = openWriter(ctx, path, &d.reads.mu); err != nil {
		return err
	}
	return d.reads.open(ctx, path)
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// resolve gives one file one name, so that two ways to it meet at one lock.
func resolve(path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("%w: no file is named", storage.ErrInvalid)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", systemError("find it", err)
	}
	whole, err := filepath.EvalSymlinks(path)
	if err == nil {
		return whole, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", systemError("find it", err)
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", systemError("find its folder", err)
	}
	return filepath.Join(folder, filepath.Base(path)), nil
}

// Get implements [storage.Driver].
func (d *Driver) Get(ctx context.Context, key string) (storage.Record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return storage.Record{}, err
	}
	return d.reads.get(ctx, key)
}

// Scan implements [storage.Driver].
func (d *Driver) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.reads.scan(ctx, prefix, after, limit)
}

// Commit implements [storage.Driver]. It is flushed to disk, alone or with the
// commits that arrive at the same time, before it returns nil.
func (d *Driver) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return err
	}
	if len(writes) == 0 {
		return d.reads.confirm(ctx, checks)
	}
	return d.writes.commit(ctx, checks, writes)
}

// Close implements [storage.Driver]: it waits for the calls under way, closes
// the snapshots that are open, empties the log into the database and lets go of the lock.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	errs := []error{d.snapshots.Close(), d.reads.close()}
	if d.writes != nil { // last, because the last connection empties the log
		errs = append(errs, d.writes.close())
	}
	if d.lock != nil { // after them, so that nobody opens what is still in use
		errs = append(errs, unlock(d.lock))
	}
	return errors.Join(errs...)
}

func (d *Driver) ready(ctx context.Context) error {
	if d.closed {
		return storage.ErrClosed
	}
	return ctx.Err()
}

// openPool opens connections that are kept for as long as the driver lives.
func openPool(source string, connections int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, sqliteError("open", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// readers is how many reads can go on at once; more wait.
func readers() int { return max(4, 2*runtime.GOMAXPROCS(0)) }
