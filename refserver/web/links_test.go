package web_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shownCode is the code under the QR code of a page.
var shownCode = regexp.MustCompile(`[0-9A-Z]{4}(?:-[0-9A-Z]{4}){7}`)

func (g *page) code() string {
	g.t.Helper()
	found := shownCode.FindString(g.Body)
	require.NotEmpty(g.t, found, g.Body)
	return found
}

// gives leaves a file by the page of a link.
func (p *person) gives(g *page, files ...file) *page {
	p.t.Helper()
	contentType, body := multipartOf(p.t, g.form("/give/paper", url.Values{"title": {"Ordonnance"}}), files...)
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/give/paper", bytes.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", contentType)
	return p.do(r)
}

// Somebody without an account types what is printed under the code: everything works where
// no script runs.
func TestWhatWasWrittenWhileTheLinkEndedIsNotGone(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, nurse := tn.amina(), tn.stranger()
	shown := amina.post("/links", amina.get("/links").form("/links", url.Values{"label": {"Hôpital"}})).ok()
	page := nurse.post("/give", url.Values{"linkcode": {shown.code()}}).ok("Hôpital")
	amina.post(shown.Path+"/end", nil).ok()
	message := url.Values{"from": {"Infirmière"}, "text": {"Lundi <b>9 h"}}
	kept := nurse.post("/give/message", page.form("/give/message", message)).is(http.StatusUnprocessableEntity, "Ce lien est terminé", "n’a pas été laissé", "Lundi <b>9 h")
	require.NotContains(t, kept.Body, "Lundi <b>9 h", "it is text")
}

func TestAStrangerLeavesAPaperAndAMessageByALink(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, nurse := tn.amina(), tn.stranger()
	amina.get("/things").ok("Mes liens")
	form := amina.get("/links").ok("Vous n’avez fait aucun lien.", "Ouverte")
	amina.post("/links", form.form("/links", url.Values{"label": {""}})).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	wanted := form.form("/links", url.Values{"label": {"Hôpital <b>"}, "lasts": {"week"}})
	shown := amina.post("/links", wanted).ok("Hôpital <b>", "/give")
	require.NotContains(t, shown.Body, "Hôpital <b>", "it is text")
	require.Contains(t, shown.Body, `class="qr"`)
	require.Equal(t, shown.Path, amina.post("/links", wanted).ok().Path, "a second click")
	code := shown.code()
	list := amina.get("/links").ok("Jusqu’à lundi", "Utilisé jamais")
	forever := amina.post("/links", list.form("/links", url.Values{"label": {"Propriétaire"}})).ok()
	amina.get("/links").ok("Jusqu’à ce que vous l’arrêtiez").without("Jusqu’à Jusqu’à")
	amina.post(forever.Path+"/end", nil).ok()

	nurse.get("/give").ok("Tapez le code du lien")
	require.Contains(t, nurse.get("/give").Header.Get("Permissions-Policy"), "microphone=()")
	nurse.post("/give", url.Values{"linkcode": {code[:20]}}).is(http.StatusUnprocessableEntity, "Ce n’est pas le code d’un lien.")
	page := nurse.post("/give", url.Values{"linkcode": {"https://espace.example.org/give#" + strings.ToLower(code)}}).ok("Hôpital <b>", "Laisser un papier")
	page.without("Amina", amina.login)
	require.Contains(t, page.Header.Get("Permissions-Policy"), "camera=(), microphone=(self)")
	nurse.gives(page, file{"file", "x.pdf", "application/pdf", pdf}).ok("Le papier est pris. Merci.").without("Ordonnance")
	nurse.gives(page, file{"file", "x.exe", "application/pdf", []byte("MZ\x90\x00\x03\x00")}).is(http.StatusUnprocessableEntity, "une photo, un PDF, un son ou un texte simple")
	nurse.gives(page).is(http.StatusUnprocessableEntity)
	nurse.post("/give/message", page.form("/give/message", url.Values{"from": {"Infirmière"}, "text": {"Lundi 9 h"}})).ok("Le message est pris. Merci.")
	kept := nurse.post("/give/message", page.form("/give/message", url.Values{"from": {""}, "text": {"ce que j’ai écrit"}}))
	kept.is(http.StatusUnprocessableEntity, "Remplissez cette case.", "ce que j’ai écrit")

	amina.signIn(password)
	left := amina.get("/deposits").ok("Ordonnance", "Infirmière", "Lien « Hôpital", "Tout garder")
	keep, throw := left.link("/inbox/kept/[a-z2-7]+"), left.link("/items/[a-z2-7]+/bin")
	require.Equal(t, idOf(keep), idOf(throw), "each thing by itself")
	rest := amina.post(throw, left.form(throw, nil)).ok("C’est dans la corbeille.", "à garder ou à jeter", "Tout garder")
	require.Equal(t, "/deposits", rest.Path, "and the person goes on there")
	amina.get("/").ok("Quelqu’un a laissé quelque chose pour vous")
	last := rest.link("/inbox/kept/[a-z2-7]+")
	require.NotEqual(t, keep, last)
	amina.post(last, nil).ok("C’est à vous maintenant.", "Gardé : c’est à vous").without("à garder ou à jeter", "Tout garder", "/inbox/kept")
	amina.get("/").ok().without("Quelqu’un a laissé quelque chose pour vous")
	amina.get("/journal").ok("Papiers reçus gardés : « ")
	amina.get("/links").ok("Hôpital", "Utilisé", "2")

	amina.post("/inbox/closed", url.Values{"closed": {"1"}}).ok("Votre boîte est fermée.")
	nurse.post("/give/message", page.form("/give/message", url.Values{"from": {"x"}, "text": {"pas perdu"}})).is(http.StatusUnprocessableEntity, "Cela n’a pas été pris", "pas perdu")
	amina.post("/inbox/closed", nil).ok("Votre boîte est ouverte.")
	end := amina.get("/links").link("/links/[a-z2-7]+/end")
	amina.post(end, nil).ok("Ce lien n’ouvre plus rien.", "Arrêté par vous")
	amina.get(strings.TrimSuffix(end, "/end")).is(http.StatusNotFound)
	nurse.post("/give", url.Values{"linkcode": {code}}).is(http.StatusUnprocessableEntity, "Ce lien est terminé.")
}

