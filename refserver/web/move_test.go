package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/api"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault/local"
)

// operator is a server to and from which people move, over HTTP.
type operator struct {
	*centre
	host string
	way  *moving.Way
	away atomic.Bool   // what answers at its address is no such server
	now  atomic.Int64  // how much later it is here, in nanoseconds
	slow time.Duration // by how much each look at the clock of the pages is later
}

func newOperator(t *testing.T, options *local.Options) *operator {
	t.Helper()
	if options == nil {
		options = &local.Options{}
	}
	o := &operator{}
	later := func() time.Time { return time.Now().Add(time.Duration(o.now.Load())) }
	options.Now = later
	o.centre = open(t, options)
	limits := session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, RequestsPerSecond: 1000})
	var programs http.Handler
	reached := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.away.Load() {
			http.NotFound(w, r)
			return
		}
		programs.ServeHTTP(w, r)
	}))
	t.Cleanup(reached.Close)
	o.way = &moving.Way{Address: reached.URL, To: moving.New(&moving.Options{Private: true}).To}
	way := o.way
	var err error
	programs, err = api.New(api.Config{Vaults: o.data.Vaults, Limits: limits, Moving: way})
	require.NoError(t, err)
	var looks atomic.Int64
	pages, err := web.New(web.Config{Vaults: o.data.Vaults, Moving: way, Limits: limits, Now: func() time.Time {
		return later().Add(time.Duration(looks.Add(1)) * o.slow)
	}})
	require.NoError(t, err)
	o.host, o.server = strings.TrimPrefix(reached.URL, "http://"), httptest.NewTLSServer(pages)
	t.Cleanup(o.server.Close)
	return o
}

var shownMove = regexp.MustCompile(`<p class="text" dir="ltr">([^<]+)</p>`)

// awaits has a code made, and reads it from the page.
func (p *person) awaits() (code string) {
	p.t.Helper()
	g := p.post("/arrive", p.get("/arrive").ok().form("/arrive", nil)).ok("Votre code")
	found := shownMove.FindStringSubmatch(g.Body)
	require.NotNil(p.t, found, g.text())
	return html.UnescapeString(found[1])
}

// departs goes to where everything is sealed for the space of a code.
func (p *person) departs(code string, more url.Values) *page {
	p.t.Helper()
	look := p.post("/depart/look", url.Values{"code": {code}}).ok("Est-ce bien le nom")
	return p.post("/depart", look.form("/depart", more))
}

// looksInside is the page of what came.
func (p *person) looksInside() *page {
	p.t.Helper()
	return p.post("/arrive/inside", nil)
}

