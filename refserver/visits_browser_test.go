package main

import (
	"regexp"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// shows lets a worker see two papers, by the code on their screen, the card and the PIN.
func (s *surfing) shows(tn *town, to *surfing, card string, papers []string) {
	s.Helper()
	to.press(`a[href="/"]`)
	to.waitFor("Mes centres")
	to.press(`main a.main[href^="/staff/relays/"]`)
	to.tap(`$="/visits"`, "visits", "Mon code", "Personne ne vous montre rien")
	code := regexp.MustCompile(`reconnect:visit:[a-z0-9:-]+`).FindString(to.text())
	require.NotEmpty(s, code)
	s.goTo(tn.url + "/sharing/visit")
	s.look("visit", "Que voulez-vous montrer ?", "Une heure")
	s.write("#f-code", code)
	for _, id := range papers[:2] {
		s.press(`input[name="items"][value="` + id + `"]`)
	}
	s.write("#f-called", "Idris")
	s.press(`input[name="agreed"]`)
	s.press("details summary")
	s.write("#f-card", card)
	s.write("#f-pin", ownPIN)
	s.press("main form button.main")
	s.look("shown", "La personne peut maintenant voir ce que vous avez choisi.", "Foyer du Modèle")

	to.press(".back a")
	to.waitFor("Les personnes suivies")
	to.tap(`$="/visits"`, "shown", "On vous montre", "Idris")
	to.tap(`*="/visits/"`, "why", "Pourquoi ?")
	to.press(`input[value="health"]`)
	to.press("main form button.main")
	to.look("guest", "Vous êtes dans l’espace de Idris", "Santé")
	to.tap(`="/papers"`, "papers", "Ordonnance", "Carte de séjour")
	to.without("Journal intime", "Récépissé", "/papers/add")
}

// anHour is a visit that ends to the minute, while both are at work.
func anHour(tn *town, idris, samir *surfing, card string, papers []string) {
	idris.shows(tn, samir, card, papers)
	visit := regexp.MustCompile(`/staff/relays/[a-z2-7]+/visits/[a-z2-7]+`)
	samir.tap(`$="`+papers[0]+`"`, "paper", "Ordonnance")
	samir.tap(`$="/show"`, "picture")
	for range 4 {
		tn.stage.Clock.Advance(12 * time.Minute)
		idris.goTo(tn.url + "/sharing")
		idris.waitFor("Visites en cours")
		samir.goTo(tn.url + "/papers/" + papers[1])
		samir.waitFor("Carte de séjour")
	}
	tn.stage.Clock.Advance(12*time.Minute - time.Second)
	samir.goTo(tn.url + "/papers")
	samir.look("last-second", "Ordonnance")
	tn.stage.Clock.Advance(time.Second)
	samir.tap(`$="`+papers[0]+`"`, "over", "Aucun espace n’est ouvert. L’accès a pu être arrêté.", "Mes centres")
	samir.without("Idris", "Ordonnance", `class="done"`) // nor does a refusal look like a success
	tn.nothingIsLeft(samir, papers)
	require.NotRegexp(tn, visit, samir.source())

	idris.goTo(tn.url + "/sharing")
	idris.look("over", "Le temps est passé")
	idris.goTo(tn.url + "/journal")
	idris.look("seen", "Samir Fictif, Foyer du Modèle", "Santé", "Papier ouvert : « Ordonnance »", "« Carte de séjour »")
}

// untilSignedOut is a visit that ends with the person's session.
func untilSignedOut(tn *town, idris, samir *surfing, card string, papers []string) {
	idris.shows(tn, samir, card, papers)
	idris.press(`.bottom button`)
	idris.look("left", "Vous êtes déconnecté.")
	samir.tap(`$="`+papers[1]+`"`, "out", "Aucun espace n’est ouvert. L’accès a pu être arrêté.")
	tn.nothingIsLeft(samir, papers)
	idris.entersWithCard(tn, card)
	idris.goTo(tn.url + "/sharing")
	idris.look("ended", "Terminé quand vous êtes sorti", "Le temps est passé")
}

// nothingIsLeft looks for a visit that is over in the history of the browser, in all
// pages of the relay, and in what the browser keeps.
func (tn *town) nothingIsLeft(s *surfing, papers []string) {
	tn.Helper()
	traces := []string{"Idris", "Ordonnance", "Carte de séjour", papers[0], papers[1]}
	for range 2 { // over the pages of the visit
		s.goesBack()
		s.waitFor("Mes centres")
		s.without(traces...)
	}
	for _, address := range []string{"/papers", "/papers/" + papers[0] + "/show", "/"} {
		s.goTo(tn.url + address)
		s.waitFor("Mes centres")
		s.without(traces...)
	}
	stored, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`localStorage.length + sessionStorage.length + document.cookie.length`))
	require.NoError(tn, err)
	require.Zero(tn, stored)
	s.goTo(tn.url + "/staff/relays/" + tn.hostel.ID.String())
	s.look("people-after", "Ce centre ne suit encore personne.")
	s.without(traces...)
	s.tap(`$="/visits"`, "visits-after", "Personne ne vous montre rien en ce moment.")
	s.without(traces...)
}
