package postgresstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"reconnect.example/storage"
)

// Each of these is one statement, and so of one state of the database: under
// READ COMMITTED that of all transactions that had committed when it began.
const (
	getSQL  = `SELECT version, value FROM reconnect.records WHERE key = $1`
	scanSQL = `SELECT key, version, value FROM reconnect.records WHERE key > $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4`
	holdSQL = `
SELECT c.key FROM unnest($1::text[], $2::bigint[]) AS c (key, version)
WHERE c.version <> coalesce((SELECT r.version FROM reconnect.records AS r WHERE r.key = c.key), 0)
LIMIT 1`
)

// queryer is a connection, of the pool or of a snapshot.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func get(ctx context.Context, q queryer, key string) (storage.Record, error) {
	found := storage.Record{Key: key}
	err := q.QueryRow(ctx, getSQL, key).Scan(&found.Version, &found.Value)
	return found, err
}

func scan(ctx context.Context, q queryer, prefix, after string, limit int) ([]storage.Record, error) {
	rows, err := q.Query(ctx, scanSQL, after, prefix, behind(prefix), limit)
	if err != nil {
		return nil, err
	}
	// It returns the error of a page that was cut short, which must not look like the last one.
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r storage.Record, err error) {
		err = row.Scan(&r.Key, &r.Version, &r.Value)
		return r, err
	})
}

// behind returns the first string that is greater than all keys with the prefix.
func behind(prefix string) string {
	if prefix == "" {
		return "\x7f"
	}
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// hold is a commit without writes. What one statement sees is one instant, so
// that it needs no locks.
func hold(ctx context.Context, q queryer, checks []storage.Check) error {
	keys, versions := columns(checks)
	var moved string
	switch err := q.QueryRow(ctx, holdSQL, keys, versions).Scan(&moved); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %q", storage.ErrConflict, moved)
}

// columns turns checks into two arrays. A version that no sequence can give
// becomes negative, and never holds.
func columns(checks []storage.Check) (keys []string, versions []int64) {
	keys, versions = make([]string, len(checks)), make([]int64, len(checks))
	for i, c := range checks {
		keys[i], versions[i] = c.Key, int64(c.Version)
	}
	return keys, versions
}

// read does what changes nothing. If the connection breaks, the others of the
// pool are likely broken too, as after a restart of the server: it tries once
// more with a new one.
func (d *Driver) read(ctx context.Context, do func(queryer) error) error {
	for again := false; ; again = true {
		err := d.readOnce(ctx, do)
		switch {
		case err == nil, errors.Is(err, storage.ErrConflict):
			return err
		case errors.Is(err, pgx.ErrNoRows):
			return storage.ErrNotFound
		case ctx.Err() != nil, again, refused(err):
			return fmt.Errorf("read: %w", explain(ctx, err))
		}
		d.pool.Reset()
	}
}

func (d *Driver) readOnce(ctx context.Context, do func(queryer) error) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return do(conn)
}
