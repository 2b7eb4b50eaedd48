package vault_test

import (
	"encoding/base32"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// app is an authenticator app.
type app struct {
	clock  *vaulttest.Clock
	secret []byte
}

func (a *app) code() string { return vault.Code6238(a.secret, a.clock.Now()) }

// next waits for another code.
func (a *app) next() string {
	a.clock.Advance(30 * time.Second)
	return a.code()
}

func enrol(t testing.TB, s *vaulttest.Stage, p *vaulttest.Person) *app {
	t.Helper()
	f, err := p.Vault.EnrolSecondFactor(t.Context(), vault.Secret{Password: p.Password})
	require.NoError(t, err)
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(f.Secret, " ", ""))
	require.NoError(t, err)
	require.Len(t, secret, 20)
	return &app{clock: s.Clock, secret: secret}
}

// protect gives a person a second factor.
func protect(t testing.TB, s *vaulttest.Stage, p *vaulttest.Person) *app {
	t.Helper()
	a := enrol(t, s, p)
	require.NoError(t, p.Vault.ConfirmSecondFactor(t.Context(), a.code()))
	return a
}

func withCode(p *vaulttest.Person, code string) vault.Password {
	secret := p.Secret()
	secret.Code = code
	return secret
}

func TestWithASecondFactorThePasswordAloneDoesNotOpen(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} {
		s := newScene(t, &vaulttest.Options{Folder: folder})
		note := addNote(t, s.v, "Note", "text")
		a := enrol(t, s.Stage, s.person)
		s.person.SignIn(t, s.Stage) // not before a code was seen
		has, err := s.v.HasSecondFactor(t.Context())
		require.NoError(t, err)
		require.False(t, has)
		require.ErrorIs(t, s.v.ConfirmSecondFactor(t.Context(), "000000"), vault.ErrSecondFactor)
		require.NoError(t, s.v.ConfirmSecondFactor(t.Context(), a.code()))
		has, err = s.v.HasSecondFactor(t.Context())
		require.NoError(t, err)
		require.True(t, has)

		_, err = s.Unlock(t.Context(), s.person.Secret())
		require.ErrorIs(t, err, vault.ErrSecondFactor)
		require.Equal(t, "second-factor", vault.Code(err))
		_, err = s.Unlock(t.Context(), withCode(s.person, a.code()))
		require.ErrorIs(t, err, vault.ErrSecondFactor, "that one was used to confirm it")
		v, err := s.Another(t, nil).Unlock(t.Context(), withCode(s.person, a.next()))
		require.NoError(t, err)
		require.Equal(t, "text", item(t, v, note.ID).Note.Text)
		require.Contains(t, acts(t, v, 10), string(vault.ActFactorConfirmed))

		wrong := withCode(s.person, a.next())
		wrong.Secret = "wrong wrong"
		_, err = s.Unlock(t.Context(), wrong)
		require.ErrorIs(t, err, vault.ErrSignIn, "who does not know the password learns nothing")
		require.NotErrorIs(t, err, vault.ErrSecondFactor)
	}
}

func TestWrongCodesAreFailedTries(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	a := protect(t, s.Stage, s.person)
	for range 5 {
		_, err := s.Unlock(t.Context(), withCode(s.person, "000000"))
		require.ErrorIs(t, err, vault.ErrSecondFactor)
	}
	_, err := s.Unlock(t.Context(), withCode(s.person, a.code()))
	require.ErrorIs(t, err, vault.ErrBackOff)
	s.Clock.Advance(vaultWait)
	v, err := s.Unlock(t.Context(), withCode(s.person, a.code()))
	require.NoError(t, err)
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"tries": "5"}, entries[1].Detail)
}

func TestACodeOpensOnceOnWhicheverProcess(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} {
		s := newScene(t, &vaulttest.Options{Folder: folder})
		a := protect(t, s.Stage, s.person)
		for range 3 {
			code := a.next()
			stages := []*vaulttest.Stage{s.Stage, s.Another(t, nil)}
			errs := make([]error, 4)
			var all sync.WaitGroup
			for n := range errs {
				all.Go(func() { _, errs[n] = stages[n%2].Unlock(t.Context(), withCode(s.person, code)) })
			}
			all.Wait()
			in := 0
			for _, err := range errs {
				if err == nil {
					in++
				} else {
					require.ErrorIs(t, err, vault.ErrSecondFactor)
				}
			}
			require.Equal(t, 1, in)
			s.Clock.Advance(vaultWait)
			_, err := s.Unlock(t.Context(), withCode(s.person, a.code())) // gives the failed tries back
			require.NoError(t, err)
		}
	}
}

