package web

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/published"
	"reconnect.example/vault"
)

// attestRoutes are the pages of originals that were seen.
func (p *pages) attestRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /seen":                  p.checkForm,
		"POST /seen":                 p.check,
		"GET /seen/revoked.json":     p.revokedList,
		"GET /.well-known/jwks.json": p.keySet,
	} {
		mux.Handle(pattern, p.anybody(h))
	}
	for pattern, h := range map[string]handler{
		"GET /papers/{id}/attest":         p.attestForm,
		"POST /papers/{id}/attest":        p.attest,
		"GET /papers/{id}/attested":       p.attested,
		"POST /papers/{id}/attest/remove": p.removeAttested,
	} {
		mux.Handle(pattern, p.shared(h))
	}
}

// attestView is what is attested, in words. What strangers wrote is neutralised.
type attestView struct {
	Relay, Kind, Day, Worker string
	Digest, Sum              string // of the file: in groups to be read, and as it is
	Number                   string // short, on the sheet and on the copy behind it: the first of the digest
	Token                    string // as it was signed
	Gone                     bool   // the relay is none any more
}

func (v *visit) attestView(a consent.Attestation) *attestView {
	return &attestView{
		Relay: safename.Line(a.RelayName), Kind: v.seenKind(a.Kind), Day: v.date(a.Day), Worker: safename.Line(a.Worker),
		Digest: hex(a.Digest), Sum: fmt.Sprintf("%x", a.Digest), Number: hex(a.Digest[:4]), Token: a.Token, Gone: a.Gone,
	}
}

// attestedOf says what is attested of a paper; nil: nothing.
func (v *visit) attestedOf(i vault.Item) (*attestView, error) {
	if v.pages.Staff == nil || i.Document.Attested == "" {
		return nil, nil
	}
	a, err := v.pages.Staff.AttestationOf(v.ctx(), i)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v.attestView(a), nil
}

// mayAttest reports whether a worker is offered to sign that they have held an original:
// one who may add, at a relay with a licence.
func (v *visit) mayAttest() bool {
	if v.worker == nil || v.post == nil {
		return false
	}
	relay := v.post.Relay().ID
	if t := v.vault.Terms(); t == nil || t.Scope != vault.ScopeAdd || t.Holder != relay {
		return false
	}
	licence, err := v.licence(relay)
	return err == nil && licence.MayOpen
}

// attestFormView asks a worker what they have held.
type attestFormView struct {
	Form              *form
	Item              vault.Item
	Picture, Readable bool // how the copy is shown that they say shows it
	Kinds             []choice
}

func (v *visit) attesting(f *form) (attestFormView, error) {
	if !v.mayAttest() {
		return attestFormView{}, vault.ErrNotAllowed
	}
	i, err := v.item(vault.KindDocument)
	view := attestFormView{Form: f, Item: i}
	if i.Document != nil {
		view.Picture, view.Readable = showable(i.Document.MediaType)
	}
	for _, k := range consent.SeenKinds() {
		view.Kinds = append(view.Kinds, choice{string(k), v.seenKind(k)})
	}
	return view, err
}

func (p *pages) attestForm(v *visit) error {
	view, err := v.attesting(newForm())
	if err != nil {
		return err
	}
	return v.show("attest", view)
}

func (p *pages) attest(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.attesting(f)
	if err != nil {
		return err
	}
	kind := consent.SeenKind(f.Get("kind"))
	if !slices.Contains(consent.SeenKinds(), kind) {
		f.refuse("kind", v.t("wrong.seen-kind"))
	}
	if f.Get("held") == "" {
		f.refuse("held", v.t("wrong.held"))
	}
	if f.wrong() {
		return v.again("attest", f, nil, view)
	}
	_, err = p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := v.post.Attest(v.ctx(), v.vault, consent.NewAttestation{Item: view.Item.ID, Revision: f.Revision, Kind: kind, Held: true, Named: f.Get("named") != ""})
		return "", err
	})
	if err != nil {
		return v.again("attest", f, err, view)
	}
	return v.goTo(itemPath(view.Item), "attested")
}

// removeAttested is for the person, and for a worker of the relay that signed.
func (p *pages) removeAttested(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if p.Staff == nil {
		return vault.ErrNotFound
	}
	return v.act("attest-removed", itemPath, func(id vault.ItemID) (vault.Item, error) {
		return p.Staff.RevokeAttestation(v.ctx(), v.vault, id, f.Revision)
	}, func(i vault.Item) bool { return i.Document != nil && i.Document.Attested == "" })
}

