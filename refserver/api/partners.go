package api

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// What partner systems do. Each request is of an office that a token of /oauth/token opens;
// the codes, tokens and links that it names stand in bodies, never in addresses, which end
// in logs. There is no search, no list of people, and nothing for many at once.

// PartnerSelf is what the authority says of the caller.
type PartnerSelf struct {
	ID      string   `json:"id" doc:"Names the partner."`
	Name    string   `json:"name" doc:"As people read it."`
	Scopes  []string `json:"scopes" nullable:"false" doc:"What it may do, as stable codes: ask, link, deposit."`
	Kinds   []string `json:"kinds" nullable:"false" doc:"Which papers it may ask for, as stable codes."`
	Until   string   `json:"until,omitempty" doc:"The last day; missing: until it is withdrawn."`
	Service string   `json:"service" format:"byte" doc:"The public key of this service (Ed25519, base64), with which what is fetched is verified. Fix it once, compared with what the operator says on another way: whoever stands in the middle could say another here."`
}

type partnerSelfOutput struct{ Body PartnerSelf }

func (a *API) partnerSelf(_ context.Context, o *consent.Office, _ *struct{}) (*partnerSelfOutput, error) {
	p := o.Partner()
	out := PartnerSelf{ID: p.ID.String(), Name: p.Name, Scopes: []string{}, Kinds: []string{}, Until: string(p.Until), Service: base64.StdEncoding.EncodeToString(a.vaults.PublicKey())}
	for _, s := range p.Scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	for _, k := range p.Kinds {
		out.Kinds = append(out.Kinds, string(k))
	}
	return &partnerSelfOutput{out}, nil
}

// PartnerPurpose is what a partner asks for something for.
type PartnerPurpose struct {
	Code string `json:"code" minLength:"1" maxLength:"40" doc:"A stable code, such as benefits, housing or health."`
	Text string `json:"text" minLength:"1" maxLength:"500" doc:"In plain words, in the language of the people who are asked: the person reads it."`
}

func (p PartnerPurpose) consent() consent.Purpose {
	return consent.Purpose{Code: consent.PurposeCode(p.Code), Text: p.Text}
}

// PartnerAsk is what a partner asks a person for.
type PartnerAsk struct {
	Kinds   []string       `json:"kinds" nullable:"false" minItems:"1" maxItems:"30" doc:"Which papers, of those that the authority allows: identity, civil-status, residence, address, income, health, work, school, bank, other."`
	Purpose PartnerPurpose `json:"purpose" doc:"What for."`
	Lasts   time.Time      `json:"lasts" doc:"Until when it asks to fetch the copies; at most 90 days from now."`
}

func (in PartnerAsk) consent() consent.NewAsk {
	n := consent.NewAsk{Purpose: in.Purpose.consent(), Lasts: in.Lasts}
	for _, k := range in.Kinds {
		n.Kinds = append(n.Kinds, consent.PaperKind(k))
	}
	return n
}

type askPersonInput struct {
	Body struct {
		PartnerAsk
		Code string `json:"code" minLength:"1" maxLength:"100" doc:"Sixteen digits, as the person said them; of a QR code what follows \"reconnect:ask:\"."`
	}
}

type askLinkedInput struct {
	Body struct {
		PartnerAsk
		Link string `json:"link" minLength:"1" maxLength:"100" doc:"To which the person agreed."`
	}
}

// AskToken names a request.
type AskToken struct {
	Ask string `json:"ask" minLength:"1" maxLength:"100" doc:"The token of a request: by it alone the answer is found. Keep it, and keep it secret."`
}

type askedOutput struct{ Body AskToken }

type askTokenInput struct{ Body AskToken }

func asked(token string, err error) (*askedOutput, error) {
	if err != nil {
		return nil, err
	}
	return &askedOutput{AskToken{token}}, nil
}

func partnerAsk(ctx context.Context, o *consent.Office, in *askPersonInput) (*askedOutput, error) {
	return asked(o.Ask(ctx, in.Body.Code, in.Body.consent()))
}

