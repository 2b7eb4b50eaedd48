package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// chromium is where Debian puts the browser.
const chromium = "/usr/bin/chromium"

// surfing is one real browser with nobody's history in it.
type surfing struct {
	*testing.T
	ctx       context.Context
	downloads string
	shots     string // folder for screenshots; "" for none
	name      string
	count     int
}

// browse starts a browser as a phone (320 pixels wide) or as a desk.
func browse(t *testing.T, name string, width int64, scripts bool) *surfing {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("RECONNECT_TEST_ALL") == "1" {
			require.NoError(t, err, "the browser test needs Debian's package chromium")
		}
		t.Skip("the browser test needs Debian's package chromium")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("disable-quic", true), chromedp.Flag("accept-lang", "fr"), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(time.Minute),
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(endAllocator)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx)) // starts the browser, which lives as long as ctx
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(cancel)
	s := &surfing{T: t, ctx: ctx, downloads: t.TempDir(), shots: os.Getenv("RECONNECT_TEST_SCREENSHOTS"), name: name}
	if s.shots != "" {
		require.NoError(t, os.MkdirAll(s.shots, 0o755))
	}
	s.do(
		chromedp.EmulateViewport(width, 720),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
			return err
		}),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
				Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: s.downloads,
			})
			return err
		}),
	)
	return s
}

func (s *surfing) do(actions ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	require.NoError(s, chromedp.Do(s.ctx, actions...))
}

// look waits for a page with these words, and takes its picture.
func (s *surfing) look(name string, words ...string) {
	s.Helper()
	for _, w := range words {
		s.waitFor(w)
	}
	if s.shots == "" {
		return
	}
	picture, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	require.NoError(s, err)
	s.count++
	require.NoError(s, os.WriteFile(filepath.Join(s.shots, fmt.Sprintf("%s-%02d-%s.png", s.name, s.count, name)), picture, 0o644))
}

// text is what stands on the page, also with JavaScript off: chromedp asks the
// browser, not the page.
func (s *surfing) text() string {
	s.Helper()
	source, err := chromedp.Run(s.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		return "" // between two pages
	}
	return strings.Join(strings.Fields(html.UnescapeString(tagsOf.ReplaceAllString(source, " "))), " ")
}

func (s *surfing) waitFor(words string) {
	s.Helper()
	require.Eventually(s, func() bool { return strings.Contains(s.text(), words) }, 2*time.Minute, 50*time.Millisecond,
		"the words %q do not come: %s", words, s.text())
}

var tagsOf = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// press clicks what a selector finds first.
func (s *surfing) press(selector string) {
	s.Helper()
	s.do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (s *surfing) write(selector, text string) {
	s.Helper()
	s.do(chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

func (s *surfing) goTo(url string) {
	s.Helper()
	s.do(chromedp.Navigate(url))
}

// downloaded waits for a whole file whose name a pattern matches.
func (s *surfing) downloaded(pattern string) []byte {
	s.Helper()
	var content []byte
	require.Eventually(s, func() bool {
		files, err := filepath.Glob(filepath.Join(s.downloads, pattern))
		if err != nil || len(files) == 0 || strings.HasSuffix(files[0], ".crdownload") {
			return false
		}
		content, err = os.ReadFile(files[0])
		return err == nil && len(content) > 0
	}, 2*time.Minute, 50*time.Millisecond, "no download of %s", pattern)
	return content
}

// signIn opens the sample person's space.
func (s *surfing) signIn(r *running) {
	s.Helper()
	s.goTo(r.url)
	s.look("sign-in", "Entrer dans mon espace")
	s.write("#f-login", r.login)
	s.write("#f-password", r.secret)
	s.press("main button:not([type=button])")
	s.look("home", "Mon espace", "Prochains rendez-vous", "Rendez-vous CAF", "Bientôt plus valable")
}

const photo = "../internal/testfiles/files/photo.jpg"

// The story of one person from the first page to the last, in a real browser,
// with JavaScript on a desk and without it on the smallest phone.
func TestStoryInABrowser(t *testing.T) {
	for _, c := range []struct {
		name    string
		width   int64
		scripts bool
	}{{"phone-without-js", 320, false}, {"desk", 1024, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
			s := browse(t, c.name, c.width, c.scripts)
			s.signIn(r)
			s.addsAPaper(r)
			s.sharesIt()
			s.keepsContactsAndAppointments(r)
			s.looksAround(r)
			s.leavesWithEverything(r)
		})
	}
}

func (s *surfing) addsAPaper(r *running) {
	path, err := filepath.Abs(photo)
	require.NoError(s, err)
	s.goTo(r.url + "/papers")
	s.look("papers", "Mes papiers", "Identité", "Santé")
	s.press(`main a[href="/papers/add"]`)
	s.look("add-paper", "Prendre une photo", "Choisir un fichier")
	s.write("#f-title", "Récépissé")
	s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	s.press("main form button:not([type=button])")
	s.look("paper", "C’est enregistré.", "Récépissé", "Privé")
	s.press(`a[href$="/file"]`)
	want, err := os.ReadFile(photo)
	require.NoError(s, err)
	require.Equal(s, want, s.downloaded("R*.jpg"))
	s.press(`a[href$="/show"]`)
	s.waitFor("Récépissé")
	require.Eventually(s, func() bool {
		width, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`document.querySelector("img.picture").naturalWidth`))
		return err == nil && width > 0
	}, 2*time.Minute, 50*time.Millisecond, "the picture is not shown")
	s.look("picture")
	s.press(".back a")
	s.waitFor("Détails")
}

