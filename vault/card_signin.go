package vault

import (
	"context"
	"crypto/subtle"

	"reconnect.example/internal/seal"
)

// CardSignIn is a sign-in by access card and PIN.
type CardSignIn struct {
	Card    string          // as printed or scanned: either case, spaces and dashes allowed
	PIN     string          // six digits of any script
	Session *SessionRequest // not nil: a session is opened in the same commit
}

// UnlockCard opens a vault as [Vaults.Unlock] does. The try is counted at the
// witness before it is evaluated, and after twenty failed ones the card is dead. An
// unknown or replaced card, a wrong PIN and an altered keyslot give the same
// ErrSignIn after the same work. A second factor is not asked for: card and PIN are
// two.
//
// Errors: as Unlock; ErrCardDead, which only who has the card itself is told;
// InvalidError for what cannot be a card or a PIN; ErrWitnessAway: without the
// witness no card opens.
func (s *Vaults) UnlockCard(ctx context.Context, c CardSignIn) (*Vault, error) {
	code, pin, err := readCard(c.Card, c.PIN)
	if err != nil {
		return nil, err
	}
	check, p, err := s.checkCard(ctx, code, pin)
	if err != nil {
		return nil, signInError(err)
	}
	return s.signIn(ctx, check, p, entrance{session: c.Session, card: true})
}

// checkCard reads, counts the try, and proves card and PIN. Other than with a
// password the store is read before the try is counted: whether the card is this
// vault's is known without the PIN, and only then is its own counter touched, so
// that nobody without the card can make it dead (F11).
func (s *Vaults) checkCard(ctx context.Context, code cardCode, pin string) (*secretCheck, *proof, error) {
	check, err := s.locate(ctx, code.login)
	if err != nil {
		return nil, nil, err
	}
	p := &proof{}
	if err := s.compare(ctx, check, p); err != nil {
		return nil, nil, err
	}
	if p.away {
		return nil, nil, ErrWitnessAway
	}
	if p.wrapping, err = s.unwrap(ctx, check); err != nil {
		return nil, nil, err
	}
	slot := check.cardSlot(p.wrapping, code)
	at := s.cardTry(check, slot, code)
	p.counter = at.counter
	e, err := s.evaluate(ctx, at.vault, at.counter, code.input(at.vault, at.slot, pin), at.generation)
	if err != nil {
		return nil, nil, err
	}
	if p.tries = e.Tries; p.tries.Wait > 0 {
		return nil, nil, &BackOffError{Wait: p.tries.Wait}
	}
	key := code.key(at.vault, at.slot, e.Output)
	switch {
	case check.refused != nil:
		return nil, nil, check.refused
	case p.tries.Spent:
		return nil, nil, ErrCardDead
	}
	p.roots, err = slot.body.openRoots(check.id, slot.entry.ID, key)
	return check, p, err
}

// foundSlot is a keyslot as it was found.
type foundSlot struct {
	entry seal.SlotEntry
	body  slotBody
}

// cardSlot finds the slot of this very card. A vault without a card, or with
// another one, is as unknown as no vault (E8, F8).
func (check *secretCheck) cardSlot(wrapping seal.Key, code cardCode) (found foundSlot) {
	if check.refused != nil {
		return found
	}
	var named bool
	found.entry, found.body, named = check.findSlot(slotCard, wrapping)
	if check.refused != nil {
		return found
	}
	if !named || subtle.ConstantTimeCompare(found.body.Card, code.check(check.id, found.entry.ID)) != 1 {
		check.refused = ErrSignIn
	}
	return found
}

// cardTry is what the witness is asked about.
type cardTry struct {
	vault      ID
	slot       [16]byte
	counter    [32]byte
	generation uint64
}

// cardTry says where to count a try: at the slot's own counter or, where there is
// nothing to try, at one of this card alone, of a vault that nobody has.
func (s *Vaults) cardTry(check *secretCheck, slot foundSlot, code cardCode) cardTry {
	if check.refused == nil {
		return cardTry{vault: check.id, slot: slot.entry.ID, counter: s.cardCounter(check.id, slot.entry.ID), generation: slot.body.Generation}
	}
	decoy := s.keys.hash("unknown card", code.login+string(code.secret[:]))
	return cardTry{vault: ID(decoy[:16]), slot: [16]byte(decoy[16:]), counter: s.cardCounter(ID(decoy[:16]), [16]byte(decoy[16:]))}
}

// cardCounter names the counter of a card's keyslot.
func (s *Vaults) cardCounter(id ID, slot [16]byte) [32]byte {
	return s.keys.hash("card", string(id[:])+string(slot[:]))
}

// evaluate asks the witness, and does not wait for it for ever. Whatever it answers
// that is no answer, it is away.
func (s *Vaults) evaluate(ctx context.Context, id ID, counter, input [32]byte, generation uint64) (Evaluation, error) {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	e, err := s.cfg.Limiter.Evaluate(waits, id, counter, input, generation)
	if err == nil {
		return e, nil
	}
	if ctx.Err() != nil {
		return Evaluation{}, ctx.Err()
	}
	return Evaluation{}, ErrWitnessAway
}
