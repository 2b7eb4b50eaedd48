package main

import (
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// staffOf is how a sample worker signs in, as the server prints it.
func staffOf(t *testing.T, r *running, name string) (login, password string) {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(name) + `.*\n +Login +([0-9 ]+)\n +Password +([a-z ]+)\n`).FindStringSubmatch(r.out.String())
	require.NotNil(t, m, r.out.String())
	return m[1], m[2]
}

// entersAsStaff signs in as a sample worker.
func (s *surfing) entersAsStaff(r *running, name string) {
	s.Helper()
	login, password := staffOf(s.T, r, name)
	s.goTo(r.url + "/staff/sign-in")
	s.look("staff-sign-in", "Je travaille pour un centre")
	s.write("#f-login", login)
	s.write("#f-password", password)
	s.press("main button:not([type=button])")
	s.look("staff", "Mes centres", name)
}

// opensTheOnlyPerson opens somebody whom the first relay follows, for housing.
func (s *surfing) opensTheOnlyPerson(name string) {
	s.Helper()
	s.press(`main a.main[href^="/staff/relays/"]`)
	s.look("people", "Les personnes suivies", name)
	s.press(`a[href*="/people/"]`)
	s.look("open", "Pourquoi ?")
	s.press(`input[value="housing"]`)
	s.write("#f-why", "demande de logement")
	s.press("main form button.main")
	s.look("space", "Vous êtes dans l’espace de", name, "Logement, demande de logement")
}

// Two browsers, a person's and a worker's: what is shared is seen, what is private
// is not; the person reads who looked and why, stops it, and the worker is out.
func TestAPersonAndAWorkerInTwoBrowsers(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	camille, nadia := browse(t, "camille", 320, false), browse(t, "nadia", 1024, true)
	camille.signIn(r)
	camille.goTo(r.url + "/papers/add")
	camille.write("#f-title", "Lettre privée")
	path, err := filepath.Abs(photo)
	require.NoError(t, err)
	camille.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	camille.press("main form button:not([type=button])")
	camille.waitFor("C’est enregistré.")

	nadia.entersAsStaff(r, "Nadia Specimen")
	nadia.opensTheOnlyPerson("Camille Exemple")
	nadia.goTo(r.url + "/papers/add")
	nadia.write("#f-title", "Attestation du centre")
	nadia.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	nadia.press("main form button:not([type=button])")
	nadia.look("added", "C’est enregistré.", "Attestation du centre", "Partagé")
	nadia.fits()
	nadia.goTo(r.url + "/papers")
	nadia.look("papers", "Attestation du centre")
	require.NotContains(t, nadia.text(), "Lettre privée")

	camille.goTo(r.url + "/journal")
	camille.look("journal", "Nadia Specimen, Accueil de jour Exemple", "Attestation du centre", "Logement, demande de logement")
	camille.goTo(r.url + "/sharing")
	camille.look("sharing", "Accueil de jour Exemple", "Voir et ajouter")
	camille.fits()
	camille.press(`form[action$="/end"] button`)
	camille.look("stopped", "C’est arrêté.", "Arrêté par vous")
	nadia.goTo(r.url + "/papers")
	nadia.look("out", "Aucun espace n’est ouvert.")
}

// A worker opens an account with a person, who walks into another centre with their
// card and shows one paper for a while.
func TestANewAccountAndAVisitInTwoBrowsers(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	nadia, samir, idris := browse(t, "opens", 1024, true), browse(t, "visited", 1024, false), browse(t, "idris", 320, false)
	const password, pin = "bato kiru mesa lova", "482915"
	nadia.entersAsStaff(r, "Nadia Specimen")
	nadia.press(`main a.main[href^="/staff/relays/"]`)
	nadia.waitFor("Ouvrir un compte avec quelqu’un")
	nadia.press(`a[href$="/account"]`)
	nadia.look("account", "À lire ensemble avant")
	for field, text := range map[string]string{"called": "Idris", "new": password, "repeat": password, "pin": pin, "again": pin} {
		nadia.write("#f-"+field, text)
	}
	nadia.press(`input[name="consent"]`)
	nadia.press(`input[name="agreed"]`)
	nadia.press("main form button.main")
	nadia.look("opened", "Le compte est ouvert", "Code de la carte")
	card, err := chromedp.Run(nadia.ctx, chromedp.Evaluate[string](`document.querySelectorAll("p.words")[1].textContent`))
	require.NoError(t, err)

	idris.goTo(r.url + "/sign-in/card")
	idris.write("#f-card", card)
	idris.write("#f-pin", pin)
	idris.press("main form button.main")
	idris.look("home", "Mon espace")
	path, err := filepath.Abs(photo)
	require.NoError(t, err)
	idris.goTo(r.url + "/papers/add")
	idris.write("#f-title", "Ordonnance")
	idris.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	idris.press("main form button:not([type=button])")
	idris.waitFor("C’est enregistré.")

	samir.entersAsStaff(r, "Samir Fictif")
	samir.press(`main a.main[href^="/staff/relays/"]`)
	samir.waitFor("Visites")
	samir.press(`a[href$="/visits"]`)
	samir.look("code", "Mon code", "Personne ne vous montre rien")
	visits := regexp.MustCompile(`[a-z0-9:-]{60,}`).FindString(samir.text())
	require.NotEmpty(t, visits, samir.text())
	idris.goTo(r.url + "/sharing/visit")
	idris.look("visit", "Que voulez-vous montrer ?")
	idris.write("#f-code", visits)
	idris.press(`input[name="items"]`)
	idris.press(`input[value="15"]`)
	idris.write("#f-called", "Idris")
	idris.press(`input[name="agreed"]`)
	idris.write("#f-password", password)
	idris.press("main form button.main")
	idris.look("shown", "La personne peut maintenant voir ce que vous avez choisi.")
	samir.press(`.language button`)
	samir.waitFor("My code")
	samir.press(`.language button`)
	samir.waitFor("On vous montre")
	samir.press(`a[href*="/visits/"]`)
	samir.waitFor("Pourquoi ?")
	samir.press(`input[value="health"]`)
	samir.press("main form button.main")
	samir.look("guest", "Vous êtes dans l’espace de", "Idris")
	samir.goTo(r.url + "/papers")
	samir.look("shown-paper", "Ordonnance")
	idris.press(`.bottom button`) // signing out ends the visit
	idris.waitFor("Vous êtes déconnecté")
	require.Eventually(t, func() bool {
		samir.goTo(r.url + "/papers")
		return regexp.MustCompile("Aucun espace n’est ouvert").MatchString(samir.text())
	}, time.Minute, 200*time.Millisecond)
}
