package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestArgumentsOutsideTheLimitsNeverReachTheDriver(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(memstore.New())
	s := storage.New(f)
	long := strings.Repeat("k", storage.MaxKey+1)
	for _, key := range []string{"", " ", "a b", "a\n", "a\x00", "\x7f", "é", "a\xff", long} {
		_, err := s.Get(t.Context(), key)
		require.ErrorIs(t, err, storage.ErrInvalid, "get %q", key)
		for about, do := range map[string]func(tx *storage.Tx){
			"get":    func(tx *storage.Tx) { _, _ = tx.Get(key) },
			"put":    func(tx *storage.Tx) { tx.Put(key, nil) },
			"unique": func(tx *storage.Tx) { tx.PutUnique(key, nil) },
			"delete": func(tx *storage.Tx) { tx.Delete(key) },
		} {
			err = s.Transact(t.Context(), func(tx *storage.Tx) error {
				tx.Put("fine", nil)
				do(tx)
				return nil
			})
			require.ErrorIs(t, err, storage.ErrInvalid, "%s %q in a transaction", about, key)
		}
		if key == "" {
			continue // as a prefix it means everything
		}
		_, err = s.Scan(t.Context(), key, "", 1)
		require.ErrorIs(t, err, storage.ErrInvalid, "prefix %q", key)
		_, err = s.Scan(t.Context(), "", key, 1)
		require.ErrorIs(t, err, storage.ErrInvalid, "after %q", key)
	}
	for _, limit := range []int{-1, 0, storage.MaxScan + 1} {
		_, err := s.Scan(t.Context(), "", "", limit)
		require.ErrorIs(t, err, storage.ErrInvalid, "limit %d", limit)
		err = s.Transact(t.Context(), func(tx *storage.Tx) error {
			_, err := tx.Scan("", "", limit)
			return err
		})
		require.ErrorIs(t, err, storage.ErrInvalid, "limit %d in a transaction", limit)
	}
	require.Zero(t, f.Calls())
}

func TestLimitsThemselvesAreAllowed(t *testing.T) {
	t.Parallel()
	s := storage.New(memstore.New())
	key := strings.Repeat("~", storage.MaxKey)
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(key, make([]byte, storage.MaxValue))
		return nil
	}))
	r, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	require.Len(t, r.Value, storage.MaxValue)
	page, err := s.Scan(t.Context(), key, "", storage.MaxScan)
	require.NoError(t, err)
	require.Len(t, page, 1)
	page, err = s.Scan(t.Context(), "", key, storage.MaxScan)
	require.NoError(t, err)
	require.Empty(t, page)
}

func TestAllWalksOverEveryRecordOfThePrefix(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := storage.New(d)
	for i := range 250 {
		key := string(rune('a'+i%25)) + strings.Repeat("x", i/25)
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "in/" + key}, {Key: "out/" + key}}))
	}
	count, last := 0, ""
	for r, err := range s.All(t.Context(), "in/") {
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(r.Key, "in/"))
		require.Greater(t, r.Key, last)
		last = r.Key
		count++
	}
	require.Equal(t, 250, count)

	count = 0
	for range s.All(t.Context(), "") {
		if count++; count == 150 {
			break
		}
	}
	require.Equal(t, 150, count, "a walk can be left")
}

func TestAllEndsWithTheErrorThatStoppedIt(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t)
	for i := range 120 {
		d.put("k"+strings.Repeat("x", i), "")
	}
	d.onRead = func(n int) error {
		if n == 2 {
			return storage.ErrUnavailable
		}
		return nil
	}
	var errs []error
	count := 0
	for _, err := range s.All(t.Context(), "k") {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		count++
	}
	require.Equal(t, 100, count)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], storage.ErrUnavailable)
}

func TestForeignErrorsOfADriverBecomeErrUnavailable(t *testing.T) {
	t.Parallel()
	foreign := errors.New("table is on fire")
	f := storagetest.NewFaulty(memstore.New())
	f.FailFrom(1, foreign, storagetest.Before)
	s := storage.New(f)
	_, get := s.Get(t.Context(), "a")
	_, scan := s.Scan(t.Context(), "", "", 1)
	read := s.Transact(t.Context(), func(tx *storage.Tx) error {
		_, err := tx.Get("a")
		return err
	})
	write := s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("a", nil)
		return nil
	})
	for _, err := range []error{get, scan, read, write} {
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.ErrorIs(t, err, foreign)
	}
}

func TestErrorsSayWhatWasDoneAndNeverAValue(t *testing.T) {
	t.Parallel()
	s := storage.New(memstore.New())
	_, err := s.Get(t.Context(), "v1/item/17")
	require.EqualError(t, err, `get "v1/item/17": storage: not found`)
	err = s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("v1/item/17", []byte(strings.Repeat("secret", storage.MaxValue)))
		return nil
	})
	require.ErrorIs(t, err, storage.ErrTooLarge)
	require.ErrorContains(t, err, "v1/item/17")
	require.NotContains(t, err.Error(), "secret")
}

func TestClosedStoreAnswersErrClosed(t *testing.T) {
	t.Parallel()
	s := storage.New(memstore.New())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := s.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrClosed)
	err = s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("a", nil)
		return nil
	})
	require.ErrorIs(t, err, storage.ErrClosed)
}

// FuzzScan gives any bytes to a store and compares what it takes with the rule
// of the contract, and what it returns with what is in the prefix.
func FuzzScan(f *testing.F) {
	f.Add("v1/item/", "v1/item/2", 3)
	f.Add("", "~", 1)
	f.Add("a b", "é", 0)
	f.Add("v1", "v0", 1000)
	f.Fuzz(func(t *testing.T, prefix, after string, limit int) {
		s := storage.New(memstore.New())
		keys := []string{"!", "v1/item/1", "v1/item/2", "v1/item/3", "v2", "~"}
		_ = s.Transact(context.Background(), func(tx *storage.Tx) error {
			for _, key := range append(keys, prefix) {
				tx.Put(key, nil)
			}
			return nil
		})
		page, err := s.Scan(t.Context(), prefix, after, limit)
		printable := func(s string) bool {
			for i := range len(s) {
				if s[i] < 0x21 || s[i] > 0x7e {
					return false
				}
			}
			return len(s) <= storage.MaxKey
		}
		if !printable(prefix) || !printable(after) || limit < 1 || limit > storage.MaxScan {
			require.ErrorIs(t, err, storage.ErrInvalid)
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		for i, r := range page {
			require.True(t, strings.HasPrefix(r.Key, prefix) && r.Key > after)
			require.True(t, i == 0 || page[i-1].Key < r.Key)
		}
	})
}
