package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// What a person answers partner systems with. A worker beside them sits at their session: a
// presentation is signed with the key of the space, which no worker has.

// AskCode is a code that a person gives to a partner.
type AskCode struct {
	Code  string    `json:"code" doc:"Sixteen digits in groups of four, to be read aloud. It reaches this space, to ask, and nothing else."`
	QR    string    `json:"qr" doc:"The text of its QR code."`
	Until time.Time `json:"until" doc:"Until when it can be used. It is good once."`
}

type askCodeOutput struct{ Body AskCode }

func (a *API) askCode(ctx context.Context, v *vault.Vault, _ *struct{}) (*askCodeOutput, error) {
	c, err := a.staff.AskCode(ctx, v)
	if err != nil {
		return nil, err
	}
	return &askCodeOutput{AskCode{Code: c.Code, QR: c.QR(), Until: c.Until}}, nil
}

// Asked is what a partner asks the person for.
type Asked struct {
	Ask          string         `json:"ask" doc:"Names the request."`
	Partner      string         `json:"partner" doc:"Id of the partner."`
	Name         string         `json:"name" doc:"Of the partner, as the directory has it now."`
	Contact      string         `json:"contact,omitempty" doc:"How to reach it."`
	Organisation string         `json:"organisation" doc:"Who answers for it."`
	Link         bool           `json:"link,omitempty" doc:"true: it asks for no papers, but to keep a link beside its own file number."`
	Kinds        []string       `json:"kinds" nullable:"false" doc:"Which papers it asks for, as stable codes; empty for a link."`
	Purpose      PartnerPurpose `json:"purpose" doc:"What for, in the partner's words."`
	At           time.Time      `json:"at" doc:"When it asked."`
	Until        time.Time      `json:"until" doc:"Until when it can be answered."`
	Lasts        *time.Time     `json:"lasts,omitempty" doc:"Until when it asks to fetch the copies."`
	TriesLeft    int            `json:"triesLeft,omitempty" doc:"Of a link: how often the four traits can be typed."`
}

type askedListOutput struct {
	Body struct {
		Asks []Asked `json:"asks" nullable:"false" doc:"What is not answered yet, the latest first; at most twenty."`
	}
}

func (a *API) listAsked(ctx context.Context, v *vault.Vault, _ *struct{}) (*askedListOutput, error) {
	all, err := a.staff.Asked(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &askedListOutput{}
	out.Body.Asks = make([]Asked, 0, len(all))
	for _, k := range all {
		one := Asked{
			Ask: vault.ID(k.ID).String(), Partner: k.Partner.String(), Name: k.Name, Contact: k.Contact, Organisation: k.Organisation, Link: k.Link,
			Kinds: make([]string, 0, len(k.Kinds)), Purpose: PartnerPurpose{Code: string(k.Purpose.Code), Text: k.Purpose.Text}, At: k.At, Until: k.Until,
		}
		if k.Link {
			one.TriesLeft = k.TriesLeft
		} else {
			one.Lasts = ifAny(k.Lasts)
		}
		for _, kind := range k.Kinds {
			one.Kinds = append(one.Kinds, string(kind))
		}
		out.Body.Asks = append(out.Body.Asks, one)
	}
	return out, nil
}

// OneAsk is the address of a request.
type OneAsk struct {
	Ask string `path:"ask" doc:"From the list of requests."`
}

// id reads it. What is none names nothing.
func (o OneAsk) id() ([16]byte, error) {
	id, err := vault.ParseID(o.Ask)
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}

type presentInput struct {
	OneAsk
	Body struct {
		Agreement
		Items  []string  `json:"items" nullable:"false" minItems:"1" maxItems:"100" doc:"Ids of the papers, as they are now. These and nothing else; what is private is refused: share it first."`
		Until  time.Time `json:"until" doc:"When they cannot be fetched any more; at most what was asked for."`
		Secret Secret    `json:"secret" doc:"Shown once more: an open session alone presents nothing."`
	}
}

func (a *API) present(ctx context.Context, v *vault.Vault, in *presentInput) (*consentOutput, error) {
	ask, err := in.id()
	if err != nil {
		return nil, err
	}
	n := consent.NewPresentation{Ask: ask, Until: in.Body.Until, Notice: in.Body.Notice.vault(), Agreed: in.Body.Agreed, Channel: channel}
	for _, s := range in.Body.Items {
		id, err := itemID(s)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, id)
	}
	return consentAnswer(a.staff.Present(ctx, v, n, in.Body.Secret.vault()))
}

func (a *API) refuseAsk(ctx context.Context, v *vault.Vault, in *OneAsk) (*struct{}, error) {
	ask, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, a.staff.RefuseAsk(ctx, v, ask)
}

type agreeLinkInput struct {
	OneAsk
	Body struct {
		Number     string `json:"number" minLength:"1" maxLength:"200" doc:"Of the file there."`
		FamilyName string `json:"familyName" minLength:"1" maxLength:"200" doc:"As it stands in that file."`
		FirstName  string `json:"firstName" minLength:"1" maxLength:"200" doc:"As it stands in that file."`
		BirthDate  string `json:"birthDate" format:"date" doc:"As it stands in that file."`
	}
}

