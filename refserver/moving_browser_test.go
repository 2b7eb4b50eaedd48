package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var shownMove = regexp.MustCompile(`http://localhost:[0-9]+#[0-9A-Z]{4}(?:-[0-9A-Z]{4}){20}`)

// Somebody moves from one operator to another with two screens: the new server shows a
// code, the old one says where it leads and sends, and both have the receipt in the end.
func TestAPersonMovesBetweenTwoServersInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	langs := []string{"fr", "ar"}
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		langs = langs[:1]
	}
	for _, lang := range langs {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			movesInABrowser(t, w, lang)
		})
	}
}

func movesInABrowser(t *testing.T, w *window, lang string) {
	t.Helper()
	net := newCutter(t)
	fresh := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--address", net.at)
	at := strings.TrimPrefix(fresh.url, "http://")
	net.to.Store(&at)
	old := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--address", "http://localhost:8000", "--move-private")
	there, here := w.surf(t, "arriving", newPhone, lang), w.surf(t, "departing", newPhone, lang)
	there.enters(fresh.url, fresh.login, fresh.secret)
	there.goTo(fresh.url + "/things")
	there.look("things", "arrive.title")
	there.press(`a[href="/arrive"]`)
	there.look("arrive", "arrive.means")
	there.press(`form[action="/arrive"] button`)
	there.look("arrive-code", "arrive.code-means", "arrive.name", "arrive.until")
	there.press(`details summary`)
	there.waits("arrive.copy")
	code := shownMove.FindString(there.text())
	require.NotEmpty(t, code, there.text())
	there.press(`a[href="/arrive"].main`)
	there.waits("arrive.waiting")
	there.press(`a[href="/arrive/code"]`) // it can be shown again
	there.waits("arrive.code-means")
	there.press(`a[href="/arrive"].main`)
	there.look("arrive-waits", "arrive.waiting", "arrive.nothing")
	there.without(code)

	here.enters(old.url, old.login, old.secret)
	here.goTo(old.url + "/leaving")
	here.look("leaving", "take.title", "close.title")
	here.press(`a[href="/depart"]`)
	here.look("depart", "depart.means", "scan.camera")
	here.write("#f-code", "x")
	here.press(`form[action="/depart/look"] button.main`)
	here.look("depart-wrong", "wrong.code")
	evaluated[string](here, `document.querySelector("#f-code").value = ""`)
	here.write("#f-code", code)
	here.press(`form[action="/depart/look"] button.main`)
	here.look("depart-look", "depart.where", "depart.compare", strings.TrimPrefix(net.at, "http://"))
	here.press(`form[action="/depart"] button.main`)
	here.look("depart-there", "depart.there", "depart.there-means") // it went on by itself
	here.press(`form[action="/depart/ask"] button`)
	here.look("depart-not-yet", "depart.not-yet")

	there.press(`a[href="/arrive"].main`)
	there.look("arrive-here", "arrive.here", "arrive.here-means")
	there.press(`form[action="/arrive/inside"] button`)
	there.look("arrive-inside", "arrive.from", "localhost:8000", "bring.inside")
	there.press(`form[action="/arrive/in"] button.main`)
	there.look("arrived", "arrive.over", "move.receipt")
	there.press(`a[href="/papers"].main`)
	there.waitFor("papers.title")

	here.press(`form[action="/depart/ask"] button`)
	here.look("departed", "depart.over", "move.receipt", "depart.close")
	here.press(`a[href="/close"]`)
	here.waitFor("close.sure")
}