func TestAStoreThatGoesBackMakesNoCodeGoodAgain(t *testing.T) {
	t.Parallel()
	for engine, open := range map[string]func(testing.TB) *hostile{"memory": newHostile, "sqlite and files": hostileOnDisk} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			a := protect(t, s.Stage, s.person)
			before, code := s.host.Now(), a.next()
			_, err := s.Unlock(t.Context(), withCode(s.person, code))
			require.NoError(t, err)
			s.host.Replay("", before)
			_, err = s.Another(t, nil).Unlock(t.Context(), withCode(s.person, code))
			require.ErrorIs(t, err, vault.ErrStale)
			s.host.Honest()
			for _, part := range []string{"o/", "x/o/"} { // the paper, or the page that names it
				s.host.Replay(s.key(part), before)
				_, err = s.Another(t, nil).Unlock(t.Context(), withCode(s.person, a.code()))
				require.ErrorIs(t, err, vault.ErrSignIn, part)
				s.host.Honest()
			}
			_, err = s.Another(t, nil).Unlock(t.Context(), withCode(s.person, a.next()))
			require.NoError(t, err)
		})
	}
}

func TestAStoreCannotTakeTheQuestionAway(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	before := s.host.Now()
	a := protect(t, s.Stage, s.person)
	for _, part := range []string{"o/", "x/o/"} {
		for _, key := range s.host.Records(s.key(part)) {
			s.host.Record(key).Drop()
		}
		_, err := s.Another(t, nil).Unlock(t.Context(), s.person.Secret())
		require.Error(t, err)
		s.host.Honest()
		s.Clock.Advance(vaultWait)
	}
	s.host.Replay("", before)
	_, err := s.Another(t, nil).Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrStale)
	s.host.Honest()
	_, err = s.Another(t, nil).Unlock(t.Context(), withCode(s.person, a.next()))
	require.NoError(t, err)
}

func TestNobodyIsLetInOnACodeThatTheWitnessDoesNotKnow(t *testing.T) {
	t.Parallel()
	base := newScene(t, nil)
	a := protect(t, base.Stage, base.person)
	f := &forgetful{lose: true}
	w := watch(t, base.Stage, nil)
	stage := base.Another(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints {
		w.witness.Checkpoints = c
		f.faultyWitness = w.witness
		return f
	}})
	code := a.next()
	_, err := stage.Unlock(t.Context(), withCode(base.person, code))
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	_, err = base.Unlock(t.Context(), withCode(base.person, code))
	require.ErrorIs(t, err, vault.ErrSecondFactor, "it is spent all the same")
	_, err = base.Unlock(t.Context(), withCode(base.person, a.next()))
	require.NoError(t, err)

	away := watch(t, base.Stage, nil)
	away.witness.away.Store(true)
	_, err = away.Unlock(t.Context(), withCode(base.person, a.next()))
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	require.ErrorIs(t, base.v.ConfirmSecondFactor(t.Context(), a.code()), vault.ErrInvalid, "there is nothing to confirm")
}

func TestASecondFactorOutlivesThePasswordAndTheKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	a := protect(t, s.Stage, s.person)
	for n, next := range []string{"gato niru pesa fova", "bato kiru mesa lova"} {
		require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: n == 1}))
		s.person.Password = next
		_, err := s.Unlock(t.Context(), s.person.Secret())
		require.ErrorIs(t, err, vault.ErrSecondFactor)
		_, err = s.Unlock(t.Context(), withCode(s.person, a.next()))
		require.NoError(t, err)
	}
}

func TestAnotherPhoneTakesThePlaceOfTheFirstOnceItsCodeWasSeen(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	first := protect(t, s.Stage, s.person)
	second := enrol(t, s.Stage, s.person)
	_, err := s.Unlock(t.Context(), withCode(s.person, first.next()))
	require.NoError(t, err)
	require.NoError(t, s.v.ConfirmSecondFactor(t.Context(), second.next()))
	_, err = s.Unlock(t.Context(), withCode(s.person, first.next()))
	require.ErrorIs(t, err, vault.ErrSecondFactor)
	_, err = s.Unlock(t.Context(), withCode(s.person, second.next()))
	require.NoError(t, err)

	stolen, err := s.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	_, err = stolen.EnrolSecondFactor(t.Context(), vault.Secret{Password: "wrong wrong"})
	require.ErrorIs(t, err, vault.ErrSignIn)
}

func TestACardIsASecondFactorByItself(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	protect(t, s.Stage, s.person)
	_, err := s.UnlockCard(t.Context(), withCard(card, pin))
	require.NoError(t, err)
}
