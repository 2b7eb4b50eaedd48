package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

var linkCode = regexp.MustCompile(`[0-9A-Z]{4}(?:-[0-9A-Z]{4}){7}`)

// shownCode is the code under the QR code of the page.
func (s *surfer) shownCode() string {
	s.Helper()
	code := linkCode.FindString(s.text())
	require.NotEmpty(s, code)
	return code
}

// What was a voice mailbox: a nurse whom nobody here knows scans a poster, and leaves a paper,
// a message and her voice; a clerk reads one paper once. On phones, with the fragment in no
// address, and the person in the end.
func TestLinksInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t, chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true))
	passes := []pass{{"French on phones", "fr", newPhone, newPhone}, {"Arabic on phones", "ar", newPhone, newPhone}}
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		passes = passes[:1]
	}
	for _, p := range passes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			leavesByALink(newTown(t, w, p))
		})
	}
}

func leavesByALink(tn *town) {
	amina := tn.amina("links")
	amina.goTo(tn.url + "/links")
	amina.look("links", "links.title", "links.none", "inbox.open")
	amina.write("#f-label", tn.writes("Ordonnance"))
	amina.press(`form[action="/links"] button.main`)
	amina.look("link", "link.deposit-says", "link.code")
	code := amina.shownCode()

	nurse := tn.window.surf(tn.T, "nurse", newPhone, tn.lang)
	nurse.goTo(tn.url + "/give#" + code)
	nurse.look("give", "stranger.give", tn.writes("Ordonnance"), "give.paper", "voice.begin")
	require.Equal(tn, tn.url+"/give", nurse.at(), "the code is left in no address")
	nurse.without(tn.Amina.Login)
	paper := filepath.Join(tn.TempDir(), "scan.txt")
	require.NoError(tn, os.WriteFile(paper, []byte("Paracétamol, trois fois par jour"), 0o600))
	nurse.write("#f-title", tn.writes("Récépissé"))
	nurse.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{paper}))
	nurse.press(`form[action="/give/paper"] button.main`)
	nurse.look("given", "stranger.taken-paper")
	nurse.write("#f-from", tn.writes("Idris"))
	nurse.write("#f-text", tn.writes("Attestation"))
	nurse.press(`form[action="/give/message"] button`)
	nurse.becomes(`document.querySelector(".done") !== null && document.querySelector("#f-text").value === ""`, "the message is not taken")
	tn.leavesBoth(nurse, paper)
	nurse.press("#voice [data-do=begin]")
	nurse.waits("voice.end")
	nurse.becomes(`document.querySelector("#voice [role=status]").textContent === `+quoted(nurse.lang.T("voice.recording")), "nothing is recorded")
	nurse.becomes(`performance.now() - (window.began ??= performance.now()) > 700`, "the time stands still") // something to hear
	nurse.press("#voice [data-do=end]")
	nurse.becomes(`document.querySelector("#voice input[type=file]").files.length === 1`, "nothing was recorded")
	nurse.press("#voice [data-do=send]")
	nurse.becomes(`document.querySelector(".done") !== null && document.querySelector("#voice input[type=file]").files.length === 0`, "the voice is not taken")

	amina.goTo(tn.url + "/deposits")
	amina.press(`form[action="/deposits/take"] button`)
	amina.look("left", tn.writes("Récépissé"), tn.writes("Idris"), "voice.name", "deposits.keep")
	amina.press(`form[action="/inbox/kept"] button`)
	amina.waitFor("done.left-kept")

	tn.readsByALink(amina)
	amina.goTo(tn.url + "/links")
	amina.look("links-used", "link-ended.used", tn.writes("Ordonnance"))
	amina.press(`form[action="/inbox/closed"] button`)
	amina.look("inbox-closed", "done.inbox-closed", "inbox.closed-means")
	nurse.write("#f-from", "x")
	nurse.write("#f-text", tn.writes("Attestation"))
	nurse.press(`form[action="/give/message"] button`)
	nurse.look("not-taken", "says.not-taken")
}

// leavesBoth fills in two forms of the page: one button for both, and a second tap loses nothing.
func (tn *town) leavesBoth(nurse *surfer, paper string) {
	nurse.write("#f-from", tn.writes("Idris"))
	nurse.write("#f-text", tn.writes("Attestation"))
	nurse.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{paper}))
	nurse.press(`form[action="/give/paper"] button.main:not([type=button])`)
	nurse.press(`form[action="/give/paper"] button.main:not([type=button])`)
	nurse.look("give-both", "give.also", "give.both", "give.alone")
	nurse.press(`form[action="/give/paper"] [data-do=both]`)
	nurse.look("given-both", "stranger.taken-all")
}

// readsByALink has a clerk read the paper that the nurse left, once.
func (tn *town) readsByALink(amina *surfer) {
	var id vault.ItemID
	for it, err := range tn.Amina.Vault.Items(tn.Context()) {
		require.NoError(tn, err)
		if it.Name == tn.writes("Récépissé") {
			id = it.ID
		}
	}
	amina.goTo(tn.url + "/papers/" + id.String() + "/link")
	amina.look("paper-link", "paper-link.title", "links.times")
	amina.write("#f-label", "4")
	amina.press(`input[name=times][value=one]`)
	amina.write("#f-password", tn.Amina.Password)
	amina.press(`main form button.main`)
	amina.look("paper-link-made", "link.paper-says", "link.once")
	code := amina.shownCode()

	clerk := tn.window.surf(tn.T, "clerk", newPhone, tn.lang)
	clerk.goTo(tn.url + "/open#" + code)
	clerk.look("open", "stranger.open", "stranger.counted")
	require.Equal(tn, tn.url+"/open", clerk.at())
	clerk.press(`button[name=how][value=save]`)
	require.Equal(tn, "Paracétamol, trois fois par jour", string(clerk.downloaded("*")))
	clerk.look("used-up", "stranger.over")                    // the page looks again by itself
	evaluated[string](clerk, `location.hash = `+quoted(code)) // once more, in the same window
	clerk.look("opened-too-often", "wrong.link-over")
}
