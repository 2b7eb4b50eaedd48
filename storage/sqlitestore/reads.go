package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"reconnect.example/storage"
)

const (
	getSQL = `SELECT version, value FROM records WHERE key = ?`
	// One lower bound alone takes part in the search, and SQLite takes the first
	// one that it finds: with +, which hides the column from it, the second only
	// drops a key that is equal to the bound. Otherwise a scan of one vault would
	// read every vault before it.
	scanSQL = `SELECT key, version, value FROM records WHERE key >= ? AND +key > ? AND key < ? ORDER BY key LIMIT ?`
	// One statement for any number of keys: one state of the database.
	versionsSQL = `SELECT key, version FROM records WHERE key IN (SELECT value FROM json_each(?))`
)

// reads answers from connections of its own, which see the last commit and do
// not wait for the one under way.
type reads struct {
	mu                  sync.RWMutex // held for reading by every read; the writer empties the log alone
	db                  *sql.DB
	get1, scan1, verify *sql.Stmt
}

func (r *reads) open(ctx context.Context, path string) (err error) {
	if r.db, err = openPool(dataSource(path, "query_only(ON)"), readers()); err != nil {
		return err
	}
	for statement, query := range map[**sql.Stmt]string{&r.get1: getSQL, &r.scan1: scanSQL, &r.verify: versionsSQL} {
		if *statement, err = r.db.PrepareContext(ctx, query); err != nil {
			return sqliteError("open", err)
		}
	}
	return nil
}

func (r *reads) get(ctx context.Context, key string) (storage.Record, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	found := storage.Record{Key: key}
	err := r.get1.QueryRowContext(ctx, key).Scan(&found.Version, &found.Value)
	if errors.Is(err, sql.ErrNoRows) {
		return storage.Record{}, storage.ErrNotFound
	}
	if err != nil {
		return storage.Record{}, readError(ctx, err)
	}
	return found, nil
}

func (r *reads) scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	rows, err := r.scan1.QueryContext(ctx, max(prefix, after), after, behind(prefix), limit)
	if err != nil {
		return nil, readError(ctx, err)
	}
	return page(ctx, rows)
}

// page reads and closes rows of scanSQL.
func page(ctx context.Context, rows *sql.Rows) ([]storage.Record, error) {
	defer rows.Close()
	var found []storage.Record
	for rows.Next() {
		var r storage.Record
		if err := rows.Scan(&r.Key, &r.Version, &r.Value); err != nil {
			return nil, readError(ctx, err)
		}
		found = append(found, r)
	}
	// A page cut short by a fault must not look like the last one.
	if err := rows.Err(); err != nil {
		return nil, readError(ctx, err)
	}
	return found, nil
}

// behind returns the first string that is greater than all keys with the prefix.
func behind(prefix string) string {
	if prefix == "" {
		return "\x7f"
	}
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// confirm is a commit without writes. It needs no turn of the writer.
func (r *reads) confirm(ctx context.Context, checks []storage.Check) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := hold(ctx, r.verify, checks); err != nil {
		if errors.Is(err, storage.ErrConflict) {
			return err
		}
		return readError(ctx, err)
	}
	return nil
}

func (r *reads) close() error {
	if r.db == nil {
		return nil
	}
	if err := r.db.Close(); err != nil {
		return sqliteError("close", err)
	}
	return nil
}

// hold returns ErrConflict unless all checks hold.
func hold(ctx context.Context, versions *sql.Stmt, checks []storage.Check) error {
	if len(checks) == 0 {
		return nil
	}
	keys := make([]string, len(checks))
	for i, c := range checks {
		keys[i] = c.Key
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	rows, err := versions.QueryContext(ctx, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	current := make(map[string]storage.Version, len(checks))
	for rows.Next() {
		var key string
		var version storage.Version
		if err := rows.Scan(&key, &version); err != nil {
			return err
		}
		current[key] = version
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, c := range checks {
		if current[c.Key] != c.Version {
			return fmt.Errorf("%w: %q", storage.ErrConflict, c.Key)
		}
	}
	return nil
}

// readError prefers the reason why a read was interrupted to the fact that it was.
func readError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return sqliteError("read", err)
}
