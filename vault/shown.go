package vault

import (
	"context"
	"time"

	"reconnect.example/internal/seal"
)

// A session that was left open, or a phone that was lost with one, is in other hands. So
// some acts ask for the secret once more, and then not again for a while. When it was
// shown is kept with the session, in a slot of its own beside what the session asked for
// (once.go), sealed under its token: a store that takes it away, or brings an older one
// back, has the secret asked for once more.
const shownSlot = "shown"

// ShownLately refuses with ErrSecretAgain what whoever embeds the vault wants nobody to
// do with an open session alone, unless the secret was shown within this time: at the
// sign-in, at [Vaults.UnlockSession] or by [Vault.ShowSecret]. A handle without a session
// is whoever's showed the secret for it. For who was let in, in their own name, ask it of
// their own space.
//
// Errors: ErrSecretAgain, ErrNotAllowed for a guest, and those of any reading.
func (v *Vault) ShownLately(ctx context.Context, within time.Duration) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		if t.session == nil {
			return nil
		}
		last := t.session.started
		if again, err := t.lastShown(); err != nil {
			return err
		} else if again.After(last) {
			last = again
		}
		// A clock that was set back makes nothing young.
		if age := t.now.Sub(last); age < 0 || age >= within {
			return ErrSecretAgain
		}
		return nil
	})
}

// noteShown keeps that the secret was shown just now. Who has no session needs none of it.
func (t *turn) noteShown() error {
	if t.session == nil {
		return nil
	}
	o, err := t.v.service.onceOf(t.session.token, shownSlot)
	if err != nil {
		return err
	}
	return o.put(t.tx, o.id.once(o.session, shownSlot), onceBody{Key: o.name, At: t.now.UnixMilli(), Answered: true})
}

// lastShown is when the secret was shown in this session, after the sign-in; the zero
// time if it was not.
func (t *turn) lastShown() (at time.Time, err error) {
	o, err := t.v.service.onceOf(t.session.token, shownSlot)
	if err != nil {
		return at, err
	}
	name := o.id.once(o.session, shownSlot)
	rec, err := t.tx.Get(name)
	if isNotFound(err) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	var body onceBody
	if _, raw, err := o.key.Open(o.context(name), rec.Value); err != nil || seal.Unmarshal(raw, &body) != nil || body.Key != o.name {
		return at, nil // altered: it says nothing
	}
	return time.UnixMilli(body.At), nil
}
