package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A person takes everything sealed on a phone, in French, and brings it in at another
// server, in Arabic.
func TestEverythingIsTakenSealedAndBroughtInInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	old, fresh := start(t, filepath.Join(shortDir(t), "data"), "--demo"), start(t, filepath.Join(shortDir(t), "data"), "--demo")
	const phrase = "quatre chevaux verts"
	s := w.surf(t, "taking", newPhone, "fr")
	s.signIn(old)
	s.goTo(old.url + "/take")
	s.press(`details:has(#f-new) > summary`)
	s.press(`details:has(input[name=kind]) > summary`)
	s.look("take-sealed", "take.rule", "take.these", "take.seal")
	s.write("#f-new", phrase)
	s.write("#f-repeat", phrase)
	s.press(`form[action="/take"] button.main`)
	sealed := s.downloaded("reconnect-*.zip.age")
	file := filepath.Join(t.TempDir(), "reconnect.zip.age")
	require.NoError(t, os.WriteFile(file, sealed, 0o600))

	b := w.surf(t, "bringing", newPhone, "ar")
	b.enters(fresh.url, fresh.login, fresh.secret)
	b.goTo(fresh.url + "/bring")
	b.look("bring", "bring.means", "bring.which")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{file}))
	b.press(`form[action="/bring"] button.main`)
	b.look("bring-sealed", "bring.sealed")
	b.write("#f-phrase", phrase)
	b.press(`form:has(#f-phrase) button.main`)
	b.look("bring-plan", "bring.inside", "bring.stays-private", "visibility.who")
	b.press(`form[action$="/in"] button.main`)
	b.look("brought", "bring.over")
	b.goTo(fresh.url + "/bring")
	picture, err := filepath.Abs(photo)
	require.NoError(t, err)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{picture}))
	b.press(`form[action="/bring"] button.main`)
	b.look("bring-refused", "bring.refused", "bring.nothing-changed")
}
