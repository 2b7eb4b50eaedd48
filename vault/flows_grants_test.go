package vault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// allowed is a town in which a person shares a paper with a relay, twice, with one
// act of theirs about it. Whatever fails, what was allowed is whole afterwards.
type allowed struct {
	*town
	w       *watched
	papers  []vault.Item
	leaves  vault.GrantID
	stays   vault.GrantID
	relayed vault.OwnKeys
}

func newAllowed(t testing.TB, papers int) *allowed {
	t.Helper()
	a := &allowed{w: &watched{}}
	a.town = newTown(t, a.w.wraps(nil))
	a.w.Stage = a.Stage
	for n := range papers {
		a.papers = append(a.papers, addTo(t, a.v, vault.NewDocument{Name: fmt.Sprint(n), Compartment: vault.Shared}, content(uint64(n), 700)))
	}
	a.leaves, a.stays = a.follow(t, vault.ScopeSee), a.follow(t, vault.ScopeAdd)
	a.relayed = a.workerKeys(t)
	return a
}

// elsewhere is another process over the same data, with everything well.
func (a *allowed) elsewhere(t testing.TB) *town {
	t.Helper()
	tn := *a.town
	r := *a.register
	tn.register = &r
	tn.Stage = a.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return &r, nil }})
	r.service = tn.Vaults
	return &tn
}

// requireAllowed signs in elsewhere and demands that what was allowed agrees with
// itself: papers, owner head, records, keys and generations. It returns what is in
// force.
func (a *allowed) requireAllowed(t testing.TB) map[vault.GrantID]bool {
	t.Helper()
	tn := a.elsewhere(t)
	v := a.person.SignIn(t, tn.Stage)
	seen := look(t, v)
	require.Len(t, seen, len(a.papers)+2)
	requireBooks(t, tn.Stage, v.ID())
	all, err := v.Grants(t.Context())
	require.NoError(t, err)
	head, err := seal.OpenOwnerHead(v.ID(), get(t, tn.Store, v.ID().String()+"/h/o"))
	require.NoError(t, err)
	inForce := map[vault.GrantID]bool{}
	for _, g := range all {
		as := tn.guest(a.relayed, tn.relay.ID(), "housing")
		guest, err := tn.Vaults.OpenGrant(t.Context(), v.ID(), g.ID, as)
		if !g.Ended.IsZero() {
			require.ErrorIs(t, err, vault.ErrEnded)
			continue
		}
		require.NoError(t, err)
		inForce[g.ID] = true
		digest := seal.Digest(g.Terms)
		require.Contains(t, head.Grants, digest[:])
		require.Len(t, papers(t, guest), len(a.papers))
		keys, _, _ := guest.Keys()
		require.Len(t, keys[vault.Shared], 1, "only the keys of now")
	}
	require.Len(t, head.Grants, len(inForce))
	require.Len(t, keys(t, tn.Store, v.ID().String()+"/g/"), len(inForce))
	now := sharedGeneration(head)
	require.NotEqual(t, now, head.Owed)
	for _, it := range a.papers {
		m, err := v.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		require.Equal(t, now, m.Generation, "sealed under the keys of now")
	}
	require.NoError(t, tn.Vaults.Close())
	requireWitnessed(t, tn.Stage, v.ID())
	return inForce
}

func sharedGeneration(h *seal.OwnerHead) uint64 {
	for _, k := range h.Compartments {
		if k.Compartment == seal.Shared {
			return k.Generation
		}
	}
	return 0
}

// acted is an act and what must be true of it if it said that it was done.
type acted struct {
	do   func(t testing.TB, a *allowed) error
	done func(t testing.TB, a *allowed, inForce map[vault.GrantID]bool)
}

func grantFlows() map[string]acted {
	ended := func(t testing.TB, a *allowed, inForce map[vault.GrantID]bool) { require.False(t, inForce[a.leaves]) }
	const next = "gato niru pesa fova"
	return map[string]acted{
		"follow": {func(t testing.TB, a *allowed) error {
			_, err := a.v.Give(t.Context(), vault.NewGrant{Holder: a.relay.ID(), Scope: vault.ScopeSee, Until: a.Clock.Now().Add(time.Hour)}, a.secret())
			return err
		}, func(t testing.TB, a *allowed, inForce map[vault.GrantID]bool) { require.Len(t, inForce, 3) }},
		"withdraw": {func(t testing.TB, a *allowed) error { return a.v.End(t.Context(), a.leaves, nil) }, ended},
		"withdraw with the secret": {func(t testing.TB, a *allowed) error {
			secret := a.secret()
			return a.v.End(t.Context(), a.leaves, &secret)
		}, ended},
		"pay at a sign-in": {func(t testing.TB, a *allowed) error {
			if err := a.v.End(t.Context(), a.leaves, nil); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
				return err
			}
			_, err := a.Unlock(t.Context(), a.person.Secret())
			return err
		}, ended},
		"change the keys": {func(t testing.TB, a *allowed) error {
			err := a.v.ChangePassword(t.Context(), vault.ChangePassword{Old: a.person.Password, New: next, KnownToOthers: true})
			if err == nil || errors.Is(err, vault.ErrUnconfirmed) {
				a.person.Password = next
			}
			return err
		}, func(t testing.TB, a *allowed, inForce map[vault.GrantID]bool) { require.Len(t, inForce, 2) }},
	}
}

