package bundle_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
	"reconnect.example/internal/testkeys"
	"reconnect.example/internal/testkill"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

func TestMain(m *testing.M) {
	testkeys.UseCheapKDF()
	testkill.Main(m, map[string]func(string) error{childImport: testkill.Errand(importUntilKilled)})
}

func sized(small, all int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return all
	}
	return small
}

// paper is the n-th real paper: a PDF or a picture with something of its own at its end.
func paper(n int) (data []byte, mediaType string) {
	of := []testfiles.File{testfiles.Letter(), testfiles.Payment(), testfiles.Letter(), testfiles.Appointment()}[n%4]
	if n%50 == 7 {
		of = testfiles.Photo()
	}
	return fmt.Appendf(of.Bytes(), "\n%%%d\n", n), of.MediaType
}

// furnished is a person with papers and some of everything else.
func furnished(t testing.TB, stage *vaulttest.Stage, papers int) *vaulttest.Person {
	t.Helper()
	p := stage.Person(t)
	ctx := t.Context()
	folder, err := p.Vault.AddFolder(ctx, "أوراقي", vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	for n := range papers {
		data, mediaType := paper(n)
		d := vault.NewDocument{Name: fmt.Sprintf("بطاقة %d 100%%", n), MediaType: mediaType, Compartment: vault.Private}
		if n%3 == 0 {
			d.Compartment = vault.Shared
		} else if n%3 == 1 {
			d.Folder = folder.ID
		}
		if n == 1 {
			d.Expires = "2031-05-01"
		}
		_, err := p.Vault.AddDocument(ctx, d, bytes.NewReader(data))
		require.NoError(t, err)
	}
	_, err = p.Vault.AddContact(ctx, "Mme Ünal; assistante", vault.Contact{Phones: []string{"+33 1"}, Note: "a\nb"}, vault.Place{})
	require.NoError(t, err)
	_, err = p.Vault.AddAppointment(ctx, "Préfecture", vault.Appointment{Start: stage.Clock.Now(), Duration: 90 * time.Minute, Zone: "Europe/Paris", Place: "Guichet 3"}, vault.Place{})
	require.NoError(t, err)
	_, err = p.Vault.AddNote(ctx, "Mémo", vault.Note{Text: "Sonner deux fois"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	return p
}

func export(t testing.TB, v *vault.Vault) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, v.Export(t.Context(), &out, nil))
	return out.Bytes()
}

func open(t testing.TB, raw []byte) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(t.Context(), bytes.NewReader(raw), int64(len(raw)), nil)
	require.NoError(t, err)
	return b
}

func refused(t testing.TB, raw []byte, opts *bundle.Options) error {
	t.Helper()
	b, err := bundle.Open(t.Context(), bytes.NewReader(raw), int64(len(raw)), opts)
	require.Error(t, err)
	require.Nil(t, b)
	return err
}

// inside says what is in a vault: of each thing what must come through a move.
func inside(t testing.TB, v *vault.Vault) map[string]string {
	t.Helper()
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	folders := map[vault.ItemID]string{}
	for _, it := range all {
		folders[it.ID] = it.Name
	}
	out := map[string]string{}
	for _, it := range all {
		if it.Kind == vault.KindFolder {
			continue
		}
		content := fmt.Sprintf("%v %v %v", it.Contact, it.Appointment, it.Note)
		if it.Kind == vault.KindDocument {
			r, err := v.ReadDocument(t.Context(), it.ID)
			require.NoError(t, err)
			h := sha256.New()
			_, err = io.Copy(h, r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			content = fmt.Sprintf("%x %s %s %s", h.Sum(nil), it.Document.MediaType, it.Document.Issued, it.Document.Expires)
		}
		name := it.Kind.String() + " " + it.Name
		require.NotContains(t, out, name, "nothing is there twice")
		out[name] = fmt.Sprintf("in %q: %s", folders[it.Folder], content)
	}
	return out
}

// entry is one file of a ZIP that a test makes.
type entry struct {
	name string
	data []byte
}

func zipped(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range entries {
		w, err := z.Create(e.name)
		require.NoError(t, err)
		_, err = w.Write(e.data)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

// rezipped is a ZIP with its entries changed.
func rezipped(t testing.TB, raw []byte, change func([]entry) []entry) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(t, err)
	var all []entry
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		all = append(all, entry{f.Name, data})
	}
	return zipped(t, change(all)...)
}
