package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// vaultWait is longer than any wait between tries.
const vaultWait = 16 * time.Minute

func TestSignInOpensEverythingAnywhere(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 3000))
	shared, err := s.v.AddNote(t.Context(), "Code", vault.Note{Text: "1234"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)

	other := s.person.SignIn(t, s.Another(t, nil))
	require.Equal(t, s.v.ID(), other.ID())
	require.Equal(t, content(1, 3000), read(t, other, paper.ID))
	require.Equal(t, "1234", item(t, other, shared.ID).Note.Text)
}

// work is what a sign-in asks of everybody.
type work struct {
	Store           map[storagetest.Op]int
	Witness, Keeper map[string]int
	Derivations     int
	Text            string
}

func (w *watched) signIn(t *testing.T, count func() int, p vault.Password) (work, error) {
	t.Helper()
	w.Clock.Advance(vaultWait)
	w.heal()
	before := count()
	_, err := w.Unlock(t.Context(), p)
	require.Error(t, err)
	out := work{Store: map[storagetest.Op]int{}, Witness: w.witness.calls(), Keeper: w.keeper.calls(), Derivations: count() - before, Text: err.Error()}
	for _, op := range []storagetest.Op{storagetest.Get, storagetest.Scan, storagetest.Commit} {
		out.Store[op] = w.store.Calls(op)
	}
	return out, err
}

// set puts a record as the store's host could.
func set(t testing.TB, s *storage.Store, key string, value []byte) {
	t.Helper()
	require.NoError(t, s.Transact(t.Context(), func(tx *storage.Tx) error {
		if value == nil {
			tx.Delete(key)
		} else {
			tx.Put(key, value)
		}
		return nil
	}))
}

func get(t testing.TB, s *storage.Store, key string) []byte {
	t.Helper()
	rec, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	return rec.Value
}

// keys lists the keys with a prefix.
func keys(t testing.TB, s *storage.Store, prefix string) (out []string) {
	t.Helper()
	for rec, err := range s.All(t.Context(), prefix) {
		require.NoError(t, err)
		out = append(out, rec.Key)
	}
	return out
}

func flipped(b []byte, at int) []byte {
	out := append([]byte(nil), b...)
	out[at] ^= 1
	return out
}

// A stranger must not learn whether an account exists, nor the store's host
// whether its alteration was found, by the answer or by the work done for it (E8).
func signInsThatFail(t *testing.T, s *scene) {
	stage, p := s.Stage, s.person
	id := p.Vault.ID().String()
	wrapping, head, login := id+"/k/w", id+"/h/o", keys(t, stage.Store, "login/")[0]
	older := get(t, stage.Store, head)
	next := p.Password + " x"
	require.NoError(t, p.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: next}))
	p.Password = next
	slot := keys(t, stage.Store, id+"/s/")[0]
	w := watch(t, stage, nil)
	right := vault.Password{Login: p.Login, Secret: p.Password}
	honest := map[string][]byte{}
	for _, key := range []string{slot, wrapping, head, login} {
		honest[key] = get(t, w.Store, key)
	}
	count, stop := w.CountDerivations()
	defer stop()
	expected, err := w.signIn(t, count, vault.Password{Login: p.Login, Secret: "wrong wrong"})
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.NotErrorIs(t, err, vault.ErrTampered)
	require.Equal(t, 1, expected.Derivations)
	require.Equal(t, 1, expected.Keeper["decrypt"])

	unknown, err := w.signIn(t, count, vault.Password{Login: "0000 0000 0000", Secret: p.Password})
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.Equal(t, expected, unknown)

	for name, c := range map[string]struct {
		key   string
		value []byte
		is    error
	}{
		"tampered keyslot":      {slot, flipped(honest[slot], len(honest[slot])/2), vault.ErrTampered},
		"missing keyslot":       {slot, nil, vault.ErrTampered},
		"tampered wrapping key": {wrapping, flipped(honest[wrapping], len(honest[wrapping])-1), vault.ErrTampered},
		"missing wrapping key":  {wrapping, nil, vault.ErrTampered},
		"rolled back head":      {head, older, vault.ErrStale},
		"tampered head":         {head, flipped(honest[head], len(honest[head])/2), vault.ErrTampered},
		"missing head":          {head, nil, vault.ErrTampered},
		"tampered login":        {login, flipped(honest[login], len(honest[login])-1), vault.ErrSignIn},
		"missing login":         {login, nil, vault.ErrSignIn},
	} {
		set(t, w.Store, c.key, c.value)
		got, err := w.signIn(t, count, right)
		require.ErrorIs(t, err, vault.ErrSignIn, name)
		require.ErrorIs(t, err, c.is, name)
		require.Equal(t, "sign-in", vault.Code(err), name)
		require.Equal(t, expected, got, name)
		set(t, w.Store, c.key, honest[c.key])
	}
	w.heal()
	w.Clock.Advance(vaultWait)
	_, err = w.Unlock(t.Context(), right)
	require.NoError(t, err, "everything is as it was")
}

