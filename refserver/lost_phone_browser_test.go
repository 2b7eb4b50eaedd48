package main

// Story 12: a phone is lost, and its session is ended in three ways: by the person from
// another device, by a centre that follows, and by the desk.
func aPhoneIsLost(tn *town) {
	phone, other := tn.amina("lost"), tn.amina("lost-other")
	gone := func() {
		phone.goTo(tn.url + "/papers")
		phone.look("signed-out", "done.ended")
		phone.enters(tn.url, tn.Amina.Login, tn.Amina.Password)
	}
	other.goTo(tn.url + "/sessions")
	other.look("sessions", "sessions.this", "sessions.end-means")
	other.press(`form[action="/sessions/end"] button`)
	other.look("ended", "done.session-ended")
	gone()

	worker := tn.atWork(tn.Samir, "lost-worker")
	worker.atTheirCentre()
	worker.look("people", "Amina K.")
	worker.tap(`*="/people/"`, "open", "stop.title")
	worker.stopsSessions(tn)
	worker.look("stopped", "done.sessions-stopped", "Amina K.", "open.why")
	gone()

	desk := tn.atWork(tn.Lina, "lost-desk")
	desk.atTheirCentre()
	desk.finds(tn.Amina.Login)
	desk.stopsSessions(tn)
	desk.look("stopped", "done.sessions-stopped", "help.title")
	desk.without("Amina")
	gone()
	phone.goTo(tn.url + "/journal")
	phone.look("journal", "Samir, ", "Lina, ", "journal.act.vault.sessions-ended", tn.writes("téléphone volé à la gare"))
}

// stopsSessions ends every session of the person whom the page is about.
func (s *surfer) stopsSessions(tn *town) {
	s.Helper()
	s.tap(`$="/stop-sessions"`, "stop", "stop.title", "stop.means")
	s.write("#f-why", tn.writes("téléphone volé à la gare"))
	s.press(`main form:has(#f-why) button:not([type=button])`)
}

// finds goes to the page on which a desk helps who reads their login.
func (s *surfer) finds(login string) {
	s.Helper()
	s.look("desk", "desk.find")
	s.write("#f-login", login)
	s.press(`form[action$="/find"] button:not([type=button])`)
	s.look("found", "help.title")
}
