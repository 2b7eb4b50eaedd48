package web

import (
	"errors"
	"net/http"
	"strings"

	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// signInForm takes the device for a shared one where a worker handed it over or was in.
func (p *pages) signInForm(v *visit) error {
	f := newForm()
	if v.atAWorkplace() {
		f.Set("shared", "1")
	}
	return v.show("sign-in", f)
}

// signIn opens a session. Wrong login, wrong password and an account that is
// not there get one answer after the same work (E8).
func (p *pages) signIn(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	opened, err := p.unlock(v, f)
	if err != nil {
		return v.signInAgain("sign-in", f, err)
	}
	defer opened.Close()
	v.enter(opened.Token(), f.Get("shared") != "")
	return v.goTo("/", "")
}

func (p *pages) unlock(v *visit, f *form) (*vault.Vault, error) {
	if err := p.Limits.SignIn(v.r); err != nil {
		return nil, err
	}
	return p.Vaults.Unlock(v.ctx(), vault.Password{
		Login: f.Get("login"), Secret: f.Values.Get("password"), Session: &vault.SessionRequest{Device: device(v.r)},
	})
}

func (v *visit) signInAgain(name string, f *form, err error) error {
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, vault.ErrBusy) {
		return err
	}
	if errors.Is(err, vault.ErrInvalid) {
		p = problem.Of(vault.ErrSignIn)
	}
	f.Problem = v.sentence(p)
	if name == "card-sign-in" && p == problem.Of(vault.ErrSignIn) { // the same for a card that is not there, a wrong PIN and what is no card (E8)
		f.Problem = v.t("wrong.card")
	}
	v.retryAfter(p)
	return v.showWith(p.Status, name, f)
}

// leave ends the session. "Quickly" ends on a page that says nothing of where
// the person was.
func (p *pages) leave(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	where := "/sign-in"
	if who, err := session.Identify(v.r, p.Vaults, p.Staff); err == nil {
		if who.Worker != nil {
			where = "/staff/sign-in"
			err = who.Worker.Own().SignOut(v.ctx())
		} else {
			err = who.Vault.SignOut(v.ctx())
		}
		who.Close()
		if err != nil && !errors.Is(err, vault.ErrSessionEnded) {
			v.log(problem.Of(err), err) // the cookie goes all the same; the session ends by its clock
		}
	} else if errors.Is(err, vault.ErrLocked) { // from another window
		where = "/staff/sign-in"
		if err := p.Vaults.SignOut(v.ctx(), v.token); err != nil && !errors.Is(err, vault.ErrSessionEnded) {
			v.log(problem.Of(err), err)
		}
	} else if !errors.Is(err, vault.ErrSessionEnded) {
		v.log(problem.Of(err), err)
	}
	session.ClearCookie(v.w)
	session.Drop(v.w, session.InvitationCookie)
	session.Drop(v.w, session.LinkCookie)
	session.Drop(v.w, session.AskCookie)
	v.dropHandOver()
	v.remember(false)
	v.forget()
	if f.Get("quickly") != "" {
		return v.goTo("/news", "")
	}
	return v.goTo(where, "left")
}

// news is the neutral page after leaving quickly: the weather of any day.
func (p *pages) news(v *visit) error {
	return v.show("news", v.now().In(p.Zone))
}

// noIcon is for the page after leaving quickly: it shows no picture of ours, and
// browsers ask for one.
func (p *pages) noIcon(v *visit) error {
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (p *pages) privacy(v *visit) error { return v.show("privacy", nil) }

func (p *pages) nothingHere(*visit) error { return problem.ErrNoPage }

func (p *pages) robots(v *visit) error {
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := v.w.Write([]byte("User-agent: *\nDisallow: /\n"))
	return err
}

// device says in a few words with what somebody signs in, for the list of
// sessions: enough to know one's own phone, too little to recognise a stranger.
func device(r *http.Request) string {
	agent := r.UserAgent()
	system, browser := "", ""
	for _, s := range []struct{ in, name string }{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"CrOS", "Chromebook"},
		{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
	} {
		if system == "" && strings.Contains(agent, s.in) {
			system = s.name
		}
	}
	for _, s := range []struct{ in, name string }{
		{"SamsungBrowser", "Samsung"}, {"Edg", "Edge"}, {"OPR", "Opera"}, {"Firefox", "Firefox"},
		{"Chrome", "Chrome"}, {"Safari", "Safari"},
	} {
		if browser == "" && strings.Contains(agent, s.in) {
			browser = s.name
		}
	}
	return strings.Trim(system+" · "+browser, " ·")
}
