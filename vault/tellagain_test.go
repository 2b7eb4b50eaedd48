package vault_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// emptyWitness is a process over the same store whose witness has lost everything.
func emptyWitness(t *testing.T, s *scene) (*vaulttest.Stage, *witness.Witness) {
	t.Helper()
	w, err := witness.New(witness.Config{Store: storage.New(memstore.New())})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return s.Another(t, &vaulttest.Options{Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return w }}), w
}

func TestAWitnessThatLostItsStoreIsToldEverythingAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	addNote(t, s.v, "kept", "")
	settleWitness(t, s)
	known, err := s.Witness.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	_, keptSide, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	other, w := emptyWitness(t, s)
	for range 2 { // and it may be repeated
		var far []vault.ToldAgain
		told, err := other.TellWitnessAgain(t.Context(), func(t vault.ToldAgain) { far = append(far, t) })
		require.NoError(t, err)
		require.Equal(t, []vault.ToldAgain{told}, far, "after each, who waits is told")
		require.Equal(t, vault.ToldAgain{Vaults: 1}, told)
		latest, err := w.Latest(t.Context(), s.v.ID())
		require.NoError(t, err)
		require.Equal(t, known, latest)
		owner, side, err := w.OwnerSide(t.Context(), s.v.ID())
		require.NoError(t, err)
		require.Equal(t, string(get(t, s.Store, s.key("h/o"))), string(owner))
		require.ElementsMatch(t, keptSide, side)
		require.True(t, slices.ContainsFunc(side, func(k vault.Kept) bool { return strings.HasPrefix(k.Key, "login/") }), "the login too, which nobody has said")
	}
	_, err = other.Unlock(t.Context(), s.person.Secret())
	require.NoError(t, err)
}

func TestAStoreThatWasSetBackTellsTheWitnessNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	old := dump(t, s.Store)
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}))
	other, w := emptyWitness(t, s)
	_, err := other.TellWitnessAgain(t.Context(), nil)
	require.NoError(t, err)
	before, err := w.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	putBack(t, s.Store, old)
	told, err := other.TellWitnessAgain(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ToldAgain{Vaults: 1, Ahead: 1}, told)
	latest, err := w.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Equal(t, before, latest)
}

func TestTellingAWitnessThatIsAwayEndsAtOnceAndAHeadThatIsAlteredStopsNoOther(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	w := watch(t, s.Stage, nil)
	w.witness.away.Store(true)
	_, err := w.TellWitnessAgain(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	w.witness.away.Store(false)
	set(t, s.Store, vault.ID{1}.String()+"/h/o", []byte("no head"))
	set(t, s.Store, vault.ID{2}.String()+"/b/left", []byte("of a creation that was never finished"))
	told, err := w.TellWitnessAgain(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Equal(t, vault.ToldAgain{Vaults: 2, Failed: 1}, told)
}
