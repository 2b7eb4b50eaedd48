package api

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// version is of the document, not of the server: it grows with what is described.
const version = "0.1.0"

const about = `One person's space: papers, contacts, appointments and notes.

**Signing in.** ` + "`POST /sessions`" + ` returns a bearer token. Pages of the same server may also call with their cookie; other sites may not call at all. A session ends by itself when it is not used.

**Opening an account** is done in a relay, by a worker who is signed in and with the person, who reads a notice and agrees: nobody opens one by themself.

**Workers** sign in with ` + "`POST /staff/sessions`" + ` and open one person's space at a time, for a purpose, with ` + "`PUT /staff/opened`" + `. From then on the operations on items, documents and space are about that space, as far as the person allowed: what is private is not even listed, and what only the person does is refused. Sessions, password and journal are always the caller's own. A server without relays has no such operations.

**Getting back in.** Who has forgotten everything comes back by a way that they made before: a relay that follows, or a desk, opens a request, and the person goes on alone with its number and code, with ` + "`POST /hand-over`" + ` and ` + "`POST /hand-over/complete`" + `. No helper gets in by that door. A server that does not offer it has no such operations.

**Partner systems** are programs of other organisations that the authority has signed. They get a token at ` + "`/oauth/token`" + ` (OAuth 2.0, client credentials with a signed assertion), ask a person by a code that the person gave, and fetch sealed copies of what the person chose. There is no search. A server without relays has no such operations.

**Links.** Who has the code of a link needs no account: they leave something in the inbox of the person who made it, with ` + "`/leave`" + `, or read one paper, with ` + "`POST /open`" + `. The code stands in the body alone, never in an address.

**Revisions.** Every item has a revision, which is its ETag. What changes an item needs ` + "`If-Match`" + ` with the ETag that you have read, and is refused with 412 when somebody was faster.

**Documents** are sent and returned as they are, as streams of bytes; parts of them with ` + "`Range`" + `. From a network that breaks they are sent with tus 1.0, at ` + "`/uploads`" + `. A download that breaks off is always shorter than its Content-Length.

**Repeating.** Reading, and every change with If-Match, can be repeated safely. Every POST of somebody who is signed in takes ` + "`Idempotency-Key`" + `: sent again with the same key it is carried out once and has the same answer.

**Refusals** are problems as in RFC 9457, with a stable ` + "`type`" + ` to compare with and a sentence in the language of ` + "`Accept-Language`" + ` (fr, en, ar). They repeat nothing that was sent. The last word of the type names the kind, which ` + "`/problems/{kind}`" + ` explains. A 401 of the type ` + "`" + `session-ended` + "`" + ` ends a session; one of the type ` + "`" + `sign-in` + "`" + ` says that a secret was typed wrongly, and the session goes on.

**Limits.** Requests are counted per account and sign-ins per address and account; 429 and 503 say in Retry-After when to come back. A JSON body is at most 384 KiB. A member that is null is as good as missing.

**Traces.** Whatever is read or changed is a line in the person's journal, written before the answer.

New fields, acts and kinds of problem may appear within v1: ignore what you do not know.`

// describe is the document before its operations.
func describe() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Reconnect", Version: version, Description: about,
				Contact: &huma.Contact{Name: "Reconnect", URL: "https://reconnect.example"},
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: Path}},
			Tags: []*huma.Tag{
				{Name: "Sessions", Description: "Signing in and out, and the devices that are signed in."},
				{Name: "Items", Description: "Everything a space holds."},
				{Name: "Documents", Description: "The bytes of papers, and what proves them whole."},
				{Name: "Space", Description: "How much is used and left, and asking for more."},
				{Name: "Journal", Description: "Who did what, when and why."},
				{Name: "Account", Description: "The password, the access card, taking everything along, and leaving."},
				{Name: "Sharing", Description: "Who can see, who could, who did; and where new items lie."},
				{Name: "Links", Description: "What somebody does who has the code of a link, and no account."},
				{Name: "Reminders", Description: "Messages to the person's own phone or address, if they want any."},
				{Name: "Recovery", Description: "Ways back in for who has forgotten everything, as the person makes them."},
				{Name: "Hand-over", Description: "What the person does alone to come back in."},
				{Name: "Staff", Description: "What workers of relays do."},
				{Name: "Helping", Description: "What workers of relays and agents of desks do to help somebody back in."},
				{Name: "Team", Description: "What managers of relays do."},
				{Name: "Asks", Description: "What a person answers programs of other organisations that ask for papers."},
				{Name: "Moving", Description: "Taking everything from one operator's server to another: what the person does at both, and what the servers say to each other."},
				{Name: "Partners", Description: "What programs of other organisations do that ask people for papers."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer":   {Type: "http", Scheme: "bearer", Description: "The token of POST /sessions, of POST /sessions/card, or of a worker."},
					"handOver": {Type: "http", Scheme: "bearer", Description: "The token of POST /hand-over. It is good for the hand-over alone."},
					partnerScheme: {Type: "oauth2", Description: "The token of a partner system: client credentials with a signed assertion (RFC 7523, EdDSA). It is good for ten minutes, and opens no space.", Flows: &huma.OAuthFlows{
						ClientCredentials: &huma.OAuthFlow{TokenURL: "/oauth/token", Scopes: map[string]string{"ask": "Ask people for papers, and fetch what they present.", "link": "Ask people for a link beside a file number."}},
					}},
					transferScheme: {Type: "http", Scheme: "bearer", Description: "The ticket of one move, which the server that somebody leaves derives from their code (docs/interop.md). It admits one bundle, and opens nothing."},
					"cookie":       {Type: "apiKey", In: "cookie", Name: "__Host-reconnect", Description: "Set by the pages of this server, and taken from them alone."},
				},
			},
		},
		// No OpenAPIPath and no DocsPath: the document is served below, and huma's
		// page of documentation loads scripts from another site.
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
	}
}

// schemaName makes of the names of types those that a generated client shows.
func schemaName(t reflect.Type, hint string) string {
	return strings.NewReplacer("InputBody", "Request", "OutputBody", "Answer").Replace(huma.DefaultSchemaNamer(t, hint))
}

func (a *API) schemaOf(t reflect.Type) *huma.Schema {
	return a.doc.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}
