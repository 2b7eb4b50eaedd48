package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/notice"
)

// formName is the random name of a form, which differs from page to page.
var formName = regexp.MustCompile(`<input type="hidden" name="form" value="[^"]*">`)

// filled is a person with one thing of each kind.
func filled(t *testing.T) (*person, []string) {
	t.Helper()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{"title": {"Carte"}}, file{"photo", "image.jpg", "image/jpeg", jpeg}).ok().Path
	folder := p.get("/papers").link("/folders/[a-z2-7]{26}")
	contact := p.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok().Path
	appointment := p.post("/appointments/add", url.Values{"subject": {"CAF"}, "date": {"2030-05-06"}, "time": {"10:30"}}).ok().Path
	note := p.post("/notes/add", url.Values{"title": {"Note"}, "text": {"texte"}}).ok().Path
	id := regexp.MustCompile(`[a-z2-7]{26}`).FindString(paper)
	return p, []string{
		"/", "/sign-in", "/news", "/privacy", "/papers", "/papers/add", paper, paper + "/show", paper + "/edit", "/folders/add", folder, folder + "/edit",
		"/contacts", "/contacts/add", contact, contact + "/edit", "/appointments", "/appointments/add", appointment, appointment + "/edit",
		"/notes", "/notes/add", note, note + "/edit", "/items/" + id + "/visibility", "/items/" + id + "/destroy", "/bin", "/space",
		"/journal", "/sessions", "/password", "/take", "/bring", "/close", "/things", "/keys", "/choices", "/leaving",
	}
}

func TestEveryPageIsProtectedLightAndWholeInEveryLanguage(t *testing.T) {
	t.Parallel()
	p, paths := filled(t)
	for _, language := range []string{"fr", "en", "ar"} {
		p.post("/language", url.Values{"language": {language}, "here": {"/"}})
		for _, path := range paths {
			g := p.get(path).ok()
			require.Equal(t, path, g.Path)
			require.NotRegexp(t, `\[[a-z-]+\.[a-z.-]+\]`, g.text(), "a message is missing on %s", path)
			require.NotContains(t, g.Body, "%!", "a message has wrong arguments on %s", path)
			require.NotContains(t, g.Body, "ZgotmplZ", path)
			require.NotContains(t, g.text(), "coffre-fort")
			require.NotRegexp(t, `\sstyle=|<style|\son[a-z]+=|<script>|https?://`, g.Body, path)
			require.Contains(t, g.Body, `<html lang="`+language+`"`)
			require.Regexp(t, `<h1>`, g.Body, path)
			require.Less(t, p.weight(g), 100_000, path)
			if path != "/news" {
				require.Contains(t, g.Body, "listen.js", path)
				require.Contains(t, g.Body, `action="/leave" class="quick"`, path)
			}
			protected(t, g)
		}
	}
}

// sameSite finds what a page makes a browser load.
var sameSite = regexp.MustCompile(`(?:href|src)="(/static/[^"#]+)`)

// weight is what a browser that was never here loads for a page, in bytes of the
// wire: the page as it is, and each file once, compressed.
func (p *person) weight(g *page) int {
	p.t.Helper()
	total, loaded := len(g.Body), map[string]bool{}
	for _, m := range sameSite.FindAllStringSubmatch(g.Body, -1) {
		if loaded[m[1]] {
			continue
		}
		loaded[m[1]] = true
		total += p.wire(m[1])
	}
	return total
}

// wire returns how many bytes a file takes on its way.
func (p *person) wire(path string) int {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.server.URL+path, nil)
	require.NoError(p.t, err)
	r.Header.Set("Accept-Encoding", "gzip")
	return len(p.do(r).ok().Body)
}