func (s *surfing) sharesIt() {
	s.press(`a[href$="/visibility"]`)
	s.look("share", "personne d’autre ne le verra")
	s.press("main button:not([type=button])")
	s.look("shared", "Ceux que vous avez laissés entrer peuvent le voir maintenant.")
	s.press(`a[href$="/visibility"]`)
	s.waitFor("Ce sera privé à nouveau")
	s.press("main button:not([type=button])")
	s.look("private", "Il n’y a que vous qui pouvez le voir maintenant.")
}

func (s *surfing) keepsContactsAndAppointments(r *running) {
	s.goTo(r.url + "/contacts")
	s.look("contacts", "Nadia Specimen", "Ma sœur")
	s.press(`main a[href="/contacts/add"]`)
	s.write("#f-name", "Accueil de jour")
	s.write("#f-phones", "01 99 00 77 88")
	s.look("add-contact")
	s.press("main form button:not([type=button])")
	s.look("contact", "C’est enregistré.", "01 99 00 77 88")
	s.goTo(r.url + "/appointments")
	s.look("appointments", "Rendez-vous CAF", "Médecin")
	s.press(`main a[href="/appointments/add"]`)
	s.waitFor("Pour quoi ?")
	s.write("#f-subject", "Préfecture")
	s.do(chromedp.SetValue(chromedp.CSS("#f-date"), time.Now().AddDate(0, 0, 1).Format(time.DateOnly)),
		chromedp.SetValue(chromedp.CSS("#f-time"), "09:15"))
	s.look("add-appointment")
	s.press("main form button:not([type=button])")
	s.look("appointment", "C’est enregistré.", "Préfecture", "9 h 15")
}

func (s *surfing) looksAround(r *running) {
	for _, c := range []struct{ path, name, words string }{
		{"/", "home-again", "Préfecture"}, {"/space", "space", "Il reste"}, {"/journal", "journal", "Papier ouvert"},
		{"/sessions", "sessions", "Cet appareil"}, {"/password", "password", "Une idée"}, {"/bin", "bin", "La corbeille est vide"},
		{"/notes", "notes", "À demander mardi"}, {"/privacy", "privacy", "Comment mon espace est protégé"},
		{"/papers/aaaaaaaaaaaaaaaaaaaaaaaaaa", "problem", "Cela n’a pas marché"},
	} {
		s.goTo(r.url + c.path)
		s.look(c.name, c.words)
		s.fits()
	}
	s.press(`.language button`)
	s.waitFor("That did not work")
	s.goTo(r.url)
	s.look("english", "My space", "Next appointments")
	s.fits()
	s.press(`.language button`)
	s.waitFor("Mon espace")
}

// fits fails if the page is wider than the screen.
func (s *surfing) fits() {
	s.Helper()
	over, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	require.NoError(s, err)
	require.LessOrEqual(s, over, 0, "the page is wider than the screen")
}

func (s *surfing) leavesWithEverything(r *running) {
	s.goTo(r.url + "/take")
	s.look("take", "Tout emporter")
	s.press("main form button:not([type=button])")
	archive := s.downloaded("reconnect-*.zip")
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(s, err)
	require.Greater(s, len(z.File), 10)
	s.goTo(r.url + "/close")
	s.look("close", "Comment voulez-vous partir ?")
	s.press(`input[value="erase"]`)
	s.press(`input[name="sure"]`)
	s.write("#f-password", r.secret)
	s.press("main form button.danger")
	s.look("receipt", "Votre compte et tout ce qu’il contenait sont effacés.")
	s.press(`a[download="recu-reconnect.json"]`)
	receipt, err := vault.ParseReceipt(s.downloaded("recu-reconnect*.json"))
	require.NoError(s, err)
	require.Equal(s, vault.ActErased, receipt.Act)
	s.goTo(r.url)
	s.waitFor("Entrer dans mon espace")
}

func TestLeavingQuicklyInABrowser(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := browse(t, "leave", 600, true)
	s.signIn(r)
	s.goTo(r.url + "/papers")
	s.press(".quick button")
	s.look("news", "Météo", "Températures de saison")
	s.do(chromedp.NavigateBack())
	s.waitFor("Entrer dans mon espace") // nothing of the space is in the history
	require.NotContains(t, s.text(), "Prochains rendez-vous")
}

// Enlarged to 200 % a page of 1024 pixels is one of 512, with everything in reach.
func TestEveryPageFitsWhenEnlarged(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := browse(t, "zoom", 512, true)
	s.signIn(r)
	for _, path := range []string{"/", "/papers", "/papers/add", "/contacts", "/contacts/add", "/appointments", "/appointments/add", "/notes/add", "/space", "/journal", "/sessions", "/password", "/take", "/close", "/bin"} {
		for _, width := range []int64{320, 512} {
			s.do(chromedp.EmulateViewport(width, 720))
			s.goTo(r.url + path)
			s.fits()
		}
	}
}
