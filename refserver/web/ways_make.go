package web

import (
	"errors"
	"slices"
	"strconv"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/recovery"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// makingView is a page on which a way back in is made.
type makingView struct {
	Form        *form
	Notice      vault.Notice
	Desk        *relayView  // who may help by phone already
	Desks       []relayView // who could
	Site        bool        // with the help of a centre
	Phone       bool        // by phone
	Independent bool        // the witness is of another organisation
	Wait        string      // of answers by phone, or of the way with nothing
	WaitPrivate string      // with nothing
	Suggested   []choice    // questions
	Own         []placeView
	Questions   []string // that were chosen
	Pictures    []choice
	Places      []placeView
}

// placeView is one place of several.
type placeView struct {
	Number int
	Chosen string
}

// How many questions there are, and how many pictures can be chosen.
const (
	leastQuestions = 3
	mostQuestions  = 5
	ownQuestions   = 3
	leastPictures  = 5
	mostPictures   = 6
)

// making reads what a page stands on. What cannot be made here is refused.
func (v *visit) making(f *form, of family) (makingView, error) {
	r, err := v.pages.Recovery.Review(v.ctx(), v.vault)
	if err != nil {
		return makingView{}, err
	}
	kinds, waits := of.kinds(), v.pages.Recovery.Waits()
	view := makingView{
		Form: f, Notice: notice.WaysBack(v.Code), Independent: v.pages.Recovery.Independent(),
		Site: slices.Contains(r.Offered, kinds[0]), Phone: slices.Contains(r.Offered, kinds[len(kinds)-1]), Wait: v.lasting(waits.AnswersDesk),
	}
	if of == familyHelpers {
		view.Wait, view.WaitPrivate = v.lasting(waits.Helpers), v.lasting(waits.HelpersPrivate)
	}
	if !view.Site && !view.Phone {
		return view, recovery.ErrNotOffered
	}
	if view.Phone {
		view.Desk, view.Desks, err = v.desksFor(r)
	}
	return view, err
}

// toMake reads a form that makes a way back in, and what its page stands on.
func (v *visit) toMake(of family) (makingView, error) {
	f, err := v.readForm()
	if err != nil {
		return makingView{}, err
	}
	return v.making(f, of)
}

// enrolment reads what all these pages have: the desk, the agreement and the secret.
func (v *visit) enrolment(f *form, view makingView) (recovery.Enrolment, vault.Secret) {
	e := recovery.Enrolment{Notice: view.Notice, Agreed: true}
	for _, d := range view.Desks {
		if f.Get("desk") == d.ID.String() {
			e.Desk = d.ID
		}
	}
	if view.Desk != nil {
		e.Desk = view.Desk.ID
	}
	secret := v.shownSecret(f)
	v.agreed(f)
	return e, secret
}

// needsDesk refuses a way by phone with nobody to call.
func (v *visit) needsDesk(f *form, e recovery.Enrolment) {
	if e.Desk.IsZero() {
		f.refuse("desk", v.t("wrong.desk"))
	}
}

// notMade shows a page of making again, with what stands in the way.
func (v *visit) notMade(template string, view makingView, err error) error {
	f := view.Form
	for _, known := range []error{recovery.ErrWeak, recovery.ErrNotIndependent, recovery.ErrNotOffered, vault.ErrNoHelper, vault.ErrOneOrganisation} {
		if errors.Is(err, known) {
			p := problem.Of(err)
			f.Problem = v.sentence(p)
			return v.showWith(p.Status, template, view)
		}
	}
	if err != nil {
		err = v.besideSecret(f, err)
	}
	return v.again(template, f, err, view)
}

// isDone reports that something is in force, though not everything about it is confirmed.
func isDone(err error) bool { return errors.Is(err, vault.ErrUnconfirmed) }

func (p *pages) sheetForm(v *visit) error { return v.makingForm("way-sheet", familySheet) }

func (p *pages) helpersForm(v *visit) error { return v.makingForm("way-helpers", familyHelpers) }

func (v *visit) makingForm(template string, of family) error {
	f := newForm()
	view, err := v.making(f, of)
	if err != nil {
		return err
	}
	if of == familySheet {
		f.Set("private", "1") // proposed: the sheet is in the person's hands
	}
	return v.show(template, view)
}

// questionsForm lets the person choose what they will be asked.
func (p *pages) questionsForm(v *visit) error { return v.choosing(newForm()) }

func (v *visit) choosing(f *form) error {
	view, err := v.making(f, familyAnswers)
	if err != nil {
		return err
	}
	for _, q := range recovery.SuggestedQuestions(v.Code) {
		chosen := ""
		if has(f.Values["question"], q) {
			chosen = "1"
		}
		view.Suggested = append(view.Suggested, choice{chosen, q})
	}
	for i := range ownQuestions {
		own := placeView{Number: i + 1}
		if i < len(f.Values["own"]) {
			own.Chosen = safename.Line(f.Values["own"][i])
		}
		view.Own = append(view.Own, own)
	}
	if f.wrong() {
		return v.again("way-questions", f, nil, view)
	}
	return v.show("way-questions", view)
}

// chooseQuestions goes on to the answers. The questions go with the form: an address
// would stay in the browser's history.
func (p *pages) chooseQuestions(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	var chosen []string
	for _, q := range slices.Concat(f.Values["question"], f.Values["own"]) {
		if q = safename.Line(q); q != "" && !has(chosen, q) {
			chosen = append(chosen, q)
		}
	}
	if len(chosen) < leastQuestions || len(chosen) > mostQuestions {
		f.refuse("question", v.t("wrong.questions", leastQuestions, mostQuestions))
		return v.choosing(f)
	}
	f = newForm()
	view, err := v.making(f, familyAnswers)
	if err != nil {
		return err
	}
	view.Questions = chosen
	return v.show("way-answers", view)
}

// makeAnswers makes the way by questions. What was answered never comes back in a page.
func (p *pages) makeAnswers(v *visit) error {
	view, err := v.toMake(familyAnswers)
	if err != nil {
		return err
	}
	f := view.Form
	view.Questions = each(f.Values["question"])
	asked := recovery.NewAnswers{}
	for i, q := range view.Questions {
		answer := ""
		if i < len(f.Values["answer"]) {
			answer = f.Values["answer"][i]
		}
		if answer == "" {
			f.refuse("answer", v.t("wrong.answers"))
		}
		asked.Questions = append(asked.Questions, recovery.Question{Text: q, Answer: answer})
	}
	return v.makeOfAnswers("way-answers", view, asked)
}

func (p *pages) picturesForm(v *visit) error {
	f := newForm()
	view, err := v.making(f, familyAnswers)
	if err != nil {
		return err
	}
	return v.show("way-pictures", v.withPictures(view))
}

// withPictures fills in what can be chosen.
func (v *visit) withPictures(view makingView) makingView {
	view.Pictures = v.pictures()
	for i := range mostPictures {
		view.Places = append(view.Places, placeView{Number: i + 1})
	}
	return view
}

func (v *visit) pictures() (all []choice) {
	for _, p := range recovery.Pictures() {
		all = append(all, choice{p.Name, p.Glyph + " " + v.t("picture."+p.Name)})
	}
	return all
}

func (p *pages) makePictures(v *visit) error {
	view, err := v.toMake(familyAnswers)
	if err != nil {
		return err
	}
	f := view.Form
	var asked recovery.NewAnswers
	for _, name := range f.Values["picture"] {
		if name != "" {
			asked.Pictures = append(asked.Pictures, name)
		}
	}
	if len(asked.Pictures) < leastPictures {
		f.refuse("answer", v.t("wrong.five"))
	}
	return v.makeOfAnswers("way-pictures", v.withPictures(view), asked)
}

// madeView is a way that was made from answers or with nothing.
type madeView struct {
	Family   family
	Strength string
}

// makeOfAnswers makes the way, once for each form.
func (v *visit) makeOfAnswers(template string, view makingView, asked recovery.NewAnswers) error {
	f := view.Form
	e, secret := v.enrolment(f, view)
	if asked.Private, asked.ByCall = f.Get("private") != "", f.Get("bycall") != "" && view.Phone; asked.ByCall {
		v.needsDesk(f, e)
	} else {
		e.Desk = consent.RelayID{}
	}
	if f.wrong() {
		return v.notMade(template, view, nil)
	}
	e.Answers = &asked
	strength, err := v.enrolOnce(f, e, secret, recovery.AnswersStrength(asked))
	if errors.Is(err, recovery.ErrWeak) {
		f.refuse("answer", v.strengthWords(strength))
	}
	if err != nil {
		return v.notMade(template, view, err)
	}
	return v.show("way-made", madeView{familyAnswers, v.strengthWords(strength)})
}

// makeHelpers makes the way with nothing of the person's.
func (p *pages) makeHelpers(v *visit) error {
	view, err := v.toMake(familyHelpers)
	if err != nil {
		return err
	}
	f := view.Form
	e, secret := v.enrolment(f, view)
	v.needsDesk(f, e)
	if v.agreedTo(f, "understood"); f.wrong() {
		return v.notMade("way-helpers", view, nil)
	}
	e.Helpers = &recovery.NewHelpers{Private: f.Get("private") != ""}
	if _, err = v.enrolOnce(f, e, secret, recovery.Strength{}); err != nil {
		return v.notMade("way-helpers", view, err)
	}
	return v.show("way-made", madeView{Family: familyHelpers})
}

// enrolOnce makes a way once for each form, and says how strong its answers are: estimated
// tells it until the library has. A second click is told the same.
func (v *visit) enrolOnce(f *form, e recovery.Enrolment, secret vault.Secret, estimated recovery.Strength) (recovery.Strength, error) {
	bits, err := v.pages.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		made, err := v.pages.Recovery.Enrol(v.ctx(), v.vault, e, secret)
		if isDone(err) {
			err = nil
		}
		if made.Strength != nil {
			estimated = *made.Strength
		}
		return strconv.FormatFloat(estimated.Bits, 'f', 3, 64), err
	})
	if err != nil {
		return estimated, err
	}
	strength := recovery.Strength{Enough: true}
	strength.Bits, _ = strconv.ParseFloat(bits, 64)
	return strength, nil
}
