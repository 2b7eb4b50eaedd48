package web

import (
	"errors"
	"net/http"
	"slices"

	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// againView asks for the secret once more, and keeps what the form held.
type againView struct {
	Form   *form
	Kept   []keptField
	Worker bool   // who has no card
	Card   bool   // it was tried last
	Back   string // the page that the form is on
}

// keptField is one field of the form that waits.
type keptField struct{ Name, Value string }

// secretFields are those of the page that asks for the secret. No form behind [pages.again]
// has any of them.
var secretFields = []string{"again", "password", "card", "pin"}

// typedAgain are fields of forms behind [pages.again] that hold a secret of another kind:
// it does not go back into a page, and the form asks for it once more.
var typedAgain = []string{"new", "repeat"}

// again lets an act through whose sender has shown the secret lately, and asks for it
// otherwise: whoever finds a phone that is signed in cannot do it. The page that asks
// sends the same form once more, with the secret, so that nothing is lost and no address
// says anything; then the session counts as fresh for a while, and nothing is asked.
func (p *pages) again(h handler) handler {
	return func(v *visit) error {
		f, err := v.readForm()
		if err != nil {
			return err
		}
		own := v.vault
		if v.worker != nil {
			own = v.worker.Own()
		}
		if f.Get("again") == "" {
			err = own.ShownLately(v.ctx(), session.Lately)
		} else {
			err = own.ShowSecret(v.ctx(), vault.Secret{Password: f.Values.Get("password"), Card: f.Get("card"), PIN: f.Get("pin")})
		}
		if err != nil {
			return v.askAgain(f, err)
		}
		return h(v)
	}
}

func (v *visit) askAgain(f *form, err error) error {
	view := againView{Form: f, Worker: v.worker != nil, Card: f.Get("card") != "", Back: v.formPage()}
	if f.Values.Get("new") != "" && f.Get("sealed") == "" {
		f.Set("sealed", "1") // the phrase does not stay, that there was one does
	}
	for name, values := range f.Values {
		for _, value := range values {
			if !slices.Contains(secretFields, name) && !slices.Contains(typedAgain, name) {
				view.Kept = append(view.Kept, keptField{name, value})
			}
		}
	}
	switch {
	case errors.Is(err, vault.ErrSecretAgain):
		return v.showWith(http.StatusForbidden, "again", view)
	case errors.Is(err, vault.ErrCardDead):
		f.Problem = v.sentence(problem.Of(err))
		return v.showWith(http.StatusForbidden, "again", view)
	case errors.Is(err, vault.ErrSignIn) && view.Card:
		f.Problem = v.t("wrong.card")
		return v.showWith(http.StatusForbidden, "again", view)
	case errors.Is(err, vault.ErrSignIn):
		f.refuse("password", v.t("wrong.password"))
		return v.showWith(http.StatusForbidden, "again", view)
	}
	return v.again("again", f, err, view)
}
