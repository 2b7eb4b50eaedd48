package quota_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

const vault = "v1"

// clock is moved by the test alone.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, time.November, 21, 9, 30, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) forward(by time.Duration) { c.nanos.Add(int64(by)) }

// books is a store with one open owner, and calls of package quota that are each
// a transaction of their own.
type books struct {
	t     require.TestingT
	ctx   context.Context
	q     *quota.Quota
	store *storage.Store
	blobs storage.Blobs
	clock *clock
}

func openBooks(t *testing.T, c quota.Config) *books {
	return openBooksOn(t, memstore.New(), c)
}

func openBooksOn(t require.TestingT, driver storage.Driver, c quota.Config) *books {
	b := &books{t: t, ctx: context.Background(), store: storage.New(driver), blobs: memstore.NewBlobs(), clock: newClock()}
	c.Now = b.clock.now
	var err error
	b.q, err = quota.New(c)
	require.NoError(t, err)
	require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Open(tx, vault) }))
	return b
}

// do commits fn, also when many others write the same ledger.
func (b *books) do(fn func(tx *storage.Tx) error) error {
	for {
		if err := b.store.Transact(b.ctx, fn); !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

func (b *books) reserve(id string, bytes int64) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.Reserve(tx, vault, quota.Reservation{ID: id, Blob: blobOf(id), Bytes: bytes})
		return err
	})
	return r, err
}

func (b *books) reserveUpTo(id string, bytes int64) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.ReserveUpTo(tx, vault, quota.Reservation{ID: id, Blob: blobOf(id), Bytes: bytes})
		return err
	})
	return r, err
}

func (b *books) grow(id string, bytes int64) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.Grow(tx, vault, id, bytes)
		return err
	})
	return r, err
}

func (b *books) growUpTo(id string, bytes int64) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.GrowUpTo(tx, vault, id, bytes)
		return err
	})
	return r, err
}

func (b *books) renew(id string) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.Renew(tx, vault, id)
		return err
	})
	return r, err
}

func (b *books) beginSweep(id string) (r quota.Reservation, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		r, err = b.q.BeginSweep(tx, vault, id)
		return err
	})
	return r, err
}

func (b *books) endSweep(id string) error {
	return b.do(func(tx *storage.Tx) error { return b.q.EndSweep(tx, vault, id) })
}

func (b *books) settle(id string, bytes int64) error {
	return b.do(func(tx *storage.Tx) error { return b.q.Settle(tx, vault, id, bytes) })
}

func (b *books) cancel(id string) error {
	return b.do(func(tx *storage.Tx) error { return b.q.Cancel(tx, vault, id) })
}

func (b *books) charge(delta int64) error {
	return b.do(func(tx *storage.Tx) error { return b.q.Charge(tx, vault, delta) })
}

func (b *books) usage() quota.Usage {
	u, err := b.tryUsage()
	require.NoError(b.t, err)
	return u
}

func (b *books) tryUsage() (u quota.Usage, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		u, err = b.q.Usage(tx, vault)
		return err
	})
	return u, err
}

// sweep is what a server does once in a while.
func (b *books) sweep() { require.NoError(b.t, b.trySweep()) }

func (b *books) trySweep() error {
	for d, err := range b.store.DueBefore(b.ctx, b.clock.now()) {
		if err != nil {
			return err
		}
		for {
			if err = b.q.Sweep(b.ctx, b.store, b.blobs, d); !errors.Is(err, storage.ErrConflict) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keys lists what the store holds under a prefix.
func (b *books) keys(prefix string) (keys []string) {
	for r, err := range b.store.All(b.ctx, prefix) {
		require.NoError(b.t, err)
		keys = append(keys, r.Key)
	}
	return keys
}

func (b *books) write(id string, bytes int) error {
	w, err := b.blobs.Create(b.ctx, blobOf(id), int64(bytes))
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(make([]byte, bytes)); err != nil {
		return err
	}
	return w.Close()
}

func (b *books) stored(id string) bool {
	_, err := b.blobs.Size(b.ctx, blobOf(id))
	if errors.Is(err, storage.ErrNotFound) {
		return false
	}
	require.NoError(b.t, err)
	return true
}

// overwrite damages a record behind the back of the package.
func (b *books) overwrite(key string, value []byte) {
	require.NoError(b.t, b.do(func(tx *storage.Tx) error {
		tx.Put(key, value)
		return nil
	}))
}

func blobOf(id string) string { return vault + "/b-" + id }

func newID() string { return strings.ToLower(rand.Text()) }
