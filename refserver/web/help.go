package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/recovery"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// helpView is the page on which a worker helps somebody back in.
type helpView struct {
	Form     *form
	Relay    relayView
	Name     string // "" at a desk, which knows no names
	Path     string // of this page
	Person   string // page of the person; "" at a desk
	Stop     string // where all their sessions are ended
	Ways     []helpWay
	Both     bool     // one of them takes a desk, too
	Desks    []choice // which could be asked
	Requests []requestView
}

// helpWay is a way that this relay can help by.
type helpWay struct {
	ID, Words, Opens string
	Both             bool // it takes a desk, too
}

// requestView is a request, in words.
type requestView struct {
	ID      string
	Vault   string
	Way     string
	State   string
	Open    bool
	Later   bool // it is done, but private papers still wait: it can be stopped
	By      string
	Opened  time.Time
	Until   time.Time
	Missing []string
	Ready   bool      // the person can complete it
	At      time.Time // when the wait is over; zero: none
	Both    bool      // two of each side must agree
	Name    string    // of the person, where the relay knows it
	Broken  bool      // it cannot be read
}

func (v *visit) request(r recovery.Request) requestView {
	view := requestView{
		ID: r.ID.String(), Vault: r.Vault.String(), Way: v.wayWords(r.Kind), State: v.requestState(r.State), Open: r.State == recovery.StateOpen,
		By: v.helperWords(r), Opened: r.Opened, Until: r.Until, Missing: v.missingWords(r.Missing), Both: r.Kind == vault.PathHelpers,
	}
	view.Ready = view.Open && len(r.Missing) == 0
	view.Later = r.State == recovery.StateLater
	if (view.Open || view.Later) && r.Wait > 0 {
		view.At = v.now().Add(r.Wait)
	}
	return view
}

// helperWords says who opened a request: a worker in their own name, with their centre.
func (v *visit) helperWords(r recovery.Request) string {
	name, relay := safename.Line(r.ByName), safename.Line(r.By.RelayName)
	if name == "" || relay == "" {
		return name + relay
	}
	return name + v.t("format.comma") + " " + relay
}

func (v *visit) requestState(s recovery.State) string {
	switch s {
	case recovery.StateOpen:
		return v.t("request.open")
	case recovery.StateLater:
		return v.t("request.later")
	case recovery.StateDone:
		return v.t("request.done")
	case recovery.StateCancelled:
		return v.t("request.cancelled")
	case recovery.StateOver:
		return v.t("request.over")
	}
	return safename.Line(string(s))
}

