package witness

import (
	"bytes"
	"fmt"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// maxOwnerHead bounds a reported owner head: with it, evidence of a fork fits
// into one record. Real ones have a few kilobytes.
const maxOwnerHead = storage.MaxValue / 2

// report is a well-formed report, its owner head verified on its own.
type report struct {
	vault [16]byte
	heads []Checkpoint
	owner []byte          // the signed owner head, nil if there is none among heads
	head  *seal.OwnerHead // the same, opened
}

// newReport refuses what is malformed, and an owner head that is not what its
// checkpoint says: whoever has a client's credential can report anything, and
// what the witness repeats to others must be the signer's word alone.
func newReport(vault [16]byte, reported []Checkpoint, owner []byte) (*report, error) {
	r := &report{vault: vault, heads: reported}
	seen := heads{}
	for _, c := range reported {
		if _, twice := seen[c.Head]; twice || placeOf(c.Head) < 0 {
			return nil, fmt.Errorf("%w: head %q is unknown or given twice", ErrInvalid, c.Head)
		}
		if c.Head == stopName && c.Restore != 0 { // or a later epoch could set the number back
			return nil, fmt.Errorf("%w: a stop is of no restore epoch", ErrInvalid)
		}
		seen[c.Head] = c
	}
	c, named := seen[ownerName]
	switch {
	case named != (len(owner) > 0):
		return nil, fmt.Errorf("%w: the owner checkpoint and the signed owner head go together", ErrInvalid)
	case !named:
		return r, nil
	}
	r, err := newOwnerReport(vault, owner)
	if err != nil {
		return nil, err
	}
	if r.checkpoint() != c {
		return nil, fmt.Errorf("%w: it is not the one of the checkpoint", ErrForged)
	}
	r.heads = reported
	return r, nil
}

// newOwnerReport is a report of an owner head alone.
func newOwnerReport(vault [16]byte, owner []byte) (*report, error) {
	if len(owner) > maxOwnerHead {
		return nil, fmt.Errorf("%w: an owner head of %d bytes", ErrInvalid, len(owner))
	}
	head, err := seal.OpenOwnerHead(vault, owner)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	return &report{vault: vault, owner: owner, head: head}, nil
}

// checkpoint returns the report's checkpoint of the owner head.
func (r *report) checkpoint() Checkpoint {
	return Checkpoint{Head: ownerName, Restore: r.head.Restore, Version: r.head.Version, Hash: seal.Digest(r.owner)}
}

// stops says whether a stop is among what is reported.
func (r *report) stops() bool {
	return slices.ContainsFunc(r.heads, func(c Checkpoint) bool { return c.Head == stopName })
}

// state is what is remembered of one vault, and what a report makes of it.
type state struct {
	vaultRecord // but for Heads, which are in heads
	heads       heads

	changed  bool // by add or take: the record must be written
	newOwner bool // the report's owner head is the latest one
	forks    []fork
}

// fork is a report of another hash for a version that is remembered.
type fork struct{ remembered, reported Checkpoint }

// registered says whether the witness knows the vault.
func (s *state) registered() bool { return len(s.Key) > 0 }

// loadState reads the state of a vault; an unregistered one has an empty state.
func loadState(read func(key string) (storage.Record, error), vault [16]byte) (*state, error) {
	s := &state{heads: heads{}}
	if _, err := get(read, vaultKey(vault), &s.vaultRecord); err != nil {
		return nil, err
	}
	for _, h := range s.Heads {
		if int(h.Head) >= len(headNames) {
			return nil, fmt.Errorf("%w: %q names an unknown head", ErrDamaged, vaultKey(vault))
		}
		name := headNames[h.Head]
		s.heads[name] = Checkpoint{Head: name, Restore: h.Restore, Version: h.Version, Hash: h.Hash}
	}
	s.Heads = nil
	return s, nil
}

// record returns the stored form of the state.
func (s *state) record() vaultRecord {
	r := s.vaultRecord
	for _, c := range s.heads.list() {
		r.Heads = append(r.Heads, headRecord{Head: uint8(placeOf(c.Head)), Restore: c.Restore, Version: c.Version, Hash: c.Hash})
	}
	return r
}

// placeOf returns the place of a head in headNames, or -1.
func placeOf(head string) int {
	for place, name := range headNames {
		if name == head {
			return place
		}
	}
	return -1
}

// add lays earlier reports over the state that were accepted, but not written.
func (s *state) add(unwritten heads) {
	if !s.registered() || s.Erased != 0 {
		return // it was erased since
	}
	for _, c := range unwritten.list() {
		s.raise(c)
	}
}

func (s *state) raise(c Checkpoint) (raised bool) {
	remembered := s.heads[c.Head]
	raised, isFork := s.heads.raise(c)
	if isFork {
		s.forks = append(s.forks, fork{remembered: remembered, reported: c})
	}
	s.changed = s.changed || raised
	return raised
}

// take judges a report and puts it on the state. After an error the state is of
// no use.
func (s *state) take(r *report) error {
	if s.Erased != 0 {
		if r.head != nil && r.checkpoint() == s.heads[ownerName] {
			return nil // the tombstone again, whose answer was lost
		}
		return ErrErased
	}
	if r.head != nil {
		if err := s.takeOwner(r); err != nil || s.Erased != 0 {
			return err
		}
	}
	if !s.registered() {
		return ErrUnregistered
	}
	for _, c := range r.heads {
		if c.Head == ownerName {
			continue
		}
		if c.Restore > s.Restore {
			return fmt.Errorf("%w: head %q", ErrRestore, c.Head)
		}
		if c.Head == stopName && c.Version > s.heads[stopName].Version+maxStopStep {
			return fmt.Errorf("%w: a stop of number %d, after %d", ErrInvalid, c.Version, s.heads[stopName].Version)
		}
		s.raise(c)
	}
	return nil
}

// takeOwner judges an owner head whose own signature is good.
func (s *state) takeOwner(r *report) error {
	if !s.registered() {
		// The first one is believed: the id of a vault is 128 random bits, known
		// to nobody before it is registered. A witness that lost its store is
		// filled again in this way, hence in whatever restore epoch the vault is.
		s.Key, s.First, s.Restore = bytes.Clone(r.head.Key), bytes.Clone(r.head.Key), r.head.Restore
	}
	follows := r.head.Trusts(s.Key)
	if !follows && !r.head.Trusts(s.First) {
		return ErrUntrustedKey // a stranger's, whatever its version
	}
	c := r.checkpoint()
	if c.Restore > s.Restore {
		return fmt.Errorf("%w: head %q", ErrRestore, c.Head)
	}
	if known, ok := s.heads[ownerName]; ok && compare(c, known) > 0 && !follows {
		// C3, N2: a key that was replaced, found in an old dump with an old
		// password, signs nothing new; nor does another successor of it.
		return ErrUntrustedKey
	}
	if !s.raise(c) {
		return nil // earlier, the same, or a fork
	}
	s.newOwner = true
	s.Key, s.Service = bytes.Clone(r.head.Key), bytes.Clone(r.head.Service)
	if r.head.Erased != 0 {
		s.Erased = r.head.Erased
		s.heads = heads{ownerName: c}
	} else if s.heads[stopName].Version < r.head.Stop { // the person has signed that they know it
		s.heads[stopName] = Checkpoint{Head: stopName, Version: r.head.Stop}
	}
	return nil
}
