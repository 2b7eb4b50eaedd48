package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

func (p *pages) closeForm(v *visit) error {
	f := newForm()
	f.Set("how", "keep")
	return v.show("close", v.closingForm(f))
}

// closingView is the form, and where the space already is: who has moved does not have to
// take everything along once more.
type closingView struct {
	Form  *form
	Moved *vault.TransferReceipt
	Host  string
}

func (v *visit) closingForm(f *form) closingView {
	view := closingView{Form: f}
	if v.vault == nil {
		return view
	}
	if d, err := v.vault.Departure(v.ctx()); err == nil && d.Receipt != nil { // anything else is said on its own page
		view.Moved, view.Host = d.Receipt, safename.Line(moving.Host(d.To))
	}
	return view
}

// closeAccount ends the account, now or in twelve months, and answers with the
// receipt. The receipt cannot be had again afterwards, so a repeated click gets
// it from memory.
func (p *pages) closeAccount(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	receipt, err := p.receipts.do(v.ctx(), v.token, "close "+f.ID, func() (string, error) { return v.close(f) })
	if errors.Is(err, vault.ErrSignIn) || errors.Is(err, vault.ErrBackOff) || f.wrong() {
		defer v.end() // nothing is open if the account asked too often
		if errors.Is(err, vault.ErrSignIn) {
			f.refuse("password", v.t("wrong.password"))
		}
		return v.again("close", f, err, v.closingForm(f))
	}
	if v.vault != nil {
		v.vault.Close()
		v.vault = nil
	}
	if err != nil {
		return err
	}
	if f.Get("how") == "erase" {
		session.ClearCookie(v.w)
	}
	return v.show("receipt", receiptView{
		Erased: f.Get("how") == "erase", Text: receipt,
		// A link to itself: the account is gone, and the server keeps no receipt.
		Link: template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString([]byte(receipt))), //nolint:gosec // our own bytes in base64
	})
}

// receiptView is the proof that an account was closed.
type receiptView struct {
	Erased bool
	Text   string
	Link   template.URL
}

func (v *visit) close(f *form) (string, error) {
	if err := v.resume(); err != nil {
		return "", err
	}
	if v.worker != nil {
		v.end()
		v.vault = nil
		return "", vault.ErrNotAllowed
	}
	if f.Get("how") == "erase" && f.Get("sure") == "" {
		f.refuse("sure", v.t("wrong.sure"))
	}
	if v.required(f, "password"); f.wrong() {
		return "", vault.ErrInvalid
	}
	closing := v.vault.CloseAccount
	if f.Get("how") == "erase" {
		closing = v.vault.Erase
	}
	receipt, err := closing(v.ctx(), f.Values.Get("password"))
	if err != nil {
		return "", err
	}
	v.remember(f.Get("how") != "erase")
	text, err := json.MarshalIndent(receipt, "", "  ")
	return string(text), err
}

// closedCookie says that the account is closed, as the first page found it. It
// only decides which buttons are offered, by whichever server the next page comes
// from: the library refuses what must not be.
const closedCookie = "__Host-closed"

func (v *visit) remember(closing bool) {
	v.closed = &closing
	if _, err := v.r.Cookie(closedCookie); closing == (err == nil) {
		return
	}
	age := 0 // until the browser is closed
	if !closing {
		age = -1
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: closedCookie, Value: "1", Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (v *visit) closing() bool {
	if v.vault == nil || v.worker != nil {
		return false
	}
	if v.closed != nil {
		return *v.closed
	}
	_, err := v.r.Cookie(closedCookie)
	return err == nil
}

// reopen takes a closing back.
func (p *pages) reopen(v *visit) error {
	if err := v.vault.Reopen(v.ctx()); err != nil && !errors.Is(err, vault.ErrInvalid) { // a second click: it is open
		return err
	}
	v.remember(false)
	return v.goTo("/", "reopened")
}
