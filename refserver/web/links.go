package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// linkRoutes are the pages of links: those of who makes them, and those of who has one.
func (p *pages) linkRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /links":             p.links,
		"POST /links":            p.makeLink,
		"GET /links/{id}":        p.linkAgain,
		"POST /links/{id}/end":   p.endLink,
		"GET /papers/{id}/link":  p.paperLinkForm,
		"POST /papers/{id}/link": p.makePaperLink,
		"POST /inbox/closed":     p.setInbox,
		"POST /inbox/kept":       p.keepLeft,
		"POST /inbox/kept/{id}":  p.keepLeftItem,
		"GET /deposits":          p.deposits,
		"POST /deposits/take":    p.takeDeposits,
		"POST /deposits/missing": p.knowMissing,
	} {
		mux.Handle(pattern, p.person(h))
	}
	for pattern, h := range map[string]handler{
		"GET /give":          p.giveForm,
		"POST /give":         p.give,
		"POST /give/message": p.giveMessage,
		"POST /give/paper":   p.givePaper,
		"GET /open":          p.openForm,
		"POST /open":         p.open,
		"POST /open/paper":   p.openPaper,
		"POST /give/forget":  p.forgetLink,
		"POST /open/forget":  p.forgetLink,
	} {
		mux.Handle(pattern, p.anybody(h))
	}
}

// linksView is what a person has of links, and how their inbox stands.
type linksView struct {
	Form  *form
	Links []linkView
	Inbox vault.Inbox
}

// linkView is one link in words.
type linkView struct {
	vault.Link
	InForce bool
	Why     string // of its end
	Path    string // of the paper that it shows; "": none
}

func (v *visit) linkView(l vault.Link) linkView {
	l.Label = safename.Line(l.Label)
	view := linkView{Link: l, InForce: l.EndedBy == "", Why: v.linkEndWords(l.EndedBy)}
	if !l.Item.IsZero() {
		view.Path = "/papers/" + l.Item.String()
	}
	return view
}

func (v *visit) linkEndWords(by vault.EndedBy) string {
	switch by {
	case vault.EndedByPaper:
		return v.t("link-ended.paper")
	case vault.EndedByUse:
		return v.t("link-ended.used")
	case vault.EndedByKeys:
		return v.t("link-ended.keys")
	case vault.EndedByRestore:
		return v.t("link-ended.restore")
	}
	return v.endWords(by)
}

func (p *pages) links(v *visit) error { return v.showLinks(newForm(), nil) }

func (v *visit) showLinks(f *form, err error) error {
	all, inbox, problem := v.vault.Links(v.ctx())
	if problem != nil {
		return problem
	}
	view := linksView{Form: f, Inbox: inbox}
	for _, l := range all {
		view.Links = append(view.Links, v.linkView(l))
	}
	if err != nil || f.wrong() {
		return v.again("links", f, err, view)
	}
	return v.show("links", view)
}

// endsAfter is when something ends that lasts as long as a form says; zero: until it is ended.
func (v *visit) endsAfter(f *form) time.Time {
	now := v.now()
	switch f.Get("lasts") {
	case "hour":
		return now.Add(time.Hour)
	case "day":
		return now.AddDate(0, 0, 1)
	case "week":
		return now.AddDate(0, 0, 7)
	case "month":
		return now.AddDate(0, 1, 0)
	}
	return time.Time{}
}

// makeLink makes a link to leave something. Its code can be shown again.
func (p *pages) makeLink(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "label"); f.wrong() {
		return v.showLinks(f, nil)
	}
	where, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		l, err := v.vault.MakeLink(v.ctx(), vault.NewLink{Kind: vault.LinkDeposit, Label: f.Get("label"), Until: v.endsAfter(f)}, nil)
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return "", err
		}
		return "/links/" + l.ID.String(), nil
	})
	if err != nil {
		return v.showLinks(f, err)
	}
	return v.goTo(where, "")
}

// shownLink is a link with its code, to be shown to somebody, copied or printed.
type shownLink struct {
	linkView
	Paper   string // the name of the paper that it shows; "": none
	Place   string // the address without the code
	Address string // the whole: what its QR code says
}

