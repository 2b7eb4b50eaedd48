package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"rsc.io/qr"
)

// Whoever holds a printed card need not type it: the camera reads it, or a photo of it.
func TestACardIsReadByTheCameraAndFromAPhoto(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	folder := t.TempDir()
	film, picture := filepath.Join(folder, "card.y4m"), filepath.Join(folder, "card.png")
	w := openWindow(t, chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-file-for-fake-video-capture", film))
	s := w.surf(t, "card", newPhone, "fr")
	s.signIn(r)
	s.goTo(r.url + "/card")
	s.write("#f-password", r.secret)
	s.write("#f-pin", ownPIN)
	s.write("#f-again", ownPIN)
	s.press("main form button.main")
	s.look("printed", "Pour entrer, ouvrez cette adresse", r.url, "Imprimer cette page")
	words := regexp.MustCompile(`class="words"[^>]*>([^<]+)<`).FindAllStringSubmatch(s.source(), -1)
	require.Len(t, words, 2)
	code := words[1][1]
	drawn, err := qr.Encode(code, qr.M)
	require.NoError(t, err)
	drawn.Scale = 6
	require.NoError(t, os.WriteFile(picture, drawn.PNG(), 0o600))
	require.NoError(t, os.WriteFile(film, filmOf(drawn), 0o600))

	for _, by := range []string{"camera", "photo"} {
		s := w.surf(t, by, newPhone, "fr")
		s.goTo(r.url + "/sign-in/card")
		if by == "camera" {
			s.press("[data-scan] button")
		} else {
			s.do(chromedp.SetUploadFiles(chromedp.CSS("[data-scan] input[type=file]"), []string{picture}))
		}
		s.waitFor("Le code est lu.")
		read, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.getElementById("f-card").value`))
		require.NoError(t, err)
		require.Equal(t, code, read)
		s.look("read-by-" + by)
		s.write("#f-pin", ownPIN)
		s.press("main form button.main")
		s.waitFor("Mon espace")
	}
	s.prints(r)
}

// prints chooses two papers: three taps from the first page, and one for each.
func (s *surfer) prints(r *running) {
	s.Helper()
	s.goTo(r.url + "/")
	s.press(`main a[href="/print"]`)
	s.look("print", "Cochez les papiers", "Liste des papiers")
	s.press(`form[action="/print"] label:nth-of-type(1) input`)
	s.press(`form[action="/print"] label:nth-of-type(2) input`)
	s.press(`form[action="/print"] button[value=chosen]`)
	require.Eventually(s, func() bool { // the reader of the browser, or a file where it has none
		files, _ := filepath.Glob(filepath.Join(s.downloads, "*.pdf"))
		kind, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.contentType`))
		return len(files) > 0 || err == nil && kind == "application/pdf"
	}, time.Minute, 50*time.Millisecond, "nothing comes to be printed")
	s.goTo(r.url + "/journal")
	s.look("printed", "Papier imprimé")
	s.goTo(r.url + "/print/appointments")
	s.look("appointments", "Imprimer cette page", "Permanence juridique")
}

// filmOf is what a camera sees that is held before a code, as raw video (YUV4MPEG2).
func filmOf(code *qr.Code) []byte {
	const width, height, module = 640, 480, 6
	var out bytes.Buffer
	fmt.Fprintf(&out, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", width, height)
	left, top := (width-code.Size*module)/2, (height-code.Size*module)/2
	frame := bytes.Repeat([]byte{200}, width*height)
	for y := range height {
		for x := range width {
			if x >= left && y >= top && x < left+code.Size*module && y < top+code.Size*module && code.Black((x-left)/module, (y-top)/module) {
				frame[y*width+x] = 40
			}
		}
	}
	grey := bytes.Repeat([]byte{128}, width*height/2)
	for range 2 {
		out.WriteString("FRAME\n")
		out.Write(frame)
		out.Write(grey)
	}
	return out.Bytes()
}
