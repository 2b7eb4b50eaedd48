package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
)

// ChangePassword is the old secret, typed again, and the new one.
type ChangePassword struct {
	Old, New string
	// Card and PIN, if not empty, are shown in the place of Old, by somebody who
	// forgot it.
	Card, PIN string
	// KnownToOthers says that somebody else may know the old password or may have
	// a device that is signed in. Then the roots change too: new keys for
	// everything, so that the old password together with an old copy of the store
	// opens no record of today (N2, C3). It takes a few commits more. The bytes of
	// documents stay as they are: who has the old password and an old copy of the
	// records still opens the unchanged documents that were listed there.
	KnownToOthers bool
}

// ChangePassword replaces the password keyslot and ends every other session.
// It is acknowledged only when the witness has the new owner head.
//
// Errors: ErrSignIn if Old, or the card or its PIN, is wrong; ErrCardDead, BackOffError, InvalidError for New,
// ErrWitnessAway (nothing was changed), ErrUnconfirmed (the new password is in
// force; the witness will hear of it, and what is not yet sealed under new keys
// will be, at the next sign-in).
func (v *Vault) ChangePassword(ctx context.Context, c ChangePassword) error {
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return err
	}
	next, err := newPassword(c.New, login)
	if err != nil {
		return err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil { // before anything is written (N11)
		return err
	}
	proof, err := v.confirm(ctx, Secret{Password: c.Old, Card: c.Card, PIN: c.PIN})
	if err != nil {
		return err
	}
	if c.KnownToOthers {
		return v.changeRoots(ctx, proof, rootsChange{password: next})
	}
	entry, slot, err := v.service.newPasswordSlot(ctx, v.id, proof.wrapping, next, proof.roots, true)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if err := t.proved(proof); err != nil {
			return err
		}
		t.replaceSlots(entry, slot)
		t.note(ActPasswordChanged, nil, nil)
		return t.raiseEpoch(2 * maxSessions)
	})
}

// prove asks for the secret again, for acts that a stolen session must not do.
// The try is counted like a sign-in.
func (v *Vault) prove(ctx context.Context, login, secret string) (*proof, error) {
	secret, err := normalPassword(secret)
	if err != nil {
		return nil, ErrSignIn
	}
	check, p, err := v.service.checkSecret(ctx, login, secret, true)
	return v.proven(ctx, check, p, err)
}

// proven takes a secret that was right for this vault, and no other.
func (v *Vault) proven(ctx context.Context, check *secretCheck, p *proof, err error) (*proof, error) {
	if err != nil {
		return nil, signInError(err)
	}
	if check.id != v.id {
		return nil, ErrSignIn
	}
	v.resetCounter(ctx, p)
	return p, nil
}

// confirm is prove with whichever secret the person shows.
func (v *Vault) confirm(ctx context.Context, secret Secret) (*proof, error) {
	if secret.Card == "" {
		login, err := v.readLogin(ctx, nil)
		if err != nil {
			return nil, err
		}
		return v.prove(ctx, login, secret.Password)
	}
	code, pin, err := readCard(secret.Card, secret.PIN)
	if err != nil {
		return nil, err
	}
	check, p, err := v.service.checkCard(ctx, code, pin)
	return v.proven(ctx, check, p, err)
}

// ShowSecret asks for the secret once more, for what whoever embeds the vault wants
// nobody to do with a session alone: a worker shows theirs before they let somebody
// into their relay. The try is counted like a sign-in. The session remembers when, for
// [Vault.ShownLately]; it changes nothing else, and no second factor is asked for.
//
// Errors: ErrSignIn, ErrCardDead, BackOffError, ErrBusy, ErrKeyService, InvalidError for
// what cannot be a card or a PIN, ErrWitnessAway for a card.
func (v *Vault) ShowSecret(ctx context.Context, secret Secret) error {
	if _, err := v.confirm(ctx, secret); err != nil {
		return err
	}
	return v.do(ctx, func(t *turn) error { return t.noteShown() })
}

// changeOwner commits a change of the owner head and acknowledges it only when
// its checkpoint has moved.
func (v *Vault) changeOwner(ctx context.Context, f func(t *turn) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var heads []Checkpoint
	var owner signedOwner
	err := v.doLocked(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		t.ownerDirty = true
		t.after = func() { heads, owner = t.heads.checkpoints(), t.report }
		return f(t)
	})
	if err != nil {
		return err
	}
	return v.told(ctx, heads, owner)
}

// told tells the witness of heads that were committed. ErrUnconfirmed: it will be told later.
func (v *Vault) told(ctx context.Context, heads []Checkpoint, owner signedOwner) error {
	err := v.service.confirm(ctx, v.id, heads, owner)
	if err != nil && !errors.Is(err, ErrTampered) {
		return ErrUnconfirmed
	}
	return err
}

// replaceSlots makes entry the only slot of its kind. Slots of other kinds stay.
func (t *turn) replaceSlots(entry seal.SlotEntry, record []byte) {
	if old, ok := activeSlot(t.heads.owner, entry.Kind); ok {
		entry.State = old.State // a second factor outlives a change of the password
	}
	t.dropSlots(entry.Kind)
	t.heads.owner.Slots = append(t.heads.owner.Slots, entry)
	t.tx.PutUnique(t.v.id.slot(entry.ID), record)
}

// dropSlots takes the keyslots of a kind away, but for those that open what is locked.
func (t *turn) dropSlots(kind uint8) {
	owner := t.heads.owner
	owner.Slots = slices.DeleteFunc(slices.Clone(owner.Slots), func(e seal.SlotEntry) bool {
		if e.Kind != kind || e.State == slotLocked {
			return false
		}
		t.tx.Delete(t.v.id.slot(e.ID))
		return true
	})
}
