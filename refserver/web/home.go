package web

import (
	"slices"
	"time"

	"reconnect.example/vault"
)

// homeView is the first page.
type homeView struct {
	vault.Overview
	Today    string
	Closing  bool // the account is closed, and will be erased
	Away     bool // the witness did not answer at sign-in
	Restored bool // the service was put back to a backup, and the person has not said yet that they know
}

func (p *pages) home(v *visit) error {
	if v.worker != nil {
		return v.show("staff-space", v.mayOnlySee())
	}
	o, err := v.vault.Overview(v.ctx())
	if err != nil {
		return err
	}
	o.Next, o.Expiring = allNeutral(o.Next), allNeutral(o.Expiring)
	v.damaged = o.Counts.Damaged > 0
	closing := slices.Contains(o.Notices, vault.NoticeClosing)
	v.remember(closing)
	return v.show("home", homeView{
		Overview: o, Today: v.now().In(v.zone).Format(time.DateOnly),
		Closing: closing, Away: slices.Contains(o.Notices, vault.NoticeWitnessAway),
		Restored: slices.Contains(o.Notices, vault.NoticeRestored),
	})
}

// confirmRestored takes the notice of a restore away: the person knows.
func (p *pages) confirmRestored(v *visit) error {
	if err := v.vault.ConfirmRestored(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/", "restored-known")
}
