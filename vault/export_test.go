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
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-vcard"
	"github.com/santhosh-tekuri/jsonschema/v6"
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
	zip    []byte
	files  map[string][]byte // by their path in the bag
	bundle struct {
		Complete bool
		Damaged  []struct{ Item, Name, Problem string }
		Items    []map[string]any
	}
}

func export(t *testing.T, v *vault.Vault, opts *vault.ExportOptions) exported {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, v.Export(t.Context(), &buf, opts))
	z, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	require.NoError(t, err)
	e := exported{zip: buf.Bytes(), files: map[string][]byte{}}
	for _, f := range z.File {
		require.True(t, filepath.IsLocal(f.Name), "a path that stays inside: %q", f.Name)
		name, inside := strings.CutPrefix(f.Name, "reconnect/")
		require.True(t, inside, "one folder, to be unpacked beside others: %q", f.Name)
		require.NotContains(t, e.files, name)
		r, err := f.Open()
		require.NoError(t, err)
		e.files[name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	require.Equal(t, "reconnect/tagmanifest-sha256.txt", z.File[len(z.File)-1].Name)
	require.NoError(t, json.Unmarshal(e.files["data/bundle.json"], &e.bundle))
	return e
}

func TestExportHoldsEverythingWithDigests(t *testing.T) {
	t.Parallel()
	_, _, v, papers := furnished(t)
	e := export(t, v, nil)
	require.True(t, e.bundle.Complete)
	listed := 0
	for _, list := range []string{"manifest-sha256.txt", "tagmanifest-sha256.txt"} {
		for line := range strings.Lines(string(e.files[list])) {
			digest, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			require.True(t, ok, line)
			sum := sha256.Sum256(e.files[name])
			require.Equal(t, hex.EncodeToString(sum[:]), digest, name)
			require.NotContains(t, name, "\u202e")
			listed++
		}
	}
	require.Equal(t, len(e.files)-1, listed, "the lists name every other file")
	byName := map[string][]byte{}
	for _, it := range e.bundle.Items {
		if d, ok := it["document"].(map[string]any); ok {
			byName[it["name"].(string)] = e.files[d["file"].(string)]
		}
	}
	require.Len(t, byName, len(papers)+1, "two papers of one name are two files")
	for name, data := range papers {
		require.True(t, bytes.Equal(data, byName[name]), name)
	}
	require.Len(t, e.bundle.Items, 6+2+2+1+2*len(vault.SuggestedFolders()))
}

func TestExportedContactsAndAppointmentsOpenElsewhere(t *testing.T) {
	t.Parallel()
	_, _, v, _ := furnished(t)
	e := export(t, v, nil)

	dec := vcard.NewDecoder(bytes.NewReader(e.files["data/contacts.vcf"]))
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

	cal, err := ical.NewDecoder(bytes.NewReader(e.files["data/appointments.ics"])).Decode()
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
	export(t, v, nil)
	e := export(t, v, nil)
	var account struct {
		Login    string
		Consents []struct{ NoticeText, NoticeVersion string }
	}
	require.NoError(t, json.Unmarshal(e.files["data/account.json"], &account))
	require.Equal(t, login, account.Login)
	require.Equal(t, "Ce que nous gardons, et pour qui.", account.Consents[0].NoticeText)
	var journal []vault.Entry
	require.NoError(t, json.Unmarshal(e.files["data/journal.json"], &journal))
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
	e := export(t, v, nil)
	require.False(t, e.bundle.Complete)
	require.Len(t, e.bundle.Damaged, 1)
	require.Equal(t, "Carte d'identité", e.bundle.Damaged[0].Name)
	documents := 0
	for path := range e.files {
		if strings.HasPrefix(path, "data/documents/") {
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
	require.ErrorIs(t, v.Export(t.Context(), &cutWriter{left: 100_000}, nil), io.ErrClosedPipe)
	entries, err := v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActExported, entries[0].Act)
}

func TestOnlyWhatIsChosenLeaves(t *testing.T) {
	t.Parallel()
	_, _, v, papers := furnished(t)
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	one := all[0]
	e := export(t, v, &vault.ExportOptions{Items: []vault.ItemID{one.ID}, Receipts: [][]byte{[]byte("{}")}})
	require.Len(t, e.bundle.Items, 2, "the paper and its folder")
	require.NotContains(t, e.files, "data/account.json")
	require.NotContains(t, e.files, "data/journal.json", "whoever is given one paper learns nothing else")
	require.NotContains(t, e.files, "data/receipts/0001.json")
	raw := string(e.files["data/bundle.json"])
	for name := range papers {
		if name != one.Name {
			require.NotContains(t, raw, name)
		}
	}
	e = export(t, v, &vault.ExportOptions{Kinds: []vault.Kind{vault.KindContact}})
	require.Len(t, e.bundle.Items, 2)
	e = export(t, v, &vault.ExportOptions{WithoutPrivate: true})
	require.NotEmpty(t, e.bundle.Items)
	for _, it := range e.bundle.Items {
		require.Equal(t, "shared", it["compartment"])
	}
	var out bytes.Buffer
	require.ErrorIs(t, v.Export(t.Context(), &out, &vault.ExportOptions{Items: []vault.ItemID{{1}}}), vault.ErrNotFound)
	require.Zero(t, out.Len())
	e = export(t, v, &vault.ExportOptions{Receipts: [][]byte{[]byte("{}")}})
	require.Equal(t, "{}", string(e.files["data/receipts/0001.json"]))
}

// The JSON of a bundle is as the published schema says, by a validator that is not ours.
func TestABundleIsAsItsSchemaSays(t *testing.T) {
	t.Parallel()
	_, _, v, _ := furnished(t)
	e := export(t, v, nil)
	require.Equal(t, vault.BundleSchema(), e.files["bundle.schema.json"], "it goes along")
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(vault.BundleSchema()))
	require.NoError(t, err)
	require.NoError(t, compiler.AddResource("bundle-1.json", doc))
	schema, err := compiler.Compile("bundle-1.json")
	require.NoError(t, err)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.files["data/bundle.json"]))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(instance))
	delete(instance.(map[string]any), "vault")
	require.Error(t, schema.Validate(instance))
}

