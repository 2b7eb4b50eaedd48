package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/refserver/session"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault/vaulttest"
)

// again is in how many seconds a page is loaded again, and from where.
func (g *page) again() (seconds int, from string) {
	g.t.Helper()
	number, from, ok := strings.Cut(g.Header.Get("Refresh"), "; url=")
	require.True(g.t, ok, g.Header.Get("Refresh"))
	seconds, err := strconv.Atoi(number)
	require.NoError(g.t, err)
	return seconds, from
}

// Who comes too early has spent one try, and no more: the page looks again by itself.
func TestToLookWhetherItIsTimeIsNoTry(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.asks(answers, url.Values{"bycall": {"1"}}).ok("C’est prêt")
	lina := h.desk(h.recovery.Lina)
	number, code := h.request(lina, h.recovery.Line, "Questions, par téléphone", nil)
	phone := h.stranger()
	phone.get("/back").ok().without("Regarder maintenant")
	require.Equal(t, "/back", phone.get("/back/wait").Path, "there is nothing to look at")
	g := phone.enters(number, code, "").ok("Encore 24 heures.", "Revenez le", "Regarder ne compte pas comme un essai").without(number, code)
	require.Equal(t, "/back/wait", g.Path)
	seconds, from := g.again()
	require.Equal(t, "/back/wait", from)
	require.Equal(t, 3600, seconds)
	phone.get("/back").ok("Regarder maintenant")
	for range 40 {
		phone.get("/back/wait").ok("Encore 24 heures")
	}
	h.stage.Clock.Advance(23*time.Hour + 59*time.Minute)
	seconds, _ = phone.get("/back/wait").ok("Encore 1 heure").again()
	require.Equal(t, 61, seconds)
	h.stage.Clock.Advance(61 * time.Second)
	g = phone.get("/back/wait").ok("C’est le moment", "Taper le numéro et le code")
	require.Empty(t, g.Header.Get("Refresh"))
	phone.get("/back/new").ok("Tapez à nouveau le numéro et le code").without(answers[0]) // looking has opened nothing
	phone.enters(number, code, "").ok("Presque arrivé")
	phone.get("/back").ok().without("Regarder maintenant")
	phone.comes(url.Values{"answer": answers}).ok("Vous êtes de retour")
}

// While colleagues still have to agree, the page is loaded again soon; and whoever has no
// second code yet reads what is missing, not that they mistyped it.
func TestAPageOfAWaitSaysWhatIsMissingAndLooksSoon(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.makes("/ways/helpers", url.Values{"understood": {"1"}}).ok("C’est prêt")
	number, code := h.request(h.desk(h.samir), h.harbor, "Sans rien", url.Values{"ask": {h.recovery.Line.ID.String()}})
	phone := h.stranger()
	seconds, _ := phone.enters(number, code, "").ok("la part de l’accueil par téléphone", "l’accord d’une autre personne d’un centre", "Encore 7 jours").again()
	require.Equal(t, 60, seconds)
	lina := h.desk(h.recovery.Lina)
	request := lina.get("/staff/relays/" + h.recovery.Line.ID.String()).link(h.helpPath(h.recovery.Line) + "/[a-z2-7]+")
	lina.post(request+"/give", nil).ok("À dire à la personne seule")
	phone.get("/back/wait").ok("l’accord d’une autre personne d’un centre").without("la part de l’accueil")
	phone.enters(number, code, "").ok("Encore 7 jours").without("Il faut aussi le second code")
	phone.enters(number, code, "0000 0000").is(http.StatusUnprocessableEntity, "Il faut aussi le second code")
}

