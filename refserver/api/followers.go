package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Follower is somebody who can see what the person shares, or who could.
type Follower struct {
	Grant        string     `json:"grant" doc:"Names what was allowed."`
	Relay        string     `json:"relay" doc:"Id of the relay."`
	Name         string     `json:"name" doc:"Of the relay, as the directory has it; as it was when the person agreed, if it is not in there any more."`
	Place        string     `json:"place,omitempty" doc:"Where it is."`
	Contact      string     `json:"contact,omitempty" doc:"How to reach it."`
	Organisation string     `json:"organisation,omitempty" doc:"Who answers for it."`
	Gone         bool       `json:"gone,omitempty" doc:"true: the relay is not in the directory any more."`
	Visit        bool       `json:"visit,omitempty" doc:"true: shown to one worker, for a while."`
	Worker       string     `json:"worker,omitempty" doc:"Of a visit: id of the worker."`
	Items        int        `json:"items,omitempty" doc:"Of a visit to chosen items: how many."`
	Called       string     `json:"called,omitempty" doc:"What the person is called there."`
	Scope        string     `json:"scope" doc:"see, see-and-add, give, or help: to help back in by phone, and see nothing."`
	Since        time.Time  `json:"since" doc:"When it was allowed."`
	Until        *time.Time `json:"until,omitempty" doc:"When it ends by itself; missing: when it is withdrawn."`
	InForce      bool       `json:"inForce" doc:"Whether they can see now."`
	Ended        *time.Time `json:"ended,omitempty" doc:"When it ended."`
	EndedBy      string     `json:"endedBy,omitempty" doc:"Who or what ended it, as a stable code."`
	Receipt      string     `json:"receipt,omitempty" doc:"Id of its receipt."`
}

func followerJSON(f consent.Follower) Follower {
	out := Follower{
		Grant: f.Grant.String(), Relay: f.Relay.String(), Name: f.Name, Place: f.Place, Contact: f.Contact, Organisation: f.Organisation,
		Gone: f.Gone, Visit: f.Visit, Items: f.Items, Called: f.Called, Scope: scopeWord(f.Scope), Since: f.Since,
		Until: ifAny(f.Until), InForce: f.InForce, Ended: ifAny(f.Ended), EndedBy: string(f.EndedBy), Receipt: f.Receipt,
	}
	if !f.Worker.IsZero() {
		out.Worker = f.Worker.String()
	}
	return out
}

type followersOutput struct {
	Body struct {
		Followers []Follower `json:"followers" nullable:"false" doc:"Who can see now first, then the latest."`
		Next
	}
}

