package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// The story of one person from the first page to the last, over the sample that the
// server starts with: everything that people do alone, and story 13, leaving with
// everything. In French on a phone without JavaScript, and in Arabic on a desk.
func TestStoryInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	for _, p := range []pass{frenchOnPhones, arabicOnDesks} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			a := &alone{w.surf(t, "alone", p.person, p.lang), start(t, filepath.Join(shortDir(t), "data"), "--demo")}
			a.signIn(a.running)
			a.addsAPaper()
			a.sharesIt()
			a.keepsContactsAndAppointments()
			a.looksAround()
			a.leavesWithEverything()
		})
	}
}

// alone is the sample person, before a device.
type alone struct {
	*surfer
	*running
}

// signIn opens the sample person's space.
func (s *surfer) signIn(r *running) {
	s.Helper()
	s.enters(r.url, r.login, r.secret)
	s.look("home", "home.next", "Rendez-vous CAF", "home.expiring")
}

func (a *alone) addsAPaper() {
	a.goTo(a.url + "/papers")
	a.look("papers", "papers.title", "folder.is-identity", "folder.is-health")
	a.press(`main a[href="/papers/add"]`)
	a.look("add-paper", "field.photo", "field.file")
	a.photographs("Récépissé")
	a.look("paper", "Récépissé", "lock.private")
	a.press(`a[href$="/file"]`)
	a.isThePhoto(a.downloaded("R*.jpg"))
	a.press(`a[href$="/show"]`)
	a.waitFor("Récépissé")
	require.Eventually(a, func() bool {
		width, err := chromedp.Run(a.ctx, chromedp.Evaluate[int](`document.querySelector("img.picture").naturalWidth`))
		return err == nil && width > 0
	}, 2*time.Minute, 50*time.Millisecond, "the picture is not shown")
	a.look("picture")
	a.press(".back a")
	a.waitFor("paper.details")
}

func (a *alone) sharesIt() {
	a.press(`a[href$="/visibility"]`)
	a.look("share", "visibility.share-means")
	a.press(`main form button:not([type=button])`)
	a.look("shared", "done.shared")
	a.press(`a[href$="/visibility"]`)
	a.waitFor("visibility.keep-means")
	a.press(`main form button:not([type=button])`)
	a.look("private", "done.private")
}

func (a *alone) keepsContactsAndAppointments() {
	a.goTo(a.url + "/contacts")
	a.look("contacts", "Nadia Specimen", "Ma sœur")
	a.press(`main a[href="/contacts/add"]`)
	a.write("#f-name", "Accueil de jour")
	a.write("#f-phones", "01 99 00 77 88")
	a.look("add-contact")
	a.press(`form:has(#f-phones) button:not([type=button])`)
	a.look("contact", "done.added", "01 99 00 77 88")
	a.goTo(a.url + "/appointments")
	a.look("appointments", "Rendez-vous CAF", "Médecin")
	a.press(`main a[href="/appointments/add"]`)
	a.waitFor("field.subject")
	a.write("#f-subject", "Préfecture")
	a.fills("#f-date", time.Now().AddDate(0, 0, 1).Format(time.DateOnly))
	a.fills("#f-time", "09:15")
	a.look("add-appointment")
	a.press(`form:has(#f-subject) button:not([type=button])`)
	a.look("appointment", "done.added", "Préfecture", a.lang.T("format.hour", 9, 15))
}

func (a *alone) looksAround() {
	for _, c := range []struct{ path, name, says string }{
		{"/", "home-again", "Préfecture"}, {"/space", "space", "space.left"}, {"/journal", "journal", "journal.act.document.read"},
		{"/sessions", "sessions", "sessions.this"}, {"/password", "password", "password.suggest"}, {"/bin", "bin", "bin.empty"},
		{"/notes", "notes", "notes.title"}, {"/notes/add", "add-note", "notes.add"}, {"/privacy", "privacy", "privacy.title"},
		{"/card", "card", "card.title"}, {"/ways", "ways", "ways.title"}, {"/rules", "rules", "rules.title"}, {"/wishes", "wishes", "wishes.title"},
		{"/deposits", "deposits", "deposits.title"}, {"/sharing", "sharing", "sharing.title"}, {"/folders/add", "add-folder", "folder.add"},
		{"/papers/aaaaaaaaaaaaaaaaaaaaaaaaaa", "problem", "problem.title"},
	} {
		a.goTo(a.url + c.path)
		a.look(c.name, c.says)
	}
	a.goTo(a.url)
	a.look("home")
	own := a.lang
	a.reads("en")
	a.look("english", "home.title", "home.next")
	a.reads(own.Code)
	a.waitFor("home.title")
}

func (a *alone) leavesWithEverything() {
	a.goTo(a.url + "/take")
	a.look("take", "take.title", "take.careful")
	a.press(`form[action="/take"] button.main`)
	require.Greater(a, len(zipped(a.surfer, a.downloaded("reconnect-*.zip"))), 10)
	a.goTo(a.url + "/close")
	a.look("close", "close.how")
	a.press(`input[value="erase"]`)
	a.press(`input[name="sure"]`)
	a.write("#f-password", a.secret)
	a.press(`form:has(input[name="sure"]) button:not([type=button])`)
	a.look("receipt", "receipt.erased")
	a.press(`a[download="recu-reconnect.json"]`)
	receipt, err := vault.ParseReceipt(a.downloaded("recu-reconnect*.json"))
	require.NoError(a, err)
	require.Equal(a, vault.ActErased, receipt.Act)
	a.goTo(a.url)
	a.waitFor("sign-in.title")
}

// Whoever leaves in one window, or hands the device over, leaves nothing in another.
func TestWhoLeavesInOneWindowLeavesInAllInABrowser(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := openWindow(t).surf(t, "windows", newPhone, "fr")
	other := s.anotherTab()
	s.signIn(r)
	other.goTo(r.url + "/papers")
	other.waitFor("papers.title")
	s.press(`.bottom form[action="/leave"] button`)
	s.look("left", "done.left")
	other.look("left-too", "sign-in.title")
	other.without("papers.title", "folder.is-identity")

	s.signIn(r)
	other.goTo(r.url + "/notes/add")
	other.waitFor("notes.add")
	other.write("#f-text", "what nobody else may read")
	s.press(`.bottom form[action="/leave"] button`)
	other.look("typing-gone", "done.typing-gone", "sign-in.title") // it is hidden all the same, and said to be gone
	other.without("what nobody else may read")

	s.signIn(r)
	other.goTo(r.url + "/journal")
	other.waitFor("journal.title")
	s.press(".quick button")
	s.waitFor("news.title")
	other.look("quickly-too", "news.title")
	other.without("journal.title")
}

func TestLeavingQuicklyInABrowser(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := openWindow(t).surf(t, "leave", newPhone, "fr")
	s.signIn(r)
	s.goTo(r.url + "/papers")
	s.press(".quick button")
	s.look("news", "news.title", "news.today-text")
	s.do(chromedp.NavigateBack())
	s.waitFor("sign-in.title") // nothing of the space is in the history
	s.without("home.next")
}