func TestAPersonMovesBetweenTwoServersByTheirPages(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	old.upload(url.Values{"title": {"Carte d’identité"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	old.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()
	for _, at := range []string{"/leaving", "/take", "/close"} {
		old.get(at).ok("Emmener mon espace ailleurs").link("/depart")
	}
	for _, at := range []string{"/things", "/bring"} {
		fresh.get(at).ok("Amener mon espace ici").link("/arrive")
	}

	made := fresh.get("/arrive").ok("Faire un code").form("/arrive", nil)
	g := fresh.post("/arrive", made).ok("Votre code", n.host)
	code := html.UnescapeString(shownMove.FindStringSubmatch(g.Body)[1])
	fresh.post("/arrive", made).ok("Votre code")
	require.Contains(t, html.UnescapeString(fresh.post("/arrive", made).Body), code, "a second click ends nothing")
	waits := fresh.get("/arrive").ok("Rien n’est encore arrivé", "Montrer encore le code").without(code, strings.Split(code, "#")[1])
	require.Contains(t, html.UnescapeString(fresh.get("/arrive/code").ok("Votre code").Body), code, "it is there while nothing has come")
	require.NotEmpty(t, waits.Header.Get("Refresh"))

	look := old.post("/depart/look", url.Values{"code": {code}}).ok(n.host, "Est-ce bien le nom")
	form := look.form("/depart", nil)
	g = old.post("/depart", form).ok("L’envoi est commencé", n.host).without("Fermer cet espace ?")
	require.Contains(t, g.Body, `action="/depart/send" data-go-on`)
	old.post("/depart", form).ok("L’envoi est commencé") // a second click
	old.get("/depart").ok("Continuer l’envoi", "Voir si c’est repris").without("data-go-on")
	old.post("/depart/ask", nil).ok("Ce n’est pas encore repris").without("Fermer cet espace ?")
	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas").without("Continuer l’envoi", "Fermer cet espace ?")

	require.Empty(t, fresh.get("/arrive").ok("Tout est arrivé").Header.Get("Refresh"))
	require.Equal(t, "/arrive", fresh.get("/arrive/code").ok("Tout est arrivé").without(strings.Split(code, "#")[1]).Path)
	fresh.get("/arrive/inside").ok("Tout est arrivé")
	fresh.get("/journal").ok().without("Contenu d’un autre espace ouvert") // by a link
	inside := fresh.looksInside().ok(o.host, "Nouveau : 2", "1 papier", "1 contact")
	require.Empty(t, fresh.ids(), "nothing is there before the person says so")
	in := inside.form("/arrive/in", url.Values{"visibility": {"private"}})
	fresh.post("/arrive/in", in).ok("Votre espace est ici", "Nouveau : 2", "Le reçu", o.host, n.host)
	fresh.post("/arrive/in", in).ok("Votre espace est ici") // a second click
	fresh.get("/arrive/inside").ok("Votre espace est ici")
	fresh.looksInside().ok("Votre espace est ici")
	fresh.get("/papers").ok("Carte d’identité")
	fresh.get("/contacts").ok("Nadia")
	require.Len(t, fresh.ids(), 1)

	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas")
	g = old.post("/depart/ask", nil).ok("Ce que vous avez envoyé est repris là-bas", "Le reçu", o.host, n.host, "Fermer cet espace ?")
	g.link("/close")
	old.get("/close").ok("Votre espace est aussi là-bas", n.host).without("Pensez d’abord à tout emporter.")
	require.Equal(t, g.link(`data:[^"]*`), fresh.get("/arrive").ok("Votre espace est ici").link(`data:[^"]*`), "the same receipt on both sides")
	old.get("/papers").ok("Carte d’identité")
	old.post("/depart/forget", nil).ok("Le reçu n’est plus gardé ici").without("Fermer cet espace ?")
	fresh.get("/journal").ok("Contenu d’un autre espace ouvert", "Contenu d’un autre espace repris ici")
}

// Each time that a page loads itself again is a use of the session: whoever finds a phone
// that was left waiting finds it signed out.
func TestAPageThatWaitsForAnotherServerStopsByItself(t *testing.T) {
	t.Parallel()
	fresh := newOperator(t, nil).newPerson()
	fresh.awaits()
	g, times := fresh.get("/arrive").ok("Rien n’est encore arrivé"), 0
	for ; g.Header.Get("Refresh") != ""; times++ {
		require.Less(t, times, 20, "it keeps the session alive")
		_, from := g.again()
		g = fresh.get(from).ok("Rien n’est encore arrivé")
	}
	require.Greater(t, times, 5)
	require.NotEmpty(t, fresh.get("/arrive").ok().Header.Get("Refresh"), "who looks waits on")
}

// Sending goes on by itself for a quarter of an hour, and on a shared device at each tap
// alone: whoever finds it there finds it signed out.
func TestSendingGoesOnByItselfForAWhileAndNeverOnASharedDevice(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	old.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()
	g := old.departs(fresh.awaits(), nil).ok("L’envoi est commencé")
	o.way.Sends = time.Nanosecond // nothing is sent in that time: a server that is slow
	const byItself = `action="/depart/send" data-go-on`
	times := 0
	for ; strings.Contains(g.Body, byItself); times++ {
		require.Less(t, times, 100, "it keeps the session alive")
		g = old.post("/depart/send", g.form("/depart/send", nil)).ok("Il reste")
	}
	require.Greater(t, times, 30)
	g.ok("Appuyez sur « Continuer l’envoi »")
	require.Contains(t, old.post("/depart/send", nil).ok("Il reste").Body, byItself, "who comes back goes on")
	old.post("/shared-device", url.Values{"shared": {"1"}}).ok()
	old.post("/depart/send", nil).ok("Il reste", "Appuyez sur « Continuer l’envoi »").without("data-go-on")
	o.way.Sends = 0
	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas").without("data-go-on")
}

// What is chosen to stay stays, and leaves nothing else there.
func TestWhatIsPrivateMovesOnlyIfThePersonSaysSo(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	old.upload(url.Values{"title": {"Carte"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	old.upload(url.Values{"title": {"Ordonnance"}, "visibility": {"private"}}, file{"file", "b.pdf", "application/pdf", append([]byte("%PDF-1.4\n"), pdf...)}).ok()
	old.departs(fresh.awaits(), url.Values{"what": {"open"}}).ok("L’envoi est commencé")
	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas")
	g := fresh.looksInside().ok("Nouveau : 1", "1 papier")
	fresh.post("/arrive/in", g.form("/arrive/in", nil)).ok("Votre espace est ici")
	fresh.get("/papers").ok("Carte").without("Ordonnance")
	old.post("/depart/ask", nil).ok("Ce que vous avez envoyé est repris là-bas", "1 chose privée est ici", "fermer cet espace la perdrait")
}

// N74: whoever finds a phone that is signed in does not carry everything away.
func TestAMoveAwayByPagesAsksForTheSecret(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	code := fresh.awaits()
	o.now.Store(int64(session.Lately))
	asked := old.departs(code, url.Values{"what": {"open"}}).is(http.StatusForbidden, "Encore une fois")
	old.get("/depart").ok("Voir où cela va")
	again := asked.form("", url.Values{"again": {"1"}, "password": {"wrong words here"}})
	require.Equal(t, "open", again.Get("what"), "what was chosen goes along")
	old.post("/depart", again).is(http.StatusForbidden, "Ce n’est pas le bon mot de passe")
	again.Set("password", password)
	old.post("/depart", again).ok("L’envoi est commencé")
}

func TestACodeThatIsNotRightIsToldBesideItsBoxAndSendsNothing(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	over, code := fresh.awaits(), fresh.awaits()
	looks := func(code string) *page { return old.post("/depart/look", url.Values{"code": {code}}) }
	looks("").is(http.StatusUnprocessableEntity, "Il manque")
	looks(code[:len(code)-1]).is(http.StatusUnprocessableEntity, "Ce code n’a pas pu être lu")
	looks(old.awaits()).is(http.StatusUnprocessableEntity, "C’est le code de cet espace-ci")
	elsewhere, err := fresh.vault().AwaitTransfer(t.Context(), "https://169.254.169.254", nil)
	require.NoError(t, err)
	looks(elsewhere.Text()).is(http.StatusUnprocessableEntity, "n’envoie rien").without("Est-ce bien le nom")
	old.departs(over, nil).is(http.StatusGone, "Ce code est terminé", "Voir où cela va")
	n.away.Store(true)
	old.departs(code, nil).is(http.StatusServiceUnavailable, "ne répond pas")
	old.get("/depart").ok("Voir où cela va")
}

// Whatever the other server does, the page says it and goes on from there.
func TestAServerThatIsAwayIsToldWhereOneGoesOn(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	old, fresh := o.newPerson(), n.newPerson()
	old.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()
	old.departs(fresh.awaits(), nil).ok("L’envoi est commencé")
	n.away.Store(true)
	for _, path := range []string{"/depart/send", "/depart/ask"} {
		g := old.post(path, nil).is(http.StatusServiceUnavailable, "ne répond pas", "Continuer l’envoi").without("data-go-on", n.server.URL)
		require.NotEmpty(t, g.Header.Get("Retry-After"))
	}
	n.away.Store(false)
	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas")
	fresh.post("/arrive/end", nil).ok("C’est arrêté", "Faire un code")
	fresh.post("/arrive/end", nil).ok() // a second click
	fresh.looksInside().ok("Faire un code")
	fresh.post("/arrive/in", nil).ok("Faire un code")
	old.post("/depart/ask", nil).is(http.StatusGone, "Ce code est terminé", "Abandonner")
	old.post("/depart/end", nil).ok("L’envoi est abandonné", "Voir où cela va")
	old.post("/depart/end", nil).ok()
	old.post("/depart/send", nil).ok("Voir où cela va")
	old.post("/depart/ask", nil).ok("Voir où cela va")
	old.departs(fresh.awaits(), nil).ok("L’envoi est commencé")
	o.now.Store(int64(8 * 24 * time.Hour)) // what was sealed is thrown away by then
	old.signIn(password)
	old.get("/depart").ok("Voir où cela va")
}

func TestALongArrivalIsTakenInPartByPart(t *testing.T) {
	t.Parallel()
	o, n := newOperator(t, nil), newOperator(t, nil)
	n.slow = 20 * time.Second
	old, fresh := o.newPerson(), n.newPerson()
	for _, name := range []string{"Nadia", "Omar", "Idris"} {
		old.post("/contacts/add", url.Values{"name": {name}, "phones": {"0199001234"}}).ok()
	}
	old.departs(fresh.awaits(), nil).ok()
	old.post("/depart/send", nil).ok("Ce que vous envoyez est là-bas")
	g := fresh.looksInside().ok("3 contacts")
	so := regexp.MustCompile(`Déjà (\d+) sur`)
	var reached []string
	for g = fresh.post("/arrive/in", g.form("/arrive/in", nil)).ok(); so.MatchString(g.text()); g = fresh.post("/arrive/in", g.form("/arrive/in", nil)).ok() {
		require.NotContains(t, reached, so.FindString(g.text()), "each goes further")
		reached = append(reached, so.FindString(g.text()))
		old.post("/depart/ask", nil).ok("Ce n’est pas encore repris")
	}
	require.NotEmpty(t, reached)
	g.ok("Votre espace est ici", "Nouveau : 3", "Nouveau 3") // also on the receipt
	old.post("/depart/ask", nil).ok("Ce que vous avez envoyé est repris là-bas")
}

// Who knows no address of its own offers none of this.
func TestWhereNobodyMovesNothingIsOffered(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for _, path := range []string{"/arrive", "/depart"} {
		p.get(path).is(http.StatusNotFound)
	}
	for _, path := range []string{"/leaving", "/things", "/take", "/bring", "/close"} {
		p.get(path).ok().without(`href="/depart"`, `href="/arrive"`)
	}
}