// A desk is asked where the way takes one, and nowhere else: it would learn of a person
// for nothing.
func TestADeskIsAskedOnlyForTheWayThatTakesOne(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.sheet(nil)
	samir, lina := h.desk(h.samir), h.desk(h.recovery.Lina)
	samir.get(h.helpPath(h.harbor)).ok("Feuille de secours, avec un centre").without("qui est demandé de l’autre côté")
	amina.makes("/ways/helpers", url.Values{"understood": {"1"}}).ok("C’est prêt")
	g := samir.get(h.helpPath(h.harbor)).ok("qui est demandé de l’autre côté")
	require.Regexp(t, `class="both"[^>]*><span><b>Sans rien`, g.Body)
	require.Equal(t, 1, strings.Count(g.Body, `class="both"`))
	ask := url.Values{"ask": {h.recovery.Line.ID.String()}}
	h.request(samir, h.harbor, "Feuille de secours, avec un centre", ask)
	lina.get("/staff/relays/" + h.recovery.Line.ID.String()).ok("Aucune demande n’attend.")
	h.request(samir, h.harbor, "Sans rien", ask)
	lina.get("/staff/relays/" + h.recovery.Line.ID.String()).ok("Sans rien").without("Aucune demande n’attend.")
}

func TestALockedSessionIsLeftWithoutItsPassword(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	samir := h.desk(h.samir)
	at, err := url.Parse(h.server.URL)
	require.NoError(t, err)
	other := h.stranger() // another window, which still has the cookie
	other.client.Jar.SetCookies(at, samir.client.Jar.Cookies(at))
	samir.post("/staff/lock", nil).ok("La session du centre est verrouillée")
	require.Equal(t, "/staff/unlock", other.get("/staff").Path)
	samir.get("/staff/unlock").ok("Me déconnecter")
	samir.client.Jar.SetCookies(at, []*http.Cookie{{Name: session.HandOverCookie, Value: "begun", Path: "/", Secure: true}})
	require.Equal(t, "/staff/sign-in", samir.post("/staff/locked/leave", nil).ok("Vous êtes déconnecté.").Path)
	for _, c := range samir.client.Jar.Cookies(at) {
		require.NotEqual(t, session.HandOverCookie, c.Name)
	}
	samir.get("/back").ok().without("Reprendre ma session")
	require.Equal(t, "/staff/sign-in", other.post("/staff/unlock", url.Values{"password": {h.samir.Password}}).ok().Path, "the session has ended")
	samir.post("/staff/locked/leave", nil).ok() // a second click

	// Also from the window that did not know of the lock.
	again := h.desk(h.samir)
	again.client.Jar.SetCookies(at, []*http.Cookie{{Name: session.HandOverCookie, Value: "of somebody before", Path: "/", Secure: true}})
	late := h.stranger()
	late.client.Jar.SetCookies(at, again.client.Jar.Cookies(at))
	again.post("/staff/lock", nil).ok()
	for _, c := range again.client.Jar.Cookies(at) {
		require.NotEqual(t, session.HandOverCookie, c.Name, "whoever gets the device goes on with nobody's request")
	}
	late.post("/leave", nil).ok("Vous êtes déconnecté.")
	again.post("/staff/unlock", url.Values{"password": {h.samir.Password}}).ok()
	require.Equal(t, "/staff/sign-in", again.get("/staff").Path)
}

// F12: a store that does not answer is not taken for nobody. Where it cannot be found out
// whether a worker is signed in, the person types nothing, and nothing is forgotten.
func TestAStoreThatFailsIsNotTakenForSignedOut(t *testing.T) {
	t.Parallel()
	store := storagetest.NewFaulty(memstore.New())
	h := newHelped(t, &recoverytest.Options{Consent: consenttest.Options{Vault: vaulttest.Options{Records: store}}})
	amina := h.known()
	amina.sheet(nil)
	samir := h.desk(h.samir)
	number, code := h.request(samir, h.harbor, "Feuille de secours, avec un centre", nil)
	phone := h.stranger()
	phone.enters(number, code, "").ok("Presque arrivé")
	store.FailFrom(1, errors.New("the disk is gone"), storagetest.Before, storagetest.Get)
	g := samir.get("/back").without(`name="number"`)
	require.GreaterOrEqual(t, g.Status, http.StatusInternalServerError)
	g = phone.get("/back/new")
	require.GreaterOrEqual(t, g.Status, http.StatusInternalServerError)
	require.Equal(t, "/back/new", g.Path, "the page has not ended")
	samir.post("/back", url.Values{"number": {number}, "handcode": {code}}).without("Presque arrivé")
	store.Heal()
	samir.get("/back").ok("Quelqu’un du centre est connecté sur cet appareil.")
	phone.get("/back/new").ok("Presque arrivé")
}
