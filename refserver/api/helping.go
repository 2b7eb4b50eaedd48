package api

import (
	"context"
	"errors"
	"net/http"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// OneHelped is the address of somebody whom a relay, or a desk, helps back in.
type OneHelped struct {
	AtRelay
	Vault string `path:"vault" doc:"Whose space: from the list of people or, at a desk, found by their login."`
}

// OneRequest is the address of a request about somebody.
type OneRequest struct {
	OneHelped
	Request string `path:"request" doc:"From the list of requests."`
}

func (in *OneRequest) ids() (vault.ID, recovery.RequestID, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return id, recovery.RequestID{}, err
	}
	request, err := requestID(in.Request)
	return id, request, err
}

type findInput struct {
	sender
	AtRelay
	Body struct {
		Login string `json:"login" minLength:"1" maxLength:"100" doc:"As the person reads it from their card or sheet. It stands in a body and never in an address, which ends in logs."`
	}
}

type findOutput struct {
	Body struct {
		Vault string `json:"vault" doc:"Names the space. It opens nothing."`
	}
}

func (a *API) findHelped(ctx context.Context, p *consent.Post, in *findInput) (*findOutput, error) {
	if err := a.limits.StaffSignIn(in.request); err != nil { // so that logins cannot be tried out, as on the page
		return nil, err
	}
	id, err := a.recovery.Find(ctx, p, in.Body.Login)
	if err != nil {
		return nil, err
	}
	out := &findOutput{}
	out.Body.Vault = id.String()
	return out, nil
}

// WayBack is a way back in, as a helper sees it.
type WayBack struct {
	Path    string `json:"path" doc:"Names it."`
	Kind    string `json:"kind" doc:"What it takes: sheet-relay, sheet-desk, answers-relay, answers-desk or helpers."`
	Private bool   `json:"private" doc:"Whether private papers come back, too."`
}

type waysOutput struct {
	Body struct {
		Ways []WayBack `json:"ways" nullable:"false" doc:"With which this relay or desk can help."`
	}
}

func (a *API) waysBack(ctx context.Context, p *consent.Post, in *OneHelped) (*waysOutput, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return nil, err
	}
	all, err := a.recovery.Ways(ctx, p, id)
	if err != nil {
		return nil, err
	}
	out := &waysOutput{}
	out.Body.Ways = make([]WayBack, 0, len(all))
	for _, w := range all {
		out.Body.Ways = append(out.Body.Ways, WayBack{Path: w.Path.String(), Kind: w.Kind.String(), Private: w.Private})
	}
	return out, nil
}

type openRequestInput struct {
	OneHelped
	Body struct {
		Path       string   `json:"path" doc:"Which way: from the list of ways."`
		Recognised string   `json:"recognised" minLength:"1" maxLength:"200" doc:"How the person was recognised. They read it in their journal."`
		Ask        []string `json:"ask,omitempty" nullable:"false" maxItems:"8" doc:"Ids of others who are asked to help: the desk, where relay and desk help together; a relay in another town that follows, too."`
	}
}

type openRequestOutput struct {
	Body struct {
		Request RecoveryRequest `json:"request" doc:"What was opened."`
		Number  string          `json:"number" doc:"For the person alone, with the code: on paper, or aloud. Shown once; keep neither."`
		Code    string          `json:"code" doc:"For the person alone."`
	}
}

func (a *API) openRequest(ctx context.Context, p *consent.Post, in *openRequestInput) (*openRequestOutput, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return nil, err
	}
	path, err := vault.ParsePathID(in.Body.Path)
	if err != nil {
		return nil, invalid("body.path", "is none of the ways of this person")
	}
	n := recovery.NewRequest{Vault: id, Path: path, Recognised: in.Body.Recognised}
	for _, s := range in.Body.Ask {
		relay, err := relayID(s)
		if err != nil {
			return nil, err
		}
		n.Ask = append(n.Ask, relay)
	}
	opened, err := a.recovery.Open(ctx, p, n)
	if errors.Is(err, recovery.ErrRequest) { // there is no request yet that could be over
		err = invalid("body.path", "is none of the ways of this person any more: list them again")
	}
	if err != nil {
		return nil, err
	}
	out := &openRequestOutput{}
	out.Body.Request, out.Body.Number, out.Body.Code = recoveryRequestJSON(opened.Request), opened.Number, opened.Code
	return out, nil
}

type requestsAboutOutput struct {
	Body struct {
		Requests []RecoveryRequest `json:"requests" nullable:"false" doc:"The newest first, also those that colleagues opened, on other machines."`
		Next
	}
}

