package vault_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-vcard"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// A person with a bit of everything, some of it hostile.
func furnished(t *testing.T) (dir string, l *local.Local, v *vault.Vault, papers map[string][]byte) {
	t.Helper()
	testkeys.UseCheapKDF()
	dir = t.TempDir()
	l, err := local.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	ctx := t.Context()
	v, err = l.Create(ctx, vault.CreateRequest{
		Password: "bato kiru mesa", Consent: true,
		Notice: vault.Notice{Version: "2026-11", Language: "fr", Text: "Ce que nous gardons, et pour qui."},
	})
	require.NoError(t, err)
	folders, err := v.List(ctx, &vault.ListOptions{Kind: vault.KindFolder, Compartment: vault.Private})
	require.NoError(t, err)
	papers = map[string][]byte{
		"Carte d'identité":          bytes.Repeat([]byte("identity "), 50_000),
		"بطاقة الهوية":              []byte("arabic"),
		"../../etc/passwd":          []byte("path"),
		"facture\u202efdp.exe":      []byte("override"),
		"Carte d'identité (double)": {},
	}
	for name, data := range papers {
		_, err := v.AddDocument(ctx, vault.NewDocument{Name: name, MediaType: "application/pdf", Folder: folders[0].ID}, bytes.NewReader(data))
		require.NoError(t, err)
	}
	// Two papers of one name.
	_, err = v.AddDocument(ctx, vault.NewDocument{Name: "CARTE D'IDENTITÉ", MediaType: "application/pdf", Folder: folders[0].ID}, strings.NewReader("second"))
	require.NoError(t, err)
	_, err = v.AddContact(ctx, "Mme Ünal; assistante", vault.Contact{
		Role: "social worker", Phones: []string{"+33 1 23 45 67 89"}, Emails: []string{"a@example.org"},
		Address: "1, rue\nde la Paix", Note: "line\r\nNOTE:injected\r\nEND:VCARD",
	}, vault.Place{})
	require.NoError(t, err)
	_, err = v.AddContact(ctx, `=HYPERLINK("http://evil")`, vault.Contact{}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	_, err = v.AddAppointment(ctx, "Préfecture", vault.Appointment{
		Start: time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC), Duration: time.Hour, Zone: "Europe/Paris", Place: "Guichet 3", Note: "x\r\nBEGIN:VALARM",
	}, vault.Place{})
	require.NoError(t, err)
	_, err = v.AddAppointment(ctx, "Aïd", vault.Appointment{Start: time.Date(2027, 3, 9, 23, 0, 0, 0, time.UTC), Zone: "Europe/Paris", AllDay: true}, vault.Place{})
	require.NoError(t, err)
	_, err = v.AddNote(ctx, "Mémo", vault.Note{Text: "Sonner deux fois"}, vault.Place{})
	require.NoError(t, err)
	return dir, l, v, papers
}

type exported struct {
	files    map[string][]byte
	manifest struct {
		Complete bool
		Damaged  []struct{ Item, Name, Problem string }
		Files    []struct {
			Path   string
			Length int64
			SHA256 string
		}
	}
	items []map[string]any
}

func export(t *testing.T, v *vault.Vault) exported {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, v.Export(t.Context(), &buf))
	z, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	require.NoError(t, err)
	e := exported{files: map[string][]byte{}}
	for _, f := range z.File {
		require.True(t, filepath.IsLocal(f.Name), "a path that stays inside: %q", f.Name)
		require.NotContains(t, e.files, f.Name)
		r, err := f.Open()
		require.NoError(t, err)
		e.files[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	require.Equal(t, "manifest.json", z.File[len(z.File)-1].Name)
	require.NoError(t, json.Unmarshal(e.files["manifest.json"], &e.manifest))
	require.NoError(t, json.Unmarshal(e.files["data/items.json"], &e.items))
	return e
}

func TestExportHoldsEverythingWithDigests(t *testing.T) {
	t.Parallel()
	_, _, v, papers := furnished(t)
	e := export(t, v)
	require.True(t, e.manifest.Complete)
	require.Len(t, e.manifest.Files, len(e.files)-1, "the manifest lists every other file")
	for _, f := range e.manifest.Files {
		sum := sha256.Sum256(e.files[f.Path])
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, f.Path)
		require.EqualValues(t, len(e.files[f.Path]), f.Length)
		require.NotContains(t, f.Path, "\u202e")
	}
	byName := map[string][]byte{}
	for _, it := range e.items {
		if d, ok := it["document"].(map[string]any); ok {
			byName[it["name"].(string)] = e.files[d["file"].(string)]
		}
	}
	require.Len(t, byName, len(papers)+1, "two papers of one name are two files")
	for name, data := range papers {
		require.True(t, bytes.Equal(data, byName[name]), name)
	}
	require.Len(t, e.items, 6+2+2+1+2*len(vault.SuggestedFolders()))
}

