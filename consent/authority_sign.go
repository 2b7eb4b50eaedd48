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

	// Partner is added, or takes the place of the one with the same id. If its keys are
	// others, the former signing key is remembered with it.
	Partner *Partner `json:"partner,omitempty"`

	WithdrawOrganisation *OrganisationID `json:"withdrawOrganisation,omitempty"` // with all its relays and partners
	WithdrawRelay        *RelayID        `json:"withdrawRelay,omitempty"`
	WithdrawLicence      *LicenceID      `json:"withdrawLicence,omitempty"`

	WithdrawPartner *PartnerID `json:"withdrawPartner,omitempty"`

	On vault.Date `json:"on,omitempty"` // the day of a withdrawal
}

// LicenceID names a licence.
type LicenceID struct {
	Relay  RelayID `json:"relay"`
	Number string  `json:"number"`
}

// Begin signs the first directory of this authority, which is empty.
func (a *Authority) Begin() (*DirectoryState, error) {
	return a.sign(nil, seal.OwnerHead{Vault: DirectoryID(a.Public()), Version: 1}, nil, nil)
}

// Sign makes the changes on a directory and signs what becomes of it. Texts are
// trimmed and brought to their normal form first. Errors: vault.ErrInvalid with the
// field, ErrNotNamed for a withdrawal of what is not there, vault.ErrTooMany,
// vault.ErrUntrustedKey if this is not the key that signed before: see [Authority.Rotate].
func (a *Authority) Sign(on *DirectoryState, changes ...Change) (*DirectoryState, error) {
	d := newDraft(on)
	for n, c := range changes {
		if err := d.apply(c); err != nil {
			if len(changes) > 1 {
				err = fmt.Errorf("change %d: %w", n+1, err)
			}
			return nil, err
		}
	}
	return a.sign(on, on.next(), d.entries, d.partners)
}

// Check reports whether changes can be made on this directory, without a key: for a
// preview, where the authority signs elsewhere or later. Whether fees are within the cap,
// and the whole is not too large, is seen when it is signed and published. Errors: as for
// [Authority.Sign].
func (s *DirectoryState) Check(changes ...Change) error {
	d := newDraft(s)
	for _, c := range changes {
		if err := d.apply(c); err != nil {
			return err
		}
	}
	return nil
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
	return to.sign(on, head, on.entries, on.partners)
}

// next is the head of the version after this one, as far as it is known.
func (s *DirectoryState) next() seal.OwnerHead {
	return seal.OwnerHead{Vault: s.head.Vault, Restore: s.head.Restore, Version: s.head.Version + 1, Key: s.head.Key, Succession: s.head.Succession}
}

// sign makes a whole directory. What it signs it reads again, as everybody will.
func (a *Authority) sign(on *DirectoryState, head seal.OwnerHead, entries []entry, partners []*Partner) (*DirectoryState, error) {
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
	more, err := partnerPages(partners)
	if err != nil {
		return nil, err
	}
	if pages = append(pages, more...); len(pages) == 0 { // every head names a page: a witness keeps some of each
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
