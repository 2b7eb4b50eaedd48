package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// large is somebody who has much that is private, and whose way back in does not open it.
type large struct {
	*forgotten
	entries []vault.ItemID
}

func newLarge(t testing.TB, opts *vaulttest.Options, pages, each int) *large {
	t.Helper()
	l := &large{forgotten: newForgottenOn(t, opts)}
	require.NoError(t, l.v.FillPrivate(t.Context(), pages, each))
	l.entries = privateEntries(t, l.v)
	require.Greater(t, len(l.entries), pages*each)
	return l
}

// privateEntries are the things that Private lists. Nothing but its pages lies there.
func privateEntries(t testing.TB, v *vault.Vault) []vault.ItemID {
	t.Helper()
	ids, _, err := v.PrivateEntries(t.Context())
	require.NoError(t, err)
	return ids
}

func requireEach(t testing.TB, ids, wanted []vault.ItemID) {
	t.Helper()
	there := map[vault.ItemID]bool{}
	for _, id := range ids {
		require.False(t, there[id], "%s is there twice", id)
		there[id] = true
	}
	for _, id := range wanted {
		require.True(t, there[id], "%s is gone", id)
	}
}

func (l *large) comeBack(t testing.TB, stage *vaulttest.Stage) (*vault.Vault, error) {
	t.Helper()
	return stage.Recover(t.Context(), vault.Recovery{Vault: l.v.ID(), Proof: l.proof, Password: afterwards})
}

// hasAll opens what is still locked, with everything well, and demands that it is all there.
func (l *large) hasAll(t testing.TB, stage *vaulttest.Stage) {
	t.Helper()
	l.person.Password = afterwards
	v := l.person.SignIn(t, stage)
	_, err := v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil)
	if !errors.Is(err, vault.ErrNotFound) {
		require.NoError(t, err)
	}
	v = l.person.SignIn(t, stage)
	require.Equal(t, content(2, 700), read(t, v, l.diary.ID))
	l.requireAll(t, v, stage)
}

func (l *large) requireAll(t testing.TB, v *vault.Vault, stage *vaulttest.Stage) {
	t.Helper()
	ids, pages, err := v.PrivateEntries(t.Context())
	require.NoError(t, err)
	requireEach(t, ids, l.entries)
	require.Empty(t, keys(t, stage.Store, v.ID().String()+"/l/"))
	require.Len(t, keys(t, stage.Store, v.ID().String()+"/x/p/"), pages)
}

func TestHoweverMuchIsPrivateItIsLockedAndComesBackWhole(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*vaulttest.Options{"in memory": {}, "on disk": {Folder: t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLarge(t, opts, 79, 256) // 20,224 things
			begun := time.Now()
			v, err := l.comeBack(t, l.Stage)
			require.NoError(t, err)
			locked := time.Since(begun)
			require.Empty(t, privateEntries(t, v))
			require.Empty(t, keys(t, l.Store, v.ID().String()+"/x/p/"), "nothing is left that nobody can open")
			poem := addTo(t, v, vault.NewDocument{Name: "Poem"}, []byte("new and private"))
			begun = time.Now()
			l.person.Password = afterwards
			n, err := v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil)
			require.NoError(t, err)
			require.Equal(t, len(l.entries), n)
			t.Logf("%d things were locked in %v, and came back in %v", n, locked.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
			require.Equal(t, []byte("new and private"), read(t, v, poem.ID))
			l.hasAll(t, l.Stage)
		})
	}
}

// pagesOfMany are more than one commit takes of any kind.
const pagesOfMany = 65

// Whatever fails of the store while much is put aside or comes back, nothing is lost.
func TestWhateverFailsMuchIsLockedOrComesBackWhole(t *testing.T) {
	t.Parallel()
	for _, what := range []fault{faults[0], faults[1], faults[2], faults[3], faults[5]} {
		for _, opening := range []bool{false, true} {
			t.Run(fmt.Sprint(what.name, ", opening again: ", opening), func(t *testing.T) {
				t.Parallel()
				step := sized(90*slower, 5) // calls of the store
				if what.every == 1 {        // commits alone, of which there are few
					step = sized(5*slower, 1)
				}
				for n, reached := 1+step/2, true; reached; n += step {
					reached = apart(t, "call", n, func(t *testing.T) bool {
						l := newLarge(t, nil, pagesOfMany, 1)
						if opening {
							_, err := l.comeBack(t, l.Stage)
							require.NoError(t, err)
							l.person.Password = afterwards
							l.v = l.person.SignIn(t, l.Stage)
						}
						what.set(l.w, n)
						err := l.act(t, opening)
						_ = l.Vaults.Close()
						reached := l.w.failed()
						l.w.heal()
						l.requireSafe(t, l.elsewhere(t), err, opening)
						return reached
					})
				}
			})
		}
	}
}

