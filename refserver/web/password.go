package web

import (
	"errors"
	"unicode/utf8"

	"reconnect.example/vault"
)

// longestSuggest is more than any suggested password has, in bytes.
const longestSuggest = 100

// passwordView offers words that make a good password.
type passwordView struct {
	Form    *form
	Suggest string
	Alone   []string // names of the relays that only this worker can manage
}

func (p *pages) passwordForm(v *visit) error {
	suggest, err := vault.SuggestPassword()
	if err != nil {
		return err
	}
	alone, err := v.onlyManagerOf()
	if err != nil {
		return err
	}
	return v.show("password", passwordView{newForm(), suggest, alone})
}

// changePassword takes the old password again: who finds a phone that is signed
// in cannot take the space over.
func (p *pages) changePassword(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	fresh := f.Values.Get("new")
	if v.required(f, "old", "new", "repeat"); !f.wrong() {
		if utf8.RuneCountInString(fresh) < vault.MinPassword {
			f.refuse("new", v.t("wrong.short", vault.MinPassword))
		} else if fresh != f.Values.Get("repeat") {
			f.refuse("repeat", v.t("wrong.repeat"))
		}
	}
	suggest := f.Get("suggest") // the same as before: it may be written down by now
	if suggest == "" || len(suggest) > longestSuggest {
		if suggest, err = vault.SuggestPassword(); err != nil {
			return err
		}
	}
	view := passwordView{f, suggest, nil}
	if f.Get("known") != "" {
		if view.Alone, err = v.onlyManagerOf(); err != nil {
			return err
		}
		if len(view.Alone) > 0 {
			v.agreedTo(f, "sheet") // before it happens: nobody could let them in again
		}
	}
	if f.wrong() {
		return v.again("password", f, nil, view)
	}
	err = v.vault.ChangePassword(v.ctx(), vault.ChangePassword{
		Old: f.Values.Get("old"), New: fresh, KnownToOthers: f.Get("known") != "",
	})
	switch {
	case errors.Is(err, vault.ErrSignIn):
		f.refuse("old", v.t("wrong.password"))
		return v.again("password", f, err, view)
	case err != nil:
		return v.again("password", f, err, view)
	}
	return v.goTo(v.firstPage(), "password-changed")
}
