package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// A shared device is the screen of a centre, or somebody else's phone: whoever takes it
// next must find nothing. There the browser forgets the session after a few minutes,
// whatever the server's clock says, goes from page to page without a way back, and is
// told on leaving to forget everything it has of these pages.

// sharedCookie says that this device is shared. It says nothing of anybody, and goes
// with the session.
const sharedCookie = "__Host-shared"

// sharedIdle is how long a shared device stays in without a word from it. A page says so
// a minute before; static/shared.js knows the same number from the page.
const sharedIdle = 5 * time.Minute

// sharedWarning is how long before its end a page asks who is there (WCAG 2.2.1).
const sharedWarning = time.Minute

// onSharedDevice reports whether the device was said to be shared.
func (v *visit) onSharedDevice() bool {
	if v.sharing != nil {
		return *v.sharing
	}
	return session.Held(v.r, sharedCookie) != ""
}

// atAWorkplace reports whether others use this device, as far as can be told before
// somebody says so: a worker was in on it, or is behind a lock.
func (v *visit) atAWorkplace() bool {
	return session.Held(v.r, session.HeldCookie) != "" || session.Held(v.r, session.WorkplaceCookie) != ""
}

// shareDevice notes whether the device is shared.
func (v *visit) shareDevice(shared bool) {
	v.sharing = &shared
	if shared {
		session.Hold(v.w, sharedCookie, "1")
	} else if session.Held(v.r, sharedCookie) != "" {
		session.Drop(v.w, sharedCookie)
	}
}

// enter gives the browser the session of a person.
func (v *visit) enter(token string, shared bool) {
	v.endFormer(token)
	v.shareDevice(shared)
	if !shared && session.Held(v.r, session.WorkplaceCookie) != "" { // it is not, says who enters
		session.Drop(v.w, session.WorkplaceCookie)
	}
	v.keep(token)
}

// enterStaff gives it that of a worker, who knows what they sit at. Whoever comes after
// them is taken to share the device with others.
func (v *visit) enterStaff(token string) {
	v.endFormer(token)
	v.shareDevice(false)
	session.Hold(v.w, session.WorkplaceCookie, "1")
	session.SetCookie(v.w, token)
}

// endFormer ends the session that this browser had, whoever's it was: who signs in leaves
// none behind of which somebody else may have a copy.
func (v *visit) endFormer(token string) {
	if v.token == "" || v.token == token {
		return
	}
	if err := v.pages.Vaults.SignOut(v.ctx(), v.token); err != nil && !errors.Is(err, vault.ErrSessionEnded) {
		v.log(problem.Of(err), err) // it ends by its clock
	}
}

// keep lets the browser keep the session: on a shared device for a few minutes more, so
// that it is gone from a page that was left open.
func (v *visit) keep(token string) {
	if v.onSharedDevice() {
		session.SetCookieFor(v.w, token, sharedIdle)
		return
	}
	session.SetCookie(v.w, token)
}

// forget tells the browser to keep nothing of what it was shown. The locked session of a
// worker stays: it is whose device this is.
func (v *visit) forget() {
	what := `"cache"` // no way back into a page
	if v.onSharedDevice() {
		what += `, "storage"`
		if !v.atAWorkplace() { // which stays one: each cookie of the person's goes by its name
			what += `, "cookies"`
		}
		v.shareDevice(false)
	}
	v.w.Header().Set("Clear-Site-Data", what)
}

// setSharedDevice changes it for the device on which somebody is signed in.
func (p *pages) setSharedDevice(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.enter(v.token, f.Get("shared") != "")
	if v.onSharedDevice() {
		return v.goTo("/sessions", "shared-on")
	}
	return v.goTo("/sessions", "shared-off")
}

// stillHere is asked by a page while somebody is at it: that they were let in is what
// keeps the session.
func (p *pages) stillHere(v *visit) error {
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// away is when a page on a shared device is left by itself where there is no JavaScript,
// and for which: first one that asks who is there, and from there the way out.
func (v *visit) away() string {
	if v.r.URL.Path == "/idle" {
		return refresh(sharedWarning, "/idle/over")
	}
	return refresh(sharedIdle-sharedWarning, "/idle?"+url.Values{"page": {v.here()}}.Encode())
}

func refresh(after time.Duration, to string) string {
	return strconv.Itoa(int(after/time.Second)) + ";url=" + to
}

// idle asks who is there. It keeps nothing alive, and shows nothing of anybody: the page
// that it leads back to does, for whoever is still let in.
func (p *pages) idle(v *visit) error {
	if !v.onSharedDevice() {
		return v.goTo("/", "")
	}
	return v.show("idle", localPath(v.r.URL.Query().Get("page")))
}

// idleOver is where a page on a shared device leads when nobody was at it. It ends nothing
// that the browser does not end anyway, so that no other site can sign anybody out.
func (p *pages) idleOver(v *visit) error {
	if !v.onSharedDevice() {
		return v.goTo("/", "")
	}
	session.ClearCookie(v.w)
	v.dropHandOver()
	v.remember(false)
	v.forget()
	return v.goTo("/sign-in", "idle")
}
