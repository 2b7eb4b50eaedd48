package consent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// partnerBook is what a person's vault keeps of partners, in one Owner paper.
type partnerBook struct {
	Refused []refusedAsk `cbor:"1,keyasint,omitempty"`
	Links   []keptLink   `cbor:"2,keyasint,omitempty"`
	Blocked [][16]byte   `cbor:"3,keyasint,omitempty"`
}

// refusedAsk is a request that was refused, or answered with a link, and how often
// somebody tried to make one of it.
type refusedAsk struct {
	Ask   [16]byte `cbor:"1,keyasint"`
	Until int64    `cbor:"2,keyasint"` // then it is forgotten
	Tries uint8    `cbor:"3,keyasint,omitempty"`
	Done  bool     `cbor:"4,keyasint,omitempty"`
}

type keptLink struct {
	Partner [16]byte `cbor:"1,keyasint"`
	Token   string   `cbor:"2,keyasint"`
	Number  string   `cbor:"3,keyasint"` // as the person typed it
	At      int64    `cbor:"4,keyasint"`
}

const (
	mostLinks     = 50
	mostBlocked   = 200
	mostLinkTries = 5
)

// AskCode is a code by which one partner can ask once.
type AskCode struct {
	Code  string // digits in groups of four, to be read aloud
	Until time.Time
}

// askCodeBegin is what a QR code of a code says before its digits.
const askCodeBegin = "reconnect:ask:"

// QR is the text of the QR code.
func (c AskCode) QR() string { return askCodeBegin + strings.ReplaceAll(c.Code, " ", "") }

// AskCode makes a code that the person who has v open gives to a partner, aloud or as a
// QR code: by it the partner reaches this vault once, to ask, and learns nothing. It lasts
// a quarter of an hour. vault.ErrNotAllowed to anybody but the person.
func (s *Service) AskCode(ctx context.Context, v *vault.Vault) (AskCode, error) {
	code, err := newCode(askCodeDigits)
	if err != nil {
		return AskCode{}, err
	}
	c := AskCode{Code: code, Until: s.now().Add(AskCodeLasts)}
	body, err := seal.Marshal(codeSlip{Vault: v.ID(), Until: c.Until.UnixMilli()})
	if err != nil {
		return AskCode{}, err
	}
	err = s.changeBook(ctx, v, vault.ActPartnerCode, PartnerID{}, func(*partnerBook) error { return nil }, func(tx *storage.Tx) error {
		return s.cfg.Vaults.PutSlip(tx, slipCode, c.Code, c.Until, body)
	})
	return c, err
}

// AskCodeWaits is a code that was made for v, to be shown again, for as long as no partner has
// used it and its time is not over: vault.ErrNotFound from then on, and for any other code. It
// tells who has the code nothing beyond that.
func (s *Service) AskCodeWaits(ctx context.Context, v *vault.Vault, code string) (AskCode, error) {
	raw, err := s.cfg.Vaults.Slip(ctx, slipCode, code)
	var slip codeSlip
	if err == nil && (seal.Unmarshal(raw, &slip) != nil || slip.Vault != v.ID() || slip.Until <= s.now().UnixMilli()) {
		err = vault.ErrNotFound
	}
	if err != nil {
		return AskCode{}, err
	}
	return AskCode{Code: code, Until: fromUnixMilli(slip.Until)}, nil
}

// Asked is what a partner asks, as the person sees it.
type Asked struct {
	ID           [16]byte // by which it is answered
	Partner      PartnerID
	Name         string // of the partner, as the directory has it now
	Contact      string
	Organisation string
	Kinds        []PaperKind // none: it asks to link its file number
	Purpose      Purpose
	At           time.Time
	Until        time.Time // until when it can be answered
	Lasts        time.Time // until when it asks to fetch the copies
	Link         bool
	TriesLeft    int // of a link: how often the traits can be typed

	token  string
	traits []byte
}

