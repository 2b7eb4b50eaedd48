package web

import (
	"errors"
	"slices"

	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// item reads the item of the address, which must be of a kind, fit to be shown.
func (v *visit) item(kind vault.Kind) (vault.Item, error) {
	i, err := v.anyItem()
	if err != nil {
		return i, err
	}
	return i, notFoundUnless(i, kind)
}

func (v *visit) anyItem() (vault.Item, error) {
	id, err := v.itemID()
	if err != nil {
		return vault.Item{}, err
	}
	i, err := v.vault.Item(v.ctx(), id)
	return neutral(i), err
}

// list reads the items of a kind that are not in the bin, fit to be shown. What
// the store altered is left out, and the page says so.
func (v *visit) list(kind vault.Kind) ([]vault.Item, error) {
	return v.listed(&vault.ListOptions{Kind: kind})
}

func (v *visit) listed(o *vault.ListOptions) ([]vault.Item, error) {
	items, err := v.vault.List(v.ctx(), o)
	if errors.Is(err, vault.ErrTampered) && !errors.Is(err, vault.ErrSessionEnded) && items != nil {
		v.damaged = true
		v.log(problem.Of(err), err)
		err = nil
	}
	items = allNeutral(items)
	if v.seesChosen() { // private or shared, it is shown: which of both is the person's matter
		for i := range items {
			items[i].Compartment = vault.Default
		}
	}
	return items, err
}

// itemPath is the page of an item.
func itemPath(i vault.Item) string { return listPath(i.Kind) + "/" + i.ID.String() }

// listPath is the page that an item of a kind is listed on.
func listPath(k vault.Kind) string {
	switch k {
	case vault.KindDocument:
		return "/papers"
	case vault.KindFolder:
		return "/folders"
	case vault.KindContact:
		return "/contacts"
	case vault.KindAppointment:
		return "/appointments"
	}
	return "/notes"
}

// placeOf reads where a new item goes: private unless the person chose to share.
// What a worker adds is shared.
func (v *visit) placeOf(f *form) vault.Place {
	if v.worker != nil || f.Get("visibility") == "shared" {
		return vault.Place{Compartment: vault.Shared, Channel: channel}
	}
	return vault.Place{Compartment: vault.Private, Channel: channel}
}

// created does what a form asks once, however often its button is pressed, and
// goes to the page of what it made.
func (v *visit) created(f *form, work func() (vault.Item, error)) error {
	path, err := v.pages.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		i, err := work()
		return itemPath(i), err
	})
	if err != nil {
		return err
	}
	return v.goTo(path, "added")
}

// visibilityForm says in plain words what it means to share a thing, or to keep it.
func (p *pages) visibilityForm(v *visit) error {
	i, err := v.anyItem()
	if err != nil {
		return err
	}
	return v.show("visibility", i)
}

func (p *pages) changeVisibility(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.worker != nil {
		return v.makePrivate(f)
	}
	to, done := vault.Private, "private"
	if f.Get("to") == "shared" {
		to, done = vault.Shared, "shared"
	}
	return v.act(done, itemPath, func(id vault.ItemID) (vault.Item, error) {
		return v.vault.Move(v.ctx(), id, f.Revision, to)
	}, func(i vault.Item) bool { return i.Compartment == to })
}

func (p *pages) binItem(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	where := func(i vault.Item) string {
		if f.Get("from") == "deposits" { // whoever looks through what came goes on there
			return "/deposits"
		}
		return listPath(i.Kind)
	}
	return v.act("binned", where, func(id vault.ItemID) (vault.Item, error) {
		return v.vault.Bin(v.ctx(), id, f.Revision)
	}, func(i vault.Item) bool { return !i.Binned.IsZero() })
}

func (p *pages) restoreItem(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.act("restored", itemPath, func(id vault.ItemID) (vault.Item, error) {
		return v.vault.Restore(v.ctx(), id, f.Revision)
	}, func(i vault.Item) bool { return i.Binned.IsZero() })
}

// act changes the item of the address and goes on to where. When the revision is
// an old one and the item is as it should be, that was a second click.
func (v *visit) act(done string, where func(vault.Item) string,
	change func(vault.ItemID) (vault.Item, error), isDone func(vault.Item) bool) error {
	id, err := v.itemID()
	if err != nil {
		return err
	}
	i, err := change(id)
	if errors.Is(err, vault.ErrRevision) {
		now, readErr := v.vault.Item(v.ctx(), id)
		if readErr != nil {
			return readErr
		}
		if isDone(now) {
			i, err = now, nil
		}
	}
	if err != nil {
		return err
	}
	return v.goTo(where(i), done)
}

func (p *pages) destroyForm(v *visit) error {
	i, err := v.anyItem()
	if err != nil {
		return err
	}
	return v.show("destroy", i)
}

func (p *pages) destroyItem(v *visit) error {
	id, err := v.itemID()
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	_, err = p.clicks.do(v.ctx(), v.token, "destroy "+id.String(), func() (string, error) {
		return "", v.vault.Destroy(v.ctx(), id, f.Revision)
	})
	if err != nil {
		return err
	}
	return v.goTo("/bin", "destroyed")
}

// bin lists what was thrown away, the latest first.
func (p *pages) bin(v *visit) error {
	items, err := v.listed(&vault.ListOptions{Binned: true})
	if err != nil {
		return err
	}
	slices.SortStableFunc(items, func(a, b vault.Item) int { return b.Binned.Compare(a.Binned) })
	return v.show("bin", items)
}
