package web

import (
	"errors"
	"net/http"

	"reconnect.example/internal/safename"
	"reconnect.example/recovery"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// The hand-over pages are for the person alone, on any device. Nobody is signed in:
// first number and code, then their part and a new password.

// enterView is the page of number and code.
type enterView struct {
	Form   *form
	Worker bool // a worker is signed in here: first they lock their session (F12)
	Look   bool // they came too early before: they can look whether it is time
}

func (p *pages) enterForm(v *visit) error {
	worker, err := v.workerHere()
	if err != nil {
		return err
	}
	return v.show("back", enterView{Form: newForm(), Worker: worker, Look: session.Held(v.r, session.LookCookie) != ""})
}

// workerHere reports whether a worker is signed in on this device. What the person types
// now is theirs alone, and the worker's session must not be open beside it (F12): where
// that cannot be found out, nothing is typed.
func (v *visit) workerHere() (bool, error) {
	who, err := session.Identify(v.r, v.pages.Vaults, v.pages.Staff)
	if errors.Is(err, vault.ErrSessionEnded) || errors.Is(err, vault.ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer who.Close()
	return who.Worker != nil, nil
}

// aloneHere is ErrWorkerHere where the person is not.
func (v *visit) aloneHere() error {
	worker, err := v.workerHere()
	if err == nil && worker {
		err = problem.ErrWorkerHere
	}
	return err
}

// enter opens a request with number and code.
func (p *pages) enter(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view := enterView{Form: f}
	if err := v.aloneHere(); err != nil {
		return err
	}
	if v.required(f, "number", "handcode"); f.wrong() {
		return v.again("back", f, nil, view)
	}
	var h *recovery.HandOver
	if err = p.Limits.SignIn(v.r); err == nil { // before anything is looked up (F9)
		h, err = p.Recovery.Enter(v.ctx(), recovery.HandOverCode{Number: f.Get("number"), Code: f.Get("handcode"), Desk: f.Get("deskcode")})
	}
	if missing := (*recovery.NotReadyError)(nil); errors.As(err, &missing) {
		return v.tooEarly(view, missing)
	}
	if errors.Is(err, recovery.ErrCode) || errors.Is(err, recovery.ErrSpent) || errors.Is(err, recovery.ErrRequest) || errors.Is(err, vault.ErrInvalid) {
		if errors.Is(err, vault.ErrInvalid) { // not so many digits: the same to who looks on
			err = recovery.ErrCode
		}
		told := problem.Of(err)
		f.Problem = v.sentence(told)
		f.Values.Del("handcode") // the number may stay: without the codes it opens nothing
		f.Values.Del("deskcode")
		return v.showWith(told.Status, "back", view)
	}
	if err != nil {
		return v.again("back", f, err, view)
	}
	session.Hold(v.w, session.HandOverCookie, h.Token())
	session.Drop(v.w, session.LookCookie)
	return v.goTo("/back/new", "")
}

// comingView is the page of the person's part and the new password.
type comingView struct {
	Form      *form
	Kind      vault.PathKind
	Sheet     bool
	Questions []string
	Pictures  []choice
	Places    []placeView
	Private   bool // private papers come back, too
	Later     bool // they come back later
	Suggest   string
}

// resumeHandOver opens what number and code opened before.
func (v *visit) resumeHandOver() (*recovery.HandOver, error) {
	token := session.Held(v.r, session.HandOverCookie)
	if token == "" {
		return nil, problem.ErrHandOverEnded
	}
	if err := v.aloneHere(); err != nil {
		return nil, err
	}
	return v.pages.Recovery.Resume(v.ctx(), token)
}

func (v *visit) coming(h *recovery.HandOver, f *form) comingView {
	view := comingView{
		Form: f, Kind: h.Kind, Sheet: h.Kind == vault.PathSheetRelay || h.Kind == vault.PathSheetDesk,
		Questions: each(h.Questions), Private: h.Private, Later: h.Later, Suggest: f.Get("suggest"),
	}
	if len(view.Suggest) > longestSuggest {
		view.Suggest = ""
	}
	if h.Pictures > 0 {
		view.Pictures = v.pictures()
		for i := range h.Pictures {
			view.Places = append(view.Places, placeView{Number: i + 1})
		}
	}
	return view
}

func (p *pages) comeForm(v *visit) error {
	h, err := v.resumeHandOver()
	if err != nil {
		return v.handOverOver(err)
	}
	f := newForm()
	suggest, err := vault.SuggestPassword()
	if err != nil {
		return err
	}
	f.Set("suggest", suggest)
	return v.show("back-new", v.coming(h, f))
}

// handOverOver says that a hand-over has ended; number and code open it again.
func (v *visit) handOverOver(err error) error {
	switch {
	case errors.Is(err, recovery.ErrNotReady):
		return v.notReady(err, http.StatusConflict, "/back/new")
	case errors.Is(err, problem.ErrHandOverEnded), errors.Is(err, recovery.ErrCode), errors.Is(err, recovery.ErrRequest), errors.Is(err, vault.ErrSessionEnded), errors.Is(err, vault.ErrNotFound):
		session.Drop(v.w, session.HandOverCookie)
		return v.goTo("/back", "handover-ended")
	}
	return err
}

// come completes it. A second click finds it done: the person enters with what they
// have just chosen.
func (p *pages) come(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	var done recovery.Completed
	token := session.Held(v.r, session.HandOverCookie)
	var h *recovery.HandOver
	var view comingView
	login, err := p.clicks.do(v.ctx(), "back "+token, f.ID, func() (login string, err error) {
		if h, err = v.resumeHandOver(); err != nil {
			return "", err
		}
		view = v.coming(h, f)
		c := v.completion(f, view)
		if f.wrong() {
			return "", vault.ErrInvalid
		}
		if err := p.Limits.SignIn(v.r); err != nil {
			return "", err
		}
		done, err = h.Complete(v.ctx(), c)
		if isDone(err) {
			err = nil
		}
		return done.Login, err
	})
	switch {
	case err != nil && h == nil:
		return v.handOverOver(err)
	case err != nil:
		return v.notBack(view, err)
	case done.Vault == nil:
		return v.show("back-again", login)
	}
	defer done.Vault.Close()
	v.dropHandOver()
	v.enter(done.Vault.Token(), v.atAWorkplace() || v.onSharedDevice())
	return v.goTo("/back/done", "")
}

// completion reads what the person alone enters.
func (v *visit) completion(f *form, view comingView) recovery.Completion {
	c := recovery.Completion{Sheet: f.Get("sheet"), Password: f.Values.Get("new"), Session: &vault.SessionRequest{Device: device(v.r)}}
	if view.Sheet {
		v.required(f, "sheet")
	}
	switch {
	case view.Questions != nil:
		c.Answers = f.Values["answer"]
		if len(c.Answers) != len(view.Questions) || has(c.Answers, "") {
			f.refuse("answer", v.t("wrong.answers"))
		}
	case view.Places != nil:
		c.Answers = f.Values["picture"]
		if len(c.Answers) != len(view.Places) || has(c.Answers, "") {
			f.refuse("answer", v.t("wrong.pictures"))
		}
	}
	v.newPassword(f)
	v.retypePart(f, view)
	return c
}

// retypePart says beside the sheet or the answers that they are empty again, where only the
// new password was wrong: else who has typed two that differ wonders where the rest has gone.
func (v *visit) retypePart(f *form, view comingView) {
	if !f.wrong() {
		return
	}
	field := "answer"
	if view.Sheet {
		field = "sheet"
	}
	if f.Wrong[field] == "" {
		f.refuse(field, v.t("wrong.retype"))
	}
}

// notBack shows the page again. What was typed does not come back.
func (v *visit) notBack(view comingView, err error) error {
	f := view.Form
	f.Values.Del("sheet")
	switch {
	case f.wrong():
		return v.again("back-new", f, nil, view)
	case errors.Is(err, recovery.ErrNotReady):
		return v.notReady(err, http.StatusConflict, "/back/new")
	case errors.Is(err, vault.ErrSignIn):
		err = problem.ErrOwnPart // nobody typed a login or a password here
	case errors.Is(err, vault.ErrInvalid):
		if v.badSheet(f, err); f.wrong() {
			return v.again("back-new", f, nil, view)
		}
		return v.again("back-new", f, err, view)
	}
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError || errors.Is(err, recovery.ErrRequest) {
		return err
	}
	v.retryAfter(p)
	if f.Problem = v.sentence(p); errors.Is(err, problem.ErrOwnPart) {
		f.Problem = v.wrongPart(view)
	}
	return v.showWith(p.Status, "back-new", view)
}

// wrongPart speaks of what was asked for here, and of nothing else: who has answers has
// never had a sheet. It does not say which of them is wrong.
func (v *visit) wrongPart(view comingView) string {
	switch {
	case view.Sheet:
		return v.t("back.wrong-sheet")
	case view.Places != nil:
		return v.t("back.wrong-pictures")
	}
	return v.t("back.wrong-answers")
}

// badSheet says a slip in the code of a sheet, which its check digits show.
func (v *visit) badSheet(f *form, err error) {
	for _, invalid := range complaints(err) {
		if invalid.Field != "password" {
			f.refuse("sheet", v.t("wrong.sheet"))
		}
	}
}

// backView is the page after it: what happened, and what to make now.
type backView struct {
	Login  string
	Locked lockedView
}

func (p *pages) cameBack(v *visit) error {
	view := backView{}
	var err error
	if view.Login, err = v.vault.Login(v.ctx()); err != nil {
		return err
	}
	view.Login = safename.Line(view.Login)
	if view.Locked, err = v.lockedPage(newForm()); err != nil {
		return err
	}
	return v.show("back-done", view)
}
