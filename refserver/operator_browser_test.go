package main

import (
	"context"
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

// The operator's pages are judged as all others are. A browser keeps the cookie of a name
// below localhost, and the pages need no script. With story 7: somebody's space is full
// while they add a paper, the operator grants more, and the same paper passes.
func TestTheOperatorsPagesInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--quota", "500000")
	link := operatorsPages(t, r, "--authority-key", filepath.Join(r.folder, "demo-authority.key"))
	camille := w.surf(t, "operator-person", oldPhone, "fr")
	camille.signIn(r)
	camille.fillsTheirSpace(r.url)
	camille.goTo(r.url + "/space")
	camille.write("#f-reason", "pour tous mes papiers")
	camille.press(`form:has(#f-reason) button:not([type=button])`)
	camille.waitFor("done.asked")

	s := w.surf(t, "operator", oldPhone, "fr")
	s.goTo(link)
	s.look("health", "Le serveur marche depuis", "1 attend une réponse")
	s.without("Camille")
	s.grantsTheIncrease()
	camille.goTo(r.url + "/space")
	camille.look("granted", "space.state-approved", "Dominique", "quatre cents papiers")
	camille.goTo(r.url + "/papers/add")
	camille.photographs("Attestation")

	s.signsALicence()
	s.reads("ar")
	s.look("health-ar", "operator.title", "operator.runs")
	s.looksAtTheRest()
	s.press(".bottom button")
	s.waits("operator.closed")
	out, err := command(t, r.folder, "admin", "directory", "show")
	require.NoError(t, err)
	require.Contains(t, out, "2027-1, from 2027-01-01 to 2027-12-31, 1500.00 EUR")
}

// fillsTheirSpace adds the photo until there is no room for it.
func (s *surfer) fillsTheirSpace(url string) {
	s.Helper()
	for range 10 {
		s.goTo(url + "/papers/add")
		s.choosesPhoto("Attestation")
		full := s.parts("says.full")[0]
		var text string
		require.Eventually(s, func() bool {
			text = s.text()
			return strings.Contains(text, full) || strings.Contains(text, s.lang.T("done.added"))
		}, time.Minute, 50*time.Millisecond)
		if strings.Contains(text, full) {
			return
		}
	}
	require.Fail(s, "the space is never full")
}

func (s *surfer) grantsTheIncrease() {
	s.Helper()
	s.tap(`="/increases"`, "increases", "operator.increases-means", "pour tous mes papiers")
	s.tap(`^="/increases/"`, "increase", "operator.person-reads", "pour tous mes papiers")
	s.without("Camille")
	s.press(`input[value="grant"]`)
	s.write("#f-by", "Dominique, de la fédération")
	s.write("#f-why", "quatre cents papiers")
	s.press("main form button")
	s.look("increase-granted", "done.increase-granted", "operator.none-wait")
}

func (s *surfer) signsALicence() {
	s.Helper()
	s.press(`header a[href="/"]`)
	s.waitFor("operator.runs")
	s.tap(`="/centres"`, "centres", "Accueil de jour Exemple")
	s.tap(`^="/centres/"][class="row"`, "centre", "DEMO-1")
	s.tap(`$="/licences/add"`, "licence", "operator.first-day")
	s.fills("#f-from", "2027-01-01")
	s.fills("#f-to", "2027-12-31")
	s.write("#f-number", "2027-1")
	s.write("#f-fee", "3000")
	s.press("main form button")
	s.look("preview", "operator.read-first")
	s.press("main form button[value=sign]")
	s.look("too-dear", "C’est plus que le prix le plus haut d’une licence")
	s.do(chromedp.Clear(chromedp.CSS("#f-fee")))
	s.write("#f-fee", "1500")
	s.press("main form button")
	s.waitFor("operator.read-first")
	s.press("main form button[value=sign]")
	s.look("published", "done.published")
}

// looksAtTheRest judges the rest of the pages, those of a refusal too.
func (s *surfer) looksAtTheRest() {
	s.Helper()
	s.tap(`="/centres"`, "centres", "operator.centre-add")
	s.tap(`="/organisations/add"`, "organisation-add", "operator.organisation-add-means")
	s.write("#f-name", "جمعية")
	s.write("#f-country", "XYZ")
	s.press("main form button")
	s.look("organisation-refused", "wrong.field")
	s.press(`.back a`)
	s.waitFor("operator.centre-add")
	s.tap(`="/centres/add"`, "centre-add", "operator.centre-add-means")
	s.press(`.back a`)
	s.waitFor("operator.centre-add")
	s.press(`form[action="/invite"] button`)
	s.look("invited", "team.invitation", "operator.invited-means")
	s.tap(`="/directory"`, "directory", "operator.directory-means")
	s.press(`header a[href="/"]`)
	s.waitFor("operator.runs")
	s.tap(`="/increases"`, "increases", "operator.none-wait")
}
