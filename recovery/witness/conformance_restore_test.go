package witness_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// sideOf makes a head of this version with the owner side that it names; mark
// tells one side from another.
func (p *person) sideOf(version uint64, mark string, change func(*seal.OwnerHead)) (signed, []witness.Kept) {
	record := func(name string) witness.Kept {
		return witness.Kept{Key: fmt.Sprintf("%x/%s", p.vault, name), Value: []byte(name + " " + mark)}
	}
	digest := func(k witness.Kept) []byte {
		d := seal.Digest(k.Value)
		return d[:]
	}
	side := []witness.Kept{record("k/w"), record("k/o"), record("k/s"), record("s/1"), record("x/o/0"), record("o/1")}
	h := p.head(version, func(h *seal.OwnerHead) {
		h.Wrapping, h.Pages = digest(side[0]), [][]byte{digest(side[4])}
		for i, c := range []seal.Compartment{seal.Owner, seal.Shared} {
			h.Compartments = append(h.Compartments, seal.CompartmentKeys{Compartment: c, Generation: 1, Inbox: make([]byte, seal.BoxPublicSize), Keyring: digest(side[1+i])})
		}
		h.Slots = []seal.SlotEntry{{ID: [16]byte{1}, Kind: 1, State: 1, Digest: digest(side[3])}}
		if change != nil {
			change(h)
		}
	})
	return h, side
}

// requireSide demands that this head and this side are what a restore gets.
func requireSide(t *testing.T, s *subject, p *person, h signed, side []witness.Kept) {
	t.Helper()
	owner, kept, err := s.OwnerSide(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.record, owner)
	require.Equal(t, side, kept)
}

func keepAndRaise(t *testing.T, s *subject, p *person, h signed, side []witness.Kept) {
	t.Helper()
	require.NoError(t, s.Keep(t.Context(), p.vault, h.record, side))
	_, err := s.Raise(t.Context(), p.vault, h.heads(), h.record, true)
	require.NoError(t, err)
}

