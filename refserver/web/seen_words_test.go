package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
)

// What a clerk without a camera can type from a print is the fingerprint: they are told that it
// is not enough, and what is; never that nobody has signed (N82).
func TestWhoTypesTheFingerprintOfASheetIsToldWhatItTakes(t *testing.T) {
	t.Parallel()
	tn, amina, samir, paper := attestedTown(t)
	samir.post(paper+"/attest", samir.get(paper+"/attest").form("", url.Values{"kind": {"passport"}, "held": {"1"}})).ok("C’est signé.")
	sheet := amina.get(paper+"/attested").ok("Copie numéro", "numérisez cette feuille")
	typed := url.Values{"token": {sheet.digest()}}
	clerk, manager := tn.stranger(), tn.desk(tn.harbor.Manager)
	for language, says := range map[string]string{"fr": "C’est l’empreinte du fichier", "en": "This is the fingerprint of the file", "ar": "هذه بصمة الملف"} {
		clerk.post("/language", url.Values{"language": {language}, "here": {"/seen"}}).ok()
		clerk.post("/seen", typed).is(http.StatusUnprocessableEntity, says).without("Aucun centre d’ici")
		clerk.post("/seen", url.Values{"token": {sheet.digest()[:8]}}).is(http.StatusUnprocessableEntity, says)
	}
	manager.post(tn.relayPath()+"/revoke", typed).is(http.StatusUnprocessableEntity, "C’est l’empreinte du fichier").without("n’a pas signé")
	clerk.post("/language", url.Values{"language": {"fr"}, "here": {"/seen"}}).ok()
	clerk.post("/seen", url.Values{"token": {"n’importe quoi"}}).is(http.StatusUnprocessableEntity, "Aucun centre d’ici")
}

var digestOnPage = regexp.MustCompile(`class="digest" dir="ltr">([0-9a-f ]+)<`)

// digest is the fingerprint that stands on a page.
func (g *page) digest() string {
	g.t.Helper()
	found := digestOnPage.FindStringSubmatch(g.Body)
	require.NotEmpty(g.t, found, "no fingerprint")
	return found[1]
}

// What was taken back says what it said, and not what it says; before, it is asked whether.
func TestWhatWasTakenBackIsToldAsPastAndIsAskedBefore(t *testing.T) {
	t.Parallel()
	tn, amina, samir, paper := attestedTown(t)
	samir.post(paper+"/attest", samir.get(paper+"/attest").form("", url.Values{"kind": {"passport"}, "held": {"1"}})).ok("C’est signé.")
	code, clerk := url.Values{"token": {tn.printed(t, amina)}}, tn.stranger()
	clerk.post("/seen", code).ok("Ce que cela dit", "Copie numéro").without("Ce que cela disait")
	g := amina.get(paper).ok("Les feuilles déjà imprimées ne vaudront plus rien", "Oui, enlever")
	require.Regexp(t, `(?s)<details><summary>Enlever «.original vu.»</summary>.*/attest/remove`, g.Body, "one tap opens the question")
	amina.post(paper+"/attest/remove", g.form(paper+"/attest/remove", nil)).ok("C’est enlevé")
	for language, says := range map[string]string{"fr": "Ce que cela disait", "en": "What it said", "ar": "ما الذي كان يقوله هذا"} {
		clerk.post("/language", url.Values{"language": {language}, "here": {"/seen"}}).ok()
		clerk.post("/seen", code).ok(says).without("a eu l’original", "held the original, and")
	}
}

// Who signs that a copy shows the original has the copy before them, and on both pages of the
// print stands the same number.
func TestTheCopyIsBeforeWhoSignsAndIsTiedToItsSheet(t *testing.T) {
	t.Parallel()
	tn, amina, samir, paper := attestedTown(t)
	samir.get(paper + "/attest").ok("Regarder la copie").link(paper + "/preview")
	photo := amina.upload(url.Values{"title": {"Passeport"}, "visibility": {"shared"}}, file{"file", "p.jpg", "image/jpeg", testfiles.Photo().Bytes()}).ok().Path
	tn.opens(samir).ok()
	sign := samir.get(photo + "/attest").ok()
	require.Contains(t, sign.Body, `src="`+photo+`/preview"`)
	samir.post(photo+"/attest", sign.form("", url.Values{"kind": {"passport"}, "held": {"1"}})).ok("C’est signé.")
	sheet := amina.get(photo + "/attested").ok("La copie")
	number := sheet.digest()[:8]
	require.Regexp(t, `(?s)Copie numéro <b dir="ltr">`+number+`</b>.*<h2>La copie</h2><p>Copie numéro <b dir="ltr">`+number+`</b></p>\s*<p><img`, sheet.Body)
	tn.stranger().post("/seen", url.Values{"token": {tn.printed(t, amina)}}).ok(number)
}

// The team's journal says in words that there is a key to sign with, and in no word of ours.
func TestTheJournalOfTheTeamSaysThatThereIsAKeyToSignWith(t *testing.T) {
	t.Parallel()
	tn, _, samir, paper := attestedTown(t)
	samir.post(paper+"/attest", samir.get(paper+"/attest").form("", url.Values{"kind": {"passport"}, "held": {"1"}})).ok("C’est signé.")
	manager := tn.desk(tn.harbor.Manager)
	for language, says := range map[string]string{"fr": "Nouvelle clé du centre pour signer", "en": "New key of the centre to sign", "ar": "مفتاح جديد للمركز لتوقيع"} {
		manager.post("/language", url.Values{"language": {language}, "here": {"/staff"}}).ok()
		manager.get(tn.relayPath() + "/team/journal?all=1").ok(says).without("attest")
	}
}

// What was left by a page that left another thing just before is told together.
func TestALinkSaysThatAllOfSeveralThingsWasTaken(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	amina := c.newPerson()
	code := amina.post("/links", url.Values{"label": {"Infirmière"}, "lasts": {"week"}}).ok().code()
	nurse := c.stranger()
	nurse.get("/give").ok()
	page := nurse.post("/give", url.Values{"linkcode": {code}}).ok("Infirmière")
	require.Regexp(t, `id="also" hidden data-both="Laisser tout" data-alone="Laisser seulement ceci`, page.Body)
	nurse.post("/give/message", url.Values{"linkcode": {code}, "from": {"Idris"}, "text": {"un"}}).ok("Le message est pris")
	nurse.post("/give/message", url.Values{"linkcode": {code}, "also": {"1"}, "from": {"Idris"}, "text": {"deux"}}).ok("Tout est pris.")
}
