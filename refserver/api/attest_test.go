package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

var heldPassport = map[string]any{"kind": "passport", "held": true}

// A worker signs, a clerk who is nobody here checks, the person takes it back.
func TestAnAttestationIsSignedCheckedAndTakenBack(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	paper := amina.shares("Passeport")
	amina.lets(at, "see-and-add")
	path := "/documents/" + paper.ID + "/attestation"
	at.worker.call("POST", path, heldPassport, "If-Match", `"1"`).refused(409, "nothing-open")
	ok[Opened](at.opens(amina.id), 200)

	amina.call("GET", path, nil).refused(404, "not-found")
	amina.call("POST", path, heldPassport, "If-Match", `"1"`).refused(403, "staff-only")
	at.worker.call("POST", path, heldPassport).refused(428, "if-match-required")
	at.worker.call("POST", path, heldPassport, "If-Match", `"9"`).refused(412, "revision")
	at.worker.call("POST", path, map[string]any{"kind": "passport", "held": false}, "If-Match", `"1"`).refused(422, "invalid")
	at.worker.call("POST", path, map[string]any{"kind": "Amina's card", "held": true}, "If-Match", `"1"`).refused(422, "invalid")
	signed := ok[Attestation](at.worker.call("POST", path, heldPassport, "If-Match", `"1"`), 201)
	require.Equal(t, paper.Document.Sha256, signed.Sha256)
	require.Equal(t, at.id, signed.Relay)
	require.Empty(t, signed.Worker)

	clerk := tn.stranger(t)
	check := func(text string) *reply {
		return clerk.call("POST", "/attestations/check", map[string]any{"token": text})
	}
	require.Equal(t, signed, ok[Attestation](check("https://safe.example/seen#"+signed.Token), 200))
	check(signed.Token+"x").refused(404, "not-attested")
	keys := clerk.call("GET", "/attestations/keys", nil)
	kept, err := tn.stage.Service.AttestKeySet(t.Context(), at.Relay.ID)
	require.NoError(t, err)
	require.JSONEq(t, string(kept), string(withoutSchema(t, keys.Body)))

	found := amina.call("GET", path, nil)
	require.Equal(t, signed, ok[Attestation](found, 200))
	require.True(t, ok[Item](amina.call("GET", "/items/"+paper.ID, nil), 200).Document.Attested)
	ok[Item](amina.call("DELETE", path, nil, "If-Match", found.Header.Get("ETag")), 200)
	check(signed.Token).refused(410, "revoked")
	amina.call("GET", path, nil).refused(404, "not-found")
	require.Equal(t, []string{signed.Serial}, ok[struct{ Revoked []string }](clerk.call("GET", "/attestations/revoked", nil), 200).Revoked)
}

func withoutSchema(t *testing.T, body []byte) []byte {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(body, &v))
	delete(v, "$schema")
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return out
}

// The paper is enough: whoever works at the relay that signed revokes it, and nobody else.
func TestAPrintoutIsRevokedByTheRelayThatSignedItAndNoOther(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, other, amina := tn.relay(t, "Accueil"), tn.relay(t, "Autre"), tn.resident(t)
	paper := amina.shares("Passeport")
	amina.lets(at, "see-and-add")
	ok[Opened](at.opens(amina.id), 200)
	signed := ok[Attestation](at.worker.call("POST", "/documents/"+paper.ID+"/attestation", heldPassport, "If-Match", `"1"`), 201)

	code := map[string]any{"token": "https://safe.example/seen#" + signed.Token}
	revoke := func(p *person, at *relay) *reply {
		return p.call("POST", "/staff/relays/"+at.id+"/attestations/revoke", code)
	}
	revoke(other.worker, other).refused(404, "not-attested")
	revoke(other.worker, at).refused(403, "not-member")
	revoke(amina.person, at).refused(403, "staff-only")
	ok[Attestation](tn.stranger(t).call("POST", "/attestations/check", code), 200)
	require.Equal(t, signed, ok[Attestation](revoke(at.manager, at), 200))
	ok[Attestation](revoke(at.worker, at), 200)
	tn.stranger(t).call("POST", "/attestations/check", code).refused(410, "revoked")

	counts := "/staff/relays/" + at.id + "/monthly-counts"
	at.worker.call("GET", counts, nil).refused(403, "not-manager")
	all := ok[struct{ Counts []MonthlyCount }](at.manager.call("GET", counts, nil), http.StatusOK).Counts
	month := tn.stage.Clock.Now().Format("2006-01")
	require.Equal(t, []MonthlyCount{{month, "attested", "<10"}, {month, "opened", "<10"}}, all)
}