func TestWhateverFailsWhatWasAllowedIsWhole(t *testing.T) {
	t.Parallel()
	for name, f := range grantFlows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, what := range faults {
				if what.rare && sized(0, 1) == 0 {
					continue
				}
				step := sized(10*what.every+1, 3)
				if what.every == 1 {
					step = sized(9, 2)
				}
				for n, reached := 1, true; reached; n += step {
					reached = apart(t, what.name, n, func(t *testing.T) bool { return f.fails(t, what, n) })
				}
			}
		})
	}
}

func (f acted) fails(t *testing.T, what fault, n int) (reached bool) {
	t.Helper()
	a := newAllowed(t, 3)
	what.set(a.w, n)
	old := a.person.Password
	err := f.do(t, a)
	_ = a.Vaults.Close()
	reached = a.w.failed()
	a.w.heal()
	if errors.Is(err, vault.ErrUnknown) || errors.Is(err, vault.ErrStorage) {
		// Whether the password was changed, the person tries.
		for _, password := range []string{old, "gato niru pesa fova"} {
			a.person.Password = password
			if _, err := a.elsewhere(t).Unlock(t.Context(), a.person.Secret()); err == nil {
				break
			}
		}
	}
	inForce := a.requireAllowed(t)
	require.True(t, inForce[a.stays], "%s %d: who stays goes on", what.name, n)
	if err == nil || errors.Is(err, vault.ErrUnconfirmed) {
		f.done(t, a, inForce)
	}
	require.NotEqual(t, "", vault.Code(orNil(err)), "%v", err)
	return reached
}

// orNil gives no error a code, too.
func orNil(err error) error {
	if err == nil {
		return vault.ErrInvalid
	}
	return err
}

// A vault with 500 papers: refused at once, sealed anew to the last one, in few
// commits, also where it is broken off again and again.
func TestAWithdrawalFromManyPapersIsCompleteAndResumable(t *testing.T) {
	t.Parallel()
	count := sized(120, 500)
	a := newAllowed(t, 0)
	for n := range count {
		it, err := a.v.AddNote(t.Context(), fmt.Sprint(n), vault.Note{Text: "x"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
		_ = it
	}
	for broken := 0; ; broken++ { // each time a little later
		require.Less(t, broken, 200)
		a.w.store.FailFrom(3+2*broken, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
		secret := a.secret()
		err := a.v.End(t.Context(), a.leaves, &secret)
		failed := a.w.store.Failed()
		a.w.heal()
		if err == nil || errors.Is(err, vault.ErrUnconfirmed) || errors.Is(err, vault.ErrEnded) {
			require.True(t, failed || err == nil)
			break
		}
	}
	as := a.guest(a.relayed, a.relay.ID(), "housing")
	_, err := a.Vaults.OpenGrant(t.Context(), a.v.ID(), a.leaves, as)
	require.ErrorIs(t, err, vault.ErrEnded, "refused at once")
	// Whoever signs in goes on, however often it is broken off.
	before := 0
	for broken := 0; broken < 60; broken++ {
		a.w.store.FailFrom(4+broken, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
		_, err := a.Unlock(t.Context(), a.person.Secret())
		failed := a.w.store.Failed()
		a.w.heal()
		if err == nil && !failed {
			before = broken
			break
		}
	}
	require.NotZero(t, before)
	a.papers = make([]vault.Item, 0)
	tn := a.elsewhere(t)
	v := a.person.SignIn(t, tn.Stage)
	require.Len(t, papers(t, v), count)
	guest, err := tn.Vaults.OpenGrant(t.Context(), v.ID(), a.stays, as)
	require.NoError(t, err)
	require.Len(t, papers(t, guest), count)
	own, _, _ := guest.Keys()
	require.Len(t, own[vault.Shared], 1)
	requireBooks(t, tn.Stage, v.ID())

	// Once more, in one go: how many commits, how long.
	whole := newAllowed(t, 0)
	for n := range count {
		_, err := whole.v.AddNote(t.Context(), fmt.Sprint(n), vault.Note{Text: "x"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
	}
	calls := whole.w.store.Calls(storagetest.Commit)
	began := time.Now()
	secret := whole.secret()
	require.NoError(t, whole.v.End(t.Context(), whole.leaves, &secret))
	commits := whole.w.store.Calls(storagetest.Commit) - calls
	t.Logf("%d notes: %d commits in %s", count, commits, time.Since(began).Round(time.Millisecond))
	require.LessOrEqual(t, commits, count/30+20, "of which some only confirm what was read")
}
