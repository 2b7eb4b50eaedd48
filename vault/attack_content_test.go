package vault_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func (s *scene) key(rest string) string          { return s.v.ID().String() + "/" + rest }
func (s *scene) itemKey(it vault.Item) string    { return s.key("i/" + it.ID.String()) }
func keyIn(v *vault.Vault, it vault.Item) string { return v.ID().String() + "/i/" + it.ID.String() }
func swapBlobs(t *testing.T, s *scene, a, b string) {
	t.Helper()
	one, other := blob(t, s.Stage, a), blob(t, s.Stage, b)
	replaceBlob(t, s.Stage, a, other)
	replaceBlob(t, s.Stage, b, one)
}

// requireUnreadable demands that a document is refused however it is read, that
// a control says so, and that no byte is released that was not there.
func requireUnreadable(t *testing.T, s *scene, it vault.Item, honest []byte, msg ...any) {
	t.Helper()
	got, err := tryRead(t, s.v, it.ID)
	require.ErrorIs(t, err, vault.ErrTampered, msg...)
	require.True(t, bytes.HasPrefix(honest, got), msg...)
	require.True(t, len(honest) == 0 || len(got) < len(honest), "all of it was released before the end was checked: %v", msg)
	report, err := s.v.Control(t.Context(), it.ID)
	require.NoError(t, err, msg...)
	require.False(t, report.Intact, msg...)
}

func swappedBlobs(t *testing.T, s *scene) {
	b := [][]byte{content(1, 70_000), content(2, 70_000)}
	one, two := add(t, s.v, "one", b[0]), add(t, s.v, "two", b[1])
	bystander := add(t, s.v, "bystander", content(3, 100))
	swapBlobs(t, s, blobOf(t, s.v, one.ID), blobOf(t, s.v, two.ID))
	requireUnreadable(t, s, one, b[0])
	requireUnreadable(t, s, two, b[1])
	_, err := s.v.ReadDocumentRange(t.Context(), one.ID, 10, 10)
	if err == nil {
		c, _ := s.v.ReadDocumentRange(t.Context(), one.ID, 10, 10)
		_, err = io.ReadAll(c)
	}
	require.ErrorIs(t, err, vault.ErrTampered)
	_, err = s.v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrTampered, "nor is it sealed anew as if it were well")
	require.Equal(t, content(3, 100), read(t, s.v, bystander.ID))
}

func swappedVaultsAndSides(t *testing.T, s *scene) {
	other := s.Person(t)
	mine, theirs := add(t, s.v, "Carte", content(1, 5000)), add(t, other.Vault, "Carte", content(2, 5000))
	shared := addTo(t, s.v, vault.NewDocument{Name: "Carte", Compartment: vault.Shared}, content(3, 5000))
	h := remember(t, s.v)
	require.NoError(t, h.survey(t, s))
	for _, pair := range [][2]string{{blobOf(t, s.v, mine.ID), blobOf(t, other.Vault, theirs.ID)}, {blobOf(t, s.v, mine.ID), blobOf(t, s.v, shared.ID)}} {
		swapBlobs(t, s, pair[0], pair[1])
		requireUnreadable(t, s, mine, content(1, 5000))
		requireRefused(t, h.survey(t, s))
		swapBlobs(t, s, pair[0], pair[1])
	}
	foreign := func(rest string) [2]string { return [2]string{s.key(rest), other.Vault.ID().String() + "/" + rest} }
	for _, pair := range [][2]string{
		{s.itemKey(mine), keyIn(other.Vault, theirs)}, {s.itemKey(mine), s.itemKey(shared)},
		foreign("h/o"), foreign("h/s"), foreign("h/p"), foreign("h/j"), foreign("k/o"), foreign("k/s"), foreign("k/p"), foreign("k/w"),
		foreign("x/o/0"), foreign("x/s/0"), foreign("x/p/0"), {s.key("x/s/0"), s.key("x/p/0")}, {s.key("h/s"), s.key("h/p")}, {s.key("k/s"), s.key("k/p")},
	} {
		swap(t, s.Store, pair[0], pair[1])
		if pair[0] != s.key("x/o/0") { // Owner's papers are not looked at by the survey
			requireRefused(t, h.survey(t, s), pair)
		} else {
			_, err := s.person.SignIn(t, s.Another(t, nil)).Consents(t.Context())
			requireRefused(t, err)
		}
		swap(t, s.Store, pair[0], pair[1])
	}
	require.NoError(t, h.survey(t, s), "and all is well again")
}

