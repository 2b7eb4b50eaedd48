package web_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/web"
)

// reachable gives the desk a number to be called at.
func (h *helped) reachable() {
	h.t.Helper()
	line, err := h.recovery.Directory.Relay(h.t.Context(), h.recovery.Line.ID)
	require.NoError(h.t, err)
	line.Contact = "01 99 00 00 00"
	h.recovery.Sign(h.t, consent.Change{Relay: &line})
}

// Whoever has nothing but the sheet reads on it whom to ask, and where to go on; whoever
// finds it does not read whose it is.
func TestASheetSaysWhomToCallAndWhereToGoOn(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	h.reachable()
	amina := h.known()
	g := amina.makes("/ways/sheet", nil).ok("Pour revenir", "Appelez Line", "01 99 00 00 00", "Harbour", "Lyon", "espace.example.org/back").without("Amina")
	require.Contains(t, g.largeWords(), "espace.example.org/back", "in large letters")
	amina.post("/language", url.Values{"language": {"en"}}).ok()
	values := url.Values{"agreed": {"1"}, "password": {amina.secret}}
	amina.post("/ways/sheet", amina.get("/ways/sheet").ok().form("/ways/sheet", values)).ok("To get back in", "Call Line", "01 99 00 00 00", "espace.example.org/back")
}

// A server that nobody told its address has people write it down, rather than guess.
func TestASheetWithoutAnAddressLeavesRoomForIt(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	pages, err := web.New(web.Config{Vaults: h.recovery.Stage.Vaults, Staff: h.recovery.Service, Directory: h.recovery.Directory, Recovery: h.recovery.Recovery, Now: h.recovery.Clock.Now})
	require.NoError(t, err)
	h.server = httptest.NewTLSServer(pages)
	t.Cleanup(h.server.Close)
	h.known().makes("/ways/sheet", nil).ok("Notez ici l’adresse de ce site", "Appelez Line").without("/back")
}

// That a sheet is not printed yet is said once, also where two ways use it.
func TestASheetThatIsNotPrintedIsSaidSoOnce(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	amina.makes("/ways/sheet", nil).ok()
	g := amina.get("/ways").ok("Avec un centre", "Par téléphone")
	require.Equal(t, 1, strings.Count(g.text(), "pas encore dit que la feuille est imprimée"))
	amina.post("/ways/printed", formOf(g, "/ways/printed")).ok().without("pas encore dit que la feuille")
}

// What was agreed to and taken away is read in plain words, the newest first.
func TestReceiptsOfWaysBackAreReadInPlainWords(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	require.Equal(t, "/ways/receipts", amina.get("/ways").link("/ways/receipts"))
	amina.get("/ways/receipts").ok("Vous n’avez encore rien accepté.")
	sheet := amina.sheet(url.Values{"private": {"1"}})
	h.stage.Clock.Advance(time.Second)
	amina.asks(answers, url.Values{"bycall": {"1"}}).ok()
	h.stage.Clock.Advance(time.Second)
	amina.post("/ways/withdraw/sheet", url.Values{"password": {amina.secret}}).ok("C’est retiré")
	g := amina.get("/ways/receipts").ok("Mes reçus", "Vous avez accepté",
		"Feuille de secours, avec un centre Ce qui revient Tout, privé compris Quand Tout de suite",
		"Questions, par téléphone Ce qui revient Ce qui est partagé. Le privé reste fermé. Quand Après 24 heures",
		"Vous avez retiré").without(sheet, answers[0], "Amina")
	require.Less(t, strings.Index(g.text(), "Vous avez retiré"), strings.Index(g.text(), "Vous avez accepté"))
}