// helping is the person of the address, at the relay of the address.
func (v *visit) helping(work func(*consent.Post, vault.ID) error) error {
	id, err := vault.ParseID(v.r.PathValue("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error { return work(post, id) })
}

func helpPath(post *consent.Post, id vault.ID) string {
	return "/staff/relays/" + post.Relay().ID.String() + "/people/" + id.String() + "/help"
}

// nameOf is what somebody is called at this relay; "" at a desk.
func (v *visit) nameOf(post *consent.Post, id vault.ID) (string, error) {
	if post.Relay().Type == consent.TypeDesk {
		return "", nil
	}
	one, err := post.Find(v.ctx(), id)
	return safename.Line(one.Name), err
}

func (v *visit) help(post *consent.Post, id vault.ID, f *form) (helpView, error) {
	path := helpPath(post, id)
	view := helpView{Form: f, Relay: v.relay(post.Relay()), Path: path, Stop: strings.TrimSuffix(path, "/help") + "/stop-sessions"}
	var err error
	if view.Name, err = v.nameOf(post, id); err != nil {
		return view, err
	}
	if post.Relay().Type != consent.TypeDesk {
		view.Person = strings.TrimSuffix(path, "/help")
	}
	ways, err := v.pages.Recovery.Ways(v.ctx(), post, id)
	if err != nil {
		return view, err
	}
	for _, w := range ways {
		opens := v.t("ways.opens-shared")
		if w.Private {
			opens = v.t("ways.opens-all")
		}
		view.Ways = append(view.Ways, helpWay{w.Path.String(), v.wayWords(w.Kind), opens, w.Kind == vault.PathHelpers})
		view.Both = view.Both || w.Kind == vault.PathHelpers
	}
	if view.Both {
		if view.Desks, err = v.desks(); err != nil {
			return view, err
		}
	}
	all, err := v.pages.Recovery.Requests(v.ctx(), post, id)
	for _, r := range all {
		view.Requests = append(view.Requests, v.request(r))
	}
	return view, err
}

// desks are those that could help together with a relay. Which of them this person chose
// it does not say.
func (v *visit) desks() (all []choice, err error) {
	relays, err := v.pages.Directory.Relays(v.ctx())
	for _, r := range relays {
		if r.Withdrawn == "" && r.Type == consent.TypeDesk {
			words := safename.Line(r.Name)
			if r.Place != "" {
				words += v.t("format.comma") + " " + safename.Line(r.Place)
			}
			all = append(all, choice{r.ID.String(), words})
		}
	}
	return all, err
}

// takesDesk reports whether a way that can be chosen takes a desk, too. Where none is
// needed nobody is asked, whatever the form still holds: it would tell them of the person.
func (view helpView) takesDesk(path vault.PathID) bool {
	return slices.ContainsFunc(view.Ways, func(w helpWay) bool { return w.Both && w.ID == path.String() })
}

func (p *pages) helpForm(v *visit) error {
	return v.helping(func(post *consent.Post, id vault.ID) error {
		view, err := v.help(post, id, newForm())
		if err != nil {
			return err
		}
		return v.show("help", view)
	})
}

// slipView is what the person alone takes away: on paper or aloud, once.
type slipView struct {
	Relay   relayView
	Path    string
	Opened  recovery.Opened
	Request requestView
	Desk    bool
	Script  []stepView
}

// openRequest opens a request and shows its number and code once. A second click finds
// the request, and not the code: that is kept nowhere.
func (p *pages) openRequest(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.helping(func(post *consent.Post, id vault.ID) error {
		view, err := v.help(post, id, f)
		if err != nil {
			return err
		}
		path, bad := vault.ParsePathID(f.Get("way"))
		if bad != nil {
			f.refuse("way", v.t("wrong.way"))
		}
		n := recovery.NewRequest{Vault: id, Path: path, Recognised: f.Get("recognised")}
		if other, err := consent.ParseRelayID(f.Get("ask")); err == nil && view.takesDesk(path) {
			n.Ask = []consent.RelayID{other}
		}
		if v.required(f, "recognised"); f.wrong() {
			return v.again("help", f, nil, view)
		}
		var opened *recovery.Opened
		request, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
			o, err := p.Recovery.Open(v.ctx(), post, n)
			opened = &o
			return o.Request.ID.String(), err
		})
		switch {
		case errors.Is(err, recovery.ErrOpen):
			f.Problem = v.sentence(problem.Of(err))
			return v.showWith(http.StatusConflict, "help", view)
		case errors.Is(err, recovery.ErrRequest):
			f.Problem = v.t("help.not-open")
			return v.showWith(http.StatusConflict, "help", view)
		case err != nil:
			return v.again("help", f, err, view)
		case opened == nil:
			return v.goTo(helpPath(post, id)+"/"+request, "slip-once")
		}
		return v.show("slip", slipView{
			Relay: v.relay(post.Relay()), Path: helpPath(post, id), Opened: *opened, Request: v.request(opened.Request),
			Desk: post.Relay().Type == consent.TypeDesk, Script: v.script(opened.Request.Kind),
		})
	})
}

// stepView is one step of what a helper does.
type stepView struct{ Do, Text string }

// script is what a helper asks, says and never asks.
func (v *visit) script(k vault.PathKind) (all []stepView) {
	for _, s := range recovery.Script(k, v.Code) {
		step := stepView{Text: s.Text}
		switch s.Do {
		case recovery.DoAsk:
			step.Do = v.t("script.ask")
		case recovery.DoSay:
			step.Do = v.t("script.say")
		case recovery.DoNever:
			step.Do = v.t("script.never")
		default:
			step.Do = v.t("script.do")
		}
		all = append(all, step)
	}
	return all
}

// requestPage is one request, and what this helper can do about it.
type requestPage struct {
	requestView
	Form   *form
	Relay  relayView
	Here   string // this page
	Help   string // page of all requests of this person, or of the queue
	Code   string // the desk's part, to be said; shown once
	Given  bool   // this side has given its half
	Coded  bool   // which has a code of its own: another one would end the one before
	Script []stepView
}