func TestAClerkReadsOnePaperByALinkAndThePersonSeesIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, clerk := tn.amina(), tn.stranger()
	paper := amina.upload(url.Values{"title": {"Carte d’identité"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok("Montrer par un lien").Path
	form := amina.get(paper+"/link").ok("Carte d’identité", "3 fois")
	fill := func(password string) url.Values {
		return form.form("", url.Values{"label": {"Guichet 4"}, "times": {"one"}, "lasts": {"hour"}, "password": {password}})
	}
	amina.post(paper+"/link", fill("")).is(http.StatusUnprocessableEntity)
	amina.post(paper+"/link", fill("not hers at all")).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe")
	shown := amina.post(paper+"/link", fill(password)).ok("Ce code n’est montré qu’une fois.", "/open", "Carte d’identité", "On peut s’en servir 1 fois")
	code := shown.code()
	require.Equal(t, code, amina.post(paper+"/link", fill(password)).ok().code(), "a second click shows the same link")
	amina.post(paper+"/link", fill("not hers at all")).is(http.StatusUnauthorized).without(code)
	require.Equal(t, 1, strings.Count(amina.get("/links").ok("Guichet 4").without(code).Body, "Guichet 4"), "and there is one")

	look := clerk.post("/give", url.Values{"linkcode": {code}}).ok("Guichet 4", "Encore 1 fois", "Lire un papier")
	look.without("Carte", "Amina", amina.login)
	got := clerk.post("/open/paper", look.form("/open/paper", url.Values{"how": {"show"}}))
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, string(pdf), got.Body)
	require.Contains(t, got.Header.Get("Content-Security-Policy"), "sandbox")
	require.True(t, strings.HasPrefix(got.Header.Get("Content-Disposition"), "inline"))
	clerk.post("/open/paper", look.form("/open/paper", nil)).is(http.StatusUnprocessableEntity, "Ce lien est terminé.")
	clerk.post("/open", url.Values{"linkcode": {code}}).is(http.StatusUnprocessableEntity, "Ce lien est terminé.")
	amina.get("/links").ok("Utilisé autant de fois que prévu", "1 sur 1")
	amina.get("/journal").ok("Papier lu avec un lien", "Guichet 4")
	tn.desk(tn.samir).get("/links").without("Guichet 4")
}

func TestEveryPageOfLinksSpeaksEachLanguage(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, nurse := tn.amina(), tn.stranger()
	paper := amina.upload(url.Values{"title": {"Carte"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	link := amina.post("/links", amina.get("/links").form("/links", url.Values{"label": {"x"}})).ok()
	read := amina.post(paper+"/link", amina.get(paper+"/link").form("", url.Values{"label": {"y"}, "password": {password}})).ok()
	missing := regexp.MustCompile(`\[[a-z]+[.-][a-z.-]+\]|%!|\(MISSING\)`)
	for _, language := range []string{"fr", "en", "ar"} {
		chosen := url.Values{"language": {language}, "here": {"/news"}}
		amina.post("/language", chosen).ok()
		nurse.post("/language", chosen).ok()
		for _, g := range []*page{
			amina.get("/links"), amina.get(link.Path), amina.get(paper + "/link"), amina.get("/deposits"), amina.get("/things"),
			nurse.get("/give"), nurse.get("/open"), nurse.post("/give", url.Values{"linkcode": {link.code()}}), nurse.post("/open", url.Values{"linkcode": {read.code()}}),
		} {
			require.Contains(t, g.ok().Body, `<html lang="`+language+`"`)
			require.NotRegexp(t, missing, g.text(), g.Path)
		}
	}
}

// What was left is not left again by going back, or by loading the page again: after each
// form of who has a link stands a page that a browser gets.
func TestWhoHasALinkGoesBackToPagesAndNotToForms(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, nurse := tn.amina(), tn.stranger()
	code := amina.post("/links", amina.get("/links").form("/links", url.Values{"label": {"Hôpital"}})).ok().code()
	got := func(g *page, path string) *page {
		t.Helper()
		require.Equal(t, path, g.Path)
		require.Equal(t, http.MethodGet, g.method)
		require.Empty(t, g.query, "no address has a code")
		return g
	}
	nurse.get("/give").ok("Tapez le code du lien")
	page := got(nurse.post("/give", url.Values{"linkcode": {code}}), "/give").ok("Hôpital", "Laisser un papier")
	nurse.gives(page, file{"file", "x.pdf", "application/pdf", pdf}).ok("Le papier est pris. Merci.")
	message := page.form("/give/message", url.Values{"from": {"Infirmière"}, "text": {"Lundi 9 h"}})
	taken := nurse.post("/give/message", message).ok("Le message est pris. Merci.", "Hôpital")
	require.Equal(t, http.MethodGet, taken.method)
	require.Equal(t, "taken=text", taken.query)
	nurse.get("/give?taken=x").ok("Hôpital").without("Merci")
	nurse.get("/give").ok("Hôpital").without("Merci")
	nurse.post("/give/forget", nil).ok("Ce lien est oublié sur cet appareil.", "Tapez le code du lien").without("Hôpital")
	nurse.get("/give").ok("Tapez le code du lien")

	paper := amina.upload(url.Values{"title": {"Bail"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	once := amina.post(paper+"/link", amina.get(paper+"/link").form("", url.Values{"label": {"Guichet"}, "times": {"one"}, "lasts": {"hour"}, "password": {password}})).ok().code()
	look := got(nurse.post("/give", url.Values{"linkcode": {once}}), "/open").ok("Guichet", "Encore 1 fois")
	got(nurse.get("/give"), "/open").ok("Guichet")
	require.Equal(t, string(pdf), nurse.post("/open/paper", look.form("/open/paper", url.Values{"how": {"show"}})).Body)
	over := got(nurse.post("/open", url.Values{"linkcode": {once}}), "/open").ok("Ce lien a fini de servir", "Un autre lien ? Tapez le code du lien")
	over.without("Guichet", "Quelque chose est à corriger")
	nurse.get("/open").ok("Tapez le code du lien").without("Ce lien a fini de servir")

	nurse.post("/give", url.Values{"linkcode": {code}}).ok("Hôpital")
	nurse.post("/leave", nil)
	nurse.get("/give").ok("Tapez le code du lien").without("Hôpital")
	without := tn.stranger() // whose browser keeps nothing
	without.client.Jar = nil
	shown := without.post("/give", url.Values{"linkcode": {code}}).ok("Hôpital")
	without.post("/give/message", shown.form("/give/message", url.Values{"from": {"x"}, "text": {"y"}})).ok("Le message est pris. Merci.")
}
