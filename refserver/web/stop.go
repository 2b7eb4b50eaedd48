package web

import (
	"errors"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// stopView asks why the sessions of somebody are ended.
type stopView struct {
	Form  *form
	Relay relayView
	Name  string // "": a desk knows nobody's
	Back  string
}

func (p *pages) stopSessionsForm(v *visit) error { return v.stopping(newForm(), false) }

func (p *pages) stopSessions(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "why")
	return v.stopping(f, !f.wrong())
}

// stopping asks why or, with now, ends every session of somebody who has lost a phone: at
// a relay that follows them, or at a desk that found them by their login.
func (v *visit) stopping(f *form, now bool) error {
	id, err := vault.ParseID(v.r.PathValue("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		name, err := v.nameToHelp(post, id)
		if err != nil {
			return err
		}
		back := helpPath(post, id) // to go on with them, who may need to be helped back in
		if name != "" {
			back = strings.TrimSuffix(back, "/help")
		}
		if now {
			err := post.StopSessions(v.ctx(), id, consent.Purpose{Code: consent.PurposeOther, Text: f.Get("why")})
			switch {
			case err == nil:
				return v.goTo(back, "sessions-stopped")
			case errors.Is(err, vault.ErrUnconfirmed):
				return v.goTo(back, "unconfirmed")
			case !errors.Is(err, vault.ErrInvalid):
				return err
			}
			f.refuse("why", v.t("wrong.characters"))
		}
		view := stopView{Form: f, Relay: v.relay(post.Relay()), Name: name, Back: back}
		if f.wrong() {
			return v.again("stop-sessions", f, nil, view)
		}
		return v.show("stop-sessions", view)
	})
}

// nameToHelp is what somebody is called at a relay that follows them; "" at a desk that
// may help them.
func (v *visit) nameToHelp(post *consent.Post, id vault.ID) (string, error) {
	one, err := post.Find(v.ctx(), id)
	if !errors.Is(err, vault.ErrNotFound) {
		return safename.Line(one.Name), err
	}
	space, err := post.Helping(v.ctx(), id)
	if err != nil {
		return "", err
	}
	space.Close()
	return "", nil
}
