package storage_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// increment adds one to a counter and, with a receipt, leaves a record that
// nobody else would put.
func increment(receipt string) func(tx *storage.Tx) error {
	return func(tx *storage.Tx) error {
		r, err := tx.Get("counter")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(r.Value))
		if err != nil {
			return err
		}
		tx.Put("counter", []byte(strconv.Itoa(n+1)))
		if receipt != "" {
			_, _ = tx.Get(receipt)
			tx.PutUnique(receipt, []byte("random bytes of "+receipt))
		}
		return nil
	}
}

func TestLostAnswerToWhatDidNotHappenIsMadeGoodByTheNextTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "1")
		d.onCommit = func(n int, do func() error) error {
			if n <= 3 {
				return fmt.Errorf("connection reset: %w", storage.ErrUnknown)
			}
			return do()
		}
		require.NoError(t, s.Transact(t.Context(), increment("")))
		require.Equal(t, "2", d.value("counter"))
	})
}

func TestLostAnswerToWhatHappenedIsRecognisedByItsUniqueValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "1")
		d.onCommit = func(n int, do func() error) error {
			err := do()
			if n == 1 {
				d.put("counter", "7") // somebody goes on from it
				return storage.ErrUnknown
			}
			return err
		}
		require.NoError(t, s.Transact(t.Context(), increment("receipt")))
		require.Equal(t, "7", d.value("counter"), "counted once")
		require.Equal(t, 2, d.commits)
	})
}

func TestLostAnswerToWhatDidNotHappenRunsAgainWhenOthersWereFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "1")
		d.onCommit = func(n int, do func() error) error {
			if n == 1 {
				d.put("counter", "2") // what this transaction would have put
				return storage.ErrUnknown
			}
			return do()
		}
		require.NoError(t, s.Transact(t.Context(), increment("receipt")))
		require.Equal(t, "3", d.value("counter"), "both are counted")
	})
}

// The same bytes prove nothing: here they are somebody else's.
func TestLostAnswerWithoutAUniqueValueIsNotGuessed(t *testing.T) {
	t.Parallel()
	for name, happened := range map[string]bool{"it happened": true, "it did not": false} {
		synctest.Test(t, func(t *testing.T) {
			d, s := newScripted(t, "counter", "1")
			d.onCommit = func(n int, do func() error) error {
				switch {
				case n > 1:
					return do()
				case happened:
					require.NoError(t, do())
				default:
					d.put("counter", "2")
				}
				return storage.ErrUnknown
			}
			err := s.Transact(t.Context(), increment(""))
			require.ErrorIs(t, err, storage.ErrUnknown, name)
			require.Equal(t, "2", d.value("counter"), name)
		})
	}
}

func TestLostAnswerIsUnknownWhenItsUniqueValueWasReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "1")
		d.onCommit = func(n int, do func() error) error {
			err := do()
			if n == 1 {
				d.put("counter", "9", "receipt", "another's")
				return storage.ErrUnknown
			}
			return err
		}
		require.ErrorIs(t, s.Transact(t.Context(), increment("receipt")), storage.ErrUnknown)
		require.Equal(t, "9", d.value("counter"))
	})
}

// A name was free, and now it is not. It could become free again while a copy of
// the commit is still on its way: nothing proves that it will not happen.
func TestLostAnswerIsUnknownWhileTheCommitCouldStillHappen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t)
		d.onCommit = func(n int, do func() error) error {
			if n == 1 {
				d.put("name", "another's")
				return storage.ErrUnknown
			}
			return do()
		}
		err := s.Transact(t.Context(), func(tx *storage.Tx) error {
			_, _ = tx.Get("name")
			_, _ = tx.Get("receipt")
			tx.Put("name", []byte("mine"))
			tx.PutUnique("receipt", []byte("random"))
			return nil
		})
		require.ErrorIs(t, err, storage.ErrUnknown)
		require.Equal(t, "another's", d.value("name"))
	})
}

