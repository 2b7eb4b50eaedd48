package witness_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

// Whatever fails, at most twenty guesses are evaluated, and one input never has
// two outputs under one key.
func TestEveryStorageFaultLeavesTheEndOfGuessingAndTheKey(t *testing.T) {
	t.Parallel()
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		clock := &testClock{now: noon}
		w := start(t, driver, witness.Config{Now: clock.Now})
		p := newPerson(t)
		register(t, w, p)
		arm()
		outputs, allowed := map[uint64][32]byte{}, 0
		guess := func(w *witness.Witness) {
			clock.move(16 * time.Minute)
			e, err := w.Evaluate(t.Context(), p.vault, card, pin, 0)
			if err != nil {
				require.ErrorIs(t, err, witness.ErrUnavailable)
				require.Zero(t, e)
				return
			}
			if e.Tries.Wait > 0 || e.Tries.Spent {
				require.Zero(t, e.Output)
				return
			}
			allowed++
			if known, ok := outputs[e.Generation]; ok {
				require.Equal(t, known, e.Output)
			}
			outputs[e.Generation] = e.Output
		}
		for range 12 {
			guess(w)
		}
		if _, err := w.RenewKey(t.Context()); err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
		}
		for range 12 {
			guess(w)
		}
		_ = w.Close()
		met := driver.Failed()
		driver.Heal()
		w = start(t, driver, witness.Config{Now: clock.Now})
		for range 25 {
			guess(w)
		}
		require.LessOrEqual(t, allowed, 20)
		tries, err := w.Tried(t.Context(), p.vault, card)
		require.NoError(t, err)
		require.True(t, tries.Spent)
		require.EqualValues(t, 20, tries.Total)
		require.LessOrEqual(t, len(outputs), 2)
		require.NoError(t, w.Reset(t.Context(), p.vault, card, p.reset(card, tries.Total)))
		for generation, output := range outputs {
			e, err := w.Evaluate(t.Context(), p.vault, card, pin, generation)
			require.NoError(t, err)
			require.Equal(t, output, e.Output)
		}
		require.NoError(t, w.Close())
		return met
	})
}

func TestAnEvaluationWhoseCommitWasAnsweredByNobodyIsCountedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := storagetest.NewFaulty(memstore.New())
		w := start(t, driver, witness.Config{})
		_, err := w.Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
		require.NoError(t, err)
		driver.FailAt(1, storage.ErrUnknown, storagetest.After, storagetest.Commit)
		e, err := w.Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
		require.NoError(t, err)
		require.True(t, driver.Failed())
		require.Equal(t, witness.Tries{Total: 2, Failed: 2}, e.Tries)
		require.NoError(t, w.Close())
	})
}

func TestTwoWitnessesOfOneStoreDrawOneKeyAndShareTheLimit(t *testing.T) {
	t.Parallel()
	driver, clock := memstore.New(), &testClock{now: noon}
	two := []*witness.Witness{start(t, driver, witness.Config{Now: clock.Now}), start(t, driver, witness.Config{Now: clock.Now})}
	answers := make(chan witness.Evaluation)
	for n := range 30 {
		go func() {
			e, err := two[n%2].Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
			if err != nil {
				e.Tries.Wait = -1
			}
			answers <- e
		}()
	}
	allowed, outputs, generations := 0, map[[32]byte]bool{}, map[uint64]bool{}
	for range 30 {
		e := <-answers
		require.GreaterOrEqual(t, e.Tries.Wait, time.Duration(0))
		if e.Tries.Wait == 0 {
			allowed++
			outputs[e.Output], generations[e.Generation] = true, true
		}
	}
	require.Equal(t, 5, allowed)
	require.Len(t, outputs, 1)
	require.Len(t, generations, 1)
}

// A witness that lost its store does not answer for a card of before as if its PIN
// were wrong.
func TestAWitnessThatLostItsStoreKnowsThatTheKeyIsGone(t *testing.T) {
	t.Parallel()
	clock := &testClock{now: noon}
	lost := start(t, memstore.New(), witness.Config{Now: clock.Now})
	e, err := lost.Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
	require.NoError(t, err)
	clock.move(time.Hour)
	empty := start(t, memstore.New(), witness.Config{Now: clock.Now})
	_, err = empty.Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
	require.NoError(t, err)
	_, err = empty.Evaluate(t.Context(), [16]byte{1}, card, pin, e.Generation)
	require.ErrorIs(t, err, witness.ErrGeneration)
}

func TestNothingIsEvaluatedAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	require.NoError(t, w.Close())
	_, err := w.Evaluate(t.Context(), [16]byte{1}, card, pin, 0)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Tried(t.Context(), [16]byte{1}, card)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.RenewKey(t.Context())
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Inbox(t.Context())
	require.ErrorIs(t, err, witness.ErrClosed)
}
