package recovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkill"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// childErrand tells a child process what to do until it is killed.
const childErrand = "RECOVERY_TEST_ERRAND"

// TestMain also makes this test binary a service that works until it is killed.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // thousands of small worlds, each soon thrown away: an eighth of the time
	testkill.Main(m, map[string]func(string) error{childErrand: testkill.Errand(runErrand)})
}

// known is what people know by heart, or hold in their hands: enough to go on in a folder
// after whoever served it was killed.
type known struct {
	Amina                vault.ID
	Login, Password, Old string
	Sheet                string
	Help                 recovery.HandOverCode
	Kind                 vault.PathKind
	Request              recovery.RequestID
	Page                 string // the token of one that is open
	Staff                map[string]staffer
}

type staffer struct {
	Login, Password string
	At              consent.RelayID
}

// errand is an act in a folder.
type errand struct {
	Known  known
	Act    string
	Folder string
	Seed   []byte // of the authority
	Start  time.Time
}

// knows is what is known in a scene.
func (s *scene) knows() known {
	k := known{
		Amina: s.id, Login: s.Amina.Login, Password: s.Amina.Password, Old: s.old, Sheet: s.sheet,
		Help: s.help.HandOverCode(), Kind: s.help.Kind, Request: s.help.Request.ID, Staff: map[string]staffer{},
	}
	if s.page != nil {
		k.Page = s.page.Token()
	}
	for name, w := range map[string]*consenttest.Staff{"Samir": s.Samir, "Rosa": s.Rosa} {
		k.Staff[name] = staffer{w.Login, w.Password, s.Harbour.ID}
	}
	for name, w := range map[string]*consenttest.Staff{"Lina": s.Lina, "Omar": s.Omar} {
		k.Staff[name] = staffer{w.Login, w.Password, s.Line.ID}
	}
	return k
}

// open serves the folder anew. Who helps signs in, and Amina if the act is hers: a sign-in
// of hers ends what others asked for. gone says that the page is not there any more.
func (e *errand) open(ctx context.Context, said *storagetest.Spoken) (s *scene, gone error, err error) {
	authority, err := consent.AuthorityFromSeed(e.Seed)
	if err != nil {
		return nil, nil, err
	}
	under, err := consenttest.Open(ctx, &consenttest.Options{Authority: authority, Vault: vaulttest.Options{
		Folder: e.Folder, Start: e.Start, Driver: said.Over,
	}})
	if err != nil {
		return nil, nil, err
	}
	k := e.Known
	s = &scene{Stage: &recoverytest.Stage{Stage: under}, id: k.Amina, sheet: k.Sheet, old: k.Old, at: map[string]*consent.Post{}}
	s.Amina = &vaulttest.Person{Login: k.Login, Password: k.Password}
	s.help = recoverytest.Help{Kind: k.Kind, Desk: k.Help.Desk}
	s.help.Number, s.help.Code, s.help.Request.ID = k.Help.Number, k.Help.Code, k.Request
	s.Harbour = &consenttest.Relay{Relay: consent.Relay{ID: k.Staff["Samir"].At, Name: "Harbour"}}
	s.Line = &consenttest.Relay{Relay: consent.Relay{ID: k.Staff["Lina"].At, Name: "Line"}}
	s.Recovery, err = recovery.New(recovery.Config{
		Vaults: under.Stage.Vaults, Consent: under.Service, Directory: under.Directory, Register: under.Register, Store: under.Store,
		Witness: under.Witness, Independent: true, Now: under.Clock.Now,
	})
	for name, place := range map[string]**consenttest.Staff{"Samir": &s.Samir, "Rosa": &s.Rosa, "Lina": &s.Lina, "Omar": &s.Omar} {
		if err == nil {
			*place = &consenttest.Staff{Login: k.Staff[name].Login, Password: k.Staff[name].Password}
			(*place).Worker, err = s.Service.SignIn(ctx, (*place).Secret())
		}
		if err == nil {
			s.at[name], err = (*place).Worker.At(ctx, k.Staff[name].At)
		}
	}
	if err == nil && acts()[e.Act].hers {
		s.back, err = s.Unlock(ctx, s.Amina.Secret())
		s.Amina.Vault = s.back
	}
	if err == nil && k.Page != "" {
		s.page, gone = s.Recovery.Resume(ctx, k.Page)
	}
	if err != nil {
		return nil, nil, errors.Join(err, under.Close())
	}
	return s, gone, nil
}

