package vault_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// TestAttack plays what a malicious store, a stranger or an old copy may do, by
// the ids of docs/threat-model.md, over records and documents in memory and on
// disk. The store's host reads and writes below the library, as set, swap and
// replaceBlob do.
func TestAttack(t *testing.T) {
	t.Parallel()
	attacks := map[string]func(t *testing.T, s *scene){
		"A1_swapped_blobs":              swappedBlobs,
		"A2_swapped_vaults_and_sides":   swappedVaultsAndSides,
		"A3_blob_of_an_older_revision":  blobOfAnOlderRevision,
		"A4_cut_blob":                   cutBlob,
		"A5_mixed_segments":             mixedSegments,
		"A6_record_on_other_content":    recordOnOtherContent,
		"A9_sizes":                      sameSizes,
		"A10_nothing_is_compressed":     nothingIsCompressed,
		"A12_read_that_ends_early":      readThatEndsEarly,
		"B1_injected_record":            injectedRecord,
		"B2_deleted_item":               deletedItem,
		"B3_undeleted_item":             undeletedItem,
		"B4_no_privacy_flag":            noPrivacyFlag,
		"B5_moved_by_editing_rows":      movedByEditingRows,
		"C1_rolled_back":                rolledBack,
		"C2_fork":                       forked,
		"C3_old_password_with_old_dump": oldPasswordWithOldDump,
		"C6_reset_counters":             resetCounters,
		"C7_witness_away":               witnessAway,
		"D5_wrap_to_another_key":        wrapToAnotherKey,
		"E1_cheaper_password":           cheaperPassword,
		"E2_costlier_password":          costlierPassword,
		"E3_keyslot_of_another_vault":   keyslotOfAnotherVault,
		"E4_cut_keyslot":                cutKeyslot,
		"E6_old_format":                 oldFormat,
		"E7_unknown_algorithm":          unknownAlgorithm,
		"E8_same_error_and_work":        signInsThatFail,
		"E9_missing_cost":               missingCost,
		"F9_guesses_at_once":            guessesAtOnce,
		"F11_stranger_who_guesses":      strangerWhoGuesses,
		"G1_edited_journal":             editedJournal,
		"G2_cut_journal":                cutJournal,
		"G3_forged_line":                forgedLine,
		"G4_append_fails":               appendFails,
		"G5_line_of_another_vault":      lineOfAnotherVault,
		"H1_swapped_key_records":        swappedKeyRecords,
		"H2_another_key_service":        anotherKeyService,
		"H3_key_service_away":           keyServiceAway,
	}
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("memory", func(t *testing.T) {
				t.Parallel()
				attacks[name](t, newScene(t, nil))
			})
			t.Run("sqlite and files", func(t *testing.T) {
				t.Parallel()
				attacks[name](t, newScene(t, &vaulttest.Options{Folder: t.TempDir()}))
			})
		})
	}
}

// refusals are the errors that an altered store may give (O4).
var refusals = []error{vault.ErrTampered, vault.ErrStale, vault.ErrUntrustedKey, vault.ErrPolicy}

// requireRefused demands one of the errors of an altered store.
func requireRefused(t testing.TB, err error, msg ...any) {
	t.Helper()
	require.Error(t, err, msg...)
	require.True(t, slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }), "%v: %v", err, msg)
}

// swap exchanges the values of two records.
func swap(t testing.TB, s *storage.Store, one, other string) {
	t.Helper()
	a, b := get(t, s, one), get(t, s, other)
	set(t, s, one, b)
	set(t, s, other, a)
}

// honest is what a person knows to be in their vault.
type honest struct {
	items   map[vault.ItemID]vault.Item
	content map[vault.ItemID][]byte
	journal []vault.Entry // the newest first
}

func remember(t testing.TB, v *vault.Vault) *honest {
	t.Helper()
	h := &honest{items: map[vault.ItemID]vault.Item{}, content: map[vault.ItemID][]byte{}}
	for it, err := range v.Items(t.Context()) {
		require.NoError(t, err)
		h.items[it.ID] = it
		if it.Document != nil {
			h.content[it.ID] = read(t, v, it.ID)
		}
	}
	h.journal = requireJournal(t, v)
	return h
}

// survey signs in on a fresh service over a copy of the store, so that it leaves
// no trace, looks at everything, and returns what was refused. Nothing that it is
// shown may differ from what is honest (O1).
func (h *honest) survey(t testing.TB, s *scene) (refused error) {
	t.Helper()
	stage := s.Another(t, &vaulttest.Options{
		Driver:      func(d storage.Driver) storage.Driver { return copied(t, d) },
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return deaf{c} },
		Limiter:     func(vault.Limiter) vault.Limiter { return patient{} },
	})
	defer stage.Close()
	v, err := stage.Unlock(t.Context(), s.person.Secret())
	if err != nil {
		require.ErrorIs(t, err, vault.ErrSignIn)
		return err
	}
	defer v.Close()
	seen := map[vault.ItemID]bool{}
	for it, err := range v.Items(t.Context()) {
		if seen[it.ID] = true; err != nil {
			requireRefused(t, err)
			refused = err
			continue
		}
		require.Equal(t, h.items[it.ID], it, "something else was shown")
		if it.Document == nil {
			continue
		}
		got, err := tryRead(t, v, it.ID)
		require.True(t, len(got) <= len(h.content[it.ID]) && string(got) == string(h.content[it.ID][:len(got)]), "other bytes were released")
		if err != nil {
			requireRefused(t, err)
			refused = err
		} else {
			require.Len(t, got, len(h.content[it.ID]), "cut, and nobody said so")
		}
	}
	if refused == nil {
		require.Len(t, seen, len(h.items), "something is gone, and nobody said so")
	}
	lines, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	if err != nil {
		requireRefused(t, err)
		return err
	}
	require.GreaterOrEqual(t, len(lines), len(h.journal))
	require.Equal(t, h.journal, lines[len(lines)-len(h.journal):], "another history was shown")
	return refused
}

// copied is a copy of a store in memory.
func copied(t testing.TB, from storage.Driver) storage.Driver {
	t.Helper()
	to := memstore.New()
	for after := ""; ; {
		page, err := from.Scan(t.Context(), "", after, storage.MaxWrites)
		require.NoError(t, err)
		var writes []storage.Write
		for _, rec := range page {
			after = rec.Key
			writes = append(writes, storage.Write{Key: rec.Key, Value: rec.Value})
		}
		require.NoError(t, to.Commit(t.Context(), nil, writes))
		if len(page) < storage.MaxWrites {
			return to
		}
	}
}

// deaf is a witness that answers and hears nothing.
type deaf struct{ vault.Checkpoints }

func (deaf) Raise(context.Context, [16]byte, []vault.Checkpoint, []byte, bool) ([]vault.Checkpoint, error) {
	return nil, nil
}

// patient lets everybody try as often as they like.
type patient struct{}

func (patient) Count(context.Context, [16]byte, [32]byte) (vault.Tries, error) {
	return vault.Tries{Total: 1, Failed: 1}, nil
}
func (patient) Reset(context.Context, [16]byte, [32]byte, []byte) error { return nil }

// settleWitness ends the first service, so that the witness knows the latest heads.
func settleWitness(t testing.TB, s *scene) { require.NoError(t, s.Vaults.Close()) }

// blind is a witness that cannot be asked, and hears.
type blind struct{ vault.Checkpoints }

func (blind) Latest(context.Context, [16]byte) ([]vault.Checkpoint, error) { return nil, errAway }
