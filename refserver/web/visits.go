package web

import (
	"errors"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// visitView is the page where a person shows a worker something for a while.
type visitView struct {
	Form   *form
	Notice vault.Notice
	Papers []chosenPaper
	From   string // the worker who handed over this device, and whose code is filled in; "": nobody did
}

type chosenPaper struct {
	vault.Item
	Chosen bool
}

func (p *pages) visitForm(v *visit) error {
	f := newForm()
	f.Set("lasts", "60")
	view, err := v.visiting(f)
	if err != nil {
		return err
	}
	var code string
	if code, view.From = v.codeLeft(); code != "" {
		f.Set("code", code)
	}
	return v.show("visit", view)
}

func (v *visit) visiting(f *form) (visitView, error) {
	papers, err := v.list(vault.KindDocument)
	if err != nil {
		return visitView{}, err
	}
	view := visitView{Form: f, Notice: notice.Visiting(v.Code)}
	for _, i := range papers {
		view.Papers = append(view.Papers, chosenPaper{i, has(f.Values["items"], i.ID.String())})
	}
	return view, nil
}

func has(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// startVisit takes the worker's key from the code that they show, not from the store.
func (p *pages) startVisit(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.visiting(f)
	if err != nil {
		return err
	}
	v.required(f, "code", "called")
	n := consent.NewVisit{Code: f.Get("code"), Lasts: time.Duration(number(f.Get("lasts"))) * time.Minute, Notice: view.Notice, Agreed: true, Name: f.Get("called"), Channel: channel}
	v.chooseItems(f, &n)
	secret := v.shownSecret(f)
	if n.Lasts != 15*time.Minute && n.Lasts != time.Hour && n.Lasts != 4*time.Hour {
		f.refuse("lasts", v.t("wrong.field"))
	}
	if v.agreed(f); f.wrong() {
		return v.again("visit", f, nil, view)
	}
	receipt, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		r, err := p.Staff.Visit(v.ctx(), v.vault, n, secret)
		if errors.Is(err, vault.ErrUnconfirmed) {
			err = nil
		}
		return r.ID, err
	})
	switch {
	case errors.Is(err, consent.ErrNotNamed), errors.Is(err, consent.ErrNotMember), errors.Is(err, vault.ErrUntrustedKey), errors.Is(err, vault.ErrEnded):
		f.refuse("code", v.t("wrong.visit-code"))
		return v.again("visit", f, nil, view)
	case errors.Is(err, vault.ErrInvalid):
		if _, bad := consent.ParseVisitCode(n.Code); bad != nil {
			f.refuse("code", v.t("wrong.code"))
		}
	}
	if err != nil {
		return v.again("visit", f, v.besideSecret(f, err), view)
	}
	return v.goTo("/receipts/"+receipt, "visit-begun")
}

// chooseItems reads what is shown: chosen papers, or everything that is shared.
func (v *visit) chooseItems(f *form, n *consent.NewVisit) {
	if f.Get("what") == "everything" {
		return
	}
	n.Items = []vault.ItemID{}
	for _, text := range f.Values["items"] {
		if id, err := vault.ParseItemID(text); err == nil {
			n.Items = append(n.Items, id)
		}
	}
	if len(n.Items) == 0 || len(n.Items) > vault.MaxChosen {
		f.refuse("items", v.t("wrong.items"))
	}
}

// visitsView is who shows this worker something now, and the code to be shown.
type visitsView struct {
	Relay  relayView
	Code   string
	Visits []consent.Visiting
}

func (p *pages) visits(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		if post.Relay().Type == consent.TypeDesk { // nobody can show it anything
			return vault.ErrNotFound
		}
		code, err := post.VisitCode(v.ctx())
		if err != nil {
			return err
		}
		view := visitsView{Relay: v.relay(post.Relay()), Code: code.String()}
		if view.Visits, err = post.Visits(v.ctx()); err != nil {
			return err
		}
		for i := range view.Visits {
			view.Visits[i].Name = safename.Line(view.Visits[i].Name)
		}
		return v.show("visits", view)
	})
}

func (p *pages) openVisitForm(v *visit) error { return v.openingVisit(newForm(), false) }

func (p *pages) openVisit(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.checkPurpose(f)
	return v.openingVisit(f, !f.wrong())
}

func (v *visit) openingVisit(f *form, open bool) error {
	id, err := vault.ParseGrantID(v.r.PathValue("grant"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		all, err := post.Visits(v.ctx())
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Grant != id {
				continue
			}
			if open {
				opened, err := post.OpenVisit(v.ctx(), id, purposeOf(f))
				if err == nil {
					opened.Close()
					return v.goTo("/", "")
				}
				if !errors.Is(err, vault.ErrInvalid) {
					return err
				}
				f.Problem = v.sentence(problem.Of(err))
			}
			return v.askWhy(f, openingView{Form: f, Relay: v.relay(post.Relay()), Name: safename.Line(one.Name), Allowed: v.workerScopeWords(one.Scope)})
		}
		return vault.ErrEnded
	})
}
