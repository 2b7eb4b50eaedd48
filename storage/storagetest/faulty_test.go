package storagetest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

var errBroken = errors.New("broken")

func TestFaultyStoreWithoutFaultKeepsTheContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(testing.TB) func() (storage.Driver, error) {
			return func() (storage.Driver, error) { return storagetest.NewFaulty(memstore.New()), nil }
		},
		Volatile: true,
	})
}

func TestOnlyTheChosenCallFails(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(memstore.New())
	write := func(value string) error {
		return f.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: []byte(value)}})
	}
	read := func() (string, error) {
		r, err := f.Get(t.Context(), "a")
		return string(r.Value), err
	}

	f.FailAt(2, errBroken, storagetest.Before, storagetest.Commit)
	require.NoError(t, write("1"))
	_, err := read()
	require.NoError(t, err)
	require.False(t, f.Failed())
	require.ErrorIs(t, write("2"), errBroken)
	require.True(t, f.Failed())
	value, err := read()
	require.NoError(t, err)
	require.Equal(t, "1", value, "before: nothing happened")
	require.NoError(t, write("3"))

	f.FailAt(1, errBroken, storagetest.After)
	require.ErrorIs(t, write("4"), errBroken)
	value, err = read()
	require.NoError(t, err)
	require.Equal(t, "4", value, "after: it happened, and the answer was lost")

	f.FailAt(1, errBroken, storagetest.After)
	value, err = read()
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, value)
	f.FailAt(1, errBroken, storagetest.After, storagetest.Scan)
	page, err := f.Scan(t.Context(), "", "", 10)
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, page)
}

func TestStoreThatIsDownStaysDownUntilItHeals(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(memstore.New())
	s := storage.New(f)
	f.FailFrom(2, storage.ErrUnavailable, storagetest.Before)
	_, err := s.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
	for range 3 {
		_, err = s.Get(t.Context(), "a")
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
	require.Equal(t, 4, f.Calls())
	require.Equal(t, 4, f.Calls(storagetest.Get))
	require.Equal(t, 0, f.Calls(storagetest.Commit, storagetest.Scan))
	f.Heal()
	require.Equal(t, 0, f.Calls())
	_, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.False(t, f.Failed())
}

// A transaction is the example of an operation all of whose calls fail in turn.
func TestTransactionIsWholeWhicheverOfItsCallsFails(t *testing.T) {
	t.Parallel()
	for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
		for n := 1; ; n++ {
			f := storagetest.NewFaulty(memstore.New())
			s := storage.New(f)
			require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
				tx.Put("a", []byte("1"))
				return nil
			}))
			f.FailAt(n, storage.ErrUnavailable, when)
			err := s.Transact(t.Context(), func(tx *storage.Tx) error {
				if _, err := tx.Get("a"); err != nil {
					return err
				}
				if _, err := tx.Scan("", "", 10); err != nil {
					return err
				}
				tx.Put("a", []byte("2"))
				tx.Put("b", []byte("2"))
				return nil
			})
			if !f.Failed() {
				require.NoError(t, err)
				require.Equal(t, 4, n, "calls: get, scan, commit")
				break
			}
			require.ErrorIs(t, err, storage.ErrUnavailable)
			f.Heal()
			a, err := s.Get(t.Context(), "a")
			require.NoError(t, err)
			_, err = s.Get(t.Context(), "b")
			if string(a.Value) == "1" {
				require.ErrorIs(t, err, storage.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
		}
	}
}
