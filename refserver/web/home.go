package web

import (
	"slices"
	"time"

	"reconnect.example/vault"
)

// homeView is the first page.
type homeView struct {
	vault.Overview
	Today   string
	Soonest []vault.Item // the one appointment that comes next
	Later   []vault.Item // those after it
	Closing bool         // the account is closed, and will be erased
	Notices []noticeView // what the person should know first
}

func (p *pages) home(v *visit) error {
	if v.worker != nil {
		return v.guestHome()
	}
	o, err := v.vault.Overview(v.ctx())
	if err != nil {
		return err
	}
	o.Next, o.Expiring = allNeutral(o.Next), allNeutral(o.Expiring)
	notices, err := v.notices(o)
	if err != nil {
		return err
	}
	asked, err := v.askedFor(o)
	if err != nil {
		return err
	}
	notices = append(append(asked, v.papersAsked()...), notices...)
	closing := slices.Contains(o.Notices, vault.NoticeClosing)
	v.remember(closing)
	first := min(1, len(o.Next))
	return v.show("home", homeView{Overview: o, Soonest: o.Next[:first], Later: o.Next[first:], Today: v.now().In(v.zone).Format(time.DateOnly), Closing: closing, Notices: notices})
}

// group serves a screen of few tiles, to which the first page leads.
func (p *pages) group(name string) handler {
	return func(v *visit) error {
		o, err := v.vault.Overview(v.ctx())
		if err != nil {
			return err
		}
		return v.show(name, o)
	}
}

// confirmRestored takes the notice of a restore away: the person knows.
func (p *pages) confirmRestored(v *visit) error {
	if err := v.vault.ConfirmRestored(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/", "restored-known")
}
