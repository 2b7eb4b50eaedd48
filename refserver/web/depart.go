package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// Going to another server: the code that was made there is read, the person compares where
// it leads, and everything is sealed to it and sent. Nothing here is closed by that.

// departView is how a move away stands.
type departView struct {
	Form    *form
	Host    string // where it goes: what the person compares, and knows again
	Under   *vault.Departure
	Sent    *sent
	Receipt *moveReceipt
	Private int // how much is private here: with a move without it, it would be lost by closing
}

// Gone is how many bytes are there.
func (d departView) Gone() int64 { return d.Under.Size - d.Sent.Left }

// sent is what a request has found out.
type sent struct {
	Left  int64 // bytes that are missing there
	Asked bool  // for the receipt: there was none
	On    bool  // it goes on by itself, where scripts run
	Tries int   // how often it did
}

// mostTries is how often a page asks for the receipt by itself, or for what comes: whoever
// takes it in or sends it does so now, or comes back another day.
const mostTries = 15

// mostSends is for how many requests a page goes on with sending by itself: a quarter of an
// hour of them. Each is a use of the session, which would never end on a phone that was left
// lying beside a slow server; who is still there goes on by hand.
const mostSends = int(15 * time.Minute / moving.Sends)

func (p *pages) depart(v *visit) error { return v.showDeparture(newForm(), nil, nil) }

// showDeparture shows the form, how far it is, or the receipt; err is what stands in the way.
func (v *visit) showDeparture(f *form, s *sent, err error) error {
	view := departView{Form: f, Sent: s}
	d, problem := v.vault.Departure(v.ctx())
	switch {
	case errors.Is(problem, vault.ErrNotFound), errors.Is(problem, vault.ErrTampered): // which is begun anew
	case problem != nil:
		return problem
	case d.Receipt != nil:
		view.Host, view.Receipt = safename.Line(moving.Host(d.To)), v.moveReceipt(d.Receipt)
		o, err := v.vault.Overview(v.ctx())
		if err != nil {
			return err
		}
		view.Private = o.Counts.Private
	case v.now().Before(d.Until):
		view.Host, view.Under = safename.Line(moving.Host(d.To)), &d
	}
	return v.asked("depart", f, err, view)
}

// asked is [visit.again], with what another server answered said on the page itself: the
// person goes on from there.
func (v *visit) asked(name string, f *form, err error, view any) error {
	if err == nil && !f.wrong() {
		return v.show(name, view)
	}
	if told := problem.Of(err); err != nil && isOfMove(err) {
		f.Problem = v.sentence(told)
		v.retryAfter(told)
		return v.showWith(told.Status, name, view)
	}
	return v.again(name, f, err, view)
}

func isOfMove(err error) bool {
	for _, one := range []error{moving.ErrAway, moving.ErrAddress, moving.ErrOver, moving.ErrNoRoom, moving.ErrOtherKeys, moving.ErrReceipt, vault.ErrOffset} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// readMove reads the code of a form: what is no code, or leads where nothing is sent, is
// said beside its box.
func (v *visit) readMove(f *form) (code vault.TransferCode, err error) {
	if v.required(f, "code"); f.wrong() {
		return code, vault.ErrInvalid
	}
	code, err = vault.ParseTransferCode(f.Get("code"))
	if err == nil && code.Vault == v.vault.ID() {
		f.refuse("code", v.t("depart.own"))
		return code, vault.ErrInvalid
	}
	if err == nil {
		_, err = v.pages.Moving.To(code.Where)
	} else {
		f.refuse("code", v.t("wrong.code"))
	}
	return code, err
}

// lookAtMove says where a code leads. Nothing is asked of that server yet (N74).
func (p *pages) lookAtMove(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	code, err := v.readMove(f)
	if err != nil {
		return v.showDeparture(f, nil, err)
	}
	next := newForm()
	next.Set("code", code.Text())
	return v.show("depart-look", departView{Form: next, Host: safename.Line(moving.Host(code.Where))})
}

// beginDeparture seals everything and announces it there; behind again, which asks for
// the secret (N74). The page that answers goes on with sending.
func (p *pages) beginDeparture(v *visit) error {
	f := formOf(v.r.PostForm) // it was read behind again
	code, err := v.readMove(f)
	if err != nil {
		return v.showDeparture(f, nil, err)
	}
	take := &vault.ExportOptions{WithoutPrivate: f.Get("what") == "open"}
	if p.Staff != nil {
		if err := p.Staff.TakeReceipts(v.ctx(), v.vault, take); err != nil {
			return err
		}
	}
	_, err = p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := p.Moving.Begin(v.ctx(), v.vault, code, take)
		return "", err
	})
	if errors.Is(err, moving.ErrUnderWay) { // another window, or another process of this server, was faster
		return v.goTo("/depart", "")
	}
	if err != nil {
		return v.showDeparture(f, nil, err)
	}
	d, err := v.vault.Departure(v.ctx())
	if err != nil || d.Receipt != nil { // a page that was loaded again, after its end
		return v.goTo("/depart", "")
	}
	return v.showDeparture(newForm(), &sent{Left: d.Size, On: !v.onSharedDevice()}, nil)
}

// sendDeparture sends for a while, and says how much is missing. The page goes on by itself,
// mostSends times, and on a shared device never: there each tap says that somebody is there.
func (p *pages) sendDeparture(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	left, err := p.Moving.Send(v.ctx(), v.vault)
	if errors.Is(err, vault.ErrNotFound) && !errors.Is(err, moving.ErrOver) { // it was given up, or confirmed
		return v.goTo("/depart", "")
	}
	if err != nil {
		return v.showDeparture(newForm(), nil, err)
	}
	s := &sent{Left: left, On: !v.onSharedDevice()}
	if left > 0 {
		s.Tries = int(min(number(f.Get("tries")), uint64(mostSends))) + 1
		s.On = s.On && s.Tries < mostSends
	}
	return v.showDeparture(newForm(), s, nil)
}

// askForReceipt asks whether it was taken in there.
func (p *pages) askForReceipt(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	_, confirmed, err := p.Moving.Confirm(v.ctx(), v.vault)
	if confirmed || errors.Is(err, vault.ErrNotFound) && !errors.Is(err, moving.ErrOver) {
		return v.goTo("/depart", "")
	}
	if err != nil {
		return v.showDeparture(newForm(), nil, err)
	}
	tries := int(min(number(f.Get("tries")), mostTries)) + 1
	return v.showDeparture(newForm(), &sent{Asked: true, Tries: tries, On: tries < mostTries && !v.onSharedDevice()}, nil)
}

// endDeparture gives a move up, or forgets its receipt.
func (p *pages) endDeparture(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	if err := v.vault.EndDeparture(v.ctx()); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	if v.r.URL.Path == "/depart/forget" {
		return v.goTo("/depart", "depart-forgotten")
	}
	return v.goTo("/depart", "depart-ended")
}

// moveReceipt is the receipt of a move, in words first.
type moveReceipt struct {
	From, To     string
	At           time.Time
	Items, There int
	Digest       string
	Link         template.URL // to the receipt as it was signed
}

func (v *visit) moveReceipt(r *vault.TransferReceipt) *moveReceipt {
	view := &moveReceipt{From: safename.Line(r.From), To: safename.Line(moving.Host(r.To)), At: r.At, Items: r.Items, There: r.There, Digest: fmt.Sprintf("%x", r.Digest)}
	raw, err := json.MarshalIndent(moving.ReceiptOf(r), "", "  ")
	if err == nil {
		view.Link = template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(raw)) //nolint:gosec // our own bytes in base64
	}
	return view
}