// runErrand does it, saying each commit, and at last what came of it, until it is killed.
func runErrand(e errand) error {
	ctx := context.Background()
	said := &storagetest.Spoken{Say: func(n int) { fmt.Println(n) }}
	s, gone, err := e.open(ctx, said)
	if err = errors.Join(err, gone); err != nil {
		return err
	}
	said.Begin()
	if err := acts()[e.Act].do(ctx, s); err != nil {
		return err
	}
	out, err := json.Marshal(s.knows())
	if err != nil {
		return err
	}
	fmt.Println(string(out))
	<-time.After(time.Minute)
	return errors.New("nobody killed it")
}

// A process is killed, at any moment, while ways back in are made, and while somebody is
// helped: what it acknowledged is there, the act repeated ends as if nothing had happened,
// nobody is locked out, and nothing opens for whom the rule does not let in.
//
//	RECONNECT_KILLS=100 go test -run TestAWayBackInSurvivesKill -timeout 60m ./recovery
func TestAWayBackInSurvivesKill(t *testing.T) {
	t.Parallel()
	seed := make([]byte, 32)
	seed[0] = 7
	authority, err := consent.AuthorityFromSeed(seed)
	require.NoError(t, err)
	kills := sized(1, 2)
	if text := os.Getenv("RECONNECT_KILLS"); text != "" {
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for name, a := range acts() {
		if a.does == nothing || a.does == cancels { // one commit; see TestWhateverFails
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := &errand{Act: name, Folder: t.TempDir(), Seed: seed}
			opts := recoverytest.Options{}
			opts.Consent.Authority, opts.Consent.Vault.Folder = authority, first.Folder
			s := a.prepare(t, opts)
			first.Known, first.Start = s.knows(), s.Clock.Now()
			require.NoError(t, s.Close())

			healthy, said := first.copied(t), &storagetest.Spoken{}
			s, gone, err := healthy.open(t.Context(), said)
			require.NoError(t, errors.Join(err, gone))
			said.Begin()
			require.NoError(t, a.do(t.Context(), s))
			s.requireDone(t, a)
			commits := said.Commits()
			require.NoError(t, s.Close())
			for range kills {
				e := first.copied(t)
				at, acknowledged := e.untilKilled(t, commits)
				e.Start = e.Start.Add(2 * time.Minute) // one that the witness never heard of stands in nobody's way by then
				e.check(t, a, acknowledged, at)
			}
		})
	}
}

// copied is the same errand in a copy of the folder.
func (e *errand) copied(t *testing.T) *errand {
	t.Helper()
	c := *e
	c.Folder = t.TempDir()
	require.NoError(t, os.CopyFS(c.Folder, os.DirFS(e.Folder)))
	require.NoError(t, os.Chmod(filepath.Join(c.Folder, local.KeyFileName), 0o600))
	return &c
}

// untilKilled has a child do it, and kills it during one of its commits, between two of
// them, or after it has said that it is done.
func (e *errand) untilKilled(t *testing.T, commits int) (at string, acknowledged *known) {
	t.Helper()
	last, late := 1+rand.IntN(commits+1), rand.N(6*time.Millisecond)
	at = fmt.Sprintf("killed %s after commit %d of %d began", late, last, commits)
	heard := 0 // how many there are differs a little: some are of what is reported meanwhile
	testkill.Child(t, childErrand, e, func(line string) time.Duration {
		heard++
		if _, err := strconv.Atoi(line); err != nil {
			acknowledged = new(known)
			require.NoError(t, json.Unmarshal([]byte(line), acknowledged), "the child said %q", line)
		}
		if heard == last || acknowledged != nil {
			return late
		}
		return testkill.Never
	})
	return at, acknowledged
}