func (a *API) listFollowers(ctx context.Context, v *vault.Vault, in *Paged) (*followersOutput, error) {
	all, err := a.staff.Followers(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &followersOutput{}
	all, out.Body.Next = page(*in, all, func(f consent.Follower) string {
		key := newestFirst(f.Since, f.Grant.String())
		if f.InForce {
			return "1-" + key
		}
		return "2-" + key
	})
	out.Body.Followers = make([]Follower, 0, len(all))
	for _, f := range all {
		out.Body.Followers = append(out.Body.Followers, followerJSON(f))
	}
	return out, nil
}

type followInput struct {
	Body struct {
		Agreement
		Relay  string     `json:"relay" doc:"Id of the relay."`
		Scope  string     `json:"scope" enum:"see,see-and-add,give" doc:"What it may. give: leave papers, and see nothing."`
		Until  *time.Time `json:"until,omitempty" doc:"Missing: until it is withdrawn."`
		Name   string     `json:"name" minLength:"1" maxLength:"200" doc:"What the person is called there, chosen by them for that relay alone."`
		Secret Secret     `json:"secret" doc:"Shown once more: an open session alone shares nothing."`
	}
}

func (a *API) follow(ctx context.Context, v *vault.Vault, in *followInput) (*consentOutput, error) {
	relay, err := relayID(in.Body.Relay)
	if err != nil {
		return nil, err
	}
	return consentAnswer(a.staff.Follow(ctx, v, consent.Follow{
		Relay: relay, Scope: scopes[in.Body.Scope], Until: orZero(in.Body.Until), Notice: in.Body.Notice.vault(),
		Agreed: in.Body.Agreed, Name: in.Body.Name, Channel: channel,
	}, in.Body.Secret.vault()))
}

// OneGrant is the address of what was allowed to somebody.
type OneGrant struct {
	Grant string `path:"grant" doc:"From the list of followers."`
}

func (a *API) withdraw(ctx context.Context, v *vault.Vault, in *OneGrant) (*consentOutput, error) {
	id, err := grantID(in.Grant)
	if err != nil {
		return nil, err
	}
	return consentAnswer(a.staff.Withdraw(ctx, v, id, nil))
}

type withdrawNowInput struct {
	OneGrant
	Body struct {
		Secret Secret `json:"secret" doc:"Shown once more, for new keys."`
	}
}

func (a *API) withdrawNow(ctx context.Context, v *vault.Vault, in *withdrawNowInput) (*consentOutput, error) {
	id, err := grantID(in.Grant)
	if err != nil {
		return nil, err
	}
	secret := in.Body.Secret.vault()
	return consentAnswer(a.staff.Withdraw(ctx, v, id, &secret))
}

func (a *API) sendAgain(ctx context.Context, v *vault.Vault, in *OneGrant) (*struct{}, error) {
	id, err := grantID(in.Grant)
	if err != nil {
		return nil, err
	}
	return nil, a.staff.SendAgain(ctx, v, id)
}

type receiptsOutput struct {
	Body struct {
		Receipts []*ConsentReceipt `json:"receipts" nullable:"false" doc:"The oldest first, as far as they are kept."`
		Next
	}
}

func (a *API) listReceipts(ctx context.Context, v *vault.Vault, in *Paged) (*receiptsOutput, error) {
	all, err := a.staff.Receipts(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &receiptsOutput{}
	all, out.Body.Next = page(*in, all, receiptKey)
	out.Body.Receipts = make([]*ConsentReceipt, 0, len(all))
	for _, r := range all {
		out.Body.Receipts = append(out.Body.Receipts, &ConsentReceipt{r})
	}
	return out, nil
}

func receiptKey(r consent.Receipt) string {
	at, _ := time.Parse(time.RFC3339, r.Event.Time) // it was made in that form
	return oldestFirst(at, digestKey([]byte(r.ID)))
}

type consentReceiptOutput struct{ Body *ConsentReceipt }

func (a *API) getReceipt(ctx context.Context, v *vault.Vault, in *struct {
	Receipt string `path:"receipt" doc:"Id of the receipt."`
}) (*consentReceiptOutput, error) {
	all, err := a.staff.Receipts(ctx, v)
	for _, r := range all { // also beside one that was altered
		if r.ID == in.Receipt {
			return &consentReceiptOutput{Body: &ConsentReceipt{r}}, nil
		}
	}
	if err == nil {
		err = vault.ErrNotFound
	}
	return nil, err
}

func (a *API) addFollowers() {
	registerPerson(a, operation{
		method: http.MethodGet, path: "/followers", id: "list-followers", tag: "Sharing", summary: "Who can see, and who could",
		description: "Relays and visits, in force and ended: plain facts, to be put into words.",
		problems:    []string{"witness-away", "untrusted-key"},
	}, a.listFollowers)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/followers", id: "follow", tag: "Sharing", status: http.StatusCreated, summary: "Let a relay follow",
		description: "Its workers can open what is shared from then on, each time for a purpose that the person reads. Keep the receipt.",
		problems:    secretProblems("not-named", "followed", "untrusted-key", "too-many", "closing"),
	}, a.follow)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/followers/{grant}", id: "withdraw", tag: "Sharing", summary: "End what somebody may see",
		description: "At one tap. Whoever has it open is refused from then on, also in a download under way. The keys change at the next sign-in. What was seen may have been kept: say so.",
		problems:    []string{"not-found", "invalid"},
	}, a.withdraw)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/followers/{grant}/end", id: "withdraw-with-new-keys", tag: "Sharing", summary: "End what somebody may see, with new keys now",
		description: "As DELETE, and what is shared gets new keys at once.",
		problems:    secretProblems("not-found"),
	}, a.withdrawNow)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/followers/{grant}/send-again", id: "send-again", tag: "Sharing", status: http.StatusNoContent, summary: "Tell a relay once more that it follows",
		description: "For when the relay never heard of it. It takes each person in once.",
		problems:    []string{"not-found", "untrusted-key", "witness-away", "not-named"},
	}, a.sendAgain)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/receipts", id: "list-receipts", tag: "Sharing", summary: "List the receipts",
		description: "One of everything that the person agreed to, and one of each end.",
	}, a.listReceipts)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/receipts/{receipt}", id: "get-receipt", tag: "Sharing", summary: "Read a receipt",
		description: "As it was signed.", problems: []string{"not-found"},
	}, a.getReceipt)
}
