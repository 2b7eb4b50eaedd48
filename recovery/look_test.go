package recovery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// tooEarly enters number and code before it is time, and returns what is missing.
func (s *hostile) tooEarly(t testing.TB, h recoverytest.Help) *recovery.NotReadyError {
	t.Helper()
	var early *recovery.NotReadyError
	_, err := s.enter(t, h)
	require.ErrorAs(t, err, &early)
	require.NotEmpty(t, early.Look)
	require.NotContains(t, err.Error(), early.Look)
	return early
}

// missingNow is what the token to look says.
func (s *hostile) missingNow(t testing.TB, token string) []recovery.Missing {
	t.Helper()
	var not *recovery.NotReadyError
	require.ErrorAs(t, s.Recovery.Look(t.Context(), token), &not)
	require.Empty(t, not.Look)
	return not.Missing
}

// She looks every hour for a week. All tries but that of the first time are left.
func TestToLookAgainWhetherItIsTimeCostsNoTry(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withHelpers(t)
	h := s.Begin(t, vault.PathHelpers)
	early := s.tooEarly(t, h)
	require.Equal(t, []recovery.Missing{recovery.MissingDesk, recovery.MissingRelayApproval, recovery.MissingDeskApproval, recovery.MissingWait}, early.Missing)
	require.Equal(t, early.Missing, s.missingNow(t, early.Look))
	h = s.Agreed(t, h)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missingNow(t, early.Look))
	for range 7*24 - 2 {
		s.Clock.Advance(time.Hour)
		require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missingNow(t, early.Look))
	}
	for range 17 { // to make it and to come too early were two of twenty
		_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
		require.ErrorIs(t, err, recovery.ErrCode)
		s.Clock.Advance(16 * time.Minute)
	}
	require.NoError(t, s.Recovery.Look(t.Context(), early.Look))
	back := s.Complete(t, h, recovery.Completion{})
	require.Equal(t, []string{"Letter"}, titles(t, back.Vault))
	require.ErrorIs(t, s.Recovery.Look(t.Context(), early.Look), recovery.ErrCode)
}

// The token to look opens nothing, and no right code gives a try back: nobody gains a guess
// by it (F9, N6).
func TestALookOpensNothingAndGivesNoTryBack(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withHelpers(t)
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	early := s.tooEarly(t, h)
	_, err := s.Recovery.Resume(t.Context(), early.Look)
	require.ErrorIs(t, err, recovery.ErrCode)
	for range 18 {
		s.Clock.Advance(16 * time.Minute)
		s.tooEarly(t, h)
		require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missingNow(t, early.Look))
	}
	s.Clock.Advance(16 * time.Minute)
	_, err = s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrSpent, "right codes are tries like others")

	s.Wait(vault.PathHelpers, false)
	_, err = s.Recovery.Resume(t.Context(), early.Look)
	require.ErrorIs(t, err, recovery.ErrCode, "not then either")
	s.Clock.Set(h.Request.Until)
	require.ErrorIs(t, s.Recovery.Look(t.Context(), early.Look), recovery.ErrRequest)
	late, other := len(early.Look)-10, "A"
	if early.Look[late] == 'A' {
		other = "B"
	}
	for _, token := range []string{"", "no token", early.Look[1:], early.Look[:late] + other + early.Look[late+1:]} {
		require.ErrorIs(t, s.Recovery.Look(t.Context(), token), recovery.ErrCode)
	}
}

func TestATokenOfAPageLooksAtNothing(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withSheet(t)
	page := s.Enter(t, s.Begin(t, vault.PathSheetRelay))
	require.ErrorIs(t, s.Recovery.Look(t.Context(), page.Token()), recovery.ErrCode)
}

// A half that is worthless since a relay went is missing until it is given again.
func TestALookSeesThatAHalfIsGivenAgain(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withSheet(t)
	h := s.Begin(t, vault.PathSheetDesk)
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Followed, ptr(s.Secret())))
	early := s.tooEarly(t, h)
	require.Equal(t, []recovery.Missing{recovery.MissingDesk}, s.missingNow(t, early.Look))
	_, err := s.Recovery.Contribute(t.Context(), s.Post(t, s.Omar), s.id(), h.Request.ID)
	require.NoError(t, err)
	require.NoError(t, s.Recovery.Look(t.Context(), early.Look))
}
