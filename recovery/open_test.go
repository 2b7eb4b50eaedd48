package recovery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func asksTheDesk(s *recoverytest.Stage, path vault.PathID) recovery.NewRequest {
	return recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: path, Recognised: "we know each other", Ask: []consent.RelayID{s.Line.ID}}
}

// Amina signed in, which ended the request. A month later she has lost everything again:
// what has ended does not stand in her way.
func TestARequestThatASignInEndedStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	samir := s.Post(t, s.Samir)
	n := asksTheDesk(s, s.Way(t, samir, vault.PathHelpers))
	first, err := s.Recovery.Open(t.Context(), samir, n)
	require.NoError(t, err)
	_, err = s.Recovery.Open(t.Context(), samir, n)
	require.ErrorIs(t, err, recovery.ErrOpen, "it waits")
	s.Amina.SignIn(t, s.Stage.Stage)
	second, err := s.Recovery.Open(t.Context(), samir, n)
	require.NoError(t, err)
	require.NotEqual(t, first.Request.ID, second.Request.ID)
}

// Whoever opened it fell over before the witness knew of it: nobody waits for a request
// that can never be ready.
func TestARequestThatTheWitnessNeverHeardOfStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	s, p := newBroken(t, recoverytest.Options{})
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	samir := s.Post(t, s.Samir)
	n := asksTheDesk(s, s.Way(t, samir, vault.PathHelpers))
	p.heal()
	_, err := s.Recovery.Open(t.Context(), samir, n)
	require.NoError(t, err)
	commits := p.commits()
	all, err := s.Recovery.Requests(t.Context(), samir, n.Vault)
	require.NoError(t, err)
	require.NoError(t, s.Recovery.Cancel(t.Context(), samir, n.Vault, all[0].ID, ""))

	p.store.FailFrom(commits, errNoAnswer, storagetest.After, storagetest.Commit) // the last of them is that of the request
	_, err = s.Recovery.Open(t.Context(), samir, n)
	require.Error(t, err)
	p.heal()
	_, err = s.Recovery.Open(t.Context(), samir, n)
	require.ErrorIs(t, err, recovery.ErrOpen, "it may be on its way")
	s.Clock.Advance(2 * time.Minute)
	_, err = s.Recovery.Open(t.Context(), samir, n)
	require.NoError(t, err)
}

// The relay went, and came again: it helps as before.
func TestARelayThatCameAgainHelpsAsBefore(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true}})
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Followed, ptr(s.Secret())))
	_, err := s.Follow(t.Context(), s.Amina.Vault, consent.Follow{Relay: s.Harbour.ID, Scope: vault.ScopeAdd, Notice: recoverytest.Notice(), Agreed: true, Name: "Amina K."}, s.Secret())
	require.NoError(t, err)
	s.Complete(t, s.Begin(t, vault.PathAnswersRelay), recovery.Completion{Answers: asTypedYearsLater})
}

// Whoever forgets their password again and again is let in again and again.
func TestWhoCameBackOftenComesBackAgain(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	for _, password := range []string{"veko lanu timo a", "veko lanu timo b", "veko lanu timo c", "veko lanu timo d", "veko lanu timo e"} {
		s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true}})
		s.Complete(t, s.Begin(t, vault.PathAnswersRelay), recovery.Completion{Answers: asTypedYearsLater, Password: password})
	}
}
