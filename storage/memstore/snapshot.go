package memstore

import (
	"context"
	"maps"
	"slices"
	"sync"

	"reconnect.example/storage"
)

// snapshot is a second store with the same records, which nobody writes to. They
// share the values, which are replaced and never changed.
type snapshot struct {
	of *Driver

	mu     sync.Mutex
	copied *Driver
}

// Snapshot implements [storage.Snapshotter].
func (d *Driver) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return &snapshot{of: d, copied: &Driver{records: maps.Clone(d.records), keys: slices.Clone(d.keys)}}, nil
}

// Scan implements [storage.Snapshot].
func (s *snapshot) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of.mu.RLock()
	closed := s.of.closed
	s.of.mu.RUnlock()
	if closed {
		return nil, storage.ErrClosed
	}
	return s.copied.Scan(ctx, prefix, after, limit)
}

// Close implements [storage.Snapshot] and forgets the copy.
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copied.Close()
}
