package vault_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// attacks are what a malicious store, a stranger or an old copy may do, by the
// ids of docs/threat-model.md.
var attacks = map[string]func(t *testing.T, s *hostile){
	"A1_swapped_blobs":              swappedBlobs,
	"A1_swapped_parts":              swappedParts,
	"A3_parts_in_another_order":     partsInAnotherOrder,
	"A12_last_part_that_ends_early": lastPartThatEndsEarly,
	"C1_upload_of_before":           uploadOfBefore,
	"A2_swapped_vaults_and_sides":   swappedVaultsAndSides,
	"A3_blob_of_an_older_revision":  blobOfAnOlderRevision,
	"A4_cut_blob":                   cutBlob,
	"A5_mixed_segments":             mixedSegments,
	"A6_record_on_other_content":    recordOnOtherContent,
	"A7_fields_of_another_record":   fieldsOfAnotherRecord,
	"A8_hostile_names":              hostileNames,
	"A9_sizes":                      sameSizes,
	"A10_nothing_is_compressed":     nothingIsCompressed,
	"A12_read_that_ends_early":      readThatEndsEarly,
	"B1_injected_record":            injectedRecord,
	"B2_deleted_item":               deletedItem,
	"B3_undeleted_item":             undeletedItem,
	"B4_no_privacy_flag":            noPrivacyFlag,
	"B7_paper_in_anothers_name":     paperInAnothersName,
	"B5_moved_by_editing_rows":      movedByEditingRows,
	"C1_old_card_slot":              oldCardSlot,
	"B6_dropped_deposit":            droppedDeposit,
	"B7_deposit_of_a_stranger":      depositOfAStranger,
	"C1_rolled_back":                rolledBack,
	"C2_fork":                       forked,
	"C3_old_password_with_old_dump": oldPasswordWithOldDump,
	"C4_old_grant":                  oldGrant,
	"C4_old_relay_key":              oldRelayKey,
	"C5_old_policy_or_path":         oldPolicyOrPath,
	"C6_reset_card_counters":        resetCardCounters,
	"C6_reset_counters":             resetCounters,
	"C7_card_with_witness_away":     cardWithWitnessAway,
	"C7_witness_away":               witnessAway,
	"C8_restored_backup":            restoredBackup,
	"D1_relay_key_before_contact":   relayKeyBeforeContact,
	"D2_relay_key_after_contact":    relayKeyAfterContact,
	"D3_forged_grant":               forgedGrant,
	"D4_vault_key_shown_to_a_relay": vaultKeyShownToARelay,
	"D5_rotation_to_another_key":    rotationToAnotherKey,
	"D6_grant_of_another_vault":     grantOfAnotherVault,
	"D7_relay_key_that_is_none":     relayKeyThatIsNone,
	"D8_wrap_of_another_worker":     wrapOfAnotherWorker,
	"D5_wrap_to_another_key":        wrapToAnotherKey,
	"D7_inbox_that_is_no_key":       inboxThatIsNoKey,
	"E1_cheaper_password":           cheaperPassword,
	"E2_costlier_password":          costlierPassword,
	"E3_keyslot_of_another_vault":   keyslotOfAnotherVault,
	"E4_cut_card_slot":              cutCardSlot,
	"E4_cut_keyslot":                cutKeyslot,
	"E6_old_format":                 oldFormat,
	"E7_unknown_algorithm":          unknownAlgorithm,
	"E8_cards_same_error_and_work":  cardsThatFail,
	"E8_same_error_and_work":        func(t *testing.T, s *hostile) { signInsThatFail(t, s.scene) },
	"E9_missing_cost":               missingCost,
	"F2_card_slot_of_another_vault": cardSlotOfAnotherVault,
	"F8_old_cards":                  cardsOfBefore,
	"F9_guesses_at_once_at_a_card":  guessesAtOnceAtACard,
	"F9_guesses_at_once":            guessesAtOnce,
	"F11_stranger_without_the_card": strangerWithoutTheCard,
	"F11_stranger_who_guesses":      strangerWhoGuesses,
	"G1_edited_journal":             editedJournal,
	"G2_cut_journal":                cutJournal,
	"G3_line_of_another_worker":     lineOfAnotherWorker,
	"G3_forged_line":                forgedLine,
	"G4_append_fails":               appendFails,
	"G5_line_of_another_vault":      lineOfAnotherVault,
	"G6_markup_in_names":            markupInNames,
	"C4_session_of_a_lost_phone":    replayedSession,
	"H1_swapped_key_records":        swappedKeyRecords,
	"H2_another_key_service":        anotherKeyService,
	"H3_key_service_away":           keyServiceAway,
	"I4_look_alike_ids":             lookAlikeIDs,
	"LK1_link_without_its_code":     linkWithoutItsCode,
	"LK2_replayed_count_of_a_link":  replayedCountOfALink,
	"LK3_replayed_link":             replayedLink,
	"LK4_swapped_links":             swappedLinks,
	"LK6_another_links_name":        depositInAnotherLinksName,
}

