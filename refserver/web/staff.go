package web

import (
	"errors"
	"net/http"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

func (p *pages) staffSignInForm(v *visit) error { return v.show("staff-sign-in", newForm()) }

// staffSignIn opens the session of a worker. What is wrong, the login, the password
// or the code, is not said more closely than the library does.
func (p *pages) staffSignIn(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	err = p.Limits.StaffSignIn(v.r)
	var w *consent.Worker
	if err == nil {
		w, err = p.Staff.SignIn(v.ctx(), vault.Password{
			Login: f.Get("login"), Secret: f.Values.Get("password"), Code: f.Get("factor"), Session: &vault.SessionRequest{Device: device(v.r)}, Priority: true,
		})
	}
	if err != nil {
		return v.signInAgain("staff-sign-in", f, err)
	}
	defer w.Close()
	v.enterStaff(w.Own().Token())
	return v.goTo("/staff", "")
}

// staffView is the first page of a worker.
type staffView struct {
	Name        string
	Relays      []postView
	Asked       []askedView // centres that they asked, and do not work for
	Fingerprint string      // of the worker's own key, to be read aloud to a manager
	Factor      bool        // the code at sign-in is set up
}

// askedView is a centre that a worker asked to let them in.
type askedView struct {
	consent.AskedRelay
	Name string // "": the directory does not name it any more
}

// postView is one relay of a worker.
type postView struct {
	relayView
	Manages   bool
	Founded   bool
	Withdrawn bool
	Helps     bool // a desk: it follows nobody, and helps who calls
	Opens     bool // accounts can be opened here
	Asking    int  // who ask to be let in, for who manages
}

func (p *pages) staffHome(v *visit) error {
	all, err := v.worker.Relays(v.ctx())
	if errors.Is(err, vault.ErrTampered) {
		v.damaged, err = true, nil
	}
	if err != nil {
		return err
	}
	view := staffView{Name: safename.Line(v.worker.Name())}
	if view.Fingerprint, err = v.worker.Fingerprint(v.ctx()); err != nil {
		return err
	}
	if view.Factor, err = v.worker.Own().HasSecondFactor(v.ctx()); err != nil {
		return err
	}
	asked, err := v.worker.AskedRelays(v.ctx())
	if err != nil {
		return err
	}
	if v.r.URL.Query().Get("done") == "asked-relay" && !slices.ContainsFunc(asked, func(a consent.AskedRelay) bool { return a.Waiting }) {
		return v.goTo("/staff", "") // it was answered since: the digits are read to nobody
	}
	for _, one := range asked {
		view.Asked = append(view.Asked, askedView{one, safename.Line(one.Relay.Name)})
	}
	for _, m := range all {
		post := postView{relayView: relayView{Relay: m.Relay}, Manages: m.Roles.Has(consent.RoleManage), Founded: m.Founded, Withdrawn: m.Withdrawn}
		if !m.Founded {
			post.relayView = v.relay(m.Relay)
			post.Helps = post.Type == consent.TypeDesk && p.Recovery != nil
			if m.Roles.Has(consent.RoleHelp) && post.Type != consent.TypeDesk && !m.Withdrawn {
				licence, err := v.licence(m.Relay.ID)
				if err != nil {
					return err
				}
				post.Opens = licence.MayOpen
			}
		}
		if post.Manages && !m.Founded && !m.Withdrawn {
			post.Asking = v.askingAt(m.Relay.ID)
		}
		view.Relays = append(view.Relays, post)
	}
	return v.show("staff", view)
}

// askingAt is how many ask to be let in at a centre. What is wrong there is said where it
// is opened, and keeps nobody from their first screen.
func (v *visit) askingAt(relay consent.RelayID) int {
	post, err := v.worker.At(v.ctx(), relay)
	if err != nil {
		return 0
	}
	defer post.Close()
	n, err := post.Asking(v.ctx())
	if err != nil {
		return 0
	}
	return n
}

// takeBackAsk ends what a worker asked of a centre, or forgets a centre that they are out of.
func (p *pages) takeBackAsk(v *visit) error {
	id, err := consent.ParseRelayID(v.r.PathValue("relay"))
	if err != nil {
		return vault.ErrNotFound
	}
	if err := v.worker.TakeBackAsk(v.ctx(), id); err != nil && !errors.Is(err, vault.ErrNotFound) { // a second click
		return err
	}
	return v.goTo("/staff", "ask-taken-back")
}

// closeOpened closes the space that the worker has open, in every window.
func (p *pages) closeOpened(v *visit) error {
	if err := v.worker.CloseOpened(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/staff", "space-closed")
}

// at opens the relay of the address as this worker. The caller closes it.
func (v *visit) at() (*consent.Post, error) {
	id, err := consent.ParseRelayID(v.r.PathValue("relay"))
	if err != nil {
		return nil, vault.ErrNotFound
	}
	return v.worker.At(v.ctx(), id)
}

// licenceView is how the licence of a relay stands, in words.
type licenceView struct {
	Words   string
	Warning bool
	MayOpen bool
}

func (v *visit) licence(relay consent.RelayID) (licenceView, error) {
	s, err := v.pages.Directory.Licence(v.ctx(), relay)
	if err != nil {
		return licenceView{}, err
	}
	view := licenceView{MayOpen: s.MayOpen(), Warning: s.Status != consent.LicenceInForce}
	switch s.Status {
	case consent.LicenceInForce:
		view.Words = v.t("licence.in-force", v.date(s.Until))
	case consent.LicenceEndsSoon:
		view.Words = v.t("licence.ends-soon", v.date(s.Until))
	case consent.LicenceNotYet:
		view.Words = v.t("licence.not-yet", v.date(s.Licence.From))
	case consent.LicenceExpired:
		view.Words = v.t("licence.expired", v.date(s.Licence.To))
	case consent.LicenceWithdrawn:
		view.Words = v.t("licence.withdrawn")
	default:
		view.Words = v.t("licence.none")
	}
	return view, nil
}

// openingView asks why a space is opened.
type openingView struct {
	Form     *form
	Relay    relayView
	Name     string
	Allowed  string
	Purposes []choice
	GiveUp   string // the page where the relay stops following them; "": a visit
	Stop     string // where their sessions are ended; "": who may not
	Help     string // the page where they are helped back in; "": a visit
	Adds     bool   // a paper can be added from here
}

// choice is one of a short list.
type choice struct{ Code, Words string }

func (v *visit) purposes() (all []choice) {
	for _, code := range consent.Purposes() {
		all = append(all, choice{string(code), v.purposeName(code)})
	}
	return all
}

func purposeOf(f *form) consent.Purpose {
	return consent.Purpose{Code: consent.PurposeCode(f.Get("purpose")), Text: f.Get("why")}
}

// checkPurpose refuses a form without a reason: the person reads it.
func (v *visit) checkPurpose(f *form) {
	if v.purposeName(purposeOf(f).Code) == "" {
		f.refuse("purpose", v.t("wrong.purpose"))
	}
	if purposeOf(f).Code == consent.PurposeOther {
		v.required(f, "why")
	}
}

func (p *pages) openPersonForm(v *visit) error { return v.opening(newForm(), false) }

func (p *pages) openPerson(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.checkPurpose(f)
	return v.opening(f, !f.wrong())
}

// opening shows who is to be opened and asks why or, with open, opens.
func (v *visit) opening(f *form, open bool) error {
	id, err := vault.ParseID(v.r.PathValue("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	post, err := v.at()
	if err != nil {
		return err
	}
	defer post.Close()
	if open {
		opened, err := post.Open(v.ctx(), id, purposeOf(f))
		if err == nil {
			opened.Close()
			if f.Get("then") == "paper" {
				return v.goTo("/papers/add", "")
			}
			return v.goTo("/", "")
		}
		if !errors.Is(err, vault.ErrInvalid) {
			return err
		}
		f.refuse("why", v.t("wrong.characters"))
	}
	one, err := post.Find(v.ctx(), id)
	if err != nil {
		return err
	}
	view := openingView{Form: f, Relay: v.relay(post.Relay()), Name: safename.Line(one.Name), Allowed: v.workerScopeWords(one.Scope), GiveUp: v.r.URL.Path + "/give-up", Help: v.r.URL.Path + "/help"}
	view.Adds = one.Scope == vault.ScopeAdd
	if one.Scope != vault.ScopeGive {
		view.Stop = v.r.URL.Path + "/stop-sessions"
	}
	return v.askWhy(f, view)
}

func (v *visit) askWhy(f *form, view openingView) error {
	view.Purposes = v.purposes()
	if f.wrong() {
		return v.again("open-person", f, nil, view)
	}
	return v.show("open-person", view)
}

// joinView is the page of a new worker.
type joinView struct {
	Form   *form
	Notice vault.Notice
}

func (p *pages) joinForm(v *visit) error {
	return v.show("staff-join", joinView{newForm(), notice.ForWorkers(v.Code)})
}

// join makes a worker's own account. It lets them into nothing: a relay does.
func (p *pages) join(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	view := joinView{f, notice.ForWorkers(v.Code)}
	v.required(f, "invitation", "worker")
	v.newPassword(f)
	if v.agreed(f); f.wrong() {
		return v.again("staff-join", f, nil, view)
	}
	if err := p.Limits.StaffSignIn(v.r); err != nil { // so that codes cannot be tried out
		return v.again("staff-join", f, err, view)
	}
	w, err := p.Staff.Enrol(v.ctx(), f.Get("invitation"), consent.NewWorker{
		Name: f.Get("worker"), Password: f.Values.Get("new"), Notice: view.Notice, Consent: true, Channel: channel,
		Session: &vault.SessionRequest{Device: device(v.r)},
	})
	if errors.Is(err, consent.ErrInvitation) {
		f.refuse("invitation", v.sentence(problem.Of(err)))
		return v.again("staff-join", f, nil, view)
	}
	if err != nil {
		return v.again("staff-join", f, err, view)
	}
	defer w.Close()
	v.enterStaff(w.Own().Token())
	session.Hold(v.w, session.InvitationCookie, f.Get("invitation"))
	v.worker = w
	login, err := w.Own().Login(v.ctx())
	if err != nil {
		return err
	}
	return v.showWith(http.StatusOK, "staff-joined", login)
}

// newPassword refuses a password that cannot be one.
func (v *visit) newPassword(f *form) {
	fresh := f.Values.Get("new")
	if v.required(f, "new", "repeat"); f.Wrong["new"] != "" || f.Wrong["repeat"] != "" {
		return
	}
	if unfit := complaints(vault.CheckPassword(fresh, "")); len(unfit) > 0 { // with all the rest, and not after it
		f.refuse("new", v.reason(unfit[0]))
	} else if fresh != f.Values.Get("repeat") {
		f.refuse("repeat", v.t("wrong.repeat"))
	}
}

// factorView is the page of the code at sign-in.
type factorView struct {
	Form   *form
	Has    bool
	Secret *vault.SecondFactor // drawn just now; nil: not yet
}

func (p *pages) factorForm(v *visit) error {
	has, err := v.worker.Own().HasSecondFactor(v.ctx())
	if err != nil {
		return err
	}
	return v.show("staff-factor", factorView{Form: newForm(), Has: has})
}

func (p *pages) enrolFactor(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	has, err := v.worker.Own().HasSecondFactor(v.ctx())
	if err != nil {
		return err
	}
	view := factorView{Form: f, Has: has}
	if v.required(f, "password"); f.wrong() {
		return v.again("staff-factor", f, nil, view)
	}
	drawn, err := v.worker.Own().EnrolSecondFactor(v.ctx(), vault.Secret{Password: f.Values.Get("password")})
	if err != nil {
		return v.again("staff-factor", f, v.besideSecret(f, err), view)
	}
	view.Secret, view.Form = &drawn, newForm()
	return v.show("staff-factor", view)
}

// confirmFactor puts the code in force. The secret is not shown again: who mistypes
// tries the next code, or draws a new secret.
func (p *pages) confirmFactor(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	err = v.worker.Own().ConfirmSecondFactor(v.ctx(), f.Get("factor"))
	if errors.Is(err, vault.ErrSecondFactor) || errors.Is(err, vault.ErrInvalid) {
		return v.goTo("/staff/factor", "factor-wrong")
	}
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/staff", "factor-set")
}

// askForm has the code already with which somebody has just opened their account here.
func (p *pages) askForm(v *visit) error {
	f := newForm()
	f.Set("invitation", session.Held(v.r, session.InvitationCookie))
	return v.show("staff-ask", f)
}

// ask asks a relay to let this worker in.
func (p *pages) ask(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "invitation"); f.wrong() {
		return v.again("staff-ask", f, nil, f)
	}
	_, err = v.worker.Ask(v.ctx(), f.Get("invitation"))
	if errors.Is(err, consent.ErrInvitation) {
		f.refuse("invitation", v.sentence(problem.Of(err)))
		return v.again("staff-ask", f, nil, f)
	}
	if err != nil {
		return err
	}
	session.Drop(v.w, session.InvitationCookie)
	return v.goTo("/staff", "asked-relay")
}
