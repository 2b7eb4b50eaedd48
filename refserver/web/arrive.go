package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Coming here from another server: a code is shown and given there; what comes by it
// lies sealed until the person has seen what is in it and takes it in.

// moveRoutes are the pages of who comes from another server, or goes to one.
func (p *pages) moveRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /arrive":         p.arrive,
		"POST /arrive":        p.awaitArrival,
		"GET /arrive/code":    p.arrivalCode,
		"POST /arrive/end":    p.endArrival,
		"GET /arrive/inside":  p.arrive, // who loads it again, or chooses another language
		"POST /arrive/inside": p.arrived,
		"POST /arrive/in":     p.takeArrival,
		"GET /depart":         p.depart,
		"POST /depart/look":   p.lookAtMove,
		"POST /depart":        p.again(p.beginDeparture),
		"POST /depart/send":   p.sendDeparture,
		"POST /depart/ask":    p.askForReceipt,
		"POST /depart/end":    p.endDeparture,
		"POST /depart/forget": p.endDeparture,
	} {
		mux.Handle(pattern, p.person(h))
	}
}

// arriveView is how far a move to here is.
type arriveView struct {
	Form    *form
	Code    string // that is shown; "": how far it is
	Host    string // of this server, which the person compares
	Awaited *vault.Arrival
	Receipt *moveReceipt
}

func (p *pages) arrive(v *visit) error {
	view := arriveView{Form: newForm(), Host: p.Moving.Name()}
	a, err := v.vault.Arrival(v.ctx())
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return v.show("arrive", view)
	case err != nil:
		return err
	case a.Receipt != nil:
		view.Receipt = v.moveReceipt(a.Receipt)
		return v.show("arrive", view)
	}
	view.Awaited = &a
	if !a.Complete {
		v.comesBack("/arrive")
	}
	return v.show("arrive", view)
}

// comesBack has a page loaded again that waits for another server, mostTries times: each is
// a use of the session, which would not end by itself on a phone that was left lying. Not at
// all on a shared device: there a page that nobody is at ends.
func (v *visit) comesBack(path string) {
	tries := number(v.r.URL.Query().Get("tries"))
	if tries < mostTries && !v.onSharedDevice() {
		again := path + "?tries=" + strconv.FormatUint(tries+1, 10)
		v.w.Header().Set("Refresh", strconv.Itoa(int(soonAgain/time.Second))+"; url="+again)
	}
}

// awaitArrival makes a code. A second click, and a page that is loaded again, lead to the same:
// another would end it, and throw away what came by it.
func (p *pages) awaitArrival(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	_, err = p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := v.vault.AwaitTransfer(v.ctx(), p.Moving.Address, nil)
		return "", err
	})
	if err != nil {
		return err
	}
	return v.goTo("/arrive/code", "")
}

// arrivalCode shows the code, for as long as nothing has come by it.
func (p *pages) arrivalCode(v *visit) error {
	a, err := v.vault.Arrival(v.ctx())
	if errors.Is(err, vault.ErrNotFound) || err == nil && (a.Receipt != nil || a.Size > 0) {
		return v.goTo("/arrive", "")
	}
	if err != nil {
		return err
	}
	return v.show("arrive", arriveView{Form: newForm(), Host: p.Moving.Name(), Code: a.Code.Text(), Awaited: &a})
}

// endArrival ends the code, and throws away what came by it; a second click does nothing.
func (p *pages) endArrival(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	if err := v.vault.EndArrival(v.ctx()); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.goTo("/arrive", "arrive-ended")
}

// arrivedView is what came, and how far it is taken in.
type arrivedView struct {
	Form    *form
	From    string // the old server, as it calls itself
	Refused string // why it is not taken in
	Files   []string
	Plan    *bringPlan
	Done    *broughtIn
	Receipt *moveReceipt
}

// arrived says what would come in. It takes nothing in; but that what came was opened is a line
// in the journal, and the space that was kept for it is free: so a link, which a browser may
// follow by itself, does not do it.
func (p *pages) arrived(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	f := newForm()
	from, b, plan, err := moving.Look(v.ctx(), v.vault, v.bringOptions(f, vault.Item{}))
	if err != nil {
		return v.notArrived(f, err)
	}
	return v.show("arrived", arrivedView{Form: f, From: safename.Line(from), Plan: planOf(b, &plan)})
}

// notArrived says why what came is not taken in; who is not there yet goes back to waiting.
func (v *visit) notArrived(f *form, err error) error {
	told := problem.Of(err)
	switch {
	case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrOffset):
		return v.goTo("/arrive", "")
	case errors.Is(err, moving.ErrAltered), bundle.Code(err) != "", errors.Is(err, vault.ErrInvalid), errors.Is(err, vault.ErrTooMany):
		view := arrivedView{Form: f, Refused: told.Sentence(v.Language)}
		for _, wrong := range bundle.Named(err) {
			view.Files = append(view.Files, safename.Line(wrong.File))
		}
		return v.showWith(told.Status, "arrived", view)
	}
	return err
}

// takeArrival takes in as much as one request may take, as of a file that is brought. When
// all is there the receipt is signed, and what came is thrown away.
func (p *pages) takeArrival(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	said, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) { return v.someArrived(f) })
	if err != nil {
		return v.notArrived(f, err)
	}
	view := arrivedView{Form: newForm(), Done: &broughtIn{}}
	if err := json.Unmarshal([]byte(said), view.Done); err != nil {
		return err
	}
	view.Form.Set("visibility", f.Get("visibility"))
	if !view.Done.Over {
		return v.show("arrived", view)
	}
	a, err := v.vault.Arrival(v.ctx())
	if err != nil || a.Receipt == nil {
		return v.notArrived(f, errors.Join(err, vault.ErrNotFound)) // another code was made since
	}
	view.Receipt = v.moveReceipt(a.Receipt)
	return v.show("arrived", view)
}

func (v *visit) someArrived(f *form) (string, error) {
	out := broughtIn{}
	err := moving.Opened(v.ctx(), v.vault, func(a *vault.Arrived, b *bundle.Bundle) (err error) {
		if out, err = v.someOf(f, b, vault.Item{}); err != nil {
			return err
		}
		if out.before(f); !out.Over {
			return nil
		}
		_, err = v.vault.AcceptArrival(v.ctx(), a, out.New, out.There)
		return err
	})
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(out)
	return string(raw), err
}
