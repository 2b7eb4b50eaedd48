package web

import (
	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// guestView is the banner over every page of somebody else's space.
type guestView struct {
	Name    string // as the person gave it at this relay
	Relay   string
	Purpose string
}

func (v *visit) guestView() *guestView {
	if v.worker == nil || v.post == nil {
		return nil
	}
	return &guestView{Name: safename.Line(v.post.Called()), Relay: safename.Line(v.post.Relay().Name), Purpose: v.purposeWords(v.purpose)}
}

// mayOnlySee reports whether a worker may add nothing to the space that is open. It
// decides which buttons are offered: the library refuses what must not be.
func (v *visit) mayOnlySee() bool {
	if v.worker == nil || v.post == nil {
		return false
	}
	terms := v.vault.Terms()
	return terms == nil || terms.Scope != vault.ScopeAdd
}

// mayOnlyGive reports whether a worker may leave things in the space that is open, and
// see nothing.
func (v *visit) mayOnlyGive() bool {
	terms := v.vault.Terms()
	return v.worker != nil && terms != nil && terms.Scope == vault.ScopeGive
}

// mayLeave reports whether a worker may leave something for the person alone.
func (v *visit) mayLeave() bool {
	terms := v.vault.Terms()
	return v.worker != nil && terms != nil && (terms.Scope == vault.ScopeGive || terms.Scope == vault.ScopeAdd)
}

// seesChosen reports whether a worker sees what the person chose for them, and nothing else.
func (v *visit) seesChosen() bool {
	terms := v.vault.Terms()
	return v.worker != nil && terms != nil && len(terms.Chosen) > 0
}

// guestTiles is what a worker may do in the space that is open.
type guestTiles struct {
	Sees   bool // what is shared
	Chosen bool // what the person chose, and nothing else
	Leaves bool // things for the person alone
	seenKinds
}

// seenKinds are the kinds of things that a page offers to look at.
type seenKinds struct{ Papers, Appointments, Contacts, Notes bool }

// kindsSeen are those that whoever is in may see. Where things were chosen for a worker
// they are the kinds that are among them: an empty page of appointments would say that
// there is none.
func (v *visit) kindsSeen() (seen seenKinds, err error) {
	if !v.seesChosen() {
		return seenKinds{true, true, true, true}, nil
	}
	chosen, err := v.listed(nil)
	for _, i := range chosen {
		switch i.Kind {
		case vault.KindDocument:
			seen.Papers = true
		case vault.KindAppointment:
			seen.Appointments = true
		case vault.KindContact:
			seen.Contacts = true
		case vault.KindNote:
			seen.Notes = true
		}
	}
	return seen, err
}

// guestHome is the first page of somebody else's space.
func (v *visit) guestHome() (err error) {
	view := guestTiles{Sees: !v.mayOnlyGive(), Chosen: v.seesChosen(), Leaves: v.mayLeave()}
	if view.seenKinds, err = v.kindsSeen(); err != nil {
		return err
	}
	return v.show("staff-space", view)
}

// makePrivate is for a worker, on the person's word.
func (v *visit) makePrivate(f *form) error {
	i, err := v.anyItem()
	if err != nil {
		return err
	}
	if err := v.vault.MakePrivate(v.ctx(), i.ID, f.Revision); err != nil {
		return err
	}
	return v.goTo(listPath(i.Kind), "made-private")
}

// purposeWords says why a space is open, with what the worker wrote.
func (v *visit) purposeWords(p consent.Purpose) string {
	words := safename.Line(p.Text)
	switch name := v.purposeName(p.Code); {
	case name == "" || p.Code == consent.PurposeOther && words != "":
		return words
	case words == "":
		return name
	default:
		return name + v.t("format.comma") + " " + words
	}
}

func (v *visit) purposeName(code consent.PurposeCode) string {
	switch code {
	case consent.PurposeHousing:
		return v.t("purpose.housing")
	case consent.PurposeHealth:
		return v.t("purpose.health")
	case consent.PurposeBenefits:
		return v.t("purpose.benefits")
	case consent.PurposeResidence:
		return v.t("purpose.residence")
	case consent.PurposeWork:
		return v.t("purpose.work")
	case consent.PurposeAppointment:
		return v.t("purpose.appointment")
	case consent.PurposeOther:
		return v.t("purpose.other")
	}
	return ""
}

// workerScopeWords says to a worker what they may do in a space.
func (v *visit) workerScopeWords(s vault.Scope) string {
	if s == vault.ScopeSee {
		return v.t("scope.worker-see")
	}
	return v.scopeWords(s)
}

func (v *visit) scopeWords(s vault.Scope) string {
	switch s {
	case vault.ScopeAdd:
		return v.t("scope.add")
	case vault.ScopeGive:
		return v.t("scope.give")
	case vault.ScopeHelp:
		return v.t("scope.help")
	}
	return v.t("scope.see")
}