func TestExportedContactsAndAppointmentsOpenElsewhere(t *testing.T) {
	t.Parallel()
	_, _, v, _ := furnished(t)
	e := export(t, v)

	dec := vcard.NewDecoder(bytes.NewReader(e.files["contacts.vcf"]))
	notes := map[string]string{}
	for {
		card, err := dec.Decode()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		notes[card.Value(vcard.FieldFormattedName)] = card.Value(vcard.FieldNote)
	}
	require.Equal(t, map[string]string{
		"Mme Ünal; assistante":      "line\nNOTE:injected\nEND:VCARD",
		`=HYPERLINK("http://evil")`: "",
	}, notes, "no text ends a card and begins another")

	cal, err := ical.NewDecoder(bytes.NewReader(e.files["appointments.ics"])).Decode()
	require.NoError(t, err)
	require.Len(t, cal.Events(), 2)
	for _, ev := range cal.Events() {
		require.Empty(t, ev.Children)
		start, err := ev.DateTimeStart(time.UTC)
		require.NoError(t, err)
		summary, err := ev.Props.Text(ical.PropSummary)
		require.NoError(t, err)
		if summary == "Préfecture" {
			require.Equal(t, time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC), start)
		} else {
			require.Equal(t, "2027-03-10", start.Format(time.DateOnly), "the day in Paris, not in London")
		}
	}

	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(e.files["data/contacts.csv"], []byte("\ufeff")))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, `'=HYPERLINK("http://evil")`, rows[1][0], "a name is no formula")
	require.Equal(t, "+33 1 23 45 67 89", rows[2][2])
}

func TestExportKeepsAccountAndJournal(t *testing.T) {
	t.Parallel()
	_, _, v, _ := furnished(t)
	login, err := v.Login(t.Context())
	require.NoError(t, err)
	export(t, v)
	e := export(t, v)
	var account struct {
		Login    string
		Consents []struct{ NoticeText, NoticeVersion string }
	}
	require.NoError(t, json.Unmarshal(e.files["account.json"], &account))
	require.Equal(t, login, account.Login)
	require.Equal(t, "Ce que nous gardons, et pour qui.", account.Consents[0].NoticeText)
	var journal []vault.Entry
	require.NoError(t, json.Unmarshal(e.files["journal.json"], &journal))
	require.Equal(t, vault.ActExported, journal[0].Act, "the export before this one")
	require.EqualValues(t, 1, journal[len(journal)-1].Number)
	require.Equal(t, vault.ActCreated, journal[len(journal)-1].Act)
}

func TestExportNamesWhatIsDamagedAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	dir, _, v, papers := furnished(t)
	flipped := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, local.DocumentsName), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) < 100_000 {
			return err
		}
		b[70_000] ^= 1
		flipped++
		return os.WriteFile(path, b, 0o600)
	}))
	require.Equal(t, 1, flipped)
	e := export(t, v)
	require.False(t, e.manifest.Complete)
	require.Len(t, e.manifest.Damaged, 1)
	require.Equal(t, "Carte d'identité", e.manifest.Damaged[0].Name)
	documents := 0
	for path := range e.files {
		if strings.HasPrefix(path, "documents/") {
			documents++
		}
	}
	require.Equal(t, len(papers), documents, "all but the damaged one, and the second of one name")
}

type cutWriter struct{ left int }

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestBrokenExportHasNoManifestAndLeavesItsLine(t *testing.T) {
	t.Parallel()
	_, _, v, _ := furnished(t)
	require.ErrorIs(t, v.Export(t.Context(), &cutWriter{left: 100_000}), io.ErrClosedPipe)
	entries, err := v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActExported, entries[0].Act)
}
