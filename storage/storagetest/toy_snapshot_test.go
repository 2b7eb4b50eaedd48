package storagetest

import (
	"context"
	"sync"

	"reconnect.example/storage"
)

const (
	flawSnapshotIsLive   = "reads what is there now and not the snapshot"
	flawSnapshotIsLate   = "takes the snapshot when it is first read"
	flawSnapshotIsOld    = "takes the snapshot that it took for the one before"
	flawSnapshotIsTorn   = "takes the snapshot while others write"
	flawSnapshotBlocks   = "lets nobody commit while a snapshot is open"
	flawSnapshotStays    = "goes on after the snapshot was closed"
	flawSnapshotOutlives = "reads a snapshot of a closed store"
)

// toySnapshot is a copy of a toy.
type toySnapshot struct {
	of     *toy
	copied *toy
	mu     sync.Mutex
	closed bool
}

func (d *toy) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	s := &toySnapshot{of: d}
	if d.flaw != flawSnapshotIsLate {
		s.copied = d.copyOfAll()
	}
	if d.flaw == flawSnapshotIsOld {
		s.copied, d.lastSnapshot = d.lastSnapshot, s.copied
		if s.copied == nil {
			s.copied = d.lastSnapshot
		}
	}
	d.snapshots++
	return s, nil
}

// copyOfAll is called with the lock held.
func (d *toy) copyOfAll() *toy {
	disk := newToyDisk()
	for i, key := range d.keys("") {
		if d.flaw == flawSnapshotIsTorn && i%5 == 4 {
			d.disk.mu.Unlock()
			linger()
			d.disk.mu.Lock()
		}
		if r, ok := d.disk.records[key]; ok {
			disk.records[key] = r
		}
	}
	return openToy(disk, d.flaw)
}

func (s *toySnapshot) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed && s.of.flaw != flawSnapshotStays {
		return nil, storage.ErrClosed
	}
	if s.of.flaw == flawSnapshotIsLive {
		return s.of.Scan(ctx, prefix, after, limit)
	}
	s.of.disk.mu.Lock()
	if s.copied == nil {
		s.copied = s.of.copyOfAll()
	}
	over := s.of.closed && s.of.flaw != flawSnapshotOutlives
	s.of.disk.mu.Unlock()
	if over {
		return nil, storage.ErrClosed
	}
	return s.copied.Scan(ctx, prefix, after, limit)
}

func (s *toySnapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.of.disk.mu.Lock()
	defer s.of.disk.mu.Unlock()
	s.of.snapshots--
	return nil
}
