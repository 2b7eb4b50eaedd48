package vault_test

import (
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// parts writes a vault with a document of two parts, and what can be wrong with it.
func (w *vectorWriter) parts() {
	m := &made{w: w, name: "parts", ctx: w.t.Context()}
	folder := w.t.TempDir()
	m.stage = vaulttest.New(w.t, &vaulttest.Options{Folder: folder})
	v, err := m.stage.Create(m.ctx, vault.CreateRequest{
		Password: vectorPassword, Consent: true, Channel: "relais", Notice: vault.Notice{Version: "2026-1", Language: "fr", Text: "Ce que nous gardons."},
		Session: &vault.SessionRequest{Device: "téléphone"},
	})
	require.NoError(w.t, err)
	m.v = v
	m.login, err = v.Login(m.ctx)
	require.NoError(w.t, err)
	m.doc = uploaded(w.t, v, vault.NewDocument{Name: "Film.mp4", MediaType: "video/mp4", Compartment: vault.Shared, Channel: "api"}, content(4, uploadPart+5000))
	m.take(folder, "A vault with a document that was uploaded in two parts, which are padded together.")

	blobs := blobsNamed(w.t, m.records[m.v.ID().KeyOf("i/"+m.doc.ID.String())])
	require.Len(w.t, blobs, 2)
	item := func(name, comment string, spoil func(f *vault.Forge), more ...field) {
		w.t.Helper()
		expect := "tampered item " + m.doc.ID.String()
		m.spoil(name, expect, comment, spoil, append(m.instead(m.doc, expect), more...)...)
	}
	item("first-flipped", "One bit of the first part.", nil, change("flip", "blob="+blobs[0], "1000"))
	item("last-flipped", "One bit of the last part, where it holds only zeros.", nil, change("flip", "blob="+blobs[1], "16000"))
	item("last-cut", "The last part without its last byte.", nil, change("cut", "blob="+blobs[1], "1"))
	item("last-missing", "The last part is not there.", nil, text("gone", blobs[1]))
	item("as-one", "The document is as long as its first part, and has two.", func(f *vault.Forge) {
		f.Item(m.doc, true, func(facts *vault.Facts, _ [][]byte) { facts.Document.Size = uploadPart })
	})
	item("keys-exchanged", "Each part has the other's key.", func(f *vault.Forge) {
		f.Item(m.doc, true, func(_ *vault.Facts, keys [][]byte) { keys[0], keys[1] = keys[1], keys[0] })
	})
}
