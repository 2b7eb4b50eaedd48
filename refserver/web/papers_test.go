package web_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func TestAPaperIsAddedPrivateSeenAndDownloadedUnchanged(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.upload(url.Values{"title": {"Carte d’identité"}, "folder": {"Identité"}, "issued": {"2022-05-01"}, "expires": {"2032-04-30"}},
		file{"photo", "", "application/octet-stream", nil}, file{"file", "scan.pdf", "application/pdf", pdf})
	g.ok("C’est enregistré.", "Carte d’identité", "Identité", "30 avril 2032", "Il n’y a que vous qui pouvez le voir", "7 ko")
	saved := p.get(g.Path + "/file").ok()
	require.Equal(t, string(pdf), saved.Body)
	require.Equal(t, "application/pdf", saved.Header.Get("Content-Type"))
	require.Equal(t, `attachment; filename="Carte d_identit_.pdf"; filename*=UTF-8''Carte%20d%E2%80%99identit%C3%A9.pdf`, saved.Header.Get("Content-Disposition"))
	shown := p.get(g.Path + "/preview").ok()
	require.Equal(t, string(pdf), shown.Body)
	require.True(t, strings.HasPrefix(shown.Header.Get("Content-Disposition"), "inline"))
	require.Contains(t, shown.Header.Get("Content-Security-Policy"), "sandbox")
	p.get("/").ok("1 papier")
}

func TestAPhotoWithoutATitleGetsTheDay(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(url.Values{}, file{"photo", "image.jpg", "image/jpeg", jpeg}, file{"file", "", "application/octet-stream", nil}).
		ok("Papier du ", fmt.Sprint(time.Now().Year()))
	p.upload(url.Values{}, file{"file", `C:\Users\x\facture EDF.pdf`, "application/pdf", pdf}).ok("facture EDF").without("Users")
}

func TestSeveralFilesBecomeSeveralPapers(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(url.Values{"title": {"Passeport"}, "folder": {"Identité"}, "visibility": {"shared"}},
		file{"photo", "", "", nil}, file{"file", "1.pdf", "application/pdf", pdf}, file{"file", "2.jpg", "image/jpeg", jpeg}).
		ok("Identité", "Passeport", "Passeport 2", "Partagé")
}

