package web

import (
	"errors"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// revokeView is the page on which whoever works for a relay takes back what it signed, with
// the paper alone: it is shown what it is before anything is done.
type revokeView struct {
	Form    *form
	Relay   relayView
	Found   *attestView
	Revoked bool // already
}

func (p *pages) revokeForm(v *visit) error {
	return v.revoking(func(view revokeView, _ *consent.Post) error { return v.show("attest-revoke", view) })
}

// revoking is for relays: a desk sees no papers, and has signed nothing.
func (v *visit) revoking(do func(revokeView, *consent.Post) error) error {
	return v.managing(func(post *consent.Post) error {
		if post.Relay().Type == consent.TypeDesk {
			return vault.ErrNotFound
		}
		return do(revokeView{Form: newForm(), Relay: v.relay(post.Relay())}, post)
	})
}

func (p *pages) revoke(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.revoking(func(view revokeView, post *consent.Post) error {
		view.Form = f
		if v.required(f, "token"); f.wrong() {
			return v.again("attest-revoke", f, nil, view)
		}
		a, err := p.Staff.CheckAttestation(v.ctx(), f.Get("token"))
		view.Revoked = errors.Is(err, consent.ErrRevoked)
		switch {
		case errors.Is(err, consent.ErrNotAttested), (err == nil || view.Revoked) && a.Relay != post.Relay().ID:
			says := v.t("wrong.not-ours")
			if isDigest(f.Get("token")) {
				says = v.t("wrong.digest-typed")
			}
			f.refuse("token", says)
			return v.again("attest-revoke", f, nil, view)
		case err != nil && !view.Revoked:
			return err
		case f.Get("sure") == "" || view.Revoked:
			view.Found = v.attestView(a)
			return v.show("attest-revoke", view)
		}
		if _, err := post.Revoke(v.ctx(), a.Token); err != nil {
			return err
		}
		return v.goTo("/staff/relays/"+a.Relay.String()+"/revoke", "revoked")
	})
}
