package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"slices"
	"strings"

	"reconnect.example/internal/photo"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Several files may be brought at once, whatever they are: what may have papers in it is
// laid aside until the person has seen what that is; everything else becomes a paper, each
// file one. A page says of each file what became of it: nothing comes, or stays out,
// without a word.

// camera are the kinds of files that are sent as forms are: the server takes out of them
// where they were taken, which it cannot of an upload that comes in pieces.
const camera = "image/"

// mayHoldPapers tells what is looked into from what is a paper: office files are ZIP files,
// too, and have a kind of their own.
func mayHoldPapers(first []byte, kind string) bool {
	return bundle.Begins(first) && (kind == "application/zip" || !bytes.HasPrefix(first, []byte("PK")))
}

// cameFiles is what became of the files of one form.
type cameFiles struct {
	Items []string  `json:"items"`
	Not   []notCame `json:"not"`
}

// notCame is a file that is not here, and why, as one of whyNots.
type notCame struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// whyNots are the reasons that a page may give, also one that a script asks for.
var whyNots = []string{"empty", "broken", "full", "failed"}

func whyNot(err error) string {
	switch {
	case errors.Is(err, errEmptyFile):
		return "empty"
	case errors.Is(err, photo.ErrBroken):
		return "broken"
	case errors.Is(err, vault.ErrFull):
		return "full"
	}
	return "failed"
}

// bring stores the files of a form. Of one that may have papers in it, it goes to those; of
// anything else it says what became of each. A script sends one at a time, and is answered
// with the same in JSON.
func (p *pages) bring(v *visit) error {
	reader, err := v.r.MultipartReader()
	if err != nil {
		return problem.ErrRequest
	}
	u := &upload{visit: v, parts: reader, form: newForm()}
	part, err := u.next()
	if other := v.stillThere(u.form); other != nil {
		return other
	}
	var said string
	if err == nil && part != nil {
		said, err = p.clicks.do(v.ctx(), v.token, u.form.ID, func() (string, error) { return u.bringAll(part) })
	}
	drain(v.r)
	var came cameFiles
	if err == nil && part != nil {
		err = json.Unmarshal([]byte(said), &came)
	}
	switch {
	case u.form.Get("script") != "":
		return v.answerCame(u.form, came, err)
	case err != nil && whyNot(err) == "empty":
		u.form.refuse("file", v.t("wrong.file"))
		return v.bringAgain(u.form, nil)
	case err != nil || part == nil:
		if err != nil && whyNot(err) == "broken" {
			u.form.refuse("file", v.t("came.broken"))
			err = nil
		}
		return v.bringAgain(u.form, err)
	}
	return v.showCame(came, true)
}

// bringAll stores this file and those after it. One that cannot be is passed over; of a form
// with nothing else the error says why.
func (u *upload) bringAll(part *multipart.Part) (string, error) {
	var came cameFiles
	before := int(min(number(u.form.Get("nth")), 1000))
	for files := 0; part != nil; files++ {
		name := safename.Line(part.FileName())
		item, err := u.bringOne(part, before+files)
		why := ""
		if err == nil {
			u.stored = append(u.stored, item)
			came.Items = append(came.Items, item.ID.String())
		} else {
			why = whyNot(err)
			came.Not = append(came.Not, notCame{name, why})
		}
		next, ended := u.next()
		if files == 0 && err != nil && (next == nil || why == "failed") {
			return "", err // nobody has anything to be told of others
		}
		if part = next; ended != nil || why == "failed" {
			break // what was stored is told; the network, or the store, gave no more
		}
	}
	u.makeSmalls(u.stored)
	said, err := json.Marshal(came)
	return string(said), err
}

func (u *upload) bringOne(part *multipart.Part, before int) (vault.Item, error) {
	source := &body{r: part}
	first, err := source.head(headOfFile)
	if err != nil {
		return vault.Item{}, err
	}
	if len(first) == 0 {
		return vault.Item{}, errEmptyFile
	}
	doc, content := u.broughtAs(part.FileName(), -1), io.Reader(source)
	if kind := kindOf(first, part.Header.Get("Content-Type")); !mayHoldPapers(first, kind) {
		doc = u.broughtPaper(part.FileName(), kind, before)
		if content, err = photo.NewStripper(source); err != nil {
			return vault.Item{}, err
		}
	}
	item, err := u.vault.AddDocument(u.ctx(), doc, content)
	if source.failed != nil {
		return vault.Item{}, source.failed
	}
	return item, err
}

// broughtPaper is the paper that a file becomes: private, and named as the file is. Those
// that a camera named are told apart by how many were before.
func (v *visit) broughtPaper(file, kind string, before int) vault.NewDocument {
	name := v.titleOf("", file, 0)
	if name == v.ofDay() {
		name = v.titleOf("", file, before)
	}
	return vault.NewDocument{Name: name, Compartment: vault.Private, MediaType: kind, Channel: channel}
}

// answerCame answers a script for one file.
func (v *visit) answerCame(f *form, came cameFiles, err error) error {
	say := uploadBegun{}
	if len(came.Items) == 1 {
		say.Upload = came.Items[0]
	} else if err == nil {
		err = errEmptyFile
	}
	return v.answer(f, say, err)
}

// came says what became of files that a script has sent one by one. It says which are here
// of those that it is told of, and repeats the names of the others to who sent them.
func (p *pages) came(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	came := cameFiles{Items: f.Values["item"]}
	for _, not := range f.Values["not"] {
		why, name, _ := strings.Cut(not, " ")
		if !slices.Contains(whyNots, why) {
			return problem.ErrRequest
		}
		came.Not = append(came.Not, notCame{safename.Line(name), why})
	}
	return v.showCame(came, false)
}

// cameView says what became of each file.
type cameView struct {
	Papers, Unshown, Bundles []vault.Item
	Not                      []notCame
}

// Here is how many papers are here.
func (c cameView) Here() int { return len(c.Papers) + len(c.Unshown) }

func (v *visit) showCame(came cameFiles, goes bool) error {
	papers, err := v.list(vault.KindDocument)
	if err != nil {
		return err
	}
	view := cameView{Not: came.Not}
	for _, id := range came.Items {
		at := slices.IndexFunc(papers, func(i vault.Item) bool { return i.ID.String() == id })
		if at < 0 {
			continue // it was thrown away since
		}
		_, readable := showable(papers[at].Document.MediaType)
		switch i := papers[at]; {
		case i.Origin.Channel == bringChannel:
			view.Bundles = append(view.Bundles, i)
		case readable:
			view.Papers = append(view.Papers, i)
		default:
			view.Unshown = append(view.Unshown, i)
		}
	}
	if goes && len(came.Items)+len(came.Not) == 1 && len(view.Bundles) == 1 {
		return v.goTo(bringPath(view.Bundles[0]), "")
	}
	return v.show("came", view)
}