type requestsAboutInput struct {
	OneHelped
	Paged
}

func (a *API) listRequests(ctx context.Context, p *consent.Post, in *requestsAboutInput) (*requestsAboutOutput, error) {
	id, err := spaceID(in.Vault)
	if err != nil {
		return nil, err
	}
	all, err := a.recovery.Requests(ctx, p, id)
	if err != nil {
		return nil, err
	}
	out := &requestsAboutOutput{}
	all, out.Body.Next = page(in.Paged, all, requestKey)
	out.Body.Requests = recoveryRequestsJSON(all)
	return out, nil
}

type contributeOutput struct {
	Body struct {
		Request RecoveryRequest `json:"request" doc:"How it stands with it now."`
		Code    string          `json:"code,omitempty" doc:"The desk's part of the code, where two have one each: to be said to the person. Contributing again makes a new one."`
	}
}

func (a *API) contribute(ctx context.Context, p *consent.Post, in *OneRequest) (*contributeOutput, error) {
	id, request, err := in.ids()
	if err != nil {
		return nil, err
	}
	given, err := a.recovery.Contribute(ctx, p, id, request)
	if err != nil {
		return nil, err
	}
	out := &contributeOutput{}
	out.Body.Request, out.Body.Code = recoveryRequestJSON(given.Request), given.Code
	return out, nil
}

type approveInput struct {
	OneRequest
	Body struct {
		Recognised string `json:"recognised" minLength:"1" maxLength:"200" doc:"How the person was recognised. They read it in their journal."`
	}
}

type oneRequestOutput struct{ Body RecoveryRequest }

func (a *API) approve(ctx context.Context, p *consent.Post, in *approveInput) (*oneRequestOutput, error) {
	id, request, err := in.ids()
	if err != nil {
		return nil, err
	}
	r, err := a.recovery.Approve(ctx, p, id, request, in.Body.Recognised)
	if err != nil {
		return nil, err
	}
	return &oneRequestOutput{Body: recoveryRequestJSON(r)}, nil
}

type cancelInput struct {
	OneRequest
	Body struct {
		Why string `json:"why,omitempty" maxLength:"200" doc:"The person reads it in their journal."`
	}
}

func (a *API) cancelRequest(ctx context.Context, p *consent.Post, in *cancelInput) (*confirmedOutput, error) {
	id, request, err := in.ids()
	if err != nil {
		return nil, err
	}
	return confirmed(a.recovery.Cancel(ctx, p, id, request, in.Body.Why))
}

// QueuedRequest is a request that waits for a desk or a relay.
type QueuedRequest struct {
	Request *RecoveryRequest `json:"request,omitempty" doc:"Without any name."`
	Altered bool             `json:"altered,omitempty" doc:"true: it cannot be read. Tell the service."`
}

type queueOutput struct {
	Body struct {
		Requests []QueuedRequest `json:"requests" nullable:"false" doc:"The oldest first, and then what cannot be read."`
		Next
	}
}

