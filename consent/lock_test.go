package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// F12: while a person is at the device, neither can they reach what the worker has open,
// nor does the worker do anything with it; also not in another process.
func TestALockedSessionDoesNothingUntilItsPasswordOpensIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := tn.paper(t, "Letter", vault.Shared)
	tn.follow(t)
	samir := tn.centre.worker
	post := tn.post(t)
	v, err := post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	reading, err := v.ReadDocument(t.Context(), letter.ID)
	require.NoError(t, err)
	defer reading.Close()
	token := samir.Own().Token()

	require.NoError(t, samir.Lock(t.Context()))
	locked := func(service *consent.Service, do func() error) {
		t.Helper()
		require.ErrorIs(t, do(), vault.ErrLocked)
		_, err := service.Resume(t.Context(), token)
		require.ErrorIs(t, err, vault.ErrLocked)
		_, _, err = service.Open(t.Context(), token)
		require.ErrorIs(t, err, vault.ErrLocked)
	}
	for name, do := range map[string]func() error{
		"read on":           func() error { _, err := v.List(t.Context(), nil); return err },
		"the roster":        func() error { _, err := post.People(t.Context()); return err },
		"at the relay":      func() error { _, err := samir.Worker.At(t.Context(), tn.centre.relay.ID); return err },
		"what is open":      func() error { _, _, _, err := samir.Opened(t.Context()); return err },
		"the own space":     func() error { _, err := samir.Own().Sessions(t.Context()); return err },
		"another name":      func() error { return samir.Introduce(t.Context(), "Somebody else") },
		"once more":         func() error { return samir.Lock(t.Context()) },
		"help somebody in":  func() error { _, err := post.Helping(t.Context(), tn.amina.Vault.ID()); return err },
		"open somebody":     func() error { _, err := post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing); return err },
		"the relay's space": func() error { _, err := post.Space().List(t.Context(), nil); return err },
	} {
		t.Log(name)
		locked(tn.service, do)
	}
	other := tn.Another(t, nil)
	locked(other.Service, func() error { _, err := other.Vaults.Resume(t.Context(), token); return err })

	// Another session of the worker, on their own phone, goes on.
	phone := samir.SignIn(t, tn.Stage)
	require.NotEmpty(t, phone.At(t, tn.centre.Relay).Relay().Name)

	_, err = other.Service.UnlockSession(t.Context(), token, "a guess", "")
	require.ErrorIs(t, err, vault.ErrSignIn)
	locked(tn.service, func() error { _, err := v.List(t.Context(), nil); return err })
	again, err := other.Service.UnlockSession(t.Context(), token, samir.Password, "")
	require.NoError(t, err)
	require.Equal(t, token, again.Own().Token())
	_, open, _, err := again.Opened(t.Context())
	require.NoError(t, err)
	require.Equal(t, "this is Letter", contents(t, open, letter.ID), "what was open behind the lock")

	// The handles of before go on, and do not lock it again when they note their use.
	tn.Clock.Advance(6 * time.Minute)
	_, err = samir.Own().Sessions(t.Context())
	require.NoError(t, err)
	_, err = tn.service.Resume(t.Context(), token)
	require.NoError(t, err)
}

func TestGuessesAtALockAreCountedAsAtTheSignIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	samir := tn.centre.worker
	token := samir.Own().Token()
	require.NoError(t, samir.Lock(t.Context()))
	var err error
	for range 6 {
		_, err = tn.service.UnlockSession(t.Context(), token, "a guess", "")
		require.Error(t, err)
	}
	require.ErrorIs(t, err, vault.ErrBackOff)
	_, err = tn.service.SignIn(t.Context(), samir.Secret())
	require.ErrorIs(t, err, vault.ErrBackOff, "one counter")
	_, err = tn.service.UnlockSession(t.Context(), token, samir.Password, "")
	require.ErrorIs(t, err, vault.ErrBackOff)
	tn.Clock.Advance(time.Minute)
	w, err := tn.service.UnlockSession(t.Context(), token, samir.Password, "")
	require.NoError(t, err)
	entries, err := w.Own().Journal(t.Context(), nil)
	require.NoError(t, err)
	var seen []vault.Act
	for _, e := range entries {
		seen = append(seen, e.Act)
	}
	require.Subset(t, seen, []vault.Act{vault.ActSessionLocked, vault.ActSignInFailed, vault.ActSignedIn})
}

func TestALockAsksForTheSecondFactorAndEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, &consenttest.Options{SecondFactor: true})
	boss := s.Relay(t, "Harbour").Manager
	token := boss.Own().Token()
	require.NoError(t, boss.Lock(t.Context()))
	_, err := s.Service.UnlockSession(t.Context(), token, boss.Password, "")
	require.ErrorIs(t, err, vault.ErrSecondFactor)
	_, err = s.Service.Resume(t.Context(), token)
	require.ErrorIs(t, err, vault.ErrLocked)
	w, err := s.Service.UnlockSession(t.Context(), token, boss.Password, boss.Code())
	require.NoError(t, err)
	require.NoError(t, w.Lock(t.Context()))

	elsewhere := boss.SignIn(t, s)
	require.NoError(t, elsewhere.Own().EndOtherSessions(t.Context()))
	_, err = s.Service.UnlockSession(t.Context(), token, boss.Password, boss.Code())
	require.ErrorIs(t, err, vault.ErrSessionEnded)

	// Who is no worker has no business here, locked or not.
	amina := s.Person(t)
	_, err = s.Service.UnlockSession(t.Context(), amina.Vault.Token(), amina.Password, "")
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = s.Service.UnlockSession(t.Context(), "no token", amina.Password, "")
	require.ErrorIs(t, err, vault.ErrSessionEnded)
}

func TestTriesAtALockKeepItFromNoEnd(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{StaffSessionIdle: 10 * time.Minute, StaffSessionMax: 2 * time.Hour}})
	boss := s.Relay(t, "Harbour").Manager
	token := boss.Own().Token()
	require.NoError(t, boss.Lock(t.Context()))
	s.Clock.Advance(7 * time.Minute)
	_, err := s.Service.UnlockSession(t.Context(), token, "another password", "")
	require.ErrorIs(t, err, vault.ErrSignIn)
	s.Clock.Advance(9 * time.Minute)
	_, err = s.Service.UnlockSession(t.Context(), token, boss.Password, "")
	require.ErrorIs(t, err, vault.ErrSessionEnded)
}

// Whoever takes the device ends the worker's session on it, without the password: nothing
// opens by that, and what was open behind the lock is over.
func TestALockedSessionIsEndedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.paper(t, "Letter", vault.Shared)
	tn.follow(t)
	samir := tn.centre.worker
	v, err := tn.post(t).Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	token := samir.Own().Token()
	require.NoError(t, samir.Lock(t.Context()))
	require.NoError(t, tn.Another(t, nil).Service.SignOut(t.Context(), token))
	_, err = v.List(t.Context(), nil)
	require.Error(t, err)
	require.NotErrorIs(t, err, vault.ErrLocked)
	for range 2 {
		_, err = tn.service.UnlockSession(t.Context(), token, samir.Password, "")
		require.ErrorIs(t, err, vault.ErrSessionEnded)
		require.ErrorIs(t, tn.service.SignOut(t.Context(), token), vault.ErrSessionEnded)
	}
	require.ErrorIs(t, tn.service.SignOut(t.Context(), "no token"), vault.ErrSessionEnded)
	require.NotNil(t, samir.SignIn(t, tn.Stage))
}
