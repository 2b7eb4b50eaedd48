package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// visit is one request and its answer.
type visit struct {
	pages *pages
	w     http.ResponseWriter
	r     *http.Request
	*language
	token string
	vault *vault.Vault // the person's own, or what the worker has open; nil: none is

	worker  *consent.Worker // nil: the person, or nobody
	post    *consent.Post   // of the worker, where vault is open
	purpose consent.Purpose // for which it is
	refused error           // why what the worker has open cannot be opened now
	over    bool            // what the worker had open was ended by somebody else, or by its time

	binned  bool  // the space is full, and there is something in the bin
	sharing *bool // what this visit found or said of whether the device is shared; nil: nothing
	damaged bool  // something in the store was altered or is missing
	closed  *bool // what this visit found of whether the account is closed; nil: nothing
}

// handler answers a visit, or returns the error that is told instead.
type handler func(*visit) error

func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) now() time.Time { return v.pages.Now() }

// anybody serves pages that need no session.
func (p *pages) anybody(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{pages: p, w: w, r: r, language: p.languageOf(r), token: session.Token(r)}
		if err := h(v); err != nil {
			v.fail(err)
		}
	})
}

// person serves pages of the person who is signed in. Who is not goes to the
// first page, and learns nothing else.
func (p *pages) person(h handler) http.Handler {
	return p.signedIn(func(v *visit) error {
		if v.worker != nil {
			return v.goTo("/staff", "")
		}
		return h(v)
	})
}

// shared serves pages of what is in a space, to its person or to a worker who has
// it open. What a worker may not do, the library refuses.
func (p *pages) shared(h handler) http.Handler {
	return p.signedIn(func(v *visit) error {
		if v.over {
			return v.accessOver()
		}
		if v.vault == nil && v.r.URL.Path == "/" { // the way home
			return v.goTo("/staff", "")
		}
		if v.vault == nil && v.refused != nil {
			return v.refused
		}
		if v.vault == nil {
			return v.goTo("/staff", "nothing-open")
		}
		return h(v)
	})
}

// staff serves pages of whoever works for relays.
func (p *pages) staff(h handler) http.Handler {
	return p.signedIn(func(v *visit) error {
		if v.worker == nil {
			return v.goTo("/", "")
		}
		if v.over && v.r.URL.Path == "/staff" && v.r.Method == http.MethodGet {
			return v.accessOver()
		}
		return h(v)
	})
}

// accessOver tells a worker once that what they had open is not theirs to see any more: a page
// that silently becomes another one looks like a slip of their own.
func (v *visit) accessOver() error {
	if err := v.worker.CloseOpened(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/staff", "access-over")
}

// own serves pages of whoever is signed in about their own space: a person's, or a
// worker's own keys.
func (p *pages) own(h handler) http.Handler {
	return p.signedIn(func(v *visit) error {
		if v.worker != nil {
			if v.vault != nil {
				v.vault.Close()
				v.post.Close()
			}
			v.vault, v.post = v.worker.Own(), nil
		}
		return h(v)
	})
}

func (p *pages) signedIn(h handler) http.Handler {
	return p.anybody(func(v *visit) error {
		if err := v.resume(); err != nil {
			return err
		}
		defer v.end()
		err := h(v)
		if v.worker == nil && errors.Is(err, vault.ErrFull) { // while the vault is open
			c, countErr := v.vault.Count(v.ctx())
			v.binned = countErr == nil && c.Binned > 0
		}
		if err != nil {
			v.fail(err) // while it is open: the page says whose space this is
		}
		return nil
	})
}

func (v *visit) resume() error {
	who, err := session.Identify(v.r, v.pages.Vaults, v.pages.Staff)
	if err != nil {
		return err
	}
	if err := v.pages.Limits.Request(who.Account()); err != nil {
		who.Close()
		return err
	}
	if who.Worker == nil && v.onSharedDevice() {
		v.keep(v.token)
	}
	v.vault, v.worker, v.post, v.purpose, v.refused, v.over = who.Vault, who.Worker, who.Post, who.Purpose, who.Refused, who.Over
	return nil
}

// end forgets the keys of the visit.
func (v *visit) end() {
	(&session.Who{Vault: v.vault, Worker: v.worker, Post: v.post}).Close()
}

// itemID reads the {id} of the address. What is no id names nothing.
func (v *visit) itemID() (vault.ItemID, error) {
	id, err := vault.ParseItemID(v.r.PathValue("id"))
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}

// goTo sends the browser to another page of this server, by GET. done is the
// code of a sentence that is shown there, or "".
func (v *visit) goTo(path, done string) error {
	if done != "" {
		path += "?" + url.Values{"done": {done}}.Encode()
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// firstPage is where whoever is signed in begins.
func (v *visit) firstPage() string {
	if v.worker != nil {
		return "/staff"
	}
	return "/"
}

// fail answers with an error: a page that says what happened and what to do.
func (v *visit) fail(err error) {
	drain(v.r)
	if errors.Is(err, vault.ErrSessionEnded) {
		session.ClearCookie(v.w)
		path, done := "/sign-in", "ended"
		if strings.HasPrefix(v.r.URL.Path, "/staff") && v.pages.Staff != nil {
			path = "/staff/sign-in"
		}
		if v.r.Method == http.MethodGet && v.token == "" {
			done = "" // a first visit: nothing has ended
		}
		_ = v.goTo(path, done)
		return
	}
	if errors.Is(err, vault.ErrLocked) { // from another window
		_ = v.toUnlock()
		return
	}
	if errors.Is(err, errOtherSpace) {
		_ = v.goTo("/", "other-space")
		return
	}
	if errors.Is(err, consent.ErrNoSecondFactor) {
		_ = v.goTo("/staff/factor", "factor-needed")
		return
	}
	if errors.Is(err, vault.ErrUnconfirmed) { // it is done
		_ = v.goTo(v.firstPage(), "unconfirmed")
		return
	}
	p := problem.Of(err)
	v.log(p, err)
	if v.r.Context().Err() != nil {
		return // nobody is there to read it
	}
	v.retryAfter(p)
	if err := v.showWith(p.Status, "problem", v.explain(p, err)); err != nil {
		v.log(problem.Of(err), err)
		http.Error(v.w, p.Sentence(v.Language), p.Status)
	}
}

// log tells the operator what went wrong on the server's side. The pattern of
// the route has no id in it, and the cause is stripped of everything that could
// be one.
func (v *visit) log(p problem.Problem, err error) {
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusInsufficientStorage && v.r.Context().Err() == nil {
		v.pages.Failed(p.Code)
		v.pages.Logger.Error("a page failed", "route", v.r.Pattern, "problem", p.Code, "cause", problem.Cause(err))
	}
}
