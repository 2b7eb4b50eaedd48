package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery/recoverytest"
)

// Story 4: the answers bring back what is shared; what is private stays locked, and the
// worker, whose own device it is, has seen nothing of it.
func questionsAtACentre(tn *town) {
	amina := tn.amina("questions")
	tn.keeps(amina)
	given := []string{tn.writes("Biscotte la tortue"), tn.writes("Petit ouragan"), tn.writes("Youssouf Diabaté")}
	amina.preparesAnswers(tn, given)

	desk := tn.aWorker("questions-centre")
	tn.atCentre(desk, tn.Samir)
	desk.helps()
	number, code := desk.opensRequest("way.answers-relay", tn.writes("vient ici depuis un an"))
	desk.leavesBy(`form[action="/staff/lock"] button`)
	desk.look("locked", "done.locked")
	desk.entersCode(tn.url, number, code, "")
	desk.look("alone", "back.alone", "back.shared")
	for i, a := range given {
		desk.write("#f-answer"+strconv.Itoa(i), strings.ToUpper(a)) // as memory has it
	}
	desk.choosesPassword()
	desk.waitFor("locked.means")
	desk.without(tn.writes("Lettre de ma mère"))
	desk.leavesQuietly()
	desk.tap(`="/staff/unlock"`, "unlock", "unlock.title", "unlock.leave")
	desk.write("#f-password", tn.Samir.Password)
	desk.write("#f-factor", tn.Samir.Code())
	desk.press(`form[action="/staff/unlock"] button:not([type=button])`)
	desk.look("unlocked", "done.device-back", "Samir")
	desk.without(append(given, tn.writes("Lettre de ma mère"), recoverytest.NewPassword)...)

	amina.goTo(tn.url + "/papers")
	amina.waitFor("sign-in.title") // every session of before is over
	amina.enters(tn.url, tn.Amina.Login, recoverytest.NewPassword)
	amina.look("told", "asked.done", "Samir"+amina.lang.T("format.comma")+" ")
	amina.goTo(tn.url + "/locked")
	amina.look("locked", "locked.title")
	amina.write("#f-former", tn.Amina.Password)
	amina.write("#f-today", recoverytest.NewPassword)
	amina.press(`form[action="/locked"] button:not([type=button])`)
	amina.look("unlocked", "done.unlocked")
	amina.goTo(tn.url + "/papers")
	amina.look("papers", tn.writes("Lettre de ma mère"))
}

// preparesAnswers chooses three questions and answers them.
func (s *surfer) preparesAnswers(tn *town, given []string) {
	s.Helper()
	s.goTo(tn.url + "/ways")
	s.look("ways", "ways.title", "ways.if-nothing")
	s.tap(`="/ways/questions"`, "choose", "questions.pick")
	for i := range given {
		s.press(`fieldset label:nth-of-type(` + strconv.Itoa(i+1) + `) input[name="question"]`)
	}
	s.press(`form:has(input[name="question"]) button:not([type=button])`)
	s.look("answer", "answers.title", "making.private")
	for i, a := range given {
		s.write("#f-answer"+strconv.Itoa(i), a)
	}
	s.agrees(tn)
	s.look("made", "made.title", "made.answers")
	s.without(given...)
}

