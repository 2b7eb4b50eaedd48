package web

import (
	"errors"
	"strconv"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// wishesView is what is wanted for later, and who represents a minor.
type wishesView struct {
	Form            *form // for a representative
	Wish            vault.Wish
	Erase           bool
	Representatives []vault.Representative
}

func (p *pages) wishes(v *visit) error { return v.showWishes(newForm(), nil) }

func (v *visit) showWishes(f *form, err error) error {
	w, problem := v.vault.Wish(v.ctx())
	if problem != nil {
		return problem
	}
	view := wishesView{Form: f, Wish: w, Erase: w.Want == vault.WantErase}
	if view.Representatives, problem = v.representatives(); problem != nil {
		return problem
	}
	if err != nil || f.wrong() {
		return v.again("wishes", f, err, view)
	}
	return v.show("wishes", view)
}

// representatives are those that were recorded, fit to be shown.
func (v *visit) representatives() ([]vault.Representative, error) {
	all, err := v.vault.Representatives(v.ctx())
	for i, r := range all {
		r.Name, r.Relation, r.RecordedBy = safename.Line(r.Name), safename.Line(r.Relation), safename.Line(r.RecordedBy)
		all[i] = r
	}
	return all, err
}

// addRepresentative records who represents a minor. It is the person's own act, with
// somebody of a team beside them: it gives no key and no access.
func (p *pages) addRepresentative(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "representative", "relation", "ground", "majority")
	until := v.typedDate(f, "majority")
	if f.wrong() {
		return v.showWishes(f, nil)
	}
	err = v.vault.SetRepresentative(v.ctx(), vault.Representative{
		Name: f.Get("representative"), Relation: f.Get("relation"), RecordedBy: f.Get("ground"), Until: until,
	})
	if err != nil {
		return v.showWishes(f, err)
	}
	return v.goTo("/wishes", "representative-noted")
}

// removeRepresentative takes one back, named by when it was recorded: a name as it is
// shown need not be the name as it is kept.
func (p *pages) removeRepresentative(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	all, err := v.vault.Representatives(v.ctx())
	if err != nil {
		return err
	}
	for _, r := range all {
		if strconv.FormatInt(r.Recorded.UnixMilli(), 10) != f.Get("recorded") {
			continue
		}
		if err := v.vault.RemoveRepresentative(v.ctx(), r.Name); err != nil {
			return err
		}
	}
	return v.goTo("/wishes", "representative-gone")
}

func (p *pages) setWish(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	want := vault.WantKeep
	if f.Get("wish") == "erase" {
		want = vault.WantErase
	}
	if err := v.vault.SetWish(v.ctx(), want); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/wishes", "wish-noted")
}

// kinds are those that rules are about, with the name of their field.
var kinds = []struct {
	kind  vault.Kind
	field string
}{{vault.KindDocument, "papers"}, {vault.KindContact, "contacts"}, {vault.KindAppointment, "appointments"}, {vault.KindNote, "notes"}}

// ruleView is where things of one kind go that the person adds.
type ruleView struct {
	Field, Words string
	Shared       bool
}

func (v *visit) kindName(k vault.Kind) string {
	switch k {
	case vault.KindDocument:
		return v.t("papers.title")
	case vault.KindContact:
		return v.t("contacts.title")
	case vault.KindAppointment:
		return v.t("appointments.title")
	}
	return v.t("notes.title")
}

func (p *pages) rules(v *visit) error {
	r, err := v.vault.Rules(v.ctx())
	if err != nil {
		return err
	}
	var view []ruleView
	for _, k := range kinds {
		view = append(view, ruleView{k.field, v.kindName(k.kind), r.For(k.kind, "") == vault.Shared})
	}
	return v.show("rules", view)
}

func (p *pages) setRules(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	r, err := v.vault.Rules(v.ctx())
	if err != nil {
		return err
	}
	r.Kinds = map[vault.Kind]vault.Compartment{}
	for _, k := range kinds {
		r.Kinds[k.kind] = vault.Private
		if f.Get(k.field) == "shared" {
			r.Kinds[k.kind] = vault.Shared
		}
	}
	if err := v.vault.SetRules(v.ctx(), r); err != nil {
		return err
	}
	return v.goTo("/rules", "rules-noted")
}

// usual fills in where something new goes, by the person's rules.
func (v *visit) usual(f *form, kind vault.Kind) {
	f.Set("visibility", "private")
	if v.worker != nil {
		return
	}
	if r, err := v.vault.Rules(v.ctx()); err == nil && r.For(kind, "") == vault.Shared {
		f.Set("visibility", "shared")
	}
}

// seenView is who of others opened an item.
type seenView struct {
	vault.Item
	Seen []vault.Seen
}

func (p *pages) seen(v *visit) error {
	i, err := v.anyItem()
	if err != nil {
		return err
	}
	view := seenView{Item: i}
	if view.Seen, err = v.vault.SeenBy(v.ctx(), i.ID); err != nil {
		return err
	}
	for n := range view.Seen {
		by := &view.Seen[n].By
		if by.Kind == vault.ActorLink {
			by.Name = v.actorWords(*by)
			continue
		}
		by.Name, by.Relay, by.Organisation = safename.Line(by.Name), safename.Line(by.Relay), safename.Line(by.Organisation)
	}
	return v.show("seen", view)
}
