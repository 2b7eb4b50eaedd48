package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// checkCounter lets many increment two records that are always equal, through
// [storage.Store.Transact], while others look whether they are.
func checkCounter(t testing.TB, h Harness) {
	s := storage.New(h.open(t))
	const writers = 4
	each := sized(25, 250)
	var done atomic.Int64
	together(t, writers+1, func(i int) error {
		if i < writers {
			defer done.Add(1)
			for range each {
				err := s.Transact(t.Context(), incrementBoth)
				// Among so many it may lose too often, which says that nothing was written.
				for again := 0; errors.Is(err, storage.ErrConflict) && again < 20; again++ {
					err = s.Transact(t.Context(), incrementBoth)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		for done.Load() < writers {
			err := s.Transact(t.Context(), compareBoth)
			if err != nil && !errors.Is(err, storage.ErrConflict) { // it may lose every time
				return err
			}
		}
		return nil
	})
	for _, key := range []string{"left", "right"} {
		r, err := s.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(writers*each), string(r.Value), "increments in %q", key)
	}
}

func incrementBoth(tx *storage.Tx) error {
	for _, key := range []string{"left", "right"} {
		n, err := number(tx, key)
		if err != nil {
			return err
		}
		tx.Put(key, []byte(strconv.Itoa(n+1)))
	}
	return nil
}

func compareBoth(tx *storage.Tx) error {
	left, err := number(tx, "left")
	if err != nil {
		return err
	}
	right, err := number(tx, "right")
	if err != nil {
		return err
	}
	if left != right {
		return fmt.Errorf("a transaction saw %d and %d, which were never there together", left, right)
	}
	return nil
}

// number reads the number before the first space of a record; 0 if there is none.
func number(tx *storage.Tx, key string) (int, error) {
	r, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(string(r.Value), " ")
	return strconv.Atoi(digits)
}

// checkLostAnswers increments a counter over a connection that loses two of
// three answers to commits, half of which were done and half not.
func checkLostAnswers(t testing.TB, h Harness) {
	d := h.open(t)
	s := storage.New(&losing{Driver: d})
	var known, unknown atomic.Int64
	together(t, 3, func(writer int) error {
		for i := range sized(20, 200) {
			receipt := numbered(fmt.Sprintf("receipt/w%d/", writer), i)
			err := s.Transact(t.Context(), func(tx *storage.Tx) error {
				n, err := number(tx, "counter")
				if err != nil {
					return err
				}
				if _, err := tx.Get(receipt); !errors.Is(err, storage.ErrNotFound) {
					return fmt.Errorf("run again after having happened: %w", err)
				}
				tx.Put("counter", []byte(strconv.Itoa(n+1)))
				tx.PutUnique(receipt, []byte(rand.Text()))
				return nil
			})
			switch {
			case err == nil:
				known.Add(1)
				if _, err := d.Get(t.Context(), receipt); err != nil {
					return fmt.Errorf("acknowledged, but: %w", err)
				}
			case errors.Is(err, storage.ErrUnknown):
				unknown.Add(1)
			default:
				return err
			}
		}
		return nil
	})
	total, err := strconv.Atoi(string(get(t, d, "counter").Value))
	require.NoError(t, err)
	require.GreaterOrEqual(t, int64(total), known.Load(), "an acknowledged increment is lost")
	require.LessOrEqual(t, int64(total), known.Load()+unknown.Load(), "an increment happened twice")
	require.Greater(t, known.Load(), unknown.Load(), "a receipt decides what happened")
}

// losing is a driver whose answers to two of three commits are lost.
type losing struct {
	storage.Driver
	commits atomic.Int64
}

func (l *losing) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	switch l.commits.Add(1) % 3 {
	case 0:
		return l.Driver.Commit(ctx, checks, writes)
	case 1:
		return storage.ErrUnknown
	}
	if err := l.Driver.Commit(ctx, checks, writes); err != nil {
		return err
	}
	return storage.ErrUnknown
}
