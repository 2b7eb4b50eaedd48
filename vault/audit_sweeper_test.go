package vault_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// What tells a sweeper to delete is a record like any other: who can write
// records, and nothing else, must not reach vaults and documents through it.

// due says to a sweeper, as the store's host could, that something was due.
func due(t testing.TB, stage *vaulttest.Stage, owner, what string, value []byte) {
	t.Helper()
	if value == nil {
		value = []byte{}
	}
	set(t, stage.Store, storage.DueKey(stage.Clock.Now().Add(-time.Hour), owner, what), value)
}

// sweepForDays sweeps until nothing is left to do, and returns the last error.
func sweepForDays(t testing.TB, stage *vaulttest.Stage) (err error) {
	t.Helper()
	for range 3 {
		stage.Clock.Advance(24 * time.Hour)
		_, err = stage.Sweep(t.Context())
	}
	return err
}

func TestAVaultThatIsInUseIsNotSweptAsUnclaimed(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	settleWitness(t, s)
	w := watch(t, s.Stage, nil)
	set(t, s.Store, s.key("new"), []byte{})
	due(t, s.Stage, s.v.ID().String(), "new", nil)
	w.witness.away.Store(true)
	require.ErrorIs(t, sweepForDays(t, w.Stage), vault.ErrWitnessAway, "not without asking")
	w.witness.away.Store(false)
	require.NoError(t, sweepForDays(t, w.Stage))
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, w.Stage), paper.ID))
}

func TestAVaultThatLivesIsNotSweptAsErased(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	name := blobOf(t, s.v, paper.ID)
	settleWitness(t, s)
	stage, backup := s.Another(t, nil), dump(t, s.Store)
	due(t, stage, s.v.ID().String(), "erase", nil)
	require.ErrorIs(t, sweepForDays(t, stage), vault.ErrTampered, "its head is no tombstone")
	set(t, s.Store, s.key("h/o"), nil)
	require.ErrorIs(t, sweepForDays(t, stage), vault.ErrTampered, "nor is one that is missing")
	require.NotEmpty(t, blob(t, stage, name), "the document is there")
	putBack(t, s.Store, backup)
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, stage), paper.ID))
}

func TestNoReservationEndsADocumentThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, other := w.Person(t), w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 500))
	name := blobOf(t, p.Vault, paper.ID)
	for _, owner := range []string{p.Vault.ID().String(), other.Vault.ID().String()} {
		require.NoError(t, w.Store.Transact(t.Context(), func(tx *storage.Tx) error {
			_, err := w.Quota.Reserve(tx, owner, quota.Reservation{ID: "forged", Blob: name, Bytes: 1})
			return err
		}))
	}
	w.Clock.Advance(5 * time.Hour)
	report, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.SweepReport{Uploads: 2}, report)
	require.Contains(t, w.blobs.there(t), name)
	require.Equal(t, content(1, 500), read(t, p.SignIn(t, w.Stage), paper.ID))
	requireSound(t, w.Stage, p)
}

// A store that brings the reservation of a finished upload back.
func TestAReservationThatCameBackEndsNoDocument(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var during map[string][]byte
	paper, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "Carte", Size: 500}, slow{bytes.NewReader(content(1, 500)), 500, func() {
		if during == nil {
			during = dump(t, s.Store)
		}
	}})
	require.NoError(t, err)
	brought := 0
	for key, record := range during {
		if strings.Contains(key, "/q/r/") || key == s.key("q") || strings.HasPrefix(key, "due/") && strings.Contains(key, "/q/") {
			if record == nil {
				record = []byte{}
			}
			set(t, s.Store, key, record)
			brought++
		}
	}
	require.Equal(t, 3, brought, "it, its deadline and the books of then")
	require.NoError(t, sweepForDays(t, s.Stage))
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, s.Stage), paper.ID))
}

func TestNoDueEntryEndsADocumentThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, other := w.Person(t), w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 500))
	name := blobOf(t, p.Vault, paper.ID)
	for _, owner := range []string{p.Vault.ID().String(), other.Vault.ID().String()} {
		due(t, w.Stage, owner, "blob-x", []byte(name))
	}
	report, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.SweepReport{Blobs: 2}, report)
	require.Contains(t, w.blobs.there(t), name)
	require.Equal(t, content(1, 500), read(t, p.Vault, paper.ID))
}

func TestASpoiltDueKeyStopsNoOther(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 500))
	require.NoError(t, p.Vault.Destroy(t.Context(), paper.ID, 1))
	set(t, w.Store, "due/!", []byte{}) // before all others
	w.Clock.Advance(10 * time.Hour)
	report, err := w.Sweep(t.Context())
	require.ErrorIs(t, err, vault.ErrInvalid, "somebody is told")
	require.Equal(t, vault.SweepReport{Blobs: 1, Failed: 1}, report)
	require.Empty(t, w.blobs.there(t), "what was destroyed is gone")
}

func TestATombstoneEndsWithTheReopeningOfItsAccount(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	closed, err := s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	tomb := get(t, s.Store, s.key("tomb"))
	require.NoError(t, s.v.Reopen(t.Context()))
	settleWitness(t, s)
	stage, backup := s.Another(t, nil), dump(t, s.Store)
	head, _, err := stage.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Equal(t, backup[s.key("h/o")], head, "the witness knows of the reopening")

	for _, when := range []time.Time{stage.Clock.Now(), closed.ErasedAt.Add(48 * time.Hour)} { // too early, and when its time would be over
		stage.Clock.Set(when)
		set(t, s.Store, s.key("h/o"), tomb)
		due(t, stage, s.v.ID().String(), "erase", nil)
		require.Error(t, sweepForDays(t, stage))
		putBack(t, s.Store, backup) // the operator puts the records back
		head, _, err = stage.Witness.OwnerSide(t.Context(), s.v.ID())
		require.NoError(t, err)
		require.Equal(t, backup[s.key("h/o")], head, "the witness did not believe it")
		again := s.Another(t, nil)
		require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, again), paper.ID), "and the document is there")
		require.NoError(t, again.Vaults.Close())
		backup = dump(t, s.Store)
	}
}

func TestAClosedAccountThatCannotBeErasedIsReported(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	closed, err := s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	tomb := get(t, s.Store, s.key("tomb"))
	set(t, s.Store, s.key("tomb"), nil)
	s.Clock.Set(closed.ErasedAt.Add(time.Hour))
	for range 2 { // again and again, until somebody sees to it
		report, err := s.Sweep(t.Context())
		require.ErrorIs(t, err, vault.ErrTampered)
		require.Equal(t, 1, report.Failed)
	}
	set(t, s.Store, s.key("tomb"), tomb)
	require.NoError(t, sweepForDays(t, s.Stage))
	require.Equal(t, []string{s.key("h/o")}, keys(t, s.Store, s.key("")))
}