// check serves the folder after a kill, has somebody finish what was begun, and looks.
func (e *errand) check(t *testing.T, a act, acknowledged *known, at string) {
	t.Helper()
	t.Logf("%s; acknowledged: %t", at, acknowledged != nil)
	if acknowledged != nil {
		e.Known = *acknowledged
	}
	s, gone, err := e.open(t.Context(), &storagetest.Spoken{})
	require.NoError(t, err, at)
	defer func() { require.NoError(t, s.Close()) }()
	s.requireNotYet(t, a)
	if acknowledged == nil && gone == nil {
		err = a.do(t.Context(), s)
		require.True(t, err == nil || isOneOf(err, a.done...), "%s: %v", at, err)
	} else if acknowledged == nil { // she is in already
		require.True(t, a.does == comesBack && isOneOf(gone, recovery.ErrCode, recovery.ErrRequest), "%s: %v", at, gone)
	}
	s.requireDone(t, a)
	s.Wait(vault.PathHelpers, false)
	s.requireNotYet(t, a) // also when its wait is over
	s.requireNobodyLockedOut(t, a, at)
	s.requireWhole(t)
}

// requireNotYet demands that a request in which others have to agree opens for nobody.
func (s *scene) requireNotYet(t *testing.T, a act) {
	t.Helper()
	if a.does != opens && a.does != gives && a.does != approves || s.help.Number == "" {
		return
	}
	_, err := s.Recovery.Enter(t.Context(), s.help.HandOverCode())
	var missing *recovery.NotReadyError
	require.ErrorAs(t, err, &missing)
	require.Contains(t, missing.Missing, recovery.MissingDeskApproval)
	witness, err := s.Witness.Requests(t.Context(), s.id)
	require.NoError(t, err)
	require.Len(t, witness, 1)
	require.LessOrEqual(t, witness[0].Desk, 1)
}

// requireDone demands that what an act leads to is there.
func (s *scene) requireDone(t *testing.T, a act) {
	t.Helper()
	ctx := t.Context()
	switch a.does {
	case makesWays:
		ways, err := s.Recovery.Ways(ctx, s.Post(t, s.Samir), s.id)
		require.NoError(t, err)
		require.Len(t, ways, 3)
	case opens:
		all, err := s.Recovery.Requests(ctx, s.Post(t, s.Rosa), s.id)
		require.NoError(t, err)
		all = slices.DeleteFunc(all, func(r recovery.Request) bool { return r.State != recovery.StateOpen }) // one that the witness never heard of is over
		require.Len(t, all, 1)
	case gives, approves:
		_, err := s.Recovery.Enter(ctx, s.help.HandOverCode())
		var missing *recovery.NotReadyError
		require.ErrorAs(t, err, &missing)
		done := recovery.MissingRelayApproval
		if a.does == gives {
			done = recovery.MissingDesk
			require.NotContains(t, missing.Missing, recovery.MissingDeskCode)
		}
		require.NotContains(t, missing.Missing, done)
	case enters:
		_, err := s.Recovery.Resume(ctx, s.page.Token())
		require.NoError(t, err)
	case comesBack:
		_, err := s.Unlock(ctx, vault.Password{Login: s.Amina.Login, Secret: recoverytest.NewPassword})
		require.NoError(t, err)
	case opensLater:
		require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage.Stage)))
	}
}

// requireWhole demands that Amina's journal can be read to its first line, and that the
// witness remembers what is stored.
func (s *scene) requireWhole(t *testing.T) {
	t.Helper()
	v := s.Amina.SignIn(t, s.Stage.Stage.Stage)
	page, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	require.NoError(t, err)
	require.Less(t, len(page), 1000)
	require.EqualValues(t, 1, page[len(page)-1].Number)
	require.EqualValues(t, len(page), page[0].Number)
	require.NoError(t, s.Stage.Stage.Stage.Vaults.Close()) // after its last reports
	remembered, err := s.Witness.Latest(context.WithoutCancel(t.Context()), s.id)
	require.NoError(t, err)
	require.NotEmpty(t, remembered)
	for _, mark := range remembered {
		record, err := s.Store.Get(t.Context(), s.id.String()+"/h/"+mark.Head[:1])
		require.NoError(t, err)
		require.Equal(t, seal.Digest(record.Value), mark.Hash, mark.Head)
	}
}
