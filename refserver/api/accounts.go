package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// NewAccount is what a worker and a person enter together.
type NewAccount struct {
	Name     string     `json:"name" minLength:"1" maxLength:"200" doc:"What the person is called at this relay. When an opening goes on, the name of its draft counts."`
	Password string     `json:"password" minLength:"1" maxLength:"1000" doc:"Typed by the person alone; the worker never sees it."`
	Account  Agreement  `json:"account" doc:"The person's yes to the account."`
	Follow   *Agreement `json:"follow,omitempty" doc:"The person's yes to be followed by this relay; needed unless the scope is none."`
	Scope    string     `json:"scope" enum:"see,see-and-add,give,none" doc:"What the relay may. none: it opens the account and is not let in; the account is not the price of it."`
	Until    *time.Time `json:"until,omitempty" doc:"How long it follows; missing: until it is withdrawn."`
	PIN      string     `json:"pin,omitempty" maxLength:"50" doc:"Of an access card, six digits typed by the person; missing: no card."`
	Device   string     `json:"device,omitempty" maxLength:"100" doc:"Named: the person goes on here, signed in on a device of this name."`
}

func (n *NewAccount) consent() consent.NewAccount {
	out := consent.NewAccount{
		Name: n.Name, Password: n.Password, Notice: n.Account.Notice.vault(), Consent: n.Account.Agreed,
		Scope: scopes[n.Scope], Alone: n.Scope == "none", Until: orZero(n.Until), PIN: n.PIN, Channel: "relay",
	}
	if n.Follow != nil {
		out.Follow, out.Agreed = n.Follow.Notice.vault(), n.Follow.Agreed
	}
	if n.Device != "" {
		out.Session = &vault.SessionRequest{Device: n.Device}
	}
	return out
}

type newAccountInput struct {
	AtRelay
	Body NewAccount
}

type accountOutput struct {
	Body struct {
		ID        string          `json:"id" doc:"Of the person's space."`
		Login     string          `json:"login" doc:"To be printed for the person."`
		Receipt   *ConsentReceipt `json:"receipt,omitempty" doc:"Of what the person agreed to for this relay, for them to keep; missing where it was not let in."`
		Card      string          `json:"card,omitempty" doc:"Code of the access card, to be printed for the person and shown nowhere else."`
		Token     string          `json:"token,omitempty" doc:"Of the person's own session, if a device was named. It is the person's: never keep it."`
		Confirmed bool            `json:"confirmed" doc:"false: all of it is in force, but the witness could not confirm it yet."`
	}
}

func accountAnswer(account *consent.Account, err error) (*accountOutput, error) {
	if account == nil || err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return nil, err
	}
	defer account.Vault.Close()
	out := &accountOutput{}
	out.Body.ID, out.Body.Login, out.Body.Token = account.Vault.ID().String(), account.Login, account.Vault.Token()
	out.Body.Card = account.Card.Code
	if out.Body.Confirmed = err == nil; account.Receipt.ID != "" {
		out.Body.Receipt = &ConsentReceipt{account.Receipt}
	}
	return out, nil
}

func openAccount(ctx context.Context, p *consent.Post, in *newAccountInput) (*accountOutput, error) {
	return accountAnswer(p.OpenAccount(ctx, in.Body.consent()))
}

// OneDraft is the address of an opening that was interrupted.
type OneDraft struct {
	AtRelay
	Draft string `path:"draft" doc:"From the list of drafts."`
}

type resumeAccountInput struct {
	OneDraft
	Body NewAccount
}

func resumeAccount(ctx context.Context, p *consent.Post, in *resumeAccountInput) (*accountOutput, error) {
	id, err := itemID(in.Draft)
	if err != nil {
		return nil, err
	}
	return accountAnswer(p.ResumeAccount(ctx, id, in.Body.consent()))
}

func dropDraft(ctx context.Context, p *consent.Post, in *OneDraft) (*struct{}, error) {
	id, err := itemID(in.Draft)
	if err != nil {
		return nil, err
	}
	return nil, p.DropDraft(ctx, id)
}

// Draft is an opening that was interrupted.
type Draft struct {
	ID    string    `json:"id" doc:"Names the draft."`
	Name  string    `json:"name" doc:"What the person is called there: escape it wherever it is shown."`
	Begun time.Time `json:"begun" doc:"When. It can be continued for seven days."`
}

type draftsOutput struct {
	Body struct {
		Drafts []Draft `json:"drafts" nullable:"false" doc:"The oldest first."`
		Next
	}
}

func listDrafts(ctx context.Context, p *consent.Post, in *pageAtRelay) (*draftsOutput, error) {
	all, err := p.Drafts(ctx)
	if err != nil {
		return nil, err
	}
	out := &draftsOutput{}
	all, out.Body.Next = page(in.Paged, all, func(d consent.Draft) string { return oldestFirst(d.Begun, d.ID.String()) })
	out.Body.Drafts = make([]Draft, 0, len(all))
	for _, d := range all {
		out.Body.Drafts = append(out.Body.Drafts, Draft{ID: d.ID.String(), Name: d.Name, Begun: d.Begun})
	}
	return out, nil
}

func (a *API) addAccounts() {
	problems := []string{"licence", "followed", "sign-in", "busy", "key-service", "unconfirmed", "too-many", "closing", "invalid", "media-type", "too-large", "untrusted-key"}
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/accounts", id: "open-account", tag: "Staff", status: http.StatusCreated, summary: "Open an account with a person",
		description: "Who reads a notice and agrees, types a password, and lets this relay follow or not. What is interrupted leaves a draft that goes on from there. It needs a licence in force.",
		problems:    problems,
	}, openAccount)
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/drafts", id: "list-drafts", tag: "Staff", summary: "Openings that were interrupted",
		description: "Those that are too old go.",
	}, listDrafts)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/drafts/{draft}/resume", id: "resume-account", tag: "Staff", summary: "Go on with an opening",
		description: "The person types their password again: the same one, if the account was made already. Nothing is doubled.",
		problems:    append([]string{"not-found"}, problems...),
	}, resumeAccount)
	registerPost(a, operation{
		method: http.MethodDelete, path: "/staff/relays/{relay}/drafts/{draft}", id: "drop-draft", tag: "Staff", status: http.StatusNoContent, summary: "Forget an opening",
		description: "An account that was made already stays its person's.", problems: []string{"not-found", "revision"},
	}, dropDraft)
}
