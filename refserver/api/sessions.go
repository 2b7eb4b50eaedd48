package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Session is one device that is signed in.
type Session struct {
	ID       string    `json:"id" doc:"Names the session in this list. It opens nothing."`
	Device   string    `json:"device" doc:"What the device called itself when it signed in."`
	Started  time.Time `json:"started" doc:"When it signed in."`
	LastUsed time.Time `json:"lastUsed" doc:"When it was last used, to within five minutes."`
	Expires  time.Time `json:"expires" doc:"When it ends unless it is used again."`
	Current  bool      `json:"current" doc:"Whether it is the session of this request."`
}

type signInInput struct {
	sender
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"100" doc:"As printed on the person's sheet."`
		Password string `json:"password" minLength:"1" maxLength:"1000" doc:"Typed by the person."`
		Device   string `json:"device,omitempty" maxLength:"100" doc:"What the list of sessions shall call this device."`
	}
}

type signInOutput struct {
	Body struct {
		Token string `json:"token" doc:"For the header \"Authorization: Bearer …\". Shown once; keep it as secret as the password."`
		ID    string `json:"id" doc:"Names the space. It is no secret and opens nothing."`
	}
}

func (a *API) signIn(ctx context.Context, in *signInInput) (*signInOutput, error) {
	// Counted before anything is evaluated, whoever the account belongs to (F9).
	if err := a.limits.SignIn(in.request); err != nil {
		return nil, err
	}
	v, err := a.vaults.Unlock(ctx, vault.Password{
		Login: in.Body.Login, Secret: in.Body.Password,
		Session: &vault.SessionRequest{Device: in.Body.Device},
	})
	if err != nil {
		return nil, err
	}
	defer v.Close()
	out := &signInOutput{}
	out.Body.Token, out.Body.ID = v.Token(), v.ID().String()
	return out, nil
}

type sessionsOutput struct {
	Body struct {
		Sessions []Session `json:"sessions" nullable:"false" doc:"All that are open: the current one first, then the latest."`
		Next
	}
}

func listSessions(ctx context.Context, v *vault.Vault, in *Paged) (*sessionsOutput, error) {
	sessions, err := v.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	out := &sessionsOutput{}
	sessions, out.Body.Next = page(*in, sessions, func(s vault.Session) string {
		if s.Current {
			return "1"
		}
		return "2-" + newestFirst(s.Started, s.ID.String())
	})
	out.Body.Sessions = make([]Session, 0, len(sessions))
	for _, s := range sessions {
		out.Body.Sessions = append(out.Body.Sessions, Session{
			ID: s.ID.String(), Device: s.Device, Started: s.Started, LastUsed: s.LastUsed, Expires: s.Expires, Current: s.Current,
		})
	}
	return out, nil
}

func signOut(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.SignOut(ctx)
}

func endOtherSessions(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.EndOtherSessions(ctx)
}

func endSession(ctx context.Context, v *vault.Vault, in *struct {
	ID string `path:"session" doc:"From the list."`
}) (*struct{}, error) {
	id, err := vault.ParseSessionID(in.ID)
	if err != nil {
		return nil, vault.ErrNotFound
	}
	return nil, v.EndSession(ctx, id)
}

func (a *API) addSessions() {
	registerOpen(a, operation{
		method: http.MethodPost, path: "/sessions", id: "sign-in", tag: "Sessions", status: http.StatusCreated,
		summary:     "Sign in",
		description: "Returns a bearer token. No answer and no delay tells whether an account exists. No cookie is set: only the pages do that.",
		problems:    []string{"sign-in", "busy", "witness-away", "key-service", "invalid", "media-type", "too-large"},
	}, a.signIn)
	registerOwn(a, operation{
		method: http.MethodGet, path: "/sessions", id: "list-sessions", tag: "Sessions", summary: "List the sessions",
		description: "Every device that is signed in, the current one first.",
	}, listSessions)
	registerOwn(a, operation{
		method: http.MethodDelete, path: "/sessions/current", id: "sign-out", tag: "Sessions", status: http.StatusNoContent,
		summary:     "Sign out",
		description: "Ends the session of this request.",
	}, signOut)
	registerOwn(a, operation{
		method: http.MethodDelete, path: "/sessions", id: "end-other-sessions", tag: "Sessions", status: http.StatusNoContent,
		summary:     "End all other sessions",
		description: "Every other device has to sign in again; this one goes on.",
	}, endOtherSessions)
	registerOwn(a, operation{
		method: http.MethodDelete, path: "/sessions/{session}", id: "end-session", tag: "Sessions", status: http.StatusNoContent,
		summary:     "End a session",
		description: "Ends this session for good, even if somebody put an old copy of the data back. For that every other session but the caller's has to sign in again too.",
		problems:    []string{"not-found"},
	}, endSession)
}
