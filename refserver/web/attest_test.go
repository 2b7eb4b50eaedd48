package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"rsc.io/qr"

	"reconnect.example/consent"
	"reconnect.example/internal/testfiles"
	"reconnect.example/vault"
)

// attestedTown is a town where Samir has Amina's shared paper open; paper is its page.
func attestedTown(t *testing.T) (tn *town, amina, samir *person, paper string) {
	t.Helper()
	return attestedIn(t, newTown(t))
}

func attestedIn(t *testing.T, in *town) (tn *town, amina, samir *person, paper string) {
	t.Helper()
	tn = in
	tn.stage.Sign(t, consent.Change{Licence: &consent.Licence{Relay: tn.harbor.ID, Number: "1", From: "2020-01-01", To: "2030-01-01", Currency: "EUR"}})
	amina = tn.amina()
	paper = amina.upload(url.Values{"title": {"Acte de naissance"}, "visibility": {"shared"}}, file{"file", "acte.pdf", "application/pdf", testfiles.Letter().Bytes()}).ok().Path
	amina.follows(tn.harbor.Relay, nil).ok()
	samir = tn.desk(tn.samir)
	tn.opens(samir).ok()
	return tn, amina, samir, paper
}

func TestAWorkerSignsThatTheySawTheOriginalAndAClerkChecksIt(t *testing.T) {
	t.Parallel()
	tn, amina, samir, paper := attestedTown(t)
	amina.get(paper).ok().without("J’ai vu l’original", "Original vu")
	amina.get(paper + "/attest").is(http.StatusForbidden)
	samir.get(paper).ok("J’ai vu l’original")
	ask := samir.get(paper+"/attest").ok("J’ai eu l’original entre les mains", "Acte de naissance")
	samir.post(paper+"/attest", ask.form("", url.Values{"kind": {"birth-certificate"}})).is(http.StatusUnprocessableEntity, "Cochez seulement si")
	tn.stage.Clock.Advance(time.Minute)
	samir.post(paper+"/attest", ask.form("", url.Values{"kind": {"birth-certificate"}, "held": {"1"}})).ok("C’est signé.", "Original vu le", "Accueil du Port").without("Modifié") // nothing of the paper was

	// Amina reads it, in her journal too, and prints the sheet.
	amina.get(paper).ok("Original vu le", "Accueil du Port", "Acte de naissance").without("Samir")
	amina.get("/journal").ok("L’original a été vu", "Samir")
	sheet := amina.get(paper+"/attested").ok("Cela ne dit pas que l’original est authentique", "/seen", "Feuille avec le code")
	require.Contains(t, sheet.Body, `class="qr"`)
	sheet.without("Amina")

	// A clerk, who is nobody here, pastes what the code says.
	token := tn.printed(t, amina)
	clerk := tn.stranger()
	clerk.get("/seen").ok("Vérifier une copie", "Rien n’est gardé")
	found := clerk.post("/seen", url.Values{"token": {"https://espace.example.org/seen#" + token}}).ok("Original vu le", "Accueil du Port", "Ce que cela ne dit pas")
	found.without("Amina", "Samir", token)
	clerk.post("/seen", url.Values{"token": {token[:len(token)-4] + "AAAA"}}).is(http.StatusUnprocessableEntity, "Aucun centre d’ici n’a signé cela")
	clerk.post("/seen", url.Values{"token": {""}}).is(http.StatusUnprocessableEntity)

	keys := clerk.get("/.well-known/jwks.json")
	require.Equal(t, "application/jwk-set+json", keys.Header.Get("Content-Type"))
	require.Contains(t, keys.Body, `"crv":"P-256"`)

	// She takes it back: the printout says so from then on.
	amina.post(paper+"/attest/remove", amina.get(paper).form(paper+"/attest/remove", nil)).ok("C’est enlevé").without("Original vu le")
	clerk.post("/seen", url.Values{"token": {token}}).ok("Cela a été annulé depuis")
	var list struct{ Revoked []string }
	require.NoError(t, json.Unmarshal([]byte(clerk.get("/seen/revoked.json").Body), &list))
	require.Len(t, list.Revoked, 1)
}

// printed is what the code on the sheet says of the paper of somebody that is attested.
func (tn *town) printed(t *testing.T, of *person) (token string) {
	t.Helper()
	v, err := tn.stage.Vaults.Unlock(t.Context(), vault.Password{Login: of.login, Secret: password})
	require.NoError(t, err)
	defer v.Close()
	items, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	for _, i := range items {
		if i.Document != nil && i.Document.Attested != "" {
			token = i.Document.Attested
		}
	}
	require.NotEmpty(t, token)
	return token
}

// A sheet that was signed by mistake, or stolen, is taken back with the paper alone, by
// whoever works at that relay, and is shown to them before.
func TestASheetIsRevokedByItsCodeAtTheRelayThatSignedIt(t *testing.T) {
	t.Parallel()
	tn, amina, samir, paper := attestedTown(t)
	samir.post(paper+"/attest", samir.get(paper+"/attest").form("", url.Values{"kind": {"passport"}, "held": {"1"}})).ok("C’est signé.")
	code := url.Values{"token": {"https://espace.example.org/seen#" + tn.printed(t, amina)}}
	manager, clerk := tn.desk(tn.harbor.Manager), tn.stranger()
	path := tn.relayPath() + "/revoke"
	manager.get(tn.relayPath()).ok("Annuler une feuille")

	other := tn.stage.Relay(t, "Autre centre")
	tn.desk(other.Manager).post("/staff/relays/"+other.ID.String()+"/revoke", code).is(http.StatusUnprocessableEntity, "Votre centre n’a pas signé")
	tn.desk(other.Manager).post(path, code).is(http.StatusForbidden)
	manager.post(path, url.Values{"token": {""}}).is(http.StatusUnprocessableEntity)
	look := manager.post(path, code).ok("Original vu le", "Passeport", "Cela ne peut pas être défait").without("Amina", "Samir")
	clerk.post("/seen", code).ok("Ce que cela ne dit pas").without("annulé")
	manager.post(path, look.form("", nil)).ok("C’est annulé.")
	clerk.post("/seen", code).ok("Cela a été annulé depuis")
	samir.post(path, code).ok("Cela a été annulé depuis").without("Annuler cette feuille pour toujours")
	amina.get(paper).ok().without("Original vu le")
}

// What is printed must be read by a cheap phone: the code of a relay with a long name too.
func TestTheCodeOfASheetIsNotTooDense(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode("https://espace.example.org/seen#"+strings.Repeat("a", 700), qr.M)
	require.NoError(t, err)
	require.LessOrEqual(t, code.Size, 105, "modules; at 80 mm each is 0.7 mm wide")
}

// Who may only see is not offered to sign, and a form of their own is refused.
func TestWhoMayOnlySeeIsNotOfferedToSign(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	paper := amina.upload(url.Values{"title": {"Passeport"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	amina.follows(tn.harbor.Relay, url.Values{"scope": {"see"}}).ok()
	samir := tn.desk(tn.samir)
	tn.opens(samir).ok()
	samir.get(paper).ok().without("J’ai vu l’original")
	samir.post(paper+"/attest", url.Values{"kind": {"passport"}, "held": {"1"}, "revision": {"1"}}).is(http.StatusForbidden)
}
