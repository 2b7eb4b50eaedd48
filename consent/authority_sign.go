package consent

import (
	"bytes"
	"fmt"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Change is one change of a directory. Exactly one of its fields is set; those that
// withdraw also need On.
type Change struct {
	// Organisation, Relay and Licence are added, or take the place of the one with
	// the same id (of a licence: the same relay and number). The key of a relay
	// cannot be changed.
	Organisation *Organisation `json:"organisation,omitempty"`
	Relay        *Relay        `json:"relay,omitempty"`
	Licence      *Licence      `json:"licence,omitempty"`

	WithdrawOrganisation *OrganisationID `json:"withdrawOrganisation,omitempty"` // with all its relays
	WithdrawRelay        *RelayID        `json:"withdrawRelay,omitempty"`
	WithdrawLicence      *LicenceID      `json:"withdrawLicence,omitempty"`

	On vault.Date `json:"on,omitempty"` // the day of a withdrawal
}

// LicenceID names a licence.
type LicenceID struct {
	Relay  RelayID `json:"relay"`
	Number string  `json:"number"`
}

// Begin signs the first directory of this authority, which is empty.
func (a *Authority) Begin() (*DirectoryState, error) {
	return a.sign(nil, seal.OwnerHead{Vault: DirectoryID(a.Public()), Version: 1}, nil)
}

// Sign makes the changes on a directory and signs what becomes of it. Texts are
// trimmed and brought to their normal form first. Errors: vault.ErrInvalid with the
// field, ErrNotNamed for a withdrawal of what is not there, vault.ErrTooMany,
// vault.ErrUntrustedKey if this is not the key that signed before: see [Authority.Rotate].
func (a *Authority) Sign(on *DirectoryState, changes ...Change) (*DirectoryState, error) {
	entries := slices.Clone(on.entries)
	for n, c := range changes {
		var err error
		if entries, err = c.apply(entries); err != nil {
			if len(changes) > 1 {
				err = fmt.Errorf("change %d: %w", n+1, err)
			}
			return nil, err
		}
	}
	return a.sign(on, on.next(), entries)
}

// Rotate hands the directory over to another key: the old one signs the new. The
// configuration of servers stays as it is, and what the old key signs afterwards
// counts nowhere that has seen this. Errors: as for Sign.
func (a *Authority) Rotate(on *DirectoryState, to *Authority) (*DirectoryState, error) {
	head := on.next()
	if !bytes.Equal(head.Key, a.key.Public()) {
		return nil, vault.ErrUntrustedKey
	}
	if on.head.Trusts(to.key.Public()) {
		return nil, invalid("authority key", "was this authority's already")
	}
	head.Succession = append(slices.Clone(head.Succession), a.key.Succeed(head.Vault, to.key.Public()))
	head.Key = to.key.Public()
	return to.sign(on, head, on.entries)
}

// next is the head of the version after this one, as far as it is known.
func (s *DirectoryState) next() seal.OwnerHead {
	return seal.OwnerHead{Vault: s.head.Vault, Restore: s.head.Restore, Version: s.head.Version + 1, Key: s.head.Key, Succession: s.head.Succession}
}

// sign makes a whole directory. What it signs it reads again, as everybody will.
func (a *Authority) sign(on *DirectoryState, head seal.OwnerHead, entries []entry) (*DirectoryState, error) {
	if on != nil && !bytes.Equal(head.Key, a.key.Public()) {
		return nil, fmt.Errorf("%w: this is not the key that signs this directory", vault.ErrUntrustedKey)
	}
	var pages [][]byte
	for chunk := range slices.Chunk(entries, pageEntries) {
		raw, err := seal.Marshal(page{Form: pageForm, Entries: chunk})
		if err != nil {
			return nil, invalid("entries", "cannot be written: they are not valid text")
		}
		pages = append(pages, raw)
	}
	if len(pages) == 0 { // every head names a page: a witness keeps some of each
		raw, err := seal.Marshal(page{Form: pageForm})
		if err != nil {
			return nil, err
		}
		pages = append(pages, raw)
	}
	if len(pages) > MaxPages {
		return nil, fmt.Errorf("%w: a directory has at most %d entries", vault.ErrTooMany, MaxPages*pageEntries)
	}
	head.MinFormat, head.Kind, head.Key = seal.Format, seal.KindDirectory, a.key.Public()
	for _, raw := range pages {
		digest := seal.Digest(raw)
		head.Pages = append(head.Pages, digest[:])
	}
	record, err := a.key.SealOwnerHead(&head)
	if err != nil {
		return nil, err
	}
	s, err := newState(&head, record, pages)
	if err == nil && on != nil {
		err = s.continues(on)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// apply makes one change.
func (c Change) apply(entries []entry) ([]entry, error) {
	set := 0
	for _, there := range []bool{c.Organisation != nil, c.Relay != nil, c.Licence != nil, c.WithdrawOrganisation != nil, c.WithdrawRelay != nil, c.WithdrawLicence != nil} {
		if there {
			set++
		}
	}
	if set != 1 {
		return nil, invalid("change", "must say exactly one thing")
	}
	if c.WithdrawOrganisation != nil || c.WithdrawRelay != nil || c.WithdrawLicence != nil {
		return c.withdraw(entries)
	}
	e := entry{Organisation: c.Organisation.clean(), Relay: c.Relay.clean(), Licence: c.Licence.clean()}
	if r := e.Relay; r != nil && !slices.Contains(relayTypes, r.Type) {
		return nil, invalid("relay.type", "is none of %v", relayTypes)
	}
	if err := e.check(); err != nil { // here it can say which field
		return nil, err
	}
	for n, other := range entries {
		if e.replaces(other) {
			entries[n] = e
			return entries, nil
		}
	}
	return append(entries, e), nil
}

// replaces says whether two entries are about the same.
func (e entry) replaces(other entry) bool {
	switch {
	case e.Organisation != nil && other.Organisation != nil:
		return e.Organisation.ID == other.Organisation.ID
	case e.Relay != nil && other.Relay != nil:
		return e.Relay.ID == other.Relay.ID
	case e.Licence != nil && other.Licence != nil:
		return e.Licence.Relay == other.Licence.Relay && e.Licence.Number == other.Licence.Number
	}
	return false
}

// withdraw marks entries; none is ever removed. What is marked already keeps its day.
func (c Change) withdraw(entries []entry) ([]entry, error) {
	if err := checkDate("on", c.On, true); err != nil {
		return nil, err
	}
	found := false
	for n, e := range entries {
		switch {
		case e.Organisation != nil && c.WithdrawOrganisation != nil && e.Organisation.ID == *c.WithdrawOrganisation:
			o := *e.Organisation
			o.Withdrawn, found = first(o.Withdrawn, c.On), true
			entries[n] = entry{Organisation: &o}
		case e.Relay != nil && (c.WithdrawRelay != nil && e.Relay.ID == *c.WithdrawRelay || c.WithdrawOrganisation != nil && e.Relay.Organisation == *c.WithdrawOrganisation):
			r := e.Relay.clone()
			r.Withdrawn = first(r.Withdrawn, c.On)
			found = found || c.WithdrawRelay != nil
			entries[n] = entry{Relay: &r}
		case e.Licence != nil && c.WithdrawLicence != nil && e.Licence.Relay == c.WithdrawLicence.Relay && e.Licence.Number == c.WithdrawLicence.Number:
			l := *e.Licence
			l.Withdrawn, found = first(l.Withdrawn, c.On), true
			entries[n] = entry{Licence: &l}
		}
	}
	if !found {
		return nil, ErrNotNamed
	}
	return entries, nil
}

func first(withdrawn, on vault.Date) vault.Date {
	if withdrawn != "" {
		return withdrawn
	}
	return on
}

func (o *Organisation) clean() *Organisation {
	if o == nil {
		return nil
	}
	c := *o
	c.Name = cleanText(o.Name)
	return &c
}

func (r *Relay) clean() *Relay {
	if r == nil {
		return nil
	}
	c := r.clone()
	c.Name, c.Place, c.Contact = cleanText(r.Name), cleanText(r.Place), cleanText(r.Contact)
	return &c
}

func (l *Licence) clean() *Licence {
	if l == nil {
		return nil
	}
	c := *l
	c.Number, c.Payer = cleanText(l.Number), cleanText(l.Payer)
	return &c
}
