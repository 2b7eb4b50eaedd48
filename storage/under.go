package storage

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Under returns a driver that sees only the records of another driver whose keys
// begin with prefix, without it, so that one store serves several users who
// can neither see nor change each other's records:
//
//	alpha := storage.Under(driver, "alpha/")
//	beta := storage.Under(driver, "beta/")
//
// No prefix may begin another one; end each with the same character that none
// has elsewhere. The prefix takes its length from [MaxKey]: a longer key answers
// ErrInvalid, and so does everything if prefix itself is not printable ASCII of
// at most MaxKey bytes. All else is as the inner driver does it, also
// [Snapshotter] if it is one.
//
// Closing ends this view after its commits under way, and not the inner driver,
// which whoever opened it closes afterwards.
func Under(driver Driver, prefix string) Driver {
	u := &under{inner: driver, prefix: prefix}
	if snapshotter, ok := driver.(Snapshotter); ok {
		return &underSnapshotter{under: u, inner: snapshotter}
	}
	return u
}

// Under returns the part of s that [Under] makes of its driver. Closing it does
// not close s.
func (s *Store) Under(prefix string) *Store { return New(Under(s.driver, prefix)) }

// under puts a prefix before every key that goes in, and takes it from every key
// that comes out.
type under struct {
	inner  Driver
	prefix string

	mu     sync.RWMutex // held for reading by each call, so that Close waits for them
	closed bool
}

// begin starts a call; end it with done if there is no error.
func (u *under) begin() (done func(), err error) {
	if err := checkText("prefix", u.prefix); err != nil {
		return nil, err
	}
	u.mu.RLock()
	if u.closed {
		u.mu.RUnlock()
		return nil, ErrClosed
	}
	return u.mu.RUnlock, nil
}

// key is that of the inner driver. A driver that was handed more than MaxKey
// could cut it, and two users would share a record.
func (u *under) key(key string) (string, error) {
	if len(u.prefix)+len(key) > MaxKey {
		return "", fmt.Errorf("%w: a key of %d bytes below a prefix of %d", ErrInvalid, len(key), len(u.prefix))
	}
	return u.prefix + key, nil
}

// Get implements [Driver].
func (u *under) Get(ctx context.Context, key string) (Record, error) {
	done, err := u.begin()
	if err != nil {
		return Record{}, err
	}
	defer done()
	if key, err = u.key(key); err != nil {
		return Record{}, err
	}
	r, err := u.inner.Get(ctx, key)
	r.Key = strings.TrimPrefix(r.Key, u.prefix)
	return r, err
}

// Scan implements [Driver].
func (u *under) Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error) {
	done, err := u.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	return scanUnder(ctx, u.inner.Scan, u.prefix, prefix, after, limit)
}

// scanUnder asks for what stands after the prefix itself even from the
// beginning: a record with just the prefix for its key would have none here.
func scanUnder(ctx context.Context, scan func(ctx context.Context, prefix, after string, limit int) ([]Record, error),
	under, prefix, after string, limit int,
) ([]Record, error) {
	if len(under)+max(len(prefix), len(after)) > MaxKey {
		return nil, fmt.Errorf("%w: scan of more than %d bytes below a prefix of %d", ErrInvalid, MaxKey-len(under), len(under))
	}
	page, err := scan(ctx, under+prefix, under+after, limit)
	for i := range page {
		page[i].Key = strings.TrimPrefix(page[i].Key, under)
	}
	return page, err
}

// Commit implements [Driver].
func (u *under) Commit(ctx context.Context, checks []Check, writes []Write) error {
	done, err := u.begin()
	if err != nil {
		return err
	}
	defer done()
	innerChecks, innerWrites := make([]Check, len(checks)), make([]Write, len(writes)) // the caller's stay as they are
	for i, c := range checks {
		if c.Key, err = u.key(c.Key); err != nil {
			return err
		}
		innerChecks[i] = c
	}
	for i, w := range writes {
		if w.Key, err = u.key(w.Key); err != nil {
			return err
		}
		innerWrites[i] = w
	}
	return u.inner.Commit(ctx, innerChecks, innerWrites)
}

// Close implements [Driver].
func (u *under) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	return nil
}

// underSnapshotter is an under whose inner driver takes snapshots.
type underSnapshotter struct {
	*under
	inner Snapshotter
}

// Snapshot implements [Snapshotter].
func (u *underSnapshotter) Snapshot(ctx context.Context) (Snapshot, error) {
	done, err := u.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	inner, err := u.inner.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &underSnapshot{view: u.under, inner: inner}, nil
}

// underSnapshot is the part of a snapshot below a prefix. It ends with its view,
// but only its own Close releases what the inner one holds.
type underSnapshot struct {
	view  *under
	inner Snapshot
}

// Scan implements [Snapshot].
func (s *underSnapshot) Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error) {
	done, err := s.view.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	return scanUnder(ctx, s.inner.Scan, s.view.prefix, prefix, after, limit)
}

// Close implements [Snapshot].
func (s *underSnapshot) Close() error { return s.inner.Close() }
