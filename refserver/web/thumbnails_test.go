package web_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	jpg "image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/printing"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

// This test binary is the child that looks at papers, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == preview.Argument {
		os.Exit(preview.Child(os.Stdin, os.Stdout))
	}
	if len(os.Args) == 2 && os.Args[1] == printing.Argument {
		os.Exit(printing.Child(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// pictured is a server that makes small pictures.
func pictured(t *testing.T) *centre {
	t.Helper()
	c := open(t, nil)
	program, err := os.Executable()
	require.NoError(t, err)
	previews, err := preview.New(preview.Config{Program: program})
	require.NoError(t, err)
	pages, err := web.New(web.Config{Vaults: c.data.Vaults, Previews: previews, Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, RequestsPerSecond: 1000})})
	require.NoError(t, err)
	c.server = httptest.NewTLSServer(pages)
	t.Cleanup(c.server.Close)
	return c
}

// smalls asks for small pictures as a list does.
func (p *person) smalls(have, missing string) map[string][]byte {
	p.t.Helper()
	g := p.post("/papers/small", url.Values{"have": {have}, "make": {missing}}).ok()
	protected(p.t, g)
	out, rest := map[string][]byte{}, []byte(g.Body)
	for len(rest) > 0 {
		n := 30 + int(binary.BigEndian.Uint32(rest[26:]))
		out[string(rest[:26])], rest = rest[30:n], rest[n:]
	}
	return out
}

func idOf(path string) string { return regexp.MustCompile(`[a-z2-7]{26}`).FindString(path) }

func requireSmall(t *testing.T, b []byte) {
	t.Helper()
	require.LessOrEqual(t, len(b), preview.MaxBytes)
	size, err := jpg.DecodeConfig(bytes.NewReader(b))
	require.NoError(t, err)
	require.LessOrEqual(t, max(size.Width, size.Height), preview.MaxSide)
}

func TestAPaperThatWasAddedIsFoundBySight(t *testing.T) {
	t.Parallel()
	p := pictured(t).newPerson()
	photo := p.upload(url.Values{"title": {"Carte"}}, file{"photo", "image.jpg", "image/jpeg", photographed(400, 300)}).ok()
	small := p.get(photo.Path + "/small").ok()
	require.Contains(t, photo.Body, `src="`+photo.Path+`/small" alt=""`)
	require.Equal(t, "image/jpeg", small.Header.Get("Content-Type"))
	require.Equal(t, "no-store", small.Header.Get("Cache-Control"))
	require.Contains(t, small.Header.Get("Content-Security-Policy"), "sandbox")
	requireSmall(t, []byte(small.Body))
	scan := p.upload(url.Values{"title": {"Bail"}, "pages": {"one"}}, file{"file", "1.jpg", "image/jpeg", photographed(300, 400)}, file{"file", "2.jpg", "image/jpeg", jpeg}).ok()
	requireSmall(t, []byte(p.get(scan.Path+"/small").ok().Body))
	p.get("/papers").ok()
	list := p.get("/papers").ok()
	require.Equal(t, 2, strings.Count(list.Body, `data-small="have"`))
	all := p.smalls(idOf(photo.Path)+" "+idOf(scan.Path), "")
	require.Equal(t, small.Body, string(all[idOf(photo.Path)]))
	require.Len(t, all, 2)
	p.get("/journal").ok("Petite image faite : « Carte »", "Vu en petit, dans la liste")
	// It is a form like another: what was changed meanwhile is not said to be.
	binIt := photo.link("/items/[a-z2-7]+/bin")
	p.post(binIt, photo.form(binIt, nil)).ok("C’est dans la corbeille.")
}

func TestAListMakesTheSmallPicturesThatAreMissing(t *testing.T) {
	t.Parallel()
	p := pictured(t).newPerson()
	var ids []string
	for range 4 {
		it, err := p.vault().AddDocument(t.Context(), vault.NewDocument{Name: "scan", MediaType: "image/jpeg"}, bytes.NewReader(photographed(300, 400)))
		require.NoError(t, err)
		ids = append(ids, it.ID.String())
	}
	text := idOf(p.upload(url.Values{"title": {"Lettre"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path)
	require.Equal(t, 5, strings.Count(p.get("/papers").ok().Body, `data-small="make"`))
	made := p.smalls("", strings.Join(ids, " "))
	require.Len(t, made, 3, "few at a time, so that nobody waits")
	for _, id := range ids[:3] {
		requireSmall(t, made[id])
	}
	require.Equal(t, made[ids[0]], p.smalls(ids[0], ids[3])[ids[0]])
	require.Equal(t, 4, strings.Count(p.get("/papers").ok().Body, `data-small="have"`))
	opened := func() int { return strings.Count(p.get("/journal").ok().Body, "Papier ouvert") }
	before := opened()
	require.Zero(t, before, "to see a list opens nothing")
	p.get("/journal").ok("Lu pour en faire une petite image")
	p.get("/papers/" + ids[0]).ok("Ajouté").without("Modifié")
	edit := p.get("/papers/" + ids[0] + "/edit")
	p.post(edit.Path, edit.form("", url.Values{"title": {"Bail"}})).ok("Modifié")
	for range 2 {
		require.Empty(t, p.smalls("", text)[text], "text has none, and is not tried again")
	}
	require.Equal(t, before, opened())
	p.get("/papers/" + text + "/small").is(http.StatusNotFound)
	p.post("/papers/small", url.Values{"have": {"x"}}).is(http.StatusBadRequest)
	p.post("/papers/small", url.Values{"have": {strings.Repeat(text+" ", 25)}}).is(http.StatusBadRequest)
	other := p.newPerson()
	require.Empty(t, other.smalls(ids[0], ids[1])[ids[0]])
	other.get("/papers/" + ids[0] + "/small").is(http.StatusNotFound)
}

// A paper that was made to do harm is kept as it is, has no small picture, is never
// shown by the browser as what it is not, and the server goes on.
func TestAttackAPaperThatHarmsWhoLooksAtItHarmsNobody(t *testing.T) {
	t.Parallel()
	p := pictured(t).newPerson()
	for name, paper := range map[string][]byte{
		"bombe.png":        bomb(t),
		"promesse.png":     claiming(60_000, 60_000),
		"malforme.pdf":     []byte("%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"),
		"page.pdf":         []byte("<!DOCTYPE html><script>fetch('/journal')</script>"),
		"moitie.jpg":       photographed(400, 300)[:900],
		"gonfle.pdf":       swollen(t),
		"animation.gif":    append([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), bytes.Repeat([]byte{0x2c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 2, 1, 0, 0}, 2000)...),
		"presque-rien.jpg": []byte("\xFF\xD8\xFF"),
	} {
		g := p.upload(url.Values{"title": {name}, "camera": {"1"}}, file{"file", name, "application/pdf", paper}).ok(name)
		require.NotContains(t, g.Body, "/small", name)
		require.Empty(t, p.smalls("", idOf(g.Path))[idOf(g.Path)], name)
		require.Equal(t, string(paper), p.get(g.Path+"/file").ok().Body, name)
	}
	p.upload(url.Values{"pages": {"one"}}, file{"file", "bombe.png", "image/png", bomb(t)}).is(http.StatusUnprocessableEntity, "trop grande")
	requireSmall(t, []byte(p.get(p.upload(nil, file{"photo", "a.jpg", "image/jpeg", jpeg}).ok().Path+"/small").ok().Body))
}

// bomb is a PNG of 60,000 by 60,000 pixels in half a megabyte.
func bomb(t *testing.T) []byte {
	t.Helper()
	const side = 60_000
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		at := len(b)
		b = append(append(b, name...), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[at:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
	chunk("IHDR", append(header, 1, 0, 0, 0, 0))
	chunk("IDAT", zeros(t, side*(1+side/8)))
	chunk("IEND", nil)
	return b
}

// swollen is a PDF with a stream of a gigabyte of nothing.
func swollen(t *testing.T) []byte {
	t.Helper()
	packed := string(zeros(t, 1<<29))
	return []byte("%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</P 4 0 R>>>>>>endobj\n" +
		"4 0 obj<</Type/XObject/Subtype/Image/Width 595/Height 842/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/FlateDecode/Length " + strconv.Itoa(len(packed)) + ">>stream\n" + packed + "\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF")
}

func zeros(t *testing.T, n int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	require.NoError(t, err)
	_, err = io.CopyN(w, nothing{}, n)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

type nothing struct{}

func (nothing) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
