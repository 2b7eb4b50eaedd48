package web_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is a photo in which a camera wrote where it was taken.
func told(photo []byte) []byte {
	exif := []byte("\xFF\xE1\x00\x30Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00GPS 48.8566 2.35")
	exif[3] = byte(len(exif) - 2)
	return append(append(bytes.Clone(photo[:2]), exif...), photo[2:]...)
}

func TestWhatACameraWroteIsTakenOutUnlessItIsKept(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	photo := told(jpeg)
	saved := p.get(p.upload(url.Values{"title": {"Sans"}}, file{"photo", "image.jpg", "image/jpeg", photo}).ok().Path + "/file").ok()
	require.NotContains(t, saved.Body, "GPS")
	require.Contains(t, saved.Body, "Exif", "it is still to be turned")
	require.Contains(t, saved.Body, string(jpeg[len(jpeg)-1000:]), "not one pixel changes")
	saved = p.get(p.upload(url.Values{"title": {"Avec"}, "camera": {"1"}}, file{"photo", "image.jpg", "image/jpeg", photo}).ok().Path + "/file").ok()
	require.Equal(t, string(photo), saved.Body)
}

func TestSeveralPhotosAreThePagesOfOnePaper(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	wide := photographed(300, 100)
	g := p.upload(url.Values{"title": {"Bail"}, "folder": {"Logement"}, "pages": {"one"}},
		file{"photo", "image.jpg", "image/jpeg", told(jpeg)}, file{"file", "", "application/octet-stream", nil}, file{"file", "2.jpg", "image/jpeg", wide}, file{"file", "3.jpg", "image/jpeg", jpeg}).
		ok("C’est enregistré.", "Bail", "Logement")
	saved := p.get(g.Path + "/file").ok()
	require.Equal(t, "application/pdf", saved.Header.Get("Content-Type"))
	require.NotContains(t, saved.Body, "GPS")
	require.Contains(t, saved.Body, string(wide))
	require.Contains(t, p.get("/").ok().text(), "1 papier")
	name, err := exec.LookPath("pdfinfo")
	if err != nil && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		return
	}
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "a.pdf")
	require.NoError(t, os.WriteFile(path, []byte(saved.Body), 0o600))
	facts, err := exec.CommandContext(t.Context(), name, path).CombinedOutput() //nolint:gosec // a test
	require.NoError(t, err, string(facts))
	require.Regexp(t, `Pages: +3\n`, string(facts))
}

func TestAPhotoThatCannotBeAPageIsNamedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	before := usage(t, p)
	one := url.Values{"title": {"Bail"}, "pages": {"one"}}
	for sentence, second := range map[string]file{
		"La photo 2 ne peut pas être une page": {"file", "a.pdf", "application/pdf", pdf},
		"La photo 2 est abîmée. Rien n’a":      {"file", "a.jpg", "image/jpeg", jpeg[:len(jpeg)/2]},
		"La photo 2 est trop grande":           {"file", "a.png", "image/png", claiming(60_000, 60_000)},
	} {
		g := p.upload(one, file{"file", "1.jpg", "image/jpeg", jpeg}, second).is(http.StatusUnprocessableEntity, sentence)
		require.Contains(t, g.Body, `value="Bail"`)
		require.Contains(t, g.Body, `value="one" checked`)
	}
	p.upload(nil, file{"photo", "1.jpg", "image/jpeg", jpeg[:len(jpeg)/2]}).is(http.StatusUnprocessableEntity, "Cette photo est abîmée")
	require.Equal(t, before, usage(t, p))
	p.upload(nil, file{"file", "1.jpg", "image/jpeg", jpeg[:len(jpeg)/2]}, file{"file", "lettre.pdf", "application/pdf", pdf}).
		is(http.StatusUnprocessableEntity, "Enregistré, 1 sur 2 : lettre. Vide ou abîmé, donc pas enregistré : 1.jpg.")
	p.get("/").ok("1 papier")
}

func TestPagesThatAreCutLeaveNothing(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	before := usage(t, p)
	contentType, body := multipartOf(t, p.get("/papers/add").form("/papers/add", url.Values{"pages": {"one"}}),
		file{"file", "1.jpg", "image/jpeg", jpeg}, file{"file", "2.jpg", "image/jpeg", jpeg})
	for _, at := range []int{len(body) - len(jpeg)/2, len(body) - 20} {
		p.send(contentType, bytes.NewReader(body[:at])).is(http.StatusBadRequest, "L’envoi s’est arrêté avant la fin.")
	}
	require.Equal(t, before, usage(t, p))
}

func TestWhatACameraCallsAPhotoIsNoTitle(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for _, name := range []string{"IMG_20260101_101010.jpg", "IMG-20260101-WA0003.jpg", "DSC0001.JPG", "20260101_101010.jpg", "Screenshot_20260101-101010.png", "PXL_20260101_101010.MP.jpg", "WhatsApp Image 2026-01-01 at 10.10.10 (1).jpeg"} {
		p.upload(nil, file{"file", name, "image/jpeg", jpeg}).ok("Papier du ")
	}
	p.upload(nil, file{"file", "carte vitale 2.jpg", "image/jpeg", jpeg}).ok("carte vitale 2")
}

// claiming is the header of a PNG of so many pixels.
func claiming(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0DIHDR")
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w), h)
	b = append(b, 8, 6, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}