func TestFiveTriesAreFreeThenTheyWait(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	try := func(secret string) error {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: secret})
		return err
	}
	for range 5 {
		require.ErrorIs(t, try("wrong wrong"), vault.ErrSignIn)
	}
	for _, wait := range []time.Duration{30, 60, 120, 240, 480, 900, 900, 900} {
		wait *= time.Second
		for _, secret := range []string{"wrong wrong", s.person.Password} { // the right one is not looked at, either
			var backOff *vault.BackOffError
			require.ErrorAs(t, try(secret), &backOff)
			require.Equal(t, wait, backOff.Wait)
			require.ErrorIs(t, backOff, vault.ErrBackOff)
		}
		s.Clock.Advance(wait - time.Millisecond)
		require.ErrorIs(t, try(s.person.Password), vault.ErrBackOff)
		s.Clock.Advance(time.Millisecond)
		require.ErrorIs(t, try("wrong wrong"), vault.ErrSignIn)
	}
	s.Clock.Advance(15 * time.Minute)
	require.NoError(t, try(s.person.Password))
	require.ErrorIs(t, try("wrong wrong"), vault.ErrSignIn, "counted from the beginning again")
	require.NoError(t, try(s.person.Password))
}

func TestTriesThatFailedAreInTheJournal(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for range 3 {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	v := s.person.SignIn(t, s.Stage)
	entries, err := v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActSignedIn, entries[0].Act)
	require.Equal(t, map[string]string{"device": "test"}, entries[0].Detail)
	require.Equal(t, vault.ActSignInFailed, entries[1].Act)
	require.Equal(t, map[string]string{"tries": "3"}, entries[1].Detail)
	s.person.SignIn(t, s.Stage)
	require.Equal(t, []string{"vault.signed-in", "journal.read"}, acts(t, v, 2), "and only once")
}

func TestWhileTheWitnessIsAwayThereAreTenTriesAnHour(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, other := w.Person(t), w.Person(t)
	w.witness.away.Store(true)
	for range 9 {
		_, err := w.Unlock(t.Context(), vault.Password{Login: p.Login, Secret: "wrong wrong"})
		require.ErrorIs(t, err, vault.ErrSignIn)
		w.Clock.Advance(time.Minute)
	}
	v := p.SignIn(t, w.Stage)
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Equal(t, []vault.NoticeCode{vault.NoticeWitnessAway}, o.Notices, "and it is said")

	_, err = w.Unlock(t.Context(), p.Secret())
	var backOff *vault.BackOffError
	require.ErrorAs(t, err, &backOff)
	require.Equal(t, 51*time.Minute, backOff.Wait, "until the first of the ten is an hour old")
	other.SignIn(t, w.Stage) // nobody else is kept waiting
	w.Clock.Advance(51 * time.Minute)
	p.SignIn(t, w.Stage)
}

func TestWhileTheWitnessIsAwayWorkGoesOn(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	before := add(t, p.Vault, "before", []byte("one"))
	w.witness.away.Store(true)
	w.Clock.Advance(time.Minute) // what was known is no longer fresh

	require.Equal(t, []byte("one"), read(t, p.Vault, before.ID))
	during := add(t, p.Vault, "during", []byte("two"))
	v, err := w.Resume(t.Context(), p.Vault.Token())
	require.NoError(t, err)
	require.Equal(t, []byte("two"), read(t, v, during.ID))
	moved, err := v.Move(t.Context(), during.ID, 1, vault.Shared)
	require.NoError(t, err)
	require.NoError(t, v.Destroy(t.Context(), moved.ID, moved.Revision))

	err = v.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: "another secret"})
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	_, err = v.CloseAccount(t.Context(), p.Password)
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	w.witness.away.Store(false)
	p.SignIn(t, w.Stage) // nothing was changed
}

