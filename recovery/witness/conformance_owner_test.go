package witness_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

var ownerPromises = map[string]func(*testing.T, *subject){
	"forged owner head is refused": func(t *testing.T, s *subject) {
		p, stranger := newPerson(t), newPerson(t)
		h := register(t, s, p)
		good := p.head(2, nil)
		moved := func(change func(*witness.Checkpoint)) []witness.Checkpoint {
			c := good.checkpoint
			change(&c)
			return []witness.Checkpoint{c}
		}
		flipped := append([]byte(nil), good.record...)
		flipped[len(flipped)-1] ^= 1
		for name, try := range map[string]struct {
			heads []witness.Checkpoint
			owner []byte
		}{
			"other version in the checkpoint": {moved(func(c *witness.Checkpoint) { c.Version = 3 }), good.record},
			"other epoch in the checkpoint":   {moved(func(c *witness.Checkpoint) { c.Restore = 1 }), good.record},
			"other hash in the checkpoint":    {moved(func(c *witness.Checkpoint) { c.Hash[0] ^= 1 }), good.record},
			"flipped bit":                     {moved(func(c *witness.Checkpoint) { c.Hash = seal.Digest(flipped) }), flipped},
			"no owner head at all":            {good.heads(), []byte("owner head")},
			"of another vault":                {stranger.head(2, nil).heads(), stranger.head(2, nil).record},
		} {
			_, err := s.Raise(t.Context(), p.vault, try.heads, try.owner, true)
			require.ErrorIs(t, err, witness.ErrForged, name)
		}
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(), latest)
	},
	"a client's stolen credential cannot raise an owner head": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		thief := newPerson(t)
		thief.vault = p.vault // they may write whatever id they like, under their own key
		for _, try := range []signed{
			thief.head(1, nil), thief.head(2, nil), thief.head(1<<63, nil), thief.tombstone(2), thief.head(0, nil),
			thief.head(2, func(h *seal.OwnerHead) { h.Succession = nil; h.Key = thief.key().Public() }),
		} {
			_, err := s.Raise(t.Context(), p.vault, try.heads(at("shared", 9, 0)), try.record, true)
			require.ErrorIs(t, err, witness.ErrUntrustedKey)
		}
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(), latest)
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		require.Empty(t, forks, "what a stranger signs is evidence of nothing")
	},
	"succession is followed": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		p.succeed()
		p.succeed() // the witness need not have seen each
		h := p.head(2, nil)
		remembered, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(), remembered)
		s.crash()
		next := p.head(3, nil)
		remembered, err = s.Raise(t.Context(), p.vault, next.heads(), next.record, true)
		require.NoError(t, err)
		require.Equal(t, next.heads(), remembered)
	},
	"a replaced key signs nothing new (C3)": func(t *testing.T, s *subject) {
		p := newPerson(t)
		first := register(t, s, p)
		p.succeed()
		h := p.head(2, nil)
		_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)

		old := p.as(1)
		other := p.as(1)
		other.succeed() // the old key names a successor of its own choice
		for _, try := range []signed{old.head(3, nil), old.tombstone(3), other.head(3, nil)} {
			_, err := s.Raise(t.Context(), p.vault, try.heads(), try.record, true)
			require.ErrorIs(t, err, witness.ErrUntrustedKey)
		}
		remembered, err := s.Raise(t.Context(), p.vault, first.heads(), first.record, true)
		require.NoError(t, err, "an earlier head that was good then is only late")
		require.Equal(t, h.heads(), remembered)
	},
	"an old key's fork is evidence": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		p.succeed()
		h := p.head(2, nil)
		_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		other := p.as(1).head(2, nil)
		remembered, err := s.Raise(t.Context(), p.vault, other.heads(), other.record, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(), remembered)
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		require.Len(t, forks, 1)
		require.Equal(t, other.record, forks[0].Owner)
	},
}

var erasurePromises = map[string]func(*testing.T, *subject){
	"a tombstone is for ever": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 4, 0)}, nil, true)
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", 4, 0)}, nil, false)
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 4, 1)}, nil, false)
		require.NoError(t, err)
		stone := p.tombstone(2)
		remembered, err := s.Raise(t.Context(), p.vault, stone.heads(at("private", 5, 0)), stone.record, true)
		require.NoError(t, err)
		require.Equal(t, stone.heads(), remembered)

		for _, again := range []func(){func() {}, s.restart, s.crash} {
			again()
			for _, try := range []signed{p.head(1, nil), p.head(2, nil), p.head(3, nil), p.tombstone(3)} {
				_, err = s.Raise(t.Context(), p.vault, try.heads(), try.record, true)
				require.ErrorIs(t, err, witness.ErrErased)
			}
			for _, durable := range []bool{false, true} {
				_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 9, 0)}, nil, durable)
				require.ErrorIs(t, err, witness.ErrErased)
			}
			latest, err := s.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, stone.heads(), latest)
			record, _, err := s.OwnerSide(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, stone.record, record)
			forks, err := s.Forks(t.Context(), p.vault)
			require.NoError(t, err)
			require.Empty(t, forks)
		}
	},
	"the same tombstone may be reported again": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		stone := p.tombstone(2)
		for range 2 {
			remembered, err := s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
			require.NoError(t, err)
			require.Equal(t, stone.heads(), remembered)
		}
	},
	"a tombstone is taken of a vault that was never registered": func(t *testing.T, s *subject) {
		p := newPerson(t)
		stone := p.tombstone(5)
		_, err := s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
		require.NoError(t, err)
		h := p.head(6, nil)
		_, err = s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.ErrorIs(t, err, witness.ErrErased)
	},
	"counters go with the vault": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		for n := range byte(120) { // more than one commit can hold
			_, err := s.Count(t.Context(), p.vault, [32]byte{n})
			require.NoError(t, err)
		}
		stone := p.tombstone(2)
		_, err := s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
		require.NoError(t, err)
		require.ErrorIs(t, s.Reset(t.Context(), p.vault, [32]byte{7}, p.reset([32]byte{7}, 1)), witness.ErrErased)
		for n := range byte(120) {
			tries, err := s.Count(t.Context(), p.vault, [32]byte{n})
			require.NoError(t, err, "a login that leads nowhere is counted like any other (E8)")
			require.Equal(t, witness.Tries{Total: 1, Failed: 1}, tries)
		}
	},
}