func TestAPaperIsSharedAndKeptAgain(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{"title": {"Ordonnance"}, "folder": {"Santé"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	ask := p.get(p.get(paper).link("/items/[a-z2-7]+/visibility")).ok("personne d’autre ne le verra", "pourra en avoir gardé une copie")
	form := ask.form("", nil)
	p.post(ask.Path, form).ok("Ceux que vous avez laissés entrer peuvent le voir maintenant.", "Partagé", "Santé")
	p.post(ask.Path, form).ok("Ceux que vous avez laissés entrer peuvent le voir maintenant.") // a second click
	ask = p.get(ask.Path).ok("personne d’autre que vous ne pourra le voir")
	p.post(ask.Path, ask.form("", nil)).ok("Il n’y a que vous qui pouvez le voir")
	require.Equal(t, string(pdf), p.get(paper+"/file").Body)
}

func TestDetailsAndFolderOfAPaperChange(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{"title": {"Lettre"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	g := p.get(paper + "/edit").ok()
	p.post(paper+"/edit", g.form("", url.Values{"title": {"Lettre de la mairie"}, "folder": {"Logement"}, "expires": {"2031-01-02"}})).
		ok("C’est modifié.", "Lettre de la mairie", "Logement", "2 janvier 2031")
	g = p.get(paper + "/edit").ok()
	p.post(paper+"/edit", g.form("", url.Values{"title": {""}})).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	p.post(paper+"/edit", g.form("", url.Values{"title": {"x"}, "issued": {"2031-01-02"}, "expires": {"2030-01-02"}})).
		is(http.StatusUnprocessableEntity, "La fin est avant le début.")
	p.post(paper+"/edit", g.form("", url.Values{"title": {"x"}, "expires": {"2031-02-31"}})).is(http.StatusUnprocessableEntity, "Écrivez une date")
}

func TestTheBinKeepsUntilDestroyed(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	paper := p.upload(url.Values{"title": {"Vieux papier"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	g := p.get(paper)
	binIt := g.link("/items/[a-z2-7]+/bin")
	form := g.form(binIt, nil)
	p.post(binIt, form).ok("C’est dans la corbeille.").without("Vieux papier")
	p.post(binIt, form).ok("C’est dans la corbeille.") // a second click
	g = p.get("/bin").ok("Vieux papier")
	restore := g.link("/items/[a-z2-7]+/restore")
	p.post(restore, g.form(restore, nil)).ok("C’est repris de la corbeille.", "Vieux papier")
	g = p.get(paper)
	p.post(binIt, g.form(binIt, nil)).ok()
	sure := p.get(p.get("/bin").link("/items/[a-z2-7]+/destroy")).ok("Détruire pour toujours ?")
	p.post(sure.Path, sure.form("", nil)).ok("C’est détruit.", "La corbeille est vide.")
	p.post(sure.Path, sure.form("", nil)).ok("C’est détruit.") // a second click
	p.get(paper).is(http.StatusNotFound, "n’existe pas ici, ou n’existe plus")
}

func TestASecondClickAddsNothing(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	contentType, body := multipartOf(t, p.get("/papers/add").form("/papers/add", url.Values{"title": {"Une fois"}}), file{"file", "a.pdf", "application/pdf", pdf})
	first := p.send(contentType, bytes.NewReader(body)).ok()
	second := p.send(contentType, bytes.NewReader(body)).ok()
	require.Equal(t, first.Path, second.Path)
	note := p.get("/notes/add").form("", url.Values{"title": {"Une note"}, "text": {"x"}})
	require.Equal(t, p.post("/notes/add", note).Path, p.post("/notes/add", note).Path)
	p.get("/").ok("1 papier", "1 note")
}

func TestAFormWithoutAFileSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.upload(url.Values{"title": {"Rien"}, "folder": {"Santé"}}, file{"photo", "", "", nil}, file{"file", "", "", nil})
	g.is(http.StatusUnprocessableEntity, "Choisissez un fichier ou prenez une photo.")
	require.Contains(t, g.Body, `value="Rien"`)
	p.upload(url.Values{"title": {"Vide"}}, file{"file", "empty.pdf", "application/pdf", nil}).
		is(http.StatusUnprocessableEntity, "Ce fichier est vide.", "Quelque chose est à corriger.").without("Il manque quelque chose")
	p.upload(nil).is(http.StatusUnprocessableEntity, "Choisissez un fichier", "Il manque quelque chose.")
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/papers/add", strings.NewReader("title=x"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p.do(r).is(http.StatusBadRequest)
	p.get("/").ok("0 papier")
}

func TestAttackA8_AHostileDocumentIsNeverShown(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	page := []byte("<!DOCTYPE html><script>fetch('/journal')</script>")
	g := p.upload(url.Values{"title": {"annexe\u202efdp.pdf"}}, file{"file", "paper.pdf", "application/pdf", page}).
		ok("ce fichier n’est pas ce que son nom dit", "il peut être téléchargé, pas montré ici") // whoever was given it as a PDF is told
	p.upload(url.Values{"title": {"Essai"}}, file{"file", "a.pdf", "application/pdf", pdf}, file{"file", "jeu.exe", "application/x-msdownload", []byte("MZ\x90\x00\x03\x00")}).
		ok("on ne sait pas montrer ici tous ces fichiers", "Essai 2") // nor does it lie there without a word
	g.without("\u202e")
	require.NotContains(t, g.Body, "/preview")
	for _, path := range []string{"/file", "/preview"} {
		answer := p.get(g.Path + path).ok()
		require.Equal(t, "application/octet-stream", answer.Header.Get("Content-Type"))
		require.Equal(t, `attachment; filename="annexefdp.pdf.bin"`, answer.Header.Get("Content-Disposition"))
	}
	picture := p.upload(url.Values{"title": {"image"}}, file{"file", "x.svg", "image/png", []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")}).ok()
	require.Contains(t, p.get(picture.Path+"/preview").Header.Get("Content-Disposition"), "attachment")
	// The claim of a program that wrote through the library counts no more.
	v := p.vault()
	claimed, err := v.AddDocument(t.Context(), vault.NewDocument{Name: "claim", MediaType: "image/jpeg"}, bytes.NewReader(page))
	require.NoError(t, err)
	require.Contains(t, p.get("/papers/"+claimed.ID.String()+"/preview").Header.Get("Content-Disposition"), "attachment")
}

func TestAttackG6_MarkupInNamesStaysText(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	const name = `<img src=x onerror="alert(1)">{{.}}&'"`
	paper := p.upload(url.Values{"title": {name}}, file{"file", "a.pdf", "application/pdf", pdf}).ok(name)
	contact := p.post("/contacts/add", url.Values{"name": {name}, "role": {name}, "phones": {`javascript:alert(1)`}, "emails": {name}, "address": {name}, "note": {name}}).ok(name)
	note := p.post("/notes/add", url.Values{"title": {name}, "text": {name + "\r\n</textarea><script>"}}).ok(name)
	folder := p.post("/folders/add", url.Values{"name": {name}}).ok(name)
	for _, path := range []string{paper.Path, paper.Path + "/edit", contact.Path, contact.Path + "/edit", note.Path, note.Path + "/edit", folder.Path, folder.Path + "/edit", "/papers", "/papers/add", "/contacts", "/notes", "/journal"} {
		g := p.get(path).ok()
		require.NotContains(t, g.Body, "<img src=x", path)
		require.NotContains(t, g.Body, "<script>", path)
		require.NotContains(t, g.Body, `href="javascript:`, path)
	}
}

func TestAnUploadThatWasCutLeavesNothing(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	before := usage(t, p)
	contentType, body := multipartOf(t, p.get("/papers/add").form("/papers/add", nil), file{"file", "a.pdf", "application/pdf", bytes.Repeat(pdf, 400)})
	// The browser says that it has finished, but the form has not.
	p.send(contentType, bytes.NewReader(body[:len(body)/2])).is(http.StatusBadRequest, "L’envoi s’est arrêté avant la fin. Rien n’a été enregistré.")
	// The connection breaks.
	cutConnection(t, p, contentType, body)
	require.Eventually(t, func() bool { return usage(t, p) == before }, 20*time.Second, 20*time.Millisecond)
	p.get("/").ok("0 papier")
}

func usage(t *testing.T, p *person) [2]int64 {
	s, err := p.vault().Space(t.Context())
	require.NoError(t, err)
	return [2]int64{s.Used, s.Reserved}
}

func cutConnection(t *testing.T, p *person, contentType string, body []byte) {
	t.Helper()
	at, err := url.Parse(p.server.URL)
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", at.Host, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
	require.NoError(t, err)
	cookies := ""
	for _, c := range p.client.Jar.Cookies(at) {
		cookies += c.Name + "=" + c.Value + "; "
	}
	_, err = fmt.Fprintf(conn, "POST /papers/add HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", at.Host, cookies, contentType, len(body))
	require.NoError(t, err)
	_, err = conn.Write(body[:len(body)/2])
	require.NoError(t, err)
	require.NoError(t, conn.NetConn().Close())
}

func TestFieldsBehindTheFileAndEndlessFieldsAreRefused(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	contentType, body := multipartOf(t, url.Values{"title": {strings.Repeat("x", 5000)}}, file{"file", "a.pdf", "application/pdf", pdf})
	p.send(contentType, bytes.NewReader(body)).is(http.StatusRequestEntityTooLarge)
	many := url.Values{}
	for i := range 50 {
		many.Set(fmt.Sprint("f", i), "x")
	}
	contentType, body = multipartOf(t, many, file{"file", "a.pdf", "application/pdf", pdf})
	p.send(contentType, bytes.NewReader(body)).is(http.StatusBadRequest)
	p.post("/notes/add", url.Values{"title": {"x"}, "text": {strings.Repeat("x", 600<<10)}}).is(http.StatusRequestEntityTooLarge)
	p.get("/").ok("0 papier", "0 note")
}

// The plaintext of a paper must not be on the disk, not even for a moment in a
// temporary file: not in the data folder, and the process has no other.
// Not parallel: it sets the environment.
func TestNoPlaintextTouchesTheDisk(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	p := open(t, nil).newPerson()
	secret := []byte("plaintext-that-must-not-be-on-the-disk")
	content := append(bytes.Clone(pdf), bytes.Repeat(secret, 100_000)...)
	contentType, body := multipartOf(t, p.get("/papers/add").form("/papers/add", url.Values{"title": {"Titre-secret-42"}}), file{"file", "a.pdf", "application/pdf", content})
	half := len(body) / 2
	look := func() {
		for _, folder := range []string{temporary, p.folder} {
			require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return nil //nolint:nilerr // a file of the store went away meanwhile
				}
				raw, err := os.ReadFile(path)
				if err != nil {
					return nil //nolint:nilerr // likewise
				}
				require.NotContains(t, string(raw), string(secret), path)
				require.NotContains(t, string(raw), "Titre-secret-42", path)
				return nil
			}))
		}
	}
	p.send(contentType, io.MultiReader(bytes.NewReader(body[:half]), doing(look), bytes.NewReader(body[half:]))).ok("Titre-secret-42")
	look()
}

// doing is an empty reader that does something when it is reached.
type doing func()

func (d doing) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}

func TestAnEmptyFileAmongOthersIsNamedAndTheOthersAreStored(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(nil, file{"file", "un.pdf", "application/pdf", pdf}, file{"file", "vide.jpg", "image/jpeg", nil}, file{"file", "trois.pdf", "application/pdf", pdf}).
		is(http.StatusUnprocessableEntity, "Enregistré, 2 sur 3 : un, trois 2. Vide ou abîmé, donc pas enregistré : vide.jpg.")
	p.get("/").ok("2 papiers")
}

func TestFoldersAreMadeRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.get("/folders/add").ok()
	folder := p.post("/folders/add", g.form("", url.Values{"name": {"Transport"}})).ok("Transport", "Ce dossier est vide.").Path
	p.post(folder+"/edit", url.Values{"name": {""}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	p.post(folder+"/edit", url.Values{"name": {"Voyage"}}).ok("Voyage")
	// One private and one shared paper: one folder for the person.
	p.upload(url.Values{"title": {"Billet"}, "folder": {"Voyage"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok("Voyage")
	p.upload(url.Values{"title": {"Carte"}, "folder": {"Voyage"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok("Voyage")
	p.get(folder).ok("Billet", "Carte", "Privé", "Partagé")
	require.Equal(t, 1, strings.Count(p.get("/papers").Body, ">Voyage<"))
	p.post(folder+"/remove", nil).is(http.StatusConflict, "Ce dossier contient encore quelque chose.")
	p.post(folder+"/edit", url.Values{"name": {"Trajets"}}).ok("Trajets", "Billet", "Carte")
	for _, name := range []string{"Billet", "Carte"} {
		paper := p.get(p.get(folder).link("/papers/[a-z2-7]{26}")).ok()
		require.Contains(t, paper.text(), name)
		binIt := paper.link("/items/[a-z2-7]+/bin")
		p.post(binIt, paper.form(binIt, nil)).ok()
	}
	p.post(folder+"/remove", nil).ok("Le dossier est supprimé.").without("Trajets")
}
