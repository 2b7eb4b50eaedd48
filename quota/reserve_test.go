package quota_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
)

func TestAnUploadOfKnownLength(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	r, err := b.reserve("a", 60)
	require.NoError(t, err)
	require.Equal(t, quota.Reservation{ID: "a", Blob: "v1/b-a", Bytes: 60, Deadline: b.clock.now().Add(time.Hour)}, r)
	require.Equal(t, quota.Usage{Limit: 100, Reserved: 60, Left: 40}, b.usage())
	// The deadline is 10:30, sweepers wait until 11:30, and look at it in the next hour.
	require.Equal(t, []string{"due/2026112112/v1/q/a", "v1/q", "v1/q/r/a"}, b.keys(""))

	require.NoError(t, b.settle("a", 55))
	require.Equal(t, quota.Usage{Limit: 100, Used: 55, Left: 45}, b.usage(), "what was not written is free")
	require.Equal(t, []string{"v1/q"}, b.keys(""))
	require.ErrorIs(t, b.settle("a", 55), quota.ErrExpired, "nothing is charged twice")
	require.EqualValues(t, 55, b.usage().Used)
}

func TestAnUploadOfUnknownLengthTakesWhatIsLeftAndNoMore(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.charge(10))

	// As a writer does it: 16 bytes first, then double, cut to what is left.
	r, err := b.reserveUpTo("a", 16)
	require.NoError(t, err)
	for _, expect := range []int64{32, 64, 90} {
		r, err = b.growUpTo("a", 2*r.Bytes)
		require.NoError(t, err)
		require.Equal(t, expect, r.Bytes)
	}
	var full *quota.FullError
	_, err = b.growUpTo("a", 180)
	require.ErrorAs(t, err, &full)
	require.Equal(t, quota.FullError{Limit: 100, Used: 10, Left: 90, Wanted: 180}, *full)
	_, err = b.reserveUpTo("b", 1)
	require.ErrorIs(t, err, quota.ErrFull)

	require.NoError(t, b.cancel("a"))
	r, err = b.reserveUpTo("b", 1000)
	require.NoError(t, err)
	require.EqualValues(t, 90, r.Bytes)
	require.NoError(t, b.settle("b", 90))
	require.Equal(t, quota.Usage{Limit: 100, Used: 100}, b.usage())
}

func TestGrowRaisesAllOrNothing(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 60)
	require.NoError(t, err)
	var full *quota.FullError
	_, err = b.grow("a", 101)
	require.ErrorAs(t, err, &full)
	require.Equal(t, quota.FullError{Limit: 100, Left: 100, Wanted: 101}, *full)
	require.EqualValues(t, 60, b.usage().Reserved)

	r, err := b.grow("a", 100)
	require.NoError(t, err)
	require.EqualValues(t, 100, r.Bytes)
	r, err = b.grow("a", 100)
	require.NoError(t, err, "again is no error")
	require.EqualValues(t, 100, r.Bytes)
	r, err = b.grow("a", 1)
	require.NoError(t, err)
	require.EqualValues(t, 100, r.Bytes, "never lowered")
	require.EqualValues(t, 100, b.usage().Reserved)
	_, err = b.grow("a", math.MaxInt64)
	require.ErrorIs(t, err, quota.ErrFull)
}

func TestMoreThanReservedIsNotSettled(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 10)
	require.NoError(t, err)
	require.ErrorIs(t, b.settle("a", 11), quota.ErrExceeded)
	require.ErrorIs(t, b.settle("a", -1), storage.ErrInvalid)
	require.Equal(t, quota.Usage{Limit: 100, Reserved: 10, Left: 90}, b.usage())
	require.NoError(t, b.settle("a", 10))
}

func TestAReservationOfNothingStillGuardsItsBlob(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.charge(100))
	_, err := b.reserve("moved", 0) // a paper that changes its compartment in a full vault
	require.NoError(t, err)
	require.NoError(t, b.write("moved", 5))
	b.clock.forward(3 * time.Hour)
	b.sweep()
	require.False(t, b.stored("moved"))
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestNegativeBytesAreRefused(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", -1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = b.reserveUpTo("a", math.MinInt64)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = b.reserve("a", 1)
	require.NoError(t, err)
	_, err = b.grow("a", -1)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = b.growUpTo("a", math.MinInt64)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestAnIdInUseIsNotReservedAgain(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 10)
	require.NoError(t, err)
	_, err = b.reserve("a", 10)
	require.ErrorIs(t, err, quota.ErrRepeated)
	b.clock.forward(3 * time.Hour)
	_, err = b.beginSweep("a")
	require.NoError(t, err)
	_, err = b.reserve("a", 10)
	require.ErrorIs(t, err, quota.ErrRepeated, "a sweeper is at it")
}

