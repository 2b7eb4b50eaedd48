package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// What people bring with them (docs/bundle.md) is uploaded like any paper, by tus or in one
// go, so that it lies sealed like one; and is then taken in from there. Nothing of it is
// ever written in clear.

// Bringing says what is to be taken in, and where it goes.
type Bringing struct {
	Document    string `json:"document" doc:"Id of the document that was uploaded: a bundle, the ZIP of Reconnect, a ZIP of files, .vcf, .ics; or one of them sealed with age."`
	Compartment string `json:"compartment,omitempty" enum:"private,shared" doc:"Missing: private. What was private where it comes from stays private either way."`
	InPlace     bool   `json:"inPlace,omitempty" doc:"What comes in takes the space of the document, which is deleted as soon as everything is there. Missing: the document stays, and there must be space for both."`
	Passphrase  string `json:"passphrase,omitempty" maxLength:"200" doc:"Of what is sealed with one."`
	Identity    string `json:"identity,omitempty" maxLength:"200" doc:"The age identity (AGE-SECRET-KEY-1…) of what is sealed to its recipient."`
}

// BringingPlan is what taking in would do.
type BringingPlan struct {
	Format   string           `json:"format" doc:"reconnect-bundle, reconnect, bag, folder, vcard or icalendar."`
	Made     *time.Time       `json:"made,omitempty" doc:"When it was made, if it says so."`
	Complete bool             `json:"complete" doc:"false: something was damaged where it comes from and is not in it."`
	New      int              `json:"new" doc:"How many things come in."`
	There    int              `json:"there" doc:"How many are there already; they are not doubled."`
	Folders  []string         `json:"folders" nullable:"false" doc:"Folders that are made."`
	Bytes    int64            `json:"bytes" doc:"Of the space that it takes, at most."`
	Left     int64            `json:"left" doc:"Bytes of the space that are free."`
	Remarks  []BringingRemark `json:"remarks" nullable:"false" doc:"What does not come in as it was."`
}

// BringingRemark says what does not come in as it was.
type BringingRemark struct {
	Code string `json:"code" doc:"all-day, flattened, bin, damaged-before, cut, repeats, zone, no-date or skipped."`
	Name string `json:"name" doc:"Of what."`
}

// Brought is what was taken in.
type Brought struct {
	New   int `json:"new" doc:"How many things came in."`
	There int `json:"there" doc:"How many were there already."`
}

type bringingInput struct{ Body Bringing }
type planOutput struct{ Body BringingPlan }
type broughtOutput struct{ Body Brought }

// opened is what was brought, read from the document that it was uploaded as.
func (a *API) opened(ctx context.Context, v *vault.Vault, in *Bringing, do func(*bundle.Bundle, *vault.ImportOptions) error) (err error) {
	id, err := vault.ParseItemID(in.Document)
	if err != nil {
		return vault.ErrNotFound
	}
	compartment, err := compartmentOf(in.Compartment)
	if err != nil {
		return err
	}
	from, err := v.OpenDocumentAt(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	var b *bundle.Bundle
	open := func() error {
		b, err = bundle.Open(ctx, from, from.Size(), &bundle.Options{Secret: bundle.Secret{Passphrase: in.Passphrase, Identity: in.Identity}})
		return err
	}
	if in.Passphrase != "" {
		err = a.limits.Heavily(ctx, open)
	} else {
		err = open()
	}
	if err != nil {
		return err
	}
	opts := &vault.ImportOptions{Compartment: compartment}
	if in.InPlace {
		opts.From, opts.FromRevision = id, from.Item.Revision
	}
	return do(b, opts)
}

func (a *API) planImport(ctx context.Context, v *vault.Vault, in *bringingInput) (*planOutput, error) {
	out := &planOutput{}
	err := a.opened(ctx, v, &in.Body, func(b *bundle.Bundle, opts *vault.ImportOptions) error {
		p, err := b.Plan(ctx, v, opts)
		if err != nil {
			return err
		}
		out.Body = bringingPlan(b, p)
		return nil
	})
	return out, err
}

func bringingPlan(b *bundle.Bundle, p bundle.Plan) BringingPlan {
	out := BringingPlan{Format: b.Format, Made: ifAny(b.Made), Complete: b.Complete, New: p.New, There: p.There, Bytes: p.Bytes, Left: p.Left,
		Folders: append([]string{}, p.Folders...), Remarks: []BringingRemark{}}
	for _, r := range p.Remarks {
		out.Remarks = append(out.Remarks, BringingRemark(r))
	}
	return out
}

func (a *API) takeBrought(ctx context.Context, v *vault.Vault, in *bringingInput) (*broughtOutput, error) {
	out := &broughtOutput{}
	err := a.opened(ctx, v, &in.Body, func(b *bundle.Bundle, opts *vault.ImportOptions) error {
		done, err := b.Import(ctx, v, opts)
		out.Body = Brought{New: done.New, There: done.There}
		return err
	})
	return out, err
}

// brokenBundles are the problems of what was brought.
func brokenBundles() []string {
	return []string{"not-a-bundle", "bundle-version", "bundle-path", "bundle-bomb", "bundle-too-many", "bundle-encrypted", "bundle-sealed",
		"bundle-passphrase", "bundle-damaged", "bundle-missing", "bundle-extra", "not-found", "invalid", "media-type", "too-large", "too-many", "full", "closing", "upload-expired"}
}

func (a *API) addImports() {
	registerPerson(a, operation{
		method: http.MethodPost, path: "/imports/plan", id: "plan-import", tag: "Account", summary: "See what would be taken in",
		description: "Upload what is brought as a document first. It is read to its end and checked: if a file in it is wrong, `files` names it. Nothing is changed.",
		problems:    append(brokenBundles(), "revision"),
	}, a.planImport)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/imports", id: "import", tag: "Account", summary: "Take in what was brought",
		description: "Nothing comes in from what is damaged, or too large for the space. After a lost answer, send it again: what is there is not doubled. The document itself stays unless `inPlace` is true; delete it when you do not need it any more. With `inPlace`, `not-found` after a lost answer says that all of it is there.",
		problems:    append(brokenBundles(), "revision"),
	}, a.takeBrought)
}