// attestedView is the sheet that goes with a printed copy.
type attestedView struct {
	*attestView
	Item     vault.Item
	Picture  bool   // is on the sheet
	Code     string // of the QR code
	Address  string // where it is verified
	Removing bool
}

func (p *pages) attested(v *visit) error {
	i, err := v.item(vault.KindDocument)
	if err != nil {
		return err
	}
	view := attestedView{Item: i}
	if view.attestView, err = v.attestedOf(i); err != nil {
		return err
	}
	if view.attestView == nil {
		return vault.ErrNotFound
	}
	view.Picture, _ = showable(i.Document.MediaType)
	view.Address, view.Code = v.seenCode(i)
	return v.show("attested", view)
}

// seenCode is where what is attested of a paper is verified, and what its QR code says.
func (v *visit) seenCode(i vault.Item) (address, code string) {
	address = strings.TrimSuffix(v.pages.Address, "/")
	if address == "" {
		address = "https://" + v.r.Host
	}
	address += "/seen"
	return address, address + "#" + i.Document.Attested // behind #, a browser sends it to nobody
}

// checkView is the page on which anybody verifies what is on a printout.
type checkView struct {
	Form    *form
	Found   *attestView
	Revoked bool
}

func (p *pages) checkForm(v *visit) error { return v.show("attest-check", checkView{Form: newForm()}) }

// check keeps nothing of what it is asked. The code is in the body, never in an address.
func (p *pages) check(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view := checkView{Form: f}
	if v.required(f, "token"); f.wrong() {
		return v.again("attest-check", f, nil, view)
	}
	a, err := p.Staff.CheckAttestation(v.ctx(), f.Get("token"))
	switch {
	case errors.Is(err, consent.ErrNotAttested):
		says := v.t("says.not-attested")
		if isDigest(f.Get("token")) {
			says = v.t("wrong.digest-typed")
		}
		f.refuse("token", says)
		return v.again("attest-check", f, nil, view)
	case errors.Is(err, consent.ErrRevoked):
		view.Revoked = true
	case err != nil:
		return err
	}
	view.Found, view.Form = v.attestView(a), newForm()
	return v.show("attest-check", view)
}

// isDigest says whether somebody typed the fingerprint of a file, whole or a part of it, which
// stands on the sheet. It is not looked up (N82): that no centre signed it would be a lie.
func isDigest(text string) bool {
	digits := strings.Join(strings.Fields(text), "")
	return digits != "" && len(digits) <= 2*sha256.Size && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// publishedLists are the lists for programs that verify elsewhere.
type publishedLists struct{ keys, revoked published.List[[]byte] }

func (v *visit) publish(l *published.List[[]byte], kind string, list func() ([]byte, error)) error {
	body, err := l.At(v.now(), list)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Cache-Control", "public, max-age=60")
	_, err = v.w.Write(body)
	return err
}

func (p *pages) keySet(v *visit) error {
	return v.publish(&p.published.keys, "application/jwk-set+json", func() ([]byte, error) { return p.Staff.AttestKeySet(v.ctx(), consent.RelayID{}) })
}

func (p *pages) revokedList(v *visit) error {
	return v.publish(&p.published.revoked, "application/json", func() ([]byte, error) {
		list := struct {
			Revoked []string `json:"revoked"`
		}{[]string{}}
		for serial, err := range p.Staff.RevokedAttestations(v.ctx()) {
			if err != nil {
				return nil, err
			}
			list.Revoked = append(list.Revoked, serial)
		}
		return json.Marshal(list)
	})
}

// seenKind is the kind of a paper in words.
func (v *visit) seenKind(k consent.SeenKind) string {
	switch k {
	case consent.SeenIdentity:
		return v.t("seen-kind.identity-card")
	case consent.SeenPassport:
		return v.t("seen-kind.passport")
	case consent.SeenResidence:
		return v.t("seen-kind.residence-permit")
	case consent.SeenBirth:
		return v.t("seen-kind.birth-certificate")
	case consent.SeenHealth:
		return v.t("seen-kind.health-card")
	case consent.SeenDriving:
		return v.t("seen-kind.driving-licence")
	case consent.SeenPay:
		return v.t("seen-kind.pay-slip")
	case consent.SeenCertificate:
		return v.t("seen-kind.certificate")
	}
	return v.t("seen-kind.other")
}