func TestAnUnknownReservationIsExpired(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.grow("none", 1)
	require.ErrorIs(t, err, quota.ErrExpired)
	_, err = b.renew("none")
	require.ErrorIs(t, err, quota.ErrExpired)
	require.ErrorIs(t, b.settle("none", 1), quota.ErrExpired)
	require.NoError(t, b.cancel("none"), "to cancel what is gone is no error")
	require.NoError(t, b.endSweep("none"))
	_, err = b.beginSweep("none")
	require.ErrorIs(t, err, quota.ErrExpired)
}

func TestReservationsOfOneOwnerAreBounded(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100, MaxReservations: 3})
	for i := range 3 {
		_, err := b.reserve(fmt.Sprint(i), 1)
		require.NoError(t, err)
	}
	_, err := b.reserve("one-more", 1)
	require.ErrorIs(t, err, quota.ErrTooMany)
	require.NoError(t, b.settle("0", 1))
	_, err = b.reserve("one-more", 1)
	require.NoError(t, err)
}

func TestRenewMovesTheDeadlineAndItsDueEntry(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("slow", 10)
	require.NoError(t, err)
	for range 10 { // an upload of hours over a bad line
		b.clock.forward(50 * time.Minute)
		r, err := b.renew("slow")
		require.NoError(t, err)
		require.Equal(t, b.clock.now().Add(time.Hour), r.Deadline)
		b.sweep()
		require.Len(t, b.keys("due/"), 1)
	}
	require.NoError(t, b.settle("slow", 10))
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestGrowRenewsToo(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.reserve("a", 10)
	require.NoError(t, err)
	b.clock.forward(time.Hour)
	r, err := b.grow("a", 20)
	require.NoError(t, err)
	require.Equal(t, b.clock.now().Add(time.Hour), r.Deadline)
	require.Equal(t, []string{"due/2026112113/v1/q/a"}, b.keys("due/"))
}

func TestAClockThatGoesBackTakesNoDeadlineAway(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	first, err := b.reserve("a", 10)
	require.NoError(t, err)
	b.clock.forward(-5 * time.Hour)
	r, err := b.renew("a")
	require.NoError(t, err)
	require.Equal(t, first.Deadline, r.Deadline)
	require.NoError(t, b.cancel("a"))
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestADueEntryIsFoundAgainUnderAnotherConfiguration(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	for _, id := range []string{"settled", "cancelled", "renewed", "swept"} {
		_, err := b.reserve(id, 10)
		require.NoError(t, err)
	}
	var err error
	b.q, err = quota.New(quota.Config{
		Allowance: 100, ReservationTTL: time.Minute, SweepGrace: 30 * time.Hour, Now: b.clock.now,
	})
	require.NoError(t, err)
	require.NoError(t, b.settle("settled", 10))
	require.NoError(t, b.cancel("cancelled"))
	_, err = b.renew("renewed")
	require.NoError(t, err)
	require.NoError(t, b.cancel("renewed"))
	b.clock.forward(3 * time.Hour)
	b.sweep()
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestAWholeUploadIsOneTransactionIfTheCallerLikes(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.do(func(tx *storage.Tx) error {
		for i := range 5 {
			id := fmt.Sprint(i)
			if _, err := b.q.Reserve(tx, vault, quota.Reservation{ID: id, Blob: blobOf(id), Bytes: 10}); err != nil {
				return err
			}
			if _, err := b.q.Grow(tx, vault, id, 20); err != nil {
				return err
			}
			if err := b.q.Settle(tx, vault, id, 15); err != nil {
				return err
			}
		}
		return b.q.Charge(tx, vault, 25)
	}))
	require.Equal(t, quota.Usage{Limit: 100, Used: 100}, b.usage())
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}
