package main

import (
	"bytes"
	"context"
	"html"
	"image/jpeg"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/language"
)

// chromium is where Debian puts the browser.
const chromium = "/usr/bin/chromium"

// smallest is the width of the smallest phone, in CSS pixels: every page must fit.
const smallest = 320

// device is what somebody has before them.
type device struct {
	width, height int64
	scripts       bool // JavaScript is on
}

// What people have: a cheap phone, on which scripts may fail, and the screen of a desk.
var (
	oldPhone = device{360, 740, false}
	newPhone = device{360, 740, true}
	aDesk    = device{1280, 800, true}
)

// photo is what a phone's camera makes.
const photo = "../internal/testfiles/files/photo.jpg"

// window is a running browser with nobody's history in it. Several people surf
// in it at once, and none finds anything of another.
type window struct {
	ctx   context.Context
	judge *judge
}

func openWindow(t *testing.T, more ...chromedp.ExecAllocatorOption) *window {
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
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(endAllocator)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx)) // starts the browser, which lives as long as ctx
	judge, err := theJudge()
	require.NoError(t, err)
	return &window{ctx, judge}
}

// surfer is one person in a browser, with cookies and a history of their own. After each
// step the page that stands there is judged.
type surfer struct {
	*testing.T
	ctx       context.Context
	window    *window
	device    device
	lang      *language.Language // in which pages are wanted
	downloads string
	shots     string // folder for screenshots; "" for none
	taken     []string
	name      string
	site      string // of the first page: no other is ever asked
	watched   *watched
	faults    []string // of pages
}

// surf seats somebody in front of a browser. With the test it fails if a page asked
// another site for anything, or had an error in the browser's console.
func (w *window) surf(t *testing.T, name string, on device, lang string) *surfer {
	t.Helper()
	s := &surfer{T: t, window: w, device: on, lang: language.In(lang), downloads: t.TempDir(), shots: os.Getenv("RECONNECT_SHOTS"), name: name, watched: newWatched()}
	if s.shots != "" {
		require.NoError(t, os.MkdirAll(s.shots, 0o755)) //nolint:gosec // for everybody to look at
	}
	ctx, end := chromedp.NewContext(w.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(s.watched.event))
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx)) // opens the tab, which lives as long as ctx
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(cancel)
	t.Cleanup(s.hadNoFault)
	s.sees(on.width)
	s.wants(lang)
	s.letsScripts(on.scripts)
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: s.downloads, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		return err
	}))
	return s
}

// anotherTab is a second tab of the same browser, in the same hands.
func (s *surfer) anotherTab() *surfer {
	s.Helper()
	other := *s
	ctx, end := chromedp.NewContext(s.ctx, chromedp.WithListener(s.watched.event))
	s.Cleanup(end)
	require.NoError(s, chromedp.Do(ctx)) // opens it
	other.ctx, other.name = ctx, s.name+"-tab"
	other.sees(s.device.width)
	other.wants(s.lang.Code)
	return &other
}

// wants makes the browser ask for a language, as one that was set so does.
func (s *surfer) wants(lang string) {
	s.Helper()
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}})
		return err
	}))
}

func (s *surfer) letsScripts(run bool) {
	s.Helper()
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
		return err
	}))
}

func (s *surfer) do(actions ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, actions...)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), nodeIsGone) {
		err = chromedp.Do(ctx, actions...)
	}
	require.NoError(s, err, "what stands there: %s", standing{s})
}

// nodeIsGone is what the browser says when another page came between finding a thing and
// doing something to it. Nothing has been done then.
const nodeIsGone = "Could not find node with given id"

// look waits for a page that says all this, judges it and takes its picture. A key of
// the messages stands for its sentence.
func (s *surfer) look(name string, says ...string) {
	s.Helper()
	for _, w := range says {
		s.waits(w)
	}
	s.judged()
	s.shoots(name)
}

// waitFor is look without a picture.
func (s *surfer) waitFor(says string) {
	s.Helper()
	s.waits(says)
	s.judged()
}

func (s *surfer) waits(says string) {
	s.Helper()
	parts := s.parts(says)
	require.Eventually(s, func() bool {
		text := s.text()
		return !slices.ContainsFunc(parts, func(p string) bool { return !saying(text, p) })
	}, time.Minute, 50*time.Millisecond, "the words %q do not come: %s", says, standing{s})
}

