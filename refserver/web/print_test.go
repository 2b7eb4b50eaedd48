package web_test

import (
	"bytes"
	"image"
	_ "image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/stretchr/testify/require"
	"rsc.io/qr"

	"reconnect.example/internal/testfiles"
	"reconnect.example/refserver/printing"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

// printer is a server that prints.
func printer(t *testing.T) *centre {
	t.Helper()
	c := open(t, nil)
	c.server = httptest.NewTLSServer(printingPages(t, web.Config{Vaults: c.data.Vaults, Address: "https://espace.example.org"}))
	t.Cleanup(c.server.Close)
	return c
}

func printingPages(t *testing.T, c web.Config) http.Handler {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	c.Printer, err = printing.New(printing.Config{Program: program})
	require.NoError(t, err)
	c.Limits = session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000})
	pages, err := web.New(c)
	require.NoError(t, err)
	return pages
}

// printable is the number of pages of what is printed.
func printable(t *testing.T, g *page) int {
	t.Helper()
	require.Equal(t, http.StatusOK, g.Status, g.text())
	require.Equal(t, "application/pdf", g.Header.Get("Content-Type"))
	require.Regexp(t, "^inline", g.Header.Get("Content-Disposition"))
	require.Contains(t, g.Header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, "no-store", g.Header.Get("Cache-Control"))
	api.DisableConfigDir()
	doc, err := api.ReadAndValidate(bytes.NewReader([]byte(g.Body)), model.NewDefaultConfiguration())
	require.NoError(t, err)
	return doc.PageCount
}

// From home: the page of printing, the button. What is chosen there is one tap each.
func TestChosenPapersAreOnePrintInThreeTapsAndTheJournalSaysSo(t *testing.T) {
	t.Parallel()
	p := printer(t).newPerson()
	letter, photo := testfiles.Letter(), testfiles.Photo()
	p.upload(url.Values{"title": {"Lettre de la CAF"}}, file{"file", "a.pdf", "application/pdf", letter.Bytes()}).ok()
	p.upload(url.Values{"title": {"Carte d’identité"}, "folder": {"Identité"}}, file{"file", "b.jpg", "image/jpeg", photo.Bytes()}).ok()
	p.upload(url.Values{"title": {"Bulletin"}}, file{"file", "c.pdf", "application/pdf", testfiles.Payment().Bytes()}).ok()

	taps := 1
	g := p.get(p.get("/").ok().link(`/print`)).ok("Lettre de la CAF", "Carte d’identité", "Bulletin")
	ids := regexp.MustCompile(`value="([a-z2-7]{26})">\s*<span><b><bdi>(Lettre|Carte)`).FindAllStringSubmatch(g.Body, -1)
	require.Len(t, ids, 2)
	taps++
	require.Equal(t, 2, printable(t, p.post("/print", url.Values{"items": {ids[0][1], ids[1][1], ids[1][1]}, "what": {"chosen"}})))
	require.LessOrEqual(t, taps, 3)

	p.get("/journal").ok("Papier imprimé : « Lettre de la CAF »", "Papier imprimé : « Carte d’identité »").without("Papier imprimé : « Bulletin »")
	entries, err := p.vault().Journal(t.Context(), &vault.JournalOptions{Limit: 50})
	require.NoError(t, err)
	printed := 0
	for _, e := range entries {
		if e.Act == vault.ActDownloaded {
			require.Equal(t, "print", e.Detail["for"])
			printed++
		}
	}
	require.Equal(t, 2, printed, "a line for each")
	require.Equal(t, 3, printable(t, p.post("/print", url.Values{"what": {"all"}})))
}

func TestALinkChoosesThePaperOrItsFolder(t *testing.T) {
	t.Parallel()
	p := printer(t).newPerson()
	paper := p.upload(url.Values{"title": {"Bail"}, "folder": {"Logement"}}, file{"file", "a.pdf", "application/pdf", testfiles.Letter().Bytes()}).ok()
	p.upload(url.Values{"title": {"Quittance"}, "folder": {"Logement"}}, file{"file", "b.pdf", "application/pdf", testfiles.Payment().Bytes()}).ok()
	checked := regexp.MustCompile(`name="items" value="[a-z2-7]{26}" checked`)
	require.Len(t, checked.FindAllString(p.get(paper.link(`/print\?paper=[a-z2-7]{26}`)).ok().Body, -1), 1)
	folder := p.get(paper.link("/folders/[a-z2-7]{26}")).ok("Logement")
	require.Len(t, checked.FindAllString(p.get(folder.link(`/print\?folder=[a-z2-7]{26}`)).ok().Body, -1), 2)
}

