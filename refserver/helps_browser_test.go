package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// What helps somebody who uses no mouse, who reads little, or who is at a device of others.
func TestHelpsInABrowser(t *testing.T) {
	t.Parallel()
	w, r := openWindow(t), start(t, filepath.Join(shortDir(t), "data"), "--demo")
	for name, tell := range map[string]func(*surfer, *running){
		"keyboard": byKeyboardAlone, "voice": readAloud, "shared": aSharedDeviceAsksFirst, "slow": aPhotoBeforeTheScript, "once": whatIsShownOnceAsks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(w.surf(t, name, newPhone, "fr"), r)
		})
	}
}

// before has a script run in each page before its own, as if the browser were another.
func (s *surfer) before(script string) {
	s.Helper()
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

func (s *surfer) becomes(condition, otherwise string) {
	s.Helper()
	require.Eventually(s, func() bool {
		is, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](condition))
		return err == nil && is
	}, time.Minute, 50*time.Millisecond, otherwise)
}

// voices are those of a device with one voice of its own, for French, and others that
// speak through somebody's server. What is said is kept.
const voices = `(() => {
  const speech = new EventTarget();
  window.said = [];
  speech.getVoices = () => [
    {name: "far", lang: "fr-FR", localService: false}, {name: "near", lang: "fr-FR", localService: true}, {name: "far", lang: "en-GB", localService: false},
  ];
  speech.speak = what => said.push(what);
  speech.cancel = () => { said.length = 0; };
  Object.defineProperty(window, "speechSynthesis", {value: speech});
  window.SpeechSynthesisUtterance = function (text) { this.text = text; };
})()`

// readAloud: a text is read by a voice of the device, until it ends or is stopped, and
// not at all where there is only a voice of somebody else.
func readAloud(s *surfer, r *running) {
	s.before(voices)
	s.goTo(r.url + "/sign-in")
	s.look("offered", "listen.button", "sign-in.intro")
	s.press(".listen")
	s.waits("listen.quiet")
	said := evaluated[string](s, `said.map(u => u.voice.name + " " + u.lang + " " + u.text.trim()).join(" | ")`)
	require.Equal(s, "near fr-FR "+s.lang.T("sign-in.intro"), said)
	require.True(s, evaluated[bool](s, `document.querySelector(".listen[aria-pressed=true]") !== null`))
	s.press(".listen")
	s.waits("listen.button")
	require.Zero(s, evaluated[int](s, `said.length`), "it is quiet at once")
	s.press(".listen")
	s.becomes(`said.length > 0`, "it does not read again")
	require.True(s, evaluated[bool](s, `said.at(-1).onend(), document.querySelector(".listen[aria-pressed=false]") !== null`), "it ends by itself")

	s.press(`.after .listen`)
	require.Contains(s, evaluated[string](s, `said.map(u => u.text).join("")`), s.parts("sign-in.new")[0])
	s.reads("en")
	s.waits("sign-in.intro")
	s.missing(".listen")
}

// aSharedDeviceAsksFirst: a minute before the space closes, who is there is asked, with
// JavaScript and without.
func aSharedDeviceAsksFirst(s *surfer, r *running) {
	s.before(`(() => { const now = Date.now; let later = 0; Date.now = () => now() + later; window.wait = s => { later += s * 1000; }; })()`)
	s.entersOnASharedDevice(r)
	evaluated[any](s, `wait(241)`)
	s.becomes(`document.querySelector("#idle").open && document.activeElement.hasAttribute("data-stay")`, "nobody is asked")
	s.look("asked", "shared.still", "shared.closing")
	left := evaluated[int](s, `Number(document.querySelector("[data-seconds]").textContent)`)
	require.True(s, 0 < left && left < 60, "%d seconds are left", left)
	s.keys(kb.Enter)
	s.becomes(`!document.querySelector("#idle").open`, "it goes on asking")
	require.Eventually(s, func() bool { return s.asked("/still-here") }, time.Minute, 20*time.Millisecond, "the server is not told")
	evaluated[any](s, `wait(241)`)
	s.becomes(`document.querySelector("#idle").open`, "nobody is asked again")
	evaluated[any](s, `wait(61)`)
	s.look("closed", "done.idle", "sign-in.title")
	s.goTo(r.url + "/papers")
	s.waits("sign-in.title")

	s.device = oldPhone
	s.letsScripts(false)
	s.entersOnASharedDevice(r)
	require.Contains(s, s.source(), `content="240;url=/idle?page=%2F"`)
	s.goTo(r.url + "/idle?page=/papers")
	s.look("asked-plainly", "shared.still", "shared.minute")
	s.without("home.title", "papers.title")
	s.press(`main a`)
	s.waits("papers.title")
	s.goTo(r.url + "/idle/over")
	s.waits("done.idle")
	s.goTo(r.url + "/papers")
	s.waits("sign-in.title")
}