func (l *large) act(t *testing.T, opening bool) (err error) {
	if opening {
		_, err = l.v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil)
		return err
	}
	_, err = l.comeBack(t, l.Stage)
	return err
}

// requireSafe demands that the person is in or out, as they were told, and has everything.
func (l *large) requireSafe(t *testing.T, stage *vaulttest.Stage, err error, opening bool) {
	t.Helper()
	l.person.Password = afterwards
	if _, signIn := stage.Unlock(t.Context(), l.person.Secret()); signIn != nil {
		require.ErrorIs(t, signIn, vault.ErrSignIn)
		require.False(t, opening)
		require.NotEqual(t, doneForSure, answered(err), "%v", err)
		l.person.Password = l.old
		requireEach(t, privateEntries(t, l.person.SignIn(t, stage)), l.entries) // out, and as before
		_, err = l.comeBack(t, stage)
		require.NoError(t, err, "and the path still works")
	}
	l.hasAll(t, stage)
}

func TestWhatIsWrittenWhileSomebodyComesBackIsLockedToo(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	var written []vault.ItemID
	var others sync.WaitGroup
	others.Go(func() { // another session, until it is over
		for n := 0; ; n++ {
			it, err := l.v.AddNote(context.WithoutCancel(t.Context()), fmt.Sprint("note ", n), vault.Note{Text: "in time"}, vault.Place{Compartment: vault.Private})
			if err != nil {
				return
			}
			written = append(written, it.ID)
		}
	})
	_, err := l.comeBack(t, l.Stage)
	if err != nil { // it wrote too fast for us, each time
		require.ErrorIs(t, err, vault.ErrRevision)
		l.v.Close()
	}
	others.Wait()
	if err != nil {
		_, err = l.comeBack(t, l.Stage)
		require.NoError(t, err)
	}
	l.entries = append(l.entries, written...)
	l.hasAll(t, l.elsewhere(t))
}

func TestTwoThatOpenWhatIsLockedAtOnceGetItOnce(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	_, err := l.comeBack(t, l.Stage)
	require.NoError(t, err)
	l.person.Password = afterwards
	stages := []*vaulttest.Stage{l.elsewhere(t), l.elsewhere(t)}
	var both sync.WaitGroup
	errs := make([]error, len(stages))
	var in []*vault.Vault // both, before one of them ends the other's session
	for _, stage := range stages {
		in = append(in, l.person.SignIn(t, stage))
	}
	for i, v := range in {
		both.Go(func() { _, errs[i] = v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil) })
	}
	both.Wait()
	require.True(t, errs[0] == nil || errs[1] == nil || errors.Is(errs[0], vault.ErrUnconfirmed) || errors.Is(errs[1], vault.ErrUnconfirmed), "%v", errs)
	for _, err := range errs {
		require.NotErrorIs(t, err, vault.ErrTampered)
	}
	l.hasAll(t, l.elsewhere(t))
	require.Len(t, privateEntries(t, l.person.SignIn(t, l.elsewhere(t))), len(l.entries), "and nothing twice")
}

// C1, B2: what the store drops or replays while pages join is named. The others join, and
// that one does when the store has it again.
func TestAPageThatIsDroppedWhileItJoinsIsNamedAndTheRestComesBack(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	_, err := l.comeBack(t, l.Stage)
	require.NoError(t, err)
	l.person.Password = afterwards
	stage := l.elsewhere(t)
	require.NoError(t, l.person.SignIn(t, stage).BeginOpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), 1))
	prefix := l.v.ID().String() + "/l/1/x/"
	require.Len(t, keys(t, stage.Store, prefix), pagesOfMany+1-20, "twenty have joined")
	lost, another := prefix+"40", prefix+"41"
	page := get(t, stage.Store, lost)
	for name, shown := range map[string][]byte{"dropped": nil, "another page": get(t, stage.Store, another)} {
		set(t, stage.Store, lost, shown)
		v := l.person.SignIn(t, l.elsewhere(t)) // and it goes on with the others
		require.Len(t, privateEntries(t, v), len(l.entries)-1, name)
		_, err = v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil)
		require.ErrorIs(t, err, vault.ErrTampered, name)
		require.ErrorContains(t, err, "index page 40")
	}
	set(t, stage.Store, lost, page)
	v := l.person.SignIn(t, l.elsewhere(t))
	l.requireAll(t, v, stage)
}

