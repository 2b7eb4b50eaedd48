package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Link is what somebody may who has its code: leave something, or read one paper.
type Link struct {
	ID      string     `json:"id" doc:"Names the link. It is no secret and opens nothing."`
	Kind    string     `json:"kind" doc:"deposit: to leave something, and to see nothing. paper: to read one document."`
	Label   string     `json:"label" doc:"What the person knows it by; who has the code sees it, too."`
	Made    time.Time  `json:"made" doc:"When."`
	Until   *time.Time `json:"until,omitempty" doc:"When it ends by itself; missing: when it is ended."`
	Times   int        `json:"times,omitempty" doc:"How often it can be used; missing: without a number."`
	Used    int        `json:"used" minimum:"0" doc:"How often it was."`
	Last    *time.Time `json:"last,omitempty" doc:"When it was used last; missing: never."`
	Item    string     `json:"item,omitempty" doc:"Of a link to a paper: id of the document."`
	InForce bool       `json:"inForce" doc:"Whether it can be used now."`
	Ended   *time.Time `json:"ended,omitempty" doc:"When it ended."`
	EndedBy string     `json:"endedBy,omitempty" doc:"Who or what ended it, as a stable code."`
	Code    string     `json:"code,omitempty" doc:"All that it takes to use it: behind the # of the address that a QR code holds, and printed below. That of a link to a paper is shown by make-link alone, once."`
}

func linkJSON(l vault.Link) Link {
	out := Link{
		ID: l.ID.String(), Kind: string(l.Kind), Label: l.Label, Made: l.Made, Until: ifAny(l.Until), Times: l.Times, Used: l.Used, Last: ifAny(l.Last),
		InForce: l.EndedBy == "", Ended: ifAny(l.Ended), EndedBy: string(l.EndedBy), Code: l.Code,
	}
	if !l.Item.IsZero() {
		out.Item = l.Item.String()
	}
	return out
}

type linksOutput struct {
	Body struct {
		Links []Link `json:"links" nullable:"false" doc:"In force and the latest that are over, the newest first."`
		Inbox Inbox  `json:"inbox" doc:"On each page."`
		Next
	}
}

// Inbox is how the inbox stands for who has a link.
type Inbox struct {
	Closed bool  `json:"closed" doc:"true: nobody may leave anything."`
	Left   int64 `json:"left" minimum:"0" doc:"Bytes that came by links, and that the person has not said are theirs to keep."`
	Share  int64 `json:"share" minimum:"0" doc:"As many bytes as these may be. The rest of the space is the person's alone."`
}

func listLinks(ctx context.Context, v *vault.Vault, in *Paged) (*linksOutput, error) {
	all, inbox, err := v.Links(ctx)
	if err != nil {
		return nil, err
	}
	out := &linksOutput{}
	all, out.Body.Next = page(*in, all, func(l vault.Link) string { return newestFirst(l.Made, l.ID.String()) })
	out.Body.Links, out.Body.Inbox = make([]Link, 0, len(all)), Inbox{Closed: inbox.Closed, Left: inbox.Left, Share: inbox.Share}
	for _, l := range all {
		out.Body.Links = append(out.Body.Links, linkJSON(l))
	}
	return out, nil
}

type makeLinkInput struct {
	Body struct {
		Kind   string     `json:"kind" enum:"deposit,paper" doc:"deposit: to leave something. paper: to read one document, as it is now."`
		Label  string     `json:"label" minLength:"1" maxLength:"60" doc:"What the person knows it by. Who has the code sees it, too: it need not be a name."`
		Until  *time.Time `json:"until,omitempty" doc:"Missing: until it is ended. A link to a paper needs this or times."`
		Times  int        `json:"times,omitempty" minimum:"1" maximum:"1000" doc:"How often it can be used; missing: without a number."`
		Item   string     `json:"item,omitempty" doc:"Of a link to a paper: id of the document."`
		Secret *Secret    `json:"secret,omitempty" doc:"Of a link to a paper: shown once more, as an open session alone shares nothing."`
	}
}