func (a *API) agreeLink(ctx context.Context, v *vault.Vault, in *agreeLinkInput) (*struct{}, error) {
	ask, err := in.id()
	if err != nil {
		return nil, err
	}
	return nil, a.staff.AgreeLink(ctx, v, ask, consent.Traits{
		Number: in.Body.Number, FamilyName: in.Body.FamilyName, FirstName: in.Body.FirstName, BirthDate: vault.Date(in.Body.BirthDate),
	})
}

// Presented is what was presented to a partner.
type Presented struct {
	Grant        string         `json:"grant" doc:"Names what was presented."`
	Partner      string         `json:"partner" doc:"Id of the partner."`
	Name         string         `json:"name" doc:"Of the partner, as it was."`
	Organisation string         `json:"organisation" doc:"Who answered for it."`
	Purpose      PartnerPurpose `json:"purpose" doc:"What for."`
	Items        []string       `json:"items" nullable:"false" doc:"Ids of the papers, which may be gone since."`
	Since        time.Time      `json:"since" doc:"When it was presented."`
	Until        time.Time      `json:"until" doc:"When it can be fetched no more."`
	InForce      bool           `json:"inForce" doc:"Whether it can be fetched now."`
	Ended        *time.Time     `json:"ended,omitempty" doc:"When it ended."`
	EndedBy      string         `json:"endedBy,omitempty" doc:"Who or what ended it, as a stable code."`
	Receipt      string         `json:"receipt,omitempty" doc:"Id of its receipt."`
}

func presentedJSON(p consent.Presentation) Presented {
	out := Presented{
		Grant: p.Grant.String(), Partner: p.Partner.String(), Name: p.Name, Organisation: p.Organisation,
		Purpose: PartnerPurpose{Code: string(p.Purpose.Code), Text: p.Purpose.Text}, Items: make([]string, 0, len(p.Items)),
		Since: p.Since, Until: p.Until, InForce: p.InForce, Ended: ifAny(p.Ended), EndedBy: string(p.EndedBy), Receipt: p.Receipt,
	}
	for _, id := range p.Items {
		out.Items = append(out.Items, id.String())
	}
	return out
}

type presentedListOutput struct {
	Body struct {
		Presentations []Presented `json:"presentations" nullable:"false" doc:"What can be fetched now first, then the latest."`
		Next
	}
}

