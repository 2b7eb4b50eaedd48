package witness_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// followed is an owner head that has followed a stop.
func followed(number uint64) func(*seal.OwnerHead) {
	return func(h *seal.OwnerHead) { h.Stop = number }
}

var stopPromises = map[string]func(*testing.T, *subject){
	"a stop is durable at once, and stays through a restore": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		latest, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", 3, 'a')}, nil, false)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("stop", 3, 'a')), latest)
		s.crash()
		latest, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", 2, 'b')}, nil, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("stop", 3, 'a')), latest, "an earlier one changes nothing")
		_, err = s.Restore(t.Context(), p.vault, p.restored(1))
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{in(1, at("stop", 1, 'c'))}, nil, true)
		require.ErrorIs(t, err, witness.ErrInvalid, "a later epoch would set the number back")
		latest, err = s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, at("stop", 3, 'a'), latest[len(latest)-1])
	},
	"nobody uses the numbers of stops up": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		for _, number := range []uint64{1001, 1 << 40, math.MaxUint64} {
			_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", number, 'a')}, nil, true)
			require.ErrorIs(t, err, witness.ErrInvalid)
		}
		latest, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", 1000, 'a')}, nil, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("stop", 1000, 'a')), latest)
	},
	"an owner head that has followed a stop says so to a witness that does not know it": func(t *testing.T, s *subject) {
		p := newPerson(t)
		first := p.head(1, followed(5000))
		latest, err := s.Raise(t.Context(), p.vault, first.heads(), first.record, true)
		require.NoError(t, err)
		require.Equal(t, first.heads(at("stop", 5000, 0)), latest)
		latest, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", 5000, 'a')}, nil, true)
		require.NoError(t, err)
		require.Equal(t, first.heads(at("stop", 5000, 'a')), latest, "a report that was slower than the sign-in is no fork")
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		require.Empty(t, forks)
		latest, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("stop", 5001, 'b')}, nil, true)
		require.NoError(t, err)
		require.Equal(t, first.heads(at("stop", 5001, 'b')), latest)
		second := p.head(2, followed(4))
		latest, err = s.Raise(t.Context(), p.vault, second.heads(), second.record, true)
		require.NoError(t, err)
		require.Equal(t, second.heads(at("stop", 5001, 'b')), latest, "it never goes back")
	},
}
