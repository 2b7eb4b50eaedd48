package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// PartnerID names a partner system: 128 random bits, which the authority draws.
type PartnerID = vault.ID

// Partner is a program of another organisation that may ask people for papers: the
// system of a public body, or case-management software. The authority signs it.
type Partner struct {
	ID           vault.ID       `cbor:"1,keyasint" json:"id"`
	Organisation OrganisationID `cbor:"2,keyasint" json:"organisation"`
	Name         string         `cbor:"3,keyasint" json:"name"`
	Contact      string         `cbor:"4,keyasint,omitempty" json:"contact,omitempty"` // of the partner, never of a person
	// Key is with which it signs its assertions (Ed25519), and Box to which what is
	// presented to it is sealed (X-Wing, 1,216 bytes). The secret halves are with the
	// partner and nowhere else: see [NewPartnerKeys].
	Key PartnerKey `cbor:"5,keyasint" json:"key"`
	Box []byte     `cbor:"6,keyasint" json:"box"`
	// Former are the signing keys that it had before. They sign nothing any more.
	Former []PartnerKey `cbor:"7,keyasint,omitempty" json:"former,omitempty"`
	// Scopes are what it may do, and Kinds which papers it may ask for.
	Scopes    []PartnerScope `cbor:"8,keyasint" json:"scopes"`
	Kinds     []PaperKind    `cbor:"9,keyasint,omitempty" json:"kinds,omitempty"`
	Since     vault.Date     `cbor:"10,keyasint" json:"since"`
	Until     vault.Date     `cbor:"11,keyasint,omitempty" json:"until,omitempty"` // the last day; "": until it is withdrawn
	Withdrawn vault.Date     `cbor:"12,keyasint,omitempty" json:"withdrawn,omitempty"`
}

// PartnerScope is something that a partner may do: a stable code.
type PartnerScope string

// The scopes. None lets a partner search, list people, or reach what is private.
const (
	PartnerAsk  PartnerScope = "ask"  // ask a person for papers, and take what they present
	PartnerLink PartnerScope = "link" // link its own file number to a person who agrees
	// PartnerDeposit: leave papers and messages with a person whose file it has linked, and
	// who lets it: see [Service.LetLeave].
	PartnerDeposit PartnerScope = "deposit"
)

// PaperKind says which papers are asked for: a stable code that pages put into words. It
// is a question, not a filter: which papers answer it, the person says.
type PaperKind string

// The kinds of paper.
const (
	PaperIdentity  PaperKind = "identity"
	PaperCivil     PaperKind = "civil-status" // birth, marriage, family book
	PaperResidence PaperKind = "residence"    // residence papers
	PaperAddress   PaperKind = "address"      // domiciliation, proof of address
	PaperIncome    PaperKind = "income"       // pay slips, benefits, tax notice
	PaperHealth    PaperKind = "health"       // health cover
	PaperWork      PaperKind = "work"
	PaperSchool    PaperKind = "school"
	PaperBank      PaperKind = "bank"
	PaperOther     PaperKind = "other" // the text of the request says which
)

var (
	partnerScopes = []PartnerScope{PartnerAsk, PartnerLink, PartnerDeposit}
	paperKinds    = []PaperKind{PaperIdentity, PaperCivil, PaperResidence, PaperAddress, PaperIncome, PaperHealth, PaperWork, PaperSchool, PaperBank, PaperOther}
	partnerText   = seal.PublicText{Prefix: "rp", Label: "reconnect partner public key"}
)

// PaperKinds returns the kinds that there are.
func PaperKinds() []PaperKind { return slices.Clone(paperKinds) }

// PartnerScopes returns the scopes that there are.
func PartnerScopes() []PartnerScope { return slices.Clone(partnerScopes) }

// PartnerKey is an Ed25519 public key of a partner, and as text "rp-" and seven groups of
// eight letters and digits, of which the last five characters check the others.
type PartnerKey [32]byte

// String returns the text of the key: 65 characters.
func (k PartnerKey) String() string { return partnerText.Format(k) }

