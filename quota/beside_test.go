package quota_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
)

// What is written out of something that goes soon may take its space, and no more.
func TestWhatIsGivenBackSoonCountsAsFreeForOneTransaction(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	require.NoError(t, b.charge(80))
	beside := func(bytes, wanted int64) error {
		return b.do(func(tx *storage.Tx) error { return b.q.Beside(bytes).Charge(tx, vault, wanted) })
	}
	require.ErrorIs(t, b.charge(30), quota.ErrFull)
	require.ErrorIs(t, beside(80, 101), quota.ErrFull)
	require.ErrorIs(t, beside(1000, 101), quota.ErrFull, "nobody gives back more than they have")
	require.ErrorIs(t, beside(-1000, 30), quota.ErrFull)
	require.NoError(t, beside(80, 100))
	require.Equal(t, quota.Usage{Limit: 100, Used: 180}, b.usage())
	require.ErrorIs(t, b.charge(1), quota.ErrFull, "other transactions have nothing of it")
	require.NoError(t, b.charge(-80))
	require.Equal(t, quota.Usage{Limit: 100, Used: 100}, b.usage())
}
