package web

import (
	"io"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// takeView is the page of what leaves.
type takeView struct {
	Form   *form
	Papers []vault.Item // to choose from
	Least  int          // characters of a phrase
	Ticked map[string]bool
}

// takeKinds are what can be chosen, in the order of the page.
var takeKinds = []vault.Kind{vault.KindDocument, vault.KindContact, vault.KindAppointment, vault.KindNote}

func (p *pages) takeForm(v *visit) error { return v.takeAgain(newForm(), nil) }

func (v *visit) takeAgain(f *form, err error) error {
	papers, problem := v.list(vault.KindDocument)
	if problem != nil {
		return problem
	}
	view := takeView{Form: f, Papers: papers, Least: bundle.MinPassphrase, Ticked: map[string]bool{}}
	for _, chosen := range slices.Concat(f.Values["item"], f.Values["kind"]) {
		view.Ticked[chosen] = true
	}
	if err != nil || f.wrong() {
		return v.again("take", f, err, view)
	}
	return v.show("take", view)
}

// take gives everything, or what was chosen, in one file. What fails before the first
// byte is told on a page; what fails later breaks the connection off, so that no half file
// passes for everything.
func (p *pages) take(v *visit) error {
	f := formOf(v.r.PostForm) // it was read behind again
	o, err := v.chosenToTake(f)
	if err != nil {
		return err
	}
	lock := v.lockOf(f)
	if f.wrong() {
		return v.takeAgain(f, nil)
	}
	if p.Staff != nil {
		if err := p.Staff.TakeReceipts(v.ctx(), v.vault, o); err != nil {
			return err
		}
	}
	name, mediaType := "reconnect-"+v.now().In(p.Zone).Format(time.DateOnly)+".zip", "application/zip"
	out := &begun{w: v.w}
	var to io.WriteCloser = out
	if lock != nil {
		name, mediaType = name+".age", "application/octet-stream"
		to = bundle.SealLate(out, *lock, func(do func() error) error { return p.Limits.Heavily(v.ctx(), do) })
	}
	h := v.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", safename.Attachment(name))
	if err = v.vault.Export(v.ctx(), to, o); err == nil {
		err = to.Close()
	}
	if err == nil {
		return nil
	}
	if !out.any {
		h.Del("Content-Disposition")
		return err
	}
	v.log(problem.Of(err), err)
	panic(http.ErrAbortHandler)
}

// chosenToTake reads what leaves. Papers that are ticked one by one leave with whatever
// else is ticked.
func (v *visit) chosenToTake(f *form) (*vault.ExportOptions, error) {
	o := &vault.ExportOptions{}
	if f.Get("what") != "some" {
		// Half of it taken for all of it would be a loss, and all for half a disclosure.
		if len(f.Values["kind"])+len(f.Values["item"]) > 0 || f.Get("open") != "" {
			f.refuse("what", v.t("wrong.all-or-some"))
		}
		return o, nil
	}
	o.WithoutPrivate = f.Get("open") != ""
	o.Kinds = []vault.Kind{}
	for _, k := range takeKinds {
		if slices.Contains(f.Values["kind"], k.String()) {
			o.Kinds = append(o.Kinds, k)
		}
	}
	if len(f.Values["item"]) > 0 {
		o.Items = []vault.ItemID{}
		for _, s := range f.Values["item"] {
			id, err := vault.ParseItemID(s)
			if err != nil {
				return nil, vault.ErrNotFound
			}
			o.Items = append(o.Items, id)
		}
		for _, k := range o.Kinds {
			all, err := v.list(k)
			if err != nil {
				return nil, err
			}
			for _, i := range all {
				o.Items = append(o.Items, i.ID)
			}
		}
		o.Kinds = nil
		return o, nil
	}
	if len(o.Kinds) == 0 {
		f.refuse("what", v.t("wrong.nothing-chosen"))
		f.Missing = true
	}
	return o, nil
}

// lockOf reads to which phrase the file is sealed; nil: to none.
func (v *visit) lockOf(f *form) *bundle.Lock {
	phrase := f.Values.Get("new")
	if f.Get("sealed") == "" && phrase == "" {
		return nil // who typed one means it, ticked or not
	}
	switch {
	case phrase == "":
		f.refuse("new", v.t("wrong.phrase-again"))
		f.Missing = true
	case utf8.RuneCountInString(phrase) < bundle.MinPassphrase:
		f.refuse("new", v.t("wrong.phrase-short", bundle.MinPassphrase))
	case phrase != f.Values.Get("repeat"):
		f.refuse("repeat", v.t("wrong.phrases-differ"))
	}
	return &bundle.Lock{Passphrase: phrase}
}

// begun notes whether anything was written.
type begun struct {
	w   http.ResponseWriter
	any bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.any = true
	return b.w.Write(p)
}

// Close is for a file that is not sealed.
func (b *begun) Close() error { return nil }
