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

func (b *books) rebuild(used int64) error {
	return b.do(func(tx *storage.Tx) error { return b.q.Rebuild(tx, vault, used) })
}

// busyBooks has something of everything.
func busyBooks(t *testing.T) (b *books, before quota.Usage) {
	b = openBooks(t, quota.Config{Allowance: 1000})
	_, err := b.ask("more")
	require.NoError(t, err)
	_, err = b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
	require.NoError(t, err)
	require.NoError(t, b.charge(123))
	_, err = b.reserve("being-swept", 500)
	require.NoError(t, err)
	b.clock.forward(3 * time.Hour)
	_, err = b.beginSweep("being-swept")
	require.NoError(t, err)
	for i := range 50 {
		_, err := b.reserve(fmt.Sprint(i), 10)
		require.NoError(t, err)
	}
	return b, b.usage()
}

func TestALostOrDamagedLedgerIsRebuilt(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(tx *storage.Tx){
		"lost":    func(tx *storage.Tx) { tx.Delete("v1/q") },
		"empty":   func(tx *storage.Tx) { tx.Put("v1/q", nil) },
		"garbage": func(tx *storage.Tx) { tx.Put("v1/q", []byte("garbage")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, before := busyBooks(t)
			require.NoError(t, b.do(func(tx *storage.Tx) error { damage(tx); return nil }))
			require.Error(t, b.charge(1))
			require.NoError(t, b.rebuild(123))
			require.Equal(t, before, b.usage())

			for i := range 50 {
				require.NoError(t, b.settle(fmt.Sprint(i), 10))
			}
			require.NoError(t, b.endSweep("being-swept"))
			require.Equal(t, quota.Usage{Limit: 2000, Used: 623, Left: 1377}, b.usage())
			inc, err := b.ask("")
			require.NoError(t, err)
			require.EqualValues(t, 2, inc.Number, "numbers go on")
		})
	}
}

func TestRebuildRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	b, before := busyBooks(t)
	require.ErrorIs(t, b.rebuild(-1), storage.ErrInvalid)
	require.ErrorIs(t, b.rebuild(math.MaxInt64), quota.ErrLedger)
	require.Equal(t, before, b.usage())

	b.overwrite("v1/q/r/7", []byte("garbage"))
	err := b.rebuild(123)
	require.ErrorIs(t, err, quota.ErrLedger)
	require.ErrorContains(t, err, "v1/q/r/7")
	require.Equal(t, before, b.usage())
}

// An upload that settles while the books are rebuilt is not forgotten.
func TestRebuildNoticesAnUploadBetweenCountAndCommit(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 1000})
	var kept int64 = 100
	require.NoError(t, b.charge(kept))
	attempts := 0
	require.NoError(t, b.store.Transact(t.Context(), func(tx *storage.Tx) error {
		used := kept
		if err := b.q.Rebuild(tx, vault, used); err != nil {
			return err
		}
		if attempts++; attempts == 1 {
			_, err := b.reserve("a", 50)
			require.NoError(t, err)
			require.NoError(t, b.settle("a", 50))
			_, err = b.reserve("b", 7)
			require.NoError(t, err)
			kept += 50
		}
		return nil
	}))
	require.Equal(t, 2, attempts)
	require.Equal(t, quota.Usage{Limit: 1000, Used: 150, Reserved: 7, Left: 843}, b.usage())
}