func protected(t *testing.T, g *page) {
	t.Helper()
	csp := g.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.Contains(t, csp, "frame-ancestors 'none'")
	require.NotContains(t, csp, "unsafe")
	require.Equal(t, "nosniff", g.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", g.Header.Get("Referrer-Policy"))
	require.Equal(t, "no-store", g.Header.Get("Cache-Control"))
	require.Equal(t, "same-origin", g.Header.Get("Cross-Origin-Opener-Policy"))
	require.Equal(t, "max-age=31536000", g.Header.Get("Strict-Transport-Security"))
}

func TestAnswersThatAreNoPagesAreProtectedToo(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	for _, path := range []string{"/nowhere", paper + "/file", paper + "/preview", "/papers/x", "/robots.txt"} {
		protected(t, p.get(path))
	}
	protected(t, p.post("/take", nil))
	home := p.get("/")
	for _, used := range regexp.MustCompile(`href="(/static/[0-9a-f]+/(?:icons|pictograms)\.svg)#([a-z-]+)"`).FindAllStringSubmatch(home.Body, -1) {
		picture := p.get(used[1]).ok()
		require.Equal(t, "image/svg+xml", picture.Header.Get("Content-Type"))
		require.Contains(t, picture.Body, `<symbol id="`+used[2]+`"`)
	}
	static := p.get(regexp.MustCompile(`/static/[0-9a-f]+/style\.css`).FindString(home.Body)).ok()
	require.Contains(t, static.Header.Get("Cache-Control"), "max-age=31536000, immutable", "a cheap phone asks once")
	require.Equal(t, "nosniff", static.Header.Get("X-Content-Type-Options"))
	require.Contains(t, static.Body, "Pico CSS 2.1.1", "its licence wants to be named")
	for _, path := range []string{"/static/style.css", "/static/0123456789ab/style.css"} {
		require.Equal(t, "public, max-age=3600", p.get(path).ok().Header.Get("Cache-Control"), "%s may be of another version", path)
	}
	for _, path := range []string{"/static/", "/static/../web.go", "/static/nothing.js", "/static/LICENSE-pico.txt", "/static/x/style.css"} {
		require.Equal(t, http.StatusNotFound, p.get(path).Status, path)
	}
}

// A card that is asked for is read by the camera, wherever that is; no other page has it.
func TestTheCameraIsBesideEveryBoxForACardAndOnNoOtherPage(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	for _, path := range []string{"/sign-in/card", "/sharing/visit", "/sharing/relays/" + h.recovery.Harbour.ID.String(), "/ways/sheet", "/ways/helpers"} {
		g := amina.get(path).ok("Code de la carte")
		require.Contains(t, g.Body, `<div data-scan="f-card"`, path)
		require.Contains(t, g.Body, "/scan.js", path)
		require.Contains(t, g.Header.Get("Permissions-Policy"), "camera=(self)", path)
	}
	amina.post("/notes/add", amina.get("/notes/add").form("", url.Values{"title": {`<div data-scan="f-card">`}, "text": {`<div data-scan="f-card">`}})).ok()
	for _, path := range []string{"/", "/notes", "/papers", "/card"} {
		g := amina.get(path).ok().without("/scan.js")
		require.Contains(t, g.Header.Get("Permissions-Policy"), "camera=()", path)
	}
}

// What is agreed to is said in short first; all of it is a tap below, and on paper.
func TestANoticeIsShortFirstAndWholeATapAway(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	for path, text := range map[string][2]string{
		"/sharing/visit": {"Une seule personne voit ce que vous choisissez", notice.Visiting("fr").Text},
		"/sharing/relays/" + h.recovery.Harbour.ID.String(): {"Ce centre fait ce que vous choisissez plus bas", notice.Following("fr").Text},
		"/ways/sheet": {"personne n’entre avec sa seule part", notice.WaysBack("fr").Text},
		"/staff/join": {"votre nom, votre centre, l’heure et la raison sont notés", notice.ForWorkers("fr").Text},
	} {
		g := amina.stranger().get(path)
		if path != "/staff/join" {
			g = amina.get(path)
		}
		whole := strings.Join(strings.Fields(text[1]), " ")
		g.ok(text[0], "Tout lire", whole)
		before, _, _ := strings.Cut(g.text(), "Tout lire")
		require.Contains(t, before, text[0], path)
		require.NotContains(t, before, whole, path)
		require.NotContains(t, g.Body, "« ", path)
	}
}
