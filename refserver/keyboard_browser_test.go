package main

import (
	"path/filepath"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// byKeyboardAlone is a story without a mouse and without a finger: in, a paper added and
// shared, made private, and out. Each stop can be seen, and lies under nothing.
func byKeyboardAlone(s *surfer, r *running) {
	s.goTo(r.url + "/sign-in")
	s.waits("sign-in.title")
	s.skipsToTheContent()
	s.types("#f-login", r.login)
	s.types("#f-password", "not the password")
	s.keys(kb.Enter)
	s.waits("says.sign-in")
	require.True(s, s.focused(".problem").Is, "who typed something wrong is told where they are now")
	s.tabsTo("#f-login")
	s.keys(kb.Tab) // what was typed is there, and is not a secret
	s.types("#f-password", r.secret)
	s.tabsTo("form[action='/sign-in'] button.main")
	s.keys(kb.Enter)
	s.waits("home.next")
	s.skipsToTheContent()
	s.tabsTo(`main a[href="/papers/add"]`)
	s.keys(kb.Enter)
	s.waits("papers.add")

	s.skipsToTheContent()
	s.tabsTo("#f-photo") // Enter opens a window of the browser's, which is no page of ours
	path, err := filepath.Abs(photo)
	require.NoError(s, err)
	s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-photo"), []string{path}))
	s.waits("Page 1")
	s.tabsTo("#phone [data-do=turn]")
	s.keys(" ")
	s.types("#f-title", "Récépissé")
	s.tabsTo(`input[name="visibility"]`)
	s.keys(kb.ArrowDown)
	s.tabsTo("details.photos summary")
	s.keys(kb.Enter)
	s.tabsTo("#f-original")
	s.keys(" ")
	s.tabsTo("form.adding > button.main")
	s.keys(kb.Enter)
	s.waits("done.added")
	s.waits("lock.shared")

	s.skipsToTheContent()
	s.tabsTo(`a[href$="/visibility"]`)
	s.keys(kb.Enter)
	s.waits("visibility.keep-means")
	s.tabsTo("main form button")
	s.keys(" ")
	s.waits("done.private")
	s.tabsTo(`.bottom form[action="/leave"] button`)
	s.keys(kb.Enter)
	s.waits("done.left")
}

// mostStops is how many things somebody passes with the key Tab before they give up.
const mostStops = 60

func (s *surfer) keys(keys string) {
	s.Helper()
	s.do(chromedp.KeyEvent(keys))
}

// types goes to a field and fills it.
func (s *surfer) types(field, text string) {
	s.Helper()
	s.tabsTo(field)
	s.keys(text)
}

// tabsTo goes from stop to stop until it is at what a selector names.
func (s *surfer) tabsTo(selector string) {
	s.Helper()
	if s.focused(selector).Is {
		return
	}
	for range mostStops {
		s.keys(kb.Tab)
		stop := s.focused(selector)
		require.True(s, stop.Seen, "nobody sees that the keyboard is at %s", stop.What)
		require.Empty(s, stop.Under, "something lies over %s", stop.What)
		if stop.Is {
			return
		}
	}
	require.Fail(s, "no way by keyboard", selector)
}

// skipsToTheContent takes the first stop of every page, which leads past what stands on
// top of each.
func (s *surfer) skipsToTheContent() {
	s.Helper()
	s.keys(kb.Tab)
	require.True(s, s.focused("a.skip").Is, "%+v", s.focused("a.skip"))
	require.True(s, s.canSee("a.skip"))
	s.keys(kb.Enter)
	require.True(s, s.focused("main").Is)
}

// stop is where the keyboard is.
type stop struct {
	Is    bool   `json:"is"`    // what was looked for
	Seen  bool   `json:"seen"`  // it is marked; so is a page as a whole, at which a round begins
	What  string `json:"what"`  // as markup
	Under string `json:"under"` // what covers it, as markup
}

func (s *surfer) focused(selector string) stop {
	s.Helper()
	return evaluated[stop](s, `(() => {
  const at = document.activeElement, none = !at || at === document.body || at === document.documentElement;
  if (none) return {is: false, seen: true, what: "the page", under: ""};
  const mark = getComputedStyle(at).opacity === "0" ? at.parentElement.querySelector("label") : at; // a label of ours stands for a field of the browser's
  const style = getComputedStyle(mark), box = mark.getBoundingClientRect();
  const over = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const own = !over || mark.contains(over) || over.contains(mark) || at.contains(over);
  return {is: at.matches(`+quoted(selector)+`), seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    what: at.outerHTML.slice(0, 200), under: own ? "" : over.outerHTML.slice(0, 200)};
})()`)
}
