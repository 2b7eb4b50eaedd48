// Package memstore keeps records and blobs in memory, for tests and examples:
// everything is gone when the process ends. It is registered as "mem":
//
//	store, err := storage.Open(ctx, "mem://")
//	blobs, err := storage.OpenBlobs(ctx, "mem://")
//
// Every opening is a new and empty store.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"reconnect.example/storage"
)

func init() {
	storage.Register("mem", func(_ context.Context, u *url.URL) (storage.Driver, error) {
		if err := checkURL(u); err != nil {
			return nil, err
		}
		return New(), nil
	})
	storage.RegisterBlobs("mem", func(_ context.Context, u *url.URL) (storage.Blobs, error) {
		if err := checkURL(u); err != nil {
			return nil, err
		}
		return NewBlobs(), nil
	})
}

// checkURL refuses a URL that seems to name one store among several, or options.
func checkURL(u *url.URL) error {
	if u.String() != "mem:" && u.String() != "mem://" {
		return fmt.Errorf("%w: the URL of a store in memory is mem:// and nothing more", storage.ErrInvalid)
	}
	return nil
}

// Driver keeps records in memory. It fulfils the contract of [storage.Driver]
// but for durability.
type Driver struct {
	mu      sync.RWMutex
	records map[string]storage.Record
	keys    []string // of records, in order
	last    storage.Version
	closed  bool
}

var (
	_ storage.Driver      = (*Driver)(nil)
	_ storage.Snapshotter = (*Driver)(nil)
)

// New makes an empty store of records.
func New() *Driver {
	return &Driver{records: make(map[string]storage.Record)}
}

// Get implements [storage.Driver].
func (d *Driver) Get(ctx context.Context, key string) (storage.Record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return storage.Record{}, err
	}
	r, ok := d.records[key]
	if !ok {
		return storage.Record{}, storage.ErrNotFound
	}
	return copied(r), nil
}

// Scan implements [storage.Driver].
func (d *Driver) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	start, found := slices.BinarySearch(d.keys, max(prefix, after))
	if found && d.keys[start] == after {
		start++
	}
	var page []storage.Record
	for _, key := range d.keys[start:] {
		if len(page) == limit || !strings.HasPrefix(key, prefix) {
			break
		}
		page = append(page, copied(d.records[key]))
	}
	return page, nil
}

// Commit implements [storage.Driver].
func (d *Driver) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return err
	}
	for _, c := range checks {
		if d.records[c.Key].Version != c.Version {
			return fmt.Errorf("%w: %q", storage.ErrConflict, c.Key)
		}
	}
	d.last++
	for _, w := range writes {
		place, there := slices.BinarySearch(d.keys, w.Key)
		switch {
		case w.Delete && there:
			delete(d.records, w.Key)
			d.keys = slices.Delete(d.keys, place, place+1)
		case w.Delete:
		default:
			d.records[w.Key] = copied(storage.Record{Key: w.Key, Value: w.Value, Version: d.last})
			if !there {
				d.keys = slices.Insert(d.keys, place, w.Key)
			}
		}
	}
	return nil
}

// Close implements [storage.Driver] and forgets everything.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.records, d.keys = true, nil, nil
	return nil
}

func (d *Driver) ready(ctx context.Context) error {
	if d.closed {
		return storage.ErrClosed
	}
	return ctx.Err()
}

func copied(r storage.Record) storage.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}