// Story 5: far from any centre that follows her, with the sheet in her hand and an agent
// on the phone.
func aSheetByPhone(tn *town) {
	amina := tn.amina("sheet")
	tn.keeps(amina)
	amina.goTo(tn.url + "/ways/sheet")
	amina.look("make", "making.sheet", "Écoute Solidaire")
	amina.agrees(tn)
	amina.look("sheet", "printed.title", "printed.code", "printed.call", "Écoute Solidaire", "01 99 00 00 00", "espace.example.org/back")
	words := amina.words()
	login, sheet := words[0], words[1] // as digits
	if tn.lang == "fr" {
		sheet = words[2] // she will read the words, which are not there in every language
	}
	amina.press(`form[action="/ways/printed"] button`)
	amina.look("ways", "done.sheet-printed", "ways.by-phone", "Écoute Solidaire")
	amina.without(sheet)
	amina.tap(`="/ways/receipts"`, "receipts", "ways-receipts.given", "way.sheet-desk")

	lina := tn.aWorker("sheet-desk")
	tn.atCentre(lina, tn.Lina)
	lina.look("desk", "desk.find", "queue.none")
	lina.finds(login)
	number, code := lina.opensRequest("way.sheet-desk", tn.writes("vient ici depuis un an"))
	lina.without("Amina", tn.writes("Lettre de ma mère"))

	other := tn.someone("sheet-elsewhere")
	other.entersCode(tn.url, number, code, "")
	other.look("alone", "field.sheet", "back.private")
	other.write("#f-sheet", sheet)
	other.choosesPassword()
	other.goTo(tn.url + "/papers")
	other.look("papers", tn.writes("Lettre de ma mère"), "lock.private")
	other.goTo(tn.url + "/journal")
	other.look("journal", "Lina, ", "journal.act.request.opened", tn.writes("vient ici depuis un an"))
	amina.goTo(tn.url)
	amina.waitFor("sign-in.title")
}

// Story 6: nothing is left. Two people of the centre and two of the desk agree; the person
// stops it once, because she has not asked; the second time it goes through.
func nothingLeft(tn *town) {
	amina := tn.amina("nothing")
	tn.keeps(amina)
	amina.goTo(tn.url + "/ways/helpers")
	amina.look("read", "helpers.title", "helpers.three")
	amina.press(`input[name="understood"]`)
	amina.press(`input[name="private"]`)
	amina.agrees(tn)
	amina.look("made", "made.title")

	four := &fourPeople{town: tn, centre: tn.aWorker("nothing-centre"), desk: tn.aWorker("nothing-desk")}
	four.agree()
	back := tn.someone("nothing-back")
	back.entersCode(tn.url, four.number, four.code, four.part)
	back.look("wait", "back.wait-title", "back.wait-until")
	amina.goTo(tn.url)
	amina.look("asked", "asked.open", "asked.open-means")
	amina.press(`form[action^="/ways/requests/"] button`)
	amina.look("stopped", "done.request-stopped")
	tn.Clock.Advance(8 * 24 * time.Hour)
	back.entersCode(tn.url, four.number, four.code, four.part)
	back.waitFor("says.hand-over-code")

	four.agree()
	tn.Clock.Advance(7*24*time.Hour - time.Second)
	back.entersCode(tn.url, four.number, four.code, four.part)
	back.look("nearly", "back.wait-title", "back.wait-until")
	tn.Clock.Advance(time.Minute)
	back.look("ready", "back.ready-title") // the page has looked by itself, without JavaScript
	back.entersCode(tn.url, four.number, four.code, four.part)
	back.look("alone", "back.later")
	back.choosesPassword()
	back.waitFor("locked.pending")
	tn.Clock.Advance(24 * 24 * time.Hour)
	back.enters(tn.url, tn.Amina.Login, recoverytest.NewPassword)
	back.look("later", "home.pending-now")
	back.goTo(tn.url + "/locked")
	back.look("over", "locked.pending-now")
	back.write(`form[action="/locked/pending"] input[type=password]`, recoverytest.NewPassword)
	back.press(`form[action="/locked/pending"] button:not([type=button])`)
	back.look("whole", "done.unlocked")
	back.goTo(tn.url + "/papers")
	back.look("papers", tn.writes("Lettre de ma mère"))
}

// fourPeople help somebody who brings nothing: two on each side, at one device each.
type fourPeople struct {
	*town
	centre, desk       *surfer
	number, code, part string
}

