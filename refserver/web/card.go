package web

import (
	"errors"

	"reconnect.example/vault"
)

// cardView is the page of the access card.
type cardView struct {
	Form  *form
	State string
	Has   bool
	Card  *paperCard // made just now, shown once
}

// paperCard is an access card to be cut out: it says where it is used, too.
type paperCard struct{ Login, Code, Address string }

func (v *visit) onPaper(login, code string) paperCard {
	return paperCard{login, code, v.pages.Address}
}

func (p *pages) card(v *visit) error { return v.showCard(newForm(), nil, nil) }

func (v *visit) showCard(f *form, made *vault.AccessCard, err error) error {
	state, problem := v.vault.AccessCardState(v.ctx())
	if problem != nil {
		return problem
	}
	view := cardView{Form: f, Has: state == vault.CardActive}
	if made != nil {
		card := v.onPaper(made.Login, made.Code)
		view.Card = &card
	}
	switch state {
	case vault.CardActive:
		view.State = v.t("card.active")
	case vault.CardToBePrinted:
		view.State = v.t("card.to-be-printed")
	case vault.CardDead:
		view.State = v.t("card.dead")
	default:
		view.State = v.t("card.none")
	}
	if err != nil || f.wrong() {
		return v.again("card", f, err, view)
	}
	return v.show("card", view)
}

// makeCard shows the card once. A second click makes another, which takes its place:
// what is shown last is what opens.
func (p *pages) makeCard(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "password")
	login, err := v.vault.Login(v.ctx())
	if err != nil {
		return err
	}
	if v.checkPIN(f, login); f.wrong() {
		return v.showCard(f, nil, nil)
	}
	made, err := v.vault.NewAccessCard(v.ctx(), vault.Secret{Password: f.Values.Get("password")}, f.Get("pin"))
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return v.showCard(f, nil, v.besideSecret(f, err))
	}
	return v.showCard(newForm(), &made, nil)
}

func (p *pages) revokeCard(v *visit) error {
	if err := v.vault.RevokeAccessCard(v.ctx()); err != nil && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/card", "card-revoked")
}

// cardSignInForm takes the device for a shared one unless it is told otherwise: who
// comes with a card comes to somebody's screen.
func (p *pages) cardSignInForm(v *visit) error {
	f := newForm()
	f.Values.Set("shared", "1")
	return v.show("card-sign-in", f)
}

// cardSignIn opens a session with card and PIN.
func (p *pages) cardSignIn(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	err = p.Limits.SignIn(v.r)
	var opened *vault.Vault
	if err == nil {
		opened, err = p.Vaults.UnlockCard(v.ctx(), vault.CardSignIn{Card: f.Get("card"), PIN: f.Get("pin"), Session: &vault.SessionRequest{Device: device(v.r)}})
	}
	if err != nil {
		return v.signInAgain("card-sign-in", f, err)
	}
	defer opened.Close()
	v.enter(opened.Token(), f.Get("shared") != "")
	return v.goTo("/", "")
}
