package web

import (
	"errors"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

func (p *pages) sessions(v *visit) error {
	all, err := v.vault.Sessions(v.ctx())
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Device = safename.Line(all[i].Device)
	}
	return v.show("sessions", all)
}

// endSession ends one session, and with it all others: a session that the store
// could bring back must not live on. This one stays.
func (p *pages) endSession(v *visit) error {
	id, err := vault.ParseSessionID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	if err := v.vault.EndSession(v.ctx(), id); err != nil && !errors.Is(err, vault.ErrNotFound) { // gone already
		return err
	}
	return v.goTo("/sessions", "session-ended")
}

func (p *pages) endOtherSessions(v *visit) error {
	if err := v.vault.EndOtherSessions(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/sessions", "session-ended")
}
