package witness_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// runConformance is what every witness must pass, wherever it runs. open starts
// one that knows nothing, and ends it with the test.
func runConformance(t *testing.T, open func(t *testing.T) *subject) {
	for area, tests := range map[string]map[string]func(*testing.T, *subject){
		"checkpoints": checkpointPromises,
		"owner":       ownerPromises,
		"stops":       stopPromises,
		"erasure":     erasurePromises,
		"keeping":     keepPromises,
		"restoring":   restorePromises,
		"tries":       tryPromises,
		"resets":      resetPromises,
		"evaluating":  evaluatePromises,
		"policies":    policyPromises,
		"requests":    requestPromises,
		"waits":       requestTimePromises,
		"time":        timePromises,
	} {
		for promise, test := range tests {
			t.Run(area+"/"+promise, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

var checkpointPromises = map[string]func(*testing.T, *subject){
	"unknown vault has no checkpoints": func(t *testing.T, s *subject) {
		latest, err := s.Latest(t.Context(), [16]byte{1})
		require.NoError(t, err)
		require.Empty(t, latest)
		_, _, err = s.OwnerSide(t.Context(), [16]byte{1})
		require.ErrorIs(t, err, witness.ErrUnregistered)
	},
	"first owner head registers": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := p.head(1, nil)
		heads := h.heads(at("shared", 1, 's'), at("private", 1, 'p'), at("journal", 3, 'j'))
		remembered, err := s.Raise(t.Context(), p.vault, heads, h.record, true)
		require.NoError(t, err)
		require.Equal(t, heads, remembered)
		s.crash()
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, heads, latest, "durable before the answer")
		record, _, err := s.OwnerSide(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.record, record)
	},
	"unregistered vault is refused": func(t *testing.T, s *subject) {
		for _, durable := range []bool{true, false} {
			for _, head := range []string{"shared", "private", "journal"} {
				_, err := s.Raise(t.Context(), [16]byte{1}, []witness.Checkpoint{at(head, 1, 0)}, nil, durable)
				require.ErrorIs(t, err, witness.ErrUnregistered)
			}
		}
		latest, err := s.Latest(t.Context(), [16]byte{1})
		require.NoError(t, err)
		require.Empty(t, latest)
	},
	"later raises, earlier and equal change nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		for head, durable := range map[string]bool{"shared": true, "private": false} {
			before, err := s.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			for _, step := range []struct{ reported, remembered witness.Checkpoint }{
				{at(head, 4, 'a'), at(head, 4, 'a')},
				{at(head, 4, 'a'), at(head, 4, 'a')},
				{at(head, 2, 'b'), at(head, 4, 'a')},
				{at(head, 5, 'c'), at(head, 5, 'c')},
			} {
				remembered, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{step.reported}, nil, durable)
				require.NoError(t, err)
				require.ElementsMatch(t, append(before[:len(before):len(before)], step.remembered), remembered)
				require.Equal(t, h.checkpoint, remembered[0])
				latest, err := s.Latest(t.Context(), p.vault)
				require.NoError(t, err)
				require.Equal(t, remembered, latest)
			}
		}
	},
	"earlier owner head changes nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		first := register(t, s, p)
		third := p.head(3, nil)
		_, err := s.Raise(t.Context(), p.vault, third.heads(), third.record, true)
		require.NoError(t, err)
		remembered, err := s.Raise(t.Context(), p.vault, first.heads(), first.record, true)
		require.NoError(t, err)
		require.Equal(t, third.heads(), remembered)
		record, _, err := s.OwnerSide(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, third.record, record)
	},
	"report that is not urgent counts at once and survives an orderly end": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		for version := uint64(1); version <= 20; version++ {
			_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", version, 'j')}, nil, false)
			require.NoError(t, err)
			latest, err := s.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, h.heads(at("journal", version, 'j')), latest)
		}
		s.restart()
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("journal", 20, 'j')), latest)
	},
	"durable report survives a crash": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("private", 7, 'p')}, nil, false)
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 9, 's')}, nil, true)
		require.NoError(t, err)
		s.crash()
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("shared", 9, 's'), at("private", 7, 'p')), latest, "and takes along what waited")
	},
	"fork is kept and seen": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		for _, durable := range []bool{false, true} {
			_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 5, 'a')}, nil, false)
			require.NoError(t, err)
			remembered, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 5, 'b')}, nil, durable)
			require.NoError(t, err)
			require.Equal(t, h.heads(at("shared", 5, 'a')), remembered, "the other reader sees that it has another hash")
		}
		other := p.head(1, epoch(9))
		remembered, err := s.Raise(t.Context(), p.vault, other.heads(), other.record, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("shared", 5, 'a')), remembered)

		s.crash()
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		for i := range forks {
			require.True(t, noon.Equal(forks[i].Seen))
			forks[i].Seen = noon
		}
		require.Equal(t, []witness.Fork{
			{Remembered: h.checkpoint, Reported: other.checkpoint, Owner: other.record, Seen: noon},
			{Remembered: at("shared", 5, 'a'), Reported: at("shared", 5, 'b'), Seen: noon},
		}, forks, "each once, however often it is reported")
	},
	"every fork has its evidence": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := p.head(1, restore(1))
		_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		for _, c := range []witness.Checkpoint{
			{Head: "shared", Restore: 0, Version: 5}, {Head: "shared", Restore: 0, Version: 6}, {Head: "shared", Restore: 1, Version: 6},
		} {
			_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{c}, nil, false)
			require.NoError(t, err)
			c.Hash = [32]byte{'x'} // the same at each
			_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{c}, nil, false)
			require.NoError(t, err)
		}
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		require.Len(t, forks, 3)
	},
	"invented forks fill nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		for hash := range byte(40) {
			_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", 1, hash)}, nil, false)
			require.NoError(t, err)
		}
		forks, err := s.Forks(t.Context(), p.vault)
		require.NoError(t, err)
		require.Len(t, forks, 4)
		for i, f := range forks {
			require.Equal(t, at("journal", 1, byte(i+1)), f.Reported, "the earliest are kept")
		}
	},
	"later restore epoch needs a statement": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		next := at("shared", 1, 0)
		next.Restore = 1
		for _, durable := range []bool{false, true} {
			_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{next}, nil, durable)
			require.ErrorIs(t, err, witness.ErrRestore)
		}
		owner := p.head(2, restore(1))
		_, err := s.Raise(t.Context(), p.vault, owner.heads(), owner.record, true)
		require.ErrorIs(t, err, witness.ErrRestore)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(), latest)
	},
	"restore epoch orders before version": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := p.head(2, restore(3))
		_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err, "an empty witness is filled again in whatever epoch the vault is")
		old := p.head(9, restore(2))
		remembered, err := s.Raise(t.Context(), p.vault, old.heads(), old.record, true)
		require.NoError(t, err)
		require.Equal(t, h.heads(), remembered)
	},
	"all of a report is taken or nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		next := p.head(2, nil)
		late := at("private", 2, 0)
		late.Restore = 1
		_, err := s.Raise(t.Context(), p.vault, next.heads(at("shared", 2, 0), late), next.record, true)
		require.ErrorIs(t, err, witness.ErrRestore)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(), latest)
	},
	"malformed report is refused": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		for name, try := range map[string]struct {
			heads []witness.Checkpoint
			owner []byte
		}{
			"unknown head":               {heads: []witness.Checkpoint{at("Shared", 2, 0)}},
			"no head":                    {heads: []witness.Checkpoint{at("", 2, 0)}},
			"twice":                      {heads: []witness.Checkpoint{at("shared", 2, 0), at("shared", 3, 0)}},
			"owner without record":       {heads: h.heads()},
			"record without owner":       {heads: []witness.Checkpoint{at("shared", 2, 0)}, owner: h.record},
			"record with no head at all": {owner: h.record},
			"absurdly large record":      {heads: h.heads(), owner: make([]byte, 1<<20)},
		} {
			_, err := s.Raise(t.Context(), p.vault, try.heads, try.owner, true)
			require.ErrorIs(t, err, witness.ErrInvalid, name)
		}
		remembered, err := s.Raise(t.Context(), p.vault, nil, nil, false)
		require.NoError(t, err, "an empty report only asks")
		require.Equal(t, h.heads(), remembered)
	},
	"vaults do not touch each other": func(t *testing.T, s *subject) {
		one, other := newPerson(t), newPerson(t)
		first, second := register(t, s, one), register(t, s, other)
		_, err := s.Raise(t.Context(), one.vault, []witness.Checkpoint{at("shared", 4, 0)}, nil, false)
		require.NoError(t, err)
		latest, err := s.Latest(t.Context(), other.vault)
		require.NoError(t, err)
		require.Equal(t, second.heads(), latest)
		latest, err = s.Latest(t.Context(), one.vault)
		require.NoError(t, err)
		require.Equal(t, first.heads(at("shared", 4, 0)), latest)
	},
}