func TestThePaperThatCannotBePrintedIsNamedAndTheChoiceStays(t *testing.T) {
	t.Parallel()
	p := printer(t).newPerson()
	p.upload(url.Values{"title": {"Lettre"}}, file{"file", "a.pdf", "application/pdf", testfiles.Letter().Bytes()}).ok()
	p.upload(url.Values{"title": {"Abîmé <b>"}}, file{"file", "b.pdf", "application/pdf", []byte("%PDF-1.7 and nothing else")}).ok()
	p.upload(url.Values{"title": {"Texte"}}, file{"file", "c.txt", "text/plain", []byte("bonjour")}).ok()
	p.get("/print").ok("Lettre", "À ouvrir un par un", "Texte")
	g := p.post("/print", url.Values{"what": {"all"}}).is(http.StatusUnprocessableEntity, "« Abîmé <b> » ne peut pas être imprimé.", "Le fichier est abîmé.")
	require.Len(t, regexp.MustCompile(`name="items" value="[a-z2-7]{26}" checked`).FindAllString(g.Body, -1), 2)
	p.post("/print", nil).is(http.StatusUnprocessableEntity, "Cochez au moins un papier.")
	p.post("/print", url.Values{"items": {"x"}}).is(http.StatusUnprocessableEntity, "Cochez au moins un papier.")
}

