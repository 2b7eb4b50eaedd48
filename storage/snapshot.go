package storage

import (
	"context"
	"fmt"
)

// Snapshotter is what a [Driver] offers besides, if it can: all records as they
// were at one instant. Backups need it, because two pages of a plain Scan are
// two instants. storagetest.Run proves it of the drivers that have it.
type Snapshotter interface {
	// Snapshot returns the records of one instant between its call and its
	// return, whatever is committed afterwards; commits go on meanwhile. The
	// caller closes it. An old snapshot may cost the store space until then.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is the state of a store at one instant. It may be used by one
// goroutine at a time.
type Snapshot interface {
	// Scan is that of [Driver], of this instant.
	Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error)
	// Close releases what the snapshot holds. Scan answers ErrClosed afterwards.
	Close() error
}

// Snapshot returns the records of one instant, for a backup. ErrInvalid if the
// driver takes no snapshots. See [Snapshotter].
func (s *Store) Snapshot(ctx context.Context) (Snapshot, error) {
	d, ok := s.driver.(Snapshotter)
	if !ok {
		return nil, fmt.Errorf("snapshot: %w: the driver of this store takes no snapshots", ErrInvalid)
	}
	snapshot, err := d.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", closedSet(err))
	}
	return snapshot, nil
}
