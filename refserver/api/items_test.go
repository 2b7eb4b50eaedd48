package api

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"crypto/sha256"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

type listed struct {
	Items   []Item
	Altered []string
	Next    string
}

func TestEachKindOfItemIsAddedReadAndListed(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)

	folder := ok[Item](p.call("POST", "/folders", map[string]any{"name": "Juge", "compartment": "private"}), 201)
	require.Equal(t, "folder", folder.Kind)

	added := p.call("POST", "/contacts", map[string]any{
		"name": "Me Lambert", "folder": folder.ID,
		"contact": map[string]any{"role": "avocate", "phones": []string{"01 23 45 67 89"}},
	})
	contact := ok[Item](added, 201)
	require.Equal(t, "private", contact.Compartment, "what the person adds is private")
	require.Equal(t, folder.ID, contact.Folder)
	require.Equal(t, []string{"01 23 45 67 89"}, contact.Contact.Phones)
	require.Equal(t, Path+"/items/"+contact.ID, added.Header.Get("Location"))
	require.Equal(t, `"1"`, added.Header.Get("ETag"))

	appointment := ok[Item](p.call("POST", "/appointments", map[string]any{
		"name": "Préfecture", "compartment": "shared",
		"appointment": map[string]any{"start": "2031-03-04T08:30:00Z", "minutes": 45, "zone": "Europe/Paris", "place": "guichet 4"},
	}), 201)
	require.Equal(t, "shared", appointment.Compartment)
	require.EqualValues(t, 45, appointment.Appointment.Minutes)
	require.Equal(t, "2031-03-04T09:30:00+01:00", appointment.Appointment.Start.Format("2006-01-02T15:04:05Z07:00"), "the hour that the person was told")

	note := ok[Item](p.call("POST", "/notes", map[string]any{"name": "À dire", "note": map[string]any{"text": "ligne 1\nligne 2"}}), 201)
	require.Equal(t, "ligne 1\nligne 2", note.Note.Text)

	document := ok[Item](p.upload("Carte%20d%27identit%C3%A9", paper(1, 3000)), 201)
	require.Equal(t, "Carte d'identité", document.Name)

	for _, want := range []Item{folder, contact, appointment, note, document} {
		read := p.call("GET", "/items/"+want.ID, nil)
		require.Equal(t, want, ok[Item](read, 200))
		require.Equal(t, `"1"`, read.Header.Get("ETag"))
		list := ok[listed](p.call("GET", "/items?kind="+want.Kind+"&limit=1000", nil), 200)
		require.True(t, slices.ContainsFunc(list.Items, func(i Item) bool { return i.ID == want.ID }))
		require.False(t, slices.ContainsFunc(list.Items, func(i Item) bool { return i.Kind != want.Kind }))
		require.Empty(t, list.Altered)
	}
}

func TestDocumentKeepsWhatWasSaidOfIt(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(7, 100_000)
	sum := sha256.Sum256(content)
	item := ok[Item](p.upload("Passeport", content,
		headerCompartment, "shared", headerIssued, "2021-05-06", headerExpires, "2031-05-05"), 201)
	require.Equal(t, &Document{
		MediaType: "application/pdf", Size: 100_000, Stored: item.Document.Stored, Sha256: hex.EncodeToString(sum[:]),
		Issued: "2021-05-06", Expires: "2031-05-05",
	}, item.Document)
	require.Greater(t, item.Document.Stored, int64(100_000))
	require.Equal(t, "api", item.Origin.Channel)
	require.Equal(t, "person", item.Origin.By.Kind)
	require.Equal(t, item.Document.Sha256, item.Origin.Sha256)
}

func TestEditChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Facture", paper(1, 100), headerExpires, "2030-01-01"), 201)
	at := "/items/" + item.ID

	edited := p.call("PATCH", at, map[string]any{"name": "Facture EDF", "expires": ""}, "If-Match", `"1"`)
	got := ok[Item](edited, 200)
	require.Equal(t, `"2"`, edited.Header.Get("ETag"))
	require.Equal(t, "Facture EDF", got.Name)
	require.Empty(t, got.Document.Expires)
	require.Equal(t, item.Document.Sha256, got.Document.Sha256)
	require.Equal(t, item.Origin, got.Origin)

	p.call("PATCH", at, map[string]any{"name": "trop tard"}, "If-Match", `"1"`).refused(412, "revision")
	p.call("PATCH", at, map[string]any{"name": "x"}, "If-Match", `"abc"`).refused(412, "revision")
	p.call("PATCH", at, map[string]any{"name": "x"}, "If-Match", `*`).refused(422, "invalid")
	p.call("PATCH", at, map[string]any{"name": "x"}).refused(428, "if-match-required")
	p.call("PATCH", at, map[string]any{}, "If-Match", `"2"`).refused(422, "invalid")
	p.call("PATCH", at, map[string]any{"note": map[string]any{"text": "x"}}, "If-Match", `"2"`).refused(422, "invalid")
	p.call("PATCH", at, map[string]any{"issued": "2030-02-31"}, "If-Match", `"2"`).refused(422, "invalid")
	p.call("PATCH", at, map[string]any{"folder": "nowhere"}, "If-Match", `"2"`).refused(422, "invalid")
	p.call("PATCH", "/items/"+strings.Repeat("a", 26), map[string]any{"name": "x"}, "If-Match", `"1"`).refused(404, "not-found")
	require.Equal(t, got, ok[Item](p.call("GET", at, nil), 200), "what was refused changed nothing")
}

func TestItemIsMovedBinnedRestoredAndDestroyed(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(3, 70_000)
	item := ok[Item](p.upload("Attestation", content), 201)
	at := "/items/" + item.ID

	moved := ok[Item](p.call("POST", at+"/move", map[string]any{"compartment": "shared"}, "If-Match", `"1"`), 200)
	require.Equal(t, "shared", moved.Compartment)
	require.Equal(t, content, p.call("GET", "/documents/"+item.ID+"/content", nil).Body)

	binned := ok[Item](p.call("POST", at+"/bin", nil, "If-Match", `"2"`), 200)
	require.NotNil(t, binned.Binned)
	require.Empty(t, ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items)
	require.Len(t, ok[listed](p.call("GET", "/items?binned=true", nil), 200).Items, 1)

	restored := ok[Item](p.call("POST", at+"/restore", nil, "If-Match", `"3"`), 200)
	require.Nil(t, restored.Binned)
	p.call("POST", at+"/restore", nil, "If-Match", `"4"`).refused(422, "invalid")
	p.call("POST", at+"/move", map[string]any{"compartment": "owner"}, "If-Match", `"4"`).refused(422, "invalid")
	for _, missing := range []*reply{
		p.call("POST", at+"/move", map[string]any{"compartment": "private"}),
		p.call("POST", at+"/bin", nil), p.call("POST", at+"/restore", nil), p.call("DELETE", at, nil),
	} {
		missing.refused(428, "if-match-required")
	}
	p.call("DELETE", at, nil, "If-Match", `"3"`).refused(412, "revision")

	p.call("DELETE", at, nil, "If-Match", `"4"`).done(204)
	p.call("GET", at, nil).refused(404, "not-found")
	p.call("GET", "/documents/"+item.ID+"/content", nil).refused(404, "not-found")
	p.call("DELETE", at, nil, "If-Match", `"4"`).refused(404, "not-found")
}

func TestFolderThatHoldsSomethingIsNotDestroyed(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	folder := ok[Item](p.call("POST", "/folders", map[string]any{"name": "Juge"}), 201)
	ok[Item](p.upload("Convocation", paper(1, 10), headerFolder, folder.ID), 201)
	p.call("DELETE", "/items/"+folder.ID, nil, "If-Match", `"1"`).refused(409, "not-empty")
	require.Len(t, ok[listed](p.call("GET", "/items?folder="+folder.ID, nil), 200).Items, 1)
	require.Empty(t, ok[listed](p.call("GET", "/items?folder=top&kind=document", nil), 200).Items)
}

func TestPagesHoldEveryItemOnceWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	var staying []string
	for range 12 {
		item := ok[Item](p.call("POST", "/notes", map[string]any{"name": "note", "note": map[string]any{"text": "x"}}), 201)
		staying = append(staying, item.ID)
	}
	slices.Sort(staying)
	goner := staying[4]
	staying = slices.Delete(staying, 4, 5)
	var seen []string
	for after, page := "", 0; ; page++ {
		got := ok[listed](p.call("GET", "/items?kind=note&limit=5&after="+after, nil), 200)
		require.LessOrEqual(t, len(got.Items), 5)
		for _, i := range got.Items {
			seen = append(seen, i.ID)
		}
		if page == 0 {
			require.Equal(t, goner, got.Next, "the cursor names the last item of the page")
			// That very item is destroyed, another renamed, before the next page.
			p.call("DELETE", "/items/"+goner, nil, "If-Match", `"1"`).done(204)
			ok[Item](p.call("PATCH", "/items/"+staying[8], map[string]any{"name": "Aaa"}, "If-Match", `"1"`), 200)
		}
		if after = got.Next; after == "" {
			break
		}
	}
	require.Equal(t, staying, slices.DeleteFunc(seen, func(id string) bool { return id == goner }))

	p.call("GET", "/items?after=zzz", nil).refused(422, "invalid")
	p.call("GET", "/items?limit=0", nil).refused(422, "invalid")
	p.call("GET", "/items?limit=1001", nil).refused(422, "invalid")
	p.call("GET", "/items?kind=secret", nil).refused(422, "invalid")
	p.call("GET", "/items?folder=nowhere", nil).refused(422, "invalid")
	p.call("GET", "/items?nmae=x", nil).refused(422, "invalid")
}

func TestFieldsOfItemsHaveTheLimitsOfTheLibrary(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	most := strings.Repeat("é", vault.MaxName)
	note := strings.Repeat("ع", vault.MaxNote)
	ok[Item](p.call("POST", "/notes", map[string]any{"name": most, "note": map[string]any{"text": note}}), 201)
	p.call("POST", "/notes", map[string]any{"name": most + "é", "note": map[string]any{"text": ""}}).refused(422, "invalid")
	p.call("POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": note + "x"}}).refused(422, "invalid")

	escaped := `{"name":"n","note":{"text":"` + strings.Repeat(`\ud83d\ude00`, vault.MaxNote) + `"}}`
	ok[Item](p.send("POST", "/notes", strings.NewReader(escaped), "Content-Type", "application/json"), 201)
	long := bytes.Repeat([]byte{' '}, maxJSON)
	p.send("POST", "/notes", bytes.NewReader(long), "Content-Type", "application/json").refused(413, "too-large")
}

func TestAlteredItemIsNamedAndTheOthersAreListed(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	good := ok[Item](p.upload("Bon", paper(1, 100)), 201)
	bad := ok[Item](p.upload("Mauvais", paper(2, 100)), 201)
	s.alterItem(t, p, bad.ID)

	list := ok[listed](p.call("GET", "/items?kind=document", nil), 200)
	require.Equal(t, []string{bad.ID}, list.Altered)
	require.Len(t, list.Items, 1)
	require.Equal(t, good.ID, list.Items[0].ID)
	p.call("GET", "/items/"+bad.ID, nil).refused(500, "tampered")
	p.call("GET", "/documents/"+bad.ID+"/content", nil).refused(500, "tampered")
}

func TestNamesThatRequestsCannotChooseArePlainErrors(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	for _, id := range []string{"x", strings.Repeat("A", 26), strings.Repeat("a", 25), strings.Repeat("a", 26), "%2e%2e", "..%2f..%2fetc"} {
		p.call(http.MethodGet, "/items/"+id, nil).refused(404, "not-found")
		p.call(http.MethodGet, "/documents/"+id+"/content", nil).refused(404, "not-found")
	}
}