// TestAttack plays every attack over records and documents in memory and on disk.
func TestAttack(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("memory", func(t *testing.T) {
				t.Parallel()
				attack(t, name, newHostile(t))
			})
			t.Run("sqlite and files", func(t *testing.T) {
				t.Parallel()
				attack(t, name, hostileOnDisk(t))
			})
		})
	}
}

// attack plays one attack, and looks at all that was written meanwhile (O2, O3).
func attack(t *testing.T, name string, s *hostile) {
	t.Helper()
	attacks[name](t, s)
	s.requireTrusted(t, s.host.Written(s.began))
}

// hostile is a scene on a store whose host is the adversary.
type hostile struct {
	*scene
	host  *storagetest.Malicious
	began storagetest.Moment

	wraps   atomic.Int64                   // by the key service
	inboxes map[vault.ID][]seal.BoxKey     // of each space, that journals and deposits may be sealed to
	people  map[vault.ID]*vaulttest.Person // whose inboxes they are
	holders map[vault.ID][]seal.BoxKey     // whom the directory named: only to them is anything given
}

func newHostile(t testing.TB) *hostile {
	t.Helper()
	return hostileOn(t, memstore.New(), memstore.NewBlobs(), "")
}

func hostileOnDisk(t testing.TB) *hostile {
	t.Helper()
	folder := t.TempDir()
	records, err := sqlitestore.Open(t.Context(), filepath.Join(folder, local.RecordsFile), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, records.Close()) })
	documents, err := filestore.Open(filepath.Join(folder, local.DocumentsName), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, documents.Close()) })
	return hostileOn(t, records, documents, folder)
}

// hostileOn takes any stores. Witness and key file lie in the folder, or in memory.
func hostileOn(t testing.TB, records storage.Driver, documents storage.Blobs, folder string) *hostile {
	t.Helper()
	s := &hostile{
		host:    storagetest.NewMalicious(records, documents),
		inboxes: map[vault.ID][]seal.BoxKey{}, people: map[vault.ID]*vaulttest.Person{},
	}
	s.scene = newScene(t, &vaulttest.Options{Folder: folder, Records: s.host, Documents: s.host.Blobs(), Keeper: s.counted})
	s.people[s.v.ID()] = s.person
	s.began = s.host.Now()
	return s
}

// Person opens a vault for somebody else on the same store.
func (s *hostile) Person(t testing.TB) *vaulttest.Person {
	t.Helper()
	p := s.Stage.Person(t)
	s.people[p.Vault.ID()] = p
	return p
}

// Another is a service over the same stores, whose wraps are counted, too.
func (s *hostile) Another(t testing.TB, opts *vaulttest.Options) *vaulttest.Stage {
	t.Helper()
	o := vaulttest.Options{}
	if opts != nil {
		o = *opts
	}
	o.Keeper = s.counted
	return s.Stage.Another(t, &o)
}

// onFork is a service over another store, as its readers see it.
func (s *hostile) onFork(t testing.TB, fork *storagetest.Malicious, opts vaulttest.Options) *vaulttest.Stage {
	t.Helper()
	opts.Driver = func(storage.Driver) storage.Driver { return fork }
	opts.Blobs = func(storage.Blobs) storage.Blobs { return fork.Blobs() }
	return s.Another(t, &opts)
}

func (s *hostile) fork(t testing.TB) *storagetest.Malicious {
	t.Helper()
	fork, err := s.host.Fork(t.Context())
	require.NoError(t, err)
	return fork
}

// record is a record of the person's vault.
func (s *hostile) record(rest string) storagetest.Piece { return s.host.Record(s.key(rest)) }

// item is the record of an item.
func (s *hostile) item(it vault.Item) storagetest.Piece { return s.record("i/" + it.ID.String()) }

// content is the blob of a document, as its record names it at this moment.
func (s *hostile) content(t testing.TB, it vault.Item) storagetest.Piece {
	t.Helper()
	return s.host.Blob(blobOf(t, s.v, it.ID))
}

// slot is the person's keyslot.
func (s *hostile) slot() storagetest.Piece { return s.host.Record(s.host.Records(s.key("s/"))[0]) }

func (s *hostile) counted(k vault.Keeper) vault.Keeper { return countedKeeper{k, &s.wraps} }

// countedKeeper is a spy on what the key service is asked to wrap.
type countedKeeper struct {
	vault.Keeper
	wraps *atomic.Int64
}

func (k countedKeeper) Encrypt(ctx context.Context, plain []byte) ([]byte, error) {
	k.wraps.Add(1)
	return k.Keeper.Encrypt(ctx, plain)
}
