package web

import (
	"errors"
	"slices"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// accountView is the page where a worker and a person open an account together.
type accountView struct {
	Form    *form
	Relay   relayView
	Licence licenceView
	Account vault.Notice
	Follow  vault.Notice
	Draft   *consent.Draft // one that was interrupted; nil: a new one
}

// accountOf reads what the page stands on. The caller closes the post.
func (v *visit) accountOf(f *form) (accountView, *consent.Post, error) {
	post, err := v.at()
	if err != nil {
		return accountView{}, nil, err
	}
	if post.Relay().Type == consent.TypeDesk { // it follows nobody, so nobody's account is opened there
		post.Close()
		return accountView{}, nil, vault.ErrNotFound
	}
	view := accountView{Form: f, Relay: v.relay(post.Relay()), Account: notice.In(v.Code), Follow: notice.Following(v.Code)}
	if view.Licence, err = v.licence(post.Relay().ID); err == nil {
		view.Draft, err = v.draft(post, f.Get("draft"))
	}
	if err != nil {
		post.Close()
		return accountView{}, nil, err
	}
	return view, post, nil
}

// draft is the one that is named, or nil.
func (v *visit) draft(post *consent.Post, named string) (*consent.Draft, error) {
	if named == "" {
		return nil, nil
	}
	all, err := post.Drafts(v.ctx())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(d consent.Draft) bool { return d.ID.String() == named })
	if at < 0 {
		return nil, vault.ErrNotFound
	}
	all[at].Name = safename.Line(all[at].Name)
	return &all[at], nil
}

func (p *pages) accountForm(v *visit) error {
	f := newForm()
	f.Set("draft", v.r.URL.Query().Get("draft"))
	f.Set("scope", "add")
	view, post, err := v.accountOf(f)
	if err != nil {
		return err
	}
	defer post.Close()
	if view.Draft != nil {
		f.Set("called", view.Draft.Name)
	}
	return v.show("account-open", view)
}

// openedView is what a new person takes home, shown once.
type openedView struct {
	Relay relayView
	Login string
	Card  string // "": shown already, or not wanted; the person makes one from their space
	Paper paperCard
	Open  string // the page on which their space is opened; "": the relay was not let in
}

// openAccount opens an account with the person, who types the password and the PIN.
// A second click finds the account, and not the card: that is kept nowhere.
func (p *pages) openAccount(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, post, err := v.accountOf(f)
	if err != nil {
		return err
	}
	defer post.Close()
	v.checkAccount(f)
	until := v.endOf(f)
	if f.wrong() {
		return v.again("account-open", f, nil, view)
	}
	opened := openedView{Relay: view.Relay}
	made, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		n := consent.NewAccount{
			Name: f.Get("called"), Password: f.Values.Get("new"), Notice: view.Account, Consent: true, Follow: view.Follow, Agreed: true,
			Scope: scopeOf(f), Until: until, PIN: f.Get("pin"), Alone: alone(f),
		}
		a, err := v.newAccount(post, view.Draft, n)
		opened.Card = a.Card
		return a.Person + "\n" + a.Login, err
	})
	if errors.Is(err, vault.ErrSignIn) {
		f.refuse("new", v.t("wrong.password"))
	}
	if err != nil {
		return v.again("account-open", f, err, view)
	}
	person, login, _ := strings.Cut(made, "\n")
	opened.Login, opened.Paper = login, v.onPaper(login, opened.Card)
	if !alone(f) {
		opened.Open = "/staff/relays/" + view.Relay.ID.String() + "/people/" + person
	}
	return v.show("account-opened", opened)
}

func (v *visit) checkAccount(f *form) {
	v.required(f, "called")
	v.newPassword(f)
	v.checkPIN(f, "")
	if f.Get("consent") == "" {
		f.refuse("consent", v.t("wrong.sure"))
	}
	if !alone(f) {
		v.agreed(f)
	}
	v.retype(f)
}

// retype says that the secret boxes are empty again, beside the first of them, where
// something is wrong: so nobody begins at the second.
func (v *visit) retype(f *form) {
	if f.wrong() && f.Wrong["new"] == "" {
		f.refuse("new", v.t("wrong.retype"))
	}
}

// alone reports whether the person wants an account, and not to be followed here: one is
// not the price of the other.
func alone(f *form) bool { return f.Get("scope") == "none" }

// checkPIN refuses a PIN that cannot be one, with whatever else is wrong with the form: told
// last, it empties what is secret once more. login is whose it will be, "" if that is not
// known yet.
func (v *visit) checkPIN(f *form, login string) {
	v.required(f, "pin", "again")
	if f.Wrong["pin"] == "" {
		for _, invalid := range complaints(vault.CheckPIN(f.Get("pin"), login)) {
			f.refuse("pin", v.reason(invalid))
		}
	}
	if f.Wrong["again"] == "" && f.Get("pin") != f.Get("again") {
		f.refuse("again", v.t("wrong.pins"))
	}
}

// newAccount is what is said of an account when it is open.
type newAccount struct{ Person, Login, Card string }

func (v *visit) newAccount(post *consent.Post, draft *consent.Draft, n consent.NewAccount) (newAccount, error) {
	var a *consent.Account
	var err error
	if draft == nil {
		a, err = post.OpenAccount(v.ctx(), n)
	} else {
		a, err = post.ResumeAccount(v.ctx(), draft.ID, n)
	}
	if a == nil {
		return newAccount{}, err
	}
	defer a.Vault.Close()
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return newAccount{}, err
	}
	return newAccount{a.Vault.ID().String(), a.Login, a.Card.Code}, nil
}
