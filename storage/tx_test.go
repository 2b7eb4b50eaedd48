package storage_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

func TestTransactionSeesItsOwnWrites(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "old", "1", "gone", "1")
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("new", []byte("2"))
		tx.Put("old", []byte("2"))
		tx.Delete("gone")
		for _, key := range []string{"new", "old"} {
			r, err := tx.Get(key)
			require.NoError(t, err)
			require.Equal(t, storage.Record{Key: key, Value: []byte("2")}, r)
		}
		_, err := tx.Get("gone")
		require.ErrorIs(t, err, storage.ErrNotFound)
		tx.Put("gone", []byte("3"))
		tx.Delete("new")
		return nil
	}))
	require.Zero(t, d.reads)
	require.Equal(t, []string{"", "2", "3"}, []string{d.value("new"), d.value("old"), d.value("gone")}, "the last write counts")
}

func TestSecondReadAnswersTheSame(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1")
	runs := 0
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		runs++
		first, err := tx.Get("a")
		require.NoError(t, err)
		_, firstErr := tx.Get("b")
		if runs == 1 {
			d.put("a", "2", "b", "2")
		}
		second, err := tx.Get("a")
		require.NoError(t, err)
		require.Equal(t, first, second)
		_, err = tx.Get("b")
		require.Equal(t, firstErr, err)
		tx.Put("c", first.Value)
		return nil
	}))
	require.Equal(t, 2, runs)
	require.Equal(t, "2", d.value("c"))
}

func TestTransactionCopiesWhatItIsGivenAndGives(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "mine")
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		value := []byte("mine")
		tx.Put("b", value)
		tx.PutUnique("c", value)
		copy(value, "XXXX")
		for _, key := range []string{"a", "b"} {
			r, err := tx.Get(key)
			require.NoError(t, err)
			copy(r.Value, "XXXX")
		}
		page, err := tx.Scan("", "", 10)
		require.NoError(t, err)
		for _, r := range page {
			require.Equal(t, "mine", string(r.Value), r.Key)
			copy(r.Value, "XXXX")
		}
		r, err := tx.Get("a")
		require.NoError(t, err)
		require.Equal(t, "mine", string(r.Value))
		return nil
	}))
	require.Equal(t, []string{"mine", "mine", "mine"}, []string{d.value("a"), d.value("b"), d.value("c")})
}

func TestScannedRecordsAreChecked(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "k1", "1", "k2", "1", "other", "1")
	d.onCommit = func(n int, do func() error) error {
		switch n {
		case 1:
			d.put("k2", "2")
		case 2:
			d.put("other", "2", "k3", "2") // not read; a newcomer is not noticed
		}
		return do()
	}
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		page, err := tx.Scan("k", "", 10)
		tx.Put("sum", []byte(fmt.Sprint(len(page))))
		return err
	}))
	require.Equal(t, 2, d.commits)
	require.Equal(t, "2", d.value("sum"))
}

// What is read a second time tells at once that the store has moved on.
func TestScanThatContradictsAnEarlierReadRunsAgain(t *testing.T) {
	t.Parallel()
	for about, move := range map[string]func(d *scripted){
		"changed": func(d *scripted) { d.put("k2", "2") },
		"appeared": func(d *scripted) {
			d.put("k3", "2")
		},
		"vanished": func(d *scripted) {
			require.NoError(d.t, d.Driver.Commit(d.t.Context(), nil, []storage.Write{{Key: "k2", Delete: true}}))
		},
	} {
		d, s := newScripted(t, "k1", "1", "k2", "1", "k4", "1")
		runs := 0
		err := s.Transact(t.Context(), func(tx *storage.Tx) error {
			runs++
			_, _ = tx.Get("k2")
			_, _ = tx.Get("k3")
			if runs == 1 {
				move(d)
			}
			_, err := tx.Scan("k", "", 3)
			if runs == 1 {
				require.ErrorIs(t, err, storage.ErrConflict, about)
			}
			return nil // ignored
		})
		require.NoError(t, err, about)
		require.Equal(t, 2, runs, about)
	}
}

