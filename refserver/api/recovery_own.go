package api

import (
	"context"
	"net/http"

	"reconnect.example/vault"
)

type ownRequestsOutput struct {
	Body struct {
		Requests []RecoveryRequest `json:"requests" nullable:"false" doc:"The newest first."`
		Next
	}
}

func (a *API) ownRequests(ctx context.Context, v *vault.Vault, in *Paged) (*ownRequestsOutput, error) {
	all, err := a.recovery.Own(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &ownRequestsOutput{}
	all, out.Body.Next = page(*in, all, requestKey)
	out.Body.Requests = recoveryRequestsJSON(all)
	return out, nil
}

func (a *API) cancelOwnRequest(ctx context.Context, v *vault.Vault, in *struct {
	Request string `path:"request" doc:"From the list."`
}) (*confirmedOutput, error) {
	id, err := requestID(in.Request)
	if err != nil {
		return nil, err
	}
	return confirmed(a.recovery.CancelOwn(ctx, v, id))
}

// PendingPrivate is what comes back later.
type PendingPrivate struct {
	Request string `json:"request" doc:"Of which it is a part; cancelling that ends it."`
	Wait    int64  `json:"wait" minimum:"0" doc:"Seconds until it can be opened."`
}

type pendingOutput struct {
	Body struct {
		Pending *PendingPrivate `json:"pending,omitempty" doc:"Missing: nothing comes back later."`
	}
}

func (a *API) pendingPrivate(ctx context.Context, v *vault.Vault, _ *struct{}) (*pendingOutput, error) {
	p, err := a.recovery.Pending(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &pendingOutput{}
	if p != nil {
		out.Body.Pending = &PendingPrivate{Request: p.Request.String(), Wait: seconds(p.Wait)}
	}
	return out, nil
}

type openPendingInput struct {
	Body struct {
		Secret Secret `json:"secret" doc:"Shown once more."`
	}
}

type cameBackOutput struct {
	Body struct {
		Items     int  `json:"items" minimum:"0" doc:"So many things came back."`
		Confirmed bool `json:"confirmed" doc:"false: it is done and in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

func cameBack(n int, err error) (*cameBackOutput, error) {
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &cameBackOutput{}
	out.Body.Items, out.Body.Confirmed = n, confirmed
	return out, nil
}

func (a *API) openPendingPrivate(ctx context.Context, v *vault.Vault, in *openPendingInput) (*cameBackOutput, error) {
	return cameBack(a.recovery.OpenPending(ctx, v, in.Body.Secret.vault()))
}

type openLockedInput struct {
	Body struct {
		Old    Secret `json:"old" doc:"The password, or the access card with its PIN, of before the recovery."`
		Secret Secret `json:"secret" doc:"That of today."`
	}
}

func (a *API) openLocked(ctx context.Context, v *vault.Vault, in *openLockedInput) (*cameBackOutput, error) {
	old, secret := in.Body.Old.vault(), in.Body.Secret.vault()
	if a.recovery == nil {
		return cameBack(v.OpenLocked(ctx, old, secret, nil))
	}
	return cameBack(a.recovery.OpenLocked(ctx, v, old, secret))
}

// addLocked is there without package recovery, too: what is locked stays the person's.
func (a *API) addLocked() {
	registerPerson(a, operation{
		method: http.MethodPost, path: "/locked", id: "open-locked", tag: "Account", summary: "Open what a recovery left locked",
		description: "What was private before a recovery that did not open it is counted in the overview, and not lost: the old password, or the old card, opens it, and nothing else any more.",
		problems:    secretProblems("not-found", "too-many", "closing"),
	}, a.openLocked)
}

func (a *API) addOwnRequests() {
	registerPerson(a, operation{
		method: http.MethodGet, path: "/recovery/requests", id: "list-own-requests", tag: "Recovery", summary: "Who asked to get into this space",
		description: "Requests about the caller, open and over. To be shown on the first screen. Signing in has ended those that were open.",
		problems:    []string{"witness-away", "untrusted-key"},
	}, a.ownRequests)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/recovery/requests/{request}", id: "cancel-own-request", tag: "Recovery", summary: "End a request about oneself",
		description: "At one tap. The witness is told first; if it is away the request ends here all the same.",
		problems:    []string{"recovery-over", "witness-away", "unconfirmed", "closing"},
	}, a.cancelOwnRequest)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/recovery/pending", id: "pending-private", tag: "Recovery", summary: "What comes back later",
		description: "Private papers, after the longer wait of the way with nothing of the person's.", problems: []string{"witness-away"},
	}, a.pendingPrivate)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/recovery/pending", id: "open-pending-private", tag: "Recovery", summary: "Open what came back later",
		description: "When the wait is over.", problems: secretProblems("not-found", "not-ready", "recovery-over", "too-many", "closing"),
	}, a.openPendingPrivate)
}
