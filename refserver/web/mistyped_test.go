package web_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// besideField is what the page says beside a field.
func (g *page) besideField(name string) string {
	said := regexp.MustCompile(`(?s)<p class="error" id="e-` + name + `"[^>]*>.*?</svg>([^<]+)</p>`).FindStringSubmatch(g.Body)
	if said == nil {
		return ""
	}
	return said[1]
}

// Two new passwords that differ are said so beside their box, and what came back empty
// beside its own. What is no secret stays, and the same page goes on.
func TestTwoPasswordsThatDifferOnTheWayBackAreSaidBesideTheirBox(t *testing.T) {
	t.Parallel()
	h := newHelped(t, nil)
	amina := h.known()
	sheet := amina.sheet(nil)
	samir := h.desk(h.samir)
	number, code := h.request(samir, h.harbor, "Feuille de secours, avec un centre", nil)
	phone := h.stranger()
	offered := phone.enters(number, code, "").ok("Presque arrivé").form("/back/new", nil)
	require.NotEmpty(t, offered.Get("suggest"))
	typed := offered
	typed.Set("sheet", sheet)
	typed.Set("new", chosenAnew)
	typed.Set("repeat", "something else")
	g := phone.post("/back/new", typed).is(http.StatusUnprocessableEntity, "Les deux mots de passe").without(sheet, chosenAnew, "something else")
	require.Equal(t, "Les deux mots de passe ne sont pas les mêmes.", g.besideField("repeat"))
	require.Contains(t, g.besideField("sheet"), "rien de secret ne revient sur cette page")
	require.Empty(t, g.besideField("new"))
	again := g.form("/back/new", nil)
	require.Equal(t, offered.Get("suggest"), again.Get("suggest"), "the words that were offered stay")
	require.Len(t, regexp.MustCompile(`<[^>]* autofocus[ >]`).FindAllString(g.Body, -1), 1)

	again.Set("sheet", sheet)
	again.Set("new", "short")
	again.Set("repeat", "short")
	g = phone.post("/back/new", again).is(http.StatusUnprocessableEntity)
	require.NotEmpty(t, g.besideField("new"))
	require.Empty(t, g.besideField("repeat"))
	again = g.form("/back/new", url.Values{"sheet": {sheet}, "new": {chosenAnew}, "repeat": {chosenAnew}})
	phone.post("/back/new", again).ok("Vous êtes de retour")
}

// A paper is told by the size of its file, room by what is kept for it: both pages say
// which.
func TestTheSizeOfAPaperAndTheRoomItTakesAreToldApart(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	large := append(bytes.Clone(pdf), bytes.Repeat([]byte(" "), 100_400-len(pdf))...) // padded to the next 2 KiB
	paper := p.upload(url.Values{"title": {"Attestation"}}, file{"file", "a.pdf", "application/pdf", large}).ok().Path
	size := func(g *page, near string) string {
		found := regexp.MustCompile(`(?s)` + near + `.*?([0-9,]+.ko)`).FindStringSubmatch(g.Body)
		require.NotNil(t, found, g.text())
		return found[1]
	}
	file := size(p.get(paper).ok("Taille du fichier"), "Taille du fichier")
	require.True(t, strings.HasPrefix(file, strconv.Itoa(len(large)/1000)), "%s: that of the file", file)
	kept := size(p.get("/space").ok("Un papier prend ici un peu plus que la taille de son fichier"), "Attestation")
	require.NotEqual(t, file, kept, "or nobody would wonder")
}

// The names of folders in what is taken along are the format's. The page explains each of
// them, and none that is not there.
func TestTheFoldersOfWhatIsTakenAreThoseThatThePageExplains(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.upload(url.Values{"title": {"Privé"}, "visibility": {"private"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	p.upload(url.Values{"title": {"Partagé"}, "visibility": {"shared"}}, file{"file", "b.pdf", "application/pdf", append(bytes.Clone(pdf), ' ')}).ok()
	gone := p.upload(url.Values{"title": {"Jeté"}, "visibility": {"private"}}, file{"file", "c.pdf", "application/pdf", append(bytes.Clone(pdf), ' ', ' ')}).ok()
	bin := gone.link("/items/[a-z2-7]+/bin")
	p.post(bin, gone.form(bin, nil)).ok()

	explained := map[string]bool{}
	text := regexp.MustCompile(`Dedans, les dossiers.*?corbeille\.`).FindString(p.get("/take").ok().text())
	for _, name := range regexp.MustCompile(`«\s*([a-z]+)\s*»`).FindAllStringSubmatch(text, -1) {
		explained[name[1]] = true
	}
	archive := p.post("/take", url.Values{"again": {"1"}, "password": {password}}).is(http.StatusOK).Body
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	there := map[string]bool{}
	for _, f := range z.File {
		parts := strings.Split(f.Name, "/")
		if at := slices.Index(parts, "documents"); at > 0 && len(parts) > at+2 {
			for _, folder := range parts[at-1 : at+2] {
				there[folder] = true
			}
		}
	}
	require.Equal(t, there, explained)
}
