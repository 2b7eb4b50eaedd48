package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/consent"
	"reconnect.example/refserver/published"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// attestLists are what programs fetch who verify elsewhere.
type attestLists struct {
	keys    published.List[KeySet]
	revoked published.List[[]string]
}

// Attestation is what a relay states about a copy. It names nobody, but for the worker
// who wanted it.
type Attestation struct {
	Serial    string `json:"serial" doc:"Random; by it alone it is revoked."`
	Relay     string `json:"relay" doc:"Id of the relay that states it."`
	RelayName string `json:"relayName" doc:"Its name, as it was then."`
	Kind      string `json:"kind" doc:"What kind of paper the original was, as the worker said; as the request names them."`
	Day       string `json:"day" format:"date" doc:"When the original was seen."`
	Sha256    string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"Digest of the file that shows it: of no other file anything is said."`
	Worker    string `json:"worker,omitempty" doc:"Who held it, only where they wanted to be named. Escape it wherever it is shown."`
	Gone      bool   `json:"gone,omitempty" doc:"true: the relay is none any more. What it stated before stays."`
	Token     string `json:"token" doc:"The whole as a JSON Web Token, for a printout: docs/interop.md."`
}

func attestationJSON(a consent.Attestation) Attestation {
	return Attestation{
		Serial: a.Serial, Relay: a.Relay.String(), RelayName: a.RelayName, Kind: string(a.Kind), Day: string(a.Day),
		Sha256: hex.EncodeToString(a.Digest), Worker: a.Worker, Gone: a.Gone, Token: a.Token,
	}
}

type attestationOutput struct{ Body Attestation }

func attestationAnswer(a consent.Attestation, err error) (*attestationOutput, error) {
	if err != nil {
		return nil, err
	}
	return &attestationOutput{Body: attestationJSON(a)}, nil
}

type attestInput struct {
	ThisRevision
	Body struct {
		Kind  string `json:"kind" enum:"identity-card,passport,residence-permit,birth-certificate,health-card,driving-licence,pay-slip,certificate,other" doc:"What kind of paper the original is."`
		Held  bool   `json:"held" doc:"Must be true: the worker has held the original in their hands, and this copy shows it."`
		Named bool   `json:"named,omitempty" doc:"true: the worker's name is signed, too. Otherwise the relay speaks, and only the person's journal says who it was."`
	}
}

func attest(ctx context.Context, who *session.Who, in *attestInput) (*attestationOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return attestationAnswer(who.Post.Attest(ctx, who.Vault, consent.NewAttestation{
		Item: id, Revision: revision, Kind: consent.SeenKind(in.Body.Kind), Held: in.Body.Held, Named: in.Body.Named,
	}))
}

type readAttestationOutput struct {
	ETag string `header:"ETag" doc:"The revision of the document, for If-Match."`
	Body Attestation
}

func (a *API) readAttestation(ctx context.Context, v *vault.Vault, in *OneItem) (*readAttestationOutput, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	item, err := v.Item(ctx, id)
	if err != nil {
		return nil, err
	}
	found, err := a.staff.AttestationOf(ctx, item)
	if err != nil {
		return nil, err
	}
	return &readAttestationOutput{ETag: etag(item.Revision), Body: attestationJSON(found)}, nil
}

func (a *API) removeAttestation(ctx context.Context, v *vault.Vault, in *ThisRevision) (*itemOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return itemAnswer(a.staff.RevokeAttestation(ctx, v, id, revision))
}

// Printed is what is on a printout.
type Printed struct {
	Token string `json:"token" minLength:"1" maxLength:"4000" doc:"The token, or the address with # and the token that the QR code says."`
}

type revokeInput struct {
	AtRelay
	Body Printed
}

func revokeAttestation(ctx context.Context, p *consent.Post, in *revokeInput) (*attestationOutput, error) {
	return attestationAnswer(p.Revoke(ctx, in.Body.Token))
}

type checkAttestationInput struct{ Body Printed }

func (a *API) checkAttestation(ctx context.Context, in *checkAttestationInput) (*attestationOutput, error) {
	return attestationAnswer(a.staff.CheckAttestation(ctx, in.Body.Token))
}

// KeySet is a JSON Web Key Set (RFC 7517).
type KeySet struct {
	Keys []Key `json:"keys" nullable:"false" doc:"Former ones, too: what they signed stays verifiable."`
}

// Key is the public half of a key with which a relay signs attestations.
type Key struct {
	Type  string `json:"kty" doc:"EC."`
	Curve string `json:"crv" doc:"P-256."`
	X     string `json:"x" doc:"Of the point, base64url."`
	Y     string `json:"y" doc:"Of the point, base64url."`
	Use   string `json:"use" doc:"sig."`
	Alg   string `json:"alg" doc:"ES256: the reader fixes it, never the token."`
	ID    string `json:"kid" doc:"The relay's id, a dot, and a number. A key speaks for that relay alone."`
	Since string `json:"since" format:"date" doc:"The first day for which it speaks: an attestation of an earlier one is none."`
	Until string `json:"until,omitempty" format:"date" doc:"The last day for which it speaks; missing: it is in use."`
}

type keySetOutput struct{ Body KeySet }

func (a *API) attestationKeys(ctx context.Context, _ *struct{}) (*keySetOutput, error) {
	set, err := a.attested.keys.At(time.Now(), func() (set KeySet, err error) {
		raw, err := a.staff.AttestKeySet(ctx, consent.RelayID{})
		if err == nil {
			err = json.Unmarshal(raw, &set)
		}
		return set, err
	})
	return &keySetOutput{set}, err
}

type revokedOutput struct {
	Body struct {
		Revoked []string `json:"revoked" nullable:"false" doc:"Serials, all of them. They tell nothing about anyone."`
	}
}

func (a *API) revokedAttestations(ctx context.Context, _ *struct{}) (*revokedOutput, error) {
	out := &revokedOutput{}
	var err error
	out.Body.Revoked, err = a.attested.revoked.At(time.Now(), func() ([]string, error) {
		all := []string{}
		for serial, err := range a.staff.RevokedAttestations(ctx) {
			if err != nil {
				return nil, err
			}
			all = append(all, serial)
		}
		return all, nil
	})
	return out, err
}

func (a *API) addAttestations() {
	registerAtWork(a, operation{
		method: http.MethodPost, path: "/documents/{item}/attestation", id: "attest", tag: "Documents", status: http.StatusCreated, ifMatch: true,
		summary:     "Sign that the original was seen",
		description: "By a worker who may add, at a relay with a licence, about exactly the bytes that lie there. It takes the place of one of before, and is a line in the person's journal. Other bytes end it.",
		problems:    []string{"not-found", "licence", "media-type", "too-large"},
	}, attest)
	register(a, operation{
		method: http.MethodGet, path: "/documents/{item}/attestation", id: "read-attestation", tag: "Documents", summary: "What is attested of a document",
		description: "As it is now: not-found where nothing is, where it was taken back, and where it is about other bytes.",
		problems:    []string{"not-found", "not-named"},
	}, a.readAttestation)
	register(a, operation{
		method: http.MethodDelete, path: "/documents/{item}/attestation", id: "remove-attestation", tag: "Documents", summary: "Take an attestation back", ifMatch: true,
		description: "By the person, or by a worker who may add, of the relay that signed. The document forgets it, and every printout is revoked.",
		problems:    []string{"not-found"},
	}, a.removeAttestation)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/attestations/revoke", id: "revoke-attestation", tag: "Staff", summary: "Revoke a printout",
		description: "What this relay signed, by the code on the paper: also where the person is gone. It can be repeated.",
		problems:    []string{"not-attested", "invalid", "media-type", "too-large"},
	}, revokeAttestation)
	registerOpen(a, operation{
		method: http.MethodPost, path: "/attestations/check", id: "check-attestation", tag: "Documents", summary: "Check a printout",
		description: "By anybody; nothing is kept of it. It does not say that the original is genuine, nor who brings the copy: compare the digest with that of the file.",
		problems:    []string{"not-attested", "revoked", "not-named", "witness-away", "untrusted-key"},
	}, a.checkAttestation)
	registerOpen(a, operation{
		method: http.MethodGet, path: "/attestations/keys", id: "attestation-keys", tag: "Documents", summary: "The keys with which attestations are verified",
		description: "Of all relays, for programs that verify offline; the same as `/.well-known/jwks.json`. At most a minute old.",
		problems:    []string{"not-named", "witness-away"},
	}, a.attestationKeys)
	registerOpen(a, operation{
		method: http.MethodGet, path: "/attestations/revoked", id: "revoked-attestations", tag: "Documents", summary: "What was revoked",
		description: "All serials, for programs that verify offline; the same as `/seen/revoked.json`. At most a minute old.",
	}, a.revokedAttestations)
}

// atWork is inSpace for what only a worker does there, in the name of their relay.
func (a *API) atWork(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		who, err := a.space(r)
		if err != nil {
			return nil, nil, err
		}
		if who.Post == nil {
			who.Close()
			return nil, nil, errStaffOnly
		}
		return who, who.Close, nil
	})
}

// registerAtWork adds an operation of a worker on the space that they have open.
func registerAtWork[I, O any](a *API, o operation, handle func(context.Context, *session.Who, *I) (*O, error)) {
	o.space = true
	o.problems = append([]string{"staff-only"}, o.problems...)
	a.add(o, a.atWork, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*session.Who), in)
	}))
}
