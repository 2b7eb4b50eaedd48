package api

import (
	"context"
	"net/http"

	"reconnect.example/vault"
)

type cardSignInInput struct {
	sender
	Body struct {
		Card   string `json:"card" minLength:"1" maxLength:"200" doc:"As printed or scanned: either case, spaces and dashes allowed."`
		PIN    string `json:"pin" minLength:"1" maxLength:"50" doc:"Six digits of any script."`
		Device string `json:"device,omitempty" maxLength:"100" doc:"What the list of sessions shall call this device."`
	}
}

func (a *API) signInWithCard(ctx context.Context, in *cardSignInInput) (*signInOutput, error) {
	// Counted before anything is evaluated, whoever the account belongs to (F9).
	if err := a.limits.SignIn(in.request); err != nil {
		return nil, err
	}
	v, err := a.vaults.UnlockCard(ctx, vault.CardSignIn{Card: in.Body.Card, PIN: in.Body.PIN, Session: &vault.SessionRequest{Device: in.Body.Device}})
	if err != nil {
		return nil, err
	}
	defer v.Close()
	out := &signInOutput{}
	out.Body.Token, out.Body.ID = v.Token(), v.ID().String()
	return out, nil
}

type cardOutput struct {
	Body struct {
		State string `json:"state" doc:"none, active, to-be-printed (the keys have changed since: it opens nothing) or dead (too many wrong PINs)."`
	}
}

func cardState(ctx context.Context, v *vault.Vault, _ *struct{}) (*cardOutput, error) {
	state, err := v.AccessCardState(ctx)
	if err != nil {
		return nil, err
	}
	out := &cardOutput{}
	out.Body.State = string(state)
	return out, nil
}

type newCardInput struct {
	Body struct {
		PIN    string `json:"pin" minLength:"1" maxLength:"50" doc:"Six digits of any script, chosen by the person alone; none that everybody tries first."`
		Secret Secret `json:"secret" doc:"The password, or the earlier card with its PIN."`
	}
}

type newCardOutput struct {
	Body struct {
		Code      string `json:"code" doc:"To be printed, as text and as a QR code, and shown nowhere else: it is kept nowhere."`
		Login     string `json:"login" doc:"To be printed too, for who types the password."`
		Confirmed bool   `json:"confirmed" doc:"false: it is in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

func newCard(ctx context.Context, v *vault.Vault, in *newCardInput) (*newCardOutput, error) {
	card, err := v.NewAccessCard(ctx, in.Body.Secret.vault(), in.Body.PIN)
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &newCardOutput{}
	out.Body.Code, out.Body.Login, out.Body.Confirmed = card.Code, card.Login, confirmed
	return out, nil
}

func revokeCard(ctx context.Context, v *vault.Vault, _ *struct{}) (*confirmedOutput, error) {
	return confirmed(v.RevokeAccessCard(ctx))
}

func (a *API) addCard() {
	registerOpen(a, operation{
		method: http.MethodPost, path: "/sessions/card", id: "sign-in-with-card", tag: "Sessions", status: http.StatusCreated,
		summary:     "Sign in with the access card",
		description: "With its PIN. Returns a bearer token. No answer and no delay tells whether an account or a card exists to who does not hold it.",
		problems:    []string{"sign-in", "card-dead", "busy", "witness-away", "key-service", "invalid", "media-type", "too-large"},
	}, a.signInWithCard)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/card", id: "card-state", tag: "Account", summary: "How it stands with the access card",
		description: "Whether there is one, and whether it opens anything.",
	}, cardState)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/card", id: "new-card", tag: "Account", status: http.StatusCreated, summary: "Issue an access card",
		description: "It takes the place of an earlier one, which is dead at once. Print it now: nobody can show it again.",
		problems:    secretProblems("closing"),
	}, newCard)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/card", id: "revoke-card", tag: "Account", summary: "Make the access card worthless",
		description: "It was lost, or is not wanted any more. Every other session ends." + lateSecret,
		problems:    []string{"not-found", "secret-again"},
	}, lately(revokeCard))
}
