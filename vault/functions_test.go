package vault_test

import (
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// replaceBlob puts other bytes under the name of a blob, as the store's host could.
func replaceBlob(t testing.TB, stage *vaulttest.Stage, name string, b []byte) {
	t.Helper()
	require.NoError(t, stage.Blobs.Delete(t.Context(), name))
	if b == nil {
		return
	}
	w, err := stage.Blobs.Create(t.Context(), name, int64(len(b)))
	require.NoError(t, err)
	_, err = w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func blob(t testing.TB, stage *vaulttest.Stage, name string) []byte {
	t.Helper()
	r, err := stage.Blobs.Open(t.Context(), name, 0, -1)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return b
}

// blobOf names the blob of a document.
func blobOf(t testing.TB, v *vault.Vault, id vault.ItemID) string {
	t.Helper()
	m, err := v.Metadata(t.Context(), id)
	require.NoError(t, err)
	return m.Parts[0].Blob
}

func TestMetadataCanBeCheckedWithoutAnyKey(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 70_000))
	m, err := s.v.Metadata(t.Context(), paper.ID)
	require.NoError(t, err)
	require.Equal(t, paper, m.Item)
	require.EqualValues(t, 1, m.Revision)
	require.EqualValues(t, 1, m.Generation)
	require.NotEmpty(t, m.Algorithms)
	require.Len(t, m.Parts, 1)
	stored := blob(t, s.Stage, m.Parts[0].Blob)
	sum := sha256.Sum256(stored)
	require.Equal(t, sum[:], m.Parts[0].Digest)
	require.EqualValues(t, len(stored), m.Parts[0].Length)
	require.Equal(t, paper.Document.Stored, m.Parts[0].Length)
	note := addNote(t, s.v, "Note", "")
	_, err = s.v.Metadata(t.Context(), note.ID)
	requireInvalid(t, err, "item")
	_, err = s.v.Control(t.Context(), note.ID)
	requireInvalid(t, err, "item")
}

func TestAControlFindsEveryFlippedBit(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 300_000))
	name := blobOf(t, s.v, paper.ID)
	report, err := s.v.Control(t.Context(), paper.ID)
	require.NoError(t, err)
	require.Equal(t, vault.ControlReport{Item: paper, At: s.Clock.Now(), Intact: true, Found: paper.Document.Digest}, report)

	honest := blob(t, s.Stage, name)
	spoilt := map[string][]byte{"gone": nil, "empty": {}, "cut": honest[:len(honest)-1], "longer": append(append([]byte(nil), honest...), 0)}
	for _, at := range []int{0, 1, 39, 40, 41, 1000, segment - 1, segment, len(honest) - 17, len(honest) - 1} {
		spoilt[string(rune('0'+at%10))+"-flip"] = flipped(honest, at)
	}
	for what, b := range spoilt {
		replaceBlob(t, s.Stage, name, b)
		report, err := s.v.Control(t.Context(), paper.ID)
		require.NoError(t, err, "it is the result, not an error")
		require.False(t, report.Intact, what)
		require.Nil(t, report.Found)
		journal, err := s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"intact": "false"}, journal[0].Detail)
		_, err = tryRead(t, s.v, paper.ID)
		require.ErrorIs(t, err, vault.ErrTampered, what)
	}
	replaceBlob(t, s.Stage, name, honest)
	report, err = s.v.Control(t.Context(), paper.ID)
	require.NoError(t, err)
	require.True(t, report.Intact)
}

func TestAStoreThatDoesNotAnswerIsNotTampering(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 300_000))
	for _, op := range []storagetest.Op{storagetest.OpenBlob, storagetest.ReadBlob} {
		w.store.FailFrom(1, storage.ErrUnavailable, storagetest.Before, op)
		_, err := tryRead(t, p.Vault, paper.ID)
		require.ErrorIs(t, err, vault.ErrStorage)
		require.NotErrorIs(t, err, vault.ErrTampered)
		_, err = p.Vault.Control(t.Context(), paper.ID)
		require.ErrorIs(t, err, vault.ErrStorage)
		w.heal()
	}
	require.Equal(t, content(1, 300_000), read(t, p.Vault, paper.ID))
}
