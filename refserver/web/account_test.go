package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

func TestTheJournalSaysInPlainWordsWhatHappened(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p, other := c.newPerson(), c.stranger()
	other.login = p.login
	other.signIn("wrong words here")
	p.signIn(password).ok() // which notes it
	paper := p.upload(url.Values{"title": {"Ordonnance"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	p.get(paper + "/file").ok()
	g := p.get("/journal").ok("Papier ouvert : « Ordonnance »", "Ajouté : « Ordonnance »", "Entrée dans l’espace", "Espace ouvert pour la première fois", "Vous", "Quelqu’un · Essai avec un mauvais mot de passe").without("Vous · Essai") // who tries is not known
	require.Regexp(t, `(?s)Papier ouvert.*Ajouté.*Espace ouvert`, g.text(), "the latest first")
}

func TestEveryActOfTheJournalHasWords(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	space := p.vault()
	for range 210 {
		_, err := space.Sessions(t.Context())
		require.NoError(t, err)
	}
	g := p.get("/journal").ok("Plus ancien", "Connexions regardées", "Pages et listes regardées, 200 fois")
	require.NotRegexp(t, `(vault|items?|document|space|journal|sessions)\.[a-z]`, g.text())
	p.get(g.link(`/journal\?before=[0-9]+`)).ok("Espace ouvert pour la première fois").without("Plus ancien")
}

// Whoever reads how often they looked at their own space reads it in one line, with from
// when until when.
func TestADayOfLookingAroundIsOneLine(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	amina.get("/space").ok()
	tn.stage.Clock.Advance(17 * time.Minute)
	amina.get("/sessions").ok()
	require.Regexp(t, `Vous · Pages et listes regardées, [0-9]+ fois, entre [0-9]+ h [0-9]+ et [0-9]+ h [0-9]+ `, amina.get("/journal").ok("Voir le détail").text())
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	phone := c.newPerson()
	lost := c.stranger()
	lost.login = phone.login
	lost.signIn(password).ok("Mon espace")
	g := phone.get("/sessions").ok("Cet appareil", "Fermer tous les autres")
	end := g.link("/sessions/[a-z2-7]+/end")
	phone.post(end, nil).ok("Les autres appareils sont déconnectés.").without("Fermer tous les autres")
	require.Equal(t, "/sign-in", lost.get("/papers").Path)
	phone.post(end, nil).ok() // a second click
	lost.signIn(password).ok("Mon espace")
	phone.post("/sessions/end", nil).ok("Les autres appareils sont déconnectés.")
	lost.get("/papers").ok("Vous n’êtes plus connecté.")
	phone.get("/papers").ok("Mes papiers")
}

func TestThePasswordChangesOnlyWithTheOldOne(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	const fresh = "neuf mots faciles ici"
	for values, words := range map[[3]string]string{
		{"wrong wrong wrong", fresh, fresh}:      "Ce n’est pas le bon mot de passe.",
		{password, "court", "court"}:             "Il faut au moins 8 caractères.",
		{password, fresh, "autre chose du tout"}: "Les deux mots de passe ne sont pas les mêmes.",
		{password, "aaaaaaaaaa", "aaaaaaaaaa"}:   "les mêmes caractères reviennent sans cesse",
		{password, p.login, p.login}:             "C’est votre identifiant.",
		{password, "", ""}:                       "Remplissez cette case.",
	} {
		g := p.post("/password", url.Values{"old": {values[0]}, "new": {values[1]}, "repeat": {values[2]}})
		require.Contains(t, g.text(), words)
		require.GreaterOrEqual(t, g.Status, 400)
		g.without(fresh, "wrong wrong wrong", "autre chose du tout")
	}
	g := p.get("/password").ok("Une idée, tirée au hasard pour vous")
	form := g.form("", url.Values{"old": {"wrong wrong wrong"}, "new": {fresh}, "repeat": {fresh}})
	require.NotEmpty(t, form.Get("suggest"))
	p.post("/password", form).is(http.StatusUnauthorized, form.Get("suggest")) // it may be written down by now
	p.post("/password", url.Values{"old": {password}, "new": {fresh}, "repeat": {fresh}, "known": {"1"}}).ok("Le mot de passe est changé.")
	p.get("/").ok("Mon espace")
	p.signIn(password).is(http.StatusUnauthorized)
	p.signIn(fresh).ok("Mon espace")
}

// Story 13 of the pages: everything is taken in one file, the account is
// closed, and a receipt proves it.
func TestStory13_LeavingWithEverything(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p := c.newPerson()
	p.upload(url.Values{"title": {"Carte d’identité"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	p.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()

	g := p.post("/take", p.get("/take").ok().form("/take", nil)).is(http.StatusOK)
	require.Equal(t, "application/zip", g.Header.Get("Content-Type"))
	require.Regexp(t, `^attachment; filename="reconnect-[0-9-]{10}\.zip"$`, g.Header.Get("Content-Disposition"))
	require.True(t, holds(t, g.Body, pdf), "the paper is in the file as it was")

	form := p.get("/close").ok("Pensez d’abord à tout emporter.").form("", nil)
	with := func(more url.Values) url.Values {
		values := url.Values{}
		for _, from := range []url.Values{form, more} {
			for k, v := range from {
				values[k] = v
			}
		}
		return values
	}
	p.post("/close", with(url.Values{"how": {"erase"}, "sure": {"1"}, "password": {"wrong words here"}})).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe.")
	p.post("/close", with(url.Values{"how": {"erase"}, "password": {password}})).is(http.StatusUnprocessableEntity, "Cochez la case pour confirmer.")
	p.get("/").ok("1 papier")

	end := with(url.Values{"how": {"erase"}, "sure": {"1"}, "password": {password}})
	g = p.post("/close", end).ok("Votre compte et tout ce qu’il contenait sont effacés.")
	receipt := receiptOf(t, g)
	require.Equal(t, vault.ActErased, receipt.Act)
	require.NoError(t, receipt.Verify(c.data.PublicKey()))
	require.Equal(t, "/sign-in", p.get("/").Path)
	p.signIn(password).is(http.StatusUnauthorized)
}

func holds(t *testing.T, archive string, content []byte) bool {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		if bytes.Equal(got, content) {
			return true
		}
	}
	return false
}

var receiptLink = regexp.MustCompile(`href="data:application/json;base64,([^"]+)"`)

func receiptOf(t *testing.T, g *page) vault.Receipt {
	t.Helper()
	found := receiptLink.FindStringSubmatch(g.Body)
	require.NotNil(t, found)
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(found[1], "&#43;", "+"))
	require.NoError(t, err)
	r, err := vault.ParseReceipt(raw)
	require.NoError(t, err)
	return r
}

func TestASecondClickOnClosingShowsTheSameReceipt(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p := c.newPerson()
	end := p.get("/close").form("", url.Values{"how": {"erase"}, "sure": {"1"}, "password": {password}})
	at, err := url.Parse(c.server.URL)
	require.NoError(t, err)
	again := c.stranger() // the browser that sends the second click still has the cookie
	again.client.Jar.SetCookies(at, p.client.Jar.Cookies(at))
	first := receiptOf(t, p.post("/close", end).ok())
	require.Equal(t, first, receiptOf(t, again.post("/close", end).ok()))
}

// An account that asked too often is told so on the page of closing, too, where nothing is
// open then.
func TestWhoAskedTooOftenIsToldSoAlsoWhenClosing(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p := c.newPerson()
	pages, err := web.New(web.Config{Vaults: c.data.Vaults, Limits: session.NewLimits(session.LimitsConfig{RequestsPerSecond: 1})})
	require.NoError(t, err)
	at, err := url.Parse(c.server.URL)
	require.NoError(t, err)
	closing := func() *httptest.ResponseRecorder { // a fault of the page is one of the test
		r := httptest.NewRequest(http.MethodPost, "/close", strings.NewReader("how=keep"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, cookie := range p.client.Jar.Cookies(at) {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w
	}
	for range 10 {
		require.Equal(t, http.StatusUnprocessableEntity, closing().Code)
	}
	held := closing()
	require.Equal(t, http.StatusTooManyRequests, held.Code)
	require.NotEmpty(t, held.Header().Get("Retry-After"))
}

func TestAClosedAccountIsReadTakenAndReopened(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{"title": {"Carte"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	changes := []string{"/edit", "/visibility", "/bin\"><input", "/restore\"", "/destroy\""}
	for _, change := range changes[:3] {
		require.Contains(t, p.get(paper).ok().Body, change)
	}
	binned := p.upload(url.Values{"title": {"Old"}}, file{"file", "b.pdf", "application/pdf", pdf}).ok().Path
	p.post("/items/"+binned[len("/papers/"):]+"/bin", url.Values{"revision": {"1"}}).ok()
	require.Contains(t, p.get(binned).ok().Body, "/restore\"")
	g := p.post("/close", p.get("/close").form("", url.Values{"how": {"keep"}, "password": {password}})).ok("Votre compte est fermé.", "Mon espace")
	require.Equal(t, vault.ActClosed, receiptOf(t, g).Act)
	p.signIn(password).ok("Votre compte est fermé. Tout sera effacé le")
	require.Equal(t, string(pdf), p.get(paper+"/file").Body)
	for _, path := range []string{"/", "/papers", "/notes", "/contacts", "/appointments", "/space"} {
		p.get(path).ok().without("/add", `name="reason"`)
	}
	for _, path := range []string{paper, binned, "/bin"} {
		p.get(path).ok().without(changes...)
	}
	p.get(binned).ok("corbeille")
	another := p.centre.another()
	(&person{centre: another, login: p.login, client: p.client}).get(paper).ok().without(changes...)
	p.post("/notes/add", url.Values{"title": {"x"}, "text": {"y"}}).is(http.StatusConflict, "Votre compte est fermé")
	p.upload(url.Values{}, file{"file", "a.pdf", "application/pdf", pdf}).is(http.StatusConflict, "Votre compte est fermé")
	require.True(t, holds(t, p.post("/take", nil).Body, pdf))
	p.post("/reopen", nil).ok("Votre compte est rouvert.")
	p.get("/notes").ok("Ajouter une note")
	p.post("/notes/add", url.Values{"title": {"x"}, "text": {"y"}}).ok("C’est enregistré.")
	p.post("/reopen", nil).ok() // a second click
}
