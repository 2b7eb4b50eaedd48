package pages

import (
	"bytes"
	"strconv"

	"reconnect.example/consent"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
)

// change is one thing that the authority can say of the directory. It is made by the same
// code as that of the command, out of the same fields.
type change struct {
	path    string // where its form is
	command string
	words   func(*visit) (title, effect string)
	subject func(*visit, *consent.DirectoryState) (subject, error)
	fields  func(*visit, *consent.DirectoryState) []field
	fill    func(v *visit, f *form, about subject, a *config.Admin)
}

// subject is what a change is about, where that is there already.
type subject struct {
	ID, Name string
	Also     []string // names of what is withdrawn with it
	Licence  string   // number of the licence
}

// changeView is a form, or what it would do.
type changeView struct {
	Path, Title, Effect string
	About               subject
	Fields              []field
	Form                *form
	// Of a preview:
	Version     uint64 // of the directory on which it is made
	Meanwhile   bool   // the directory has changed since the last preview
	Signs       bool   // the authority's key is at hand
	Fingerprint string // of a relay that is added: to be compared aloud
	Replaces    bool   // the directory names it already
	JSON        string // for the authority, where the key is not at hand
}

func (v *visit) signs() bool { return v.office.config.Admin.Pages.AuthorityKey != "" }

// view prepares form and preview of a change.
func (v *visit) view(c change, f *form) (view changeView, state *consent.DirectoryState, err error) {
	if state, _, err = v.directory(); err != nil {
		return view, nil, err
	}
	view = changeView{Path: v.r.URL.Path, Form: f, Version: state.Version(), Signs: v.signs()}
	view.Title, view.Effect = c.words(v)
	if c.subject != nil {
		if view.About, err = c.subject(v, state); err != nil {
			return view, nil, err
		}
	}
	view.Fields = c.fields(v, state)
	for n := range view.Fields {
		one := &view.Fields[n]
		one.Value, one.Wrong = f.Values.Get(one.Name), f.Wrong[one.Name]
	}
	return view, state, nil
}

func (v *visit) changeForm(c change) error {
	view, _, err := v.view(c, newForm())
	if err != nil {
		return err
	}
	return v.show("change", view)
}

// change shows what a change would do and, when that was looked at, has it signed. Nothing
// is signed that was not shown: the preview names the version on which it was made.
func (v *visit) change(c change) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, state, err := v.view(c, f)
	if err != nil {
		return err
	}
	for _, one := range view.Fields {
		if one.Required {
			v.required(f, one.Name)
		}
	}
	if f.wrong() || f.Get("step") == "edit" {
		return v.changeAgain(c, f)
	}
	for n := range view.Fields { // what is left empty is shown before it is signed, too
		if one := &view.Fields[n]; one.Default != "" && f.Get(one.Name) == "" {
			f.Values.Set(one.Name, one.Default)
			one.Value = one.Default
		}
	}
	own := *v.office.config
	c.fill(v, f, view.About, &own.Admin)
	if f.wrong() {
		return v.changeAgain(c, f)
	}
	made, err := admin.MakeChange(c.command, &own)
	if err == nil {
		err = state.Check(made)
	}
	if err != nil {
		v.refuseFields(view.Fields, f, err)
		return v.changeAgain(c, f)
	}
	if f.Get("step") == "sign" && view.Signs {
		view.Meanwhile = f.Get("version") != strconv.FormatUint(state.Version(), 10)
		if !view.Meanwhile {
			if err = v.signAndPublish(state, made); err == nil {
				return v.goTo("/centres", "published")
			}
			if v.refuseFields(view.Fields, f, err); len(f.Wrong) > 0 {
				return v.changeAgain(c, f)
			}
		}
	}
	return v.preview(view, state, made)
}

func (v *visit) changeAgain(c change, f *form) error {
	view, _, err := v.view(c, f)
	if err != nil {
		return err
	}
	return v.showWith(f.status(), "change", view)
}

func (v *visit) preview(view changeView, state *consent.DirectoryState, made consent.Change) error {
	if r := made.Relay; r != nil {
		view.Fingerprint = consent.Fingerprint(r.Key)
		_, err := state.Relay(r.ID)
		view.Replaces = err == nil
	}
	var text bytes.Buffer
	if err := admin.PrintChange(made, &text); err != nil {
		return err
	}
	view.JSON = text.String()
	return v.showWith(view.Form.status(), "preview", view)
}

// signAndPublish does with the key what otherwise goes over a stick, as the command does.
// The key is read for this one signature, and stays in this process: the server gets what
// was signed.
func (v *visit) signAndPublish(on *consent.DirectoryState, made consent.Change) error {
	authority, err := consent.OpenAuthorityFile(v.office.config.Admin.Pages.AuthorityKey)
	if err != nil {
		return err
	}
	next, err := authority.Sign(on, made)
	if err != nil {
		return err
	}
	bundle, err := next.Bundle()
	if err != nil {
		return err
	}
	return v.call("Operator.Publish", admin.Bundle{Bytes: bundle}, &admin.None{})
}
