package quota_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
)

func TestEveryProblemOfAConfigurationIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := quota.New(quota.Config{
		Allowance: -1, ReservationTTL: time.Millisecond, SweepGrace: -time.Hour, MaxReservations: 101,
	})
	require.ErrorIs(t, err, storage.ErrInvalid)
	for _, field := range []string{"Allowance", "ReservationTTL", "SweepGrace", "MaxReservations"} {
		require.ErrorContains(t, err, field)
	}
	_, err = quota.New(quota.Config{Allowance: 10, Increased: 9})
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "Increased")

	_, err = quota.New(quota.Config{Allowance: math.MaxInt64})
	require.NoError(t, err, "twice as much is more than there is, and that is no problem")
}

func TestAnOwnerHas150DecimalMegabytesUnlessConfiguredOtherwise(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	require.Equal(t, quota.Usage{Limit: 150_000_000, Left: 150_000_000}, b.usage())
	require.NoError(t, b.charge(150_000_000), "the limit is exactly reachable")
	require.Equal(t, quota.Usage{Limit: 150_000_000, Used: 150_000_000}, b.usage())

	var full *quota.FullError
	err := b.charge(1)
	require.ErrorIs(t, err, quota.ErrFull)
	require.ErrorAs(t, err, &full)
	require.Equal(t, quota.FullError{Limit: 150_000_000, Used: 150_000_000, Wanted: 1}, *full)

	_, err = b.reserve("first-byte-over", 1)
	require.ErrorIs(t, err, quota.ErrFull)
	require.NoError(t, b.charge(-1))
	_, err = b.reserve("the-byte-that-fits", 1)
	require.NoError(t, err)
}

func TestOpenAndCloseOfAnOwner(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	open := func(tx *storage.Tx) error { return b.q.Open(tx, vault) }
	end := func(tx *storage.Tx) error { return b.q.Close(tx, vault) }

	require.NoError(t, b.charge(7))
	require.ErrorIs(t, b.do(open), quota.ErrRepeated)
	require.EqualValues(t, 7, b.usage().Used, "a second Open resets nothing")

	require.NoError(t, b.do(end))
	require.NoError(t, b.do(end), "to close twice is no error")
	require.ErrorIs(t, b.charge(1), quota.ErrNoLedger)
	_, err := b.reserve("a", 1)
	require.ErrorIs(t, err, quota.ErrNoLedger)
	_, err = b.q.Fits(t.Context(), b.store, vault, 0)
	require.ErrorIs(t, err, quota.ErrNoLedger)
	require.Empty(t, b.keys(""))
}

func TestChargeNeverGivesBackMoreThanWasUsed(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	require.NoError(t, b.charge(5))
	require.ErrorIs(t, b.charge(-6), quota.ErrLedger)
	require.ErrorIs(t, b.charge(math.MinInt64), quota.ErrLedger)
	require.ErrorIs(t, b.charge(math.MaxInt64), quota.ErrFull)
	require.NoError(t, b.charge(0))
	require.EqualValues(t, 5, b.usage().Used)
	require.NoError(t, b.charge(-5))
	require.EqualValues(t, 0, b.usage().Used)
}

func TestAHelperLearnsOnlyWhetherAPaperFits(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.charge(30))
	_, err := b.reserve("a", 30)
	require.NoError(t, err)
	for bytes, expect := range map[int64]bool{0: true, 40: true, 41: false, math.MaxInt64: false} {
		fits, err := b.q.Fits(t.Context(), b.store, vault, bytes)
		require.NoError(t, err)
		require.Equal(t, expect, fits, "%d bytes", bytes)
	}
	_, err = b.q.Fits(t.Context(), b.store, vault, -1)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestOneOwnersBytesAreNotAnothers(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	for _, other := range []string{"v", "v11", "V1"} {
		require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Open(tx, other) }))
		require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Charge(tx, other, 100) }))
	}
	require.EqualValues(t, 100, b.usage().Left)
}

func TestALoweredAllowanceTakesNothingAwayAndARaisedOneHoldsForAll(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.charge(60))
	_, err := b.reserve("a", 40)
	require.NoError(t, err)

	b.q, err = quota.New(quota.Config{Allowance: 50, Now: b.clock.now})
	require.NoError(t, err)
	require.Equal(t, quota.Usage{Limit: 50, Used: 60, Reserved: 40}, b.usage())
	require.ErrorIs(t, b.charge(1), quota.ErrFull)
	require.NoError(t, b.settle("a", 40), "what was reserved was promised")
	require.NoError(t, b.charge(-1))

	b.q, err = quota.New(quota.Config{Allowance: 200, Now: b.clock.now})
	require.NoError(t, err)
	require.Equal(t, quota.Usage{Limit: 200, Used: 99, Left: 101}, b.usage())
}

func TestOwnersIdsAndBlobsOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	for _, owner := range []string{"", "due", "increase", "a/b", "a b", "é", "a\n", strings.Repeat("a", 129)} {
		require.ErrorIs(t, b.do(func(tx *storage.Tx) error { return b.q.Open(tx, owner) }), storage.ErrInvalid, "%q", owner)
		require.ErrorIs(t, b.do(func(tx *storage.Tx) error { return b.q.Close(tx, owner) }), storage.ErrInvalid, "%q", owner)
		require.ErrorIs(t, b.do(func(tx *storage.Tx) error {
			_, err := b.q.Increases(tx, owner)
			return err
		}), storage.ErrInvalid, "%q", owner)
		require.ErrorIs(t, b.do(func(tx *storage.Tx) error { return b.q.Rebuild(tx, owner, 0) }), storage.ErrInvalid, "%q", owner)
	}
	for _, id := range []string{"", "a/b", "a b", "é", strings.Repeat("a", 129)} {
		reserve := func(tx *storage.Tx) error {
			_, err := b.q.Reserve(tx, vault, quota.Reservation{ID: id, Blob: "v1/b", Bytes: 1})
			return err
		}
		require.ErrorIs(t, b.do(reserve), storage.ErrInvalid, "%q", id)
		require.ErrorIs(t, b.settle(id, 1), storage.ErrInvalid, "%q", id)
		require.ErrorIs(t, b.cancel(id), storage.ErrInvalid, "%q", id)
	}
	for _, blob := range []string{"", "../x", "A", "a//b", strings.Repeat("a", 513)} {
		reserve := func(tx *storage.Tx) error {
			_, err := b.q.Reserve(tx, vault, quota.Reservation{ID: "a", Blob: blob, Bytes: 1})
			return err
		}
		require.ErrorIs(t, b.do(reserve), storage.ErrInvalid, "%q", blob)
	}
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}
