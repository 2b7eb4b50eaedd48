package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Person is somebody whom a relay follows.
type Person struct {
	ID    string     `json:"id" doc:"Of the person's space."`
	Name  string     `json:"name" doc:"As the person gave it to this relay, in any script: escape it wherever it is shown."`
	Scope string     `json:"scope" doc:"see, see-and-add or give."`
	Since time.Time  `json:"since" doc:"When they let the relay follow."`
	Until *time.Time `json:"until,omitempty" doc:"When it ends; missing: when they withdraw it."`
}

type peopleOutput struct {
	Body struct {
		People  []Person `json:"people" nullable:"false" doc:"In the order of their ids, which stays the same while names change; sort them for showing. Nothing of what they share, and nothing of other relays."`
		Altered bool     `json:"altered" doc:"true: something of the list was altered in the store, and is left out."`
		Next
	}
}

func listPeople(ctx context.Context, p *consent.Post, in *pageAtRelay) (*peopleOutput, error) {
	all, err := p.People(ctx)
	altered := errors.Is(err, vault.ErrTampered)
	if err != nil && !altered {
		return nil, err
	}
	out := &peopleOutput{}
	all, out.Body.Next = page(in.Paged, all, func(one consent.Person) string { return one.Vault.String() })
	out.Body.Altered, out.Body.People = altered, make([]Person, 0, len(all))
	for _, one := range all {
		out.Body.People = append(out.Body.People, Person{ID: one.Vault.String(), Name: one.Name, Scope: scopeWord(one.Scope), Since: one.Since, Until: ifAny(one.Until)})
	}
	return out, nil
}

// Purpose is why a worker opens somebody's space. The person reads it.
type Purpose struct {
	Code string `json:"code" enum:"housing,health,benefits,residence,work,appointment,other" doc:"What for."`
	Text string `json:"text,omitempty" maxLength:"200" doc:"In the worker's words; required for other."`
}

func (p *Purpose) consent() consent.Purpose {
	return consent.Purpose{Code: consent.PurposeCode(p.Code), Text: p.Text}
}

// Opened is whose space a worker has open.
type Opened struct {
	Relay   string  `json:"relay" doc:"For which relay."`
	Vault   string  `json:"vault" doc:"Whose space."`
	Purpose Purpose `json:"purpose" doc:"Why."`
	Scope   string  `json:"scope" doc:"see, see-and-add or give."`
}

type openedOutput struct{ Body Opened }

func openedAnswer(p *consent.Post, v *vault.Vault, why consent.Purpose) *openedOutput {
	return &openedOutput{Body: Opened{
		Relay: p.Relay().ID.String(), Vault: v.ID().String(), Purpose: Purpose{Code: string(why.Code), Text: why.Text},
		Scope: scopeWord(v.Terms().Scope),
	}}
}

type openInput struct {
	Body struct {
		Relay   string  `json:"relay" doc:"For which the caller works."`
		Vault   string  `json:"vault" doc:"Of somebody whom it follows."`
		Purpose Purpose `json:"purpose" doc:"Why. The person reads it beside everything that is done."`
	}
}

func openPerson(ctx context.Context, w *consent.Worker, in *openInput) (*openedOutput, error) {
	relay, err := relayID(in.Body.Relay)
	if err != nil {
		return nil, err
	}
	id, err := spaceID(in.Body.Vault)
	if err != nil {
		return nil, err
	}
	post, err := w.At(ctx, relay)
	if err != nil {
		return nil, err
	}
	defer post.Close()
	why := in.Body.Purpose.consent()
	v, err := post.Open(ctx, id, why)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return openedAnswer(post, v, why), nil
}

func whatIsOpen(ctx context.Context, w *consent.Worker, _ *struct{}) (*openedOutput, error) {
	post, v, why, err := w.Opened(ctx)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrEnded) {
		return nil, errNothingOpen
	}
	if err != nil {
		return nil, err
	}
	defer post.Close()
	defer v.Close()
	return openedAnswer(post, v, why), nil
}

func closeOpened(ctx context.Context, w *consent.Worker, _ *struct{}) (*struct{}, error) {
	return nil, w.CloseOpened(ctx)
}

type giveUpInput struct {
	AtRelay
	Vault string `path:"vault" doc:"Whose space."`
	Body  struct {
		Purpose Purpose `json:"purpose" doc:"Why. The person reads it."`
	}
}

func giveUp(ctx context.Context, p *consent.Post, in *giveUpInput) (*struct{}, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return nil, err
	}
	return nil, p.GiveUp(ctx, id, in.Body.Purpose.consent())
}

func stopSessions(ctx context.Context, p *consent.Post, in *giveUpInput) (*confirmedOutput, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return nil, err
	}
	return confirmed(p.StopSessions(ctx, id, in.Body.Purpose.consent()))
}

func makePrivate(ctx context.Context, v *vault.Vault, in *ThisRevision) (*struct{}, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return nil, v.MakePrivate(ctx, id, revision)
}

type visitCodeOutput struct {
	Body struct {
		Code        string `json:"code" doc:"To be shown to a visitor as a QR code. It is no secret."`
		Fingerprint string `json:"fingerprint" doc:"24 digits of the caller's key, for who wants to compare them."`
	}
}

