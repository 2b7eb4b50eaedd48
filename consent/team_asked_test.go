package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

func TestAWorkerIsToldWhomTheyAskedAndWhoTookThemOut(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour, lantern := s.Relay(t, "Harbour"), s.Relay(t, "Lantern")
	samir := s.Worker(t, "Samir")
	asked := func() (all []consent.AskedRelay) {
		t.Helper()
		all, err := samir.AskedRelays(t.Context())
		require.NoError(t, err)
		return all
	}
	require.Empty(t, asked(), "never in")
	ask := func(r *consenttest.Relay) {
		t.Helper()
		i, err := r.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = samir.Ask(t.Context(), i.Code)
		require.NoError(t, err)
	}
	admit := func(r *consenttest.Relay) error {
		digits, err := samir.Fingerprint(t.Context())
		require.NoError(t, err)
		return r.Desk(t).Admit(t.Context(), consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
	}
	ask(harbour)
	s.Clock.Advance(time.Minute)
	ask(harbour) // with another code
	since := s.Clock.Now().UTC().Truncate(time.Millisecond)
	s.Clock.Advance(time.Minute)
	ask(lantern)
	all := asked()
	require.Len(t, all, 2)
	require.Equal(t, "Lantern", all[0].Relay.Name)
	require.Equal(t, consent.AskedRelay{Relay: harbour.Relay, At: since, Waiting: true}, all[1])

	require.NoError(t, admit(harbour))
	require.Len(t, asked(), 1, "who is in has asked nothing any more")
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	all = asked()
	require.Len(t, all, 2)
	require.Equal(t, "Harbour", all[1].Relay.Name)
	require.False(t, all[1].Waiting, "out, and not waiting")

	require.NoError(t, samir.TakeBackAsk(t.Context(), lantern.ID))
	require.ErrorIs(t, admit(lantern), vault.ErrNotFound, "nobody lets in who does not ask any more")
	require.NoError(t, samir.TakeBackAsk(t.Context(), harbour.ID))
	require.ErrorIs(t, samir.TakeBackAsk(t.Context(), harbour.ID), vault.ErrNotFound)
	require.Empty(t, asked())
	ask(lantern)
	require.NoError(t, admit(lantern))
}

// Where somebody worked before is written nowhere that the store can read.
func TestTheStoreDoesNotLearnWhereSomebodyWorkedBefore(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	for rec, err := range s.Store.All(t.Context(), samir.ID().String()) {
		require.NoError(t, err)
		require.NotContains(t, rec.Key, harbour.ID.String())
		require.NotContains(t, string(rec.Value), string(harbour.ID[:]))
	}
}
