package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// askRoutes are the pages on which a person answers partner systems. A worker beside them
// sits at the person's session: what is presented is signed with the key of the space.
func (p *pages) askRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /asks":                     p.asks,
		"POST /asks/code":               p.makeAskCode,
		"GET /asks/code":                p.askCode,
		"GET /asks/{id}":                p.askedForm,
		"POST /asks/{id}":               p.answerAsk,
		"POST /asks/{id}/refuse":        p.refuseAsk,
		"POST /asks/{id}/block":         p.blockAsking,
		"POST /presented/{id}/end":      p.takeBack,
		"POST /partners/{id}/unblock":   p.unblockPartner,
		"POST /partners/{id}/end-links": p.endPartnerLinks,
		"POST /partners/{id}/leaves":    p.letPartnerLeave,
		"POST /partners/{id}/stop":      p.stopPartnerLeaving,
	} {
		mux.Handle(pattern, p.person(h))
	}
}

// asksView is who asks for papers, and what is out.
type asksView struct {
	Code    *consent.AskCode // that can still be given to a partner; nil: none is known here
	Waiting []askView
	Out     []presentedView
	Over    []presentedView
	Links   []fileView
	Blocked []blockedView
}

// askView is what a partner asks, fit to be shown: its words are a stranger's.
type askView struct {
	consent.Asked
	Key   string // in an address
	Why   string
	Names []string // of the kinds
}

type blockedView struct {
	ID   consent.PartnerID
	Name string
}

// presentedView is what was presented, with the names that its papers have now.
type presentedView struct {
	consent.Presentation
	Why    string // for what
	How    string // it ended
	Papers []string
}

func (v *visit) ask(a consent.Asked) askView {
	a.Name, a.Contact, a.Organisation = safename.Line(a.Name), safename.Line(a.Contact), safename.Line(a.Organisation)
	view := askView{Asked: a, Key: vault.ID(a.ID).String(), Why: v.purposeWords(a.Purpose)}
	for _, k := range a.Kinds {
		view.Names = append(view.Names, v.paperKind(k))
	}
	return view
}

func (l *language) paperKind(k consent.PaperKind) string {
	switch k {
	case consent.PaperIdentity:
		return l.t("asked-kind.identity")
	case consent.PaperCivil:
		return l.t("asked-kind.civil-status")
	case consent.PaperResidence:
		return l.t("asked-kind.residence")
	case consent.PaperAddress:
		return l.t("asked-kind.address")
	case consent.PaperIncome:
		return l.t("asked-kind.income")
	case consent.PaperHealth:
		return l.t("asked-kind.health")
	case consent.PaperWork:
		return l.t("asked-kind.work")
	case consent.PaperSchool:
		return l.t("asked-kind.school")
	case consent.PaperBank:
		return l.t("asked-kind.bank")
	}
	return l.t("asked-kind.other")
}