// MarshalText returns the text of the key.
func (k PartnerKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads it: dashes, spaces and the case of letters do not count.
// vault.ErrInvalid if it is not one.
func (k *PartnerKey) UnmarshalText(text []byte) error {
	key, err := partnerText.Parse(string(text))
	if err != nil {
		return invalid("key", "is not a public key of a partner: %v", err)
	}
	*k = key
	return nil
}

// partnerPage is a page of partners. It follows the pages of entries in the head of a
// directory, and is told from them by its form, so that a directory without partners
// stays as it was.
type partnerPage struct {
	Form     uint8      `cbor:"1,keyasint"`
	Partners []*Partner `cbor:"2,keyasint"`
}

const (
	partnerPageForm = 2
	pagePartners    = 25 // of some 1,600 bytes each
)

func openPartnerPage(raw []byte) ([]*Partner, bool) {
	var p partnerPage
	if seal.Unmarshal(raw, &p) != nil || p.Form != partnerPageForm || len(p.Partners) == 0 || len(p.Partners) > pagePartners || slices.Contains(p.Partners, nil) {
		return nil, false
	}
	return p.Partners, true
}

func partnerPages(all []*Partner) (pages [][]byte, err error) {
	for chunk := range slices.Chunk(all, pagePartners) {
		raw, err := seal.Marshal(partnerPage{Form: partnerPageForm, Partners: chunk})
		if err != nil {
			return nil, invalid("partner", "cannot be written: it is not valid text")
		}
		pages = append(pages, raw)
	}
	return pages, nil
}

// check names every problem of a partner at once, but for whether its organisation is there.
func (p *Partner) check() error {
	problems := []error{
		checkText("partner.name", p.Name, MaxName, true),
		checkText("partner.contact", p.Contact, MaxContact, false),
		checkDate("partner.since", p.Since, true),
		checkDate("partner.until", p.Until, false),
		checkDate("partner.withdrawn", p.Withdrawn, false),
	}
	if p.ID.IsZero() {
		problems = append(problems, invalid("partner.id", "is missing"))
	}
	for _, k := range append([]PartnerKey{p.Key}, p.Former...) {
		if seal.CheckPublic(k[:]) != nil { // D7
			problems = append(problems, invalid("partner.key", "is not an Ed25519 public key"))
		}
	}
	if _, err := seal.BoxPublicFromBytes(p.Box); err != nil {
		problems = append(problems, invalid("partner.box", "is not an X-Wing public key"))
	}
	if len(p.Scopes) == 0 || len(p.Scopes) > 10 || len(p.Kinds) > 30 || len(p.Former) > 20 {
		problems = append(problems, invalid("partner.scopes", "are none, or there is too much of something"))
	}
	for _, s := range p.Scopes {
		problems = append(problems, checkCode("partner.scopes", string(s), typeCode, "ask"))
	}
	for _, k := range p.Kinds {
		problems = append(problems, checkCode("partner.kinds", string(k), typeCode, "identity"))
	}
	if slices.Contains(p.Scopes, PartnerAsk) && len(p.Kinds) == 0 {
		problems = append(problems, invalid("partner.kinds", "are missing: it may ask for nothing"))
	}
	if p.Until != "" && p.Until < p.Since {
		problems = append(problems, invalid("partner.until", "is before its beginning"))
	}
	return errors.Join(problems...)
}

func (p *Partner) clone() *Partner {
	c := *p
	c.Box, c.Former, c.Scopes, c.Kinds = bytes.Clone(p.Box), slices.Clone(p.Former), slices.Clone(p.Scopes), slices.Clone(p.Kinds)
	return &c
}

func (p *Partner) clean() *Partner {
	c := p.clone()
	c.Name, c.Contact = cleanText(p.Name), cleanText(p.Contact)
	return c
}

func (p *Partner) withdrawn(on vault.Date) *Partner {
	c := p.clone()
	c.Withdrawn = first(c.Withdrawn, on)
	return c
}

// may says whether a partner may do something on a day.
func (p *Partner) may(scope PartnerScope, day vault.Date) bool {
	return p.Withdrawn == "" && p.Since <= day && (p.Until == "" || day <= p.Until) && slices.Contains(p.Scopes, scope)
}

func (d *draft) setPartner(p *Partner) error {
	for _, s := range p.Scopes {
		if !slices.Contains(partnerScopes, s) {
			return invalid("partner.scopes", "names none of %v", partnerScopes)
		}
	}
	for _, k := range p.Kinds {
		if !slices.Contains(paperKinds, k) {
			return invalid("partner.kinds", "names none of %v", paperKinds)
		}
	}
	n := slices.IndexFunc(d.partners, func(o *Partner) bool { return o.ID == p.ID })
	if n >= 0 {
		p.Former = slices.Clone(d.partners[n].Former)
		if old := d.partners[n].Key; old != p.Key {
			p.Former = append(p.Former, old)
		}
	}
	if slices.Contains(p.Former, p.Key) {
		return invalid("partner.key", "was replaced, and signs nothing any more")
	}
	if err := p.check(); err != nil {
		return err
	}
	if n < 0 {
		d.partners = append(d.partners, p)
	} else {
		d.partners[n] = p
	}
	return nil
}

func (d *draft) withdrawPartner(id PartnerID, on vault.Date) error {
	if err := checkDate("on", on, true); err != nil {
		return err
	}
	n := slices.IndexFunc(d.partners, func(o *Partner) bool { return o.ID == id })
	if n < 0 {
		return ErrNotNamed
	}
	d.partners[n] = d.partners[n].withdrawn(on)
	return nil
}

// indexPartners refuses partners that do not fit together with the rest.
func (s *DirectoryState) indexPartners() error {
	ids, keys := map[PartnerID]bool{}, map[PartnerKey]bool{}
	for _, p := range s.partners {
		if err := p.check(); err != nil {
			return err
		}
		o := s.organisations[p.Organisation]
		switch {
		case o == nil:
			return invalid("partner.organisation", "is not in the directory")
		case o.Withdrawn != "" && p.Withdrawn == "":
			return invalid("partner.organisation", "was withdrawn")
		case ids[p.ID] || s.relays[p.ID] != nil:
			return invalid("partner.id", "is given twice")
		case keys[p.Key] || slices.Contains(p.Former, p.Key): // one key, one partner; and none comes back
			return invalid("partner.key", "is another partner's, or was replaced")
		}
		ids[p.ID], keys[p.Key] = true, true
	}
	return nil
}

// continuesPartners refuses a directory in which a partner is gone, or has other keys that
// do not name the one before: by that a vault knows it (D2).
func (s *DirectoryState) continuesPartners(before *DirectoryState) error {
	for _, old := range before.partners {
		now, err := s.Partner(old.ID)
		if err != nil {
			return invalid("partner.id", "of %s is gone; withdraw it instead", old.ID)
		}
		for _, k := range append(old.Former, old.Key) {
			if now.Key != k && !slices.Contains(now.Former, k) {
				return invalid("partner.key", "of %s changes and does not name the one before", old.ID)
			}
		}
	}
	return nil
}

// Partner returns a partner, also a withdrawn one. ErrNotNamed if there is none.
func (s *DirectoryState) Partner(id PartnerID) (Partner, error) {
	n := slices.IndexFunc(s.partners, func(p *Partner) bool { return p.ID == id })
	if n < 0 {
		return Partner{}, ErrNotNamed
	}
	return *s.partners[n].clone(), nil
}

// Partners returns all partners, also withdrawn ones, in the order in which they were added.
func (s *DirectoryState) Partners() (out []Partner) {
	for _, p := range s.partners {
		out = append(out, *p.clone())
	}
	return out
}

// Partner returns a partner, also a withdrawn one. ErrNotNamed if there is none. Errors:
// those of [Directory.Current].
func (d *Directory) Partner(ctx context.Context, id PartnerID) (Partner, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return Partner{}, err
	}
	return s.Partner(id)
}