// Asked returns what partners ask of the person who has v open and what is not answered
// yet, the latest first. What comes from a partner that is blocked, or is none any more, is
// left out. vault.ErrNotAllowed to anybody but the person.
func (s *Service) Asked(ctx context.Context, v *vault.Vault) ([]Asked, error) {
	return s.asked(ctx, v, vault.ActPartnerAsks)
}

// AsksWaiting returns how many requests of [Service.Asked] there are, without a line in the
// journal: for a first screen, which says so. Errors: those of Asked.
func (s *Service) AsksWaiting(ctx context.Context, v *vault.Vault) (int, error) {
	all, err := s.asked(ctx, v, "")
	return len(all), err
}

// asked notes act, "": nothing.
func (s *Service) asked(ctx context.Context, v *vault.Vault, act vault.Act) ([]Asked, error) {
	left, err := v.LeftForPerson(ctx, mostAsks+1)
	if err != nil || len(left) == 0 && act == "" {
		return nil, err
	}
	book, err := s.book(ctx, v, act)
	if err != nil {
		return nil, err
	}
	given, err := v.Grants(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, err
	}
	answered := map[string]bool{}
	for _, g := range given {
		if f, err := factsOf(g); err == nil && g.Scope == vault.ScopePartner {
			answered[f.Name] = true
		}
	}
	var out []Asked
	for id, body := range left {
		a, err := s.openAsk(ctx, id, body, book)
		if err != nil {
			return nil, err
		}
		if a != nil && !answered[vault.ID(id).String()] {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b Asked) int { return b.At.Compare(a.At) })
	return out, nil
}

