package recovery_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// attacks are what a store, a helper, a stranger or who has an old copy may do about the
// ways back in, by the ids of docs/threat-model.md.
var attacks = map[string]func(t *testing.T, s *hostile){
	"C5_path_that_was_withdrawn":        pathThatWasWithdrawn,
	"C6_tries_at_a_request_forgotten":   triesForgotten,
	"C7_recovery_with_witness_away":     recoveryWithWitnessAway,
	"E8_hand_over_same_error_and_work":  handOversThatFail,
	"E8_completion_same_error_and_work": completionsThatFail,
	"F1_search_for_answers":             searchForAnswers,
	"F1_search_for_a_code":              searchForACode,
	"F2_halves_of_others":               halvesOfOthers,
	"F2_halves_in_other_requests":       halvesInOtherRequests,
	"F2_halves_of_before":               halvesOfBefore,
	"F2_request_with_another_key":       requestWithAnotherKey,
	"F3_path_nobody_wanted":             pathNobodyWanted,
	"F4_waits_cut_short":                waitsCutShort,
	"F4_cancel_skipped":                 cancelSkipped,
	"F4_cancel_of_a_sheet_skipped":      sheetCancelSkipped,
	"F5_notice_suppressed":              noticeSuppressed,
	"F6_one_person_twice":               onePersonTwice,
	"F7_replayed_approvals":             replayedApprovals,
	"F8_used_twice":                     usedTwice,
	"F9_codes_at_once":                  codesAtOnce,
	"F9_answers_at_once":                answersAtOnce,
	"F10_flipped_halves":                flippedHalves,
	"F11_stranger_who_guesses_codes":    strangerWhoGuessesCodes,
	"F12_helper_who_goes_on":            helperWhoGoesOn,
	"F12_helper_afterwards":             helperAfterwards,
	"F13_one_organisation":              oneOrganisation,
}

// TestAttack plays every attack over records and documents in memory.
func TestAttack(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attacks[name](t, newHostile(t))
		})
	}
}

// hostile is a stage whose store is the adversary, and on which every call of a part is
// counted. Amina keeps a letter that she shares, and a diary.
type hostile struct {
	*recoverytest.Stage
	host          *storagetest.Malicious
	calls         *tally
	letter, diary vault.Item
}

func newHostile(t testing.TB) *hostile {
	t.Helper()
	return hostileWith(t, recoverytest.Options{})
}

func hostileWith(t testing.TB, opts recoverytest.Options) *hostile {
	t.Helper()
	s := &hostile{host: storagetest.NewMalicious(memstore.New(), memstore.NewBlobs()), calls: newTally()}
	opts.Consent.Vault.Records, opts.Consent.Vault.Documents = s.host, s.host.Blobs()
	s.calls.watch(&opts)
	s.Stage = recoverytest.New(t, &opts)
	s.letter = s.note(t, "Letter", vault.Shared)
	s.diary = s.note(t, "Diary", vault.Private)
	return s
}

func (s *hostile) note(t testing.TB, name string, c vault.Compartment) vault.Item {
	t.Helper()
	it, err := s.Amina.Vault.AddNote(t.Context(), name, vault.Note{Text: "text of " + name}, vault.Place{Compartment: c})
	require.NoError(t, err)
	return it
}

// another is a second service over the same data, whose calls are counted too.
func (s *hostile) another(t testing.TB, opts recoverytest.Options) *hostile {
	t.Helper()
	other := &hostile{host: s.host, calls: newTally(), letter: s.letter, diary: s.diary}
	other.calls.watch(&opts)
	other.Stage = s.Stage.Another(t, &opts)
	return other
}

func (s *hostile) id() vault.ID { return s.Amina.Vault.ID() }

func (s *hostile) withSheet(t testing.TB) recovery.Sheet {
	t.Helper()
	return *s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
}

func (s *hostile) withAnswers(t testing.TB) {
	t.Helper()
	s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true, ByCall: true}})
}

func (s *hostile) withHelpers(t testing.TB) {
	t.Helper()
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{Private: true}})
}

// path is Amina's of a kind.
func (s *hostile) path(t testing.TB, kind vault.PathKind) vault.PathID {
	t.Helper()
	all, err := s.Amina.Vault.Paths(t.Context())
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(p vault.Path) bool { return p.Kind == kind })
	require.GreaterOrEqual(t, i, 0, "there is no %v", kind)
	return all[i].ID
}

// half is what a helper could take out of the running service: it goes with their grant.
func (s *hostile) half(t testing.TB, who *consenttest.Staff, id vault.ID, path vault.PathID) vault.Half {
	t.Helper()
	v, err := s.Post(t, who).Helping(t.Context(), id)
	require.NoError(t, err)
	defer v.Close()
	h, ok := v.Half(path)
	require.True(t, ok)
	return h
}