func (v *visit) oneRequest(post *consent.Post, id vault.ID, f *form) (requestPage, recovery.Request, error) {
	named, err := vault.ParseItemID(v.r.PathValue("request"))
	if err != nil {
		return requestPage{}, recovery.Request{}, vault.ErrNotFound
	}
	all, err := v.pages.Recovery.Requests(v.ctx(), post, id)
	if err != nil {
		return requestPage{}, recovery.Request{}, err
	}
	at := slices.IndexFunc(all, func(r recovery.Request) bool { return r.ID == named })
	if at < 0 {
		return requestPage{}, recovery.Request{}, recovery.ErrRequest
	}
	view := requestPage{requestView: v.request(all[at]), Form: f, Relay: v.relay(post.Relay()), Here: helpPath(post, id) + "/" + named.String(), Help: helpPath(post, id), Script: v.script(all[at].Kind)}
	desk := post.Relay().Type == consent.TypeDesk
	view.Coded = desk && view.Both
	view.Given = !slices.Contains(all[at].Missing, ownSide(desk))
	out := false
	if view.Name, err = v.nameOf(post, id); view.Later && errors.Is(err, vault.ErrNotFound) {
		err, out = nil, true // whoever came in has put this relay out
	}
	if out || view.Later && desk {
		view.Help = "/staff/relays/" + post.Relay().ID.String() // where its queue is
		if !desk {
			view.Help += "/requests"
		}
	}
	return view, all[at], err
}

// ownSide is what is missing as long as this side has not given its half.
func ownSide(desk bool) recovery.Missing {
	if desk {
		return recovery.MissingDesk
	}
	return recovery.MissingRelay
}

func (p *pages) requestForm(v *visit) error {
	return v.helping(func(post *consent.Post, id vault.ID) error {
		view, _, err := v.oneRequest(post, id, newForm())
		if err != nil {
			return err
		}
		return v.show("help-request", view)
	})
}

// contribute gives this helper's half. A desk's part of the code is shown once; a second
// click makes another, which takes its place.
func (p *pages) contribute(v *visit) error {
	return v.aboutRequest(func(post *consent.Post, id vault.ID, view requestPage, r recovery.Request) error {
		given, err := p.Recovery.Contribute(v.ctx(), post, id, r.ID)
		if err != nil {
			return v.helpAgain(view, err)
		}
		if given.Code == "" {
			return v.goTo(view.Here, "half-given")
		}
		view.requestView, view.Code, view.Given = v.request(given.Request), given.Code, true
		return v.show("help-request", view)
	})
}

// agree is the word of one more person.
func (p *pages) agree(v *visit) error {
	return v.aboutRequest(func(post *consent.Post, id vault.ID, view requestPage, r recovery.Request) error {
		if v.required(view.Form, "recognised"); view.Form.wrong() {
			return v.again("help-request", view.Form, nil, view)
		}
		if _, err := p.Recovery.Approve(v.ctx(), post, id, r.ID, view.Form.Get("recognised")); err != nil {
			return v.helpAgain(view, err)
		}
		return v.goTo(view.Here, "agreed")
	})
}

func (p *pages) cancelRequest(v *visit) error {
	return v.aboutRequest(func(post *consent.Post, id vault.ID, view requestPage, r recovery.Request) error {
		if v.required(view.Form, "stopwhy"); view.Form.wrong() {
			return v.again("help-request", view.Form, nil, view)
		}
		err := p.Recovery.Cancel(v.ctx(), post, id, r.ID, view.Form.Get("stopwhy"))
		if err != nil && !errors.Is(err, recovery.ErrRequest) && !isDone(err) { // a second click
			return v.helpAgain(view, err)
		}
		return v.goTo(view.Help, "request-cancelled")
	})
}

func (v *visit) aboutRequest(work func(*consent.Post, vault.ID, requestPage, recovery.Request) error) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.helping(func(post *consent.Post, id vault.ID) error {
		view, r, err := v.oneRequest(post, id, f)
		if err != nil {
			return err
		}
		return work(post, id, view, r)
	})
}

func (v *visit) helpAgain(view requestPage, err error) error {
	if errors.Is(err, recovery.ErrAgreed) {
		p := problem.Of(err)
		view.Form.Problem = v.sentence(p)
		return v.showWith(p.Status, "help-request", view)
	}
	return v.again("help-request", view.Form, err, view)
}