var keepPromises = map[string]func(*testing.T, *subject){
	"an owner side is kept for the head it belongs to": func(t *testing.T, s *subject) {
		p := newPerson(t)
		first, side := p.sideOf(1, "first", nil)
		require.NoError(t, s.Keep(t.Context(), p.vault, first.record, side), "before anybody knows the vault")
		_, _, err := s.OwnerSide(t.Context(), p.vault)
		require.ErrorIs(t, err, witness.ErrUnregistered)
		s.crash()
		_, err = s.Raise(t.Context(), p.vault, first.heads(), first.record, true)
		require.NoError(t, err)
		requireSide(t, s, p, first, side)

		second, later := p.sideOf(2, "second", nil)
		require.NoError(t, s.Keep(t.Context(), p.vault, second.record, later))
		requireSide(t, s, p, first, side) // until its head is raised
		s.crash()
		_, err = s.Raise(t.Context(), p.vault, second.heads(), second.record, true)
		require.NoError(t, err)
		requireSide(t, s, p, second, later)
		require.NoError(t, s.Keep(t.Context(), p.vault, first.record, side), "late, and no error")
		requireSide(t, s, p, second, later)

		third, _ := p.sideOf(3, "third", nil)
		_, err = s.Raise(t.Context(), p.vault, third.heads(), third.record, true)
		require.NoError(t, err)
		requireSide(t, s, p, third, nil)
	},
	"a side that is repeated is kept once, and one that comes late replaces nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h, side := p.sideOf(1, "honest", nil)
		keepAndRaise(t, s, p, h, side)
		require.NoError(t, s.Keep(t.Context(), p.vault, h.record, side))
		spoilt := append([]witness.Kept(nil), side...)
		spoilt[5].Value = []byte("a paper of somebody who stole the credential")
		require.NoError(t, s.Keep(t.Context(), p.vault, h.record, spoilt))
		requireSide(t, s, p, h, side)
	},
	"a side of a head that another process is past does not displace the later": func(t *testing.T, s *subject) {
		p := newPerson(t)
		first, one := p.sideOf(1, "one", nil)
		keepAndRaise(t, s, p, first, one)
		second, two := p.sideOf(2, "two", nil)
		third, three := p.sideOf(3, "three", nil)
		require.NoError(t, s.Keep(t.Context(), p.vault, third.record, three))
		require.NoError(t, s.Keep(t.Context(), p.vault, second.record, two))
		_, err := s.Raise(t.Context(), p.vault, second.heads(), second.record, true)
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, third.heads(), third.record, true)
		require.NoError(t, err)
		requireSide(t, s, p, third, three)
	},
	"a side that is not the head's is refused": func(t *testing.T, s *subject) {
		p, stranger := newPerson(t), newPerson(t)
		h, side := p.sideOf(1, "mine", nil)
		keepAndRaise(t, s, p, h, side)
		next, good := p.sideOf(2, "next", nil)
		with := func(change func(side []witness.Kept) []witness.Kept) []witness.Kept {
			return change(append([]witness.Kept(nil), good...))
		}
		for n := range 5 {
			require.ErrorIs(t, s.Keep(t.Context(), p.vault, next.record, with(func(side []witness.Kept) []witness.Kept {
				side[n].Value = append([]byte("x"), side[n].Value...)
				return side
			})), witness.ErrInvalid, "a digest of the head is of no record: %s", good[n].Key)
			require.ErrorIs(t, s.Keep(t.Context(), p.vault, next.record, with(func(side []witness.Kept) []witness.Kept {
				return append(side[:n], side[n+1:]...)
			})), witness.ErrInvalid, "left out: %s", good[n].Key)
		}
		for name, change := range map[string]func(side []witness.Kept) []witness.Kept{
			"nothing":     func([]witness.Kept) []witness.Kept { return nil },
			"a key twice": func(side []witness.Kept) []witness.Kept { return append(side, side[0]) },
			"no key":      func(side []witness.Kept) []witness.Kept { side[5].Key = ""; return side },
			"a long key":  func(side []witness.Kept) []witness.Kept { side[5].Key = string(make([]byte, 513)); return side },
			"a key that is no text": func(side []witness.Kept) []witness.Kept {
				side[5].Key = "\xff"
				return side
			},
			"too many": func(side []witness.Kept) []witness.Kept {
				for n := range witness.MaxSideRecords {
					side = append(side, witness.Kept{Key: fmt.Sprint(n), Value: []byte{1}})
				}
				return side
			},
			"too much": func(side []witness.Kept) []witness.Kept {
				return append(side, witness.Kept{Key: "much", Value: make([]byte, witness.MaxSideBytes)})
			},
		} {
			require.ErrorIs(t, s.Keep(t.Context(), p.vault, next.record, with(change)), witness.ErrInvalid, name)
		}
		theirs, _ := stranger.sideOf(2, "next", nil)
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, theirs.record, good), witness.ErrForged)
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, nil, good), witness.ErrForged)
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, make([]byte, 1<<20), good), witness.ErrInvalid)
		thief := newPerson(t)
		thief.vault = p.vault
		own, ownSide := thief.sideOf(2, "thief", nil)
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, own.record, ownSide), witness.ErrUntrustedKey)
		ahead, aheadSide := p.sideOf(2, "ahead", restore(1))
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, ahead.record, aheadSide), witness.ErrRestore)
		requireSide(t, s, p, h, side)
	},
	"a large side is kept whole": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h, side := p.sideOf(1, "large", nil)
		for n := range 3 {
			side = append(side, witness.Kept{Key: fmt.Sprint("paper ", n), Value: bytes.Repeat([]byte{byte(n)}, 1<<20)})
		}
		keepAndRaise(t, s, p, h, side)
		s.crash()
		requireSide(t, s, p, h, side)
	},
	"erasing forgets the side and the statement": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h, side := p.sideOf(1, "mine", nil)
		keepAndRaise(t, s, p, h, side)
		_, err := s.Restore(t.Context(), p.vault, p.restored(1))
		require.NoError(t, err)
		next, later := p.sideOf(2, "later", nil)
		require.NoError(t, s.Keep(t.Context(), p.vault, next.record, later))
		stone := p.tombstone(3)
		require.ErrorIs(t, s.Keep(t.Context(), p.vault, stone.record, nil), witness.ErrInvalid)
		_, err = s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
		require.NoError(t, err)
		for _, again := range []func(){func() {}, s.crash} {
			again()
			requireSide(t, s, p, stone, nil)
			complete, err := s.Restored(t.Context(), p.vault)
			require.NoError(t, err)
			require.Nil(t, complete)
			require.ErrorIs(t, s.Keep(t.Context(), p.vault, next.record, later), witness.ErrErased)
			_, err = s.Restore(t.Context(), p.vault, p.restored(2))
			require.ErrorIs(t, err, witness.ErrErased)
		}
	},
}

