package api

import (
	"context"
	"net/http"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

func lockSession(ctx context.Context, w *consent.Worker, _ *struct{}) (*struct{}, error) {
	return nil, w.Lock(ctx)
}

// lockedInput is of who is at a session that is locked.
type lockedInput struct{ sender }

// lockedToken is the token of the session. No gate lets a locked one through (caller.go).
func (a *API) lockedToken(in *lockedInput) (token string, err error) {
	// Counted like a sign-in: whoever has the device guesses here no faster (F9).
	if err := a.limits.StaffSignIn(in.request); err != nil {
		return "", err
	}
	if err := fromHere(in.request); err != nil {
		return "", err
	}
	if token = session.Token(in.request); token == "" {
		return "", vault.ErrSessionEnded
	}
	return token, nil
}

type unlockInput struct {
	lockedInput
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"1000" doc:"Typed by the worker."`
		Code     string `json:"code,omitempty" maxLength:"20" doc:"Of the authenticator app; missing only before one is set up."`
	}
}

func (a *API) unlockSession(ctx context.Context, in *unlockInput) (*struct{}, error) {
	token, err := a.lockedToken(&in.lockedInput)
	if err != nil {
		return nil, err
	}
	w, err := a.staff.UnlockSession(ctx, token, in.Body.Password, in.Body.Code)
	if err != nil {
		return nil, err
	}
	w.Close()
	return nil, nil
}

func (a *API) leaveLocked(ctx context.Context, in *lockedInput) (*struct{}, error) {
	token, err := a.lockedToken(in)
	if err != nil {
		return nil, err
	}
	return nil, a.staff.SignOut(ctx, token)
}

func (a *API) addLock() {
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/lock", id: "lock-session", tag: "Staff", status: http.StatusNoContent, summary: "Lock this session",
		description: "While a person is at the same device. From then on everything that is done with it is refused, here and elsewhere, also a download under way; what is open stays open behind the lock.",
	}, lockSession)
	registerOpen(a, operation{
		method: http.MethodPost, path: "/staff/unlock", id: "unlock-session", tag: "Staff", status: http.StatusNoContent, scheme: "bearer", summary: "Open the lock of this session",
		description: "With the worker's password. The try is counted like a sign-in, and after a wrong one it stays locked.",
		problems:    []string{"session-ended", "sign-in", "second-factor", "busy", "witness-away", "key-service", "unconfirmed", "invalid", "media-type", "too-large"},
	}, a.unlockSession)
	registerOpen(a, operation{
		method: http.MethodDelete, path: "/staff/session", id: "sign-out-locked", tag: "Staff", status: http.StatusNoContent, scheme: "bearer", summary: "Sign out, also behind the lock",
		description: "Ends this session, locked or not, and what is open in it. It takes no password: nothing opens by it.",
		problems:    []string{"session-ended"},
	}, a.leaveLocked)
}
