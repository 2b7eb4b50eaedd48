package postgresstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"reconnect.example/internal/closing"
	"reconnect.example/storage"
)

// Driver keeps records in a database of PostgreSQL. Open makes one.
type Driver struct {
	mu     sync.RWMutex // every call holds it for reading; Close needs it alone
	closed bool

	pool      *pgxpool.Pool
	snapshots closing.Open[*snapshot]
}

var (
	_ storage.Driver      = (*Driver)(nil)
	_ storage.Snapshotter = (*Driver)(nil)
)

// Open opens the database that a URL names and creates, or brings up to date,
// what the store keeps there. Errors, none of which repeats the URL:
//
//   - ErrInvalid: the URL is wrong, the database was written by a newer version,
//     or the server runs with fsync off.
//   - ErrReadOnly: the server is a standby, or the role may not do what is needed.
//   - ErrUnavailable: the server cannot be reached, or refuses the role, the
//     password or the name of the database.
func Open(ctx context.Context, rawURL string) (*Driver, error) {
	config, err := configure(rawURL)
	if err != nil {
		return nil, fmt.Errorf("postgresstore: %w", err)
	}
	if err := migrate(ctx, config.ConnConfig); err != nil {
		return nil, fmt.Errorf("postgresstore: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgresstore: %w", explain(ctx, err))
	}
	return &Driver{pool: pool}, nil
}

// Get implements [storage.Driver].
func (d *Driver) Get(ctx context.Context, key string) (found storage.Record, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return storage.Record{}, err
	}
	err = d.read(ctx, func(q queryer) (err error) {
		found, err = get(ctx, q, key)
		return err
	})
	if err != nil {
		return storage.Record{}, err
	}
	return found, nil
}

// Scan implements [storage.Driver].
func (d *Driver) Scan(ctx context.Context, prefix, after string, limit int) (page []storage.Record, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	err = d.read(ctx, func(q queryer) (err error) {
		page, err = scan(ctx, q, prefix, after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Commit implements [storage.Driver], in one round trip. It is on the disk of
// the server, and of its synchronous standbys if it has any, before it returns
// nil.
func (d *Driver) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return err
	}
	switch {
	case len(writes) > 0:
		return d.commit(ctx, checks, writes)
	case len(checks) > 0:
		return d.read(ctx, func(q queryer) error { return hold(ctx, q, checks) })
	}
	return nil
}

// Close implements [storage.Driver]: it waits for the calls under way, and ends
// all connections and the snapshots that are open.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.snapshots.Close()
	d.pool.Close()
	return err
}

func (d *Driver) ready(ctx context.Context) error {
	if d.closed {
		return storage.ErrClosed
	}
	return ctx.Err()
}