// openAsk reads one request; nil if it is not to be shown.
func (s *Service) openAsk(ctx context.Context, id [16]byte, body []byte, book *partnerBook) (*Asked, error) {
	var b askedBody
	if seal.Unmarshal(body, &b) != nil || askID(b.Token) != id || b.Until <= s.now().UnixMilli() || slices.Contains(book.Blocked, b.Partner) {
		return nil, nil
	}
	a := &Asked{
		ID: id, Partner: b.Partner, Kinds: b.Kinds, Purpose: ParsePurpose(b.Purpose), At: fromUnixMilli(b.At), Until: fromUnixMilli(b.Until), Lasts: fromUnixMilli(b.Lasts),
		Link: len(b.Kinds) == 0, TriesLeft: mostLinkTries, token: b.Token, traits: b.Traits,
	}
	if r := book.of(id); r != nil {
		if a.TriesLeft -= int(r.Tries); r.Done || a.TriesLeft <= 0 {
			return nil, nil
		}
	}
	scope := PartnerAsk
	if a.Link {
		scope = PartnerLink
	}
	p, err := s.cfg.Directory.Partner(ctx, b.Partner)
	if errors.Is(err, ErrNotNamed) || err == nil && !p.may(scope, s.today()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, k := range a.Kinds { // the store cannot have it ask for more, nor can it after the authority has taken a kind back
		if !slices.Contains(p.Kinds, k) {
			return nil, nil
		}
	}
	o, err := s.cfg.Directory.Organisation(ctx, p.Organisation)
	a.Name, a.Contact, a.Organisation = p.Name, p.Contact, o.Name
	return a, err
}

func (b *partnerBook) of(ask [16]byte) *refusedAsk {
	n := slices.IndexFunc(b.Refused, func(r refusedAsk) bool { return r.Ask == ask })
	if n < 0 {
		return nil
	}
	return &b.Refused[n]
}

// done notes that a request was answered with no papers.
func (b *partnerBook) note(a *Asked, change func(*refusedAsk)) {
	r := b.of(a.ID)
	if r == nil {
		b.Refused = append(b.Refused, refusedAsk{Ask: a.ID, Until: a.Until.UnixMilli()})
		r = &b.Refused[len(b.Refused)-1]
	}
	change(r)
}

func (s *Service) book(ctx context.Context, v *vault.Vault, act vault.Act) (*partnerBook, error) {
	raw, err := v.PartnerBook(ctx, act)
	if err != nil {
		return nil, err
	}
	return readBook(raw)
}

func readBook(raw []byte) (*partnerBook, error) {
	b := &partnerBook{}
	if raw != nil && seal.Unmarshal(raw, b) != nil {
		return nil, tampered("what was kept of partners")
	}
	return b, nil
}

func (s *Service) changeBook(ctx context.Context, v *vault.Vault, act vault.Act, partner PartnerID, change func(*partnerBook) error, also func(tx *storage.Tx) error) error {
	return v.ChangePartnerBook(ctx, act, partnerDetail(partner), s.changedBook(change), also)
}

func partnerDetail(partner PartnerID) map[string]string {
	if partner.IsZero() {
		return nil
	}
	return map[string]string{"holder": partner.String()}
}

func (s *Service) changedBook(change func(*partnerBook) error) func(raw []byte) ([]byte, error) {
	return func(raw []byte) ([]byte, error) {
		b, err := readBook(raw)
		if err != nil {
			return nil, err
		}
		now := s.now().UnixMilli()
		b.Refused = slices.DeleteFunc(b.Refused, func(r refusedAsk) bool { return r.Until <= now })
		if err := change(b); err != nil {
			return nil, err
		}
		return seal.Marshal(b)
	}
}

// ask finds a request that is not answered yet.
func (s *Service) ask(ctx context.Context, v *vault.Vault, id [16]byte) (*Asked, error) {
	all, err := s.Asked(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.ID == id {
			return &a, nil
		}
	}
	return nil, vault.ErrNotFound
}

// RefuseAsk refuses a request. The partner is told nothing: to it, it is as if nobody had
// looked. vault.ErrNotFound if there is no such request (any more).
func (s *Service) RefuseAsk(ctx context.Context, v *vault.Vault, id [16]byte) error {
	a, err := s.ask(ctx, v, id)
	if err != nil {
		return err
	}
	return s.changeBook(ctx, v, vault.ActPartnerRefused, a.Partner, func(b *partnerBook) error {
		b.note(a, func(r *refusedAsk) { r.Done = true })
		return nil
	}, nil)
}

// BlockPartner lets nothing of a partner reach the person any more: what it asks is not
// shown, and by a link takes no place; it leaves nothing in the inbox. The partner is not
// told. What was presented to it stays until it is withdrawn. vault.ErrTooMany with 200;
// vault.ErrUnconfirmed if the witness will be told later: it is done.
func (s *Service) BlockPartner(ctx context.Context, v *vault.Vault, id PartnerID) error {
	if _, err := s.cfg.Directory.Partner(ctx, id); err != nil {
		return err
	}
	return s.endPartner(ctx, v, id, vault.ActPartnerBlocked, func(b *partnerBook) error {
		if slices.Contains(b.Blocked, [16]byte(id)) {
			return nil
		}
		if len(b.Blocked) >= mostBlocked {
			return vault.ErrTooMany
		}
		b.Blocked = append(b.Blocked, id)
		return nil
	}, func(tx *storage.Tx, links []keptLink) error { return s.mute(tx, links, id, true) })
}

// UnblockPartner takes that back. What waits is shown again; what it asked by a link
// meanwhile is nowhere, and it leaves nothing before it is let again.
func (s *Service) UnblockPartner(ctx context.Context, v *vault.Vault, id PartnerID) error {
	var links []keptLink
	return s.changeBook(ctx, v, vault.ActPartnerUnblocked, id, func(b *partnerBook) error {
		links = b.Links
		b.Blocked = slices.DeleteFunc(b.Blocked, func(p [16]byte) bool { return p == id })
		return nil
	}, func(tx *storage.Tx) error { return s.mute(tx, links, id, false) })
}

// BlockedPartners returns whom the person blocked.
func (s *Service) BlockedPartners(ctx context.Context, v *vault.Vault) (out []PartnerID, err error) {
	b, err := s.book(ctx, v, "")
	if err != nil {
		return nil, err
	}
	for _, p := range b.Blocked {
		out = append(out, p)
	}
	return out, nil
}
