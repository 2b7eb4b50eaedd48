package web

import (
	"slices"

	"reconnect.example/internal/safename"
	"reconnect.example/quota"
	"reconnect.example/vault"
)

// spaceView is the page of how much is used.
type spaceView struct {
	vault.Space
	Percent  int
	Form     *form
	Requests []vault.SpaceRequest
	Waiting  bool
	Highest  bool // there is no more to ask for
}

func (p *pages) space(v *visit) error { return v.showSpace(newForm(), nil) }

func (p *pages) askForSpace(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "reason"); f.wrong() {
		return v.showSpace(f, nil)
	}
	_, err = p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := v.vault.AskForSpace(v.ctx(), f.Text("reason"))
		return "", err
	})
	if err != nil {
		return v.showSpace(f, err)
	}
	return v.goTo("/space", "asked")
}

func (v *visit) showSpace(f *form, err error) error {
	view := spaceView{Form: f}
	space, problem := v.vault.Space(v.ctx())
	if problem != nil {
		return problem
	}
	requests, problem := v.vault.SpaceRequests(v.ctx())
	if problem != nil {
		return problem
	}
	slices.Reverse(requests) // the newest first
	for i := range requests {
		requests[i].Reason, requests[i].Why = safename.Text(requests[i].Reason), safename.Text(requests[i].Why)
		if requests[i].By == quota.ByPolicy && requests[i].State == quota.Refused { // its words are those of a program
			requests[i].Why = v.t("space.highest")
		}
		requests[i].By = safename.Line(requests[i].By)
		if requests[i].By == quota.ByPolicy { // nobody decided
			requests[i].By = ""
		}
		view.Waiting = view.Waiting || requests[i].State == quota.Waiting
	}
	view.Requests = requests
	space.Largest = allNeutral(space.Largest)
	view.Space = space
	view.Highest = v.pages.MostSpace > 0 && space.Limit >= v.pages.MostSpace
	if space.Limit > 0 {
		view.Percent = int(min(100, (space.Limit-space.Left)*100/space.Limit))
	}
	if err != nil || f.wrong() {
		return v.again("space", f, err, view)
	}
	return v.show("space", view)
}