type linkOutput struct {
	Body struct {
		Link
		Confirmed bool `json:"confirmed" doc:"false: it is in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

func makeLink(ctx context.Context, v *vault.Vault, in *makeLinkInput) (*linkOutput, error) {
	n := vault.NewLink{Kind: vault.LinkKind(in.Body.Kind), Label: in.Body.Label, Until: orZero(in.Body.Until), Times: in.Body.Times}
	if in.Body.Item != "" {
		var err error
		if n.Item, err = vault.ParseItemID(in.Body.Item); err != nil {
			return nil, invalid("body.item", "is not the id of a document")
		}
	}
	var secret *vault.Secret
	if in.Body.Secret != nil {
		s := in.Body.Secret.vault()
		secret = &s
	}
	l, err := v.MakeLink(ctx, n, secret)
	inForce, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &linkOutput{}
	out.Body.Link, out.Body.Confirmed = linkJSON(l), inForce
	return out, nil
}

// OneLink is the address of a link for its person.
type OneLink struct {
	Link string `path:"link" doc:"From the list of links."`
}

func endLink(ctx context.Context, v *vault.Vault, in *OneLink) (*confirmedOutput, error) {
	id, err := vault.ParseLinkID(in.Link)
	if err != nil {
		return nil, vault.ErrNotFound
	}
	if err = v.EndLink(ctx, id); errors.Is(err, vault.ErrEnded) {
		err = nil // asked again: it is as it was asked
	}
	return confirmed(err)
}

type setInboxInput struct {
	Body struct {
		Closed bool `json:"closed" doc:"true: nobody may leave anything. Who tries learns that it was not taken, and not why."`
	}
}

func setInbox(ctx context.Context, v *vault.Vault, in *setInboxInput) (*confirmedOutput, error) {
	if in.Body.Closed {
		return confirmed(v.CloseInbox(ctx))
	}
	return confirmed(v.OpenInbox(ctx))
}

func keepLeft(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.KeepLeft(ctx)
}

func keepLeftItem(ctx context.Context, v *vault.Vault, in *OneItem) (*struct{}, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, v.KeepLeftItem(ctx, id)
}

func (a *API) addLinks() {
	registerPerson(a, operation{
		method: http.MethodGet, path: "/links", id: "list-links", tag: "Sharing", summary: "List the links, and how the inbox stands",
		description: "Links to leave something, and links to one paper: how often each was used and when.",
	}, listLinks)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/links", id: "make-link", tag: "Sharing", status: http.StatusCreated, summary: "Make a link",
		description: "To leave something, which shows nothing of the space, or to read one document without an account. Put the code behind the # of an address, which no browser sends anywhere. A link to a paper ends with its times, its hour, a change of the paper, or new keys; at most twenty are in force.",
		problems:    secretProblems("secret-again", "not-found", "too-many", "closing"),
	}, makeLink)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/links/{link}", id: "withdraw-link", tag: "Sharing", summary: "End a link",
		description: "At one tap, also in a transfer under way. What was already read may have been kept: say so. It can be repeated.",
		problems:    []string{"not-found"},
	}, endLink)
	registerPerson(a, operation{
		method: http.MethodPut, path: "/inbox/closed", id: "close-inbox", tag: "Sharing", summary: "Close the inbox, or open it",
		description: "Closed, it takes nothing from anybody, with a link or without. What waits already is taken in.",
	}, setInbox)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/inbox/kept", id: "keep-left", tag: "Sharing", status: http.StatusNoContent, summary: "Keep what strangers left",
		description: "What came by links is the person's own from then on, and does not count against their share any more: there is room for more.",
	}, keepLeft)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/inbox/kept/{item}", id: "keep-left-item", tag: "Sharing", status: http.StatusNoContent, summary: "Keep one thing that a stranger left",
		description: "As keeping all, for one item that was taken in; the others wait for a word of the person. It can be repeated. too-many where a thousand were kept one after the other: keep all.",
		problems:    []string{"not-found", "too-many", "closing"},
	}, keepLeftItem)
}
