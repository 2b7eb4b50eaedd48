package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// OpenLocked opens what was private before a recovery that did not open it, with a
// secret of then: the password, or the access card with its PIN. secret is that of
// today. What is found joins Private; the old secret opens nothing after that, as it
// opened nothing else before. It returns how many things came back.
//
// Tries are counted like those of a sign-in. It may be broken off anywhere: once the old
// secret was right, every sign-in goes on with what is left. Where a recovery left it for
// later, too, also tells whoever waits for that: recovery.Service.OpenLocked does. Errors:
// ErrNotFound if nothing is locked, ErrSignIn for a wrong secret, old or new, ErrCardDead,
// BackOffError, ErrWitnessAway (nothing was changed); ErrTampered, with n of 0 if nothing
// was changed, else all is there but what is named; ErrUnconfirmed (it is done).
func (v *Vault) OpenLocked(ctx context.Context, old, secret Secret, also AlsoOpened) (n int, err error) {
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return 0, err
	}
	p, err := v.confirm(ctx, secret)
	if err != nil {
		return 0, err
	}
	found, tried, err := v.proveLocked(ctx, p, old)
	if errors.Is(err, ErrNotFound) { // it may be open already, and not all there
		if lost := v.joinRest(ctx); lost != nil {
			return 0, lost
		}
	}
	if err != nil {
		return 0, err
	}
	if n, err = v.unlock(ctx, p, found, also); err == nil || errors.Is(err, ErrUnconfirmed) {
		v.resetCounter(ctx, tried)
	}
	return n, err
}

// AlsoOpened adds writes to the commit from which on what was locked is open, and may run
// several times; nil: none. later is what was to open it, as it was given as
// [Recovery.Later]; nil if nothing was.
type AlsoOpened func(tx *storage.Tx, later []byte) error

// lockedRoot is the root of a locked Private.
type lockedRoot struct {
	number uint64
	root   root
}

// lockedSlots are the keyslots that open what is locked, the latest lock first.
func (v *Vault) lockedSlots(ctx context.Context, wrapping seal.Key) (out []foundSlot, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = nil
		if err := t.asPerson(); err != nil {
			return err
		}
		for _, entry := range slices.Backward(t.heads.owner.Slots) {
			if entry.State != slotLocked {
				continue
			}
			rec, err := t.tx.Get(v.id.slot(entry.ID))
			if err != nil && !isNotFound(err) {
				return err
			}
			body, err := openSlotBody(v.id, entry, rec.Value, wrapping)
			if err != nil {
				return err
			}
			out = append(out, foundSlot{entry, body})
		}
		if !t.waitsLocked() {
			return ErrNotFound
		}
		return nil
	})
	return out, err
}

// proveLocked counts a try, and opens the root with an old secret.
func (v *Vault) proveLocked(ctx context.Context, p *proof, old Secret) (found lockedRoot, tried *proof, err error) {
	slots, err := v.lockedSlots(ctx, p.wrapping)
	if err != nil {
		return found, nil, err
	}
	if old.Card != "" {
		return v.proveLockedCard(ctx, slots, old)
	}
	secret, err := normalPassword(old.Password)
	if err != nil {
		return found, nil, ErrSignIn
	}
	tried = &proof{counter: v.service.keys.hash("locked", string(v.id[:]))}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	if tried.tries, err = v.service.cfg.Limiter.Count(waits, v.id, tried.counter); err != nil {
		return found, nil, ErrWitnessAway
	}
	if tried.tries.Wait > 0 {
		return found, nil, &BackOffError{Wait: tried.tries.Wait}
	}
	for _, s := range slots {
		if s.entry.Kind != slotPassword {
			continue
		}
		key, err := v.service.derive.derive(ctx, s.body.KDF, secret, true)
		if err != nil {
			return found, nil, err
		}
		if root, err := s.openLocked(v.id, key); err == nil {
			return root, tried, nil
		}
	}
	return found, nil, ErrSignIn
}

func (v *Vault) proveLockedCard(ctx context.Context, slots []foundSlot, old Secret) (found lockedRoot, tried *proof, err error) {
	code, pin, err := readCard(old.Card, old.PIN)
	if err != nil {
		return found, nil, err
	}
	for _, s := range slots {
		if s.entry.Kind != slotCard || !slices.Equal(s.body.Card, code.check(v.id, s.entry.ID)) {
			continue
		}
		tried = &proof{counter: v.service.cardCounter(v.id, s.entry.ID)}
		e, err := v.service.evaluate(ctx, v.id, tried.counter, code.input(v.id, s.entry.ID, pin), s.body.Generation)
		if err != nil {
			return found, nil, err
		}
		switch tried.tries = e.Tries; {
		case e.Tries.Wait > 0:
			return found, nil, &BackOffError{Wait: e.Tries.Wait}
		case e.Tries.Spent:
			return found, nil, ErrCardDead
		}
		found, err = s.openLocked(v.id, code.key(v.id, s.entry.ID, e.Output))
		return found, tried, err
	}
	return found, nil, ErrSignIn
}

func (s foundSlot) openLocked(id ID, key seal.Key) (lockedRoot, error) {
	roots, err := s.body.openRoots(id, s.entry.ID, key)
	root, ok := roots[Private]
	if err == nil && !ok {
		err = tampered("keyslot")
	}
	return lockedRoot{number: s.body.Locked, root: root}, err
}