func partnerAskLinked(ctx context.Context, o *consent.Office, in *askLinkedInput) (*askedOutput, error) {
	return asked(o.AskLinked(ctx, in.Body.Link, in.Body.consent()))
}

type askLinkInput struct {
	Body struct {
		Code    string         `json:"code" minLength:"1" maxLength:"100" doc:"Sixteen digits, as the person said them."`
		Purpose PartnerPurpose `json:"purpose" doc:"What for."`
		Salt    []byte         `json:"salt" doc:"16 random bytes, base64."`
		Digest  []byte         `json:"digest" doc:"32 bytes, base64: Argon2id of the four traits, made where the partner is (consent.BlindTraits; docs/format.md). No trait is sent."`
	}
}

func partnerAskLink(ctx context.Context, o *consent.Office, in *askLinkInput) (*askedOutput, error) {
	var blinded consent.BlindedTraits
	if len(in.Body.Salt) != len(blinded.Salt) {
		return nil, invalid("body.salt", "is not 16 bytes")
	}
	if len(in.Body.Digest) != len(blinded.Digest) {
		return nil, invalid("body.digest", "is not 32 bytes")
	}
	blinded.Salt, blinded.Digest = [16]byte(in.Body.Salt), [32]byte(in.Body.Digest)
	return asked(o.AskLink(ctx, in.Body.Code, in.Body.Purpose.consent(), blinded))
}

// LinkToken is a link to a person.
type LinkToken struct {
	Link string `json:"link" minLength:"1" maxLength:"100" doc:"Leads to a person who agreed, and says nothing of them. Keep it beside the file number, and keep it secret."`
}

type linkTokenOutput struct{ Body LinkToken }

func partnerLink(ctx context.Context, o *consent.Office, in *askTokenInput) (*linkTokenOutput, error) {
	link, err := o.Link(ctx, in.Body.Ask)
	if err != nil {
		return nil, err
	}
	return &linkTokenOutput{LinkToken{link}}, nil
}

type linkTokenInput struct{ Body LinkToken }

func partnerUnlink(ctx context.Context, o *consent.Office, in *linkTokenInput) (*struct{}, error) {
	return nil, o.Unlink(ctx, in.Body.Link)
}

// Handed is consent.Handed: what was presented, sealed to the partner.
type Handed struct {
	Vault   string          `json:"vault" doc:"A pseudonym; it leads to nothing."`
	Grant   string          `json:"grant" doc:"Names what was presented."`
	Until   time.Time       `json:"until" doc:"Until when it can be fetched."`
	Record  []byte          `json:"record" doc:"Sealed to the partner's X-Wing key, base64: consent.OpenHanded opens it where the secret key is."`
	Receipt *ConsentReceipt `json:"receipt" doc:"That the person presented this, for what and until when."`
}

type handedOutput struct{ Body Handed }

func partnerTake(ctx context.Context, o *consent.Office, in *askTokenInput) (*handedOutput, error) {
	h, err := o.Take(ctx, in.Body.Ask)
	if err != nil {
		return nil, err
	}
	return &handedOutput{Handed{Vault: h.Vault.String(), Grant: h.Grant.String(), Until: h.Until, Record: h.Record, Receipt: &ConsentReceipt{h.Receipt}}}, nil
}

type takeDocumentInput struct {
	Body struct {
		AskToken
		Item string `json:"item" minLength:"1" maxLength:"100" doc:"Id of a paper of what was presented."`
	}
}

