package storagetest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"reconnect.example/storage"
)

func (d *toy) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return err
	}
	if d.flaw == flawSnapshotBlocks && d.snapshots > 0 {
		return context.DeadlineExceeded // or so it would be in the end
	}
	if d.flaw == flawWritesFirst {
		d.write(writes)
		return d.check(checks, writes)
	}
	if err := d.check(checks, writes); err != nil {
		return err
	}
	if d.flaw == flawChecksEarly || d.flaw == flawSkew {
		d.disk.mu.Unlock()
		linger()
		d.disk.mu.Lock()
		if d.flaw == flawSkew {
			if err := d.check(written(checks, writes), writes); err != nil {
				return err
			}
		}
	}
	if err := d.write(writes); err != nil {
		return err
	}
	if d.flaw == flawPlainContext {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Microsecond):
		}
	}
	return nil
}

// written returns the checks of records that are written.
func written(checks []storage.Check, writes []storage.Write) []storage.Check {
	var own []storage.Check
	for _, c := range checks {
		for _, w := range writes {
			if w.Key == c.Key {
				own = append(own, c)
			}
		}
	}
	return own
}

func (d *toy) check(checks []storage.Check, writes []storage.Write) error {
	switch d.flaw {
	case flawNoChecks:
		checks = nil
	case flawOwnChecks:
		checks = written(checks, writes)
	case flawNoWritesNoCk:
		if len(writes) == 0 {
			checks = nil
		}
	case flawFewChecks:
		checks = checks[:min(len(checks), 100)]
	}
	for _, c := range checks {
		current := d.disk.records[d.fold(c.Key)].Version
		switch {
		case d.flaw == flawNoAbsence && c.Version == 0:
		case d.flaw == flawNewerIsFine && c.Version != 0 && current > c.Version:
		case current != c.Version:
			return storage.ErrConflict
		}
	}
	return nil
}

func (d *toy) write(writes []storage.Write) error {
	d.disk.last++
	for i, w := range writes {
		if d.flaw == flawPiecemeal && i > 0 {
			d.disk.mu.Unlock()
			linger()
			d.disk.mu.Lock()
		}
		if d.flaw == flawLosesWrites && d.disk.last%7 == 0 {
			continue
		}
		key := d.fold(w.Key)
		before, there := d.disk.records[key]
		if there {
			d.stale[key] = before
		}
		if w.Delete {
			if !there && d.flaw == flawDeleteError {
				return errors.New("no such record")
			}
			if there {
				d.disk.deleted[key] = before
			}
			delete(d.disk.records, key)
			continue
		}
		delete(d.disk.deleted, key)
		d.disk.records[key] = d.next(before, storage.Record{Key: key, Value: w.Value, Version: d.disk.last})
	}
	return nil
}

// next makes of a write the record that replaces before.
func (d *toy) next(before, r storage.Record) storage.Record {
	switch {
	case d.flaw == flawOwnVersions:
		r.Version = before.Version + 1
	case d.flaw == flawSameVersion && before.Version != 0 && bytes.Equal(before.Value, r.Value):
		r.Version = before.Version
	}
	if d.flaw == flawCutsValues {
		r.Value = r.Value[:min(len(r.Value), 64<<10)]
	}
	if d.flaw != flawKeepsSlice {
		r.Value = bytes.Clone(r.Value)
	}
	return r
}
