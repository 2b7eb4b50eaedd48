package pages

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/admin"
	"reconnect.example/vault"
)

// centreView is one relay as the directory names it.
type centreView struct {
	consent.Relay
	Kind         string
	Organisation consent.Organisation
	Licence      string // how it stands, in words
	Warning      bool   // somebody has to do something
	Fingerprint  string
	Licences     []licenceView
	order        int
	until        vault.Date
}

type licenceView struct {
	consent.Licence
	Money   string
	Address string // its number in an address
}

// partnerView is a partner system, by what the authority signed of it: nothing of a person.
type partnerView struct {
	consent.Partner
	Organisation string
}

// centresView is the list, those that need somebody first.
type centresView struct {
	Version       uint64
	Signs         bool // the authority's key is at hand
	Centres       []centreView
	Withdrawn     []centreView
	Organisations []consent.Organisation
	Partners      []partnerView
	Invited       *admin.Invited // made just now
	Unknown       *refusal       // there is no directory yet, or it cannot be read: why
}

// directory asks the server for the directory, and reads again what it answers: only what
// the authority signed is shown and built on.
func (v *visit) directory() (*consent.DirectoryState, []byte, error) {
	var b admin.Bundle
	if err := v.call("Operator.Directory", admin.None{}, &b); err != nil {
		return nil, nil, err
	}
	if key := v.office.config.AuthorityKey(); key != nil {
		state, err := consent.ParseDirectory(*key, b.Bytes)
		return state, b.Bytes, err
	}
	state, err := admin.ReadDirectory(b.Bytes)
	return state, b.Bytes, err
}

func (v *visit) today() vault.Date {
	return vault.Date(v.office.now().In(v.office.zone).Format(time.DateOnly))
}

func (v *visit) centres() error { return v.showCentres(nil) }

func (v *visit) showCentres(invited *admin.Invited) error {
	view := centresView{Signs: v.signs(), Invited: invited}
	state, _, err := v.directory()
	if err != nil {
		view.Unknown = v.tell(err)
		return v.show("centres", view)
	}
	view.Version = state.Version()
	for o := range state.Organisations() {
		view.Organisations = append(view.Organisations, o)
	}
	for _, p := range state.Partners() {
		o, err := state.Organisation(p.Organisation)
		if err != nil {
			return err
		}
		view.Partners = append(view.Partners, partnerView{p, o.Name})
	}
	for r := range state.Relays() {
		c, err := v.centreOf(state, r)
		if err != nil {
			return err
		}
		if r.Withdrawn != "" {
			view.Withdrawn = append(view.Withdrawn, c)
		} else {
			view.Centres = append(view.Centres, c)
		}
	}
	slices.SortStableFunc(view.Centres, func(a, b centreView) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.until, b.until), cmp.Compare(a.Name, b.Name))
	})
	return v.show("centres", view)
}

// centreOf says how a relay stands today.
func (v *visit) centreOf(state *consent.DirectoryState, r consent.Relay) (centreView, error) {
	organisation, err := state.Organisation(r.Organisation)
	if err != nil {
		return centreView{}, err
	}
	s, err := state.LicenceOn(r.ID, v.today())
	if err != nil {
		return centreView{}, err
	}
	c := centreView{Relay: r, Kind: v.kind(r.Type), Organisation: organisation, Fingerprint: consent.Fingerprint(r.Key), Warning: s.Status != consent.LicenceInForce}
	for _, l := range state.Licences(r.ID) {
		c.Licences = append(c.Licences, licenceView{l, admin.Money(l.Fee, l.Currency), url.PathEscape(l.Number)})
	}
	switch s.Status {
	case consent.LicenceInForce:
		c.Licence, c.order, c.until = v.t("licence.in-force", sayDate(v.Language, s.Until)), 3, s.Until
	case consent.LicenceEndsSoon:
		c.Licence, c.order, c.until = v.t("licence.ends-soon", sayDate(v.Language, s.Until)), 1, s.Until
	case consent.LicenceNotYet:
		c.Licence, c.order, c.until = v.t("licence.not-yet", sayDate(v.Language, s.Licence.From)), 2, s.Licence.From
	case consent.LicenceExpired:
		c.Licence, c.until = v.t("licence.expired", sayDate(v.Language, s.Licence.To)), s.Licence.To
	case consent.LicenceWithdrawn:
		c.Licence = v.t("licence.withdrawn")
	default:
		c.Licence = v.t("licence.none")
	}
	return c, nil
}

// kind says what kind of place a relay is.
func (v *visit) kind(t consent.RelayType) string {
	if key := "relay-type." + string(t); v.Has(key) {
		return v.t(key)
	}
	return string(t)
}

// errNoCentre: an address names a centre that the directory does not name.
var errNoCentre = errors.New("the directory names no such centre or organisation")

// named is the relay of the address.
func (v *visit) named(state *consent.DirectoryState) (consent.Relay, error) {
	id, err := consent.ParseRelayID(v.r.PathValue("id"))
	if err != nil {
		return consent.Relay{}, errNoCentre
	}
	r, err := state.Relay(id)
	if err != nil {
		return r, errNoCentre
	}
	return r, nil
}

func (v *visit) centre() error {
	state, _, err := v.directory()
	if err != nil {
		return err
	}
	r, err := v.named(state)
	if err != nil {
		return err
	}
	c, err := v.centreOf(state, r)
	if err != nil {
		return err
	}
	return v.show("centre", c)
}

// invite makes a code for the first manager of a new relay. It is shown once.
func (v *visit) invite() error {
	var made admin.Invited
	if err := v.call("Operator.Invite", admin.None{}, &made); err != nil {
		return err
	}
	return v.showCentres(&made)
}

// directoryView is the page that takes a signed directory.
type directoryView struct {
	Problem *refusal
	Now     *consent.DirectoryState // nil: there is none yet
}

func (v *visit) directoryForm() error { return v.showDirectory(nil) }

func (v *visit) showDirectory(problem *refusal) error {
	view := directoryView{Problem: problem}
	view.Now, _, _ = v.directory() // the first one is published where none is
	status := http.StatusOK
	if problem != nil {
		status = http.StatusUnprocessableEntity
	}
	return v.showWith(status, "directory", view)
}

// directoryFile is the directory as it is now, for the authority.
func (v *visit) directoryFile() error {
	_, bundle, err := v.directory()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/octet-stream")
	v.w.Header().Set("Content-Disposition", `attachment; filename="now.directory"`)
	_, _ = v.w.Write(bundle) // fails when the browser has gone
	return nil
}

// publish takes a directory that the authority signed elsewhere.
func (v *visit) publish() error {
	file, _, err := v.r.FormFile("directory")
	if err != nil {
		return v.showDirectory(&refusal{Says: v.t("operator.choose-file")})
	}
	defer file.Close() //nolint:errcheck // only read
	bundle, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	if _, err := admin.ReadDirectory(bundle); err != nil {
		return v.showDirectory(&refusal{Says: v.t("operator.not-a-directory")})
	}
	if err := v.call("Operator.Publish", admin.Bundle{Bytes: bundle}, &admin.None{}); err != nil {
		return v.showDirectory(v.tell(err))
	}
	return v.goTo("/centres", "published")
}
