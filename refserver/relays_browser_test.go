package main

import (
	"path/filepath"
	"regexp"
	"testing"

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
	w := openWindow(t)
	camille, nadia := w.surf(t, "camille", phone, false), w.surf(t, "nadia", 1024, true)
	camille.signIn(r)
	camille.goTo(r.url + "/papers/add")
	camille.photographs("Lettre privée")

	nadia.entersAsStaff(r, "Nadia Specimen")
	nadia.opensTheOnlyPerson("Camille Exemple")
	nadia.goTo(r.url + "/papers/add")
	nadia.photographs("Attestation du centre")
	nadia.look("added", "Attestation du centre", "Partagé")
	nadia.goTo(r.url + "/papers")
	nadia.look("papers", "Attestation du centre")
	require.NotContains(t, nadia.text(), "Lettre privée")

	camille.goTo(r.url + "/journal")
	camille.look("journal", "Nadia Specimen, Accueil de jour Exemple", "Attestation du centre", "Logement, demande de logement")
	camille.goTo(r.url + "/sharing")
	camille.look("sharing", "Accueil de jour Exemple", "Voir et ajouter")
	camille.press(`form[action$="/end"] button`)
	camille.look("stopped", "C’est arrêté.", "Arrêté par vous")
	nadia.goTo(r.url + "/papers")
	nadia.look("out", "Aucun espace n’est ouvert.")
}
