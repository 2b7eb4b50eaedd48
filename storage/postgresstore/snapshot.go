package postgresstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"reconnect.example/storage"
)

// The state of a transaction is that of its first query and not of its BEGIN:
// without the last statement it would be that of the first Scan. A backup may
// think between two pages for longer than the server lets others do.
const beginSnapshot = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT 1`

// longestGoodbye bounds how long the end of a snapshot waits for the server.
const longestGoodbye = 5 * time.Second

// snapshot is a transaction on a connection of its own, so that snapshots take
// none from the pool.
type snapshot struct {
	driver *Driver

	mu     sync.Mutex
	conn   *pgx.Conn
	closed bool
}

// Snapshot implements [storage.Snapshotter]. While it is open the server cannot
// clear away what is replaced and deleted. A Scan whose context ends breaks its
// connection: the snapshot then answers ErrUnavailable.
func (d *Driver) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("read: %w", explain(ctx, err))
	}
	if _, err := conn.PgConn().Exec(ctx, beginSnapshot).ReadAll(); err != nil {
		goodbye(conn)
		return nil, fmt.Errorf("read: %w", explain(ctx, err))
	}
	s := &snapshot{driver: d, conn: conn}
	d.snapshots.Add(s)
	return s, nil
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
	page, err := scan(ctx, s.conn, prefix, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read: %w", explain(ctx, err))
	}
	return page, nil
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
	goodbye(s.conn)
	return nil
}

// goodbye ends a connection. Whether the server hears it does not matter to anybody.
func goodbye(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), longestGoodbye)
	defer cancel()
	_ = conn.Close(ctx)
}
