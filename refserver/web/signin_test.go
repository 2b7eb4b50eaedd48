package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
)

func TestWhoIsNotSignedInSeesTheSignInPageAlone(t *testing.T) {
	t.Parallel()
	s := open(t, nil).stranger()
	for _, path := range []string{"/", "/papers", "/contacts", "/journal", "/take", "/items/x/visibility", "/papers/aaaaaaaaaaaaaaaaaaaaaaaaaa/file"} {
		g := s.get(path).ok("Entrer dans mon espace")
		require.Equal(t, "/sign-in", g.Path)
		g.without("Se déconnecter")
	}
	s.get("/nowhere").is(http.StatusNotFound, "Il n’y a rien à cette adresse")
	s.get("/robots.txt").ok("Disallow: /")
}

func TestSigningInOpensTheSpaceAndLeavingClosesIt(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.get("/").ok("Mon espace", "Mes papiers", "Se déconnecter")
	left := p.post("/leave", url.Values{})
	left.ok("Vous êtes déconnecté")
	require.Equal(t, "/sign-in", p.get("/").Path)
}

func TestLeavingQuicklyEndsOnAPageThatSaysNothing(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	form := p.get("/papers").ok().form("/leave", nil)
	require.Equal(t, "1", form.Get("quickly"))
	g := p.post("/leave", form).ok("Météo")
	require.Equal(t, "/news", g.Path)
	g.without("Reconnect", "espace", "papier")
	require.Equal(t, "/sign-in", p.get("/papers").Path, "the session has ended")
}

func TestAStolenCookieIsWorthNothingAfterLeaving(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p := c.newPerson()
	at, err := url.Parse(c.server.URL)
	require.NoError(t, err)
	thief := c.stranger()
	thief.client.Jar.SetCookies(at, p.client.Jar.Cookies(at))
	p.post("/leave", url.Values{"quickly": {"1"}})
	require.Equal(t, "/sign-in", thief.get("/").Path)
}

func TestANewSignInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p, phone := c.newPerson(), c.stranger()
	at, err := url.Parse(c.server.URL)
	require.NoError(t, err)
	thief := c.stranger()
	thief.client.Jar.SetCookies(at, p.client.Jar.Cookies(at))
	phone.login = p.login
	phone.signIn(password).ok("Mon espace")
	thief.get("/").ok("Mon espace")

	p.signIn("wrong words here").is(http.StatusUnauthorized)
	thief.get("/").ok("Mon espace") // nobody is put out by a guess
	p.signIn(password).ok("Mon espace")
	require.Equal(t, "/sign-in", thief.get("/").Path)
	p.get("/").ok("Mon espace")
	phone.get("/").ok("Mon espace") // another device goes on
}

func TestTheCookieIsForThisHostOverHTTPSAndForNoScript(t *testing.T) {
	t.Parallel()
	p := open(t, nil).stranger()
	p.login = p.newLogin()
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	g := p.signIn(password)
	require.Equal(t, http.StatusSeeOther, g.Status)
	cookie := g.Header.Get("Set-Cookie")
	require.True(t, strings.HasPrefix(cookie, session.CookieName+"="))
	for _, attribute := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Strict"} {
		require.Contains(t, cookie, attribute)
	}
	require.NotContains(t, cookie, "Domain")
	require.NotContains(t, cookie, "Max-Age", "the browser forgets it when it is closed")
}

func TestNoAnswerTellsWhetherAnAccountExists(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	known, unknown, odd := c.stranger(), c.stranger(), c.stranger()
	known.login, unknown.login, odd.login = c.newLogin(), "0000 0000 0000", "<script>"
	pages := []*page{known.signIn("wrong words here"), unknown.signIn("wrong words here"), odd.signIn("wrong words here"), known.signIn("")}
	for i, g := range pages {
		g.is(http.StatusUnauthorized, "L’identifiant ou le mot de passe n’est pas le bon.")
		g.without("wrong words here", "<script>")
		pages[i].Body = strings.ReplaceAll(g.Body, known.login, unknown.login)
		pages[i].Body = formName.ReplaceAllString(pages[i].Body, "")
		require.Equal(t, pages[1].Header.Values("Set-Cookie"), g.Header.Values("Set-Cookie"))
	}
	require.Equal(t, pages[1].Body, pages[0].Body)
}

func TestManyWrongTriesAreAnsweredWithTheTimeToWait(t *testing.T) {
	t.Parallel()
	p := open(t, nil).stranger()
	p.login = p.newLogin()
	for range 5 {
		p.signIn("wrong words here").is(http.StatusUnauthorized)
	}
	g := p.signIn(password)
	g.is(http.StatusTooManyRequests, "Attendez 30 secondes.")
	require.Equal(t, "30", g.Header.Get("Retry-After"))
	require.Empty(t, g.Header.Values("Set-Cookie"))
}

func TestOtherSitesCannotActInThePersonsName(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}},
	} {
		r, err := http.NewRequest(http.MethodPost, p.server.URL+"/notes/add", strings.NewReader("title=x&text=y"))
		require.NoError(t, err)
		r.Header = header
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		p.do(r).is(http.StatusForbidden, "Cette demande vient d’un autre site")
	}
	p.get("/notes").ok("Pas encore de note")
}

func TestTheLanguageIsChosenOnEveryPage(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.get("/journal?before=3").ok("Ce qui s’est passé")
	choose := func(g *page) *page { g.t.Helper(); return p.get(g.link(`/language[^"]*`)) }
	asked := choose(g).ok("français", "English")
	g = p.post("/language", asked.form("/language", url.Values{"language": {"en"}})).ok("What happened")
	require.Equal(t, "/journal", g.Path)
	require.Contains(t, g.Body, `<html lang="en"`)
	stranger := p.stranger()
	for prefers, says := range map[string]string{"": "Entrer", "en-GB,en;q=0.9,fr;q=0.8": "Enter my space", "de": "Entrer", "fr-CH, en;q=0.5": "Entrer", ";;q=x": "Entrer"} {
		r, err := http.NewRequest(http.MethodGet, p.server.URL+"/sign-in", nil)
		require.NoError(t, err)
		r.Header.Set("Accept-Language", prefers)
		stranger.do(r).ok(says)
	}
	p.post("/language", url.Values{"language": {"xx"}, "here": {"/"}}).ok("My space")
	g = p.post("/items/aaaaaaaaaaaaaaaaaaaaaaaaaa/bin", nil).is(http.StatusNotFound)
	require.Equal(t, "/", choose(g).form("/language", nil).Get("here"), "where the answer to a form cannot be shown again")
	g = p.post("/notes/add", nil).is(http.StatusUnprocessableEntity)
	require.Equal(t, "/notes/add", choose(g).form("/language", nil).Get("here"))
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", ""} {
		g := p.post("/language", url.Values{"language": {"fr"}, "here": {elsewhere}}).ok()
		require.Equal(t, "/", g.Path)
	}
}

func TestOneAddressCannotTryForEver(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	pages, err := web.New(web.Config{Vaults: c.data.Vaults, Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 4})})
	require.NoError(t, err)
	c.server = httptest.NewTLSServer(pages)
	t.Cleanup(c.server.Close)
	for range 2 {
		s := c.stranger() // another login, another browser, the same address
		s.login = "0000 0000 0000"
		s.signIn("wrong words here").is(http.StatusUnauthorized)
	}
	p := c.stranger()
	p.login = c.newLogin()
	g := p.signIn(password).is(http.StatusTooManyRequests, "Il y a eu beaucoup d’essais.", "Attendez")
	require.NotEmpty(t, g.Header.Get("Retry-After"))
}
