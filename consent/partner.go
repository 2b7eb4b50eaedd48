package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A partner reaches nobody by a name: there is no search and no list. A person gives it a
// code ([Service.AskCode]), spoken or as a QR code, by which it asks once; or agrees that
// it keeps a link to them beside its own file number, by which it asks again. What it asks
// lies in the person's vault, sealed (vault.Vaults.ForPerson); what it is told lies under
// the token that it was given when it asked (vault.Vaults.PutSlip):
//
//	code    CBOR of codeSlip    what a code leads to; gone with its use
//	ask     CBOR of askSlip     what a request was, for who made it
//	answer  CBOR of answerSlip  what was presented, or the link
//	link    CBOR of linkSlip    whom a link leads to
//	leave   CBOR of leaveSlip   how something is left by it: see partner_leave.go
//
// and the counts of partner_limits.go.
//
// A person who refuses, who blocks the partner, who does not look, and who took back what
// they had presented are one answer: none.
type (
	codeSlip struct {
		Vault [16]byte `cbor:"1,keyasint"`
		Until int64    `cbor:"2,keyasint"`
	}
	askSlip struct {
		Partner [16]byte `cbor:"1,keyasint"`
		Vault   [16]byte `cbor:"2,keyasint"`
		Until   int64    `cbor:"3,keyasint"` // of the request
	}
	linkSlip struct {
		Partner [16]byte `cbor:"1,keyasint"`
		Vault   [16]byte `cbor:"2,keyasint"`
	}
	answerSlip struct {
		Grant   [16]byte    `cbor:"1,keyasint"`           // zero with a link
		Digest  []byte      `cbor:"2,keyasint,omitempty"` // of the terms
		Until   int64       `cbor:"3,keyasint,omitempty"`
		Key     []byte      `cbor:"4,keyasint,omitempty"` // of the vault
		Receipt keptReceipt `cbor:"5,keyasint,omitempty"`
		Papers  []paperSlip `cbor:"6,keyasint,omitempty"`
		Link    string      `cbor:"7,keyasint,omitempty"`
	}
	paperSlip struct {
		Item  [16]byte `cbor:"1,keyasint"`
		Name  string   `cbor:"2,keyasint"`
		Blobs []string `cbor:"3,keyasint,omitempty"`
	}
	// askedBody is a request as it lies in the person's vault. Of a link to be made, kinds
	// are none and traits say what must agree.
	askedBody struct {
		Partner [16]byte    `cbor:"1,keyasint"`
		Token   string      `cbor:"2,keyasint"`
		At      int64       `cbor:"3,keyasint"`
		Until   int64       `cbor:"4,keyasint"`
		Kinds   []PaperKind `cbor:"5,keyasint,omitempty"`
		Purpose string      `cbor:"6,keyasint"`
		Lasts   int64       `cbor:"7,keyasint,omitempty"` // until when the copies are asked for
		Traits  []byte      `cbor:"8,keyasint,omitempty"` // 16 bytes of salt and the digest
	}
)

const (
	slipCode, slipAsk, slipAnswer, slipLink = "code", "ask", "answer", "link"

	askCodeDigits = 16 // 14 drawn: 46 bits, for a quarter of an hour
	// AskCodeLasts is how long a code can be used.
	AskCodeLasts = 15 * time.Minute
	// AskLasts is how long a request waits for an answer.
	AskLasts = 14 * 24 * time.Hour
	// MaxPresented is the longest time for which something is presented.
	MaxPresented = 90 * 24 * time.Hour
	// mostAsks is how many requests wait in a vault at a time.
	mostAsks = 20
)

// Office is where a partner acts at this service, after the caller has made sure that it
// is the partner: by its signature, see [Partner].Key. Each act asks again whether it still
// may. It holds no secret key of the partner.
type Office struct {
	service *Service
	partner Partner
	by      Organisation
}

// Office opens the office of a partner. ErrNotNamed, vault.ErrEnded for one that was
// withdrawn or whose time is over. Errors: those of [Directory.Current].
func (s *Service) Office(ctx context.Context, id PartnerID) (*Office, error) {
	p, err := s.cfg.Directory.Partner(ctx, id)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(p.Scopes, func(scope PartnerScope) bool { return p.may(scope, s.today()) }) {
		return nil, vault.ErrEnded
	}
	o, err := s.cfg.Directory.Organisation(ctx, p.Organisation)
	return &Office{service: s, partner: p, by: o}, err
}

// Partner returns whose office it is, as the directory had it.
func (o *Office) Partner() Partner { return *o.partner.clone() }

// NewAsk is what a partner asks a person for.
type NewAsk struct {
	Kinds   []PaperKind // of those that the authority allows it
	Purpose Purpose     // in plain words: the person reads it
	Lasts   time.Time   // until when it asks to fetch the copies; at most MaxPresented from now
}

