package web

import (
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// Who has no phone can be told at a centre that follows them: reminders are lines of a list
// there, which is read and printed.

// tellerView is a centre that can tell a person something.
type tellerView struct{ Relay, Name string }

// tellers are the centres that follow the person.
func (v *visit) tellers() (out []tellerView, err error) {
	all, err := v.followers()
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if f.InForce && !f.Visit && !f.Gone && (f.Scope == vault.ScopeSee || f.Scope == vault.ScopeAdd) {
			out = append(out, tellerView{Relay: f.Relay.String(), Name: safename.Line(f.Name)})
		}
	}
	return out, nil
}

// reached is where reminders go, in words: a number, an address, or a centre and what the
// person is called there.
func (v *visit) reached(address string, tellers []tellerView) string {
	relay, called, err := vault.AtRelay(address)
	if err != nil {
		return address
	}
	for _, t := range tellers {
		if t.Relay == relay.String() {
			return t.Name + " · " + called
		}
	}
	return called
}

// toldView is a line of the list.
type toldView struct {
	Name, Code string
	Paper, Day bool
	Hour       string
}

type toldListView struct {
	Relay consent.Relay
	Days  []toldDay
	Codes []toldView
}

// toldDay are the lines of one day.
type toldDay struct {
	Day   time.Time
	Lines []toldView
}

// told is the list of a centre: whom to tell that they have an appointment, by day. It is made
// to be printed.
func (p *pages) told(v *visit) error {
	post, err := v.at()
	if err != nil {
		return err
	}
	defer post.Close()
	all, err := post.Told(v.ctx())
	if err != nil {
		return err
	}
	view := toldListView{Relay: post.Relay()}
	for _, t := range all {
		line := toldView{Name: safename.Line(t.Name), Code: t.Code, Paper: t.Kind == vault.MessagePaper, Day: t.Day, Hour: v.Hour(t.At)}
		if t.Kind == vault.MessageCode {
			view.Codes = append(view.Codes, line)
			continue
		}
		if n := len(view.Days) - 1; n >= 0 && view.Days[n].Day.Format(time.DateOnly) == t.At.Format(time.DateOnly) {
			view.Days[n].Lines = append(view.Days[n].Lines, line)
			continue
		}
		view.Days = append(view.Days, toldDay{t.At, []toldView{line}})
	}
	return v.show("told", view)
}