func (a *API) recoveryQueue(ctx context.Context, p *consent.Post, in *pageAtRelay) (*queueOutput, error) {
	all, err := a.recovery.Queue(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &queueOutput{}
	all, out.Body.Next = page(in.Paged, all, func(q recovery.Queued) string { return oldestFirst(q.Request.Opened, q.Request.ID.String()) })
	out.Body.Requests = make([]QueuedRequest, 0, len(all))
	for _, q := range all {
		one := QueuedRequest{Altered: q.Error != nil}
		if q.Error == nil {
			r := recoveryRequestJSON(q.Request)
			one.Request = &r
		}
		out.Body.Requests = append(out.Body.Requests, one)
	}
	return out, nil
}

// RecoveryCount is a number of one month. It is of nobody.
type RecoveryCount struct {
	Month string `json:"month" doc:"As 2026-11."`
	Event string `json:"event" doc:"opened, completed or cancelled."`
	Kind  string `json:"kind,omitempty" doc:"By which kind of way."`
	Count string `json:"count" doc:"How many; below ten it is \"<10\", and \"-\" where it would tell, with others, a number below ten."`
}

type recoveryCountsOutput struct {
	Body struct {
		Counts []RecoveryCount `json:"counts" nullable:"false" doc:"Of this relay or desk."`
	}
}

func (a *API) recoveryCounts(ctx context.Context, p *consent.Post, _ *AtRelay) (*recoveryCountsOutput, error) {
	all, err := a.recovery.Counts(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &recoveryCountsOutput{}
	out.Body.Counts = make([]RecoveryCount, 0, len(all))
	for _, c := range all {
		out.Body.Counts = append(out.Body.Counts, RecoveryCount{Month: c.Month, Event: c.Event, Kind: c.Kind.String(), Count: c.Count.String()})
	}
	return out, nil
}

// ScriptStep is a step of what a helper does while they help somebody back in.
type ScriptStep struct {
	Do   string `json:"do" doc:"ask, say, act or never, as stable codes. What is asked and said is to be read aloud."`
	Text string `json:"text" doc:"In plain words."`
}

type scriptInput struct {
	Kind     string `path:"kind" enum:"sheet-relay,sheet-desk,answers-relay,answers-desk,helpers" doc:"By which kind of way."`
	Language string `query:"language" enum:"fr,en,ar" default:"fr" doc:"Of the script."`
}

type scriptOutput struct {
	Body struct {
		Steps []ScriptStep `json:"steps" nullable:"false" doc:"In their order; at the end what is never done, whatever anybody says."`
	}
}

func helpScript(_ context.Context, _ *consent.Worker, in *scriptInput) (*scriptOutput, error) {
	out := &scriptOutput{}
	out.Body.Steps = []ScriptStep{}
	for _, step := range recovery.Script(vault.ParsePathKind(in.Kind), in.Language) {
		out.Body.Steps = append(out.Body.Steps, ScriptStep{Do: string(step.Do), Text: step.Text})
	}
	return out, nil
}

func (a *API) addHelping() {
	at := func(method, path, id, summary, description string, status int, problems ...string) operation {
		return operation{
			method: method, path: "/staff/relays/{relay}" + path, id: id, tag: "Helping", summary: summary,
			description: description, status: status, problems: append(problems, "untrusted-key", "closing", "ended"),
		}
	}
	acts := []string{"not-found", "recovery-over", "invalid", "media-type", "too-large", "key-service", "busy"}
	const person = "/people/{vault}/recovery"
	registerWorker(a, operation{
		method: http.MethodGet, path: "/staff/recovery/script/{kind}", id: "recovery-script", tag: "Helping", summary: "What to ask and to say",
		description: "Step by step, to be shown beside a request. Nothing that the person brings is ever asked for.", problems: []string{"invalid"},
	}, helpScript)
	registerPost(a, at(http.MethodPost, "/recovery/find", "find-helped", "Find who calls by their login",
		"For desks: whoever did not let this desk help them is nobody.", 0, "not-found", "invalid", "media-type", "too-large", "key-service"), a.findHelped)
	registerPost(a, at(http.MethodGet, "/recovery/queue", "recovery-queue", "Requests that wait",
		"That this desk or relay was asked to help with, without any name.", 0), a.recoveryQueue)
	registerPost(a, at(http.MethodGet, "/recovery/counts", "recovery-counts", "Count the requests",
		"By month. For managers; small numbers are not told.", 0, "not-manager"), a.recoveryCounts)
	registerPost(a, at(http.MethodGet, person, "ways-back", "How somebody can be helped back in",
		"By this relay or desk. The person reads in their journal that it was looked at.", 0, "not-found"), a.waysBack)
	registerPost(a, at(http.MethodGet, person+"/requests", "list-requests", "The requests about somebody",
		"Open and over.", 0, "not-found"), a.listRequests)
	registerPost(a, at(http.MethodPost, person+"/requests", "open-request", "Help somebody back in",
		"With this helper's half, which opens nothing alone. Number and code are for the person, who goes on alone with POST /hand-over. After the lost answer of this, cancel the request and open another.", http.StatusCreated, append([]string{"recovery-open", "revision"}, acts...)...), a.openRequest)
	registerPost(a, at(http.MethodPost, person+"/requests/{request}/contribute", "contribute", "Give one's half to a request",
		"From another town, and at another time, if need be. Where two of each side must agree, it says that this one does. Giving again changes nothing but the desk's part of a code.", 0, append([]string{"agreed"}, acts...)...), a.contribute)
	registerPost(a, at(http.MethodPost, person+"/requests/{request}/approve", "approve", "Agree to a request",
		"The word of one more person, where two of each side must agree. Who opened the request, or gave a half, has agreed by that; a second time is refused.", 0, append([]string{"agreed"}, acts...)...), a.approve)
	registerPost(a, at(http.MethodPost, person+"/requests/{request}/cancel", "cancel-request", "End a request",
		"Anybody of a relay that follows, or of the desk, may. The witness is told first; if it is away the request ends here all the same.", 0, append([]string{"unconfirmed"}, acts...)...), a.cancelRequest)
}