func blobOfAnOlderRevision(t *testing.T, s *scene) {
	it := add(t, s.v, "Carte", content(1, 5000))
	old := blob(t, s.Stage, blobOf(t, s.v, it.ID))
	next, err := s.v.ReplaceDocument(t.Context(), it.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 5000)))
	require.NoError(t, err)
	replaceBlob(t, s.Stage, blobOf(t, s.v, it.ID), old)
	requireUnreadable(t, s, next, content(2, 5000))
}

func cutBlob(t *testing.T, s *scene) {
	for _, size := range []int{3000, 3*segment + 100} {
		b := content(1, size)
		it := add(t, s.v, "Carte", b)
		name := blobOf(t, s.v, it.ID)
		whole := blob(t, s.Stage, name)
		cuts := []int{0, 1, 39, 40, 41, 1000, segment - 1, segment, segment + 1, 2 * segment, 3 * segment, 3*segment + 16, len(whole) - 17, len(whole) - 16, len(whole) - 1}
		for _, n := range cuts {
			if n < 0 || n >= len(whole) {
				continue
			}
			replaceBlob(t, s.Stage, name, whole[:n])
			requireUnreadable(t, s, it, b, n)
			c, err := s.v.ReadDocumentRange(t.Context(), it.ID, int64(size)-1, 1)
			if err == nil {
				_, err = io.ReadAll(c)
			}
			require.ErrorIs(t, err, vault.ErrTampered, "the last byte, cut at %d", n)
		}
		for _, more := range [][]byte{{0}, whole, whole[len(whole)-100:], make([]byte, segment)} {
			replaceBlob(t, s.Stage, name, append(slices.Clone(whole), more...))
			got, err := tryRead(t, s.v, it.ID)
			require.ErrorIs(t, err, vault.ErrTampered)
			require.True(t, bytes.HasPrefix(b, got))
		}
		replaceBlob(t, s.Stage, name, whole)
		require.Equal(t, b, read(t, s.v, it.ID))
	}
}

func mixedSegments(t *testing.T, s *scene) {
	b := content(1, 4*segment+100)
	it, twin := add(t, s.v, "Carte", b), add(t, s.v, "Carte", b)
	name := blobOf(t, s.v, it.ID)
	whole, other := blob(t, s.Stage, name), blob(t, s.Stage, blobOf(t, s.v, twin.ID))
	cut := func(w []byte, n int) []byte { return w[n*segment : min(len(w), (n+1)*segment)] }
	one := func(n int) []byte { return cut(whole, n) }
	for what, mixed := range map[string][][]byte{
		"dropped":   {one(0), one(2), one(3), one(4)},
		"repeated":  {one(0), one(1), one(1), one(2), one(3), one(4)},
		"replaced":  {one(0), one(1), one(1), one(3), one(4)},
		"reordered": {one(0), one(2), one(1), one(3), one(4)},
		"spliced":   {one(0), one(1), cut(other, 2), one(3), one(4)},
		"last only": {one(0), one(4)},
	} {
		replaceBlob(t, s.Stage, name, slices.Concat(mixed...))
		requireUnreadable(t, s, it, b, what)
	}
	replaceBlob(t, s.Stage, name, slices.Concat(one(0), one(1), one(2), one(3), one(4)))
	require.Equal(t, b, read(t, s.v, it.ID))
}

func recordOnOtherContent(t *testing.T, s *scene) {
	one, two := add(t, s.v, "one", content(1, 5000)), add(t, s.v, "two", content(2, 5000))
	swap(t, s.Store, s.itemKey(one), s.itemKey(two))
	for _, it := range []vault.Item{one, two} {
		var altered *vault.TamperedError
		_, err := s.v.Item(t.Context(), it.ID)
		require.ErrorAs(t, err, &altered)
		require.Equal(t, "item "+it.ID.String(), altered.What)
		_, err = s.v.ReadDocument(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrTampered)
		_, err = s.v.Edit(t.Context(), it.ID, 1, vault.Edit{})
		require.ErrorIs(t, err, vault.ErrTampered)
		require.ErrorIs(t, s.v.Destroy(t.Context(), it.ID, 1), vault.ErrTampered)
	}
}