func TestFloodedSignInsAnswerBusyAndKeepALaneForKnownDevices(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, &vaulttest.Options{SignIns: 1, SignInQueue: 1})
	p := stage.Person(t)
	release := stage.OccupySignIns()
	_, err := stage.Unlock(t.Context(), p.Secret())
	require.ErrorIs(t, err, vault.ErrBusy)
	_, err = stage.NewPerson(t.Context())
	require.ErrorIs(t, err, vault.ErrBusy)
	release()
	p.SignIn(t, stage)
}

func TestWithoutItsKeyServiceNothingOpensAndNothingIsLost(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	w.keeper.away.Store(true)
	_, err := w.Unlock(t.Context(), p.Secret())
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.NotErrorIs(t, err, vault.ErrSignIn)
	_, err = w.NewPerson(t.Context())
	require.ErrorIs(t, err, vault.ErrKeyService)
	add(t, p.Vault, "who is in stays in", []byte("one"))
	w.keeper.away.Store(false)
	require.Equal(t, []string{"who is in stays in"}, papers(t, p.SignIn(t, w.Stage)))
}

func TestAServiceWithAnotherKeyFileSaysSo(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	_, err := vault.New(t.Context(), vault.Config{
		Store: stage.Store, Blobs: stage.Blobs, Quota: stage.Quota, Checkpoints: stage.Witness, Limiter: stage.Witness, Keeper: newKeeper(t),
	})
	require.ErrorIs(t, err, vault.ErrKeyService)
}

func newKeeper(t testing.TB) vault.Keeper {
	t.Helper()
	k, err := vaulttest.NewKeeper()
	require.NoError(t, err)
	return k
}

func TestEveryProblemOfAConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	_, err := vault.New(t.Context(), vault.Config{})
	for _, field := range []string{"Store", "Blobs", "Keeper", "Checkpoints", "Limiter", "Quota"} {
		requireInvalid(t, err, "Config."+field)
	}
	stage := vaulttest.New(t, nil)
	_, err = vault.New(t.Context(), vault.Config{
		Store: stage.Store, Blobs: stage.Blobs, Keeper: stage.Keeper, Checkpoints: stage.Witness, Limiter: stage.Witness, Quota: stage.Quota,
		SessionIdle: -1, SessionMax: -1, SignIns: -1, SignInQueue: -1, Folders: append(make([]string, 24), "\x00"),
	})
	for _, field := range []string{"SessionIdle", "SessionMax", "SignIns", "SignInQueue", "Folders"} {
		requireInvalid(t, err, "Config."+field)
	}
}

func TestErrorsHaveStableCodes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, err := range []error{
		vault.ErrSignIn, vault.ErrCardDead, vault.ErrSecondFactor, vault.ErrBackOff, vault.ErrBusy, vault.ErrSessionEnded, vault.ErrNotFound, vault.ErrRevision, vault.ErrInvalid,
		vault.ErrTooMany, vault.ErrNotEmpty, vault.ErrBusyMoving, vault.ErrFull, vault.ErrClosing, vault.ErrUploadExpired, vault.ErrTampered,
		vault.ErrStale, vault.ErrPolicy, vault.ErrUntrustedKey, vault.ErrWitnessAway, vault.ErrUnconfirmed, vault.ErrKeyService,
		vault.ErrStorage, vault.ErrUnknown, vault.ErrClosed,
	} {
		code := vault.Code(err)
		require.NotEmpty(t, code)
		require.False(t, seen[code], code)
		require.Equal(t, strings.ToLower(code), code)
		seen[code] = true
	}
	require.Empty(t, vault.Code(errors.New("other")))
	require.Empty(t, vault.Code(nil))
	require.Equal(t, "back-off", vault.Code(&vault.BackOffError{Wait: time.Second}))
	require.Len(t, seen, 25)
}
