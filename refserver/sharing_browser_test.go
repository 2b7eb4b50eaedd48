package main

import "github.com/stretchr/testify/require"

// Story 8: the person lets a second centre follow, and ends it while somebody there
// looks at a paper. The receipt and the journal say so, and the first centre goes on.
func leavingARelay(tn *town) {
	hostel := tn.Relay(tn, "Foyer du Modèle")
	amina := tn.amina("ending")
	amina.lets(tn, hostel.ID.String())
	amina.goTo(tn.url + "/papers/add")
	amina.press(`input[name="visibility"][value="shared"]`)
	amina.photographs(tn.writes("Attestation"))

	theirs := tn.atWork(hostel.Manager, "ending-worker")
	theirs.opensTheOnlyPerson(tn.writes("Idris"), tn.writes("demande de logement"))
	theirs.tap(`="/papers"`, "papers", tn.writes("Attestation"))
	ours := tn.atWork(tn.Samir, "ending-other")
	ours.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))

	amina.goTo(tn.url + "/sharing")
	amina.look("sharing", "Accueil du Port", "Foyer du Modèle")
	of := evaluated[string](amina, `[...document.querySelectorAll("li")].find(l => l.textContent.includes("Foyer du Modèle")).querySelector('a[href^="/sharing/with/"]').getAttribute("href")`)
	amina.tap(`="`+of+`"`, "one", "sharing.end-means", "sharing.new-keys-means")
	amina.write("#f-password", tn.Amina.Password) // new keys at once
	amina.press(`form[action$="/end"] button:not([type=button])`)
	amina.look("ended", "done.access-ended", "ended-by.person")
	amina.tap(`^="/receipts/"`, "receipt", "consent-receipt.title", "Foyer du Modèle")

	theirs.tap(`^="/papers/"][class="row"`, "out", "done.access-over")
	theirs.without(tn.writes("Idris"), tn.writes("Attestation"))
	theirs.goTo(tn.url + "/staff/relays/" + hostel.ID.String())
	theirs.look("people-after", "people.none")
	ours.goTo(tn.url + "/papers")
	ours.look("goes-on", tn.writes("Attestation"))

	amina.goTo(tn.url + "/journal")
	amina.look("journal", "journal.act.grant.ended", "Foyer du Modèle", "journal.act.vault.shared-keys-changed")
}

// lets has a centre follow, which may add.
func (s *surfer) lets(tn *town, centre string) {
	s.Helper()
	s.goTo(tn.url + "/sharing/relays")
	s.look("relays", "Foyer du Modèle")
	s.tap(`$="`+centre+`"`, "follow", "follow.read", "scope.title")
	s.press(`input[name="scope"][value="add"]`)
	s.write("#f-called", tn.writes("Idris"))
	s.press(`input[name="agreed"]`)
	s.write("#f-password", tn.Amina.Password)
	s.press(`main form:has(#f-called) button:not([type=button])`)
	s.look("followed", "done.followed", "consent-receipt.title")
}

// Story 11: the person reads who opened which paper, when and why; and beside a paper,
// who has seen it.
func seen(tn *town) {
	amina := tn.amina("seen")
	var papers []string
	for _, title := range []string{"Ordonnance", "Attestation"} {
		amina.goTo(tn.url + "/papers/add")
		amina.press(`input[name="visibility"][value="shared"]`)
		amina.photographs(tn.writes(title))
		papers = append(papers, ids.FindString(amina.at()))
	}
	amina.leavesQuietly()
	worker := tn.atWork(tn.Samir, "seen-worker")
	worker.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))
	worker.goTo(tn.url + "/papers/" + papers[0])
	worker.tap(`$="/show"`, "picture", tn.writes("Ordonnance"))

	amina.enters(tn.url, tn.Amina.Login, tn.Amina.Password)
	amina.goTo(tn.url + "/journal")
	amina.look("journal", "Samir, ", "journal.act.document.read", tn.writes("Ordonnance"), "journal.why", "purpose.housing", tn.writes("demande de logement"))
	line := evaluated[string](amina, `[...document.querySelectorAll(".journal li")].find(l => l.textContent.includes(`+quoted(tn.writes("Ordonnance"))+`) && l.textContent.includes("Samir")).textContent`)
	require.Contains(tn, line, amina.lang.T("purpose.housing"))
	amina.goTo(tn.url + "/items/" + papers[0] + "/seen")
	amina.look("by", "seen.title", "Samir", "seen.means")
	amina.goTo(tn.url + "/items/" + papers[1] + "/seen")
	amina.look("by-nobody", "seen.nobody")
}
