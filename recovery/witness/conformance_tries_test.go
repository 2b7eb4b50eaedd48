package witness_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// waits is what the sixth try and each later one waits after the one before.
var waits = []time.Duration{
	30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
	15 * time.Minute, 15 * time.Minute, 15 * time.Minute,
}

// spend counts n tries that are allowed at once.
func spend(t *testing.T, s *subject, vault [16]byte, n int) {
	t.Helper()
	for range n {
		tries, err := s.Count(t.Context(), vault, password)
		require.NoError(t, err)
		require.Zero(t, tries.Wait)
	}
}

// requireRefused demands that a try has to wait for exactly so long.
func requireRefused(t *testing.T, s *subject, vault [16]byte, wait time.Duration) {
	t.Helper()
	tries, err := s.Count(t.Context(), vault, password)
	require.NoError(t, err)
	require.Equal(t, wait, tries.Wait)
}

var tryPromises = map[string]func(*testing.T, *subject){
	"five are free, then waits double to fifteen minutes and never lock": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		total := uint64(0)
		counted := func() {
			total++
			tries, err := s.Count(t.Context(), vault, password)
			require.NoError(t, err)
			require.Equal(t, witness.Tries{Total: total, Failed: total}, tries)
		}
		for range 5 {
			counted()
		}
		for _, wait := range waits {
			refused := witness.Tries{Total: total, Failed: total, Wait: wait}
			for range 3 { // refused tries are not counted and prolong nothing
				tries, err := s.Count(t.Context(), vault, password)
				require.NoError(t, err)
				require.Equal(t, refused, tries)
			}
			s.clock.move(wait - time.Millisecond)
			requireRefused(t, s, vault, time.Millisecond)
			s.clock.move(time.Millisecond)
			counted()
		}
		for range 70 { // no number of tries makes it more, or overflows to none
			requireRefused(t, s, vault, 15*time.Minute)
			s.clock.move(15 * time.Minute)
			counted()
		}
	},
	"a counted try survives a crash": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		for n := range 5 {
			tries, err := s.Count(t.Context(), vault, password)
			require.NoError(t, err)
			require.Equal(t, witness.Tries{Total: uint64(n + 1), Failed: uint64(n + 1)}, tries)
			s.crash()
		}
		requireRefused(t, s, vault, 30*time.Second)
	},
	"counters and vaults are apart": func(t *testing.T, s *subject) {
		spend(t, s, [16]byte{1}, 5)
		requireRefused(t, s, [16]byte{1}, 30*time.Second)
		spend(t, s, [16]byte{2}, 5)
		tries, err := s.Count(t.Context(), [16]byte{1}, [32]byte{'c'})
		require.NoError(t, err)
		require.Equal(t, witness.Tries{Total: 1, Failed: 1}, tries)
	},
	"guessing at once beats no counter (F9)": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		const guesses = 60
		answers := make([]witness.Tries, guesses)
		failures := make([]error, guesses)
		var all sync.WaitGroup
		for n := range guesses {
			all.Go(func() { answers[n], failures[n] = s.Count(t.Context(), vault, password) })
		}
		all.Wait()
		var allowed []uint64
		for n := range guesses {
			require.NoError(t, failures[n])
			if answers[n].Wait == 0 {
				allowed = append(allowed, answers[n].Total)
			} else {
				require.Equal(t, witness.Tries{Total: 5, Failed: 5, Wait: 30 * time.Second}, answers[n])
			}
		}
		require.ElementsMatch(t, []uint64{1, 2, 3, 4, 5}, allowed)
	},
	"a counter that nobody used for 30 days is forgotten": func(t *testing.T, s *subject) {
		spend(t, s, [16]byte{1}, 5)
		s.clock.move(20 * 24 * time.Hour)
		spend(t, s, [16]byte{2}, 5)
		spend(t, s, [16]byte{1}, 1)
		s.clock.move(11 * 24 * time.Hour) // 31 days after the first tries, 11 after the latest
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, dropped)
		spend(t, s, [16]byte{1}, 1)
		requireRefused(t, s, [16]byte{1}, 2*time.Minute)
		s.clock.move(20 * 24 * time.Hour)
		dropped, err = s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, dropped, "the other vault's")
		s.clock.move(11 * 24 * time.Hour)
		dropped, err = s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, dropped)
		spend(t, s, [16]byte{1}, 5)
		requireRefused(t, s, [16]byte{1}, 30*time.Second)
	},
	"many forgotten counters": func(t *testing.T, s *subject) {
		for n := range byte(150) {
			_, err := s.Count(t.Context(), [16]byte{n}, [32]byte{n})
			require.NoError(t, err)
		}
		s.clock.move(31 * 24 * time.Hour)
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 150, dropped)
		dropped, err = s.sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, dropped)
	},
}

