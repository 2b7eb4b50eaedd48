package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"reconnect.example/storage"
)

// snapshot is a read transaction on a connection of its own, so that snapshots
// take none from those that read. In the mode WAL it holds up nobody; but the
// log cannot be emptied past it, and grows.
type snapshot struct {
	driver *Driver

	mu     sync.Mutex
	db     *sql.DB
	tx     *sql.Tx
	closed bool
}

// Snapshot implements [storage.Snapshotter]. While it is open, the log beside
// the database grows by all that is written.
func (d *Driver) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	db, err := openPool(dataSource(d.path, "query_only(ON)"), 1)
	if err != nil {
		return nil, err
	}
	s := &snapshot{driver: d, db: db}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(readError(ctx, err), s.release())
	}
	d.snapshots.Add(s)
	return s, nil
}

// begin reads something: the state of a transaction is that of its first read.
func (s *snapshot) begin(ctx context.Context) (err error) {
	// Not ctx, which would roll the transaction back when it ends.
	if s.tx, err = s.db.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true}); err != nil {
		return err
	}
	var last storage.Version
	return s.tx.QueryRowContext(ctx, "SELECT last FROM sequence").Scan(&last)
}

// Scan implements [storage.Snapshot].
func (s *snapshot) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := s.tx.QueryContext(ctx, scanSQL, max(prefix, after), after, behind(prefix), limit)
	if err != nil {
		return nil, readError(ctx, err)
	}
	return page(ctx, rows)
}

// Close implements [storage.Snapshot].
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.driver.snapshots.Remove(s)
	return s.release()
}

func (s *snapshot) release() error {
	var errs []error
	if s.tx != nil {
		errs = append(errs, s.tx.Rollback())
	}
	if err := errors.Join(append(errs, s.db.Close())...); err != nil {
		return sqliteError("close a snapshot", err)
	}
	return nil
}