// Partners returns all partners, also withdrawn ones, in the order in which they were
// added. Errors: those of [Directory.Current].
func (d *Directory) Partners(ctx context.Context) (out []Partner, err error) {
	s, err := d.Current(ctx)
	if err != nil {
		return nil, err
	}
	return s.Partners(), nil
}

// partner is Holder of a partner: its keys are those that the authority signed, in a
// directory that the witness knows; pinned is its present key or one that it had.
func (r *Register) partner(ctx context.Context, holder vault.ID, pinned []byte) (keys vault.HolderKeys, is bool, err error) {
	p, err := r.directory.Partner(ctx, holder)
	if errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) {
		return keys, false, nil
	}
	if err != nil {
		return keys, false, err
	}
	if p.Withdrawn != "" {
		return keys, true, vault.ErrEnded
	}
	if pinned != nil && !bytes.Equal(pinned, p.Key[:]) && !slices.ContainsFunc(p.Former, func(k PartnerKey) bool { return bytes.Equal(k[:], pinned) }) {
		return keys, true, vault.ErrUntrustedKey // D2
	}
	return vault.HolderKeys{Inbox: seal.BoxPublic(p.Box), Key: p.Key[:], Organisation: p.Organisation}, true, nil
}

// standingPartner refuses what a partner does, or is given, that may not any more, in the
// commit of the act itself (N7); also where the directory was changed this moment.
func (s *Service) standingPartner(ctx context.Context, tx *storage.Tx, id PartnerID, scope PartnerScope) error {
	d := s.cfg.Directory
	state, err := d.Current(ctx)
	if err != nil {
		return err
	}
	rec, err := tx.Get(headKey(d.id))
	if err != nil {
		return err
	}
	if !bytes.Equal(rec.Value, state.record) {
		return fmt.Errorf("%w: the directory", vault.ErrStale) // published this moment: look once more
	}
	p, err := state.Partner(id)
	if errors.Is(err, ErrNotNamed) {
		return vault.ErrUntrustedKey
	}
	if err == nil && !p.may(scope, s.today()) {
		return vault.ErrEnded
	}
	return err
}

// today is the day in the directory's zone.
func (s *Service) today() vault.Date {
	return vault.Date(s.now().In(s.cfg.Directory.cfg.Zone).Format(time.DateOnly))
}
