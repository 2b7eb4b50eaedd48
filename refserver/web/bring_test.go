package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// brings sends a file and returns the page of what is in it.
func (p *person) brings(name string, content []byte) *page {
	p.t.Helper()
	return p.sends("/bring", p.get("/bring").ok().form("/bring", nil), file{"file", name, "application/octet-stream", content})
}

// sends posts a form with files.
func (p *person) sends(path string, values url.Values, files ...file) *page {
	p.t.Helper()
	contentType, body := multipartOf(p.t, values, files...)
	r, err := http.NewRequest(http.MethodPost, p.server.URL+path, bytes.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", contentType)
	return p.do(r)
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Somebody takes everything, sealed, erases the account, and brings it in elsewhere.
func TestWhatIsTakenSealedIsBroughtInElsewhere(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	old, fresh := c.newPerson(), c.newPerson()
	old.upload(url.Values{"title": {"Carte d’identité"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	old.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()
	const phrase = "quatre chevaux verts"
	seal := func(new, repeat string) url.Values {
		return old.get("/take").ok().form("/take", url.Values{"what": {"all"}, "sealed": {"1"}, "new": {new}, "repeat": {repeat}})
	}
	old.post("/take", seal("court", "court")).is(http.StatusUnprocessableEntity, "Au moins 12 caractères.")
	old.post("/take", seal(phrase, phrase+"s")).is(http.StatusUnprocessableEntity, "Les deux phrases ne sont pas les mêmes.").without(phrase)
	taken := old.post("/take", seal(phrase, phrase)).is(http.StatusOK)
	require.Regexp(t, `^attachment; filename="reconnect-[0-9-]{10}\.zip\.age"$`, taken.Header.Get("Content-Disposition"))
	require.False(t, strings.Contains(taken.Body, "Nadia"))

	g := fresh.brings("reconnect.zip.age", []byte(taken.Body)).ok("fermé par une phrase secrète")
	at := g.Path
	g = fresh.post(at, g.form(at, url.Values{"phrase": {phrase}})).ok("Nouveau : 2", "1 papier", "1 contact").without(phrase)
	require.NotEqual(t, at, g.Path, "it lies opened now, and the sealed one is gone")
	fresh.get(at).is(http.StatusNotFound)
	at = g.Path
	in := g.form(at+"/in", url.Values{"visibility": {"private"}})
	fresh.post(at+"/in", in).ok("C’est repris.", "Nouveau : 2")
	fresh.post(at+"/in", in).ok("n’est plus là") // a second click
	fresh.get("/papers").ok("Carte d’identité").without("reconnect.zip")
	fresh.get("/contacts").ok("Nadia")
	fresh.brings("reconnect.zip.age", []byte(taken.Body)).ok("phrase")
}

func TestOnlyWhatIsTickedIsTaken(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(url.Values{"title": {"Carte"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	p.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"0199001234"}}).ok()
	take := func(values url.Values) *page { return p.post("/take", p.get("/take").ok().form("/take", values)) }
	take(url.Values{"what": {"some"}}).is(http.StatusUnprocessableEntity, "Cochez ce que vous voulez emporter")
	take(url.Values{"what": {"all"}, "kind": {"contact"}}).is(http.StatusUnprocessableEntity, "Choisissez l’un ou l’autre")
	some := take(url.Values{"what": {"some"}, "kind": {"contact"}}).is(http.StatusOK)
	require.False(t, holds(t, some.Body, pdf))
	require.Contains(t, inside(t, some), "reconnect/data/contacts.vcf")
	paper := take(url.Values{"what": {"some"}, "item": {p.ids()[0]}}).is(http.StatusOK)
	require.True(t, holds(t, paper.Body, pdf))
	require.NotContains(t, inside(t, paper), "reconnect/data/contacts.vcf")
	require.NotContains(t, inside(t, paper), "reconnect/data/account.json")
	none := take(url.Values{"what": {"some"}, "item": {p.ids()[0]}, "open": {"1"}}).is(http.StatusOK)
	require.False(t, holds(t, none.Body, pdf))
}

// inside names what is in a ZIP that was downloaded.
func inside(t *testing.T, g *page) (names []string) {
	t.Helper()
	r, err := zip.NewReader(strings.NewReader(g.Body), int64(len(g.Body)))
	require.NoError(t, err)
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	return names
}

// ids are those of the papers.
func (p *person) ids() (all []string) {
	p.t.Helper()
	items, err := p.vault().List(p.t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(p.t, err)
	for _, i := range items {
		all = append(all, i.ID.String())
	}
	return all
}

func TestWhatIsBroughtIsToldBeforeAndRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	calendar := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261101T000000Z\r\nDTSTART;VALUE=DATE:20261201\r\nSUMMARY:Préfecture\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	p.brings("agenda.ics", []byte(calendar)).ok("1 rendez-vous")
	p.brings("contacts.vcf", []byte("BEGIN:VCARD")).is(http.StatusUnprocessableEntity, "Rien n’a changé")
	g := p.brings("mauvais.zip", zipped(t, map[string]string{"../dehors.pdf": "x"})).is(http.StatusUnprocessableEntity, "dehors.pdf")
	p.post(g.Path+"/drop", nil).ok("Le fichier est jeté.")
	p.post("/bring", p.get("/bring").form("/bring", nil)).is(http.StatusBadRequest)
	p.sends("/bring", p.get("/bring").form("/bring", nil)).is(http.StatusUnprocessableEntity, "Choisissez un fichier")

	// Nothing but what was brought is thrown away here.
	p.upload(url.Values{"title": {"Carte"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	for _, id := range p.ids() {
		if i, err := p.vault().Item(t.Context(), itemOf(t, id)); err == nil && i.Name == "Carte" {
			p.get("/bring/" + id).is(http.StatusNotFound)
			p.post("/bring/"+id+"/drop", nil).ok()
			p.get("/papers/" + id).ok("Carte")
		}
	}
}

func itemOf(t *testing.T, s string) vault.ItemID {
	t.Helper()
	id, err := vault.ParseItemID(s)
	require.NoError(t, err)
	return id
}

// A long import is many requests, each of which goes further, and ends.
func TestALongImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	var jumps atomic.Int64
	slow, err := web.New(web.Config{Vaults: c.data.Vaults, Zone: time.UTC, Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, RequestsPerSecond: 1000}),
		Now: func() time.Time { return time.Now().Add(time.Duration(jumps.Add(1)) * 20 * time.Second) }})
	require.NoError(t, err)
	c.server = httptest.NewTLSServer(slow)
	t.Cleanup(c.server.Close)
	p := c.newPerson()
	g := p.brings("papiers.zip", zipped(t, map[string]string{"a.txt": "a", "b.txt": "b", "c.txt": "c"})).ok("3 papiers")
	at := g.Path + "/in"
	g = p.post(at, g.form(at, nil)).ok("Déjà 1 sur 3")
	g = p.post(at, g.form(at, nil)).ok("Déjà 2 sur 3")
	p.post(at, g.form(at, nil)).ok("C’est repris.", "Nouveau", "3").without("Déjà là")
	require.Len(t, p.ids(), 3, "and the file is gone")
}

// Who threw a paper away and brings it in again has it again; the same twice is once.
func TestWhatWasThrownAwayComesInAgain(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	files := zipped(t, map[string]string{"Santé/ordonnance.txt": "prendre une fois"})
	take := func() *page {
		g := p.brings("papiers.zip", files).ok()
		return p.post(g.Path+"/in", g.form(g.Path+"/in", nil))
	}
	take().ok("C’est repris.", "Nouveau : 1")
	p.brings("papiers.zip", files).ok("Tout est déjà là.")
	v := p.vault()
	items, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	for _, i := range items {
		if i.Name == "ordonnance" {
			_, err = v.Bin(t.Context(), i.ID, i.Revision)
			require.NoError(t, err)
		}
	}
	take().ok("C’est repris.", "Nouveau : 1")
	p.get("/papers").ok()
}

// What is brought over a network that is lost goes on from where it was.
func TestAFileThatIsBroughtIsUploadedInPieces(t *testing.T) {
	t.Parallel()
	p := open(t, room(1_000_000)).newPerson()
	content := zipped(t, map[string]string{"a.txt": "a"})
	form := func(size int) url.Values {
		return p.get("/bring").ok().form("/bring", url.Values{"file": {"papiers.zip"}, "size": {strconv.Itoa(size)}})
	}
	p.post("/bring/begin", form(5_000_000)).is(http.StatusInsufficientStorage)
	said := p.post("/bring/begin", form(len(content))).is(http.StatusCreated)
	var begun struct{ Upload string }
	require.NoError(t, json.Unmarshal([]byte(said.Body), &begun))
	v, id := p.vault(), itemOf(t, begun.Upload)
	_, err := v.AppendUpload(t.Context(), id, 0, bytes.NewReader(content))
	require.NoError(t, err)
	_, err = v.FinishUpload(t.Context(), id)
	require.NoError(t, err)
	p.get("/bring/" + begun.Upload).ok("1 papier")
}

// Of several files at once a page says of each what became of it: nothing comes, or stays
// out, without a word.
func TestOfEachFileThatIsBroughtAPageSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	p := open(t, room(4_000_000)).newPerson()
	photos := testfiles.Photo().Bytes()
	files := []file{
		{"file", "Carte vitale.pdf", "application/pdf", pdf}, {"file", "IMG_0001.jpg", "image/jpeg", photos},
		{"file", "jeu.exe", "application/pdf", []byte("MZ\x90\x00\x03\x00\x00\x00")}, {"file", "vide.pdf", "application/pdf", nil},
		{"file", "coupée.jpg", "image/jpeg", photos[:len(photos)/2]}, {"file", "agenda <b>.ics", "text/calendar", []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")},
		{"file", "trop.pdf", "application/pdf", append(bytes.Clone(pdf), make([]byte, 5_000_000)...)},
	}
	form := p.get("/bring").ok().form("/bring", nil)
	g := p.sends("/bring", form, files...).ok("Gardé", "Carte vitale", "Papier du", "Gardé, mais pas montré ici", "jeu", "Ne l’ouvrez que si", "Pas venu", "vide.pdf Ce fichier est vide.",
		"coupée.jpg Cette photo est abîmée", "trop.pdf Il n’y a plus assez de place", "À ouvrir", "agenda <b>.ics")
	g.without("agenda <b>.ics")
	g.link("/papers/[a-z2-7]+")
	require.Len(t, p.ids(), 4)
	p.sends("/bring", form, files...).ok("jeu", "coupée.jpg")
	require.Len(t, p.ids(), 4, "a second click")
	items, err := p.vault().List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	for _, i := range items {
		require.Equal(t, vault.Private, i.Compartment, i.Name)
		if i.Document.MediaType == "image/jpeg" {
			require.Less(t, i.Document.Size, int64(len(photos)), "where it was taken is taken out")
		}
	}
	p.brings("vide.pdf", nil).is(http.StatusUnprocessableEntity, "Choisissez un fichier")
	p.brings("x.jpg", photos[:len(photos)/2]).is(http.StatusUnprocessableEntity, "Cette photo est abîmée")
	p.brings("Bail.pdf", append(bytes.Clone(pdf), '\n')).ok("Gardé", "Bail").without("Pas venu")
}

// What a script sends file by file ends on the same page.
func TestAScriptBringsFileByFile(t *testing.T) {
	t.Parallel()
	p := open(t, room(3_000_000)).newPerson()
	photos := testfiles.Photo().Bytes()
	form := p.get("/bring").ok().form("/bring", nil)
	begin := func(nth int, name string, content []byte) (said struct {
		Upload, Why   string
		Bundle, Photo bool
	}) {
		values := url.Values{"form": {form.Get("form") + strconv.Itoa(nth)}, "space": form["space"], "file": {name}, "size": {strconv.Itoa(len(content))},
			"head": {base64.StdEncoding.EncodeToString(content[:min(len(content), 3072)])}}
		require.NoError(t, json.Unmarshal([]byte(p.post("/bring/begin", values).Body), &said))
		return said
	}
	require.True(t, begin(1, "x.jpg", photos).Photo)
	require.True(t, begin(2, "x.zip", zipped(t, map[string]string{"a.txt": "a"})).Bundle)
	require.Equal(t, "full", begin(3, "x.pdf", append(bytes.Clone(pdf), make([]byte, 5_000_000)...)).Why)
	begun := begin(4, "Bail.pdf", pdf)
	require.False(t, begun.Bundle || begun.Photo)
	v, id := p.vault(), itemOf(t, begun.Upload)
	_, err := v.AppendUpload(t.Context(), id, 0, bytes.NewReader(pdf))
	require.NoError(t, err)
	_, err = v.FinishUpload(t.Context(), id)
	require.NoError(t, err)

	var said struct{ Upload, Why, Problem string }
	send := func(nth string, content []byte) *page {
		g := p.sends("/bring", url.Values{"form": {"script-" + nth}, "space": form["space"], "script": {"1"}, "nth": {nth}}, file{"file", "IMG_1.jpg", "image/jpeg", content})
		said.Upload, said.Why = "", ""
		require.NoError(t, json.Unmarshal([]byte(g.Body), &said))
		return g
	}
	send("1", photos[:1000]).is(http.StatusUnprocessableEntity)
	require.Equal(t, "broken", said.Why)
	send("2", photos).is(http.StatusCreated)
	first := said.Upload
	send("2", photos).is(http.StatusCreated)
	require.Equal(t, first, said.Upload, "its answer was lost")

	came := url.Values{"space": form["space"], "item": {begun.Upload, first}, "not": {"full x <b>.pdf", "empty y.pdf"}}
	p.post("/bring/came", came).ok("Bail", "Papier du", "x <b>.pdf Il n’y a plus assez de place", "y.pdf Ce fichier est vide.").without("x <b>.pdf")
	p.post("/bring/came", url.Values{"space": form["space"], "not": {"<script> x"}}).is(http.StatusBadRequest)
	p.post("/bring/came", url.Values{"space": form["space"], "item": {strings.Repeat("a", 26), "x"}}).ok("Rien n’est venu.")
	p.get("/bring/came").ok("Apporter des papiers")
}

// The file must fit into the space; what comes out of it takes its place, also when it is sealed.
func TestWhoHasLittleSpaceBringsAFileThatTakesMostOfIt(t *testing.T) {
	t.Parallel()
	p := open(t, room(1_000_000)).newPerson()
	noise := make([]byte, 600_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	var sealed bytes.Buffer
	w, err := bundle.Seal(&sealed, bundle.Lock{Passphrase: "quatre chevaux verts"})
	require.NoError(t, err)
	_, err = w.Write(zipped(t, map[string]string{"Bail.txt": string(noise)}))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	g := p.brings("papiers.zip.age", sealed.Bytes()).ok("fermé par une phrase secrète")
	g = p.post(g.Path, g.form(g.Path, url.Values{"phrase": {"quatre chevaux verts"}})).ok("Nouveau : 1", "1 papier").without("Il n’y a pas assez de place")
	p.post(g.Path+"/in", g.form(g.Path+"/in", nil)).ok("C’est repris.", "Nouveau : 1")
	require.Len(t, p.ids(), 1)
	p.upload(nil, file{"file", "a.pdf", "application/pdf", pdf}).ok()
}

// Of a file that is wrong in one place nothing comes in, and the page says which.
func TestNothingComesInOfAFileThatIsWrong(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	old, p := c.newPerson(), c.newPerson()
	old.upload(url.Values{"title": {"Bail"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	var whole bytes.Buffer
	require.NoError(t, old.vault().Export(t.Context(), &whole, nil))
	flipped := bytes.Clone(whole.Bytes())
	at := bytes.Index(flipped, pdf)
	require.Positive(t, at)
	flipped[at+len(pdf)/2] ^= 1
	r, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	require.NoError(t, err)
	var missing bytes.Buffer
	w := zip.NewWriter(&missing)
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "Bail.pdf") {
			require.NoError(t, w.Copy(f))
		}
	}
	require.NoError(t, w.Close())
	for what, wrong := range map[string]struct {
		content []byte
		names   string
	}{
		"a byte":              {flipped, "Bail.pdf"},
		"a file":              {missing.Bytes(), "Bail.pdf"},
		"a path":              {zipped(t, map[string]string{"bien.pdf": string(pdf), "../dehors.pdf": "x"}), "dehors.pdf"},
		"what is much larger": {zipped(t, map[string]string{"bien.pdf": string(pdf), "bombe.pdf": strings.Repeat("\x00", 30<<20)}), "bombe.pdf"},
	} {
		g := p.brings("papiers.zip", wrong.content).is(http.StatusUnprocessableEntity, wrong.names, "Rien n’a changé")
		require.Len(t, p.ids(), 1, "%s: the file, and nothing of it", what)
		p.post(g.Path+"/in", url.Values{"visibility": {"private"}}).is(http.StatusUnprocessableEntity)
		require.Len(t, p.ids(), 1, what)
		p.post(g.Path+"/drop", nil).ok("Le fichier est jeté.")
	}
	require.Empty(t, p.ids())
}