// restored is the operator's statement that this vault has the heads of after,
// in this epoch; any that are missing were not in the store.
func (p *person) restored(epoch uint64, after ...witness.Checkpoint) []byte {
	return p.restoredBy(operatorKey, epoch, after...)
}

func (p *person) restoredBy(operator seal.SigningKey, epoch uint64, after ...witness.Checkpoint) []byte {
	r := &seal.Restore{Vault: p.vault, Epoch: epoch, Taken: noon.UnixMilli(), Issued: noon.UnixMilli() + 1}
	for _, name := range seal.RestoredHeads() {
		h := seal.RestoredHead{Head: name}
		for _, c := range after {
			if c.Head == name {
				h.Version, h.Hash = c.Version, c.Hash
			}
		}
		r.Heads = append(r.Heads, h)
	}
	statement, err := operator.SealRestore(r)
	require.NoError(p.t, err)
	return statement
}

// in is a checkpoint in a restore epoch.
func in(epoch uint64, c witness.Checkpoint) witness.Checkpoint {
	c.Restore = epoch
	return c
}

var restorePromises = map[string]func(*testing.T, *subject){
	"a statement sets exactly its heads back, and begins an epoch": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := register(t, s, p)
		_, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 9, 's'), at("private", 9, 'p')}, nil, true)
		require.NoError(t, err)
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", 90, 'j')}, nil, false)
		require.NoError(t, err)
		complete, err := s.Restored(t.Context(), p.vault)
		require.NoError(t, err)
		require.Nil(t, complete, "never restored")

		statement := p.restored(1, at("shared", 4, 'd'), at("private", 12, 'e'), at("journal", 30, 'f'))
		complete, err = s.Restore(t.Context(), p.vault, statement)
		require.NoError(t, err)
		opened, err := seal.OpenRestored(operatorKey.Public(), witnessKey.Public(), p.vault, complete)
		require.NoError(t, err)
		require.EqualValues(t, 1, opened.Epoch)
		want := h.heads(in(1, at("shared", 4, 'd')), in(1, at("private", 12, 'e')), in(1, at("journal", 30, 'f')))
		for _, again := range []func(){func() {}, s.restart, s.crash} {
			again()
			latest, err := s.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, want, latest, "and the owner head stays")
			kept, err := s.Restored(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, complete, kept)
		}
		for _, durable := range []bool{false, true} { // a process that has not heard of it
			latest, err := s.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 100, 's'), at("journal", 91, 'j')}, nil, durable)
			require.NoError(t, err)
			require.Equal(t, want, latest, "what is of an earlier epoch counts no more")
		}
		owner := p.head(2, restore(1))
		latest, err := s.Raise(t.Context(), p.vault, owner.heads(in(1, at("shared", 5, 'g')), in(1, at("private", 13, 'h')), in(1, at("journal", 31, 'i'))), owner.record, true)
		require.NoError(t, err)
		require.Equal(t, owner.heads(in(1, at("shared", 5, 'g')), in(1, at("private", 13, 'h')), in(1, at("journal", 31, 'i'))), latest)
	},
	"heads that the store does not have begin at nothing": func(t *testing.T, s *subject) {
		p := newPerson(t)
		h := p.head(1, nil)
		_, err := s.Raise(t.Context(), p.vault, h.heads(at("shared", 2, 's')), h.record, true)
		require.NoError(t, err)
		_, err = s.Restore(t.Context(), p.vault, p.restored(1))
		require.NoError(t, err)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(in(1, at("shared", 0, 0)), in(1, at("private", 0, 0)), in(1, at("journal", 0, 0))), latest)
	},
	"the same statement has the same answer, another one of its epoch none": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		statement := p.restored(1, at("shared", 4, 'd'))
		first, err := s.Restore(t.Context(), p.vault, statement)
		require.NoError(t, err)
		for _, again := range []func(){func() {}, s.crash} {
			again()
			complete, err := s.Restore(t.Context(), p.vault, statement)
			require.NoError(t, err)
			require.Equal(t, first, complete)
			_, err = s.Restore(t.Context(), p.vault, p.restored(1, at("shared", 3, 'x')))
			require.ErrorIs(t, err, witness.ErrRestore)
		}
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{in(1, at("shared", 5, 'e'))}, nil, true)
		require.NoError(t, err)
		_, err = s.Restore(t.Context(), p.vault, statement)
		require.NoError(t, err)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, in(1, at("shared", 5, 'e')), latest[1], "said again, it sets nothing back again")
		_, err = s.Raise(t.Context(), p.vault, []witness.Checkpoint{in(1, at("shared", 6, 'f'))}, nil, false)
		require.NoError(t, err)
		_, err = s.Restore(t.Context(), p.vault, statement)
		require.NoError(t, err)
		latest, err = s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, in(1, at("shared", 6, 'f')), latest[1], "nor what is not written yet")
	},
	"statements count in their order and once (C8)": func(t *testing.T, s *subject) {
		p := newPerson(t)
		register(t, s, p)
		first, second := p.restored(1, at("shared", 4, 'd')), p.restored(2, at("shared", 3, 'c'))
		_, err := s.Restore(t.Context(), p.vault, second)
		require.ErrorIs(t, err, witness.ErrRestore, "an epoch ahead")
		_, err = s.Restore(t.Context(), p.vault, first)
		require.NoError(t, err)
		complete, err := s.Restore(t.Context(), p.vault, second)
		require.NoError(t, err, "before the vault has taken the first, too")
		_, err = s.Restore(t.Context(), p.vault, first)
		require.ErrorIs(t, err, witness.ErrRestore)
		kept, err := s.Restored(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, complete, kept)
	},
	"a false statement is refused": func(t *testing.T, s *subject) {
		p, other := newPerson(t), newPerson(t)
		h := register(t, s, p)
		stranger := seal.NewSigningKey()
		good := p.restored(1)
		flipped := append([]byte(nil), good...)
		flipped[len(flipped)-1] ^= 1
		for name, statement := range map[string][]byte{
			"nothing":           nil,
			"of another vault":  other.restored(1),
			"a stranger's":      p.restoredBy(stranger, 1),
			"the witness's own": p.restoredBy(witnessKey, 1),
			"flipped bit":       flipped,
			"cut":               good[:len(good)-1],
			"an owner head":     h.record,
			"a complete one":    complete(t, p, good),
			"absurdly large":    make([]byte, 1<<20),
		} {
			_, err := s.Restore(t.Context(), p.vault, statement)
			require.ErrorIs(t, err, witness.ErrRestore, name)
		}
		_, err := s.Restore(t.Context(), other.vault, other.restored(1))
		require.ErrorIs(t, err, witness.ErrUnregistered)
		latest, err := s.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(), latest)
	},
	"vaults are listed in order, erased ones too": func(t *testing.T, s *subject) {
		none, err := s.Vaults(t.Context(), [16]byte{}, 10)
		require.NoError(t, err)
		require.Empty(t, none)
		var want [][16]byte
		for n := range byte(5) {
			p := newPerson(t)
			p.vault = [16]byte{n + 1}
			register(t, s, p)
			if n == 2 {
				stone := p.tombstone(2)
				_, err := s.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
				require.NoError(t, err)
			}
			want = append(want, p.vault)
		}
		all, err := s.Vaults(t.Context(), [16]byte{}, 1000)
		require.NoError(t, err)
		require.Equal(t, want, all)
		page, err := s.Vaults(t.Context(), want[1], 2)
		require.NoError(t, err)
		require.Equal(t, want[2:4], page)
		for _, limit := range []int{0, -1, 1001} {
			_, err = s.Vaults(t.Context(), [16]byte{}, limit)
			require.ErrorIs(t, err, witness.ErrInvalid)
		}
	},
}

// complete countersigns a statement as the witness would.
func complete(t *testing.T, p *person, statement []byte) []byte {
	t.Helper()
	c, err := witnessKey.CountersignRestore(p.vault, statement)
	require.NoError(t, err)
	return c
}