// checkBag is a validator of bags that shares nothing with this library: the rules of
// RFC 8493 in Python (that of the system, which has the parsers of Debian), and sha256sum.
const checkBag = `
import os, sys, hashlib, re, subprocess, urllib.parse
[bag] = os.listdir("."); os.chdir(bag)
assert open("bagit.txt").read() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
def listed(name):
    out = {}
    for line in open(name, encoding="utf-8", newline="\n"):
        digest, path = re.fullmatch(r"([0-9a-f]{64})\s+(.+)\n", line).groups()
        path = urllib.parse.unquote(path)
        assert path not in out
        out[path] = digest
    return out
there = {os.path.relpath(os.path.join(d, f), ".") for d, _, fs in os.walk(".") for f in fs}
payload, tags = listed("manifest-sha256.txt"), listed("tagmanifest-sha256.txt")
assert set(payload) == {p for p in there if p.startswith("data/")}, "payload"
assert set(tags) == {p for p in there if not p.startswith("data/")} - {"tagmanifest-sha256.txt"}, "tags"
for path, digest in {**payload, **tags}.items():
    assert hashlib.sha256(open(path, "rb").read()).hexdigest() == digest, path
info = dict(line.rstrip("\n").split(": ", 1) for line in open("bag-info.txt"))
assert info["Payload-Oxum"] == "%d.%d" % (sum(os.path.getsize(p) for p in payload), len(payload))
subprocess.run(["sha256sum", "--check", "--quiet", "tagmanifest-sha256.txt"], check=True)
import vobject
print(len(list(vobject.readComponents(open("data/contacts.vcf", encoding="utf-8", newline="").read()))), "cards")
import icalendar
cal = icalendar.Calendar.from_ical(open("data/appointments.ics", "rb").read())
print(len(cal.walk("VEVENT")), "events")
`

func TestOtherProgramsOpenABundle(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"unzip", "/usr/bin/python3", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("RECONNECT_TEST_ALL") == "" {
			t.Skip("needs " + program)
		}
	}
	if os.Getenv("RECONNECT_TEST_ALL") == "" && exec.Command("/usr/bin/python3", "-c", "import vobject, icalendar").Run() != nil {
		t.Skip("needs python3-vobject and python3-icalendar")
	}
	_, _, v, _ := furnished(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bundle.zip"), export(t, v, nil).zip, 0o600))
	out, err := exec.Command("unzip", "-q", filepath.Join(dir, "bundle.zip"), "-d", filepath.Join(dir, "out")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	check := exec.Command("/usr/bin/python3", "-c", checkBag)
	check.Dir = filepath.Join(dir, "out")
	out, err = check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "2 cards\n2 events\n", string(out))
}
