package quota_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
)

var errCrash = errors.New("the process died here")

func TestAnAbandonedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	require.NoError(t, b.write("a", 60))

	b.clock.forward(2*time.Hour - time.Second)
	b.sweep()
	require.True(t, b.stored("a"), "the deadline has passed, the grace has not")
	b.clock.forward(time.Hour)
	b.sweep()
	require.False(t, b.stored("a"))
	require.Equal(t, quota.Usage{Limit: 100, Left: 100}, b.usage())
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestASweepBeginsOnlyAfterTheGrace(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	b.clock.forward(2*time.Hour - time.Millisecond)
	_, err = b.beginSweep("a")
	require.ErrorIs(t, err, quota.ErrNotDue)
	require.ErrorIs(t, b.endSweep("a"), quota.ErrNotDue, "nothing ends that was not begun")
	require.EqualValues(t, 60, b.usage().Reserved)
	_, err = b.renew("a")
	require.NoError(t, err, "late, but before any sweeper")
	b.clock.forward(time.Millisecond)
	_, err = b.beginSweep("a")
	require.ErrorIs(t, err, quota.ErrNotDue, "renewed")
	b.clock.forward(2 * time.Hour)
	r, err := b.beginSweep("a")
	require.NoError(t, err)
	require.Equal(t, "v1/b-a", r.Blob)
}

func TestEveryStepOfASweepCanBeRepeatedByAnySweeper(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	b.clock.forward(2 * time.Hour)
	for range 3 {
		r, err := b.beginSweep("a")
		require.NoError(t, err)
		require.Equal(t, "v1/b-a", r.Blob)
		require.Equal(t, quota.Usage{Limit: 100, Left: 100}, b.usage(), "free at once, and once only")
		require.Len(t, b.keys("due/"), 1, "found again after a crash")
	}
	for range 3 {
		require.NoError(t, b.endSweep("a"))
		require.Equal(t, []string{"v1/q"}, b.keys(""))
	}
	_, err = b.beginSweep("a")
	require.ErrorIs(t, err, quota.ErrExpired)
}

func TestAWriterThatComesAfterTheSweeperIsRefusedAndChargedNothing(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("slow", 60)
	require.NoError(t, err)
	b.clock.forward(2 * time.Hour)
	_, err = b.beginSweep("slow")
	require.NoError(t, err)

	require.ErrorIs(t, b.settle("slow", 60), quota.ErrExpired)
	_, err = b.renew("slow")
	require.ErrorIs(t, err, quota.ErrExpired)
	_, err = b.grow("slow", 70)
	require.ErrorIs(t, err, quota.ErrExpired)
	require.NoError(t, b.cancel("slow"), "it is being ended already")
	require.Equal(t, quota.Usage{Limit: 100, Left: 100}, b.usage())
	require.Equal(t, []string{"due/2026112112/v1/q/slow", "v1/q", "v1/q/r/slow"}, b.keys(""), "the sweeper still finds it")
	require.NoError(t, b.endSweep("slow"))
}

// The final commit of a slow writer against the first step of a sweeper, on a
// store where they truly overlap: one of them wins, never both.
func TestASweeperAndAFinalCommitNeverBothSucceed(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 1000})
	var expect int64
	settled, swept := 0, 0
	for range 100 {
		id := newID()
		_, err := b.reserve(id, 10)
		require.NoError(t, err)
		b.clock.forward(2 * time.Hour)

		var settleErr, sweepErr error
		var both sync.WaitGroup
		both.Go(func() { settleErr = b.settle(id, 4) })
		both.Go(func() { _, sweepErr = b.beginSweep(id) })
		both.Wait()
		switch {
		case settleErr == nil:
			require.ErrorIs(t, sweepErr, quota.ErrExpired)
			expect += 4
			settled++
		default:
			require.ErrorIs(t, settleErr, quota.ErrExpired)
			require.NoError(t, sweepErr)
			require.NoError(t, b.endSweep(id))
			swept++
		}
		require.Equal(t, quota.Usage{Limit: 1000, Used: expect, Left: 1000 - expect}, b.usage())
	}
	t.Logf("settled %d, swept %d", settled, swept)
}

// A sweeper that begins between the reading and the committing of the writer.
func TestTheFinalCommitChecksTheReservation(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	b.clock.forward(2 * time.Hour)
	attempts := 0
	err = b.store.Transact(t.Context(), func(tx *storage.Tx) error {
		if err := b.q.Settle(tx, vault, "a", 60); err != nil {
			return err
		}
		tx.Put("v1/i/item", []byte("names the blob"))
		if attempts++; attempts == 1 {
			_, err := b.beginSweep("a")
			require.NoError(t, err)
		}
		return nil
	})
	require.ErrorIs(t, err, quota.ErrExpired)
	require.Equal(t, 1, attempts)
	require.Empty(t, b.keys("v1/i/"), "no item without its blob")
	require.EqualValues(t, 0, b.usage().Used)
}