// storedParams are parameters of a path as docs/format.md has them.
type storedParams struct {
	Form        uint8     `cbor:"1,keyasint"`
	KDF         *seal.KDF `cbor:"2,keyasint,omitempty"`
	Normal      uint8     `cbor:"3,keyasint,omitempty"`
	Count       uint8     `cbor:"4,keyasint,omitempty"`
	Secret      []byte    `cbor:"5,keyasint,omitempty"`
	Generations []uint64  `cbor:"6,keyasint,omitempty"`
	Waits       []int64   `cbor:"7,keyasint,omitempty"`
}

func (s *hostile) params(t testing.TB, id vault.ID, path vault.PathID) (p storedParams) {
	t.Helper()
	f, err := s.Vaults.PathFacts(t.Context(), id, path, vault.Half{}, vault.Half{})
	require.NoError(t, err)
	require.NoError(t, seal.Unmarshal(f.Params, &p))
	return p
}

// ownOfSheet is what a sheet comes to at a path, made by hand.
func (s *hostile) ownOfSheet(t testing.TB, path vault.PathID, sheet recovery.Sheet) []byte {
	t.Helper()
	code, ok := digits.Of(sheet.Code)
	require.True(t, ok)
	key, err := s.params(t, s.id(), path).KDF.Derive([]byte(code))
	require.NoError(t, err)
	return seal.DeriveKey(key.Bytes(), "recovery sheet", nil).Bytes()
}

// recover tries to open Amina's vault with halves that somebody has got hold of.
func (s *hostile) recover(t testing.TB, p vault.PathProof) error {
	t.Helper()
	v, err := s.Vaults.Recover(t.Context(), vault.Recovery{Vault: s.id(), Proof: p, Password: "a thief has chosen this"})
	if v != nil {
		v.Close()
	}
	return err
}

// enter opens the page of a request.
func (s *hostile) enter(t testing.TB, h recoverytest.Help) (*recovery.HandOver, error) {
	t.Helper()
	return s.Recovery.Enter(t.Context(), h.HandOverCode())
}

// missing is what a request still needs, by the page where Amina goes on.
func (s *hostile) missing(t testing.TB, h recoverytest.Help) []recovery.Missing {
	t.Helper()
	var not *recovery.NotReadyError
	_, err := s.enter(t, h)
	require.ErrorAs(t, err, &not)
	return not.Missing
}

// comesBack goes all the way, and finds everything.
func (s *hostile) comesBack(t testing.TB, h recoverytest.Help, c recovery.Completion) {
	t.Helper()
	back := s.Complete(t, h, c)
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, back.Vault))
}

// records are the keys of the records of requests, by what they are.
func (s *hostile) records(h recoverytest.Help) (request, relay, desk string) {
	request = s.id().String() + "/rq/" + h.Request.ID.String()
	return request, request + "/r", request + "/d"
}

// pointer is the record by which a number is found; there is one request.
func (s *hostile) pointer(t testing.TB) string {
	t.Helper()
	all := s.host.Records("svc/handover/")
	require.Len(t, all, 1)
	return all[0]
}

func (s *hostile) acts(t testing.TB) (acts []vault.Act) {
	t.Helper()
	lines, err := s.Amina.SignIn(t, s.Stage.Stage.Stage).Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	require.NoError(t, err)
	for _, l := range lines {
		acts = append(acts, l.Act)
	}
	return acts
}

// wrongCode is none of a request.
func wrongCode(h recoverytest.Help) recovery.HandOverCode {
	c := h.HandOverCode()
	c.Code = "0000 0000"
	if h.Code == c.Code {
		c.Code = "0000 0001"
	}
	return c
}

// otherSheet is a sheet as good as any, and nobody's.
func otherSheet(t testing.TB) string {
	t.Helper()
	code, err := digits.New(24)
	require.NoError(t, err)
	return code
}

func (s *hostile) complete(t testing.TB, page *recovery.HandOver, c recovery.Completion) error {
	t.Helper()
	c.Password = recoverytest.NewPassword
	back, err := page.Complete(t.Context(), c)
	if back.Vault != nil {
		back.Vault.Close()
	}
	return err
}

var wrongAnswers = []string{"what is it", "that they ask", "i forgot it all"}

// boris is somebody else with the same relay, desk and paths.
func (s *hostile) boris(t testing.TB, e recovery.Enrolment) (*vaulttest.Person, recovery.Enrolled) {
	t.Helper()
	amina := s.Amina
	defer func() { s.Amina = amina }()
	s.Amina = s.Person(t)
	s.letIn(t)
	made := s.Enrol(t, e)
	return s.Amina, made
}

func isOf(key string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}