// C1: an earlier head of what is locked would bring pages back that have joined, with
// entries that were changed since.
func TestAnEarlierHeadOfWhatIsJoiningIsRefused(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	_, err := l.comeBack(t, l.Stage)
	require.NoError(t, err)
	l.person.Password = afterwards
	v := l.person.SignIn(t, l.elsewhere(t))
	locked := dump(t, l.Store)
	require.NoError(t, v.BeginOpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), 2))
	for key, value := range locked {
		if strings.HasPrefix(key, l.v.ID().String()+"/l/1/") {
			set(t, l.Store, key, value)
		}
	}
	v = l.person.SignIn(t, l.elsewhere(t))
	require.Less(t, len(privateEntries(t, v)), len(l.entries))
	_, err = v.OpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
}

// What a try that broke off has copied is nobody's: the next try goes on with it, and no
// witness is told of it.
func TestCopiesOfATryThatBrokeOffAreTakenUpOrSwept(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	prefix := l.v.ID().String() + "/l/"
	l.w.store.FailFrom(4, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
	_, err := l.comeBack(t, l.Stage)
	require.ErrorIs(t, err, vault.ErrStorage)
	l.w.heal()
	require.NotEmpty(t, keys(t, l.Store, prefix))
	_, side, err := l.Witness.OwnerSide(t.Context(), l.v.ID())
	require.NoError(t, err)
	for _, k := range side {
		require.False(t, strings.HasPrefix(k.Key, prefix), k.Key)
	}
	const next = "gato niru pesa fova"
	require.NoError(t, l.v.ChangePassword(t.Context(), vault.ChangePassword{Old: l.old, New: next, KnownToOthers: true}))
	l.person.Password = next
	require.Empty(t, keys(t, l.Store, prefix))
	l.requireAll(t, l.person.SignIn(t, l.elsewhere(t)), l.Stage)
}

func TestWhoHasTooMuchLockedIsToldSoAndNothingIsChanged(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, 1, 1)
	require.NoError(t, l.v.PretendLocked(t.Context()))
	_, err := l.comeBack(t, l.Stage)
	require.ErrorIs(t, err, vault.ErrTooManyLocked)
	require.Equal(t, "too-many-locked", vault.Code(err))
	require.Empty(t, keys(t, l.Store, l.v.ID().String()+"/l/33/"))
	requireEach(t, privateEntries(t, l.person.SignIn(t, l.elsewhere(t))), l.entries)
}

// N16: a restore gives back what opens a locked Private, and leaves its pages, which the
// backup has.
func TestARestoreLeavesWhatIsLockedAsItIs(t *testing.T) {
	t.Parallel()
	l := newLarge(t, nil, pagesOfMany, 1)
	_, err := l.comeBack(t, l.Stage)
	require.NoError(t, err)
	day := dump(t, l.Store)
	l.person.Password = afterwards
	v := l.person.SignIn(t, l.Stage)
	const today = "fomi tade vuko nira"
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: afterwards, New: today, KnownToOthers: true}))
	require.NoError(t, l.Vaults.Close())
	owner, side, err := l.Witness.OwnerSide(t.Context(), l.v.ID())
	require.NoError(t, err)
	now := dump(t, l.Store)
	putBack(t, l.Store, day)
	_, err = l.elsewhere(t).PutBackOwner(t.Context(), l.v.ID(), owner, side)
	require.NoError(t, err)
	for key, value := range now {
		if strings.HasPrefix(key, l.v.ID().String()+"/l/") || strings.HasSuffix(key, "/policy") {
			require.True(t, bytes.Equal(value, get(t, l.Store, key)), key)
		}
	}
	require.Len(t, keys(t, l.Store, l.v.ID().String()+"/l/1/x/"), pagesOfMany+1)
}
