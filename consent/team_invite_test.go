package consent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// written are the keys of what is written on the codes of a relay.
func written(t testing.TB, s *consenttest.Stage, r *consenttest.Relay) (out []string) {
	t.Helper()
	for rec, err := range s.Store.All(t.Context(), r.ID.String()+"/invited/") {
		require.NoError(t, err)
		out = append(out, rec.Key)
	}
	return out
}

// codes are the keys of all invitations that the store has.
func codes(t testing.TB, s *consenttest.Stage) (out []string) {
	t.Helper()
	for rec, err := range s.Store.All(t.Context(), "svc/invit") {
		require.NoError(t, err)
		out = append(out, rec.Key)
	}
	return out
}

func TestARelayHasSoManyCodesAndNoMoreAndNobodyElsePays(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour, lantern := s.Relay(t, "Harbour"), s.Relay(t, "Lantern")
	desk := harbour.Desk(t)
	var last consent.Invitation
	for range 200 {
		var err error
		last, err = desk.Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
	}
	_, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.ErrorIs(t, err, vault.ErrTooMany)
	_, err = lantern.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	samir := s.Worker(t, "Samir") // by a code of the operator's
	_, err = samir.Ask(t.Context(), last.Code)
	require.NoError(t, err)
	_, err = desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err, "one was used")
	_, err = desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.ErrorIs(t, err, vault.ErrTooMany)
	s.Clock.Advance(7*24*time.Hour + time.Millisecond)
	_, err = harbour.Manager.SignIn(t, s).At(t, harbour).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err, "their time is over")
}

func TestACodeThatNobodyUsedIsSwept(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	i, err := harbour.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	s.Clock.Advance(7*24*time.Hour - time.Millisecond)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, written(t, s, harbour), 1)
	_, err = s.Invited(t.Context(), i.Code)
	require.NoError(t, err)
	s.Clock.Advance(2 * time.Hour)
	_, err = s.Invited(t.Context(), i.Code)
	require.ErrorIs(t, err, consent.ErrInvitation)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, written(t, s, harbour))
	for _, key := range codes(t, s) {
		require.True(t, strings.HasPrefix(key, "svc/invited/"), key)
	}
	for rec, err := range s.Store.All(t.Context(), "due/") {
		require.NoError(t, err)
		require.NotContains(t, rec.Key, "invit")
	}
}

// A code that was used leaves nothing behind that says who invited whom.
func TestACodeThatWasUsedLeavesNothing(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	harbour.Hire(t, "Samir", consent.RoleHelp)
	require.Empty(t, codes(t, s))
	require.Empty(t, written(t, s, harbour))
	for rec, err := range s.Store.All(t.Context(), "due/") {
		require.NoError(t, err)
		require.NotContains(t, rec.Key, "invit")
	}
}

// U+0958, a letter of Hindi, is two in NFC: a name that grows is refused where it is
// given, and not dropped with its note where nobody sees it.
func TestANameThatGrowsInItsNormalFormIsRefusedNotLost(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	amina := s.Person(t)
	follow := func(name string) error {
		_, err := s.Follow(t.Context(), amina.Vault, consent.Follow{
			Relay: harbour.ID, Scope: vault.ScopeSee, Agreed: true, Name: name, Notice: vault.Notice{Version: "1", Language: "en", Text: "x"},
		}, vault.Secret{Password: amina.Password})
		return err
	}
	err := follow(strings.Repeat("\u0958", 101))
	require.ErrorIs(t, err, vault.ErrInvalid)
	require.ErrorContains(t, err, "name")
	require.NoError(t, follow(" "+strings.Repeat("\u0958", 100)+" "))
	people, err := samir.At(t, harbour).People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
	require.Equal(t, strings.Repeat("\u0915\u093c", 100), people[0].Name)
}
