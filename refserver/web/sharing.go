package web

import (
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// sharingView is the page of who can see what is shared.
type sharingView struct {
	Now    []followerView
	Giving []followerView // who may leave things, and see nothing
	Helps  []followerView // who may help back in, and see nothing
	Visits []followerView
	Ended  []followerView

	Representatives []vault.Representative // of a minor; they see nothing by it
}

func (p *pages) sharing(v *visit) error {
	all, err := v.followers()
	if err != nil {
		return err
	}
	var view sharingView
	for _, f := range all {
		to := &view.Ended
		switch {
		case f.InForce && f.Visit:
			to = &view.Visits
		case f.InForce && f.Scope == vault.ScopeGive:
			to = &view.Giving
		case f.InForce && f.Scope == vault.ScopeHelp:
			to = &view.Helps
		case f.InForce:
			to = &view.Now
		}
		*to = append(*to, v.follower(f))
	}
	if view.Representatives, err = v.representatives(); err != nil {
		return err
	}
	if err := v.nameChosen(view.Visits); err != nil {
		return err
	}
	return v.show("sharing", view)
}

// grantView is the page of one access.
type grantView struct {
	followerView
	Notice vault.Notice // that was read
	Form   *form
}

func (v *visit) grant() (grantView, error) {
	id, err := vault.ParseGrantID(v.r.PathValue("id"))
	if err != nil {
		return grantView{}, vault.ErrNotFound
	}
	all, err := v.followers()
	if err != nil {
		return grantView{}, err
	}
	at := slices.IndexFunc(all, func(f consent.Follower) bool { return f.Grant == id })
	if at < 0 {
		return grantView{}, vault.ErrNotFound
	}
	shown := []followerView{v.follower(all[at])}
	if shown[0].InForce {
		if err := v.nameChosen(shown); err != nil {
			return grantView{}, err
		}
	}
	view := grantView{followerView: shown[0], Form: newForm()}
	view.Notice, err = v.pages.Staff.NoticeOf(v.ctx(), v.vault, id)
	view.Notice.Text = safename.Text(view.Notice.Text)
	if errors.Is(err, vault.ErrNotFound) {
		err = nil
	}
	return view, err
}

func (p *pages) oneSharing(v *visit) error {
	view, err := v.grant()
	if err != nil {
		return err
	}
	return v.show("sharing-one", view)
}

// endSharing ends an access at a tap. With the password the keys are changed at
// once, otherwise at the next sign-in; the access is over in any case.
func (p *pages) endSharing(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	id, err := vault.ParseGrantID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	var secret *vault.Secret
	if f.Get("password") != "" {
		secret = &vault.Secret{Password: f.Values.Get("password")}
	}
	_, err = p.Staff.Withdraw(v.ctx(), v.vault, id, secret)
	switch {
	case errors.Is(err, vault.ErrSignIn), errors.Is(err, vault.ErrBackOff):
		view, problem := v.grant()
		if problem != nil {
			return problem
		}
		view.Form = f
		if errors.Is(err, vault.ErrSignIn) {
			f.refuse("password", v.t("wrong.password"))
		}
		return v.again("sharing-one", f, err, view)
	case errors.Is(err, vault.ErrEnded), errors.Is(err, vault.ErrUnconfirmed): // a second click; done
	case err != nil:
		return err
	}
	return v.goTo("/sharing", "access-ended")
}

// relayView is a relay as people see it before they let it in.
type relayView struct {
	consent.Relay
	Organisation string
	Kind         string
	Fingerprint  string
}

func (v *visit) relay(r consent.Relay) relayView {
	view := relayView{Relay: r, Kind: v.kindWords(r.Type), Fingerprint: consent.Fingerprint(r.Key)}
	view.Name, view.Place, view.Contact = safename.Line(r.Name), safename.Line(r.Place), safename.Line(r.Contact)
	view.Languages = each(r.Languages)
	if o, err := v.pages.Directory.Organisation(v.ctx(), r.Organisation); err == nil {
		view.Organisation = safename.Line(o.Name)
	}
	return view
}

func (v *visit) kindWords(t consent.RelayType) string {
	switch t {
	case consent.TypeCCAS:
		return v.t("relay-type.ccas")
	case consent.TypeShelter:
		return v.t("relay-type.shelter")
	case consent.TypeDayCentre:
		return v.t("relay-type.day-centre")
	case consent.TypeCada:
		return v.t("relay-type.cada")
	case consent.TypeCHRS:
		return v.t("relay-type.chrs")
	case consent.TypeOutreach:
		return v.t("relay-type.outreach")
	case consent.TypeHealth:
		return v.t("relay-type.health")
	case consent.TypeDesk:
		return v.t("relay-type.desk")
	}
	return ""
}

// relaysView is the page where a relay is chosen.
type relaysView struct {
	Form   *form
	Relays []relayView
}

func (p *pages) relays(v *visit) error { return v.showRelays(newForm()) }

func (v *visit) showRelays(f *form) error {
	all, err := v.pages.Directory.Relays(v.ctx())
	if err != nil && !errors.Is(err, consent.ErrNoDirectory) {
		return err
	}
	view := relaysView{Form: f}
	for _, r := range all {
		if r.Withdrawn == "" && r.Type != consent.TypeDesk { // a desk follows nobody: it helps back in, if one of the ways says so
			view.Relays = append(view.Relays, v.relay(r))
		}
	}
	slices.SortStableFunc(view.Relays, func(a, b relayView) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if f.wrong() {
		return v.again("relays", f, nil, view)
	}
	return v.show("relays", view)
}

// findRelay goes to the relay of a QR code: it must be the one that the directory
// names, with the key whose fingerprint the wall shows (D1).
func (p *pages) findRelay(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	id, fingerprint, err := consent.ParseQRText(f.Get("code"))
	if err != nil {
		f.refuse("code", v.t("wrong.code"))
		return v.showRelays(f)
	}
	r, err := p.Directory.Relay(v.ctx(), id)
	if errors.Is(err, consent.ErrNotNamed) || err == nil && !consent.SameFingerprint(fingerprint, r.Key) {
		f.refuse("code", v.t("wrong.other-relay"))
		return v.showRelays(f)
	}
	if err != nil {
		return err
	}
	if r.Type == consent.TypeDesk && p.Recovery != nil {
		return v.goTo("/ways", "relay-checked")
	}
	return v.goTo("/sharing/relays/"+r.ID.String(), "relay-checked")
}

// followingView is the page where a person lets a relay in.
type followingView struct {
	Form   *form
	Relay  relayView
	Notice vault.Notice
	Today  string
}

func (v *visit) following(f *form) (followingView, error) {
	id, err := consent.ParseRelayID(v.r.PathValue("relay"))
	if err != nil {
		return followingView{}, vault.ErrNotFound
	}
	r, err := v.pages.Directory.Relay(v.ctx(), id)
	if err != nil {
		return followingView{}, err
	}
	if r.Type == consent.TypeDesk {
		return followingView{}, vault.ErrNotFound
	}
	if r.Withdrawn != "" {
		return followingView{}, vault.ErrEnded
	}
	return followingView{Form: f, Relay: v.relay(r), Notice: notice.Following(v.Code), Today: v.now().In(v.zone).Format(time.DateOnly)}, nil
}

func (p *pages) followForm(v *visit) error {
	view, err := v.following(newForm())
	if err != nil {
		return err
	}
	return v.show("follow", view)
}

func (p *pages) follow(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.following(f)
	if err != nil {
		return err
	}
	v.required(f, "called")
	secret := v.shownSecret(f)
	until := v.endOf(f)
	if v.agreed(f); f.wrong() {
		return v.again("follow", f, nil, view)
	}
	receipt, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		r, err := p.Staff.Follow(v.ctx(), v.vault, consent.Follow{
			Relay: view.Relay.ID, Scope: scopeOf(f), Until: until, Notice: view.Notice, Agreed: true, Name: f.Get("called"), Channel: channel,
		}, secret)
		if errors.Is(err, vault.ErrUnconfirmed) {
			err = nil // it is in force
		}
		return r.ID, err
	})
	if err != nil {
		return v.again("follow", f, v.besideSecret(f, err), view)
	}
	done := "followed"
	if scopeOf(f) == vault.ScopeGive {
		done = "may-leave"
	}
	return v.goTo("/receipts/"+receipt, done)
}

