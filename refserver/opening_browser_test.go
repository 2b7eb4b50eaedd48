package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// What the person knows by heart, and nobody else.
const ownPassword, ownPIN = "bato kiru mesa lova", "482915"

// mostScreens is how many pages two people look at, from the worker's sign-in until the
// only paper is kept and the person holds card and sheet.
const mostScreens = 11

// Story 1: an account is opened by two, for somebody who has no e-mail, no phone and
// one paper.
func opening(tn *town) {
	tn.licensed()
	s := tn.atWork(tn.Samir, "opening")
	login, _ := s.opensAnAccount(tn)
	s.addsTheOnlyPaper(tn)
	s.handsTheDeviceOver(login)
	s.makesASheet()
	require.LessOrEqual(tn, s.watched.screens(), mostScreens)

	s.tap(`="/"`, "home", "home.title")
	s.without("home.no-way")
	s.goTo(tn.url + "/papers")
	s.tap(`^="/papers/"][class="row"`, "paper", "Samir")
	s.press(`a[href$="/file"]`)
	s.isThePhoto(s.downloaded("*.jpg"))
}

// opensAnAccount goes through the form with the person, and prints the card.
func (s *surfer) opensAnAccount(tn *town) (login, card string) {
	s.Helper()
	s.tap(`$="/account"`, "account", "account.read", "account.person-types")
	s.write("#f-called", tn.writes("Idris"))
	s.fillsIn(ownPIN)
	s.press(`input[name="consent"]`)
	s.press(`input[name="agreed"]`)
	s.press(`main form button:not([type=button])`)
	s.look("opened", "account.opened", "card.code", "account.print")
	words := s.words()
	login, card = words[0], words[1]
	s.without(ownPassword, ownPIN)
	s.printed("card", login, card)
	return login, card
}

// fillsIn is what the person types while the worker looks away.
func (s *surfer) fillsIn(again string) {
	s.Helper()
	for field, text := range map[string]string{"new": ownPassword, "repeat": ownPassword, "pin": ownPIN, "again": again} {
		s.write("#f-"+field, text)
	}
}

// addsTheOnlyPaper opens the new space as a worker and photographs the paper.
func (s *surfer) addsTheOnlyPaper(tn *town) {
	s.Helper()
	s.tap(`*="/people/"`, "open", tn.writes("Idris"), "open.why")
	s.press(`input[name="purpose"][value="housing"]`)
	s.write("#f-why", tn.writes("demande de logement"))
	s.press(`button[name="then"]`)
	s.look("add-paper", "papers.add", "guest.in", tn.writes("Idris"), "purpose.housing")
	s.photographs(tn.writes("Récépissé"))
	s.look("kept", tn.writes("Récépissé"), "lock.shared")
}

// handsTheDeviceOver leaves it to the person, who enters for the first time.
func (s *surfer) handsTheDeviceOver(login string) {
	s.Helper()
	s.press(`form:has(input[name="then"]) button`)
	s.look("handed-over", "done.locked", "sign-in.title")
	s.write("#f-login", login)
	s.write("#f-password", ownPassword)
	s.press(`form[action="/sign-in"] button:not([type=button])`)
	s.look("home", "home.title", "home.no-way")
}

// makesASheet is what the person does alone: a recovery sheet, printed.
func (s *surfer) makesASheet() {
	s.Helper()
	s.tap(`="/ways/sheet"`, "make-sheet", "making.sheet")
	s.press(`input[name="agreed"]`)
	s.write("#f-password", ownPassword)
	s.press(`main form:has(input[name="agreed"]) button:not([type=button])`)
	s.look("sheet", "printed.title", "printed.code")
	s.printed("sheet", s.words()...)
}

// turns are the marks with which pdftotext says which way a line runs.
var turns = regexp.MustCompile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")

// printed prints the page and finds the words on the paper, however the lines break.
func (s *surfer) printed(name string, words ...string) {
	s.Helper()
	paper, err := chromedp.Run(s.ctx, chromedp.PrintToPDF())
	require.NoError(s, err)
	at := filepath.Join(s.downloads, name+".pdf.out")
	if s.shots != "" {
		at = filepath.Join(s.shots, strings.Join([]string{s.name, name, s.lang.Code, "paper.pdf"}, "-"))
	}
	require.NoError(s, os.WriteFile(at, paper, 0o600))
	program, err := exec.LookPath("pdftotext")
	if err != nil && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		return // nobody here can read the paper
	}
	require.NoError(s, err, "the test needs Debian's package poppler-utils")
	text, err := exec.Command(program, at, "-").Output() //nolint:gosec // the test's own file
	require.NoError(s, err)
	whole := strings.Join(strings.Fields(turns.ReplaceAllString(string(text), "")), "")
	for _, w := range words {
		require.Contains(s, whole, strings.Join(strings.Fields(w), ""))
	}
	require.NotContains(s, whole, strings.Join(strings.Fields(s.lang.T("layout.quick")), ""), "buttons are not printed")
}
