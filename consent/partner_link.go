package consent

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// BlindedTraits are four traits of a person that nobody can read: see [BlindTraits].
type BlindedTraits struct {
	Salt   [16]byte
	Digest [32]byte
}

// Traits are what a partner's file says of a person, and what the person types.
type Traits struct {
	Number     string // of the partner's file
	FamilyName string
	FirstName  string
	BirthDate  vault.Date
}

// normalTrait gives what different people type for the same one spelling: letters and digits
// alone, without accents or case (NFKD).
func normalTrait(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

func (t Traits) check() error {
	problems := []error{checkDate("birthDate", t.BirthDate, true)}
	for field, s := range map[string]string{"number": t.Number, "familyName": t.FamilyName, "firstName": t.FirstName} {
		if normalTrait(s) == "" || utf8.RuneCountInString(s) > MaxName {
			problems = append(problems, invalid(field, "is empty or too long"))
		}
	}
	return errors.Join(problems...)
}

// BlindTraits makes of four traits what a partner sends in [Office.AskLink]: a salt, and a
// digest of Argon2id at the cost of a password (64 MiB, three passes), by which what the
// person types is compared. It is no way to hide traits from who can try many: a file
// number and a birth date can be guessed by who has digest and salt. So they lie sealed in
// the person's vault, and go with the request.
//
// A partner runs it on its own machine. Errors: vault.ErrInvalid.
func BlindTraits(t Traits) (b BlindedTraits, err error) {
	b.Salt = randomID()
	b.Digest, err = t.blind(b.Salt, func(k seal.KDF, secret string) (seal.Key, error) { return k.Derive([]byte(secret)) })
	return b, err
}

func (t Traits) blind(salt [16]byte, derive func(seal.KDF, string) (seal.Key, error)) (digest [32]byte, err error) {
	if err := t.check(); err != nil {
		return digest, err
	}
	kdf := seal.NewKDF()
	kdf.Salt = salt[:]
	lines := strings.Join([]string{normalTrait(t.Number), normalTrait(t.FamilyName), normalTrait(t.FirstName), string(t.BirthDate)}, "\n")
	key, err := derive(kdf, lines)
	if err == nil {
		copy(digest[:], key.Bytes())
	}
	return digest, err
}

// agree compares what a person typed, at the cost and within the bounds of a sign-in.
func (s *Service) agree(ctx context.Context, t Traits, blinded []byte) (bool, error) {
	if len(blinded) != 16+32 {
		return false, nil
	}
	digest, err := t.blind([16]byte(blinded[:16]), func(k seal.KDF, secret string) (seal.Key, error) { return s.cfg.Vaults.Stretch(ctx, k, secret) })
	return err == nil && subtle.ConstantTimeCompare(digest[:], blinded[16:]) == 1, err
}

// AskLink asks a person, by a code that they gave, to agree that the partner keeps a link
// to them beside its file number. traits come from [BlindTraits], made where the partner
// is: no trait is told or kept here. The answer is under the token: [Office.Link]. Errors:
// those of [Office.Ask].
func (o *Office) AskLink(ctx context.Context, code string, why Purpose, traits BlindedTraits) (token string, err error) {
	if err := why.check(); err != nil {
		return "", err
	}
	return o.byCode(ctx, code, PartnerLink, askedBody{Purpose: why.String(), Traits: slices.Concat(traits.Salt[:], traits.Digest[:])})
}

// AskLinked asks a person again who agreed to a link. vault.ErrNotFound if there is no such
// link (any more), also where the space is closed. Other errors: those of [Office.Ask].
func (o *Office) AskLinked(ctx context.Context, link string, n NewAsk) (token string, err error) {
	if err := o.checkAsk(&n); err != nil {
		return "", err
	}
	l, err := o.linked(ctx, link)
	if err != nil {
		return "", err
	}
	token, err = o.leave(ctx, l.Vault, PartnerAsk, o.asked(n), func(tx *storage.Tx) error {
		if _, err := o.service.cfg.Vaults.SlipIn(tx, slipLink, link); err != nil { // N7
			return err
		}
		return o.takePlace(tx, link)
	})
	if errors.Is(err, ErrAskCode) {
		err = vault.ErrNotFound // of a space that is closed: as if the link had ended
	}
	return token, err
}

// Link returns the link to which a person agreed: a token by which [Office.AskLinked] asks
// them again. It says nothing of them. Errors: ErrNoAnswer, also where they did not agree.
func (o *Office) Link(ctx context.Context, token string) (link string, err error) {
	_, a, err := o.answer(ctx, token)
	if err != nil {
		return "", err
	}
	if a.Link == "" {
		return "", ErrNoAnswer
	}
	if _, err := o.linked(ctx, a.Link); errors.Is(err, vault.ErrNotFound) {
		return "", ErrNoAnswer
	} else if err != nil {
		return "", err
	}
	return a.Link, nil
}

func (o *Office) linked(ctx context.Context, link string) (l linkSlip, err error) {
	raw, err := o.service.cfg.Vaults.Slip(ctx, slipLink, link)
	if err == nil && (seal.Unmarshal(raw, &l) != nil || l.Partner != o.partner.ID) {
		return l, vault.ErrNotFound
	}
	return l, err
}

// Unlink forgets a link, for a file that is closed. One that is not there is forgotten.
func (o *Office) Unlink(ctx context.Context, link string) error {
	if _, err := o.linked(ctx, link); err != nil {
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		return err
	}
	return storageError(o.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		o.service.cfg.Vaults.DropSlip(tx, slipLink, link)
		o.service.cfg.Vaults.DropSlip(tx, slipPlaces, link)
		o.service.cfg.Vaults.DropSlip(tx, slipLeave, link)
		return nil
	}))
}

