package web

import (
	"errors"
	"net/http"
	"time"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// lockedView is the page of what a recovery did not open.
type lockedView struct {
	Form    *form
	Locked  int
	Pending *recovery.Pending // what comes back by itself, later
	At      time.Time         // when
}

func (v *visit) lockedPage(f *form) (lockedView, error) {
	o, err := v.vault.Overview(v.ctx())
	if err != nil {
		return lockedView{}, err
	}
	view := lockedView{Form: f, Locked: o.Locked}
	if v.pages.Recovery != nil {
		if view.Pending, err = v.pending(); err != nil {
			return view, err
		}
	}
	if view.Pending != nil {
		view.At = v.now().Add(view.Pending.Wait)
	}
	return view, nil
}

// pending is what comes back later. Without the witness nobody knows when: what is
// locked is shown all the same.
func (v *visit) pending() (*recovery.Pending, error) {
	later, err := v.pages.Recovery.Pending(v.ctx(), v.vault)
	if errors.Is(err, vault.ErrWitnessAway) {
		return nil, nil
	}
	return later, err
}

func (p *pages) locked(v *visit) error {
	view, err := v.lockedPage(newForm())
	if err != nil {
		return err
	}
	return v.show("locked", view)
}

// openLocked opens it with the old password, or the old card and its PIN.
func (p *pages) openLocked(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.lockedPage(f)
	if err != nil {
		return err
	}
	v.required(f, "today")
	old := vault.Secret{Password: f.Values.Get("former")}
	if f.Get("card") != "" {
		v.required(f, "pin")
		old = vault.Secret{Card: f.Get("card"), PIN: f.Get("pin")}
	} else {
		v.required(f, "former")
	}
	if f.wrong() {
		return v.again("locked", f, nil, view)
	}
	today := vault.Secret{Password: f.Values.Get("today")}
	if p.Recovery == nil {
		_, err = v.vault.OpenLocked(v.ctx(), old, today, nil)
	} else {
		_, err = p.Recovery.OpenLocked(v.ctx(), v.vault, old, today)
	}
	return v.unlocked(f, view, err)
}

// openPending opens what had to wait.
func (p *pages) openPending(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.lockedPage(f)
	if err != nil {
		return err
	}
	if v.required(f, "password"); f.wrong() {
		return v.again("locked", f, nil, view)
	}
	_, err = p.Recovery.OpenPending(v.ctx(), v.vault, vault.Secret{Password: f.Values.Get("password")})
	return v.unlocked(f, view, err)
}

func (v *visit) unlocked(f *form, view lockedView, err error) error {
	switch {
	case errors.Is(err, vault.ErrNotFound): // a second click
		return v.goTo("/", "")
	case errors.Is(err, vault.ErrSignIn):
		f.Problem = v.t("wrong.former")
		return v.showWith(http.StatusUnauthorized, "locked", view)
	case errors.Is(err, vault.ErrCardDead), errors.Is(err, recovery.ErrNotReady), errors.Is(err, recovery.ErrRequest):
		return err
	case err != nil && !isDone(err):
		return v.again("locked", f, err, view)
	}
	return v.goTo("/", "unlocked")
}