func (p *pages) asks(v *visit) error {
	all, err := p.Staff.Asked(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	var view asksView
	if view.Code, err = v.askCodeHeld(); err != nil {
		return err
	}
	for _, a := range all {
		view.Waiting = append(view.Waiting, v.ask(a))
	}
	if view.Out, view.Over, err = v.presented(); err != nil {
		return err
	}
	if view.Links, err = v.files(); err != nil {
		return err
	}
	blocked, err := p.Staff.BlockedPartners(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	for _, id := range blocked {
		who, err := p.Directory.Partner(v.ctx(), id)
		if err != nil && !errors.Is(err, consent.ErrNotNamed) {
			return err
		}
		view.Blocked = append(view.Blocked, blockedView{id, safename.Line(who.Name)})
	}
	return v.show("asks", view)
}

// presented is what was presented to partners. What the store hides is left out, and the
// page says so.
func (v *visit) presented() (out, over []presentedView, err error) {
	all, err := v.pages.Staff.Presentations(v.ctx(), v.vault)
	if errors.Is(err, vault.ErrTampered) && !errors.Is(err, vault.ErrSessionEnded) {
		v.damaged, err = true, nil
	}
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	papers, err := v.list(vault.KindDocument)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		one.Name, one.Organisation = safename.Line(one.Name), safename.Line(one.Organisation)
		if !one.InForce && one.EndedBy == "" {
			one.EndedBy = vault.EndedByTime // as the next sign-in notes it
		}
		view := presentedView{Presentation: one, Why: v.purposeWords(one.Purpose), How: v.endWords(one.EndedBy)}
		for _, id := range one.Items {
			if i := slices.IndexFunc(papers, func(it vault.Item) bool { return it.ID == id }); i >= 0 {
				view.Papers = append(view.Papers, papers[i].Name)
			}
		}
		if one.InForce {
			out = append(out, view)
		} else {
			over = append(over, view)
		}
	}
	return out, over, nil
}

// makeAskCode makes a code, which this browser can show again until it is used, its time is
// over, or somebody leaves: the person may have turned the page before they had read it aloud.
func (p *pages) makeAskCode(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	code, err := p.Staff.AskCode(v.ctx(), v.vault)
	if err != nil {
		return err
	}
	session.Hold(v.w, session.AskCookie, strings.ReplaceAll(code.Code, " ", "-"))
	return v.goTo("/asks/code", "")
}

// askCodeHeld is the code that this browser has made for this space, if it can still be used.
func (v *visit) askCodeHeld() (*consent.AskCode, error) {
	held := session.Held(v.r, session.AskCookie)
	if held == "" {
		return nil, nil
	}
	code, err := v.pages.Staff.AskCodeWaits(v.ctx(), v.vault, strings.ReplaceAll(held, "-", " "))
	if errors.Is(err, vault.ErrNotFound) {
		session.Drop(v.w, session.AskCookie)
		return nil, nil
	}
	return &code, err
}

func (p *pages) askCode(v *visit) error {
	code, err := v.askCodeHeld()
	if err != nil {
		return err
	}
	if code == nil {
		return v.goTo("/asks", "ask-code-over")
	}
	return v.show("ask-code", code)
}

// answeringView is the page of one request.
type answeringView struct {
	askView
	Form    *form
	Notice  vault.Notice
	Papers  []chosenPaper // the shared ones; none is chosen before the person does
	Private int           // how many are not among them
	Ends    []choice      // until when it can be fetched
}

// The lengths that a person can choose, beside the end that was asked for.
var presentLasts = map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour}

func (v *visit) answering(f *form) (answeringView, error) {
	id, err := vault.ParseID(v.r.PathValue("id"))
	if err != nil {
		return answeringView{}, vault.ErrNotFound
	}
	all, err := v.pages.Staff.Asked(v.ctx(), v.vault)
	if err != nil {
		return answeringView{}, err
	}
	at := slices.IndexFunc(all, func(a consent.Asked) bool { return a.ID == id })
	if at < 0 {
		return answeringView{}, vault.ErrNotFound
	}
	view := answeringView{askView: v.ask(all[at]), Form: f, Notice: notice.Presenting(v.Code)}
	if view.Link {
		return view, nil
	}
	for _, c := range []choice{{"day", v.t("asks.day")}, {"week", v.t("asks.week")}} {
		if v.now().Add(presentLasts[c.Code]).Before(view.Lasts) {
			view.Ends = append(view.Ends, c)
		}
	}
	view.Ends = append(view.Ends, choice{"asked", v.t("asks.as-asked", v.when(view.Lasts))})
	papers, err := v.list(vault.KindDocument)
	for _, i := range papers {
		if i.Compartment == vault.Shared {
			view.Papers = append(view.Papers, chosenPaper{i, has(f.Values["items"], i.ID.String())})
		} else {
			view.Private++
		}
	}
	return view, err
}

func (p *pages) askedForm(v *visit) error {
	view, err := v.answering(newForm())
	if errors.Is(err, vault.ErrNotFound) {
		return v.goTo("/asks", "ask-over")
	}
	if err != nil {
		return err
	}
	view.Form.Set("lasts", view.firstEnd())
	return v.show("ask", view)
}

func (a *answeringView) firstEnd() string {
	if len(a.Ends) == 0 {
		return ""
	}
	return a.Ends[0].Code // the shortest
}

// answerAsk presents what was chosen, or agrees to a link.
func (p *pages) answerAsk(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view, err := v.answering(f)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	if err == nil && view.Link {
		return v.agreeToLink(view)
	}
	over := err != nil // a second click comes when it is answered; the first click's answer is told
	var n consent.NewPresentation
	var secret vault.Secret
	if !over {
		if n, secret = v.presenting(view); f.wrong() {
			return v.again("ask", f, nil, view)
		}
	}
	receipt, err := p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		if over {
			return "", vault.ErrNotFound
		}
		r, err := p.Staff.Present(v.ctx(), v.vault, n, secret)
		if errors.Is(err, vault.ErrUnconfirmed) {
			err = nil // it is in force
		}
		return r.ID, err
	})
	if errors.Is(err, vault.ErrNotFound) {
		return v.goTo("/asks", "ask-over")
	}
	if err != nil {
		return v.again("ask", f, v.besideSecret(f, err), view)
	}
	return v.goTo("/receipts/"+receipt, "presented")
}

