package vault_test

import (
	"crypto/sha256"
	"fmt"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// thumbnails writes a vault whose documents have small pictures, and what a store
// may do to them.
func (w *vectorWriter) thumbnails() {
	t, folder := w.t, w.t.TempDir()
	m := &made{w: w, name: "thumbnail", ctx: t.Context(), stage: vaulttest.New(t, &vaulttest.Options{Folder: folder})}
	var err error
	m.v, err = m.stage.Create(m.ctx, vault.CreateRequest{
		Password: vectorPassword, Consent: true, Notice: vault.Notice{Version: "1", Language: "en", Text: "What we keep."}, Session: &vault.SessionRequest{Device: "phone"},
	})
	require.NoError(t, err)
	m.login, err = m.v.Login(m.ctx)
	require.NoError(t, err)
	one := pictured(t, m.v, vault.NewDocument{Name: "one", MediaType: "image/jpeg"}, 1)
	two := pictured(t, m.v, vault.NewDocument{Name: "two", MediaType: "image/jpeg"}, 2)
	two, err = m.v.Move(m.ctx, two.ID, two.Revision, vault.Shared)
	require.NoError(t, err)
	parts := map[vault.ItemID][]vault.PartMetadata{}
	for _, it := range []vault.Item{one, two} {
		metadata, err := m.v.Metadata(m.ctx, it.ID)
		require.NoError(t, err)
		parts[it.ID] = metadata.Parts
	}
	m.take(folder, "Documents with small pictures, one of them moved since.")

	expect, mine := "tampered item "+one.ID.String(), parts[one.ID][1].Blob
	gone := []field{text("gone", fmt.Sprintf("thumbnail | %s | %x", one.ID, sha256.Sum256(picture(1, 9000)))), text("shows", expect)}
	spoil := func(name, comment string, with field) {
		w.on("thumbnail", name, expect, comment, append([]field{with}, gone...)...)
	}
	spoil("flipped", "A byte of the small picture was altered.", text("change", "flip blob="+mine+" 200"))
	spoil("of-another", "The small picture of another document.", field{Name: "blob", Line: mine, Data: blobBytes(t, m.stage, parts[two.ID][1].Blob)})
	spoil("is-the-document", "The document's own blob in the place of the small picture.", field{Name: "blob", Line: mine, Data: blobBytes(t, m.stage, parts[one.ID][0].Blob)})
	spoil("cut", "The small picture ends too early.", text("change", "cut blob="+mine+" 1"))
	require.Equal(t, seal.SealedSize(20<<10), int64(len(blobBytes(t, m.stage, mine))))
}
