package web_test

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
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
		"/journal", "/sessions", "/password", "/take", "/close",
	}
}

func TestEveryPageIsProtectedLightAndWholeInEveryLanguage(t *testing.T) {
	t.Parallel()
	p, paths := filled(t)
	style, err := os.ReadFile("static/style.css")
	require.NoError(t, err)
	script, err := os.ReadFile("static/pages.js")
	require.NoError(t, err)
	require.Less(t, len(style), 15_000)
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
			require.Less(t, len(g.Body)+len(style)+len(script)+20_000, 100_000, path)
			if path != "/news" {
				require.Contains(t, g.Body, `action="/leave" class="quick"`, path)
			}
			protected(t, g)
		}
	}
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
	icons := p.get("/static/icons.svg").ok()
	require.Equal(t, "image/svg+xml", icons.Header.Get("Content-Type"))
	require.Less(t, len(icons.Body), 20_000)
	for _, used := range regexp.MustCompile(`icons\.svg#([a-z-]+)`).FindAllStringSubmatch(p.get("/").Body, -1) {
		require.Contains(t, icons.Body, `<symbol id="`+used[1]+`"`)
	}
	static := p.get("/static/style.css").ok()
	require.Contains(t, static.Header.Get("Cache-Control"), "max-age")
	require.Equal(t, "nosniff", static.Header.Get("X-Content-Type-Options"))
	for _, path := range []string{"/static/", "/static/../web.go", "/static/nothing.js"} {
		require.Equal(t, http.StatusNotFound, p.get(path).Status, path)
	}
}
