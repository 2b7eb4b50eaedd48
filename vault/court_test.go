package vault_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A court orders the operator to hand over everything while nobody is signed in:
// records, blobs, the witness's memory, the key service and the service's keys.
// None of it opens anything of the vault. Each attempt is shown to succeed with
// the right key first.
func TestACourtOrderOpensNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Folder: t.TempDir()})
	other := s.Person(t)
	for _, v := range []*vault.Vault{s.v, other.Vault} {
		add(t, v, "Carte", content(1, 5000))
		_, err := v.AddNote(t.Context(), "Note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
		_, err = v.AskForSpace(t.Context(), "the reason")
		require.NoError(t, err)
	}
	id := s.v.ID()
	rings, inboxes, _ := s.v.Keys()
	right := slices.Concat(rings[vault.Owner], rings[vault.Shared], rings[vault.Private])
	paper := papersOf(t, s.v)[0]
	blobName, record := blobOf(t, s.v, paper.ID), id.String()+"/i/"+paper.ID.String()
	require.NoError(t, s.v.SignOut(t.Context()))
	require.NoError(t, other.Vault.SignOut(t.Context()))

	seized := dump(t, s.Store)
	at, operator, err := s.ServiceKeys(t.Context(), id)
	require.NoError(t, err)
	others, _, err := s.ServiceKeys(t.Context(), other.Vault.ID())
	require.NoError(t, err)
	wrapping, document := at[len(at)-1], blob(t, s.Stage, blobName)
	opened := map[string]int{}
	for _, key := range slices.Concat(at, others) {
		for stored, record := range seized {
			kind, _, _ := strings.Cut(strings.TrimPrefix(stored, id.String()+"/"), "/")
			if !strings.HasPrefix(stored, id.String()+"/") || kind == "s" && bytes.Equal(key.Bytes(), wrapping.Bytes()) {
				continue // the wrapping key opens what is around the roots, see below
			}
			require.False(t, vault.Opens(id, stored, record, key), stored)
			for _, k := range right {
				if vault.Opens(id, stored, record, k) {
					opened[kind]++
				}
			}
			if kind == "s" {
				require.False(t, vault.OpensRoots(id, stored, record, wrapping, key), stored)
			}
		}
		require.False(t, vault.OpensBlob(id, record, seized[record], document, 5000, key))
	}
	require.True(t, slices.ContainsFunc(right, func(k seal.Key) bool {
		data, ok := vault.DataKey(id, record, seized[record], k)
		return ok && vault.OpensBlob(id, record, seized[record], document, 5000, data)
	}), "the key in its record does")
	for _, kind := range []string{"h", "x", "i", "o"} {
		require.NotZero(t, opened[kind], "the right keys open %q, so that the attempt means something", kind)
	}
	slot := keys(t, s.Store, id.String()+"/s/")[0]
	derived, err := vault.PasswordKey(id, slot, seized[slot], wrapping, s.person.Password)
	require.NoError(t, err)
	require.True(t, vault.OpensRoots(id, slot, seized[slot], wrapping, derived), "only the password does")

	for n, stored := range keys(t, s.Store, id.String()+"/j/") {
		require.False(t, vault.OpensLine(id, uint64(n+1), seized[stored], operator), "the operator reads reasons, no journal")
		require.True(t, slices.ContainsFunc(inboxes, func(k seal.BoxKey) bool { return vault.OpensLine(id, uint64(n+1), seized[stored], k) }))
	}
	for p, err := range s.PendingSpace(t.Context()) { // what is addressed to the operator, the operator reads
		require.NoError(t, err)
		require.Equal(t, "the reason", p.Reason)
	}
	requireLoginNeedsTheLogin(t, s, seized)
}

func papersOf(t testing.TB, v *vault.Vault) []vault.Item {
	t.Helper()
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	return all
}

// requireLoginNeedsTheLogin: a vault is found by who types its login. The store
// alone, under any name, says neither which logins exist nor whose they are.
func requireLoginNeedsTheLogin(t testing.TB, s *scene, seized map[string][]byte) {
	t.Helper()
	id := s.v.ID()
	logins := 0
	for stored, record := range seized {
		if strings.HasPrefix(stored, "login/") {
			logins++
			require.False(t, bytes.Contains(record, id[:]))
			require.NotContains(t, string(record), id.String())
		}
		require.NotContains(t, stored+string(record), s.person.Login)
		require.NotContains(t, stored+string(record), strings.ReplaceAll(s.person.Login, " ", ""))
	}
	require.Equal(t, 2, logins)
	_, err := s.Unlock(t.Context(), s.person.Secret())
	require.NoError(t, err)
}