// It was absent, was there, and is absent again: no check would notice.
func TestContradictionThatHasGoneAgainStillRunsAgain(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "k1", "1")
	runs := 0
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		runs++
		_, _ = tx.Get("k2")
		if runs == 1 {
			d.put("k2", "2")
		}
		_, err := tx.Scan("k", "", 10)
		if runs == 1 {
			require.NoError(t, d.Driver.Commit(t.Context(), nil, []storage.Write{{Key: "k2", Delete: true}}))
		}
		tx.Put("k3", nil)
		return err
	}))
	require.Equal(t, 2, runs)
}

func TestTransactionHasRoomForTheLimitsAndNoMore(t *testing.T) {
	t.Parallel()
	s := storage.New(memstore.New())
	fill := func(writes int) error {
		return s.Transact(t.Context(), func(tx *storage.Tx) error {
			for i := range writes {
				tx.Put(fmt.Sprintf("w%03d", i), nil)
				tx.Put(fmt.Sprintf("w%03d", i), []byte("again")) // counts once
			}
			return nil
		})
	}
	require.NoError(t, fill(storage.MaxWrites))
	require.ErrorIs(t, fill(storage.MaxWrites+1), storage.ErrTooLarge)
	_, err := s.Get(t.Context(), fmt.Sprintf("w%03d", storage.MaxWrites))
	require.ErrorIs(t, err, storage.ErrNotFound)

	read := func(keys int) error {
		return s.Transact(t.Context(), func(tx *storage.Tx) error {
			for i := range keys {
				_, _ = tx.Get(fmt.Sprintf("w%03d", i)) // there or not
			}
			return nil
		})
	}
	require.NoError(t, read(storage.MaxChecks))
	require.ErrorIs(t, read(storage.MaxChecks+1), storage.ErrTooLarge)

	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		for i := range storage.MaxWrites {
			tx.Put(fmt.Sprintf("x%03d", i), nil)
		}
		page, err := tx.Scan("", "", storage.MaxScan)
		require.Len(t, page, 2*storage.MaxWrites)
		return err
	}))
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put("y", nil); return nil }))
	err = s.Transact(t.Context(), func(tx *storage.Tx) error {
		_, err := tx.Scan("", "", storage.MaxScan)
		require.ErrorIs(t, err, storage.ErrTooLarge)
		return nil
	})
	require.ErrorIs(t, err, storage.ErrTooLarge)
	require.ErrorIs(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("large", make([]byte, storage.MaxValue+1))
		return nil
	}), storage.ErrTooLarge)
}

// TestScanMergesWhatTheTransactionWrote compares scans in random transactions
// with a plain map.
func TestScanMergesWhatTheTransactionWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-c]{1,3}`)
		s := storage.New(memstore.New())
		model := map[string]string{}
		change := func(tx *storage.Tx, about string) {
			for range rapid.IntRange(0, 15).Draw(t, about) {
				k := key.Draw(t, "key")
				if rapid.Bool().Draw(t, "delete") {
					tx.Delete(k)
					delete(model, k)
				} else {
					tx.Put(k, []byte(about+k))
					model[k] = about + k
				}
			}
		}
		require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error { change(tx, "stored"); return nil }))
		require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
			for range rapid.IntRange(0, 3).Draw(t, "gets") {
				_, _ = tx.Get(key.Draw(t, "read"))
			}
			for range 3 {
				change(tx, "own")
				requireScan(t, tx, model, rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "prefix"),
					rapid.StringMatching(`[a-c]{0,3}`).Draw(t, "after"), rapid.IntRange(1, 10).Draw(t, "limit"))
			}
			return nil
		}))
		page, err := s.Scan(t.Context(), "", "", storage.MaxScan)
		require.NoError(t, err)
		require.Len(t, page, len(model))
	})
}

func requireScan(t require.TestingT, tx *storage.Tx, model map[string]string, prefix, after string, limit int) {
	var want []string
	for key, value := range model {
		if strings.HasPrefix(key, prefix) && key > after {
			want = append(want, key+"="+value)
		}
	}
	slices.SortFunc(want, func(a, b string) int {
		return bytes.Compare([]byte(a[:strings.Index(a, "=")]), []byte(b[:strings.Index(b, "=")]))
	})
	want = want[:min(limit, len(want))]
	page, err := tx.Scan(prefix, after, limit)
	require.NoError(t, err)
	var have []string
	for _, r := range page {
		have = append(have, r.Key+"="+string(r.Value))
	}
	require.Equal(t, len(want), len(have))
	for i := range want {
		require.Equal(t, want[i], have[i])
	}
}