// On a slow network somebody chooses a photo before the script of the page has come.
func aPhotoBeforeTheScript(s *surfer, r *running) {
	path, err := filepath.Abs(photo)
	require.NoError(s, err)
	s.signIn(r)
	s.letsScripts(false)
	s.goTo(r.url + "/papers/add")
	s.waits("papers.add")
	s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	s.letsScripts(true)
	evaluated[any](s, `document.head.append(Object.assign(document.createElement("script"), {src: document.querySelector('script[src*="papers"]').src}))`)
	s.waits("Page 1")
	s.press(`form[action="/papers/add"] button:not([type=button])`)
	s.waits("done.added")
}

func (s *surfer) entersOnASharedDevice(r *running) {
	s.Helper()
	s.goTo(r.url + "/sign-in")
	s.waits("sign-in.title")
	s.press(`input[name="shared"]`)
	s.write("#f-login", r.login)
	s.write("#f-password", r.secret)
	s.press(`form[action="/sign-in"] button:not([type=button])`)
	s.waits("shared.on")
}

// asked reports whether the browser asked for an address.
func (s *surfer) asked(path string) bool {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	return slices.ContainsFunc(s.watched.asked, func(address string) bool { return strings.HasSuffix(address, path) })
}

// whatIsShownOnceAsks: an easy PIN is told beside its box before anything is sent, and the
// page of the card asks before it is left, by a form as by a link.
func whatIsShownOnceAsks(s *surfer, r *running) {
	s.signIn(r)
	s.goTo(r.url + "/card")
	s.waits("card.means")
	s.write("#f-password", r.secret)
	for _, easy := range []string{"123456", "121212", "112233", "147147", "147741"} {
		require.Error(s, vault.CheckPIN(easy, ""))
		s.fills("#f-pin", easy)
		s.becomes(`document.querySelector("#now-pin")?.textContent === `+quoted(s.lang.T("wrong.pin-easy")), "nobody says that "+easy+" is easy")
	}
	s.fills("#f-pin", "48291")
	s.becomes(`document.querySelector("#now-pin")?.textContent === `+quoted(s.lang.T("wrong.pin-digits")), "five digits are taken")
	s.fills("#f-pin", ownPIN)
	s.fills("#f-again", "482916")
	s.becomes(`!document.querySelector("#now-pin") && document.querySelector("#now-again").textContent === `+quoted(s.lang.T("wrong.pins")), "two that differ are taken")
	s.look("pin", "wrong.pins")
	s.fills("#f-again", ownPIN)
	s.press(`main form:has(#f-pin) button:not([type=button])`)
	s.waits("card.once")
	card := s.words()[1]
	s.press(`.bottom form[action="/leave"] button`)
	s.look("asks", "card.leaving", card)
	s.press(`.bottom form[action="/leave"] button`)
	s.waits("done.left")

	s.signIn(r)
	s.goTo(r.url + "/ways/sheet")
	s.waits("making.sheet")
	s.press(`input[name="agreed"]`)
	s.write("#f-password", r.secret)
	s.press(`main form:has(input[name="agreed"]) button:not([type=button])`)
	s.waits("printed.title")
	s.press(`.brand`)
	s.waits("sheet.leaving")
	s.press(`form[action="/ways/printed"] button`) // it says that it is kept
	s.waits("done.sheet-printed")
}
