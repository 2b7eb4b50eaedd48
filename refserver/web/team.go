package web

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// teamView is who works for a relay, as its managers see it.
type teamView struct {
	Form       *form
	Relay      relayView
	Members    []memberView
	OneManager bool
	Asking     []askingView
	Invitation *consent.Invitation // made just now
	Invited    []invitedView       // that nobody has used yet
	Licence    licenceView
	Counts     consent.Counts
	Follows    bool // people: a desk follows nobody
}

// askingView is somebody who asks to be let in.
type askingView struct {
	consent.JoinRequest
	RoleCode string // that the invitation proposed, or who manages has chosen
	Typed    string // the digits that were typed, and not right
}

// asking is who asks to be let in, fit to be shown. The digits of their keys are not:
// they must come from the worker's own screen (D1).
func (v *visit) asking(post *consent.Post) (all []askingView, err error) {
	requests, err := post.Requests(v.ctx())
	for _, r := range requests {
		r.Name, r.Fingerprint = safename.Line(r.Name), ""
		all = append(all, askingView{JoinRequest: r, RoleCode: roleCode(r.Roles)})
	}
	return all, err
}

// invitedView is an invitation that nobody has used yet.
type invitedView struct {
	consent.Invitation
	Role string
}

// invited is who was invited and has not asked yet.
func (v *visit) invited(post *consent.Post) (all []invitedView, err error) {
	invitations, err := post.Invitations(v.ctx())
	for _, i := range invitations {
		i.Label, i.By = safename.Line(i.Label), safename.Line(i.By)
		all = append(all, invitedView{i, v.roleName(post, roleCode(i.Roles))})
	}
	return all, err
}

type memberView struct {
	consent.TeamMember
	Role     string
	RoleCode string
	State    string
	Self     bool
}

// follows reports whether a relay follows people: a desk answers the phone, and opens
// nobody's space.
func follows(post *consent.Post) bool { return post.Relay().Type != consent.TypeDesk }

func (v *visit) member(post *consent.Post, m consent.TeamMember) memberView {
	m.Name = safename.Line(m.Name)
	view := memberView{
		TeamMember: m, RoleCode: roleCode(m.Roles), State: v.t("member.active"), Self: m.Worker == v.worker.ID(),
	}
	view.Role = v.roleName(post, view.RoleCode)
	switch {
	case m.State == consent.MemberSuspended:
		view.State = v.t("member.suspended")
	case m.State == consent.MemberLeaving:
		view.State = v.t("member.leaving")
	case m.KeyChanged:
		view.State = v.t("member.key-changed")
	}
	return view
}

// roleName is what a role is called at a relay or a desk.
func (v *visit) roleName(post *consent.Post, code string) string {
	switch at := follows(post); {
	case code == "manage":
		return v.t("role.manage")
	case code == "both" && at:
		return v.t("role.both")
	case code == "both":
		return v.t("role.answer-both")
	case at:
		return v.t("role.help")
	}
	return v.t("role.answer")
}

// roleCode is how forms call the roles that somebody has.
func roleCode(r consent.Role) string {
	switch {
	case r.Has(consent.RoleManage | consent.RoleHelp):
		return "both"
	case r.Has(consent.RoleManage):
		return "manage"
	}
	return "help"
}

func rolesOf(f *form) consent.Role {
	switch f.Get("roles") {
	case "manage":
		return consent.RoleManage
	case "both":
		return consent.RoleHelp | consent.RoleManage
	}
	return consent.RoleHelp
}

func teamPath(post *consent.Post) string {
	return "/staff/relays/" + post.Relay().ID.String() + "/team"
}

func (p *pages) team(v *visit) error {
	return v.managing(func(post *consent.Post) error { return v.showTeam(post, teamView{Form: v.typedDigits()}) })
}

func (v *visit) managing(work func(*consent.Post) error) error {
	post, err := v.at()
	if err != nil {
		return err
	}
	defer post.Close()
	return work(post)
}

// showSecret asks who manages for their password once more: a session that was left open
// must let nobody in for good, neither as a worker nor by the recovery sheet.
func (v *visit) showSecret(f *form) error {
	if v.required(f, "password"); f.wrong() {
		return nil
	}
	err := v.worker.Own().ShowSecret(v.ctx(), vault.Secret{Password: f.Values.Get("password")})
	if errors.Is(err, vault.ErrSignIn) {
		f.refuse("password", v.t("wrong.password"))
	}
	return err
}

func (v *visit) showTeam(post *consent.Post, view teamView) error {
	return v.showTeamAfter(post, view, nil)
}

func (v *visit) showTeamAgain(post *consent.Post, f *form, err error) error {
	return v.showTeamAfter(post, teamView{Form: f}, err)
}

