package main

import (
	"regexp"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
)

// elsewhere is another centre in town, which follows nobody, and who works there.
type elsewhere struct {
	*town
	centre *consenttest.Relay
	worker *consenttest.Staff
	card   string   // of the person
	papers []string // ids: two that are shown, and one that is not
}

// Story 2: with the card the person is at home in any centre, where an hour is an hour
// and a sign-out is the end.
func anyCentre(tn *town) {
	e := &elsewhere{town: tn, centre: tn.Relay(tn, "Foyer du Modèle")}
	e.worker = e.centre.Hire(tn, "Léa Exemple", consent.RoleHelp)
	person := tn.amina("visit")
	e.card = person.makesACard(tn)
	for _, title := range []string{"Ordonnance", "Carte de séjour", "Journal intime"} {
		person.goTo(tn.url + "/papers/add")
		person.photographs(tn.writes(title))
		e.papers = append(e.papers, ids.FindString(person.at()))
	}
	person.leavesQuietly()
	person.entersWithCard(tn.url, e.card)
	worker := tn.atWork(e.worker, "visited")
	e.anHour(person, worker)
	e.untilSignedOut(person, worker)
}

var ids = regexp.MustCompile(`[a-z2-7]{26}`)

// makesACard makes an access card with the password.
func (s *surfer) makesACard(tn *town) (card string) {
	s.Helper()
	s.goTo(tn.url + "/card")
	s.look("card", "card.title")
	s.write("#f-password", tn.Amina.Password)
	s.write("#f-pin", ownPIN)
	s.write("#f-again", ownPIN)
	s.press(`main form:has(#f-pin) button:not([type=button])`)
	s.look("card-made", "card.once")
	return s.words()[1]
}

// shows lets a worker see two papers, by the code on their screen, the card and the PIN.
func (e *elsewhere) shows(s, to *surfer) {
	s.Helper()
	to.goTo(e.url + "/staff")
	to.waitFor("staff.title")
	to.atTheirCentre()
	to.tap(`$="/visits"`, "visits", "visits.code", "visits.none")
	code := regexp.MustCompile(`reconnect:visit:[a-z0-9:-]+`).FindString(to.text())
	require.NotEmpty(s, code)
	s.goTo(e.url + "/sharing/visit")
	s.look("choose", "visit.what", "visit.hour")
	s.write("#f-code", code)
	for _, id := range e.papers[:2] {
		s.press(`input[name="items"][value="` + id + `"]`)
	}
	s.write("#f-called", e.writes("Idris"))
	s.press(`input[name="agreed"]`)
	s.press("details:has(#f-card) summary")
	s.write("#f-card", e.card)
	s.write("#f-pin", ownPIN)
	s.press(`main form:has(#f-code) button:not([type=button])`)
	s.look("shown", "done.visit-begun", "Foyer du Modèle")

	to.press(".back a")
	to.waitFor("people.title")
	to.tap(`$="/visits"`, "shown", "visits.open", e.writes("Idris"))
	to.tap(`*="/visits/"`, "why", "open.why")
	to.press(`input[name="purpose"][value="health"]`)
	to.press(`main form:has(input[name="purpose"]) button:not([type=button])`)
	to.look("guest", "guest.in", e.writes("Idris"), "purpose.health")
	to.tap(`="/papers"`, "papers", e.writes("Ordonnance"), e.writes("Carte de séjour"))
	to.without(e.writes("Journal intime"), "/papers/add")
}

// anHour is a visit that ends to the second, while both are at work.
func (e *elsewhere) anHour(person, worker *surfer) {
	e.shows(person, worker)
	visit := regexp.MustCompile(`/staff/relays/[a-z2-7]+/visits/[a-z2-7]+`)
	worker.tap(`$="`+e.papers[0]+`"`, "paper", e.writes("Ordonnance"))
	worker.tap(`$="/show"`, "picture")
	for range 4 {
		e.Clock.Advance(12 * time.Minute)
		person.goTo(e.url + "/sharing")
		person.waitFor("sharing.visits")
		worker.goTo(e.url + "/papers/" + e.papers[1])
		worker.waitFor(e.writes("Carte de séjour"))
	}
	e.Clock.Advance(12*time.Minute - time.Second)
	worker.goTo(e.url + "/papers")
	worker.look("last-second", e.writes("Ordonnance"))
	e.Clock.Advance(time.Second)
	worker.tap(`$="`+e.papers[0]+`"`, "over", "done.access-over", "staff.title")
	worker.without(e.writes("Idris"), e.writes("Ordonnance"), `class="done"`) // nor does a refusal look like a success
	e.nothingIsLeft(worker)
	require.NotRegexp(e, visit, worker.source())

	person.goTo(e.url + "/sharing")
	person.look("over", "ended-by.time")
	person.goTo(e.url + "/journal")
	person.look("journal", "Léa Exemple, Foyer du Modèle", "purpose.health", "journal.act.document.read", e.writes("Ordonnance"), e.writes("Carte de séjour"))
}

// untilSignedOut is a visit that ends with the person's session.
func (e *elsewhere) untilSignedOut(person, worker *surfer) {
	e.shows(person, worker)
	person.leavesQuietly()
	worker.tap(`$="`+e.papers[1]+`"`, "out", "done.access-over")
	e.nothingIsLeft(worker)
	person.entersWithCard(e.url, e.card)
	person.goTo(e.url + "/sharing")
	person.look("ended", "ended-by.session", "ended-by.time")
}

// nothingIsLeft looks for a visit that is over in the history of the browser, in all
// pages of the centre, and in what the browser keeps.
func (e *elsewhere) nothingIsLeft(s *surfer) {
	e.Helper()
	traces := []string{e.writes("Idris"), e.writes("Ordonnance"), e.writes("Carte de séjour"), e.papers[0], e.papers[1]}
	for range 2 { // over the pages of the visit
		s.goesBack()
		s.waitFor("staff.title")
		s.without(traces...)
	}
	for _, address := range []string{"/papers", "/papers/" + e.papers[0] + "/show", "/"} {
		s.goTo(e.url + address)
		s.waitFor("staff.title")
		s.without(traces...)
	}
	stored, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`localStorage.length + sessionStorage.length + document.cookie.length`))
	require.NoError(e, err)
	require.Zero(e, stored)
	s.goTo(e.url + "/staff/relays/" + e.centre.ID.String())
	s.look("people-after", "people.none")
	s.without(traces...)
	s.tap(`$="/visits"`, "visits-after", "visits.none")
	s.without(traces...)
}