var resetPromises = map[string]func(*testing.T, *subject){
	"a signed statement gives the tries back": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		spend(t, s, p.vault, 5)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 5)))
		s.crash()
		for n := range 5 {
			tries, err := s.Count(t.Context(), p.vault, password)
			require.NoError(t, err)
			require.Equal(t, witness.Tries{Total: uint64(6 + n), Failed: uint64(1 + n)}, tries)
		}
		requireRefused(t, s, p.vault, 30*time.Second)
	},
	"tries after the statement remain": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		spend(t, s, p.vault, 5)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 3)))
		tries, err := s.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		require.Equal(t, witness.Tries{Total: 6, Failed: 3}, tries)
	},
	"an old statement is worth nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		spend(t, s, p.vault, 2)
		second, fourth := p.reset(password, 2), p.reset(password, 4)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, second))
		spend(t, s, p.vault, 2)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, fourth))
		spend(t, s, p.vault, 5)
		for range 3 {
			require.NoError(t, s.Reset(t.Context(), p.vault, password, second))
			require.NoError(t, s.Reset(t.Context(), p.vault, password, fourth))
			requireRefused(t, s, p.vault, 30*time.Second)
		}
	},
	"no other statement resets (N6)": func(t *testing.T, s *subject) {
		p, other := newPerson(t), newPerson(t)
		register(t, s, p)
		register(t, s, other)
		spend(t, s, p.vault, 5)
		spend(t, s, other.vault, 5)
		thief := newPerson(t)
		thief.vault = p.vault
		flipped := p.reset(password, 5)
		flipped[len(flipped)-1] ^= 1
		head := p.head(5, nil)
		for name, statement := range map[string][]byte{
			"another key":             thief.reset(password, 5),
			"another vault":           other.reset(password, 5),
			"another counter":         p.reset([32]byte{'c'}, 5),
			"tries that are to come":  p.reset(password, 6),
			"all tries for ever":      p.reset(password, 1<<64-1),
			"flipped bit":             flipped,
			"nothing":                 nil,
			"something else it signs": head.record,
		} {
			require.ErrorIs(t, s.Reset(t.Context(), p.vault, password, statement), witness.ErrStatement, name)
			requireRefused(t, s, p.vault, 30*time.Second)
		}
		require.NoError(t, s.Reset(t.Context(), other.vault, password, other.reset(password, 5)))
		requireRefused(t, s, p.vault, 30*time.Second)
	},
	"only the present key of the vault resets": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		spend(t, s, p.vault, 5)
		old := p.reset(password, 5)
		p.succeed()
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 5)), witness.ErrStatement, "not registered yet")
		h := p.head(2, nil)
		_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, password, old), witness.ErrStatement)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 5)))
		spend(t, s, p.vault, 5)
	},
	"unregistered vault has no statements": func(t *testing.T, s *subject) {
		p := newPerson(t)
		spend(t, s, p.vault, 5)
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 5)), witness.ErrUnregistered)
		requireRefused(t, s, p.vault, 30*time.Second)
	},
	"a counter never used has nothing to reset": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 1)), witness.ErrStatement)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 0)))
		tries, err := s.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		require.Equal(t, witness.Tries{Total: 1, Failed: 1}, tries)
	},
	"statements kept from a forgotten counter are worth nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		var kept [][]byte
		for n := range uint64(20) { // the service sees each, and may keep it
			spend(t, s, p.vault, 1)
			kept = append(kept, p.reset(password, n+1))
			require.NoError(t, s.Reset(t.Context(), p.vault, password, kept[n]))
		}
		s.clock.move(31 * 24 * time.Hour)
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, dropped)
		s.crash()
		spend(t, s, p.vault, 5)
		for _, statement := range kept {
			require.NoError(t, s.Reset(t.Context(), p.vault, password, statement))
		}
		requireRefused(t, s, p.vault, 30*time.Second)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Len(t, latest, 1, "and the vault is as it was")
	},
	"nor are they after a counter with fewer tries was forgotten": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		spend(t, s, p.vault, 5)
		statement := p.reset(password, 5)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, statement))
		s.clock.move(20 * 24 * time.Hour)
		_, err := s.Count(t.Context(), p.vault, [32]byte{'c'})
		require.NoError(t, err)
		for range 2 {
			s.clock.move(20 * 24 * time.Hour)
			dropped, err := s.sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, dropped)
		}
		spend(t, s, p.vault, 5)
		require.NoError(t, s.Reset(t.Context(), p.vault, password, statement))
		requireRefused(t, s, p.vault, 30*time.Second)
	},
}

