package quota_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
)

// What stored 378 MB elsewhere.
func TestFortyUploadsOfTenMegabytesAtOnceStoreExactlyFifteen(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	var stored, full atomic.Int64
	var uploads sync.WaitGroup
	for range 40 {
		uploads.Go(func() {
			id := newID()
			_, err := b.reserve(id, 10_000_000)
			if errors.Is(err, quota.ErrFull) {
				full.Add(1)
				return
			}
			if err == nil {
				err = b.settle(id, 10_000_000)
			}
			if err == nil {
				stored.Add(1)
			}
		})
	}
	uploads.Wait()
	require.EqualValues(t, 15, stored.Load())
	require.EqualValues(t, 25, full.Load())
	require.Equal(t, quota.Usage{Limit: 150_000_000, Used: 150_000_000}, b.usage())
}

// crowd is many writers of one owner, of whom some give up and some die, with
// sweepers at work and time passing.
type crowd struct {
	*books
	// time stands still while a writer looks at it and closes its blob: the grace
	// of the sweepers covers what passes there.
	time sync.RWMutex

	mu   sync.Mutex
	ids  []string         // every upload that was begun
	kept map[string]int64 // what was acknowledged
}

func (c *crowd) sum() (sum int64) {
	for _, bytes := range c.kept {
		sum += bytes
	}
	return sum
}

// upload is the life of one document, as a vault does it.
func (c *crowd) upload() error {
	id, size := newID(), rand.Int64N(40)
	r, err := c.reserveUpTo(id, 8)
	if errors.Is(err, quota.ErrFull) || errors.Is(err, quota.ErrTooMany) {
		return c.destroyOne()
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.ids = append(c.ids, id)
	c.mu.Unlock()
	for r.Bytes < size {
		switch r, err = c.growUpTo(id, max(16, 2*r.Bytes)); {
		case errors.Is(err, quota.ErrFull):
			return c.cancel(id)
		case errors.Is(err, quota.ErrExpired):
			return nil
		case err != nil:
			return err
		}
	}
	if rand.IntN(4) == 0 {
		return nil // dies before the blob
	}
	c.time.RLock()
	late := c.clock.now().After(r.Deadline)
	if !late {
		err = c.write(id, int(size))
	}
	c.time.RUnlock()
	if late || err != nil {
		return errors.Join(err, c.cancel(id))
	}
	return c.finish(id, size)
}

func (c *crowd) finish(id string, size int64) error {
	switch rand.IntN(6) {
	case 0:
		return nil // dies after the blob
	case 1:
		if err := c.blobs.Delete(c.ctx, blobOf(id)); err != nil {
			return err
		}
		return c.cancel(id)
	}
	err := c.settle(id, size)
	if errors.Is(err, quota.ErrExpired) {
		return nil
	}
	if err == nil {
		c.mu.Lock()
		c.kept[id] = size
		c.mu.Unlock()
	}
	return err
}

// destroyOne makes room.
func (c *crowd) destroyOne() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, size := range c.kept {
		if err := c.charge(-size); err != nil {
			return err
		}
		delete(c.kept, id)
		return c.blobs.Delete(c.ctx, blobOf(id))
	}
	return nil
}

func (c *crowd) passTime() {
	c.time.Lock()
	defer c.time.Unlock()
	c.clock.forward(time.Duration(rand.Int64N(int64(40 * time.Minute))))
}

func TestManyWritersWhoCancelAndDieLeaveTheBooksExact(t *testing.T) {
	t.Parallel()
	each := 60
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		each = 1000
	}
	c := &crowd{books: openBooks(t, quota.Config{Allowance: 300}), kept: map[string]int64{}}
	var writers, others sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range each {
				if err := c.upload(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	for range 2 {
		others.Go(func() {
			for running := true; running; {
				select {
				case <-done:
					running = false
				default:
				}
				c.passTime()
				err := c.trySweep()
				u, usageErr := c.tryUsage()
				if err = errors.Join(err, usageErr); err != nil || u.Used+u.Reserved > u.Limit {
					t.Errorf("%+v, %v", u, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	others.Wait()

	c.clock.forward(4 * time.Hour)
	c.sweep()
	require.Equal(t, quota.Usage{Limit: 300, Used: c.sum(), Left: 300 - c.sum()}, c.usage())
	require.Equal(t, []string{"v1/q"}, c.keys(""), "nothing is reserved for ever")
	for _, id := range c.ids {
		_, kept := c.kept[id]
		require.Equal(t, kept, c.stored(id), "a blob is there exactly if its item is")
	}
	t.Logf("%d uploads begun, %d kept", len(c.ids), len(c.kept))
}