// saying tells whether a text holds these words, and not only within others: in Arabic
// "all of it is back" is the end of "all of it comes back", on the page before.
func saying(text, words string) bool {
	first, _ := utf8.DecodeRuneInString(words)
	for at := 0; ; at += len(words) {
		found := strings.Index(text[at:], words)
		if found < 0 {
			return false
		}
		at += found
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		if !unicode.IsLetter(before) || !unicode.IsLetter(first) {
			return true
		}
	}
}

// evaluated asks the page something, also where its own scripts are off.
func evaluated[T any](s *surfer, script string) T {
	s.Helper()
	value, err := chromedp.Run(s.ctx, chromedp.Evaluate[T](script))
	require.NoError(s, err)
	return value
}

func quoted(s string) string { return strconv.Quote(s) }

// text is what stands on the page, also with JavaScript off: chromedp asks the
// browser, not the page.
func (s *surfer) text() string {
	s.Helper()
	return strings.Join(strings.Fields(html.UnescapeString(tagsOf.ReplaceAllString(s.source(), " "))), " ")
}

// source is the page with everything that its markup holds; "" between two pages.
func (s *surfer) source() string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second) // a page that goes away in the middle may never answer
	defer cancel()
	source, err := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		return ""
	}
	return source
}

// standing is what stands on the page when a failure is told, not before.
type standing struct{ s *surfer }

func (n standing) String() string { return n.s.text() }

var tagsOf = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>`)

// press clicks what a selector finds first.
func (s *surfer) press(selector string) {
	s.Helper()
	s.do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (s *surfer) write(selector, text string) {
	s.Helper()
	s.do(chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

func (s *surfer) goTo(address string) {
	s.Helper()
	if s.site == "" {
		u, err := url.Parse(address)
		require.NoError(s, err)
		s.site = u.Scheme + "://" + u.Host
	}
	s.do(chromedp.Navigate(address))
}

// goesBack takes the browser's way back, and waits for another page.
func (s *surfer) goesBack() {
	s.Helper()
	_, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.documentElement.dataset.left = "1"; history.back(); ""`))
	if err != nil { // it may be on its way before it answers
		require.ErrorContains(s, err, "navigated")
	}
	require.Eventually(s, func() bool {
		source := s.source()
		return source != "" && !strings.Contains(source, "data-left")
	}, time.Minute, 50*time.Millisecond, "the browser does not go back")
}

// downloaded waits for a whole file whose name a pattern matches.
func (s *surfer) downloaded(pattern string) []byte {
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

// photographs adds the photo as a paper, as if the camera had made it.
func (s *surfer) photographs(title string) {
	s.Helper()
	s.choosesPhoto(title)
	s.waitFor("done.added")
}

// choosesPhoto fills in the form of a paper with the photo, and sends it.
func (s *surfer) choosesPhoto(title string) {
	s.Helper()
	path, err := filepath.Abs(photo)
	require.NoError(s, err)
	s.waitFor("papers.add")
	s.write("#f-title", title)
	s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	s.press(`form[action="/papers/add"] button:not([type=button])`)
}

// at is the address of the page.
func (s *surfer) at() string {
	s.Helper()
	address, err := chromedp.Run(s.ctx, chromedp.Location())
	require.NoError(s, err)
	return address
}

// isThePhoto fails unless this is the photo, without what the camera wrote into it.
func (s *surfer) isThePhoto(got []byte) {
	s.Helper()
	want, err := os.ReadFile(photo)
	require.NoError(s, err)
	before, err := jpeg.DecodeConfig(bytes.NewReader(want))
	require.NoError(s, err)
	after, err := jpeg.DecodeConfig(bytes.NewReader(got))
	require.NoError(s, err)
	require.ElementsMatch(s, []int{before.Width, before.Height}, []int{after.Width, after.Height}, "upright or not")
	require.Contains(s, string(want), "Exemple")
	require.NotContains(s, string(got), "Exemple", "the name of the camera")
}

// reads chooses a language on the page for that.
func (s *surfer) reads(lang string) {
	s.Helper()
	s.press(`a.language`)
	s.look("languages", "language.title")
	s.press(`main button[lang=` + lang + `]`)
	s.lang = language.In(lang)
}

func TestAPageSaysWordsAndNotTheEndOfOthers(t *testing.T) {
	t.Parallel()
	require.True(t, saying("… رجع كل شيء. مساحتي", "رجع كل شيء."))
	require.False(t, saying("وجدت كلمة السر، يرجع كل شيء.", "رجع كل شيء."), "that is: it comes back")
	require.True(t, saying("it comes back, back", "back"))
	require.True(t, saying("back", "back"))
	require.False(t, saying("", "back"))
}
