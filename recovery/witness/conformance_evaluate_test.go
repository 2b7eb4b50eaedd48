package witness_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// card names the counter of an access card in these tests, and pin is what is
// tried at it.
var (
	card = [32]byte{'c'}
	pin  = [32]byte{'i'}
)

// evaluated is a try that must be allowed, once its wait is over.
func evaluated(t *testing.T, s *subject, vault [16]byte, counter, input [32]byte, generation uint64) witness.Evaluation {
	t.Helper()
	for {
		e, err := s.Evaluate(t.Context(), vault, counter, input, generation)
		require.NoError(t, err)
		require.False(t, e.Tries.Spent)
		if e.Tries.Wait == 0 {
			require.NotZero(t, e.Output)
			require.NotZero(t, e.Generation)
			return e
		}
		require.Zero(t, e.Output)
		require.Zero(t, e.Generation)
		s.clock.move(e.Tries.Wait)
	}
}

// requireSpent demands that nothing is evaluated, however long one waits.
func requireSpent(t *testing.T, s *subject, vault [16]byte) {
	t.Helper()
	for range 3 {
		before, err := s.Tried(t.Context(), vault, card)
		require.NoError(t, err)
		require.True(t, before.Spent)
		e, err := s.Evaluate(t.Context(), vault, card, pin, 0)
		require.NoError(t, err)
		require.Equal(t, witness.Evaluation{Tries: before}, e, "not counted, not evaluated")
		s.clock.move(24 * time.Hour)
	}
}

var evaluatePromises = map[string]func(*testing.T, *subject){
	"the same input has the same output, and no other has it": func(t *testing.T, s *subject) {
		vault, seen := [16]byte{1}, map[[32]byte]bool{}
		first := evaluated(t, s, vault, card, pin, 0)
		seen[first.Output] = true
		s.restart()
		require.Equal(t, first.Output, evaluated(t, s, vault, card, pin, first.Generation).Output)
		for _, other := range []struct {
			vault          [16]byte
			counter, input [32]byte
		}{{[16]byte{2}, card, pin}, {vault, [32]byte{'d'}, pin}, {vault, card, [32]byte{'j'}}, {vault, pin, card}} {
			e := evaluated(t, s, other.vault, other.counter, other.input, 0)
			require.False(t, seen[e.Output])
			seen[e.Output] = true
		}
	},
	"is counted like any try, and waits like it": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		for n := range uint64(5) {
			require.Equal(t, witness.Tries{Total: n + 1, Failed: n + 1}, evaluated(t, s, vault, card, pin, 0).Tries)
			s.crash()
		}
		e, err := s.Evaluate(t.Context(), vault, card, pin, 0)
		require.NoError(t, err)
		require.Equal(t, witness.Evaluation{Tries: witness.Tries{Total: 5, Failed: 5, Wait: 30 * time.Second}}, e)
		tries, err := s.Tried(t.Context(), vault, card)
		require.NoError(t, err)
		require.Equal(t, e.Tries, tries, "to look counts nothing")
		spend(t, s, vault, 5)
		tries, err = s.Tried(t.Context(), vault, [32]byte{'n'})
		require.NoError(t, err)
		require.Zero(t, tries)
	},
	"twenty tries, and then none before a signed reset": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		first := evaluated(t, s, p.vault, card, pin, 0)
		for range 19 {
			evaluated(t, s, p.vault, card, [32]byte{'w'}, 0)
		}
		requireSpent(t, s, p.vault)
		s.crash()
		requireSpent(t, s, p.vault)
		thief := newPerson(t)
		thief.vault = p.vault
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, card, thief.reset(card, 20)), witness.ErrStatement)
		requireSpent(t, s, p.vault)
		require.NoError(t, s.Reset(t.Context(), p.vault, card, p.reset(card, 20)))
		e := evaluated(t, s, p.vault, card, pin, first.Generation)
		require.Equal(t, first.Output, e.Output)
		require.Equal(t, witness.Tries{Total: 21, Failed: 1}, e.Tries)
	},
	"a counter with failed tries is not forgotten": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		for range 20 {
			evaluated(t, s, p.vault, card, pin, 0)
		}
		for range 3 {
			s.clock.move(31 * 24 * time.Hour)
			dropped, err := s.sweep(t.Context())
			require.NoError(t, err)
			require.Zero(t, dropped)
			requireSpent(t, s, p.vault)
		}
		require.NoError(t, s.Reset(t.Context(), p.vault, card, p.reset(card, 20)))
		s.clock.move(31 * 24 * time.Hour)
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, dropped, "and is when none stand")
	},
	"of a vault that nobody registered it is": func(t *testing.T, s *subject) {
		for n := range byte(5) {
			evaluated(t, s, [16]byte{n}, card, pin, 0)
		}
		s.clock.move(31 * 24 * time.Hour)
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5, dropped)
	},
	"guessing at once beats no counter (F9)": func(t *testing.T, s *subject) {
		var all sync.WaitGroup
		answers, failures := make([]witness.Evaluation, 60), make([]error, 60)
		for n := range answers {
			all.Go(func() { answers[n], failures[n] = s.Evaluate(t.Context(), [16]byte{1}, card, pin, 0) })
		}
		all.Wait()
		allowed := 0
		for n, e := range answers {
			require.NoError(t, failures[n])
			require.Equal(t, e.Tries.Wait == 0, e.Output != [32]byte{})
			if e.Tries.Wait == 0 {
				allowed++
				require.Equal(t, answers[n].Generation, e.Generation)
			}
		}
		require.Equal(t, 5, allowed)
	},
	"a new key leaves the earlier ones usable": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		first := evaluated(t, s, vault, card, pin, 0)
		generation, err := s.renew(t.Context())
		require.NoError(t, err)
		require.Greater(t, generation, first.Generation)
		second := evaluated(t, s, vault, card, pin, 0)
		require.Equal(t, generation, second.Generation)
		require.NotEqual(t, first.Output, second.Output)
		s.crash()
		require.Equal(t, first.Output, evaluated(t, s, vault, card, pin, first.Generation).Output)
		require.Equal(t, second.Output, evaluated(t, s, vault, card, pin, 0).Output)
	},
	"a key that there is not is said and costs no try": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		for _, generation := range []uint64{1, 1 << 63} {
			_, err := s.Evaluate(t.Context(), vault, card, pin, generation)
			require.ErrorIs(t, err, witness.ErrGeneration)
		}
		tries, err := s.Tried(t.Context(), vault, card)
		require.NoError(t, err)
		require.Zero(t, tries)
	},
	"of an erased vault nothing is evaluated": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		evaluated(t, s, p.vault, card, pin, 0)
		stone := p.tombstone(2)
		_, err := s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
		require.NoError(t, err)
		_, err = s.Evaluate(t.Context(), p.vault, card, pin, 0)
		require.ErrorIs(t, err, witness.ErrErased)
	},
}