// partnerDocument streams the sealed bytes of a paper. What breaks off is no whole body, and
// the partner's program refuses what is not the whole paper.
func (a *API) partnerDocument(ctx context.Context, o *consent.Office, in *takeDocumentInput) (*huma.StreamResponse, error) {
	id, err := vault.ParseItemID(in.Body.Item)
	if err != nil {
		return nil, consent.ErrNoAnswer // as of any other paper that was not presented
	}
	sealed, err := o.TakeDocument(ctx, in.Body.Ask, id)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer sealed.Close() //nolint:errcheck // only read
		_, w := humago.Unwrap(h)
		h.SetHeader("Content-Type", "application/octet-stream")
		if _, err := io.Copy(w, sealed); err != nil {
			panic(http.ErrAbortHandler) // the status is out: only a broken connection still says that it failed (A12)
		}
	}}, nil
}

// inOffice is the gate of what partners do.
func (a *API) inOffice(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		o, err := a.office(r)
		return o, func() {}, err
	})
}

func (a *API) office(r *http.Request) (*consent.Office, error) {
	if err := fromHere(r); err != nil {
		return nil, err
	}
	o, err := a.staff.OfficeOf(r.Context(), session.Token(r))
	if err != nil {
		return nil, err
	}
	return o, a.limits.Partner(o.Partner().ID)
}

// registerPartner adds an operation of a partner, with a token of /oauth/token.
func registerPartner[I, O any](a *API, o operation, handle func(context.Context, *consent.Office, *I) (*O, error)) {
	o.open, o.scheme, o.tag = true, partnerScheme, "Partners"
	o.problems = append(slices.Clone(o.problems), partnerProblems()...)
	a.add(o, a.inOffice, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*consent.Office), in)
	}))
}

// partnerProblems are those of every partner that calls.
func partnerProblems() []string {
	return []string{"session-ended", "cross-origin", "not-allowed", "ended", "not-named", "stale", "tampered", "untrusted-key", "witness-away"}
}

const partnerScheme = "partner"

func (a *API) addPartners() {
	byCode := []string{"ask-code", "too-many"}
	registerPartner(a, operation{
		method: http.MethodGet, path: "/partner", id: "read-partner", summary: "What the caller may do",
		description: "As the authority signed it, and the key of this service.",
	}, a.partnerSelf)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/asks", id: "ask-person", status: http.StatusCreated, summary: "Ask a person for papers",
		description: "By a code that the person gave, good once and for fifteen minutes. It waits for two weeks. Whether somebody reads it is told to nobody.",
		problems:    byCode,
	}, partnerAsk)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/linked-asks", id: "ask-linked-person", status: http.StatusCreated, summary: "Ask a person again",
		description: "Who agreed to a link.",
		problems:    []string{"not-found", "ask-code", "too-many"},
	}, partnerAskLinked)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/link-asks", id: "ask-for-link", status: http.StatusCreated, summary: "Ask a person for a link",
		description: "To keep one beside the file number, so that they can be asked again. It is made only when the person types the four traits of the file and they agree; nobody keeps them.",
		problems:    byCode,
	}, partnerAskLink)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/links", id: "read-link", summary: "Look whether a link was agreed to",
		description: "no-answer as long as it was not: a refusal is the same.",
		problems:    []string{"no-answer"},
	}, partnerLink)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/links/end", id: "end-link", status: http.StatusNoContent, summary: "Forget a link",
		description: "When the file is closed. One that is not there is forgotten.",
	}, partnerUnlink)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/presentations", id: "take-presentation", summary: "Fetch what was presented",
		description: "Sealed. Each time is a line in the person's journal; after twenty times too-many. no-answer is the same for who did not look, who refused, and who took it back.",
		problems:    []string{"no-answer", "too-many"},
	}, partnerTake)
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/presentations/documents", id: "take-document", summary: "Fetch the content of a paper that was presented",
		description: "Sealed, as a stream: vault.PresentedPapers.Read opens it where the secret key is, and refuses less than the whole. Each time is a line in the person's journal; after twenty times too-many.",
		problems:    []string{"no-answer", "too-many"},
	}, a.partnerDocument)
	op := a.doc.OpenAPI().Paths["/partner/presentations/documents"].Post
	op.Responses["200"] = &huma.Response{Description: "The sealed bytes.", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: binary()}}}
}
