package web

import (
	"errors"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// teamView is who works for a relay, as its managers see it.
type teamView struct {
	Form       *form
	Relay      relayView
	Members    []memberView
	OneManager bool
	Asking     []consent.JoinRequest
	Invitation *consent.Invitation // made just now
	Sheet      *consent.Sheet      // drawn just now
	Licence    licenceView
	Counts     consent.Counts
}

type memberView struct {
	consent.TeamMember
	Role  string
	State string
	Self  bool
}

func (v *visit) member(m consent.TeamMember) memberView {
	m.Name = safename.Line(m.Name)
	view := memberView{TeamMember: m, Role: v.t("role.help"), State: v.t("member.active"), Self: m.Worker == v.worker.ID()}
	if m.Roles.Has(consent.RoleManage) {
		view.Role = v.t("role.manage")
	}
	if m.Roles.Has(consent.RoleManage | consent.RoleHelp) {
		view.Role = v.t("role.both")
	}
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

func rolesOf(f *form) consent.Role {
	switch f.Get("roles") {
	case "manage":
		return consent.RoleManage
	case "both":
		return consent.RoleHelp | consent.RoleManage
	}
	return consent.RoleHelp
}

func (p *pages) team(v *visit) error {
	return v.managing(func(post *consent.Post) error { return v.showTeam(post, teamView{Form: newForm()}) })
}

func (v *visit) managing(work func(*consent.Post) error) error {
	post, err := v.at()
	if err != nil {
		return err
	}
	defer post.Close()
	return work(post)
}

func (v *visit) showTeam(post *consent.Post, view teamView) error {
	team, err := post.Members(v.ctx())
	if err != nil {
		return err
	}
	view.Relay, view.OneManager = v.relay(post.Relay()), team.OneManager
	for _, m := range team.Members {
		view.Members = append(view.Members, v.member(m))
	}
	if view.Asking, err = post.Requests(v.ctx()); err != nil {
		return err
	}
	for i := range view.Asking {
		view.Asking[i].Name = safename.Line(view.Asking[i].Name)
	}
	if view.Licence, err = v.licence(post.Relay().ID); err != nil {
		return err
	}
	if view.Counts, err = post.Counts(v.ctx()); err != nil {
		return err
	}
	if view.Form.wrong() {
		return v.again("team", view.Form, nil, view)
	}
	return v.show("team", view)
}

// invite shows a new code once. A second click makes another one, which ends by
// itself.
func (p *pages) invite(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.managing(func(post *consent.Post) error {
		i, err := post.Invite(v.ctx(), rolesOf(f))
		if err != nil {
			return err
		}
		return v.showTeam(post, teamView{Form: newForm(), Invitation: &i})
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
		err := post.Admit(v.ctx(), consent.Admission{Worker: id, Fingerprint: f.Get("fingerprint"), Roles: rolesOf(f)})
		if errors.Is(err, consent.ErrFingerprint) {
			f.Problem = v.sentence(problem.Of(err))
			return v.showTeam(post, teamView{Form: f})
		}
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
		return v.goTo("/staff/relays/"+post.Relay().ID.String()+"/team", "admitted")
	})
}

// memberPage is one worker of a relay, and what a manager may do.
type memberPage struct {
	memberView
	Relay relayView
}

func (v *visit) oneMember(post *consent.Post) (memberPage, error) {
	id, err := vault.ParseID(v.r.PathValue("worker"))
	if err != nil {
		return memberPage{}, vault.ErrNotFound
	}
	team, err := post.Members(v.ctx())
	if err != nil {
		return memberPage{}, err
	}
	at := slices.IndexFunc(team.Members, func(m consent.TeamMember) bool { return m.Worker == id })
	if at < 0 {
		return memberPage{}, vault.ErrNotFound
	}
	return memberPage{v.member(team.Members[at]), v.relay(post.Relay())}, nil
}

func (p *pages) memberForm(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view, err := v.oneMember(post)
		if err != nil {
			return err
		}
		return v.show("member", view)
	})
}

// changeMember suspends somebody, lets them in again, or takes them out. Where the
// relay's keys are changed, its new recovery sheet is shown once.
func (p *pages) changeMember(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		m, err := v.oneMember(post)
		if err != nil {
			return err
		}
		var sheet *consent.Sheet
		switch v.r.PathValue("change") {
		case "suspend":
			sheet, err = post.Suspend(v.ctx(), m.Worker)
		case "resume":
			err = post.Resume(v.ctx(), m.Worker)
		case "remove":
			sheet, err = post.Remove(v.ctx(), m.Worker)
		default:
			return problem.ErrNoPage
		}
		if err != nil && (sheet == nil || !errors.Is(err, vault.ErrUnconfirmed)) {
			return err
		}
		if sheet != nil {
			return v.showTeam(post, teamView{Form: newForm(), Sheet: sheet})
		}
		return v.goTo("/staff/relays/"+post.Relay().ID.String()+"/team", "member-changed")
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
