package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Bringing papers in: a file of elsewhere lies among the private papers until it was taken
// in, sealed as they are; what is in it is read from there and told before anything is
// changed. Nothing of it is ever in clear on the server's disk.

// bringChannel is what Origin says of such a file: nothing else is thrown away here.
const bringChannel = "bring"

// bringFor is how long one request takes things in before it shows how far it is: less
// than proxies and phones wait.
const bringFor = 15 * time.Second

// bringView is the page of a file that was brought.
type bringView struct {
	Form    *form
	File    vault.Item
	Waiting []vault.Item // files that were brought and not taken in
	Sealed  bool         // its phrase is needed
	Refused string       // why it is not taken in
	Files   []string     // which files in it are wrong
	Plan    *bringPlan
	Done    *broughtIn
}

// bringPlan is what would come in.
type bringPlan struct {
	New, There                     int
	Papers, Contacts, Dates, Notes int
	Folders                        int
	Bytes, Left                    int64
	Fits                           bool
	Damaged                        []string // where it comes from
	Remarks                        []bringRemark
}

// bringRemark is what does not come in as it was, and which.
type bringRemark struct {
	Code  string
	Names []string
	More  int
}

// broughtIn is how far it is.
type broughtIn struct {
	New, There, Total int
	So                int // how many are there
	Remarks           []bringRemark
	Damaged           []string
	Over              bool
}

func (p *pages) bringForm(v *visit) error { return v.bringAgain(newForm(), nil) }

func (v *visit) bringAgain(f *form, err error) error {
	papers, problem := v.list(vault.KindDocument)
	if problem != nil {
		return problem
	}
	view := bringView{Form: f}
	for _, i := range papers {
		if i.Origin.Channel == bringChannel {
			view.Waiting = append(view.Waiting, i)
		}
	}
	if err != nil || f.wrong() {
		return v.again("bring", f, err, view)
	}
	return v.show("bring", view)
}

func bringPath(i vault.Item) string { return "/bring/" + i.ID.String() }