// presenting reads what is chosen, until when, and the secret.
func (v *visit) presenting(view answeringView) (consent.NewPresentation, vault.Secret) {
	f := view.Form
	n := consent.NewPresentation{Ask: view.ID, Until: view.Lasts, Notice: view.Notice, Agreed: true, Channel: channel}
	if most := v.now().Add(consent.MaxPresented); n.Until.After(most) {
		n.Until = most
	}
	for _, text := range f.Values["items"] {
		if id, err := vault.ParseItemID(text); err == nil {
			n.Items = append(n.Items, id)
		}
	}
	if len(n.Items) == 0 || len(n.Items) > vault.MaxChosen {
		f.refuse("items", v.t("wrong.items"))
	}
	chosen := f.Get("lasts")
	if !slices.ContainsFunc(view.Ends, func(c choice) bool { return c.Code == chosen }) {
		f.refuse("lasts", v.t("wrong.field"))
	} else if d, shorter := presentLasts[chosen]; shorter {
		n.Until = v.now().Add(d)
	}
	secret := v.shownSecret(f)
	v.agreed(f)
	return n, secret
}

func (v *visit) agreeToLink(view answeringView) error {
	f := view.Form
	v.required(f, "filenumber", "familyname", "firstname", "birthdate")
	born := v.typedDate(f, "birthdate")
	if f.wrong() {
		return v.again("ask", f, nil, view)
	}
	err := v.pages.Staff.AgreeLink(v.ctx(), v.vault, view.ID, consent.Traits{Number: f.Get("filenumber"), FamilyName: f.Get("familyname"), FirstName: f.Get("firstname"), BirthDate: born})
	switch {
	case errors.Is(err, consent.ErrTraits):
		if view, err = v.answering(f); errors.Is(err, vault.ErrNotFound) { // that was the last try
			return v.goTo("/asks", "ask-over")
		} else if err != nil {
			return err
		}
		f.Problem = v.t("says.traits")
		return v.again("ask", f, nil, view)
	case errors.Is(err, vault.ErrNotFound):
		return v.goTo("/asks", "ask-over")
	case err != nil:
		return v.again("ask", f, err, view)
	}
	return v.goTo("/asks", "partner-linked")
}

// onAsk does something with the request of the address. One that is over is as it was wanted.
func (v *visit) onAsk(done string, do func(consent.Asked) error) error {
	view, err := v.answering(newForm())
	if err == nil {
		if _, err = v.readForm(); err != nil {
			return err
		}
		err = do(view.Asked)
	}
	if err != nil && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/asks", done)
}

func (p *pages) refuseAsk(v *visit) error {
	done := "ask-refused"
	return v.onAsk(done, func(a consent.Asked) error { return p.Staff.RefuseAsk(v.ctx(), v.vault, a.ID) })
}

// blockAsking refuses as well: unblocked later, the same is not asked again.
func (p *pages) blockAsking(v *visit) error {
	done := "partner-blocked"
	return v.onAsk(done, func(a consent.Asked) error {
		if err := p.Staff.RefuseAsk(v.ctx(), v.vault, a.ID); err != nil {
			return err
		}
		return p.Staff.BlockPartner(v.ctx(), v.vault, a.Partner)
	})
}

// takeBack ends a presentation at a tap.
func (p *pages) takeBack(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	id, err := vault.ParseGrantID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	_, err = p.Staff.Withdraw(v.ctx(), v.vault, id, nil)
	if err != nil && !errors.Is(err, vault.ErrEnded) && !errors.Is(err, vault.ErrUnconfirmed) { // a second click; done
		return err
	}
	return v.goTo("/asks", "taken-back")
}

// papersAsked says on the first screen that somebody asks for papers.
func (v *visit) papersAsked() []noticeView {
	if v.pages.Staff == nil {
		return nil
	}
	n, err := v.pages.Staff.AsksWaiting(v.ctx(), v.vault)
	if err != nil || n == 0 { // the page of requests says what is wrong
		return nil
	}
	return []noticeView{{Title: v.n("asks.waiting-now", n), Link: "/asks", Words: v.t("asks.look"), First: true}}
}
