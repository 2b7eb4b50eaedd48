package web

import (
	"errors"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// followerView is somebody who can see, or could, fit to be shown.
type followerView struct {
	consent.Follower
	Allowed string   // what they may do
	Gives   bool     // they may leave things, and see nothing
	Helps   bool     // they may help back in, and see nothing
	Why     string   // of an end
	Who     string   // of a visit the worker, where their code said who, and the centre; else the centre
	Chosen  []string // of a visit that is shown: the names of the papers that are still there
}

func (v *visit) follower(f consent.Follower) followerView {
	f.Name, f.Place, f.Contact = safename.Line(f.Name), safename.Line(f.Place), safename.Line(f.Contact)
	f.Organisation, f.Called, f.Visitor = safename.Line(f.Organisation), safename.Line(f.Called), safename.Line(f.Visitor)
	who := f.Name
	if f.Visitor != "" {
		who = f.Visitor + v.t("format.comma") + " " + f.Name
	}
	if !f.InForce && f.EndedBy == "" && !f.Until.IsZero() && !v.now().Before(f.Until) {
		f.EndedBy = vault.EndedByTime // as the next sign-in notes it
	}
	return followerView{Follower: f, Allowed: v.scopeWords(f.Scope), Gives: f.Scope == vault.ScopeGive, Helps: f.Scope == vault.ScopeHelp, Why: v.endWords(f.EndedBy), Who: who}
}

// nameChosen puts the names of what was chosen to visits that are in force. Nothing else is
// opened for it, and nothing where nobody visits.
func (v *visit) nameChosen(visits []followerView) error {
	var ids []vault.ItemID
	for _, one := range visits {
		ids = append(ids, one.Follower.Chosen...)
	}
	if len(ids) == 0 {
		return nil
	}
	items, err := v.listed(&vault.ListOptions{Items: ids})
	for i := range visits {
		for _, item := range items {
			if slices.Contains(visits[i].Follower.Chosen, item.ID) {
				visits[i].Chosen = append(visits[i].Chosen, item.Name)
			}
		}
	}
	return err
}

func (v *visit) endWords(by vault.EndedBy) string {
	switch by {
	case vault.EndedByPerson:
		return v.t("ended-by.person")
	case vault.EndedByTime:
		return v.t("ended-by.time")
	case vault.EndedByHolder:
		return v.t("ended-by.holder")
	case vault.EndedBySession:
		return v.t("ended-by.session")
	case vault.EndedByDirectory, vault.EndedByKey, vault.EndedByLoss:
		return v.t("ended-by.service")
	}
	return ""
}

// followers are all who can see or could. What the store altered is left out, and
// the page says so.
func (v *visit) followers() ([]consent.Follower, error) {
	all, err := v.pages.Staff.Followers(v.ctx(), v.vault)
	if errors.Is(err, vault.ErrTampered) && !errors.Is(err, vault.ErrSessionEnded) && all != nil {
		v.damaged, err = true, nil
	}
	return all, err
}

// consentView is a receipt, and what it is of while that lasts: it is ended here, too.
type consentView struct {
	Texts   []receiptText
	Running *followerView
}

// receiptText is a receipt in plain words, and the rest of it, which few ask for.
type receiptText struct{ Plain, Technical string }

// consentReceipt is a page to be printed: what was agreed to, or its end.
func (p *pages) consentReceipt(v *visit) error {
	all, err := p.Staff.Receipts(v.ctx(), v.vault)
	if err != nil && (!errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrSessionEnded)) {
		return err
	}
	var view consentView
	for _, r := range all { // one altered by the store hides no other
		if id := v.r.PathValue("id"); r.ID == id || r.Event.Refers == id {
			plain, technical := r.Parts(v.Code, v.zone)
			view.Texts = append(view.Texts, receiptText{plain, technical})
		}
	}
	if view.Texts == nil {
		return vault.ErrNotFound
	}
	followers, err := v.followers()
	for _, f := range followers {
		if f.InForce && f.Receipt == v.r.PathValue("id") {
			running := v.follower(f)
			view.Running = &running
		}
	}
	if err != nil {
		return err
	}
	return v.show("consent-receipt", view)
}
