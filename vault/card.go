package vault

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
)

// An access card is the second way in: a secret of 128 random bits on paper, and a
// PIN of six digits in the head. Its keyslot (kind 2) is sealed under
//
//	HKDF(card secret | witness's function of HMAC(card secret, PIN))
//
// bound to vault and slot. The witness counts each try before it evaluates it, and
// after twenty failed ones the card is dead. So a copy of everything, the key
// service's keys included, is worth nothing without the card, and a card that was
// found is worth twenty guesses. No password hashing: nothing here can be guessed
// offline.
//
// There is one card. An Owner paper says that one was issued; whether it still
// opens, the owner head says, which names its slot or does not.
type cardPaperBody struct {
	Slot [16]byte `cbor:"1,keyasint"`
}

// cardPaper is the id of the one paper about access cards.
var cardPaper = [16]byte{15: paperCard}

// AccessCard is what is printed, once: nobody can show it again.
type AccessCard struct {
	Code  string // login and secret with check characters, for print and for a QR code
	Login string // for who types their password
}

// CardState is how it stands with the access card.
type CardState string

// States of the access card.
const (
	CardNone        CardState = "none"
	CardActive      CardState = "active"
	CardToBePrinted CardState = "to-be-printed" // the keys were changed since: it opens nothing, a new one is due
	CardDead        CardState = "dead"          // too many wrong PINs: it opens nothing, a new one is due
)

// NewAccessCard issues an access card with a PIN that the person chooses: six
// digits of any script. It takes the place of an earlier card, which is dead at
// once. Sessions go on; where the earlier card was lost, RevokeAccessCard first
// ends them. The person proves themself again, with the password or with the
// earlier card.
//
// The card is in force when NewAccessCard returns, and the witness has it. Print
// it now: the code is kept nowhere.
//
// Errors: InvalidError for the PIN, ErrSignIn, ErrCardDead, BackOffError,
// ErrWitnessAway (nothing was changed), ErrUnconfirmed: the card, which is then
// returned too, is in force, and the witness will hear of it.
func (v *Vault) NewAccessCard(ctx context.Context, secret Secret, pin string) (AccessCard, error) {
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return AccessCard{}, err
	}
	if pin, err = newPIN(pin, login); err != nil {
		return AccessCard{}, err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil { // before anything is written (N11)
		return AccessCard{}, err
	}
	proof, err := v.confirm(ctx, secret)
	if err != nil {
		return AccessCard{}, err
	}
	code := newCardCode(login)
	entry, slot, err := v.newCardSlot(ctx, proof, code, pin)
	if err != nil {
		return AccessCard{}, err
	}
	err = v.changeOwner(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.proved(proof)); err != nil {
			return err
		}
		t.replaceSlots(entry, slot)
		t.note(ActCardIssued, nil, nil)
		return t.putFixedPaper(cardPaper, paperCard, cardPaperBody{Slot: entry.ID})
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return AccessCard{}, err
	}
	return AccessCard{Code: code.text(), Login: login}, err
}

// newCardSlot seals the roots under a card. The evaluation is counted like a try,
// at the counter of a slot that nobody has used, and set right at once (N13).
func (v *Vault) newCardSlot(ctx context.Context, p *proof, code cardCode, pin string) (entry seal.SlotEntry, record []byte, err error) {
	entry = seal.SlotEntry{ID: newID(), Kind: slotCard, State: slotActive}
	counter := v.service.cardCounter(v.id, entry.ID)
	e, err := v.service.evaluate(ctx, v.id, counter, code.input(v.id, entry.ID, pin), 0)
	if err != nil {
		return entry, nil, err
	}
	if e.Generation == 0 { // a slot under a refusal would need no PIN
		return entry, nil, ErrWitnessAway
	}
	v.resetCounter(ctx, &proof{counter: counter, tries: e.Tries})
	body := slotBody{Kind: slotCard, Generation: e.Generation, Card: code.check(v.id, entry.ID)}
	return v.id.sealSlot(entry, body, p.wrapping, code.key(v.id, entry.ID, e.Output), p.roots)
}

// RevokeAccessCard makes the access card worthless: it was lost, or is not wanted
// any more. Whoever came in with it is signed out: every session but this one ends.
// ErrNotFound if there is no card.
//
// As it only closes, it is done with the witness away, too (N10): ErrUnconfirmed
// then says that it is in force, and that the witness will hear of it.
func (v *Vault) RevokeAccessCard(ctx context.Context) error {
	return v.changeOwner(ctx, func(t *turn) error {
		_, _, issued, err := t.lookup(Owner, cardPaper)
		if err != nil {
			return err
		}
		if _, active := activeSlot(t.heads.owner, slotCard); !issued && !active {
			return ErrNotFound
		}
		t.dropSlots(slotCard)
		if err := t.dropPaper(cardPaper); err != nil {
			return err
		}
		t.note(ActCardRevoked, nil, nil)
		return t.raiseEpoch(2 * maxSessions)
	})
}

// AccessCardState says how it stands with the access card. It is a line in the
// journal. While the witness is away a dead card is shown as active, as nobody else
// knows.
func (v *Vault) AccessCardState(ctx context.Context) (CardState, error) {
	var issued, active bool
	var entry seal.SlotEntry
	err := v.do(ctx, func(t *turn) (err error) {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActAccountRead, nil, nil)
		entry, active = activeSlot(t.heads.owner, slotCard)
		_, _, issued, err = t.lookup(Owner, cardPaper)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case !active && issued:
		return CardToBePrinted, nil
	case !active:
		return CardNone, nil
	}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	tries, err := v.service.cfg.Limiter.Tried(waits, v.id, v.service.cardCounter(v.id, entry.ID))
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err == nil && tries.Spent {
		return CardDead, nil
	}
	return CardActive, nil
}
