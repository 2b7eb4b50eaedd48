package main

import (
	"context"
	"html"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var printedOperator = regexp.MustCompile(`(http://\S+/enter/\S+)`)

// operatorsPages starts the pages of the operator beside a server, and returns their link.
func operatorsPages(t *testing.T, r *running, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var out, logs output
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"--data", r.folder, "admin", "pages"}, args...), &out, &logs)
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool { return found(printedOperator, out.String()) != "" }, time.Minute, 10*time.Millisecond)
	return found(printedOperator, out.String())
}

// A browser keeps the cookie of a name below localhost, and the pages need no script.
func TestTheOperatorsPagesInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	link := operatorsPages(t, r, "--authority-key", filepath.Join(r.folder, "demo-authority.key"))
	tab, end := chromedp.NewContext(w.ctx, chromedp.WithNewBrowserContext())
	defer end()
	require.NoError(t, chromedp.Do(tab)) // opens the tab, which lives as long as the context
	ctx, cancel := context.WithTimeout(tab, 4*time.Minute)
	defer cancel()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		require.NoError(t, chromedp.Do(ctx, actions...))
	}
	press := func(selector string) {
		t.Helper()
		do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	}
	sees := func(words string) {
		t.Helper()
		require.Eventually(t, func() bool {
			moment, cancel := context.WithTimeout(ctx, 2*time.Second) // a page that goes away in the middle may never answer
			defer cancel()
			source, err := chromedp.Run(moment, chromedp.OuterHTML(chromedp.CSS("html")))
			return err == nil && strings.Contains(html.UnescapeString(source), words)
		}, time.Minute, 50*time.Millisecond, words)
		over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
		require.NoError(t, err)
		require.LessOrEqual(t, over, 0, "the page is wider than the screen")
	}
	do(chromedp.EmulateViewport(320, 720), chromedp.Navigate(link))
	sees("Le serveur marche depuis")
	press(`main a[href="/centres"]`)
	sees("Accueil de jour Exemple")
	press(`main ul a[href^="/centres/"]`)
	sees("DEMO-1")
	press(`main a[href$="/licences/add"]`)
	sees("Premier jour")
	do(chromedp.SetValue(chromedp.CSS("#f-from"), "2027-01-01"), chromedp.SetValue(chromedp.CSS("#f-to"), "2027-12-31"),
		chromedp.SendKeys(chromedp.CSS("#f-number"), "2027-1", chromedp.NodeVisible), chromedp.SendKeys(chromedp.CSS("#f-fee"), "1500", chromedp.NodeVisible))
	press("main form button")
	sees("Lisez avant de signer")
	press("main form button[value=sign]")
	sees("L’annuaire est publié.")
	press(".language")
	sees("Choisir la langue")
	press("main button[lang=ar]")
	sees("صفحات المشغّل")
	press(".bottom button")
	sees("هذه الصفحات مغلقة")
	out, err := command(t, r.folder, "admin", "directory", "show")
	require.NoError(t, err)
	require.Contains(t, out, "2027-1, from 2027-01-01 to 2027-12-31, 1500.00 EUR")
}
