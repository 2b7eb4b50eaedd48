package vault_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

const segment = 256 << 10 // of a document as it is sealed

// scene is a stage with one person on it.
type scene struct {
	*vaulttest.Stage
	person *vaulttest.Person
	v      *vault.Vault // the person's, open
}

func newScene(t testing.TB, opts *vaulttest.Options) *scene {
	t.Helper()
	stage := vaulttest.New(t, opts)
	p := stage.Person(t)
	return &scene{Stage: stage, person: p, v: p.Vault}
}

// restart ends the service, so that everything is reported to the witness, and
// returns another over the same data without any wrap.
func (s *scene) restart(t testing.TB) *vaulttest.Stage {
	t.Helper()
	require.NoError(t, s.Vaults.Close())
	return s.Another(t, nil)
}

// content returns n bytes that nothing compresses, the same for the same seed.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	_, _ = r.Read(b)
	return b
}

func add(t testing.TB, v *vault.Vault, name string, b []byte) vault.Item {
	t.Helper()
	return addTo(t, v, vault.NewDocument{Name: name, Size: int64(len(b))}, b)
}

func addTo(t testing.TB, v *vault.Vault, n vault.NewDocument, b []byte) vault.Item {
	t.Helper()
	it, err := v.AddDocument(t.Context(), n, bytes.NewReader(b))
	require.NoError(t, err)
	return it
}

func addNote(t testing.TB, v *vault.Vault, name, text string) vault.Item {
	t.Helper()
	it, err := v.AddNote(t.Context(), name, vault.Note{Text: text}, vault.Place{})
	require.NoError(t, err)
	return it
}

func read(t testing.TB, v *vault.Vault, id vault.ItemID) []byte {
	t.Helper()
	b, err := tryRead(t, v, id)
	require.NoError(t, err)
	return b
}

// tryRead returns what was released before the error, too.
func tryRead(t testing.TB, v *vault.Vault, id vault.ItemID) ([]byte, error) {
	t.Helper()
	c, err := v.ReadDocument(t.Context(), id)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(c)
}

func item(t testing.TB, v *vault.Vault, id vault.ItemID) vault.Item {
	t.Helper()
	it, err := v.Item(t.Context(), id)
	require.NoError(t, err)
	return it
}

func folder(t testing.TB, v *vault.Vault, name string, in vault.Compartment) vault.Item {
	t.Helper()
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindFolder, Compartment: in})
	require.NoError(t, err)
	for _, f := range all {
		if f.Name == name {
			return f
		}
	}
	require.FailNow(t, "no such folder", "%s in %s", name, in)
	return vault.Item{}
}

func names(items []vault.Item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Name
	}
	return out
}

// papers lists the names of everything but folders.
func papers(t testing.TB, v *vault.Vault) []string {
	t.Helper()
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	out := []string{}
	for _, it := range all {
		if it.Kind != vault.KindFolder {
			out = append(out, it.Name)
		}
	}
	return out
}

// acts returns the last n acts of the journal, the latest first, without the
// reading of the journal itself.
func acts(t testing.TB, v *vault.Vault, n int) []string {
	t.Helper()
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: n})
	require.NoError(t, err)
	out := []string{}
	for _, e := range entries {
		out = append(out, string(e.Act))
	}
	return out
}

// brokenAfter is a connection that fails with err once b has been read.
func brokenAfter(b []byte, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(b), failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func sized(small, all int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return all
	}
	return small
}

func ptr[T any](v T) *T { return &v }

// requireInvalid demands an InvalidError about one field.
func requireInvalid(t testing.TB, err error, field string) {
	t.Helper()
	require.ErrorIs(t, err, vault.ErrInvalid)
	require.True(t, isAbout(err, field), "%q is not about %q", err, field)
}

func isAbout(err error, field string) bool {
	if bad, ok := err.(*vault.InvalidError); ok {
		return bad.Field == field
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return isAbout(err, field) })
	}
	return false
}