// showLink puts the code behind #, where a browser sends it to nobody.
func (v *visit) showLink(l vault.Link, paper string) error {
	view := shownLink{linkView: v.linkView(l), Paper: paper, Place: strings.TrimSuffix(v.pages.Address, "/")}
	if view.Place == "" {
		view.Place = "https://" + v.r.Host
	}
	if view.Place += "/give"; l.Kind == vault.LinkPaper {
		view.Place = strings.TrimSuffix(view.Place, "/give") + "/open"
	}
	view.Address = view.Place + "#" + l.Code
	return v.show("link", view)
}

// linkAgain shows a link to leave something once more.
func (p *pages) linkAgain(v *visit) error {
	id, err := vault.ParseLinkID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	all, _, err := v.vault.Links(v.ctx())
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.ID == id && l.Code != "" {
			return v.showLink(l, "")
		}
	}
	return vault.ErrNotFound
}

func (p *pages) endLink(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	id, err := vault.ParseLinkID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	err = v.vault.EndLink(v.ctx(), id)
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) && !errors.Is(err, vault.ErrEnded) {
		return err
	}
	return v.goTo("/links", "link-ended")
}

// paperLinkView is the form for a link to one paper.
type paperLinkView struct {
	Form *form
	Item vault.Item
}

func (v *visit) linkingPaper(f *form) (paperLinkView, error) {
	i, err := v.item(vault.KindDocument)
	if err == nil && !i.Binned.IsZero() {
		err = vault.ErrNotFound
	}
	return paperLinkView{f, i}, err
}

func (p *pages) paperLinkForm(v *visit) error {
	view, err := v.linkingPaper(newForm())
	if err != nil {
		return err
	}
	return v.show("paper-link", view)
}

// linkTimes is how often a link to a paper can be used, by the value of the choice.
var linkTimes = map[string]int{"one": 1, "three": 3, "ten": 10}

// makePaperLink shows the link once. A second click shows the same: another link would be
// one more that reads the paper, and nobody would hold the first.
func (p *pages) makePaperLink(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.linkingPaper(f)
	if err != nil {
		return err
	}
	v.required(f, "label")
	secret := v.shownSecret(f)
	if f.wrong() {
		return v.again("paper-link", f, nil, view)
	}
	made, err := p.clicks.do(v.ctx(), v.token, withSecret(f, secret), func() (string, error) {
		l, err := v.vault.MakeLink(v.ctx(), v.newPaperLink(f, view.Item), &secret)
		if errors.Is(err, vault.ErrUnconfirmed) {
			err = nil // it is in force
		}
		return l.ID.String() + "\n" + l.Code, err
	})
	if err != nil {
		return v.again("paper-link", f, v.besideSecret(f, err), view)
	}
	id, code, _ := strings.Cut(made, "\n")
	all, _, err := v.vault.Links(v.ctx())
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.ID.String() == id && l.EndedBy == "" {
			l.Code = code
			return v.showLink(l, view.Item.Name)
		}
	}
	return v.goTo("/links", "") // it was ended between two clicks
}

// withSecret names what a form does once together with the secret that was shown in it: who
// sends the same form with another one is not answered with what the right one has opened.
func withSecret(f *form, s vault.Secret) string {
	if f.ID == "" {
		return ""
	}
	return strings.Join([]string{f.ID, s.Password, s.Card, s.PIN}, "\x00")
}

// newPaperLink is what the form says: for a day and for once unless it says something else.
func (v *visit) newPaperLink(f *form, i vault.Item) vault.NewLink {
	n := vault.NewLink{Kind: vault.LinkPaper, Label: f.Get("label"), Until: v.endsAfter(f), Times: linkTimes[f.Get("times")], Item: i.ID}
	if n.Until.IsZero() {
		n.Until = v.now().AddDate(0, 0, 1)
	}
	if n.Times == 0 {
		n.Times = 1
	}
	return n
}

// setInbox closes the inbox, or opens it.
func (p *pages) setInbox(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	set, done := v.vault.OpenInbox, "inbox-open"
	if f.Get("closed") != "" {
		set, done = v.vault.CloseInbox, "inbox-closed"
	}
	if err := set(v.ctx()); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/links", done)
}

// keepLeft says that what strangers left is the person's own.
func (p *pages) keepLeft(v *visit) error {
	if err := v.vault.KeepLeft(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/deposits", "left-kept")
}

// keepLeftItem says it of one thing.
func (p *pages) keepLeftItem(v *visit) error {
	id, err := v.itemID()
	if err == nil {
		err = v.vault.KeepLeftItem(v.ctx(), id)
	}
	if err != nil {
		return err
	}
	return v.goTo("/deposits", "left-kept")
}