// years is a clock that somebody set wrong.
const years = 10 * 365 * 24 * time.Hour

var timePromises = map[string]func(*testing.T, *subject){
	"a clock set back while the witness runs changes nothing": func(t *testing.T, s *subject) {
		for n, back := range []time.Duration{time.Second, time.Hour, years} {
			vault := [16]byte{byte(n)}
			spend(t, s, vault, 5)
			s.clock.move(10 * time.Second)
			requireRefused(t, s, vault, 20*time.Second)
			s.clock.move(-back)
			requireRefused(t, s, vault, 20*time.Second)
			s.clock.move(20*time.Second - time.Millisecond)
			requireRefused(t, s, vault, time.Millisecond)
			s.clock.move(time.Millisecond)
			spend(t, s, vault, 1)
			requireRefused(t, s, vault, time.Minute)
		}
	},
	"a clock set back between two runs neither shortens nor locks": func(t *testing.T, s *subject) {
		for n, back := range []time.Duration{time.Second, time.Hour, years} {
			for name, again := range map[string]func(){"end": s.restart, "crash": s.crash} {
				vault := [16]byte{byte(n), name[0]}
				spend(t, s, vault, 5)
				s.clock.move(-back)
				again()
				requireRefused(t, s, vault, 30*time.Second)
				s.clock.move(30*time.Second - time.Millisecond)
				requireRefused(t, s, vault, time.Millisecond)
				s.clock.move(time.Millisecond)
				spend(t, s, vault, 1)
				requireRefused(t, s, vault, time.Minute)
			}
		}
	},
	"a clock set right after it was years ahead does not lock": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		s.clock.move(years)
		s.restart()
		spend(t, s, vault, 5)
		s.clock.move(-years)
		s.restart()
		requireRefused(t, s, vault, 30*time.Second)
		s.clock.move(30 * time.Second)
		spend(t, s, vault, 1)
	},
	"a clock set back and right again shortens nothing": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		spend(t, s, vault, 5)
		s.clock.move(-time.Hour)
		s.crash()
		requireRefused(t, s, vault, 30*time.Second)
		s.clock.move(time.Hour) // set right while the witness is down
		s.crash()
		requireRefused(t, s, vault, 30*time.Second)
		s.clock.move(30 * time.Second)
		spend(t, s, vault, 1)
	},
	"time goes on while the witness is down": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		spend(t, s, vault, 5)
		s.clock.move(20 * time.Second)
		s.restart()
		requireRefused(t, s, vault, 10*time.Second)
	},
	"a clock set back does not forget a counter early": func(t *testing.T, s *subject) {
		vault := [16]byte{1}
		spend(t, s, vault, 5)
		s.clock.move(-years)
		s.restart()
		s.clock.move(29 * 24 * time.Hour)
		dropped, err := s.sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, dropped)
		s.clock.move(2 * 24 * time.Hour)
		dropped, err = s.sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, dropped, "nor keep it for ten years")
	},
	"clocks of many vaults": func(t *testing.T, s *subject) {
		for n := range byte(20) {
			spend(t, s, [16]byte{n}, 5)
			s.clock.move(time.Second)
		}
		for n := range byte(20) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				requireRefused(t, s, [16]byte{n}, time.Duration(10+int(n))*time.Second)
			})
		}
	},
}