func (a *API) listPresented(ctx context.Context, v *vault.Vault, in *Paged) (*presentedListOutput, error) {
	all, err := a.staff.Presentations(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &presentedListOutput{}
	all, out.Body.Next = page(*in, all, func(p consent.Presentation) string {
		key := newestFirst(p.Since, p.Grant.String())
		if p.InForce {
			return "1-" + key
		}
		return "2-" + key
	})
	out.Body.Presentations = make([]Presented, 0, len(all))
	for _, p := range all {
		out.Body.Presentations = append(out.Body.Presentations, presentedJSON(p))
	}
	return out, nil
}

// KnownPartner is a partner that the person linked or blocked.
type KnownPartner struct {
	Partner string     `json:"partner" doc:"Id of the partner."`
	Name    string     `json:"name,omitempty" doc:"As the directory has it now; missing: it is none any more."`
	Blocked bool       `json:"blocked,omitempty" doc:"true: nothing of it reaches the person."`
	Leaves  bool       `json:"leaves,omitempty" doc:"true: it may leave papers and messages in the inbox, as the person let it."`
	Links   []FileLink `json:"links" nullable:"false" doc:"By which it can ask again without a code."`
}

// FileLink is a link that a partner keeps beside its file number.
type FileLink struct {
	Number string    `json:"number" doc:"Of the file there, as the person typed it."`
	At     time.Time `json:"at" doc:"When the person agreed."`
}

type knownPartnersOutput struct {
	Body struct {
		Partners []KnownPartner `json:"partners" nullable:"false" doc:"Those with a link, and those that are blocked."`
	}
}

func (a *API) listKnown(ctx context.Context, v *vault.Vault, _ *struct{}) (*knownPartnersOutput, error) {
	links, err := a.staff.PartnerLinks(ctx, v)
	if err != nil {
		return nil, err
	}
	blocked, err := a.staff.BlockedPartners(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &knownPartnersOutput{}
	out.Body.Partners = []KnownPartner{}
	at := map[consent.PartnerID]int{}
	known := func(id consent.PartnerID) (*KnownPartner, error) {
		if _, there := at[id]; !there {
			p, err := a.relays.Partner(ctx, id)
			if err != nil && !errors.Is(err, consent.ErrNotNamed) {
				return nil, err
			}
			at[id] = len(out.Body.Partners)
			out.Body.Partners = append(out.Body.Partners, KnownPartner{Partner: id.String(), Name: p.Name, Links: []FileLink{}})
		}
		return &out.Body.Partners[at[id]], nil
	}
	for _, l := range links {
		p, err := known(l.Partner)
		if err != nil {
			return nil, err
		}
		p.Links = append(p.Links, FileLink{Number: l.Number, At: l.At})
	}
	for _, id := range blocked {
		p, err := known(id)
		if err != nil {
			return nil, err
		}
		p.Blocked = true
	}
	leaving, err := a.staff.LeavingPartners(ctx, v)
	for _, l := range leaving {
		if p, err := known(l.Partner); err == nil {
			p.Leaves = true
		}
	}
	return out, err
}

// OnePartner is the address of a partner.
type OnePartner struct {
	Partner string `path:"partner" doc:"Id of a partner."`
}

func onPartner(in *OnePartner, do func(consent.PartnerID) error) (*struct{}, error) {
	id, err := vault.ParseID(in.Partner)
	if err != nil {
		return nil, consent.ErrNotNamed
	}
	_, err = done(do(id))
	return nil, err
}

func (a *API) blockPartner(ctx context.Context, v *vault.Vault, in *OnePartner) (*struct{}, error) {
	return onPartner(in, func(id consent.PartnerID) error { return a.staff.BlockPartner(ctx, v, id) })
}

func (a *API) unblockPartner(ctx context.Context, v *vault.Vault, in *OnePartner) (*struct{}, error) {
	return onPartner(in, func(id consent.PartnerID) error { return a.staff.UnblockPartner(ctx, v, id) })
}

func (a *API) endPartnerLinks(ctx context.Context, v *vault.Vault, in *OnePartner) (*struct{}, error) {
	return onPartner(in, func(id consent.PartnerID) error { return a.staff.EndPartnerLinks(ctx, v, id) })
}

func (a *API) addAsked() {
	look := []string{"untrusted-key", "witness-away"}
	one := append([]string{"not-found", "invalid", "not-named"}, look...)
	const tag = "Asks"
	registerPerson(a, operation{
		method: http.MethodPost, path: "/asks/code", id: "make-ask-code", tag: tag, status: http.StatusCreated, summary: "Make a code by which a partner can ask",
		description: "The person says it, or shows it as a QR code. By it one partner asks once, within a quarter of an hour, and learns nothing.",
		problems:    look,
	}, a.askCode)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/asks", id: "list-asks", tag: tag, summary: "What partners ask for",
		description: "Of partners that may ask and are not blocked. Say in plain words who asks, for what, and until when.",
		problems:    look,
	}, a.listAsked)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/asks/{ask}/present", id: "present", tag: tag, status: http.StatusCreated, summary: "Present papers to who asked",
		description: "Copies of chosen papers as they are now, sealed to the partner. It fetches them until the time is over or they are taken back; what was fetched, it has: say so. Keep the receipt.",
		problems:    secretProblems("not-found", "not-named", "untrusted-key", "too-many", "closing"),
	}, a.present)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/asks/{ask}/refuse", id: "refuse-ask", tag: tag, status: http.StatusNoContent, summary: "Refuse",
		description: "The partner is told nothing: to it, nobody has looked.",
		problems:    one,
	}, a.refuseAsk)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/asks/{ask}/link", id: "agree-to-link", tag: tag, status: http.StatusNoContent, summary: "Agree that a partner links its file",
		description: "When the four traits are those of its file. They are compared and forgotten, but for the file number. After five tries the request is none any more.",
		problems:    append([]string{"traits", "too-many", "busy"}, one...),
	}, a.agreeLink)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/presentations", id: "list-presentations", tag: tag, summary: "What was presented",
		description: "To partners, now and before. What was fetched, the journal says.",
		problems:    look,
	}, a.listPresented)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/presentations/{grant}", id: "take-back", tag: tag, summary: "Take back what was presented",
		description: "The partner finds nothing from then on, as if nobody had answered. What it has fetched, it has: say so.",
		problems:    []string{"not-found", "invalid"},
	}, a.withdraw)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/partners", id: "list-known-partners", tag: tag, summary: "Partners with a link, and blocked ones",
		description: "There is no list of all partners: who asks names itself.",
		problems:    look,
	}, a.listKnown)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/partners/{partner}/block", id: "block-partner", tag: tag, status: http.StatusNoContent, summary: "Block a partner",
		description: "Nothing of it reaches the person any more, and it leaves nothing. It is not told. What was presented to it stays until it is taken back.",
		problems:    append([]string{"too-many"}, one...),
	}, a.blockPartner)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/partners/{partner}/block", id: "unblock-partner", tag: tag, status: http.StatusNoContent, summary: "Unblock a partner",
		description: "What waits is shown again.",
		problems:    one,
	}, a.unblockPartner)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/partners/{partner}/links", id: "end-partner-links", tag: tag, status: http.StatusNoContent, summary: "End the links with a partner",
		description: "It reaches the person only by a new code. It is not told.",
		problems:    one,
	}, a.endPartnerLinks)
}
