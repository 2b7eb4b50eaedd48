package web

import (
	"errors"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// sheetView is the recovery sheet of a relay, shown once, on a page that is made to be
// printed. It is kept nowhere: whoever loses the page draws another.
type sheetView struct {
	Relay       relayView
	Sheet       consent.Sheet
	At          time.Time
	Unconfirmed bool // the witness has not heard of it yet
}

func (v *visit) showSheet(relay consent.Relay, sheet consent.Sheet, err error) error {
	return v.show("sheet", sheetView{Relay: v.relay(relay), Sheet: sheet, At: v.now(), Unconfirmed: errors.Is(err, vault.ErrUnconfirmed)})
}

func (p *pages) keysForm(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		if !post.Roles().Has(consent.RoleManage) {
			return consent.ErrNotManager
		}
		return v.show("relay-keys", keysView{newForm(), v.relay(post.Relay())})
	})
}

// keysView is the page that says what new keys of a relay mean.
type keysView struct {
	Form  *form
	Relay relayView
}

// changeKeys gives the relay new keys. A second click changes them again: the sheet
// that is shown last is the one that counts.
func (p *pages) changeKeys(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.managing(func(post *consent.Post) error {
		if !post.Roles().Has(consent.RoleManage) {
			return consent.ErrNotManager
		}
		if err := v.showSecret(f); err != nil || f.wrong() {
			return v.again("relay-keys", f, err, keysView{f, v.relay(post.Relay())})
		}
		sheet, err := post.RotateKey(v.ctx())
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
		return v.showSheet(post.Relay(), sheet, err)
	})
}

func (p *pages) recoverForm(v *visit) error { return v.show("relay-recover", newForm()) }

// recoverRelay lets whoever has the recovery sheet manage the relay.
func (p *pages) recoverRelay(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "sheetlogin", "sheetcode")
	if v.agreedTo(f, "sure"); f.wrong() {
		return v.again("relay-recover", f, nil, f)
	}
	if err := p.Limits.StaffSignIn(v.r); err != nil { // before anything is evaluated (F9)
		return v.again("relay-recover", f, err, f)
	}
	id, sheet, err := v.worker.RecoverRelay(v.ctx(), consent.Sheet{Login: f.Get("sheetlogin"), Code: f.Get("sheetcode")})
	switch {
	case errors.Is(err, vault.ErrInvalid):
		f.refuse("sheetcode", v.t("wrong.code"))
		return v.again("relay-recover", f, nil, f)
	case errors.Is(err, vault.ErrSignIn):
		f.Problem = v.t("recover.wrong")
		return v.showWith(http.StatusUnauthorized, "relay-recover", f)
	case errors.Is(err, consent.ErrNotNamed), errors.Is(err, vault.ErrEnded):
		f.Problem = v.t("recover.gone")
		return v.showWith(problem.Of(err).Status, "relay-recover", f)
	case err != nil && !errors.Is(err, vault.ErrUnconfirmed):
		return v.again("relay-recover", f, err, f)
	}
	relay, problem := p.Directory.Relay(v.ctx(), id)
	if problem != nil {
		relay = consent.Relay{ID: id} // the sheet must be shown, whatever cannot be read now
	}
	return v.showSheet(relay, sheet, err)
}
