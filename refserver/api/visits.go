package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Visitor is who shows a visit code, as far as the directory and their relay say.
type Visitor struct {
	Worker      string `json:"worker" doc:"Id of the worker."`
	Relay       Relay  `json:"relay" doc:"For which they work."`
	Fingerprint string `json:"fingerprint" doc:"24 digits of the worker's key, for who wants to compare them."`
}

type visitorInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"1000" doc:"As scanned from the worker's screen."`
	}
}

type visitorOutput struct{ Body Visitor }

func (a *API) visitor(ctx context.Context, _ *vault.Vault, in *visitorInput) (*visitorOutput, error) {
	who, err := a.staff.Visitor(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &visitorOutput{Body: Visitor{Worker: who.Worker.String(), Relay: relayJSON(who.At, who.Organisation.Name), Fingerprint: who.Fingerprint}}, nil
}

type visitInput struct {
	Body struct {
		Agreement
		Code    string   `json:"code" minLength:"1" maxLength:"1000" doc:"As the worker's screen shows it; look at it first."`
		Items   []string `json:"items,omitempty" nullable:"false" maxItems:"100" doc:"Ids of the items to show, as they are now, private ones too; missing: all that is shared."`
		Scope   string   `json:"scope,omitempty" enum:"see,see-and-add" doc:"Missing: see. To add takes all that is shared."`
		Minutes int64    `json:"minutes" minimum:"1" maximum:"1440" doc:"How long."`
		Name    string   `json:"name" minLength:"1" maxLength:"200" doc:"What the worker shall call the person."`
		Secret  Secret   `json:"secret" doc:"Shown once more: an open session alone shares nothing."`
	}
}

func (a *API) visit(ctx context.Context, v *vault.Vault, in *visitInput) (*consentOutput, error) {
	n := consent.NewVisit{
		Code: in.Body.Code, Scope: scopes[in.Body.Scope], Lasts: time.Duration(in.Body.Minutes) * time.Minute,
		Notice: in.Body.Notice.vault(), Agreed: in.Body.Agreed, Name: in.Body.Name, Channel: channel,
	}
	if in.Body.Items != nil { // an empty list is no way to say "everything"
		n.Items = make([]vault.ItemID, 0, len(in.Body.Items))
		if len(in.Body.Items) == 0 {
			return nil, invalid("body.items", "is empty; leave it out to show all that is shared")
		}
	}
	for _, s := range in.Body.Items {
		id, err := itemID(s)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, id)
	}
	return consentAnswer(a.staff.Visit(ctx, v, n, in.Body.Secret.vault()))
}

func (a *API) addVisits() {
	registerPerson(a, operation{
		method: http.MethodPost, path: "/visits/look", id: "look-at-visit-code", tag: "Sharing", summary: "Whose visit code is this",
		description: "Shows for whom the one works whose screen shows the code, before anything is shown to them.",
		problems:    []string{"invalid", "media-type", "too-large", "not-named", "not-member", "untrusted-key", "witness-away"},
	}, a.visitor)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/visits", id: "visit", tag: "Sharing", status: http.StatusCreated, summary: "Show a worker something for a while",
		description: "To a worker of a relay that does not follow the person. It ends by itself, at a tap, and when this session ends; nothing of it stays with the relay.",
		problems:    secretProblems("not-found", "not-named", "not-member", "untrusted-key", "too-many", "closing"),
	}, a.visit)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/visits/{grant}", id: "end-visit", tag: "Sharing", summary: "End a visit",
		description: "At one tap. The worker is refused from then on, also in a download under way.",
		problems:    []string{"not-found", "invalid"},
	}, a.withdraw)
}