func (o *Office) checkAsk(n *NewAsk) error {
	problems := []error{n.Purpose.check()}
	if n.Purpose.Text == "" {
		problems = append(problems, invalid("purpose", "has no text: say in plain words what the papers are for"))
	}
	if len(n.Kinds) == 0 || len(n.Kinds) > len(paperKinds) {
		problems = append(problems, invalid("kinds", "are missing, or too many"))
	}
	for _, k := range n.Kinds {
		if !slices.Contains(o.partner.Kinds, k) {
			problems = append(problems, invalid("kinds", "names what this partner may not ask for"))
			break
		}
	}
	if now := o.service.now(); !n.Lasts.After(now) || n.Lasts.After(now.Add(MaxPresented)) {
		problems = append(problems, invalid("lasts", "is not within 90 days from now"))
	}
	return errors.Join(problems...)
}

// Ask asks a person for papers, by a code that they gave. It returns the token under which
// the answer will be: keep it, and keep it secret. The code is used up, by whatever is
// asked. When it returns, the request is durable, and nothing was told of the person, also
// not whether there is one who will look.
//
// Errors: ErrAskCode; vault.ErrTooMany after five wrong codes in five minutes, and where
// twenty requests wait already; vault.ErrInvalid; vault.ErrEnded, vault.ErrNotAllowed if
// the partner may not ask (any more); vault.ErrWitnessAway, vault.ErrStorage.
func (o *Office) Ask(ctx context.Context, code string, n NewAsk) (token string, err error) {
	if err := o.checkAsk(&n); err != nil {
		return "", err
	}
	return o.byCode(ctx, code, PartnerAsk, o.asked(n))
}

func (o *Office) asked(n NewAsk) askedBody {
	return askedBody{Kinds: slices.Clone(n.Kinds), Purpose: n.Purpose.String(), Lasts: n.Lasts.UnixMilli()}
}

func (o *Office) byCode(ctx context.Context, typed string, scope PartnerScope, ask askedBody) (string, error) {
	code, err := readCode("code", typed, askCodeDigits)
	if err != nil {
		return "", err
	}
	vaults := o.service.cfg.Vaults
	if err := vaults.MayTryCode(ctx, o.partner.ID); err != nil {
		return "", err
	}
	tries, err := o.spendTry(ctx)
	if err != nil {
		return "", err
	}
	raw, err := vaults.Slip(ctx, slipCode, code)
	var found codeSlip
	if err == nil && seal.Unmarshal(raw, &found) != nil {
		err = vault.ErrNotFound
	}
	if errors.Is(err, vault.ErrNotFound) || err == nil && found.Until <= o.service.now().UnixMilli() {
		return "", errors.Join(ErrAskCode, vaults.WrongCode(ctx, o.partner.ID))
	}
	if err != nil {
		return "", err
	}
	return o.leave(ctx, found.Vault, scope, ask, func(tx *storage.Tx) error {
		if _, err := vaults.SlipIn(tx, slipCode, code); err != nil { // of two at once, one finds it used
			return ErrAskCode
		}
		vaults.DropSlip(tx, slipCode, code)
		return o.giveTryBack(tx, tries)
	})
}

// leave writes a request: for the person, and for who asked.
func (o *Office) leave(ctx context.Context, to vault.ID, scope PartnerScope, ask askedBody, also func(tx *storage.Tx) error) (string, error) {
	s := o.service
	if !slices.Contains(o.partner.Scopes, scope) {
		return "", vault.ErrNotAllowed
	}
	until := s.now().Add(AskLasts)
	ask.Partner, ask.At, ask.Until, ask.Token = o.partner.ID, s.now().UnixMilli(), until.UnixMilli(), vault.ID(randomID()).String()
	body, err := seal.Marshal(ask)
	if err != nil {
		return "", invalid("purpose", "is not valid text")
	}
	key, record, err := s.cfg.Vaults.ForPerson(ctx, to, askID(ask.Token), body)
	if errors.Is(err, vault.ErrEnded) {
		return "", ErrAskCode // the account is closed: as if the code were none
	}
	if err != nil {
		return "", err
	}
	slip, err := seal.Marshal(askSlip{Partner: o.partner.ID, Vault: to, Until: ask.Until})
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := s.standingPartner(ctx, tx, o.partner.ID, scope); err != nil {
			return err
		}
		waiting, err := s.cfg.Vaults.Waiting(ctx, tx, to, mostAsks)
		if err != nil {
			return err
		}
		if waiting >= mostAsks { // also refused ones, until their time is over: a free place would tell
			return vault.ErrTooMany
		}
		if err := also(tx); errors.Is(err, errMuted) {
			return s.cfg.Vaults.PutSlip(tx, slipAsk, ask.Token, until, slip) // it takes no place, and looks the same
		} else if err != nil {
			return err
		}
		tx.PutUnique(key, record)
		if due, ok := vault.NoteDue(key, until); ok {
			tx.Put(due, nil)
		}
		return s.cfg.Vaults.PutSlip(tx, slipAsk, ask.Token, until, slip)
	})
	if err != nil {
		return "", storageError(err)
	}
	return ask.Token, nil
}

