package consent_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestAManagerSeesTheCodesThatNobodyHasUsedAndTakesOneBack(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour, lantern := s.Relay(t, "Harbour"), s.Relay(t, "Lantern")
	helper := harbour.Hire(t, "Nadia", consent.RoleHelp)
	desk := harbour.Desk(t)
	samir, err := desk.Invite(t.Context(), consent.RoleHelp, &consent.InviteOptions{Label: " Samir, from Monday on "})
	require.NoError(t, err)
	s.Clock.Advance(time.Minute)
	lost, err := desk.Invite(t.Context(), consent.RoleHelp|consent.RoleManage, nil)
	require.NoError(t, err)
	for rec, err := range s.Store.All(t.Context(), "svc/invit") {
		require.NoError(t, err)
		require.NotContains(t, string(rec.Value), "Samir", "sealed")
		require.NotContains(t, string(rec.Value), samir.Code)
	}

	all, err := desk.Invitations(t.Context())
	require.NoError(t, err)
	require.Equal(t, []consent.Invitation{
		{ID: samir.ID, Relay: harbour.ID, Roles: consent.RoleHelp, Until: samir.Until.Truncate(time.Millisecond), Label: "Samir, from Monday on", By: harbour.Manager.Name()},
		{ID: lost.ID, Relay: harbour.ID, Roles: consent.RoleHelp | consent.RoleManage, Until: lost.Until.Truncate(time.Millisecond), By: harbour.Manager.Name()},
	}, all)

	_, err = helper.At(t, harbour).Invitations(t.Context())
	require.ErrorIs(t, err, consent.ErrNotManager)
	require.ErrorIs(t, helper.At(t, harbour).TakeBack(t.Context(), lost.ID), consent.ErrNotManager)
	require.ErrorIs(t, lantern.Desk(t).TakeBack(t.Context(), lost.ID), vault.ErrNotFound, "of another relay")

	require.NoError(t, desk.TakeBack(t.Context(), lost.ID))
	require.ErrorIs(t, desk.TakeBack(t.Context(), lost.ID), vault.ErrNotFound)
	_, err = s.Enrolled(t.Context(), lost.Code, "Thief")
	require.ErrorIs(t, err, consent.ErrInvitation)
	_, err = helper.Ask(t.Context(), lost.Code)
	require.ErrorIs(t, err, consent.ErrInvitation)

	// New keys of the relay hide nothing of what was written under the former ones.
	_, err = desk.RotateKey(t.Context())
	require.NoError(t, err)
	all, err = harbour.Desk(t).Invitations(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "Samir, from Monday on", all[0].Label)
	require.NoError(t, harbour.Desk(t).TakeBack(t.Context(), samir.ID))
	require.Empty(t, codes(t, s), "nothing is left")

	lines, err := harbour.Desk(t).WhatHappened(t.Context(), nil)
	require.NoError(t, err)
	var labels []string
	for _, l := range lines {
		if l.Act == vault.ActInvitationTakenBack {
			require.Equal(t, harbour.Manager.Name(), l.Actor.Name)
			labels = append(labels, l.Detail["label"])
		}
	}
	require.Equal(t, []string{"Samir, from Monday on", ""}, labels)
}

// Of who uses a code and who takes it back at the same moment, one side succeeds.
func TestACodeThatIsTakenBackLetsNobodyAskAlsoNotAtTheSameMoment(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir, desk := s.Worker(t, "Samir"), harbour.Desk(t)
	for range 6 {
		i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		var both sync.WaitGroup
		var asked, taken error
		both.Go(func() { _, asked = samir.Ask(t.Context(), i.Code) })
		both.Go(func() { taken = desk.TakeBack(t.Context(), i.ID) })
		both.Wait()
		if taken == nil {
			require.ErrorIs(t, asked, consent.ErrInvitation)
		} else {
			require.ErrorIs(t, taken, vault.ErrNotFound)
			require.NoError(t, asked)
		}
		left, err := desk.Invitations(t.Context())
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// What only closes is never refused (N10).
func TestACodeIsTakenBackWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	away := &broken{}
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { away.Checkpoints = c; return away },
	}})
	harbour := s.Relay(t, "Harbour")
	desk := harbour.Desk(t)
	i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	away.away.Store(true)
	require.ErrorIs(t, desk.TakeBack(t.Context(), i.ID), vault.ErrUnconfirmed)
	away.away.Store(false)
	_, err = s.Invited(t.Context(), i.Code)
	require.ErrorIs(t, err, consent.ErrInvitation)
}
