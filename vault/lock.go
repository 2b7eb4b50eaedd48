package vault

import (
	"context"

	"reconnect.example/internal/seal"
)

// A session is locked while somebody else is at the device: a person who comes back in
// on a helper's screen enters their sheet and new password there, and neither can reach
// what the helper has open, nor the helper go on in their back (F12). The lock is a mark
// in the session's own record, which every act reads in its commit: so it holds in every
// process, after a restart, and for what is under way.

// ActSessionLocked: a session was locked. To open it again is a sign-in.
const ActSessionLocked Act = "vault.session-locked"

// LockSession locks the session of this handle: whatever is done with it from that
// commit on, here, in another process, or in a space that was opened from it, is
// ErrLocked, until [Vaults.UnlockSession]. It ends, locked or not, when its time is up.
// Durable on return. InvalidError for a handle without a session.
func (v *Vault) LockSession(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		if t.session == nil {
			return &InvalidError{Field: "session", Problem: "is missing: this space was opened without one"}
		}
		t.note(ActSessionLocked, nil, nil)
		return t.lockSession(true)
	})
}

func (t *turn) lockSession(locked bool) error {
	s := *t.session
	s.locked, s.used, s.opening = locked, t.now, false
	t.session = &s
	if !locked { // by the secret
		if err := t.noteShown(); err != nil {
			return err
		}
	}
	return t.putSession()
}

// UnlockSession opens a session again that was locked, in any process, with the password
// of whose it is and, where one was confirmed, a code of their second factor. The try is
// counted like a sign-in, and is one in the journal. Login and Session of p are not
// looked at. Errors: ErrSessionEnded, also for a token that is none, ErrSignIn if it is
// another kind of space, and those of [Vaults.Unlock]: it stays locked then. A session
// that is not locked is opened all the same.
func (s *Vaults) UnlockSession(ctx context.Context, token string, p Password) (*Vault, error) {
	v, err := s.openToken(ctx, token, true)
	if err != nil {
		return nil, err
	}
	var kind seal.Kind
	err = v.do(ctx, func(t *turn) error { kind = t.heads.owner.Kind; return nil })
	if err == nil && kind != p.Kind {
		err = ErrSignIn
	}
	if err == nil {
		err = v.unlockSession(ctx, p)
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// SignOut ends the session of a token, locked or not, and all that was opened with it:
// without a password, as it opens nothing, and whoever takes a locked device may need it
// free. Durable on return. ErrSessionEnded for a token that is none (any more), and what
// [Vault.SignOut] ends with.
func (s *Vaults) SignOut(ctx context.Context, token string) error {
	v, err := s.openToken(ctx, token, true)
	if err != nil {
		return err
	}
	defer v.Close()
	return v.SignOut(ctx)
}

func (v *Vault) unlockSession(ctx context.Context, p Password) error {
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return err
	}
	proved, err := v.prove(ctx, login, p.Secret)
	if err != nil {
		return err
	}
	// First the code, then the lock: one that the witness has not heard of opens nothing.
	if err := v.signedIn(ctx, entrance{code: p.Code}, proved); err != nil {
		return signInError(err)
	}
	return v.do(ctx, func(t *turn) error { return t.lockSession(false) })
}