func TestAWorkerPrintsWhatIsSharedInTheirOwnName(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	tn.server = httptest.NewTLSServer(printingPages(t, web.Config{Vaults: tn.stage.Vaults, Staff: tn.stage.Service, Directory: tn.stage.Directory, Now: tn.stage.Clock.Now}))
	t.Cleanup(tn.server.Close)
	amina := tn.amina()
	amina.upload(url.Values{"title": {"Attestation"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", testfiles.Letter().Bytes()}).ok()
	secret := amina.upload(url.Values{"title": {"Ordonnance"}}, file{"file", "b.pdf", "application/pdf", testfiles.Payment().Bytes()}).ok()
	amina.follows(tn.harbor.Relay, nil).ok()
	samir := tn.desk(tn.samir)
	tn.opens(samir)
	samir.get("/print").ok("Attestation").without("Ordonnance")
	private := regexp.MustCompile(`[a-z2-7]{26}`).FindString(secret.Path)
	samir.post("/print", url.Values{"items": {private}}).is(http.StatusUnprocessableEntity, "Cochez au moins un papier.")
	require.Equal(t, 1, printable(t, samir.post("/print", url.Values{"what": {"all"}, "items": {private}})))
	amina.get("/journal").ok("Samir, Accueil du Port", "Papier imprimé : « Attestation »", "Logement, demande de logement").without("Papier imprimé : « Ordonnance »")
}

// Behind each paper whose original was seen comes the sheet with the code; whoever scans it
// from the print finds what was signed.
func TestThePrintOfChosenPapersSaysWhoseOriginalWasSeen(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	tn.server = httptest.NewTLSServer(printingPages(t, web.Config{Vaults: tn.stage.Vaults, Staff: tn.stage.Service, Directory: tn.stage.Directory, Now: tn.stage.Clock.Now, Address: "https://espace.example.org"}))
	t.Cleanup(tn.server.Close)
	tn, amina, samir, paper := attestedIn(t, tn)
	amina.upload(url.Values{"title": {"Lettre"}}, file{"file", "a.pdf", "application/pdf", testfiles.Letter().Bytes()}).ok()
	amina.upload(url.Values{"title": {"Paie"}, "visibility": {"shared"}}, file{"file", "b.pdf", "application/pdf", testfiles.Payment().Bytes()}).ok()
	amina.get("/print").ok().without("la feuille avec le code")
	all := url.Values{"what": {"all"}}
	without := printable(t, amina.post("/print", all))
	ask := samir.get(paper + "/attest").ok()
	samir.post(paper+"/attest", ask.form("", url.Values{"kind": {"birth-certificate"}, "held": {"1"}})).ok("C’est signé.")
	amina.get("/print").ok("la feuille avec le code")

	code := "https://espace.example.org/seen#" + tn.printed(t, amina)
	for _, language := range []string{"fr", "ar"} { // no letters of the second are drawn; the code is
		amina.post("/language", url.Values{"language": {language}, "here": {"/print"}}).ok()
		g := amina.post("/print", all)
		require.Equal(t, without+1, printable(t, g), "one sheet, and only for that paper")
		require.True(t, shows(t, g.Body, code), language)
		require.True(t, shows(t, samir.post("/print", all).Body, code))
	}
	amina.post("/language", url.Values{"language": {"fr"}, "here": {"/print"}}).ok()
	amina.post(paper+"/attest/remove", amina.get(paper).form(paper+"/attest/remove", nil)).ok()
	require.Equal(t, without, printable(t, amina.post("/print", all)))
}

// shows reports whether a picture in a PDF has this QR code in it.
func shows(t *testing.T, pdf, text string) bool {
	t.Helper()
	code, err := qr.Encode(text, qr.M)
	require.NoError(t, err)
	pages, err := api.ExtractImagesRaw(strings.NewReader(pdf), nil, model.NewDefaultConfiguration())
	require.NoError(t, err)
	for _, page := range pages {
		for _, picture := range page {
			if m, _, err := image.Decode(picture); err == nil && m.Bounds().Dx() == 1240 && holdsCode(m, code) {
				return true
			}
		}
	}
	return false
}

func holdsCode(m image.Image, code *qr.Code) bool {
	const margin, side = 100, 760
	dot := side / (code.Size + 8)
	black := func(x, y int) bool {
		gray, _, _, _ := m.At(x, y).RGBA()
		return gray < 0x8000
	}
	for top := range m.Bounds().Dy() - dot*code.Size {
		all := true
		for n := 0; all && n < code.Size*code.Size; n++ {
			x, y := n%code.Size, n/code.Size
			all = black(margin+(x+4)*dot+dot/2, top+y*dot+dot/2) == code.Black(x, y)
		}
		if all {
			return true
		}
	}
	return false
}

func TestSheetsForTheWallSayWhatThereIs(t *testing.T) {
	t.Parallel()
	p := printer(t).newPerson()
	p.upload(url.Values{"title": {"Passeport"}, "folder": {"Identité"}, "expires": {"2031-01-02"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	p.upload(url.Values{"title": {"Titre"}, "expires": {"2020-01-02"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	p.post("/contacts/add", url.Values{"name": {"Nadia"}, "phones": {"01 99 00 12 34"}}).ok()
	p.post("/appointments/add", url.Values{"subject": {"CAF"}, "date": {"2031-05-06"}, "time": {"10:30"}, "place": {"12 rue du Port"}}).ok()
	p.post("/appointments/add", url.Values{"subject": {"Passé"}, "date": {"2020-05-06"}}).ok()
	g := p.get("/print/papers").ok("Passeport", "2 janvier 2031", "Identité", "Titre")
	require.Regexp(t, `(?s)Titre.*Passeport`, g.text(), "what ended, or ends first, comes first")
	p.get("/print/contacts").ok("Nadia", "01 99 00 12 34")
	g = p.get("/print/appointments").ok("CAF", "mardi 6 mai 2031 à 10 h 30", "12 rue du Port").without("Passé")
	require.Contains(t, g.Body, `class="blank"`, "and room to write")
	for _, path := range []string{"/print/papers", "/print/contacts", "/print/appointments", "/journal"} {
		require.Contains(t, p.get(path).ok("menu de votre navigateur").Body, "data-print", path)
	}
}

// Whoever finds only the card in a pocket knows where it is used.
func TestThePrintedCardSaysWhereItIsUsed(t *testing.T) {
	t.Parallel()
	p := printer(t).newPerson()
	g := p.post("/card", url.Values{"password": {password}, "pin": {"503817"}, "again": {"503817"}}).ok("https://espace.example.org", "Entrer avec ma carte")
	require.Contains(t, g.Body, `class="bankcard"`)
	require.NotContains(t, g.Body, "503817")
}

func TestWhereNothingIsPrintedThePageSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(url.Values{"title": {"Lettre"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	require.NotContains(t, p.get("/print").ok("Liste des papiers").Body, `action="/print"`)
	p.post("/print", url.Values{"what": {"all"}}).is(http.StatusNotFound)
}