// agree goes through all that the four do.
func (f *fourPeople) agree() {
	f.Helper()
	f.atCentre(f.centre, f.Samir)
	f.centre.helps()
	require.False(f, f.centre.canSee(".ask"), "no way is chosen yet that takes a desk")
	f.centre.press("input.both")
	require.True(f, f.centre.canSee(".ask"))
	f.centre.look("asking", "help.ask")
	f.centre.fills("#f-ask", f.Line.ID.String())
	f.number, f.code = f.centre.opensRequest("way.helpers", f.writes("vient ici depuis un an"))
	f.atCentre(f.desk, f.Lina)
	f.desk.tap(`*="/help/"`, "request", "request.give")
	f.desk.press(`form[action$="/give"] button`)
	f.desk.look("part", "request.code")
	f.part = f.desk.words()[0]
	for _, one := range []struct {
		s *surfer
		w *consenttest.Staff
	}{{f.desk, f.Omar}, {f.centre, f.Rosa}} { // another of each side, at the same device
		one.s.leavesQuietly()
		f.atCentre(one.s, one.w)
		if one.w == f.Rosa {
			one.s.helps()
		}
		one.s.agreesToTheOnlyRequest(f.writes("la voix et le visage"))
	}
}

func (s *surfer) agreesToTheOnlyRequest(because string) {
	s.Helper()
	s.press(`a[href*="/help/"]`)
	s.waitFor("request.agree")
	s.write(`form[action$="/agree"] input:not([type=hidden])`, because)
	s.press(`form[action$="/agree"] button`)
	s.look("agreed", "done.agreed")
}

// keeps has Amina add a private paper.
func (tn *town) keeps(s *surfer) {
	s.Helper()
	s.goTo(tn.url + "/papers/add")
	s.press(`input[name="visibility"][value="private"]`)
	s.photographs(tn.writes("Lettre de ma mère"))
}

// atCentre signs somebody in who works for the centre or the desk, and opens its page.
func (tn *town) atCentre(s *surfer, w *consenttest.Staff) {
	s.Helper()
	tn.comesToWork(s, w)
	s.atTheirCentre()
}

// helps goes to the page on which somebody is helped who is in the list of the centre.
func (s *surfer) helps() {
	s.Helper()
	s.waitFor("people.title")
	s.tap(`*="/people/"`, "person", "help.title")
	s.press(`a[href$="/help"]`)
	s.waitFor("help.means")
}

// opensRequest opens a request by a way of the page, and returns the slip.
func (s *surfer) opensRequest(way, recognised string) (number, code string) {
	s.Helper()
	s.look("help", "help.title", way)
	s.press(`input[name="way"][value="` + evaluated[string](s, `[...document.querySelectorAll('input[name="way"]')].find(i => i.closest("label").textContent.includes(`+quoted(s.lang.T(way))+`)).value`) + `"]`)
	s.write("#f-recognised", recognised)
	s.press(`form:has(input[name="way"]) button:not([type=button])`)
	keep := "slip.keep"
	if way == "way.sheet-desk" { // nobody hands over a paper by phone
		keep = "slip.keep-call"
	}
	s.look("slip", "slip.title", keep, "script.never")
	words := s.words()
	return words[0], words[1]
}

// entersCode types number and code on the page of the hand-over.
func (s *surfer) entersCode(url, number, code, desk string) {
	s.Helper()
	s.goTo(url + "/back")
	s.look("back", "back.title")
	s.write("#f-number", number)
	s.write("#f-handcode", code)
	if desk != "" {
		s.press("details summary")
		s.write("#f-deskcode", desk)
	}
	s.press(`form:has(#f-number) button:not([type=button])`)
}

// choosesPassword types the new password, and is back.
func (s *surfer) choosesPassword() {
	s.Helper()
	s.chooses()
	s.look("returned", "back.done-title", "card.new")
}

// chooses types the new password, and sends the page.
func (s *surfer) chooses() {
	s.Helper()
	s.write("#f-new", recoverytest.NewPassword)
	s.write("#f-repeat", recoverytest.NewPassword)
	s.press(`form:has(#f-new) button:not([type=button])`)
}

// agrees ticks what every way back in asks, and shows the password.
func (s *surfer) agrees(tn *town) {
	s.Helper()
	s.press(`input[name="agreed"]`)
	s.write("#f-password", tn.Amina.Password)
	s.press(`form:has(input[name="agreed"]) button:not([type=button])`)
}