// crashing is a blob store whose process dies before or after a deletion.
type crashing struct {
	storage.Blobs
	before, after bool
}

func (c *crashing) Delete(ctx context.Context, name string) error {
	if c.before {
		return errCrash
	}
	if err := c.Blobs.Delete(ctx, name); err != nil || !c.after {
		return err
	}
	return errCrash
}

func TestASweeperThatDiesIsContinuedByTheNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]crashing{"before the blob": {before: true}, "after the blob": {after: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBooks(t, quota.Config{Allowance: 100})
			_, err := b.reserve("a", 60)
			require.NoError(t, err)
			require.NoError(t, b.write("a", 60))
			b.clock.forward(3 * time.Hour)

			c.Blobs = b.blobs
			for d, err := range b.store.DueBefore(t.Context(), b.clock.now()) {
				require.NoError(t, err)
				require.ErrorIs(t, b.q.Sweep(t.Context(), b.store, &c, d), errCrash)
			}
			require.EqualValues(t, 100, b.usage().Left, "the bytes are free already")
			b.sweep()
			require.False(t, b.stored("a"))
			require.Equal(t, []string{"v1/q"}, b.keys(""))
		})
	}
}

func TestSweepLeavesARenewedReservationAlone(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	require.NoError(t, b.write("a", 60))
	seen, err := storage.ParseDue(b.keys("due/")[0])
	require.NoError(t, err)
	b.clock.forward(3 * time.Hour)
	_, err = b.renew("a") // between the sweeper's listing and its work
	require.NoError(t, err)

	require.NoError(t, b.q.Sweep(t.Context(), b.store, b.blobs, seen))
	require.True(t, b.stored("a"))
	require.Len(t, b.keys("due/"), 1)
	require.NoError(t, b.settle("a", 60))
}

// As for a server whose clock is ahead of the one that reserved.
func TestASweepThatComesTooEarlyKeepsTheDueEntry(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	require.NoError(t, b.write("a", 60))
	ahead := b.clock.now().Add(5 * time.Hour)
	for d, err := range b.store.DueBefore(t.Context(), ahead) {
		require.NoError(t, err)
		require.NoError(t, b.q.Sweep(t.Context(), b.store, b.blobs, d))
	}
	require.True(t, b.stored("a"))
	require.Len(t, b.keys("due/"), 1)
	b.clock.forward(3 * time.Hour)
	b.sweep()
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestSweepRemovesADueEntryThatBelongsToNothing(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	gone := storage.DueKey(b.clock.now(), vault, "q/gone")
	second := storage.DueKey(b.clock.now(), vault, "q/a") // beside the right one
	b.overwrite(gone, nil)
	b.overwrite(second, nil)
	b.clock.forward(time.Hour)
	b.sweep()
	require.Equal(t, []string{"due/2026112112/v1/q/a", "v1/q", "v1/q/r/a"}, b.keys(""))
}

func TestSweepRefusesADueEntryOfAnotherPackage(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	other := storage.Due{Hour: b.clock.now().Truncate(time.Hour), Owner: vault, What: "visit/7"}
	_, mine := quota.ReservationID(other)
	require.False(t, mine)
	require.ErrorIs(t, b.q.Sweep(t.Context(), b.store, b.blobs, other), storage.ErrInvalid)
	id, mine := quota.ReservationID(storage.Due{What: "q/a"})
	require.True(t, mine)
	require.Equal(t, "a", id)
}

func TestAnErasedOwnersUploadsAreStillSwept(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	for _, id := range []string{"abandoned", "cancelled", "late"} {
		_, err := b.reserve(id, 10)
		require.NoError(t, err)
		require.NoError(t, b.write(id, 10))
	}
	require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Close(tx, vault) }))
	require.ErrorIs(t, b.settle("late", 10), quota.ErrNoLedger)
	require.NoError(t, b.blobs.Delete(t.Context(), blobOf("cancelled")))
	require.NoError(t, b.cancel("cancelled"))
	b.clock.forward(3 * time.Hour)
	b.sweep()
	require.False(t, b.stored("abandoned"))
	require.False(t, b.stored("late"))
	require.Empty(t, b.keys(""))
}
