package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// cookieSet returns a cookie that an answer sets, or nil.
func cookieSet(header http.Header, name string) *http.Cookie {
	var last *http.Cookie
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Name == name {
			last = c
		}
	}
	return last
}

func TestOnASharedDeviceNothingStays(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	require.Nil(t, cookieSet(p.get("/").ok().without("shared.js", `id="idle"`).Header, "__Host-reconnect"), "one's own device keeps the session until the browser is closed")
	p.get("/sessions").ok("Appareil partagé", "D’autres utilisent cet appareil")

	p.post("/shared-device", url.Values{"shared": {"1"}}).ok("C’est noté : d’autres utilisent cet appareil.", "Appareil partagé : rien ne reste ici")
	home := p.get("/").ok("Êtes-vous toujours là ?")
	require.Regexp(t, `<script src="/static/[0-9a-f]+/shared\.js" defer data-idle="300">`, home.Body)
	require.Contains(t, p.get("/papers/add?folder=Santé").Body, `<noscript><meta http-equiv="refresh" content="240;url=/idle?page=%2Fpapers%2Fadd%3Ffolder%3DSant%25C3%25A9"></noscript>`, "without JavaScript, four minutes, and then it asks")
	kept := cookieSet(home.Header, "__Host-reconnect")
	require.Equal(t, 300, kept.MaxAge, "the browser forgets the session by itself")
	require.True(t, kept.HttpOnly && kept.Secure)
	stays := p.post("/still-here", nil)
	require.Equal(t, http.StatusNoContent, stays.Status)
	require.Equal(t, 300, cookieSet(stays.Header, "__Host-reconnect").MaxAge)

	require.Equal(t, `"cache", "storage", "cookies"`, p.head("/leave").Get("Clear-Site-Data"))
	require.Equal(t, "/sign-in", p.get("/").without("Appareil partagé : rien ne reste ici").Path)
}

func TestASharedDeviceThatNobodyIsAtClosesTheSpace(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for _, path := range []string{"/idle?page=/papers", "/idle/over"} {
		require.Equal(t, "/", p.get(path).ok("Mon espace").Path, "nobody is sent out of their own device")
	}
	p.post("/shared-device", url.Values{"shared": {"1"}}).ok()
	asks := p.get("/idle?page=/papers").ok("Êtes-vous toujours là ?", "dans une minute").without("Mon espace")
	require.Contains(t, asks.Body, `href="/papers" autofocus`, "one tap leads back")
	require.Contains(t, asks.Body, `<noscript><meta http-equiv="refresh" content="60;url=/idle/over"></noscript>`)
	require.Nil(t, cookieSet(asks.Header, "__Host-reconnect"), "asking keeps nothing alive")
	require.Contains(t, p.get("/idle?page=https://elsewhere.example").ok().Body, `href="/" autofocus`)
	p.get("/papers").ok("Mes papiers")
	p.get("/idle/over").ok("Personne n’a rien fait pendant 5 minutes", "Entrer dans mon espace")
	require.Equal(t, "/sign-in", p.get("/").Path)
}

func TestWhoComesWithACardComesToASharedDeviceUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	require.Regexp(t, `name="shared" value="1" checked`, p.stranger().get("/sign-in/card").ok("Appareil partagé").Body)
	require.NotRegexp(t, `name="shared" value="1" checked`, p.stranger().get("/sign-in").ok("Appareil partagé").Body)
	other := p.stranger()
	other.post("/sign-in", url.Values{"login": {p.login}, "password": {password}, "shared": {"1"}}).ok("Mon espace", "Appareil partagé : rien ne reste ici")
	other.post("/shared-device", nil).ok("cet appareil est à vous seul").without("Appareil partagé : rien ne reste ici")
	require.Equal(t, `"cache"`, other.head("/leave").Get("Clear-Site-Data"))
}

// Where somebody signed in who works for a centre, others sit next.
func TestTheDeviceOfACentreIsTakenForASharedOneUntilSomebodySaysOtherwise(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	const ticked = `name="shared" value="1" checked`
	amina, device := tn.amina(), tn.desk(tn.samir)
	device.post("/leave", nil).ok("Je travaille pour un centre")
	require.Contains(t, device.get("/sign-in").ok().Body, ticked)

	enter := url.Values{"login": {amina.login}, "password": {password}}
	device.post("/sign-in", url.Values{"login": enter["login"], "password": enter["password"], "shared": {"1"}}).ok("Appareil partagé : rien ne reste ici")
	head := device.head("/leave")
	require.Equal(t, `"cache", "storage"`, head.Get("Clear-Site-Data"))
	for _, name := range []string{"__Host-reconnect", "__Host-shared"} {
		require.Negative(t, cookieSet(head, name).MaxAge, name)
	}
	require.Contains(t, device.get("/sign-in").ok().Body, ticked, "for whoever comes after them, too")

	device.post("/sign-in", enter).ok("Mon espace").without("Appareil partagé : rien ne reste ici")
	device.post("/leave", nil).ok()
	require.NotContains(t, device.get("/sign-in").ok().Body, ticked, "it is somebody's own, they said")
}

// The code of a worker is too long to be typed. Whom they hand their device finds it there,
// and nobody after them.
func TestWhoIsHandedADeviceFindsTheCodeOfTheWorkerWhoHandedIt(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	h.known()
	device := h.desk(h.samir)
	visits := device.get(h.relayPath()+"/visits").ok("Mon code", "La personne n’a pas d’appareil ?")
	code := regexp.MustCompile(`<p class="digest" dir="ltr">([^<]+)</p>`).FindStringSubmatch(visits.Body)[1]
	handed := formOf(visits, "/staff/lock")
	require.Equal(t, h.harbor.ID.String(), handed.Get("relay"))
	device.post("/staff/lock", url.Values{"then": {"enter"}, "relay": {h.recovery.Line.ID.String()}}).is(http.StatusForbidden) // they do not work there
	device.post("/staff/lock", handed).ok("Cet appareil est à vous", "Entrer dans mon espace").without(code)

	device.login = h.recovery.Amina.Login
	device.signIn(h.recovery.Amina.Password).ok("Mon espace").without(code)
	g := device.get("/sharing/visit").ok("est déjà là", "Samir, Harbour")
	require.Contains(t, g.Body, `value="`+code+`"`)

	device.post("/staff/unlock", url.Values{"password": {h.samir.Password}}).ok("Votre session est de nouveau ouverte")
	device.post("/staff/lock", url.Values{"then": {"enter"}}).ok()
	device.signIn(h.recovery.Amina.Password).ok("Mon espace")
	device.get("/sharing/visit").ok("trop long pour être tapé").without(code, "est déjà là")
}

// head sends a form and returns the head of the answer itself, not of where it leads.
func (p *person) head(path string) http.Header {
	p.t.Helper()
	client := *p.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.PostForm(p.server.URL+path, nil)
	require.NoError(p.t, err)
	require.NoError(p.t, answer.Body.Close())
	return answer.Header
}
