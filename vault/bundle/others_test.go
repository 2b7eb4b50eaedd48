package bundle_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"reconnect.example/internal/testfiles"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

func reconnectZip(t testing.TB, contacts, notes, events string) []byte {
	t.Helper()
	return zipped(t,
		entry{"Documents/Carte.pdf", testfiles.Letter().Bytes()},
		entry{"Documents/Logement/Bail/page 1.jpg", testfiles.Photo().Bytes()},
		entry{"Contact.csv", []byte(contacts)}, entry{"Note.csv", []byte(notes)}, entry{"Evenement.csv", []byte(events)})
}

const (
	someContacts = "nom,prenom,telephone,email,commentaire,bPrive,createdAt\nDiallo,Amina,0612345678,a@example.org,\"assistante\nsociale\",False,03/02/2019\nSecret,,,,,True,04/02/2019\n"
	someNotes    = "contenu,nom,bPrive,createdAt\nSonner deux fois,Digicode,True,01/01/2020\n"
	someEvents   = "lieu,date,nom,bPrive,commentaire\nPréfecture,07/12/2026,Titre de séjour,False,Guichet 3\nMairie,un jour,Acte,False,\n"
)

func TestWhatReconnectGaveComesIn(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	p := stage.Person(t)
	b := open(t, reconnectZip(t, someContacts, someNotes, someEvents))
	require.Equal(t, "reconnect", b.Format)
	require.Contains(t, b.Remarks, bundle.Remark{Code: bundle.RemarkAllDay, Name: "Titre de séjour"}, "said, and not guessed")
	require.Contains(t, b.Remarks, bundle.Remark{Code: bundle.RemarkNoDate, Name: "Acte"})
	done, err := b.Import(t.Context(), p.Vault, &vault.ImportOptions{Compartment: vault.Shared})
	require.NoError(t, err)
	require.Equal(t, 7, done.New)
	got := map[string]vault.Item{}
	all, err := p.Vault.List(t.Context(), nil)
	require.NoError(t, err)
	folders := map[vault.ItemID]string{}
	for _, it := range all {
		if got[it.Name] = it; it.Kind == vault.KindFolder {
			folders[it.ID] = it.Name
		}
	}
	amina := got["Amina Diallo"]
	require.Equal(t, &vault.Contact{Phones: []string{"0612345678"}, Emails: []string{"a@example.org"}, Note: "assistante\nsociale"}, amina.Contact)
	require.Equal(t, vault.Shared, amina.Compartment)
	former, ok := amina.Origin.Former()
	require.True(t, ok)
	require.Equal(t, "reconnect", former.Format)
	require.Equal(t, "2019-02-02T23:00:00Z", former.At.Format(time.RFC3339), "midnight in Paris")
	require.Equal(t, vault.Private, got["Secret"].Compartment, "private stays private")
	require.Equal(t, vault.Private, got["Digicode"].Compartment)
	meeting := got["Titre de séjour"].Appointment
	require.True(t, meeting.AllDay)
	require.Equal(t, "2026-12-07", meeting.Start.In(time.FixedZone("", 3600)).Format(time.DateOnly), "the seventh of December")
	require.Equal(t, "Préfecture", meeting.Place)
	require.Equal(t, "un jour\nMairie", got["Acte"].Note.Text, "nothing is lost")
	require.Equal(t, "Logement / Bail", folders[got["page 1"].Folder])
	require.Equal(t, "application/pdf", got["Carte"].Document.MediaType)
	again, err := open(t, reconnectZip(t, someContacts, someNotes, someEvents)).Import(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	require.Zero(t, again.New)
}

// People open the tables in a spreadsheet and save them, on whatever system.
func TestTablesMayHaveBeenSavedByASpreadsheet(t *testing.T) {
	t.Parallel()
	windows, err := charmap.Windows1252.NewEncoder().String(strings.ReplaceAll(someEvents, ",", ";"))
	require.NoError(t, err)
	for name, events := range map[string]string{
		"mark":       "\ufeff" + someEvents,
		"semicolons": strings.ReplaceAll(someEvents, ",", ";"),
		"tabs":       strings.ReplaceAll(someEvents, ",", "\t"),
		"windows":    strings.ReplaceAll(windows, "\n", "\r\n"),
		"capitals":   strings.Replace(someEvents, "lieu,date,nom,bPrive", "LIEU, Date ,Nom,BPRIVE", 1),
	} {
		b := open(t, reconnectZip(t, someContacts, someNotes, events))
		require.Contains(t, b.Remarks, bundle.Remark{Code: bundle.RemarkAllDay, Name: "Titre de séjour"}, name)
		require.Equal(t, 7, b.Len(), name)
	}
	err = refused(t, reconnectZip(t, "a,b\n1,2\n", someNotes, someEvents), nil)
	require.ErrorIs(t, err, bundle.ErrDamaged)
	require.Equal(t, "Contact.csv", bundle.Named(err)[0].File)
}

func TestAFolderOfFilesComesIn(t *testing.T) {
	t.Parallel()
	p := vaulttest.New(t, nil).Person(t)
	b, err := bundle.OpenFolder(t.Context(), fstest.MapFS{
		"Carte.pdf": {Data: testfiles.Letter().Bytes()}, "santé/Vitale.jpg": {Data: testfiles.Photo().Bytes()}, ".DS_Store": {Data: []byte("x")},
	}, nil)
	require.NoError(t, err)
	done, err := b.Import(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	require.Equal(t, 2, done.New)
	all := inside(t, p.Vault)
	require.Contains(t, all, "document Carte")
	require.Contains(t, all["document Vitale"], `in "santé"`)
}

func TestContactsOfAPhoneComeIn(t *testing.T) {
	t.Parallel()
	p := vaulttest.New(t, nil).Person(t)
	cards := "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Diallo;Amina;;;\r\nTEL;TYPE=CELL:06 12 34\r\nEMAIL:a@example.org\r\nNOTE:one\\ntwo\r\nADR:;;1 rue de la Paix;Paris;;75002;France\r\nEND:VCARD\r\n" +
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:محمد\r\nTEL;VALUE=uri:tel:+33-1\r\nEND:VCARD\r\n"
	b, err := bundle.OpenVCard(strings.NewReader(cards), nil)
	require.NoError(t, err)
	require.Equal(t, b.Len(), open(t, []byte(cards)).Len())
	_, err = b.Import(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	all, err := p.Vault.List(t.Context(), &vault.ListOptions{Kind: vault.KindContact})
	require.NoError(t, err)
	require.Equal(t, "Amina Diallo", all[0].Name)
	require.Equal(t, "one\ntwo", all[0].Contact.Note)
	require.Equal(t, "1 rue de la Paix\n75002 Paris\nFrance", all[0].Contact.Address)
	require.Equal(t, []string{"+33-1"}, all[1].Contact.Phones)
}

func TestAppointmentsOfACalendarComeIn(t *testing.T) {
	t.Parallel()
	p := vaulttest.New(t, nil).Person(t)
	event := func(lines ...string) string {
		return "BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	calendar := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//FR\r\n" +
		event("UID:1", "SUMMARY:Préfecture", "DTSTART;TZID=Europe/Paris:20261201T093000", "DTEND;TZID=Europe/Paris:20261201T100000", "LOCATION:Guichet 3") +
		event("UID:2", "SUMMARY:Aïd", "DTSTART;VALUE=DATE:20270310") +
		event("UID:3", "SUMMARY:Cours", "DTSTART;TZID=Romance Standard Time:20261202T090000", "RRULE:FREQ=WEEKLY") +
		event("UID:4", "SUMMARY:Un jour") + "END:VCALENDAR\r\n"
	b, err := bundle.OpenICalendar(strings.NewReader(calendar), nil)
	require.NoError(t, err)
	require.ElementsMatch(t, []bundle.Remark{{Code: bundle.RemarkZone, Name: "Cours"}, {Code: bundle.RemarkRepeats, Name: "Cours"}, {Code: bundle.RemarkNoDate, Name: "Un jour"}}, b.Remarks)
	_, err = b.Import(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	all, err := p.Vault.List(t.Context(), &vault.ListOptions{Kind: vault.KindAppointment})
	require.NoError(t, err)
	got := map[string]vault.Appointment{}
	for _, it := range all {
		got[it.Name] = *it.Appointment
	}
	require.Equal(t, vault.Appointment{Start: time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC), Duration: 30 * time.Minute, Zone: "Europe/Paris", Place: "Guichet 3"}, got["Préfecture"])
	require.True(t, got["Aïd"].AllDay)
	require.Equal(t, time.Date(2026, 12, 2, 8, 0, 0, 0, time.UTC), got["Cours"].Start)
}

func FuzzOpen(f *testing.F) {
	f.Add(zipped(f, entry{"a/b.pdf", []byte("%PDF")}))
	f.Add(reconnectZip(f, someContacts, someNotes, someEvents)[:2000])
	f.Add(central(5, 5))
	f.Add([]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n"))
	f.Add([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261201T093000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 x\n---"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := bundle.Open(t.Context(), bytes.NewReader(raw), int64(len(raw)), &bundle.Options{Secret: bundle.Secret{Identity: "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"}})
		if err != nil && b != nil || err != nil && bundle.Code(err) == "" {
			t.Fatalf("%v: %v", b, err)
		}
	})
}

func FuzzReconnectCSV(f *testing.F) {
	f.Add([]byte(someContacts), []byte(someNotes), []byte(someEvents))
	f.Add([]byte("\ufeffnom;email\n\xe9;,,\n"), []byte("contenu\n\"\n"), []byte("date\n1/1/2026 10:00\n"))
	p := vaulttest.New(f, nil).Person(f)
	f.Fuzz(func(t *testing.T, contacts, notes, events []byte) {
		raw := zipped(t, entry{"Contact.csv", contacts}, entry{"Note.csv", notes}, entry{"Evenement.csv", events})
		b, err := bundle.Open(t.Context(), bytes.NewReader(raw), int64(len(raw)), nil)
		if err != nil {
			require.NotEmpty(t, bundle.Code(err))
			return
		}
		// Whatever is read can come in.
		if _, err := b.Plan(t.Context(), p.Vault, nil); err != nil {
			require.ErrorIs(t, err, vault.ErrTooMany)
		}
	})
}
