package web

import (
	"errors"
	"net/http"

	"reconnect.example/consent"
)

// leavingView is the page where a worker leaves a relay.
type leavingView struct {
	Relay   relayView
	Manages bool
	Alone   bool // nobody else could manage it: then nobody leaves
}

func (v *visit) leaving(post *consent.Post) (leavingView, error) {
	view := leavingView{Relay: v.relay(post.Relay()), Manages: post.Roles().Has(consent.RoleManage)}
	if !view.Manages {
		return view, nil
	}
	var err error
	view.Alone, err = post.OnlyManager(v.ctx())
	return view, err
}

func (p *pages) leaveRelayForm(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view, err := v.leaving(post)
		if err != nil {
			return err
		}
		return v.show("relay-leave", view)
	})
}

func (p *pages) leaveRelay(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view := leavingView{Relay: v.relay(post.Relay()), Manages: true, Alone: true}
		err := post.Leave(v.ctx())
		if errors.Is(err, consent.ErrLastManager) {
			return v.showWith(http.StatusConflict, "relay-leave", view)
		}
		if err != nil {
			return err
		}
		return v.goTo("/staff", "left-relay")
	})
}

// onlyManagerOf names the relays that nobody could manage any more if this worker's own
// keys changed, fit to be shown. A person manages none.
func (v *visit) onlyManagerOf() (names []string, err error) {
	if v.worker == nil {
		return nil, nil
	}
	alone, err := v.worker.OnlyManagerOf(v.ctx())
	for _, r := range alone {
		names = append(names, v.relay(r).Name)
	}
	return names, err
}
