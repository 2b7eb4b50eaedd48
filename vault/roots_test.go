package vault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// dump is a copy of all records, as somebody may have made.
func dump(t testing.TB, s *storage.Store) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for rec, err := range s.All(t.Context(), "") {
		require.NoError(t, err)
		out[rec.Key] = rec.Value
	}
	return out
}

// putBack makes the store what it was, but for what it had not then.
func putBack(t testing.TB, s *storage.Store, old map[string][]byte) {
	t.Helper()
	for key := range dump(t, s) {
		if _, was := old[key]; !was {
			set(t, s, key, nil)
		}
	}
	for key, value := range old {
		if value == nil {
			value = []byte{}
		}
		set(t, s, key, value)
	}
}

// fill adds so many notes to both sides.
func fill(t testing.TB, v *vault.Vault, n int) {
	t.Helper()
	for i := range n {
		_, err := v.AddNote(t.Context(), fmt.Sprintf("note %03d", i), vault.Note{Text: fmt.Sprint(i)}, vault.Place{Compartment: []vault.Compartment{vault.Shared, vault.Private}[i%2]})
		require.NoError(t, err)
	}
}

func TestKeysThatOthersMayKnowAreChangedForEverything(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 120)
	paper := add(t, s.v, "Carte", content(1, 4000))
	old := dump(t, s.Store)
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	s.person.Password = "gato niru pesa fova"
	for key, now := range dump(t, s.Store) {
		if then, was := old[key]; was && mustChange(s.v.ID(), key) {
			require.NotEqual(t, then, now, key)
		}
	}
	m, err := s.v.Metadata(t.Context(), paper.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
	v := s.person.SignIn(t, s.restart(t))
	require.Len(t, papers(t, v), 121)
	require.Equal(t, content(1, 4000), read(t, v, paper.ID))
	requireSound(t, s.Stage, s.person)
}

// mustChange names the kinds of records that lie under keys of the vault. The
// wrapping key opens no root, and the journal's old lines stay as they were
// chained: they are read by who has today's keyring.
func mustChange(id vault.ID, key string) bool {
	for _, kind := range []string{"h/", "k/o", "k/s", "k/p", "s/", "n/", "x/", "i/", "o/"} {
		prefix := id.String() + "/" + kind
		if len(key) >= len(prefix) && key[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

func TestAnInterruptedChangeOfKeysGoesOnAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 120)
	paper := add(t, s.v, "Carte", content(1, 4000))
	const next = "gato niru pesa fova"
	for commit := 3; ; commit++ { // 1 and 2 are about the try at the old password
		w := watch(t, s.Stage, nil)
		v := s.person.SignIn(t, w.Stage)
		generation := generationOf(t, v, paper.ID)
		w.store.FailFrom(commit, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
		err := v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next + fmt.Sprint(commit), KnownToOthers: true})
		failed := w.store.Failed()
		w.heal()
		if !failed {
			require.NoError(t, err)
			s.person.Password = next + fmt.Sprint(commit)
			break
		}
		require.NoError(t, w.Vaults.Close())
		fresh := s.Another(t, nil)
		if _, signIn := fresh.Unlock(t.Context(), s.person.Secret()); signIn == nil {
			require.ErrorIs(t, err, vault.ErrStorage)
			continue // it had not begun
		}
		require.ErrorIs(t, err, vault.ErrUnconfirmed, "the new password is in force")
		s.person.Password = next + fmt.Sprint(commit)
		again := s.person.SignIn(t, fresh)
		require.Len(t, papers(t, again), 121)
		require.Equal(t, content(1, 4000), read(t, again, paper.ID))
		require.Equal(t, generation+1, generationOf(t, again, paper.ID), "what was left is done")
		for _, c := range []vault.Compartment{vault.Shared, vault.Private} {
			all, err := again.List(t.Context(), &vault.ListOptions{Compartment: c})
			require.NoError(t, err)
			for _, it := range all {
				if it.Kind == vault.KindDocument {
					require.Equal(t, generation+1, generationOf(t, again, it.ID))
				}
			}
		}
	}
	requireSound(t, s.Stage, s.person)
}

func generationOf(t testing.TB, v *vault.Vault, id vault.ItemID) uint64 {
	t.Helper()
	m, err := v.Metadata(t.Context(), id)
	require.NoError(t, err)
	return m.Generation
}

func TestWhatCannotBeSealedAnewKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 40)
	w := watch(t, s.Stage, nil)
	v := s.person.SignIn(t, w.Stage)
	n := 0 // commits up to the one that changes the keys
	for ; generationOfHead(t, s.Stage, v.ID()) == 1; n++ {
		w.store.FailFrom(n+1, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
		_ = v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true})
		w.heal()
	}
	s.person.Password = "gato niru pesa fova"
	for _, paper := range keys(t, s.Store, v.ID().String()+"/o/") {
		b := get(t, s.Store, paper)
		set(t, s.Store, paper, flipped(b, len(b)-1))
	}
	again := s.person.SignIn(t, s.restart(t))
	require.Len(t, papers(t, again), 40)
	addNote(t, again, "goes on", "")
	_, err := again.Consents(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
}

// generationOfHead reads from the owner head, without any key, which generation is current.
func generationOfHead(t testing.TB, stage *vaulttest.Stage, id vault.ID) uint64 {
	t.Helper()
	h, err := seal.OpenOwnerHead(id, get(t, stage.Store, id.String()+"/h/o"))
	require.NoError(t, err)
	return h.Compartments[0].Generation
}
