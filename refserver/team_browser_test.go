package main

import "time"

// Story 9: a worker is taken out of the team in the middle of their work.
func aWorkerLeaves(tn *town) {
	amina, manager := tn.amina("leaves"), tn.atWork(tn.Harbour.Manager, "leaves-manager")
	amina.goTo(tn.url + "/papers/add")
	amina.press(`input[name="visibility"][value="shared"]`)
	amina.photographs(tn.writes("Attestation"))
	leaving, staying := tn.atWork(tn.Samir, "leaves-worker"), tn.atWork(tn.Rosa, "leaves-other")
	for _, s := range []*surfer{leaving, staying} {
		s.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))
		s.tap(`="/papers"`, "papers", tn.writes("Attestation"))
	}

	manager.goTo(tn.url + "/staff/relays/" + tn.Harbour.ID.String() + "/team")
	manager.look("team", "Samir", "Rosa", "member.active")
	manager.tap(`$="/team/counts"`, "counts", "counts.title", "counted.opened")
	manager.tap(`$="/team"`, "team", "Samir", "Rosa")
	manager.tap(`$="`+tn.Samir.ID().String()+`"`, "member", "Samir", "member.active")
	manager.tap(`$="/remove"`, "remove", "Samir", "member.remove-means")
	manager.write("#f-password", tn.Harbour.Manager.Password)
	manager.press(`form[action$="/remove"] button:not([type=button])`)
	manager.look("removed", "done.member-changed", "Rosa")
	manager.without("Samir")

	leaving.tap(`^="/papers/"][class="row"`, "out", "done.access-over", "staff.out")
	leaving.without("Amina", tn.writes("Attestation"))
	leaving.goTo(tn.url + "/staff/relays/" + tn.Harbour.ID.String())
	leaving.look("refused", "says.not-member")
	leaving.without("Amina")

	staying.tap(`^="/papers/"][class="row"`, "goes-on", tn.writes("Attestation"), "guest.in", "Amina K.")
	staying.goTo(tn.url + "/papers/add")
	staying.photographs(tn.writes("Bail"))
	staying.press(`form[action="/staff/close"] button`)
	staying.waitFor("done.space-closed")
	staying.goTo(tn.url + "/staff")
	staying.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))

	amina.goTo(tn.url + "/journal")
	amina.look("journal", "Samir, ", "Rosa, ", tn.writes("Bail"), tn.writes("Attestation"))
	amina.goTo(tn.url + "/sharing")
	amina.look("sharing", "Accueil du Port", "scope.add")
}

// Story 10: the licence of a centre ends at midnight, while an account is being opened.
// There is no new account, and everything else goes on.
func theLicenceExpires(tn *town) {
	tn.licensed()
	tn.Clock.Set(time.Date(2026, 12, 31, 23, 50, 0, 0, time.UTC)) // by which licences go here
	amina := tn.amina("licence")
	worker := tn.atWork(tn.Samir, "licence-worker")
	manager := tn.atWork(tn.Harbour.Manager, "licence-manager")
	worker.atTheirCentre()
	worker.look("ends-soon", "licence.ends-soon")
	worker.tap(`$="/account"`, "account", "account.read")
	worker.write("#f-called", tn.writes("Idris"))
	worker.fillsIn(ownPIN)
	worker.press(`input[name="consent"]`)
	worker.press(`input[name="agreed"]`)
	tn.Clock.Advance(12 * time.Minute)
	worker.press(`main form:has(#f-pin) button:not([type=button])`)
	worker.look("refused", "says.licence")
	worker.without(ownPassword, ownPIN)
	worker.goTo(tn.url + "/staff")
	worker.waitFor("staff.title")
	worker.atTheirCentre()
	worker.look("expired", "licence.expired", "Amina K.")
	worker.without("/account", tn.writes("Idris"))

	worker.goTo(tn.url + "/staff")
	worker.waitFor("staff.title")
	worker.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))
	worker.goTo(tn.url + "/papers/add")
	worker.photographs(tn.writes("Bail"))
	amina.goTo(tn.url + "/papers")
	amina.look("goes-on", tn.writes("Bail"))
	manager.goTo(tn.url + "/staff/relays/" + tn.Harbour.ID.String() + "/team")
	manager.look("team", "licence.expired")
	manager.write("#f-invited", tn.writes("Idris"))
	manager.press(`form[action$="/invite"] button`)
	manager.look("again", "again.title") // a quarter of an hour has gone by since the sign-in
	manager.write("#f-password", tn.Harbour.Manager.Password)
	manager.press(`main button.main`)
	manager.look("invited", "team.invitation")
}