// Sent twice, it could write over what somebody wrote in between.
func TestBlindWritesAreNotSentTwice(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "guard", "1")
	happens := true
	d.onCommit = func(_ int, do func() error) error {
		if happens {
			require.NoError(t, do())
		}
		return storage.ErrUnknown
	}
	blind := func(put func(tx *storage.Tx)) error {
		return s.Transact(t.Context(), func(tx *storage.Tx) error {
			_, err := tx.Get("guard")
			put(tx)
			return err
		})
	}
	plain := func(tx *storage.Tx) { tx.Put("a", []byte("1")) }
	unique := func(tx *storage.Tx) { tx.PutUnique("b", []byte("random")) }
	require.ErrorIs(t, blind(plain), storage.ErrUnknown)
	require.Equal(t, "1", d.value("a"))
	require.NoError(t, blind(unique), "found in the store")
	happens = false
	require.ErrorIs(t, blind(func(tx *storage.Tx) { tx.PutUnique("c", []byte("random")) }), storage.ErrUnknown)
	require.ErrorIs(t, blind(func(tx *storage.Tx) { tx.PutUnique("d", nil) }), storage.ErrUnknown, "nothing is not found")
	require.Equal(t, 4, d.commits)
}

func TestStoreThatNeverAnswersIsAskedABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "1")
		d.onCommit = func(int, func() error) error { return storage.ErrUnknown }
		require.ErrorIs(t, s.Transact(t.Context(), increment("receipt")), storage.ErrUnknown)
		require.Equal(t, 9, d.commits)
	})
}

// Once an answer is lost, no later failure may say that nothing happened.
func TestFailureAfterALostAnswerIsStillUnknown(t *testing.T) {
	t.Parallel()
	for _, then := range []error{storage.ErrUnavailable, storage.ErrNoSpace, storage.ErrClosed} {
		synctest.Test(t, func(t *testing.T) {
			d, s := newScripted(t, "counter", "1")
			d.onCommit = func(n int, do func() error) error {
				if n == 1 {
					require.NoError(t, do())
					return storage.ErrUnknown
				}
				return then
			}
			require.ErrorIs(t, s.Transact(t.Context(), increment("receipt")), storage.ErrUnknown)
		})
	}
}

func TestLostAnswerIsUnknownWhenLookingForItFails(t *testing.T) {
	t.Parallel()
	for _, receipt := range []string{"receipt", ""} {
		synctest.Test(t, func(t *testing.T) {
			d, s := newScripted(t, "counter", "1")
			d.onCommit = func(n int, do func() error) error {
				err := do()
				if n == 1 {
					d.onRead = func(int) error { return storage.ErrUnavailable }
					return storage.ErrUnknown
				}
				return err
			}
			err := s.Transact(t.Context(), increment(receipt))
			require.ErrorIs(t, err, storage.ErrUnknown)
			require.ErrorIs(t, err, storage.ErrUnavailable)
		})
	}
}

func TestContextThatEndsDuringACommitLeavesItUnknown(t *testing.T) {
	t.Parallel()
	for name, onCommit := range map[string]func(n int, end func(), do func() error) error{
		"the driver says so": func(_ int, end func(), do func() error) error {
			end()
			return fmt.Errorf("%w: %w", storage.ErrUnknown, context.Canceled)
		},
		"the answer is lost": func(_ int, end func(), do func() error) error {
			_ = do()
			end()
			return storage.ErrUnknown
		},
		"the second try does not begin": func(n int, end func(), do func() error) error {
			if n == 1 {
				_ = do()
				return storage.ErrUnknown
			}
			end()
			return context.Canceled
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, s := newScripted(t, "counter", "1")
			ctx, cancel := context.WithCancel(t.Context())
			d.onCommit = func(n int, do func() error) error { return onCommit(n, cancel, do) }
			err := s.Transact(ctx, increment("receipt"))
			require.ErrorIs(t, err, storage.ErrUnknown, name)
			require.ErrorIs(t, err, context.Canceled, name)
		})
	}
}

func TestContextThatEndsBeforeTheCommitBeginsLeavesNothing(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "counter", "1")
	ctx, cancel := context.WithCancel(t.Context())
	d.onCommit = func(_ int, do func() error) error {
		cancel() // while it waits for its turn
		return do()
	}
	err := s.Transact(ctx, increment(""))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	require.Equal(t, "1", d.value("counter"))
}
