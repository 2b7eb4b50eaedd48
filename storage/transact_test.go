package storage_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

var errRefused = errors.New("refused by the application")

func TestConflictRunsTheTransactionAgainOnTheNewState(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "counter", "1")
	d.onCommit = func(n int, do func() error) error {
		if n == 1 {
			d.put("counter", "7")
		}
		return do()
	}
	var saw []string
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		r, err := tx.Get("counter")
		saw = append(saw, string(r.Value))
		tx.Put("counter", append(r.Value, '+'))
		return err
	}))
	require.Equal(t, []string{"1", "7"}, saw)
	require.Equal(t, "7+", d.value("counter"))
}

func TestAbsenceIsCheckedAsMuchAsPresence(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t)
	d.onCommit = func(n int, do func() error) error {
		if n == 1 {
			d.put("name", "taken by another")
		}
		return do()
	}
	err := s.Transact(t.Context(), func(tx *storage.Tx) error {
		_, err := tx.Get("name")
		if err == nil {
			return errRefused
		}
		tx.Put("name", []byte("mine"))
		return nil
	})
	require.ErrorIs(t, err, errRefused)
	require.Equal(t, "taken by another", d.value("name"))
}

func TestTransactionThatAlwaysLosesGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "counter", "0")
		runs := 0
		err := s.Transact(t.Context(), func(tx *storage.Tx) error {
			runs++
			_, err := tx.Get("counter")
			d.put("counter", strconv.Itoa(runs))
			tx.Put("counter", []byte("mine"))
			return err
		})
		require.ErrorIs(t, err, storage.ErrConflict)
		require.Equal(t, 20, runs)
		require.Equal(t, "20", d.value("counter"))
	})
}

// Four who need a tenth of a second each do not find a moment alone within
// milliseconds. Nor does anybody wait for minutes.
func TestPausesGrowWithWhatOneTryTakes(t *testing.T) {
	t.Parallel()
	for took, bounds := range map[time.Duration][2]time.Duration{
		0:                      {50 * time.Millisecond, 1300 * time.Millisecond},
		100 * time.Millisecond: {1500 * time.Millisecond, 9600 * time.Millisecond},
		time.Minute:            {1500 * time.Millisecond, 9600 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) { // the clock is not the real one
			d, s := newScripted(t, "counter", "0")
			begun, runs := time.Now(), 0
			err := s.Transact(t.Context(), func(tx *storage.Tx) error {
				runs++
				_, err := tx.Get("counter")
				time.Sleep(took)
				d.put("counter", "moved")
				tx.Put("counter", nil)
				return err
			})
			require.ErrorIs(t, err, storage.ErrConflict)
			waited := time.Since(begun) - time.Duration(runs)*took
			require.Greater(t, waited, bounds[0], "with tries of %v", took)
			require.Less(t, waited, bounds[1], "with tries of %v", took)
		})
	}
}

func TestBlindWritesConflictWithNobody(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1", "b", "1")
	d.onCommit = func(n int, do func() error) error {
		d.put("a", "theirs", "b", "theirs")
		return do()
	}
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put("a", []byte("mine"))
		tx.Delete("b")
		return nil
	}))
	require.Equal(t, 1, d.commits)
	require.Equal(t, "mine", d.value("a"))
	require.Empty(t, d.value("b"))
}

func TestErrorOfTheFunctionIsReturnedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1")
	err := s.Transact(t.Context(), func(tx *storage.Tx) error {
		if _, err := tx.Get("a"); err != nil {
			return err
		}
		tx.Put("a", []byte("2"))
		return errRefused
	})
	require.Equal(t, errRefused, err, "as it is, not wrapped")
	require.Equal(t, "1", d.value("a"))
	require.Equal(t, 1, d.commits, "confirmed: fn may have followed what it read past the transaction")
}

