package vault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"reconnect.example/vault"
)

func TestNamesOfEveryScriptAreKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, name := range []string{
		"بطاقة الهوية", "شناسنامه", "تذکره\u200cی من", "身份证", "जन्म प्रमाण पत्र", "ይህ መታወቂያ", "Ausweis 🪪", "👩🏽‍👧🏽", "a", "..", "/etc/passwd", `C:\x`, "<script>alert(1)</script>", "'; DROP TABLE items; --", "%s%n", "CON", "=1+1",
		"facture\u202egpj.exe", "\u200f\u200eמסמך", strings.Repeat("é", 200), strings.Repeat("𝒳", 200), "null", "\u0000a"[1:],
	} {
		note := addNote(t, s.v, name, name)
		found := item(t, s.person.SignIn(t, s.Stage), note.ID)
		require.Equal(t, norm.NFC.String(name), found.Name)
		require.Equal(t, name, found.Note.Text)
	}
	decomposed := addNote(t, s.v, "  Cafe\u0301 \t", "")
	require.Equal(t, "Café", decomposed.Name)
}

func TestWhatIsNoNameIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, name := range []string{"", "   ", "\t\n", "a\nb", "a\x00b", "\x7f", "\u0085x\u0085y", "a\x1b[31mb", "\xff", "a\xc3", strings.Repeat("a", 201), strings.Repeat("é", 201)} {
		_, err := s.v.AddNote(t.Context(), name, vault.Note{}, vault.Place{})
		requireInvalid(t, err, "name")
		if len(name) > 3 {
			require.NotContains(t, err.Error(), name, "errors carry no names")
		}
		_, err = s.v.AddFolder(t.Context(), name, vault.Place{})
		requireInvalid(t, err, "name")
		_, err = s.v.AddDocument(t.Context(), vault.NewDocument{Name: name}, untouched(t))
		requireInvalid(t, err, "name")
		note := addNote(t, s.v, "fine", "")
		_, err = s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Name: &name})
		requireInvalid(t, err, "name")
	}
}

func TestFieldsHaveTheirLimits(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	long := func(n int) string { return strings.Repeat("é", n) }
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = fmt.Sprint(i)
	}
	for field, c := range map[string]vault.Contact{
		"role": {Role: long(201)}, "address": {Address: long(501)}, "note": {Note: long(20_001)}, "phones": {Phones: eleven}, "emails": {Emails: []string{" "}},
	} {
		_, err := s.v.AddContact(t.Context(), "x", c, vault.Place{})
		requireInvalid(t, err, field)
	}
	most := vault.Contact{Role: long(200), Address: long(500), Note: long(20_000), Phones: eleven[:10], Emails: eleven[:10]}
	it, err := s.v.AddContact(t.Context(), long(200), most, vault.Place{})
	require.NoError(t, err)
	require.Equal(t, &most, item(t, s.v, it.ID).Contact)

	at := s.Clock.Now()
	for field, a := range map[string]vault.Appointment{
		"start": {Zone: "UTC"}, "duration": {Start: at, Zone: "UTC", Duration: -time.Second}, "place": {Start: at, Zone: "UTC", Place: long(501)},
		"with": {Start: at, Zone: "UTC", With: "a\nb"}, "zone": {Start: at},
	} {
		_, err := s.v.AddAppointment(t.Context(), "x", a, vault.Place{})
		requireInvalid(t, err, field)
	}
	for _, zone := range []string{"Local", "Europe/Nowhere", "../../etc/passwd", "\xff", "UTC\x00"} {
		_, err := s.v.AddAppointment(t.Context(), "x", vault.Appointment{Start: at, Zone: zone}, vault.Place{})
		require.Error(t, err, "%q", zone)
		requireInvalid(t, err, "zone")
	}
	for _, year := range []int{1, 1899, 2201, 30_000} {
		_, err := s.v.AddAppointment(t.Context(), "x", vault.Appointment{Start: time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC), Zone: "UTC"}, vault.Place{})
		requireInvalid(t, err, "start")
	}
	_, err = s.v.AddAppointment(t.Context(), "x", vault.Appointment{Start: at, Zone: "UTC", Duration: 32 * 24 * time.Hour}, vault.Place{})
	requireInvalid(t, err, "duration")
	_, err = s.v.AddNote(t.Context(), "x", vault.Note{Text: long(20_001)}, vault.Place{})
	requireInvalid(t, err, "text")
	longest := addNote(t, s.v, "x", long(20_000))
	require.Equal(t, long(20_000), item(t, s.v, longest.ID).Note.Text)
	_, err = s.v.AddNote(t.Context(), "x", vault.Note{Text: "a\x00"}, vault.Place{})
	requireInvalid(t, err, "text")
}

func TestDocumentsAreDescribedWithCare(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for field, n := range map[string]vault.NewDocument{
		"mediaType": {Name: "x", MediaType: "pdf"}, "issued": {Name: "x", Issued: "2026-02-30"}, "expires": {Name: "x", Expires: "01/02/2026"}, "channel": {Name: "x", Channel: "a\x00"},
		"folder": {Name: "x", Folder: vault.ItemID{1}}, "compartment": {Name: "x", Compartment: vault.Owner},
	} {
		_, err := s.v.AddDocument(t.Context(), n, untouched(t))
		requireInvalid(t, err, field)
	}
	for _, mediaType := range []string{"/", "a/b; c", strings.Repeat("a", 99) + "/b", "text/plain; charset=\"\xff\"", "a/b\r\nX: y"} {
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "x", MediaType: mediaType}, untouched(t))
		requireInvalid(t, err, "mediaType")
	}
	it := addTo(t, s.v, vault.NewDocument{Name: "x"}, nil)
	require.Equal(t, "application/octet-stream", it.Document.MediaType)
	require.Equal(t, "library", it.Origin.Channel)
	_, err := s.v.AddNote(t.Context(), "x", vault.Note{}, vault.Place{Compartment: 9})
	requireInvalid(t, err, "compartment")
	_, err = s.v.AddDocument(t.Context(), vault.NewDocument{MediaType: "pdf", Issued: "x", Expires: "x", Channel: "\x00"}, untouched(t))
	for _, field := range []string{"name", "mediaType", "issued", "expires", "channel"} {
		require.ErrorContains(t, err, field, "every problem at once")
	}
}

func TestDatesAndIdsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "2024-02-29", "1900-01-01"} {
		d, err := vault.ParseDate(good)
		require.NoError(t, err)
		require.EqualValues(t, good, d)
	}
	for _, bad := range []string{"2026-02-29", "2026-1-1", "26-01-01", "2026-01-01T00:00:00Z", " 2026-01-01", "today"} {
		_, err := vault.ParseDate(bad)
		requireInvalid(t, err, "date")
	}
	id := vault.ItemID{1, 2, 3, 255}
	text := id.String()
	again, err := vault.ParseItemID(text)
	require.NoError(t, err)
	require.Equal(t, id, again)
	for _, bad := range []string{"", text[:25], text + "a", strings.ToUpper(text), text[:25] + "b", text + "======", strings.Replace(text, "a", "á", 1), "../" + text[3:], text[:25] + "1"} {
		_, err := vault.ParseItemID(bad)
		requireInvalid(t, err, "item id")
		_, err = vault.ParseID(bad)
		requireInvalid(t, err, "vault id")
		_, err = vault.ParseSessionID(bad)
		requireInvalid(t, err, "session id")
		_, err = vault.ParsePathID(bad)
		requireInvalid(t, err, "path id")
	}
	path, err := vault.ParsePathID(text)
	require.NoError(t, err)
	require.Equal(t, text, path.String())
}
