package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

// Space is how much may be kept and how much is, in bytes.
type Space struct {
	Limit    int64 `json:"limit" minimum:"0" doc:"Bytes that may be kept."`
	Used     int64 `json:"used" minimum:"0" doc:"Bytes that are kept."`
	Reserved int64 `json:"reserved" minimum:"0" doc:"Bytes set aside for uploads that are running."`
	Left     int64 `json:"left" minimum:"0" doc:"Bytes that can still be had."`
}

func spaceJSON(u quota.Usage) Space {
	return Space{Limit: u.Limit, Used: u.Used, Reserved: u.Reserved, Left: u.Left}
}

// SpaceRequest is a request for more space and its answer.
type SpaceRequest struct {
	Number  uint64     `json:"number" minimum:"1" doc:"From 1."`
	State   string     `json:"state" enum:"waiting,approved,refused" doc:"How it stands."`
	Reason  string     `json:"reason,omitempty" doc:"What the person wrote."`
	Asked   time.Time  `json:"asked" doc:"When it was asked."`
	Limit   int64      `json:"limit,omitempty" doc:"Bytes that may be kept once it is approved."`
	Decided *time.Time `json:"decided,omitempty" doc:"When it was decided; missing while it waits."`
	Why     string     `json:"why,omitempty" doc:"In the words of who decided."`
}

type usageOutput struct {
	Body struct {
		Space
		Largest []Item `json:"largest" nullable:"false" doc:"The documents that take the most space, largest first."`
	}
}

func usage(ctx context.Context, v *vault.Vault, _ *struct{}) (*usageOutput, error) {
	space, err := v.Space(ctx)
	if err != nil {
		return nil, err
	}
	out := &usageOutput{}
	out.Body.Space, out.Body.Largest = spaceJSON(space.Usage), itemsJSON(space.Largest)
	return out, nil
}

type askInput struct {
	Body struct {
		Reason string `json:"reason" maxLength:"500" doc:"For the operator who decides, who reads nothing else of this space."`
	}
}

type askOutput struct{ Body SpaceRequest }

func askForSpace(ctx context.Context, v *vault.Vault, in *askInput) (*askOutput, error) {
	r, err := v.AskForSpace(ctx, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &askOutput{Body: requestJSON(r)}, nil
}

type requestsOutput struct {
	Body struct {
		Requests []SpaceRequest `json:"requests" nullable:"false" doc:"The newest last."`
		Next
	}
}

func listSpaceRequests(ctx context.Context, v *vault.Vault, in *Paged) (*requestsOutput, error) {
	requests, err := v.SpaceRequests(ctx)
	if err != nil {
		return nil, err
	}
	out := &requestsOutput{}
	requests, out.Body.Next = page(*in, requests, func(r vault.SpaceRequest) string { return numbered(r.Number) })
	out.Body.Requests = make([]SpaceRequest, 0, len(requests))
	for _, r := range requests {
		out.Body.Requests = append(out.Body.Requests, requestJSON(r))
	}
	return out, nil
}

func requestJSON(r vault.SpaceRequest) SpaceRequest {
	out := SpaceRequest{Number: r.Number, State: r.State.String(), Reason: r.Reason, Asked: r.Asked, Limit: r.Limit, Why: r.Why}
	if !r.Decided.IsZero() {
		out.Decided = &r.Decided
	}
	return out
}

func (a *API) addSpace() {
	register(a, operation{
		method: http.MethodGet, path: "/usage", id: "usage", tag: "Space", summary: "Used and left",
		description: "In bytes as they are stored, padded and sealed, with the documents that take the most.",
	}, usage)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/space-requests", id: "list-space-requests", tag: "Space", summary: "List the requests for more space",
		description: "All that were made, with who decided what and why.",
	}, listSpaceRequests)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/space-requests", id: "ask-for-space", tag: "Space", status: http.StatusCreated, summary: "Ask for more space",
		description: "It may be answered at once or wait for the operator.",
		problems:    []string{"invalid", "media-type", "too-large", "pending", "closing"},
	}, askForSpace)
}
