package web

import (
	"crypto/rand"
	"errors"
	"strconv"

	"reconnect.example/vault"
)

// editor is what the kinds of items differ in when one is added or changed.
type editor struct {
	kind     vault.Kind
	template string
	fill     func(*visit, *form, vault.Item)         // an item into the form
	add      func(*visit, *form) (vault.Item, error) // the form into a new item
	edit     func(*visit, *form) vault.Edit          // the form into a change
	check    func(*visit, *form)                     // what is wrong with the fields
	extra    func(*visit) (any, error)               // what the page needs besides; may be nil
}

// editing is the data of a page with such a form.
type editing struct {
	Form  *form
	New   bool
	Item  vault.Item // zero for a new one
	Extra any
}

func (e editor) show(v *visit, f *form, i vault.Item, err error) error {
	var extra any
	if e.extra != nil {
		var problem error
		if extra, problem = e.extra(v); problem != nil {
			return problem
		}
	}
	data := editing{Form: f, New: i.ID.IsZero(), Item: i, Extra: extra}
	if err != nil || f.wrong() {
		return v.again(e.template, f, err, data)
	}
	return v.show(e.template, data)
}

func (e editor) addForm(v *visit) error {
	f := newForm()
	v.usual(f, e.kind)
	return e.show(v, f, vault.Item{}, nil)
}

func (e editor) addNew(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if e.check(v, f); f.wrong() {
		return e.show(v, f, vault.Item{}, nil)
	}
	err = v.created(f, func() (vault.Item, error) { return e.add(v, f) })
	if err != nil {
		f.ID = rand.Text()
		return e.show(v, f, vault.Item{}, err)
	}
	return nil
}

func (e editor) editForm(v *visit) error {
	i, err := v.item(e.kind)
	if err != nil {
		return err
	}
	f := newForm()
	f.Revision = i.Revision
	e.fill(v, f, i)
	return e.show(v, f, i, nil)
}

// change stores what was typed. If somebody else was faster, the page shows
// both: what is stored now, and what was typed, to be sent again or not.
func (e editor) change(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	i, err := v.item(e.kind)
	if err != nil {
		return err
	}
	if e.check(v, f); f.wrong() {
		return e.show(v, f, i, nil)
	}
	_, err = v.pages.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := v.vault.Edit(v.ctx(), i.ID, f.Revision, e.edit(v, f))
		return strconv.FormatUint(f.Revision, 10), err
	})
	if errors.Is(err, vault.ErrRevision) {
		if i, err = v.item(e.kind); err != nil {
			return err
		}
		f.Revision, f.Current = i.Revision, &i
		f.ID = rand.Text()
		return e.show(v, f, i, vault.ErrRevision)
	}
	if err != nil {
		return e.show(v, f, i, err)
	}
	return v.goTo(itemPath(i), "changed")
}
