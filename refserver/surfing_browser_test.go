package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image/jpeg"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// chromium is where Debian puts the browser.
const chromium = "/usr/bin/chromium"

// phone is the width of the smallest phone, in CSS pixels: every page must fit.
const phone = 320

// photo is what a phone's camera makes.
const photo = "../internal/testfiles/files/photo.jpg"

// window is a running browser with nobody's history in it. Several people surf
// in it at once, and none finds anything of another.
type window struct {
	ctx context.Context
}

func openWindow(t *testing.T) *window {
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
	return &window{ctx}
}

// surfing is one person in a browser, with cookies and a history of their own.
type surfing struct {
	*testing.T
	ctx       context.Context
	width     int64
	downloads string
	shots     string // folder for screenshots; "" for none
	name      string
	count     int
	site      string // of the first page: no other is ever asked
	watched   *watched
}

// browse starts a browser for one person.
func browse(t *testing.T, name string, width int64, scripts bool) *surfing {
	t.Helper()
	return openWindow(t).surf(t, name, width, scripts)
}

// surf seats somebody in front of a browser that is a phone, or a desk. With the
// test it fails if a page asked another site for anything, or had an error in the
// browser's console.
func (w *window) surf(t *testing.T, name string, width int64, scripts bool) *surfing {
	t.Helper()
	s := &surfing{T: t, width: width, downloads: t.TempDir(), shots: os.Getenv("RECONNECT_TEST_SCREENSHOTS"), name: name, watched: &watched{}}
	if s.shots != "" {
		require.NoError(t, os.MkdirAll(s.shots, 0o755))
	}
	ctx, end := chromedp.NewContext(w.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(s.watched.event))
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx)) // opens the tab, which lives as long as ctx
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(cancel)
	t.Cleanup(s.hadNoFault)
	s.do(
		chromedp.EmulateViewport(width, 720),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
			return err
		}),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
				Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: s.downloads, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
			})
			return err
		}),
	)
	return s
}

// watched is what a browser did unseen.
type watched struct {
	mu     sync.Mutex
	asked  []string // addresses
	errors []string // of the console
	pages  map[network.RequestID]bool
}

func (w *watched) event(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.asked = append(w.asked, e.Request.URL)
		if e.Type == network.ResourceTypeDocument {
			if w.pages == nil {
				w.pages = map[network.RequestID]bool{}
			}
			w.pages[e.RequestID] = true
		}
	case *runtime.EventExceptionThrown:
		w.errors = append(w.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.errors = append(w.errors, fmt.Sprintf("console.%s", e.Type))
		}
	case *log.EventEntryAdded:
		// That a page itself is a refusal is the story's to judge, not a fault of the page.
		if e.Entry.Level == log.EntryLevelError && !w.pages[e.Entry.NetworkRequestID] {
			w.errors = append(w.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func (s *surfing) hadNoFault() {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	require.Empty(s, s.watched.errors, "errors in the console of %s", s.name)
	for _, address := range s.watched.asked {
		if !strings.HasPrefix(address, "data:") && address != "about:blank" {
			require.True(s, strings.HasPrefix(address, s.site+"/"), "%s asked %s", s.name, address)
		}
	}
}

func (s *surfing) do(actions ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	require.NoError(s, chromedp.Do(ctx, actions...), "what stands there: %s", standing{s})
}

// look waits for a page with these words, sees that it fits the smallest phone, and
// takes its picture.
func (s *surfing) look(name string, words ...string) {
	s.Helper()
	for _, w := range words {
		s.waitFor(w)
	}
	if s.width != phone {
		s.do(chromedp.EmulateViewport(phone, 720))
	}
	s.fits()
	if s.width != phone {
		s.do(chromedp.EmulateViewport(s.width, 720))
	}
	if s.shots == "" {
		return
	}
	picture, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	require.NoError(s, err)
	s.count++
	require.NoError(s, os.WriteFile(filepath.Join(s.shots, fmt.Sprintf("%s-%02d-%s.png", s.name, s.count, name)), picture, 0o644))
}

// fits fails if the page is wider than the screen.
func (s *surfing) fits() {
	s.Helper()
	over, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	require.NoError(s, err)
	require.LessOrEqual(s, over, 0, "the page is wider than the screen")
}

// text is what stands on the page, also with JavaScript off: chromedp asks the
// browser, not the page.
func (s *surfing) text() string {
	s.Helper()
	return strings.Join(strings.Fields(html.UnescapeString(tagsOf.ReplaceAllString(s.source(), " "))), " ")
}

// source is the page with everything that its markup holds; "" between two pages.
func (s *surfing) source() string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second) // a page that goes away in the middle may never answer
	defer cancel()
	source, err := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		return ""
	}
	return source
}

func (s *surfing) waitFor(words string) {
	s.Helper()
	require.Eventually(s, func() bool { return strings.Contains(s.text(), words) }, 2*time.Minute, 50*time.Millisecond,
		"the words %q do not come: %s", words, standing{s})
}

// standing is what stands on the page when a failure is told, not before.
type standing struct{ s *surfing }

func (n standing) String() string { return n.s.text() }

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

func (s *surfing) goTo(address string) {
	s.Helper()
	if s.site == "" {
		u, err := url.Parse(address)
		require.NoError(s, err)
		s.site = u.Scheme + "://" + u.Host
	}
	s.do(chromedp.Navigate(address))
}

// goesBack takes the browser's way back, and waits for another page.
func (s *surfing) goesBack() {
	s.Helper()
	_, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.documentElement.dataset.left = "1"; history.back(); ""`))
	require.NoError(s, err)
	require.Eventually(s, func() bool {
		source := s.source()
		return source != "" && !strings.Contains(source, "data-left")
	}, time.Minute, 50*time.Millisecond, "the browser does not go back")
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

// photographs chooses the photo, as if the camera had made it, and sends the form.
func (s *surfing) photographs(title string) {
	s.Helper()
	path, err := filepath.Abs(photo)
	require.NoError(s, err)
	s.write("#f-title", title)
	s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	s.press("main form button:not([type=button])")
	s.waitFor("C’est enregistré.")
}

// isThePhoto fails unless this is the photo, without what the camera wrote into it.
func (s *surfing) isThePhoto(got []byte) {
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
