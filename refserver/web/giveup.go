package web

import (
	"errors"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

func (p *pages) giveUpForm(v *visit) error { return v.givingUp(newForm(), false) }

func (p *pages) giveUp(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "why")
	return v.givingUp(f, !f.wrong())
}

// givingUp asks why a relay follows somebody no more or, with now, ends it: nobody of
// the relay opens their space from then on.
func (v *visit) givingUp(f *form, now bool) error {
	id, err := vault.ParseID(v.r.PathValue("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		back := "/staff/relays/" + post.Relay().ID.String()
		one, err := post.Find(v.ctx(), id)
		if now && errors.Is(err, vault.ErrNotFound) {
			return v.goTo(back, "") // a second click
		}
		if err != nil {
			return err
		}
		if now {
			err := post.GiveUp(v.ctx(), id, consent.Purpose{Code: consent.PurposeOther, Text: f.Get("why")})
			if err == nil {
				return v.goTo(back, "given-up")
			}
			if !errors.Is(err, vault.ErrInvalid) {
				return err
			}
			f.refuse("why", v.t("wrong.characters"))
		}
		view := openingView{Form: f, Relay: v.relay(post.Relay()), Name: safename.Line(one.Name)}
		if f.wrong() {
			return v.again("give-up", f, nil, view)
		}
		return v.show("give-up", view)
	})
}