// shownSecret reads the password, or the access card with its PIN: one of them is
// needed.
func (v *visit) shownSecret(f *form) vault.Secret {
	if f.Get("card") != "" {
		v.required(f, "pin")
		return vault.Secret{Card: f.Get("card"), PIN: f.Get("pin")}
	}
	v.required(f, "password")
	return vault.Secret{Password: f.Values.Get("password")}
}

// besideSecret says a wrong secret beside its field.
func (v *visit) besideSecret(f *form, err error) error {
	if errors.Is(err, vault.ErrSignIn) {
		field := "password"
		if f.Get("card") != "" {
			field = "pin"
		}
		f.refuse(field, v.t("wrong.secret"))
	}
	return err
}

func (v *visit) agreed(f *form) { v.agreedTo(f, "agreed") }

// agreedTo refuses a form whose box is not ticked.
func (v *visit) agreedTo(f *form, box string) {
	if f.Get(box) == "" {
		f.refuse(box, v.t("wrong.sure"))
	}
}

func scopeOf(f *form) vault.Scope {
	switch f.Get("scope") {
	case "add":
		return vault.ScopeAdd
	case "give":
		return vault.ScopeGive
	}
	return vault.ScopeSee
}

// endOf reads until when something holds: the end of a day, or zero.
func (v *visit) endOf(f *form) time.Time {
	day := v.typedDate(f, "until")
	if day == "" {
		return time.Time{}
	}
	at, _ := time.ParseInLocation(time.DateOnly, string(day), v.zone) // typedDate has read it
	at = at.AddDate(0, 0, 1)
	if !at.After(v.now()) {
		f.refuse("until", v.t("wrong.past"))
	}
	return at
}