// Two records are always equal. A transaction reads one, somebody changes both,
// and it reads the other.
func TestErrorThatComesFromTwoStatesIsNotReturned(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{"an error": errRefused, "no error": nil} {
		d, s := newScripted(t, "a", "1", "b", "1")
		d.onRead = func(n int) error {
			if n == 2 {
				d.put("a", "2", "b", "2")
			}
			return nil
		}
		var saw []string
		err := s.Transact(t.Context(), func(tx *storage.Tx) error {
			a, err := tx.Get("a")
			if err != nil {
				return err
			}
			b, err := tx.Get("b")
			if err != nil {
				return err
			}
			saw = append(saw, fmt.Sprintf("%s%s", a.Value, b.Value))
			if string(a.Value) != string(b.Value) {
				return result
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, []string{"12", "22"}, saw, "fn made %s of what it saw first", name)
	}
}

func TestErrorThatCannotBeConfirmedDoesNotPassForOne(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1", "b", "1")
	d.onCommit = func(int, func() error) error { return storage.ErrUnavailable }
	readBoth := func(result error) error {
		return s.Transact(t.Context(), func(tx *storage.Tx) error {
			_, errA := tx.Get("a")
			_, errB := tx.Get("b")
			return errors.Join(result, errA, errB)
		})
	}
	err := readBoth(errRefused)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, errRefused)
	require.ErrorIs(t, readBoth(nil), storage.ErrUnavailable)
}

func TestConfirmationWhoseAnswerIsLostIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "a", "1", "b", "1")
		lost := 3
		d.onCommit = func(n int, do func() error) error {
			if n <= lost {
				return storage.ErrUnknown
			}
			return do()
		}
		both := func(tx *storage.Tx) error {
			_, errA := tx.Get("a")
			_, errB := tx.Get("b")
			return errors.Join(errA, errB)
		}
		require.NoError(t, s.Transact(t.Context(), both))
		require.Equal(t, 4, d.commits)
		lost = 1000
		require.ErrorIs(t, s.Transact(t.Context(), both), storage.ErrUnknown)
		require.Less(t, d.commits, 20)
	})
}

func TestTransactionWithoutReadsAndWritesAsksNothing(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t)
	require.NoError(t, s.Transact(t.Context(), func(*storage.Tx) error { return nil }))
	require.Equal(t, errRefused, s.Transact(t.Context(), func(*storage.Tx) error { return errRefused }))
	require.Zero(t, d.commits+d.reads)
}

func TestFailedReadFailsTheTransactionThatIgnoresIt(t *testing.T) {
	t.Parallel()
	for _, read := range []func(tx *storage.Tx) error{
		func(tx *storage.Tx) error { _, err := tx.Get("balance"); return err },
		func(tx *storage.Tx) error { _, err := tx.Scan("balance", "", 1); return err },
	} {
		d, s := newScripted(t, "balance", "100")
		d.onRead = func(int) error { return storage.ErrUnavailable }
		err := s.Transact(t.Context(), func(tx *storage.Tx) error {
			if read(tx) != nil {
				tx.Put("balance", []byte("0")) // taken for "there is none"
			}
			return nil
		})
		require.ErrorIs(t, err, storage.ErrUnavailable)
		require.Equal(t, "100", d.value("balance"))
	}
}

func TestEndedContextWritesNothing(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Transact(ctx, func(tx *storage.Tx) error {
		require.Equal(t, ctx, tx.Context())
		tx.Put("a", []byte("2"))
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	err = s.Transact(ctx, func(*storage.Tx) error { panic("begun after the end") })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "1", d.value("a"))
}

func TestContextThatEndsWhileWaitingAfterAConflictEndsTheTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := newScripted(t, "a", "1")
		ctx, cancel := context.WithCancel(t.Context())
		d.onCommit = func(int, func() error) error {
			cancel()
			return storage.ErrConflict
		}
		err := s.Transact(ctx, func(tx *storage.Tx) error {
			_, err := tx.Get("a")
			tx.Put("a", []byte("2"))
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, storage.ErrUnknown)
		require.Equal(t, 1, d.commits)
	})
}

func TestPanicOfTheFunctionWritesNothing(t *testing.T) {
	t.Parallel()
	d, s := newScripted(t, "a", "1")
	require.PanicsWithValue(t, "oh", func() {
		_ = s.Transact(t.Context(), func(tx *storage.Tx) error {
			tx.Put("a", []byte("2"))
			panic("oh")
		})
	})
	require.Equal(t, "1", d.value("a"))
}
