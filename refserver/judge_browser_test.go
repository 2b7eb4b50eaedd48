package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// lightest is how many bytes a page may send to a phone that sees it for the first time,
// with style, script, icons and small pictures: what a paper itself weighs is not counted.
const lightest = 100_000

// judge looks at every kind of page once in each language, whoever comes to it first.
type judge struct {
	mu   sync.Mutex
	seen map[string]bool
	axe  string // the program axe-core; "" where it is not installed
}

// theJudge is one for all windows, and finds axe-core where .ci/run puts it, or where AXE_CORE says.
var theJudge = sync.OnceValues(func() (*judge, error) {
	at := os.Getenv("AXE_CORE")
	if at == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		at = filepath.Join(cache, "reconnect-ci", "axe-core", "axe-4.14.1.min.js")
	}
	source, err := os.ReadFile(at) //nolint:gosec // named by who runs the test
	if err != nil && os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return nil, fmt.Errorf("the browser tests need npm's axe-core, which .ci/run fetches: %w", err)
	}
	return &judge{seen: map[string]bool{}, axe: string(source)}, nil
})

// first reports whether nobody has judged this kind of page yet.
func (j *judge) first(kind string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	again := j.seen[kind]
	j.seen[kind] = true
	return !again
}

// standingPage is what the browser says of a page.
type standingPage struct {
	Kind     string   `json:"kind"` // the address without ids, and every sort of element
	HTML     bool     `json:"html"`
	Ready    bool     `json:"ready"`
	Lang     string   `json:"lang"`
	Dir      string   `json:"dir"`
	Title    string   `json:"title"`
	Headings int      `json:"headings"` // of the first order
	Loaded   []string `json:"loaded"`   // addresses
}

const describePage = `(() => {
  const sorts = new Set([...document.querySelectorAll("body *:not(svg *)")].map(e => e.localName + "." + (e.getAttribute("class") || "") + (e.type || "")));
  return {
    kind: location.pathname.replace(/[a-z2-7]{26}/g, "id") + " " + [...sorts].sort().join(" "),
    html: document.contentType === "text/html", ready: document.readyState === "complete",
    lang: document.documentElement.lang, dir: document.documentElement.dir, title: document.title,
    headings: document.querySelectorAll("h1").length, loaded: performance.getEntriesByType("resource").map(r => r.name),
  };
})()`

// judged looks at the page that stands there, as a whole if it is the first of its kind.
func (s *surfer) judged() {
	s.Helper()
	var p standingPage
	require.Eventually(s, func() bool {
		ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second) // a page that goes away in the middle may never answer
		defer cancel()
		var err error
		p, err = chromedp.Run(ctx, chromedp.Evaluate[standingPage](describePage))
		return err == nil && p.Ready
	}, time.Minute, 20*time.Millisecond, "the page is never complete")
	if !p.HTML {
		return
	}
	require.Equal(s, s.lang.Code, p.Lang, "language of %s", p.Kind)
	require.Equal(s, s.lang.Direction(), p.Dir, "direction of %s", p.Kind)
	require.Equal(s, 1, p.Headings, "headings of the first order in %s", p.Kind)
	require.NotEmpty(s, strings.TrimSuffix(p.Title, " · Reconnect"), "title of %s", p.Kind)
	if !s.window.judge.first(s.lang.Code + " " + p.Kind) {
		return
	}
	s.isLight(p)
	for _, width := range []int64{smallest, 360, 640, 1280} { // 640: a desk at 200 %
		s.sees(width)
		s.fits(p)
		if width == 360 || width == 1280 {
			s.obeys(p, allRules)
		}
	}
	s.sees(s.device.width)
	s.inTheDark(true)
	s.obeys(p, contrastRule)
	s.inTheDark(false)
}

// isLight fails if a page is heavy for who sees it for the first time.
func (s *surfer) isLight(p standingPage) {
	s.Helper()
	if strings.HasSuffix(strings.Fields(p.Kind)[0], "/show") {
		return // the paper itself
	}
	total, each := s.watched.weight(p.Loaded)
	if total >= lightest {
		s.complains(p, fmt.Sprintf("weighs %d bytes: %v", total, each))
	}
}

// sees makes the window as wide as another device.
func (s *surfer) sees(width int64) {
	s.Helper()
	s.do(chromedp.EmulateViewport(width, s.device.height))
}

