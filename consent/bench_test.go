package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// BenchmarkFollowed compares what a person does in their own space, in a session,
// with what a worker does in it as their relay lets them: the worker's own space, the
// relay's and the person's are opened and checked each time, as a server does for each
// request. On SQLite, with 200 items.
func BenchmarkFollowed(b *testing.B) {
	stage := consenttest.New(b, &consenttest.Options{Vault: vaulttest.Options{Folder: b.TempDir()}})
	harbour := stage.Relay(b, "Harbour")
	samir := harbour.Hire(b, "Samir", consent.RoleHelp)
	amina := stage.Person(b)
	notice := vault.Notice{Version: "1", Language: "en", Text: "notice"}
	_, err := stage.Follow(b.Context(), amina.Vault, consent.Follow{Relay: harbour.ID, Scope: vault.ScopeAdd, Notice: notice, Agreed: true, Name: "Amina"}, vault.Secret{Password: amina.Password})
	require.NoError(b, err)
	for range 200 {
		_, err := amina.Vault.AddNote(b.Context(), "note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Shared})
		require.NoError(b, err)
	}
	post := samir.At(b, harbour)
	people, err := post.People(b.Context())
	require.NoError(b, err)
	require.Len(b, people, 1)
	v, err := post.Open(b.Context(), amina.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
	require.NoError(b, err)
	v.Close()

	b.Run("by the person", func(b *testing.B) {
		for b.Loop() {
			v, err := stage.Vaults.Resume(b.Context(), amina.Vault.Token())
			require.NoError(b, err)
			all, err := v.List(b.Context(), nil)
			require.NoError(b, err)
			require.Len(b, all, 202) // with a folder on each side
			v.Close()
		}
	})
	b.Run("by a worker", func(b *testing.B) {
		for b.Loop() {
			w, err := stage.Service.Resume(b.Context(), samir.Own().Token())
			require.NoError(b, err)
			p, v, _, err := w.Opened(b.Context())
			require.NoError(b, err)
			all, err := v.List(b.Context(), nil)
			require.NoError(b, err)
			require.Len(b, all, 201)
			v.Close()
			p.Close()
			w.Close()
		}
	})
}
