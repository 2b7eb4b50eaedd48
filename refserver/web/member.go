package web

import (
	"errors"
	"net/http"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// memberPage is one worker of a relay, and what a manager may do with them.
type memberPage struct {
	memberView
	Relay   relayView
	Follows bool     // people: a desk follows nobody
	Can     []choice // what is offered, in this order

	// Of the page that asks once more before something is done:
	Form   *form
	Change memberChange
	Title  string
	Asking []askingView // of whom one may be the worker's new account
}

// memberChange is something that a manager does with somebody of the team.
type memberChange string

// The changes, as addresses name them.
const (
	changeRoles   memberChange = "roles"
	changeRenew   memberChange = "renew"
	changeReplace memberChange = "replace"
	changeSuspend memberChange = "suspend"
	changeResume  memberChange = "resume"
	changeRemove  memberChange = "remove"
)

// changesOf is what makes sense with somebody as they stand with the relay. Whoever
// manages can do no other harm by an address that is not offered.
func changesOf(m consent.TeamMember) []memberChange {
	switch {
	case m.State == consent.MemberSuspended:
		return []memberChange{changeResume, changeReplace, changeRemove}
	case m.State == consent.MemberLeaving:
		return []memberChange{changeRemove}
	case m.KeyChanged:
		return []memberChange{changeRenew, changeReplace, changeSuspend, changeRemove}
	}
	return []memberChange{changeRoles, changeReplace, changeSuspend, changeRemove}
}

// changeName is what a change is called.
func (v *visit) changeName(c memberChange) string {
	switch c {
	case changeRoles:
		return v.t("member.roles")
	case changeRenew:
		return v.t("member.renew")
	case changeReplace:
		return v.t("member.replace")
	case changeSuspend:
		return v.t("member.suspend")
	case changeResume:
		return v.t("member.resume")
	}
	return v.t("member.remove")
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
	view := memberPage{memberView: v.member(post, team.Members[at]), Relay: v.relay(post.Relay()), Follows: follows(post)}
	for _, c := range changesOf(view.TeamMember) {
		view.Can = append(view.Can, choice{string(c), v.changeName(c)})
	}
	return view, nil
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

// changeForm says what a change means before it is made.
func (p *pages) changeForm(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view, err := v.memberChange(post, newForm())
		if err != nil {
			return err
		}
		view.Form.Set("roles", view.RoleCode)
		return v.show("member-change", view)
	})
}

func (v *visit) memberChange(post *consent.Post, f *form) (memberPage, error) {
	view, err := v.oneMember(post)
	if err != nil {
		return view, err
	}
	view.Form, view.Change = f, memberChange(v.r.PathValue("change"))
	view.Title = v.changeName(view.Change)
	if !slices.Contains(changesOf(view.TeamMember), view.Change) || view.Self {
		return view, problem.ErrNoPage
	}
	if view.Change == changeReplace {
		view.Asking, err = v.asking(post)
	}
	return view, err
}

// changeMember makes a change. Where the keys of the whole relay are changed, its new
// recovery sheet is shown once.
func (p *pages) changeMember(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.managing(func(post *consent.Post) error {
		view, err := v.memberChange(post, f)
		if errors.Is(err, vault.ErrNotFound) || errors.Is(err, problem.ErrNoPage) {
			return v.goTo(teamPath(post), "member-again") // a second click, mostly
		}
		if err != nil {
			return err
		}
		v.checkChange(f, view.Change)
		if err := v.showSecret(f); err != nil || f.wrong() {
			return v.again("member-change", f, err, view)
		}
		sheet, err := v.change(post, view)
		switch {
		case errors.Is(err, consent.ErrFingerprint):
			f.refuse("fingerprint", v.sentence(problem.Of(err)))
			return v.again("member-change", f, nil, view)
		case errors.Is(err, consent.ErrKeyChanged) && view.Change == changeResume:
			f.Problem = v.t("member.resume-new-keys")
			return v.showWith(http.StatusConflict, "member-change", view)
		case errors.Is(err, consent.ErrLastManager):
			f.Problem = v.sentence(problem.Of(err))
			return v.showWith(http.StatusConflict, "member-change", view)
		case err != nil && !errors.Is(err, vault.ErrUnconfirmed):
			return err
		case sheet != nil:
			return v.showSheet(post.Relay(), *sheet, err)
		case err != nil:
			return v.goTo(teamPath(post), "unconfirmed")
		}
		return v.goTo(teamPath(post), "member-changed")
	})
}

// checkChange refuses a form that is not filled in.
func (v *visit) checkChange(f *form, c memberChange) {
	switch c {
	case changeRoles:
		v.required(f, "roles")
	case changeRenew:
		v.required(f, "fingerprint")
	case changeReplace:
		v.required(f, "person", "roles", "fingerprint")
	}
}

func (v *visit) change(post *consent.Post, m memberPage) (*consent.Sheet, error) {
	switch m.Change {
	case changeRoles:
		return post.SetRoles(v.ctx(), m.Worker, rolesOf(m.Form))
	case changeRenew:
		return post.Renew(v.ctx(), m.Worker, m.Form.Get("fingerprint"))
	case changeReplace:
		fresh, err := vault.ParseID(m.Form.Get("person"))
		if err != nil {
			return nil, vault.ErrNotFound
		}
		return post.ReplaceForgotten(v.ctx(), m.Worker, consent.Admission{Worker: fresh, Fingerprint: m.Form.Get("fingerprint"), Roles: rolesOf(m.Form)})
	case changeSuspend:
		return post.Suspend(v.ctx(), m.Worker)
	case changeResume:
		return nil, post.Resume(v.ctx(), m.Worker)
	}
	return post.Remove(v.ctx(), m.Worker)
}
