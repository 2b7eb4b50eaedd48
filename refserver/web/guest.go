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
	Sees   bool                // what is shared
	Chosen bool                // what the person chose, and nothing else
	Kinds  map[vault.Kind]bool // of what is seen
	Leaves bool                // things for the person alone
}

// guestHome is the first page of somebody else's space. Where things were chosen it offers
// the kinds that are among them: an empty page of appointments would say that there is none.
func (v *visit) guestHome() error {
	view := guestTiles{Sees: !v.mayOnlyGive(), Chosen: v.seesChosen(), Leaves: v.mayLeave(), Kinds: map[vault.Kind]bool{}}
	for _, kind := range []vault.Kind{vault.KindDocument, vault.KindAppointment, vault.KindContact, vault.KindNote} {
		view.Kinds[kind] = !view.Chosen
	}
	if view.Chosen {
		chosen, err := v.listed(nil)
		if err != nil {
			return err
		}
		for _, i := range chosen {
			view.Kinds[i.Kind] = true
		}
	}
	return v.show("staff-space", view)
}

// The kinds, for a page.
func (t guestTiles) Papers() bool       { return t.Kinds[vault.KindDocument] }
func (t guestTiles) Appointments() bool { return t.Kinds[vault.KindAppointment] }
func (t guestTiles) Contacts() bool     { return t.Kinds[vault.KindContact] }
func (t guestTiles) Notes() bool        { return t.Kinds[vault.KindNote] }

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