// sameSizes: what is stored of a short and of a long title, and of documents of
// nearly the same length, is as long.
func sameSizes(t *testing.T, s *scene) {
	size := func(it vault.Item) int { return len(get(t, s.Store, s.itemKey(it))) }
	empty := add(t, s.v, "a", nil)
	for _, name := range []string{"Ordonnance", "Jugement d'expulsion du 3 mars", strings.Repeat("x", 40)} {
		require.Equal(t, size(empty), size(add(t, s.v, name, nil)), name)
	}
	note := addNote(t, s.v, "a", "")
	require.Equal(t, size(note), size(addNote(t, s.v, "séropositif", strings.Repeat("x", 20))))
	lengths := map[int64]int{}
	for n := 100_000; n < 101_000; n += 50 {
		it := add(t, s.v, "a", content(uint64(n), n))
		lengths[it.Document.Stored]++
		stored, err := s.Blobs.Size(t.Context(), blobOf(t, s.v, it.ID))
		require.NoError(t, err)
		require.Equal(t, seal.SealedSize(int64(n)), stored)
	}
	require.LessOrEqual(t, len(lengths), 2, "%v", lengths)
	require.Equal(t, add(t, s.v, "a", nil).Document.Stored, add(t, s.v, "a", content(1, 1000)).Document.Stored)
}

func nothingIsCompressed(t *testing.T, s *scene) {
	secret, guess := strings.Repeat("numéro 2 85 07 75 ", 2000), strings.Repeat("numéro 2 85 07 75 ", 1000)
	for _, b := range [][]byte{[]byte(secret), []byte(guess + guess), make([]byte, len(secret)), content(1, len(secret))} {
		it := add(t, s.v, "a", b)
		require.Equal(t, seal.SealedSize(int64(len(secret))), it.Document.Stored)
		note := addNote(t, s.v, "a", string(bytes.Repeat([]byte{b[0]&0x7f | 0x40}, 3000)))
		mixed := addNote(t, s.v, "a", strings.Repeat("abcdefghij", 300))
		require.Equal(t, len(get(t, s.Store, s.itemKey(mixed))), len(get(t, s.Store, s.itemKey(note))))
	}
}

// cutting is a store of blobs that ends every read early, without an error.
type cutting struct {
	storage.Blobs
	after int64
}

func (c cutting) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	r, err := c.Blobs.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, c.after), r}, nil
}

func readThatEndsEarly(t *testing.T, s *scene) {
	b := content(1, 2*segment+100)
	it := add(t, s.v, "Carte", b)
	for _, after := range []int64{0, 10, 40, 1000, segment, 2 * segment, 2*segment + 50, seal.SealedSize(int64(len(b))) - 1} {
		stage := s.Another(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs { return cutting{b, after} }})
		v, err := stage.Resume(t.Context(), s.v.Token())
		require.NoError(t, err)
		got, err := tryRead(t, v, it.ID)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.True(t, bytes.HasPrefix(b, got) && len(got) < len(b))
		c, err := v.ReadDocument(t.Context(), it.ID)
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, len(b))) // who counts bytes instead of waiting for the end
		require.Error(t, err)
		require.NoError(t, c.Close())
		_, err = v.Move(t.Context(), it.ID, 1, vault.Shared)
		require.ErrorIs(t, err, vault.ErrTampered, "nothing is marked complete")
		w, err := v.ReplaceDocument(t.Context(), it.ID, 1, vault.NewDocument{}, readDocument(t, v, it.ID))
		require.ErrorIs(t, err, vault.ErrTampered, "%v", w)
	}
	require.Equal(t, b, read(t, s.v, it.ID))
}

func readDocument(t *testing.T, v *vault.Vault, id vault.ItemID) io.Reader {
	t.Helper()
	c, err := v.ReadDocument(t.Context(), id)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
