package vault_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func wish(t testing.TB, v *vault.Vault) vault.Wish {
	t.Helper()
	w, err := v.Wish(t.Context())
	require.NoError(t, err)
	return w
}

func TestAWishIsKeptAndCanBeChanged(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	login := keys(t, s.Store, "login/")[0]
	require.Zero(t, wish(t, s.v))
	for _, want := range []vault.Want{vault.WantErase, vault.WantKeep, vault.WantErase, vault.WantErase} {
		s.Clock.Advance(time.Minute)
		require.NoError(t, s.v.SetWish(ctx, want))
		require.Equal(t, vault.Wish{Want: want, Since: s.Clock.Now()}, wish(t, s.v))
		since := s.Clock.Now()
		s.Clock.Advance(time.Minute)
		require.Equal(t, vault.Wish{Want: want, Since: since}, wish(t, s.person.SignIn(t, s.Another(t, nil))), "a sign-in confirms it and changes nothing")
		requireSideKept(t, s, login)
	}
	require.NoError(t, s.v.SetWish(ctx, vault.WantNothing))
	require.Zero(t, wish(t, s.v))
	require.Empty(t, keys(t, s.Store, s.key("wish")))
	require.NoError(t, s.v.SetWish(ctx, vault.WantNothing))
	requireInvalid(t, s.v.SetWish(ctx, "burn"), "wish")
	require.Contains(t, acts(t, s.v, 4), string(vault.ActWishChanged))
	_, err := s.v.CloseAccount(ctx, s.person.Password)
	require.NoError(t, err)
	require.ErrorIs(t, s.v.SetWish(ctx, vault.WantKeep), vault.ErrClosing)
	requireSound(t, s.Stage, s.person)
}

// To wish an end needs the witness; to take the wish back does not.
func TestAWishIsTakenBackWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	require.NoError(t, p.Vault.SetWish(t.Context(), vault.WantErase))
	before := get(t, w.Store, p.Vault.ID().String()+"/wish")
	w.witness.away.Store(true)
	require.ErrorIs(t, p.Vault.SetWish(t.Context(), vault.WantErase), vault.ErrWitnessAway)
	require.Equal(t, before, get(t, w.Store, p.Vault.ID().String()+"/wish"))
	require.ErrorIs(t, p.Vault.SetWish(t.Context(), vault.WantKeep), vault.ErrUnconfirmed)
	require.Equal(t, vault.WantKeep, wish(t, p.Vault).Want)
	w.heal()
	requireSound(t, w.Stage, p)
}

// What the store does to a wish is told, never followed.
func TestAWishThatTheStoreAlteredIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	key := s.key("wish")
	require.NoError(t, s.v.SetWish(ctx, vault.WantErase))
	old := get(t, s.Store, key)
	s.Clock.Advance(time.Minute)
	require.NoError(t, s.v.SetWish(ctx, vault.WantKeep))
	now := get(t, s.Store, key)
	other := s.Person(t)
	require.NoError(t, other.Vault.SetWish(ctx, vault.WantErase))
	for name, value := range map[string][]byte{
		"gone": nil, "an earlier one": old, "altered": flipped(now, len(now)-1), "garbage": []byte("erase"),
		"somebody else's": get(t, s.Store, other.Vault.ID().String()+"/wish"),
	} {
		set(t, s.Store, key, value)
		_, err := s.v.Wish(ctx)
		require.ErrorIs(t, err, vault.ErrTampered, name)
		death, err := s.RecordDeath(ctx, s.v.ID(), aDeath())
		switch name {
		case "gone":
			require.NoError(t, err)
			require.Equal(t, vault.WantNothing, death.Wish)
			require.NoError(t, s.WithdrawDeath(ctx, s.v.ID(), "operator"))
		case "an earlier one":
			require.ErrorIs(t, err, vault.ErrStale, "it was taken back")
		default:
			require.ErrorIs(t, err, vault.ErrTampered, name)
		}
	}
	s.person.SignIn(t, s.Stage)
	require.NoError(t, s.v.SetWish(ctx, vault.WantKeep), "and it can be set again")
	require.Equal(t, vault.WantKeep, wish(t, s.v).Want)
}

// A tombstone in the hands of the store would end the account for good: whatever
// the store has, it does not have that.
func TestTheStoreHasNoTombstoneOfAWish(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	require.NoError(t, s.v.SetWish(t.Context(), vault.WantErase))
	_, err := s.RecordDeath(t.Context(), s.v.ID(), aDeath())
	require.NoError(t, err)
	head := get(t, s.Store, s.key("h/o"))
	envelope := head[:4] // format, algorithm, type
	for key, value := range dump(t, s.Store) {
		for at := 0; ; at++ {
			next := bytes.Index(value[at:], envelope)
			if next < 0 {
				break
			}
			at += next
			for end := at + len(envelope); end <= len(value); end++ {
				h, err := seal.OpenOwnerHead(s.v.ID(), value[at:end])
				require.True(t, err != nil || h.Erased == 0, key)
			}
		}
		if !strings.HasPrefix(key, "login/") {
			require.NotContains(t, string(value), keys(t, s.Store, "login/")[0], "nor the login")
		}
		require.NotContains(t, string(value), "town hall", key)
	}
}

