package web

import (
	"errors"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// handDevice locks the worker's session and leaves the device to the person: their part
// and their new password are typed where nobody else can act (F12). The browser keeps
// the locked session apart, so that the person's own takes its place. Who has a password
// enters with it; who has none goes on with number and code.
func (p *pages) handDevice(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	to := "/back"
	if f.Get("then") == "enter" {
		to = "/sign-in"
		if err := v.worker.CloseOpened(v.ctx()); err != nil { // nothing waits open behind the lock
			return err
		}
	}
	code, err := v.codeToLeave(f.Get("relay"))
	if err != nil {
		return err
	}
	if err := v.worker.Lock(v.ctx()); err != nil {
		return err
	}
	session.Hold(v.w, session.HeldCookie, v.token)
	v.leaveCode(code)
	session.ClearCookie(v.w)
	v.w.Header().Set("Clear-Site-Data", `"cache"`) // no way back into a page of the worker's
	v.dropHandOver()                               // nor into the request of who was at it before
	return v.goTo(to, "locked")
}

// codeToLeave is the code that this worker shows at a relay, for the person to whom they
// hand their device; "" where they hand it over for something else. It is made of the
// worker's own keys, as on their screen, and not read from the store (D1).
func (v *visit) codeToLeave(relay string) (string, error) {
	if relay == "" {
		return "", nil
	}
	id, err := consent.ParseRelayID(relay)
	if err != nil {
		return "", vault.ErrNotFound
	}
	post, err := v.worker.At(v.ctx(), id)
	if err != nil {
		return "", err
	}
	defer post.Close()
	code, err := post.VisitCode(v.ctx())
	return code.String(), err
}

// leaveCode lets the browser have it as long as the worker's session is locked.
func (v *visit) leaveCode(code string) {
	if code != "" {
		session.Hold(v.w, session.VisitCookie, code)
	} else if session.Held(v.r, session.VisitCookie) != "" {
		session.Drop(v.w, session.VisitCookie)
	}
}

// codeLeft is the code of who handed over this device, and who that is; "" where nobody
// did, or not to be shown anything.
func (v *visit) codeLeft() (code, whose string) {
	code = session.Held(v.r, session.VisitCookie)
	if code == "" || session.Held(v.r, session.HeldCookie) == "" {
		return "", ""
	}
	who, err := v.pages.Staff.Visitor(v.ctx(), code)
	if err != nil { // it is asked for, as without one
		return "", ""
	}
	if whose = safename.Line(who.At.Name); who.Name != "" {
		whose = safename.Line(who.Name) + v.t("format.comma") + " " + whose
	}
	return code, whose
}

func (p *pages) unlockForm(v *visit) error {
	if session.Held(v.r, session.HeldCookie) == "" {
		return v.goTo("/staff/sign-in", "")
	}
	return v.show("staff-unlock", newForm())
}

// unlock gives the device back to the worker. Whoever of the person's is still signed in
// on it is signed out first.
func (p *pages) unlockSession(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	token := session.Held(v.r, session.HeldCookie)
	if token == "" {
		return v.goTo("/staff/sign-in", "ended")
	}
	if v.required(f, "password"); f.wrong() {
		return v.again("staff-unlock", f, nil, f)
	}
	var w *consent.Worker
	if err = p.Limits.StaffSignIn(v.r); err == nil {
		w, err = p.Staff.UnlockSession(v.ctx(), token, f.Values.Get("password"), f.Get("factor"))
	}
	switch {
	case errors.Is(err, vault.ErrSessionEnded):
		session.Drop(v.w, session.HeldCookie)
		return v.goTo("/staff/sign-in", "ended")
	case err != nil:
		return v.signInAgain("staff-unlock", f, err)
	}
	defer w.Close()
	session.Drop(v.w, session.HeldCookie)
	v.leaveCode("")
	v.dropHandOver()
	v.enterStaff(w.Own().Token())
	return v.goTo("/staff", "device-back")
}

// leaveLocked ends the locked session of the worker: it takes no password, as nothing
// opens by it, and whoever has the device may. Who of the person's is signed in stays.
func (p *pages) leaveLocked(v *visit) error {
	token := session.Held(v.r, session.HeldCookie)
	if token != "" {
		if err := p.Staff.SignOut(v.ctx(), token); err != nil && !errors.Is(err, vault.ErrSessionEnded) {
			return err // it is still held: a second click ends it
		}
	}
	session.Drop(v.w, session.HeldCookie)
	v.leaveCode("")
	session.Drop(v.w, session.HandOverCookie) // whoever takes the device next goes on with nobody's request
	return v.goTo("/staff/sign-in", "left")
}

// toUnlock is where a locked session is opened again, also from another window.
func (v *visit) toUnlock() error {
	session.Hold(v.w, session.HeldCookie, v.token)
	session.ClearCookie(v.w)
	return v.goTo("/staff/unlock", "")
}