func visitCode(ctx context.Context, p *consent.Post, _ *AtRelay) (*visitCodeOutput, error) {
	code, err := p.VisitCode(ctx)
	if err != nil {
		return nil, err
	}
	out := &visitCodeOutput{}
	out.Body.Code, out.Body.Fingerprint = code.String(), consent.Fingerprint(code.Key)
	return out, nil
}

// Visiting is somebody who shows the caller something now.
type Visiting struct {
	Grant string    `json:"grant" doc:"Names the visit."`
	Vault string    `json:"vault" doc:"Whose space."`
	Name  string    `json:"name" doc:"As the person gave it: escape it wherever it is shown."`
	Scope string    `json:"scope" doc:"see or see-and-add."`
	Until time.Time `json:"until" doc:"When it ends."`
}

type visitingOutput struct {
	Body struct {
		Visits []Visiting `json:"visits" nullable:"false" doc:"The one that ends first first. What is over is gone."`
		Next
	}
}

func listVisits(ctx context.Context, p *consent.Post, in *pageAtRelay) (*visitingOutput, error) {
	all, err := p.Visits(ctx)
	if err != nil {
		return nil, err
	}
	out := &visitingOutput{}
	all, out.Body.Next = page(in.Paged, all, func(v consent.Visiting) string { return oldestFirst(v.Until, v.Grant.String()) })
	out.Body.Visits = make([]Visiting, 0, len(all))
	for _, v := range all {
		out.Body.Visits = append(out.Body.Visits, Visiting{Grant: v.Grant.String(), Vault: v.Vault.String(), Name: v.Name, Scope: scopeWord(v.Scope), Until: v.Until})
	}
	return out, nil
}

type openVisitInput struct {
	AtRelay
	Grant string `path:"grant" doc:"From the list of visits."`
	Body  struct {
		Purpose Purpose `json:"purpose" doc:"Why. The person reads it."`
	}
}

func openVisit(ctx context.Context, p *consent.Post, in *openVisitInput) (*openedOutput, error) {
	id, err := grantID(in.Grant)
	if err != nil {
		return nil, err
	}
	why := in.Body.Purpose.consent()
	v, err := p.OpenVisit(ctx, id, why)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return openedAnswer(p, v, why), nil
}

func (a *API) addPeople() {
	opening := []string{"not-found", "ended", "closing", "invalid", "media-type", "too-large", "untrusted-key", "witness-away"}
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/people", id: "list-people", tag: "Staff", summary: "Whom the relay follows",
		description: "By the name that each gave there. There is no search across relays.",
	}, listPeople)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/people/{vault}/give-up", id: "give-up", tag: "Staff", status: http.StatusNoContent, summary: "Stop following somebody",
		description: "Nobody of the relay opens their space from then on, and they read who gave it up and why.", problems: opening,
	}, giveUp)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/people/{vault}/stop-sessions", id: "stop-sessions", tag: "Staff", summary: "End every session of somebody",
		description: "For a lost phone, by a worker of a relay that follows or an agent of a desk that found the person by their login. They read who did it and why, and sign in again at once. A purpose that fits is {\"code\": \"other\", \"text\": \"lost phone\"}.",
		problems:    opening,
	}, stopSessions)
	registerWorker(a, operation{
		method: http.MethodPut, path: "/staff/opened", id: "open-person", tag: "Staff", summary: "Open somebody's space",
		description: "What they share, and nothing else, for a purpose. From then on the operations on items, documents and space are about it. A session has one space open at a time: this closes the one before.",
		problems:    append([]string{"not-named", "not-member", "no-second-factor", "key-changed"}, opening...),
	}, openPerson)
	registerWorker(a, operation{
		method: http.MethodGet, path: "/staff/opened", id: "what-is-open", tag: "Staff", summary: "Whose space is open",
		description: "In this session, and why.",
		problems:    []string{"nothing-open", "closing", "not-named", "not-member", "no-second-factor", "key-changed", "untrusted-key", "witness-away"},
	}, whatIsOpen)
	registerWorker(a, operation{
		method: http.MethodDelete, path: "/staff/opened", id: "close-opened", tag: "Staff", status: http.StatusNoContent, summary: "Close the space that is open",
		description: "In this session, wherever it is used.",
	}, closeOpened)
	register(a, operation{
		method: http.MethodPost, path: "/items/{item}/make-private", id: "make-private", tag: "Items", status: http.StatusNoContent, ifMatch: true, summary: "Make an item private on the person's word",
		description: "For the worker it is gone at once, and there is no way back: only the person shares. It opens again at the person's next sign-in, and not before: say so.",
		problems:    []string{"not-found", "full", "too-many", "busy-moving", "not-empty"},
	}, makePrivate)
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/visit-code", id: "visit-code", tag: "Staff", summary: "The caller's visit code",
		description: "A person who is not followed by this relay scans it to show the caller something for a while.",
	}, visitCode)
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/visits", id: "list-visits", tag: "Staff", summary: "Who shows the caller something",
		description: "Now, at this relay.",
	}, listVisits)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/visits/{grant}/open", id: "open-visit", tag: "Staff", summary: "Open what somebody shows the caller",
		description: "As PUT /staff/opened, for a visit.", problems: opening,
	}, openVisit)
}