func TestAWishLivesThroughAChangeOfKeysAndAReopening(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, s *scene){
		"keys": func(t *testing.T, s *scene) {
			const next = "gato niru pesa fova"
			require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: true}))
			s.person.Password = next
		},
		"password": func(t *testing.T, s *scene) {
			const next = "gato niru pesa fova"
			require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next}))
			s.person.Password = next
		},
		"closed and reopened": func(t *testing.T, s *scene) {
			_, err := s.v.CloseAccount(t.Context(), s.person.Password)
			require.NoError(t, err)
			require.NoError(t, s.v.Reopen(t.Context()))
		},
		"closed, signed in and reopened": func(t *testing.T, s *scene) {
			_, err := s.v.CloseAccount(t.Context(), s.person.Password)
			require.NoError(t, err)
			require.NoError(t, s.person.SignIn(t, s.Stage).Reopen(t.Context()))
		},
		"closed": func(t *testing.T, s *scene) { // until the year is over
			_, err := s.v.CloseAccount(t.Context(), s.person.Password)
			require.NoError(t, err)
			s.person.SignIn(t, s.Stage)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			s := &scene{Stage: w.Stage, person: p, v: p.Vault}
			require.NoError(t, s.v.SetWish(t.Context(), vault.WantErase))
			act(t, s)
			require.Equal(t, vault.WantErase, wish(t, s.v).Want)
			requireSound(t, s.Stage, p)
			_, err := s.RecordDeath(t.Context(), s.v.ID(), aDeath())
			require.NoError(t, err)
			passing(t, w.Stage, 93*day)
			requireGone(t, w, p)
		})
	}
}

// The deadline of a closing holds, although sign-ins confirm the wish.
func TestAClosingHoldsBesideAWish(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	require.NoError(t, p.Vault.SetWish(t.Context(), vault.WantErase))
	_, err := p.Vault.CloseAccount(t.Context(), p.Password)
	require.NoError(t, err)
	for range 3 {
		w.Clock.Advance(100 * day)
		p.SignIn(t, w.Stage)
	}
	passing(t, w.Stage, 66*day)
	requireGone(t, w, p)
}

// requireGone demands that a vault was erased, and the witness knows.
func requireGone(t *testing.T, w *watched, p *vaulttest.Person) {
	t.Helper()
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, p.Vault.ID())
	for key := range dump(t, w.Store) {
		require.False(t, strings.HasPrefix(key, "login/"), "the login is gone, too")
	}
	_, err := w.Unlock(t.Context(), p.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	known, err := w.Witness.Latest(t.Context(), p.Vault.ID())
	require.NoError(t, err)
	require.Len(t, known, 1, "the witness has the tombstone")
}

// A backup from before the wish comes back: the wish of today is put back with the
// owner side, and is carried out.
func TestAWishOutlivesAReturnOfABackup(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	s := &scene{Stage: w.Stage, person: p, v: p.Vault}
	require.NoError(t, s.v.SetWish(t.Context(), vault.WantKeep))
	old := dump(t, s.Store)
	require.NoError(t, s.v.SetWish(t.Context(), vault.WantErase))
	requireToldOfOwner(t, s)
	putBack(t, s.Store, old)
	owner, side, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	side = append(side, vault.Kept{Key: s.v.ID().String() + "/wishes", Value: []byte("of a stolen identity")})
	fresh := s.Another(t, nil)
	_, err = fresh.PutBackOwner(t.Context(), s.v.ID(), owner, side)
	require.NoError(t, err)
	require.Len(t, keys(t, s.Store, s.key("wish")), 1)
	death, err := fresh.RecordDeath(t.Context(), s.v.ID(), aDeath())
	require.NoError(t, err)
	require.Equal(t, vault.WantErase, death.Wish)

	set(t, s.Store, s.key("h/o"), old[s.key("h/o")]) // with a wish of another hand, nothing of it is taken
	for i := range side {
		if side[i].Key == s.key("wish") {
			side[i].Value = old[s.key("wish")][:40]
		}
	}
	_, err = s.Another(t, nil).PutBackOwner(t.Context(), s.v.ID(), owner, side)
	require.NoError(t, err)
	require.Empty(t, keys(t, s.Store, s.key("wish")))
}
