package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// What a page warns of comes true, and the sheet is the way back.
func TestTheLastManagerIsToldBeforeTheirKeysChange(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	boss := harbour.Manager
	second := harbour.Hire(t, "Second", both)
	alone, err := boss.OnlyManagerOf(t.Context())
	require.NoError(t, err)
	require.Empty(t, alone)

	// A manager whose own keys have changed lets nobody in.
	change := vault.ChangePassword{Old: second.Password, New: "a new password of mine", KnownToOthers: true}
	require.NoError(t, second.Own().ChangePassword(t.Context(), change))
	alone, err = boss.OnlyManagerOf(t.Context())
	require.NoError(t, err)
	require.Len(t, alone, 1)
	require.Equal(t, harbour.ID, alone[0].ID)
	only, err := harbour.Desk(t).OnlyManager(t.Context())
	require.NoError(t, err)
	require.True(t, only)
	none, err := second.OnlyManagerOf(t.Context())
	require.NoError(t, err)
	require.Empty(t, none, "what is lost to them already")

	change.Old = boss.Password
	require.NoError(t, boss.Own().ChangePassword(t.Context(), change))
	for _, w := range []*consenttest.Staff{boss, second} {
		_, err = w.Worker.At(t.Context(), harbour.ID)
		require.ErrorIs(t, err, consent.ErrKeyChanged)
	}
	_, _, err = boss.RecoverRelay(t.Context(), harbour.Sheet)
	require.NoError(t, err)
	digits, err := second.Fingerprint(t.Context())
	require.NoError(t, err)
	sheet, err := boss.At(t, harbour).Renew(t.Context(), second.ID(), digits)
	require.NoError(t, err)
	require.NotNil(t, sheet)
	require.Equal(t, consent.MemberActive, members(t, second.At(t, harbour))["Second"])
}

func TestNobodyIsLetInUnlessThereIsSomebodyToReplace(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	desk := harbour.Desk(t)
	i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	samir, err := s.Enrolled(t.Context(), i.Code, "Samir")
	require.NoError(t, err)
	_, err = samir.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	digits, err := samir.Fingerprint(t.Context())
	require.NoError(t, err)
	a := consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp}
	for old, refused := range map[vault.ID]error{
		{1}: vault.ErrNotFound, samir.ID(): vault.ErrInvalid, harbour.Manager.ID(): vault.ErrNotAllowed,
	} {
		_, err := desk.ReplaceForgotten(t.Context(), old, a)
		require.ErrorIs(t, err, refused)
	}
	require.NotContains(t, members(t, desk), "Samir")
}

func TestWhatHappenedInATeamHasNamesAndThePeopleHaveNone(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	desk := harbour.Hire(t, "Desk", consent.RoleManage)
	followed(t, s, harbour, "Amina")
	_, err := samir.At(t, harbour).People(t.Context())
	require.NoError(t, err)
	_, err = harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	tells := func(w *consenttest.Staff) (people, team []string) {
		all, err := w.At(t, harbour).WhatHappened(t.Context(), nil)
		require.NoError(t, err)
		for _, h := range all {
			people = append(people, h.Name)
			if h.Act == vault.ActGranted || h.Act == vault.ActGrantEnded || h.Act == vault.ActHolderAdded {
				team = append(team, string(h.Act)+" "+h.About)
			}
		}
		return people, team
	}
	people, team := tells(harbour.Manager)
	require.Contains(t, people, "Amina")
	require.Contains(t, team, "grant.given Samir")
	require.Contains(t, team, "grant.ended Samir", "also who has gone")
	require.Contains(t, team, "holder.added Desk")
	people, again := tells(desk)
	require.NotContains(t, people, "Amina", "nobody reads names because they manage")
	require.Equal(t, team, again)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.Error(t, err)
}
