package web

import (
	"errors"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// deskView is the first page of a desk: it knows nobody by name, and finds somebody by
// the login that they read aloud.
type deskView struct {
	Form     *form
	Relay    relayView
	Manages  bool
	Helps    bool
	Requests []requestView
	Counts   []countView
}

// countView is a number of one month.
type countView struct {
	Month, Event, Way string
	Count             consent.Count
}

func (v *visit) deskHome(post *consent.Post, f *form) error {
	view := deskView{Form: f, Relay: v.relay(post.Relay()), Manages: post.Roles().Has(consent.RoleManage), Helps: post.Roles().Has(consent.RoleHelp)}
	var err error
	if view.Helps {
		if view.Requests, err = v.queue(post); err != nil {
			return err
		}
	}
	if view.Manages {
		if view.Counts, err = v.helpCounts(post); err != nil {
			return err
		}
	}
	if f.wrong() {
		return v.again("desk", f, nil, view)
	}
	return v.show("desk", view)
}

// queue is what this relay or desk was asked to help with.
func (v *visit) queue(post *consent.Post) (all []requestView, err error) {
	queued, err := v.pages.Recovery.Queue(v.ctx(), post)
	for _, q := range queued {
		if q.Error != nil {
			all = append(all, requestView{Broken: true})
			continue
		}
		view := v.request(q.Request)
		view.Name, _ = v.nameOf(post, q.Request.Vault) // who stopped the relay meanwhile has none
		all = append(all, view)
	}
	return all, err
}

func (v *visit) helpCounts(post *consent.Post) (all []countView, err error) {
	counts, err := v.pages.Recovery.Counts(v.ctx(), post)
	for _, c := range counts {
		event := v.t("count.opened")
		switch c.Event {
		case "completed":
			event = v.t("count.completed")
		case "cancelled":
			event = v.t("count.cancelled")
		}
		all = append(all, countView{v.month(c.Month), event, v.wayWords(c.Kind), c.Count})
	}
	return all, err
}

// findByLogin is for a desk. Whoever did not let it help them is nobody.
func (p *pages) findByLogin(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	return v.managing(func(post *consent.Post) error {
		if post.Relay().Type != consent.TypeDesk {
			return vault.ErrNotFound
		}
		if v.required(f, "login"); f.wrong() {
			return v.deskHome(post, f)
		}
		if err := p.Limits.StaffSignIn(v.r); err != nil { // so that logins cannot be tried out
			return err
		}
		id, err := p.Recovery.Find(v.ctx(), post, f.Get("login"))
		if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrInvalid) {
			f.refuse("login", v.t("wrong.nobody"))
			return v.deskHome(post, f)
		}
		if err != nil {
			return err
		}
		return v.goTo(helpPath(post, id), "")
	})
}

// queueView is the page of a relay that is asked to help.
type queueView struct {
	Relay    relayView
	Requests []requestView
	Counts   []countView
}

func (p *pages) requests(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view := queueView{Relay: v.relay(post.Relay())}
		var err error
		if post.Roles().Has(consent.RoleHelp) {
			if view.Requests, err = v.queue(post); err != nil {
				return err
			}
		}
		if post.Roles().Has(consent.RoleManage) {
			if view.Counts, err = v.helpCounts(post); err != nil {
				return err
			}
		}
		return v.show("requests", view)
	})
}
