package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestAChangedPasswordTakesThePlaceOfTheOld(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"plain": false, "known to others": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			paper := add(t, s.v, "Carte", content(1, 4000))
			lost := s.person.SignIn(t, s.Another(t, nil))
			old := s.person.Secret()
			require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: known}))
			s.person.Password = "gato niru pesa fova"

			_, err := s.Unlock(t.Context(), old)
			require.ErrorIs(t, err, vault.ErrSignIn)
			_, err = lost.List(t.Context(), nil)
			require.ErrorIs(t, err, vault.ErrSessionEnded, "every other session ends")
			require.Equal(t, content(1, 4000), read(t, s.v, paper.ID), "the own goes on")
			own, err := s.Another(t, nil).Resume(t.Context(), s.v.Token())
			require.NoError(t, err)
			require.Equal(t, content(1, 4000), read(t, own, paper.ID))
			v := s.person.SignIn(t, s.restart(t))
			require.Equal(t, content(1, 4000), read(t, v, paper.ID))
			require.Len(t, keys(t, s.Store, v.ID().String()+"/s/"), 1, "one keyslot")
			entries, err := v.Journal(t.Context(), nil)
			require.NoError(t, err)
			said := map[vault.Act]int{}
			for _, e := range entries {
				said[e.Act]++
			}
			require.Equal(t, 1, said[vault.ActPasswordChanged])
			require.Equal(t, map[bool]int{true: 1}[known], said[vault.ActKeysChanged])
		})
	}
}

func TestAStolenSessionCannotChangeThePassword(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	stolen, err := s.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	next := "gato niru pesa fova"
	for range 5 {
		err := stolen.ChangePassword(t.Context(), vault.ChangePassword{Old: "wrong wrong", New: next})
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	var backOff *vault.BackOffError
	require.ErrorAs(t, stolen.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next}), &backOff, "counted like sign-ins")
	_, err = stolen.Erase(t.Context(), s.person.Password)
	require.ErrorAs(t, err, &backOff)
	_, err = stolen.CloseAccount(t.Context(), s.person.Password)
	require.ErrorAs(t, err, &backOff)
	s.Clock.Advance(vaultWait)
	s.person.SignIn(t, s.Stage)
}

func TestAPasswordOfSomebodyElseProvesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.Person(t)
	err := s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: other.Password, New: "gato niru pesa fova"})
	require.ErrorIs(t, err, vault.ErrSignIn)
}

func TestWithTheWitnessAwayThePasswordStays(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{false, true} {
		w := newWatched(t, nil)
		p := w.Person(t)
		w.witness.away.Store(true)
		before := dump(t, w.Store)
		err := p.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: "gato niru pesa fova", KnownToOthers: known})
		require.ErrorIs(t, err, vault.ErrWitnessAway)
		require.Equal(t, before, dump(t, w.Store), "nothing was written")
		w.witness.away.Store(false)
		p.SignIn(t, w.Stage)
	}
}

// forgetful is a witness whose answers to durable reports are lost on the way.
type forgetful struct {
	*faultyWitness
	lose bool
}

func (f *forgetful) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if durable && f.lose {
		return nil, errAway
	}
	return f.faultyWitness.Raise(ctx, id, heads, owner, durable)
}

func TestAChangeThatTheWitnessCouldNotConfirmIsInForce(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"plain": false, "known to others": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := newScene(t, nil)
			note := addNote(t, base.v, "Note", "text")
			f := &forgetful{}
			w := watch(t, base.Stage, nil)
			stage := base.Another(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints {
				w.witness.Checkpoints = c
				f.faultyWitness = w.witness
				return f
			}})
			v := base.person.SignIn(t, stage)
			f.lose = true
			err := v.ChangePassword(t.Context(), vault.ChangePassword{Old: base.person.Password, New: "gato niru pesa fova", KnownToOthers: known})
			require.ErrorIs(t, err, vault.ErrUnconfirmed)
			require.Equal(t, "unconfirmed", vault.Code(err))
			_, err = base.Unlock(t.Context(), base.person.Secret())
			require.ErrorIs(t, err, vault.ErrSignIn, "the old one is gone")
			base.person.Password = "gato niru pesa fova"

			again := base.person.SignIn(t, base.Another(t, nil))
			require.Equal(t, "text", item(t, again, note.ID).Note.Text)
			require.Eventually(t, func() bool { // reports follow within a second
				known, _, err := base.Witness.OwnerSide(t.Context(), base.v.ID())
				return err == nil && string(known) == string(get(t, base.Store, base.v.ID().String()+"/h/o"))
			}, 10*time.Second, 10*time.Millisecond, "and the next sign-in told the witness")
		})
	}
}

func TestAPasswordIsChangedOverAndOver(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "Note", "text")
	for n := range 6 {
		next := strings.Repeat("x", n) + " gato niru pesa"
		require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: n%2 == 0}))
		s.person.Password = next
		s.v = s.person.SignIn(t, s.Stage)
		require.Equal(t, "text", item(t, s.v, note.ID).Note.Text)
	}
	requireSound(t, s.Stage, s.person)
}