func (s *surfer) inTheDark(dark bool) {
	s.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			// Without motion: a colour on its way to another would be judged.
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// The rules: of WCAG 2.2 AA, of RGAA 4, and what is good practice beside.
const (
	allRules     = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "RGAAv4", "best-practice"]}`
	contrastRule = `{type: "rule", values: ["color-contrast"]}`
)

// judgedPart is the whole page but for one thing that axe-core refuses wherever it leads: on a
// shared device without JavaScript, a page that nobody is at gives way to one that asks who
// is there, for a minute, and leads back (WCAG 2.2.1: warned, and extended by one tap).
const judgedPart = `{include: [document], exclude: ["noscript > meta[content*='url=/idle']"]}`

// violation is a rule that a page breaks, as axe-core says it.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string   `json:"html"`
		Target  []string `json:"target"`
		Summary string   `json:"failureSummary"`
	} `json:"nodes"`
}

// obeys fails if axe-core finds a rule that the page breaks. It comes through the
// browser's own protocol: what the page may load stays as strict as it is.
func (s *surfer) obeys(p standingPage, rules string) {
	s.Helper()
	if s.window.judge.axe == "" {
		return // not installed here
	}
	s.letsScripts(true)
	found, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](
		`if (!window.axe) {`+s.window.judge.axe+`}; axe.run(`+judgedPart+`, {runOnly: `+rules+`, resultTypes: ["violations"], preload: false, iframes: false}).then(r => JSON.stringify(r.violations))`,
		chromedp.EvalAwaitPromise))
	require.NoError(s, err, "axe-core on %s", p.Kind)
	s.letsScripts(s.device.scripts)
	var broken []violation
	require.NoError(s, json.Unmarshal([]byte(found), &broken))
	for _, v := range broken {
		for _, n := range v.Nodes {
			s.complains(p, v.ID+" ("+v.Help+"): "+strings.Join(n.Target, " ")+"\n\t"+n.HTML+"\n\t"+n.Summary)
		}
	}
}

// complains notes what is wrong with a page. The story goes on, so that one run tells all.
func (s *surfer) complains(p standingPage, what string) {
	s.faults = append(s.faults, strings.Fields(p.Kind)[0]+" of "+s.name+" in "+s.lang.Code+": "+what)
}

// fits fails if the page is wider than the screen.
func (s *surfer) fits(p standingPage) {
	s.Helper()
	over := evaluated[string](s, `(() => {
  const root = document.documentElement, over = root.scrollWidth - root.clientWidth;
  return over <= 0 ? "" : over + " pixels at " + innerWidth + ": " + [...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect(); return r.right > root.clientWidth || r.left < 0; }).slice(-3).map(e => e.outerHTML.slice(0, 200)).join("\n");
})()`)
	if over != "" {
		s.complains(p, "is wider than the screen by "+over)
	}
}

// shoots takes a picture of the whole page, once for each name, language and width.
func (s *surfer) shoots(name string) {
	s.Helper()
	if s.shots == "" {
		return
	}
	file := filepath.Join(s.shots, strings.Join([]string{s.name, name, s.lang.Code, strconv.FormatInt(s.device.width, 10)}, "-")+".png")
	if slices.Contains(s.taken, file) {
		return
	}
	s.taken = append(s.taken, file)
	whole := chromedp.FullScreenshot(100)
	if evaluated[bool](s, `document.documentElement.scrollHeight <= innerHeight`) {
		whole = chromedp.CaptureScreenshot() // the other moves a short page that runs from right to left
	}
	picture, err := chromedp.Run(s.ctx, whole)
	require.NoError(s, err)
	require.NoError(s, os.WriteFile(file, picture, 0o644)) //nolint:gosec // for everybody to look at
}

// between are the places in a sentence where something is put in.
var between = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// parts are what stands on a page for sure if it says a text: a key of the messages in
// the language of the page, around what is put in; or the text itself.
func (s *surfer) parts(text string) []string {
	if !s.lang.Has(text) {
		return []string{strings.Join(strings.Fields(text), " ")}
	}
	var parts []string
	for _, part := range between.Split(strings.ReplaceAll(s.lang.T(text), "%%", "%"), -1) {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