// KeptLink is a link to which the person agreed.
type KeptLink struct {
	Partner PartnerID
	Name    string // of the partner; "" if it is none any more
	Number  string // of its file, as the person typed it: neutralise it where it is shown
	At      time.Time

	token string
}

// AgreeLink agrees to a link that a partner asks for ([Asked].Link), after the four traits
// that the person, or a worker beside them, types agree with those of the partner's file.
// They are compared and forgotten: kept is the file number, sealed for the person, beside a
// random link. Each try is counted first, and after five the request is none any more.
//
// Errors: ErrTraits; vault.ErrNotFound if there is no such request (any more),
// vault.ErrInvalid, vault.ErrTooMany with fifty links, vault.ErrBusy.
func (s *Service) AgreeLink(ctx context.Context, v *vault.Vault, ask [16]byte, typed Traits) error {
	if err := typed.check(); err != nil {
		return err
	}
	a, err := s.ask(ctx, v, ask)
	if err != nil {
		return err
	}
	if !a.Link {
		return vault.ErrNotFound
	}
	err = s.changeBook(ctx, v, vault.ActPartnerTried, a.Partner, func(b *partnerBook) error { // F9: counted before it is compared
		if r := b.of(a.ID); r != nil && (r.Done || r.Tries >= mostLinkTries) {
			return vault.ErrNotFound
		}
		b.note(a, func(r *refusedAsk) { r.Tries++ })
		return nil
	}, nil)
	if err != nil {
		return err
	}
	if agrees, err := s.agree(ctx, typed, a.traits); err != nil || !agrees {
		return errors.Join(err, orTraits(err))
	}
	return s.makeLink(ctx, v, a, typed.Number)
}

func orTraits(err error) error {
	if err != nil {
		return nil
	}
	return ErrTraits
}

func (s *Service) makeLink(ctx context.Context, v *vault.Vault, a *Asked, number string) error {
	l := keptLink{Partner: a.Partner, Token: vault.ID(randomID()).String(), Number: cleanText(number), At: s.now().UnixMilli()}
	slip, err := seal.Marshal(linkSlip{Partner: a.Partner, Vault: v.ID()})
	if err != nil {
		return err
	}
	answer, err := seal.Marshal(answerSlip{Link: l.Token})
	if err != nil {
		return err
	}
	var others []keptLink
	return s.changeBook(ctx, v, vault.ActPartnerLinked, a.Partner, func(b *partnerBook) error {
		if len(b.Links) >= mostLinks {
			return vault.ErrTooMany
		}
		b.note(a, func(r *refusedAsk) { r.Done = true })
		others = b.Links
		b.Links = append(b.Links, l)
		return nil
	}, func(tx *storage.Tx) error {
		return errors.Join(s.standingPartner(ctx, tx, a.Partner, PartnerLink), s.leaveByToo(tx, others, l),
			s.cfg.Vaults.PutSlip(tx, slipLink, l.Token, time.Time{}, slip), s.cfg.Vaults.PutSlip(tx, slipAnswer, a.token, a.Until, answer))
	})
}

// PartnerLinks returns the links to which the person agreed, also those that the partner
// has forgotten since.
func (s *Service) PartnerLinks(ctx context.Context, v *vault.Vault) ([]KeptLink, error) {
	b, err := s.book(ctx, v, "")
	if err != nil {
		return nil, err
	}
	var out []KeptLink
	for _, l := range b.Links {
		p, err := s.cfg.Directory.Partner(ctx, l.Partner)
		if err != nil && !errors.Is(err, ErrNotNamed) {
			return nil, err
		}
		out = append(out, KeptLink{Partner: l.Partner, Name: p.Name, Number: l.Number, At: fromUnixMilli(l.At), token: l.Token})
	}
	return out, nil
}

// EndPartnerLinks ends all links with a partner: it reaches the person only by a new code,
// and leaves nothing with them any more. It is not told. vault.ErrUnconfirmed if the witness
// will be told later: it is done.
func (s *Service) EndPartnerLinks(ctx context.Context, v *vault.Vault, id PartnerID) error {
	return s.endPartner(ctx, v, id, vault.ActPartnerUnlinked, func(b *partnerBook) error {
		b.Links = slices.DeleteFunc(b.Links, func(l keptLink) bool { return l.Partner == id })
		return nil
	}, func(tx *storage.Tx, links []keptLink) error {
		for _, l := range links {
			s.cfg.Vaults.DropSlip(tx, slipLink, l.Token)
			s.cfg.Vaults.DropSlip(tx, slipPlaces, l.Token)
		}
		return nil
	})
}