// broughtAs is the paper as which a file lies here meanwhile.
func (v *visit) broughtAs(file string, size int64) vault.NewDocument {
	name := safename.Line(path.Base(strings.ReplaceAll(file, `\`, "/")))
	if runes := []rune(name); len(runes) > vault.MaxName {
		name = string(runes[:vault.MaxName])
	}
	if name == "" || name == "." {
		name = v.t("bring.title")
	}
	return vault.NewDocument{Name: name, Compartment: vault.Private, Size: size, Channel: bringChannel}
}

// broughtFile is the file of the address; nothing else is one.
func (v *visit) broughtFile() (vault.Item, error) {
	i, err := v.item(vault.KindDocument)
	if err == nil && (i.Origin.Channel != bringChannel || !i.Binned.IsZero()) {
		err = vault.ErrNotFound
	}
	return i, err
}

// opened reads what was brought to its end, and gives it to do.
func (v *visit) opened(i vault.Item, do func(b *bundle.Bundle, read vault.Item) error) (err error) {
	from, err := v.vault.OpenDocumentAt(v.ctx(), i.ID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	b, err := bundle.Open(v.ctx(), from, from.Size(), &bundle.Options{Zone: v.zone, Name: i.Name})
	if err != nil {
		return err
	}
	return do(b, from.Item)
}

func (p *pages) brought(v *visit) error {
	i, err := v.broughtFile()
	if err != nil {
		return err
	}
	return v.showBrought(newForm(), i)
}

// showBrought says what is in a file, or why it is not taken in.
func (v *visit) showBrought(f *form, i vault.Item) error {
	view := bringView{Form: f, File: i}
	err := v.opened(i, func(b *bundle.Bundle, read vault.Item) error {
		p, err := b.Plan(v.ctx(), v.vault, v.bringOptions(f, read))
		if err == nil {
			view.Plan = planOf(b, &p)
		}
		return err
	})
	status := 200
	switch {
	case errors.Is(err, bundle.ErrSealed):
		view.Sealed = true
		if f.wrong() {
			status = 422
		}
	case bundle.Code(err) != "", errors.Is(err, vault.ErrInvalid), errors.Is(err, vault.ErrTooMany):
		told := problem.Of(err)
		view.Refused, status = told.Sentence(v.Language), told.Status
		for _, wrong := range bundle.Named(err) {
			view.Files = append(view.Files, safename.Line(wrong.File))
		}
	case err != nil:
		return err
	}
	return v.showWith(status, "brought", view)
}

// bringOptions say what becomes of what is in a file; from is the file if it lies here, and
// goes when all of it is there.
func (v *visit) bringOptions(f *form, from vault.Item) *vault.ImportOptions {
	return &vault.ImportOptions{Compartment: v.placeOf(f).Compartment, From: from.ID, FromRevision: from.Revision}
}

func planOf(b *bundle.Bundle, p *bundle.Plan) *bringPlan {
	out := &bringPlan{New: p.New, There: p.There, Folders: len(p.Folders), Bytes: p.Bytes, Left: p.Left, Fits: p.Fits(), Remarks: remarksOf(p.Remarks), Damaged: lines(b.Damaged)}
	for _, i := range p.Items {
		if !i.New {
			continue
		}
		switch i.Kind {
		case vault.KindDocument:
			out.Papers++
		case vault.KindContact:
			out.Contacts++
		case vault.KindAppointment:
			out.Dates++
		case vault.KindNote:
			out.Notes++
		}
	}
	return out
}

func lines(all []string) (out []string) {
	for _, s := range all {
		out = append(out, safename.Line(s))
	}
	return out
}

// mostNames is how many things of one remark are named.
const mostNames = 20

// remarksOf puts those of one kind together.
func remarksOf(all []bundle.Remark) (out []bringRemark) {
	for _, r := range all {
		at := slices.IndexFunc(out, func(o bringRemark) bool { return o.Code == r.Code })
		if at < 0 {
			out = append(out, bringRemark{Code: r.Code})
			at = len(out) - 1
		}
		if len(out[at].Names) < mostNames {
			out[at].Names = append(out[at].Names, safename.Line(r.Name))
		} else {
			out[at].More++
		}
	}
	return out
}

// unseal opens a sealed file with its phrase, once: it lies opened among the private
// papers then, sealed to the person's own keys, and the phrase is in no page.
func (p *pages) unseal(v *visit) error {
	i, err := v.broughtFile()
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "phrase"); f.wrong() {
		return v.showBrought(f, i)
	}
	where, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) { return v.unsealed(i, f.Values.Get("phrase")) })
	if errors.Is(err, bundle.ErrPassphrase) {
		f.refuse("phrase", v.sentence(problem.Of(err)))
		return v.showBrought(f, i)
	}
	if bundle.Code(err) != "" {
		f.Problem = v.sentence(problem.Of(err))
		return v.showBrought(f, i)
	}
	if err != nil {
		return err
	}
	return v.goTo(where, "")
}

func (v *visit) unsealed(i vault.Item, phrase string) (_ string, err error) {
	from, err := v.vault.OpenDocumentAt(v.ctx(), i.ID)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	var inside io.ReaderAt
	var size int64
	err = v.pages.Limits.Heavily(v.ctx(), func() error {
		inside, size, err = bundle.Unseal(from, from.Size(), bundle.Secret{Passphrase: phrase})
		return err
	})
	if err != nil {
		return "", err
	}
	doc := v.broughtAs(strings.TrimSuffix(i.Name, ".age"), size)
	doc.InPlaceOf, doc.InPlaceRevision = i.ID, from.Item.Revision // there need not be room for both
	opened, err := v.vault.AddDocument(v.ctx(), doc, io.NewSectionReader(inside, 0, size))
	return bringPath(opened), err
}

// dropBrought throws the file away; nothing that was taken in.
func (p *pages) dropBrought(v *visit) error {
	i, err := v.broughtFile()
	if errors.Is(err, vault.ErrNotFound) {
		return v.goTo("/bring", "")
	}
	if err == nil {
		err = v.vault.Destroy(v.ctx(), i.ID, i.Revision)
	}
	if err != nil {
		return err
	}
	return v.goTo("/bring", "bring-dropped")
}

// takeBrought takes in as much as one request may take, and then says how far it is: what
// is there is not doubled, and so the next goes on. When all is there, the file goes.
func (p *pages) takeBrought(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	i, err := v.broughtFile()
	if errors.Is(err, vault.ErrNotFound) { // another window was faster, or a second click
		return v.goTo("/bring", "brought")
	}
	if err != nil {
		return err
	}
	said, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) { return v.someBrought(f, i) })
	if bundle.Code(err) != "" {
		return v.showBrought(f, i)
	}
	if err != nil {
		return err
	}
	view := bringView{Form: newForm(), File: i, Done: &broughtIn{}}
	if err := json.Unmarshal([]byte(said), view.Done); err != nil {
		return err
	}
	view.Form.Set("visibility", f.Get("visibility"))
	return v.show("brought", view)
}

func (v *visit) someBrought(f *form, i vault.Item) (string, error) {
	out := broughtIn{}
	err := v.opened(i, func(b *bundle.Bundle, read vault.Item) (err error) {
		out, err = v.someOf(f, b, read)
		return err
	})
	if err != nil {
		return "", err
	}
	out.before(f)
	raw, err := json.Marshal(out)
	return string(raw), err
}

// someOf takes in what one request may, of what came in whichever way.
func (v *visit) someOf(f *form, b *bundle.Bundle, from vault.Item) (broughtIn, error) {
	ctx, cancel := context.WithCancel(v.ctx())
	defer cancel()
	began, looked, opts := v.now(), 0, v.bringOptions(f, from)
	reached := int(min(number(f.Get("reached")), vault.MaxItems))
	opts.Progress = func(done int) {
		// Not before something that the request before had not reached: each goes further.
		if looked = done; v.now().Sub(began) > bringFor && done > reached && done < b.Len() {
			cancel()
		}
	}
	done, err := b.Import(ctx, v.vault, opts)
	out := broughtIn{New: done.New, There: done.There, So: done.New + done.There, Total: b.Len(), Remarks: remarksOf(b.Remarks), Damaged: lines(b.Damaged), Over: err == nil}
	if ctx.Err() != nil && v.ctx().Err() == nil && looked > 0 {
		return out, nil // its time was over: what came in stays
	}
	return out, err
}

// before counts what the requests before this one took in as new, not as what was there.
func (b *broughtIn) before(f *form) {
	sofar := min(int(min(number(f.Get("sofar")), vault.MaxItems)), b.There)
	b.New, b.There = b.New+sofar, b.There-sofar
}
