package consent

import (
	"fmt"
	"iter"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Limits of a directory, so that it can be published in one commit and kept by a
// witness: some 10,000 relays with their licences.
const (
	MaxPages = 95             // of at most 256 entries
	MaxBytes = 4<<20 - 16<<10 // of all pages together

	pageEntries   = 256
	maxBundle     = MaxBytes + 1<<20 // with the head, and what is around them
	pageForm      = 1
	bundleForm    = 1
	headDirectory = "owner" // what the witness calls the head
)

// DirectoryState is one version of a directory, whole and verified. It does not
// change: what [Authority.Sign] makes of it is another one. Safe for many goroutines.
type DirectoryState struct {
	head   *seal.OwnerHead
	record []byte   // the head as it was signed
	pages  [][]byte // as the head names them

	entries       []entry    // in the order of the pages
	partners      []*Partner // of the pages after those, see partnerPage
	organisations map[OrganisationID]*Organisation
	relays        map[RelayID]*Relay
	licences      map[RelayID][]*Licence
}

// page is a page of entries as it is stored: CBOR of this struct.
type page struct {
	Form    uint8   `cbor:"1,keyasint"`
	Entries []entry `cbor:"2,keyasint"`
}

// bundle is a whole directory as bytes.
type bundle struct {
	Form  uint8    `cbor:"1,keyasint"`
	Head  []byte   `cbor:"2,keyasint"`
	Pages [][]byte `cbor:"3,keyasint"`
}

// ParseDirectory reads a directory that [DirectoryState.Bundle] wrote and verifies
// all of it under the authority's first key. Errors: vault.ErrUntrustedKey if it is
// not signed by that key or one that follows it, vault.ErrTampered if any of it was
// altered, vault.ErrInvalid with the field if an entry is not one, vault.ErrTooMany.
func ParseDirectory(authority AuthorityKey, bytes []byte) (*DirectoryState, error) {
	if len(bytes) > maxBundle {
		return nil, fmt.Errorf("%w: a directory of %d bytes", vault.ErrTooMany, len(bytes))
	}
	var b bundle
	if err := seal.Unmarshal(bytes, &b); err != nil || b.Form != bundleForm {
		return nil, tampered("directory")
	}
	head, err := openHead(authority, b.Head)
	if err != nil {
		return nil, err
	}
	return newState(head, b.Head, b.Pages)
}

// openHead verifies the head of a directory. Whether it is the latest, only the
// witness knows.
func openHead(authority AuthorityKey, record []byte) (*seal.OwnerHead, error) {
	h, err := seal.OpenOwnerHead(DirectoryID(authority), record)
	if err != nil {
		return nil, tampered("directory head")
	}
	if h.Kind != seal.KindDirectory || h.Erased != 0 || len(h.Pages) == 0 || len(h.Pages) > MaxPages {
		return nil, tampered("directory head")
	}
	if !h.Trusts(authority[:]) { // D1: signed well, by somebody
		return nil, fmt.Errorf("%w: the directory is signed by another authority", vault.ErrUntrustedKey)
	}
	return h, nil
}

// newState holds pages against the head that names them, and entries against each
// other.
func newState(head *seal.OwnerHead, record []byte, pages [][]byte) (*DirectoryState, error) {
	if len(pages) != len(head.Pages) {
		return nil, tampered("directory")
	}
	s := &DirectoryState{
		head: head, record: record, pages: pages,
		organisations: map[OrganisationID]*Organisation{}, relays: map[RelayID]*Relay{}, licences: map[RelayID][]*Licence{},
	}
	size := 0
	for n, raw := range pages {
		digest := seal.Digest(raw)
		// The digest first: nothing is decoded that the authority did not sign.
		if !slices.Equal(digest[:], head.Pages[n]) {
			return nil, tampered("directory page %d", n)
		}
		if size += len(raw); size > MaxBytes {
			return nil, fmt.Errorf("%w: the directory has more than %d bytes", vault.ErrTooMany, MaxBytes)
		}
		if more, ok := openPartnerPage(raw); ok {
			s.partners = append(s.partners, more...)
			continue
		}
		var p page
		if seal.Unmarshal(raw, &p) != nil || p.Form != pageForm || len(p.Entries) > pageEntries || len(s.partners) > 0 {
			return nil, tampered("directory page %d", n)
		}
		s.entries = append(s.entries, p.Entries...)
	}
	return s, s.index()
}

// index fills the maps from the entries, and refuses what does not fit together.
// What an entry refers to may stand after it, hence one kind after the other.
func (s *DirectoryState) index() error {
	for _, e := range s.entries {
		if !e.isOne() {
			return tampered("directory entry")
		}
		if e.Organisation == nil {
			continue
		}
		if err := s.addOrganisation(e.Organisation); err != nil {
			return err
		}
	}
	keys := map[RelayKey]bool{}
	for _, e := range s.entries {
		if e.Relay == nil {
			continue
		}
		if err := s.addRelay(e.Relay, keys); err != nil {
			return err
		}
	}
	for _, e := range s.entries {
		if e.Licence == nil {
			continue
		}
		if err := s.addLicence(e.Licence); err != nil {
			return err
		}
	}
	return s.indexPartners()
}

func (s *DirectoryState) addOrganisation(o *Organisation) error {
	if err := o.check(); err != nil {
		return err
	}
	if s.organisations[o.ID] != nil {
		return invalid("organisation.id", "is given twice")
	}
	s.organisations[o.ID] = o
	return nil
}

func (s *DirectoryState) addRelay(r *Relay, keys map[RelayKey]bool) error {
	if err := r.check(); err != nil {
		return err
	}
	o := s.organisations[r.Organisation]
	switch {
	case o == nil:
		return invalid("relay.organisation", "is not in the directory")
	case o.Withdrawn != "" && r.Withdrawn == "":
		return invalid("relay.organisation", "was withdrawn")
	case s.relays[r.ID] != nil:
		return invalid("relay.id", "is given twice")
	case keys[r.Key]: // one key, one relay: a credential must name one signer
		return invalid("relay.key", "is another relay's")
	}
	s.relays[r.ID], keys[r.Key] = r, true
	return nil
}

func (s *DirectoryState) addLicence(l *Licence) error {
	if err := l.check(); err != nil {
		return err
	}
	if s.relays[l.Relay] == nil {
		return invalid("licence.relay", "is not in the directory")
	}
	if s.licence(l.Relay, l.Number) != nil {
		return invalid("licence.number", "is given twice")
	}
	s.licences[l.Relay] = append(s.licences[l.Relay], l)
	return nil
}

// licence returns one licence, nil if there is none.
func (s *DirectoryState) licence(relay RelayID, number string) *Licence {
	i := slices.IndexFunc(s.licences[relay], func(l *Licence) bool { return l.Number == number })
	if i < 0 {
		return nil
	}
	return s.licences[relay][i]
}

// Bundle returns the whole directory as bytes, to be carried to a server or to the
// authority. It is not secret, and what is done to it on the way is noticed.
func (s *DirectoryState) Bundle() ([]byte, error) {
	return seal.Marshal(bundle{Form: bundleForm, Head: s.record, Pages: s.pages})
}

// Version counts the directories that the authority signed, from 1.
func (s *DirectoryState) Version() uint64 { return s.head.Version }

// Authority is the first key of the authority, by which it is known.
func (s *DirectoryState) Authority() AuthorityKey {
	if len(s.head.Succession) > 0 {
		return AuthorityKey(s.head.Succession[0].Old)
	}
	return s.Key()
}

// Key is the authority's key that signed this version.
func (s *DirectoryState) Key() AuthorityKey { return AuthorityKey(s.head.Key) }

// Relay returns a relay, also a withdrawn one. ErrNotNamed if there is none.
func (s *DirectoryState) Relay(id RelayID) (Relay, error) {
	r, ok := s.relays[id]
	if !ok {
		return Relay{}, ErrNotNamed
	}
	return r.clone(), nil
}

// Organisation returns an organisation, also a withdrawn one. ErrNotNamed if there is
// none.
func (s *DirectoryState) Organisation(id OrganisationID) (Organisation, error) {
	o, ok := s.organisations[id]
	if !ok {
		return Organisation{}, ErrNotNamed
	}
	return *o, nil
}

// Relays walks over all relays, also withdrawn ones, in the order in which they were
// added.
func (s *DirectoryState) Relays() iter.Seq[Relay] {
	return func(yield func(Relay) bool) {
		for _, e := range s.entries {
			if e.Relay != nil && !yield(e.Relay.clone()) {
				return
			}
		}
	}
}

// Organisations walks over all organisations, also withdrawn ones, in the order in
// which they were added.
func (s *DirectoryState) Organisations() iter.Seq[Organisation] {
	return func(yield func(Organisation) bool) {
		for _, e := range s.entries {
			if e.Organisation != nil && !yield(*e.Organisation) {
				return
			}
		}
	}
}

// Licences returns all licences of a relay, also withdrawn ones, in the order in
// which they were added.
func (s *DirectoryState) Licences(relay RelayID) []Licence {
	list := make([]Licence, 0, len(s.licences[relay]))
	for _, l := range s.licences[relay] {
		list = append(list, *l)
	}
	return list
}

func (r *Relay) clone() Relay {
	c := *r
	c.Languages = slices.Clone(r.Languages)
	return c
}

// checkpoint is what the witness remembers of this version.
func (s *DirectoryState) checkpoint() vault.Checkpoint { return checkpointOf(s.head, s.record) }

func checkpointOf(h *seal.OwnerHead, record []byte) vault.Checkpoint {
	return vault.Checkpoint{Head: headDirectory, Restore: h.Restore, Version: h.Version, Hash: seal.Digest(record)}
}

// side is what the witness keeps with the head, so that a restore from a backup does
// not bring back the directory of that day (N1, N16).
func (s *DirectoryState) side() []vault.Kept {
	side := make([]vault.Kept, len(s.pages))
	for n, raw := range s.pages {
		side[n] = vault.Kept{Key: pageKey(vault.ID(s.head.Vault), n), Value: raw}
	}
	return side
}
