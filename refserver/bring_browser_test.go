package main

import (
	"archive/zip"
	"bytes"
	"fmt"
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
	brings := func(files ...string) {
		b.goTo(fresh.url + "/bring")
		b.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), files))
		b.press(`form[action="/bring"] button.main`)
	}
	broken := written(t, "contacts.vcf", []byte("BEGIN:VCARD"))
	brings(broken)
	b.look("bring-refused", "bring.refused", "bring.nothing-changed")
	picture, err := filepath.Abs(photo)
	require.NoError(t, err)
	brings(picture, written(t, "jeu.exe", []byte("MZ\x90\x00\x03\x00\x00\x00")), written(t, "vide.pdf", nil), broken)
	b.look("came", "came.here", "came.unshown", "jeu", "came.not", "vide.pdf", "came.empty", "came.inside", "contacts.vcf")
}

func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// A file is brought with a phone that loses the network in the middle, and whose page is
// loaded anew then: it goes on from where the server has it.
func TestAFileIsBroughtOverANetworkThatIsLostInTheMiddle(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	n := newRadio(t, r.url)
	s := openWindow(t).surf(t, "bring-cut", newPhone, "fr")
	r.url = n.url()
	s.signIn(r)
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for i := range uint64(2) {
		content, err := os.ReadFile(noisy(t, i))
		require.NoError(t, err)
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("Bail %d.jpg", i+1)})
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	file := written(t, "papiers.zip", packed.Bytes())
	choose := func() {
		s.goTo(n.url() + "/bring")
		s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{file}))
	}
	choose()
	n.cutAfter(packed.Len() * 2 / 3)
	s.press(`form[action="/bring"] button.main`)
	s.waitFor("Le réseau est coupé.")
	require.True(t, n.isGone())
	s.look("bring-cut", "phone.cut")
	n.cutAfter(-1)
	choose()
	s.press(`form[action="/bring"] button.main`)
	s.waitFor("bring.inside")
	s.forgives("net::ERR_")
	require.Less(t, n.passed(), packed.Len()*2/3, "what had arrived is not sent again")
	s.press(`form[action$="/in"] button.main`)
	s.look("bring-cut-over", "bring.over")
}