func (v *visit) showTeamAfter(post *consent.Post, view teamView, refused error) error {
	team, err := post.Members(v.ctx())
	if err != nil {
		return err
	}
	view.Relay, view.OneManager, view.Follows = v.relay(post.Relay()), team.OneManager, follows(post)
	for _, m := range team.Members {
		view.Members = append(view.Members, v.member(post, m))
	}
	if view.Asking, err = v.asking(post); err != nil {
		return err
	}
	for i := range view.Asking {
		if one := &view.Asking[i]; one.Worker.String() == view.Form.Get("person") {
			one.Typed, one.RoleCode = view.Form.Get("fingerprint"), roleCode(rolesOf(view.Form))
		}
	}
	if view.Invited, err = v.invited(post); err != nil {
		return err
	}
	if view.Licence, err = v.licence(post.Relay().ID); err != nil {
		return err
	}
	if view.Counts, err = post.Counts(v.ctx()); err != nil {
		return err
	}
	if view.Form.wrong() || refused != nil {
		return v.again("team", view.Form, refused, view)
	}
	return v.show("team", view)
}

// posterView is what hangs in a centre: the key by which people know it.
type posterView struct {
	Relay relayView
	Text  string // of the QR code
}

func (p *pages) poster(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		if post.Relay().Type == consent.TypeDesk {
			return vault.ErrNotFound
		}
		return v.show("poster", posterView{v.relay(post.Relay()), consent.QRText(post.Relay())})
	})
}

// invite shows a new code once. A second click makes another one, which ends by
// itself, or is taken back.
func (p *pages) invite(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.managing(func(post *consent.Post) error {
		i, err := post.Invite(v.ctx(), rolesOf(f), &consent.InviteOptions{Label: f.Get("invited")})
		if errors.Is(err, vault.ErrInvalid) {
			f.refuse("invited", v.t("wrong.characters"))
			return v.showTeamAgain(post, f, nil)
		}
		if err != nil {
			return err
		}
		return v.showTeam(post, teamView{Form: newForm(), Invitation: &i})
	})
}

// takeBackInvitation ends a code that nobody has used. No secret is asked for: it lets
// nobody in.
func (p *pages) takeBackInvitation(v *visit) error {
	id, err := consent.ParseInvitationID(v.r.PathValue("invitation"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		err := post.TakeBack(v.ctx(), id)
		if errors.Is(err, vault.ErrNotFound) { // a second click, or somebody has used it just now
			return v.goTo(teamPath(post), "invitation-gone")
		}
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
		return v.goTo(teamPath(post), "invitation-taken-back")
	})
}

// admit lets somebody in who asked, with the digits that they read aloud.
func (p *pages) admit(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	id, err := vault.ParseID(f.Get("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		if err := v.showSecret(f); err != nil || f.wrong() {
			return v.showTeamAgain(post, f, err)
		}
		err := post.Admit(v.ctx(), consent.Admission{Worker: id, Fingerprint: f.Get("fingerprint"), Roles: rolesOf(f)})
		if errors.Is(err, consent.ErrFingerprint) {
			v.holdDigits(f)
			return v.goTo(teamPath(post), "digits-wrong")
		}
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
		return v.goTo(teamPath(post), "admitted")
	})
}

// holdDigits keeps digits that were wrong for the page that shows them again: 24 of them are
// compared there, and not typed once more; and to go back sends nothing a second time.
func (v *visit) holdDigits(f *form) {
	typed := url.Values{}
	for _, name := range []string{"person", "roles", "fingerprint"} {
		value := f.Get(name)
		typed.Set(name, value[:min(len(value), 200)])
	}
	session.Hold(v.w, session.AdmitCookie, base64.RawURLEncoding.EncodeToString([]byte(typed.Encode())))
}

// typedDigits is a form with the digits that were wrong just now, or an empty one.
func (v *visit) typedDigits() *form {
	f := newForm()
	held := session.Held(v.r, session.AdmitCookie)
	if held == "" {
		return f
	}
	session.Drop(v.w, session.AdmitCookie)
	raw, err := base64.RawURLEncoding.DecodeString(held)
	typed, bad := url.ParseQuery(string(raw))
	if err != nil || bad != nil {
		return f
	}
	for _, name := range []string{"person", "roles", "fingerprint"} {
		f.Set(name, strings.ToValidUTF8(typed.Get(name), ""))
	}
	return f
}

// refuseJoin refuses somebody who asks. No secret is asked for: it lets nobody in.
func (p *pages) refuseJoin(v *visit) error {
	id, err := vault.ParseID(v.r.PathValue("person"))
	if err != nil {
		return vault.ErrNotFound
	}
	return v.managing(func(post *consent.Post) error {
		err := post.Refuse(v.ctx(), id)
		if errors.Is(err, vault.ErrNotFound) { // a second click, or another manager was faster
			return v.goTo(teamPath(post), "request-gone")
		}
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
		return v.goTo(teamPath(post), "join-refused")
	})
}

// foundedView is a relay that waits for the authority.
type foundedView struct {
	consent.Founded
	Fingerprint string
}

// found founds a relay. The recovery sheet is shown once.
func (p *pages) found(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "invitation"); f.wrong() {
		return v.again("staff-ask", f, nil, f)
	}
	founded, err := v.worker.FoundRelay(v.ctx(), f.Get("invitation"))
	if errors.Is(err, consent.ErrInvitation) {
		f.refuse("invitation", v.sentence(problem.Of(err)))
		return v.again("staff-ask", f, nil, f)
	}
	if err != nil {
		return err
	}
	return v.show("founded", foundedView{founded, consent.Fingerprint(founded.Key)})
}