// askID is what a request is called in the person's vault. The token is the partner's.
func askID(token string) [16]byte {
	sum := seal.Digest([]byte("reconnect partner request " + token))
	return [16]byte(sum[:16])
}

// own reads what this partner asked. ErrNoAnswer for another's token: the token of one
// partner is worth nothing to another.
func (o *Office) own(ctx context.Context, token string) (a askSlip, err error) {
	if id, err := vault.ParseID(token); err != nil || id.String() != token {
		return a, ErrNoAnswer
	}
	raw, err := o.service.cfg.Vaults.Slip(ctx, slipAsk, token)
	if err == nil && (seal.Unmarshal(raw, &a) != nil || a.Partner != o.partner.ID) || errors.Is(err, vault.ErrNotFound) {
		return a, ErrNoAnswer
	}
	return a, err
}

func (o *Office) answer(ctx context.Context, token string) (ask askSlip, a answerSlip, err error) {
	if ask, err = o.own(ctx, token); err != nil {
		return ask, a, err
	}
	raw, err := o.service.cfg.Vaults.Slip(ctx, slipAnswer, token)
	if err == nil && seal.Unmarshal(raw, &a) != nil || errors.Is(err, vault.ErrNotFound) {
		return ask, a, ErrNoAnswer
	}
	return ask, a, err
}

// Handed is what a partner fetches: sealed to its key, with the receipt of the person.
// Where the partner's secret key is, [OpenHanded] opens it.
type Handed struct {
	Vault   vault.ID      `json:"vault"` // a pseudonym; it leads to nothing
	Grant   vault.GrantID `json:"grant"`
	Until   time.Time     `json:"until"`  // until when it can be fetched
	Record  []byte        `json:"record"` // boxed to the partner
	Receipt Receipt       `json:"receipt"`
}

// Take fetches what a person presented, sealed. A line in their journal is durable before
// it returns. ErrNoAnswer if there is nothing (any more); vault.ErrTooMany after twenty times
// for the copies and twenty for each paper. Other errors: vault.ErrEnded,
// vault.ErrNotAllowed if the partner may not ask any more, vault.ErrTampered,
// vault.ErrStale, vault.ErrWitnessAway, vault.ErrStorage.
func (o *Office) Take(ctx context.Context, token string) (Handed, error) {
	ask, a, err := o.answer(ctx, token)
	if err != nil {
		return Handed{}, err
	}
	if a.Digest == nil {
		return Handed{}, ErrNoAnswer
	}
	record, err := o.service.cfg.Vaults.HandOutGrant(ctx, ask.Vault, o.handOut(token, a))
	if err != nil {
		return Handed{}, o.noAnswer(ctx, err)
	}
	receipt, err := a.Receipt.open(ask.Vault)
	return Handed{Vault: ask.Vault, Grant: a.Grant, Until: fromUnixMilli(a.Until), Record: record, Receipt: receipt}, err
}

func (o *Office) handOut(token string, a answerSlip) vault.HandOut {
	id := o.partner.ID
	return vault.HandOut{
		Grant: a.Grant, Holder: id, Key: a.Key, Digest: a.Digest, Until: fromUnixMilli(a.Until),
		Actor: vault.Actor{Kind: vault.ActorPartner, ID: id.String(), Organisation: o.by.Name, Relay: o.partner.Name, RelayID: id.String()},
		Standing: func(ctx context.Context, tx *storage.Tx, _ time.Time) error {
			return o.service.standingPartner(ctx, tx, id, PartnerAsk)
		},
		Also: func(tx *storage.Tx) error { return o.countTake(tx, token, a) },
	}
}

// noAnswer makes one of everything that means that a person's answer is not there (any
// more). That the partner itself may not ask is its own to know.
func (o *Office) noAnswer(ctx context.Context, err error) error {
	if !errors.Is(err, vault.ErrEnded) && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrClosing) {
		return err
	}
	if p, err := o.service.cfg.Directory.Partner(ctx, o.partner.ID); err != nil || !p.may(PartnerAsk, o.service.today()) {
		return vault.ErrEnded
	}
	return ErrNoAnswer
}
