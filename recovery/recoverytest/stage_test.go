package recoverytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

func TestEverybodyIsOnTheStage(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	require.NotEqual(t, s.Harbour.Organisation, s.Line.Organisation)
	require.Equal(t, consent.TypeDesk, s.Line.Type)
	followers, err := s.Followers(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	scopes := map[vault.GrantID]vault.Scope{}
	for _, f := range followers {
		scopes[f.Grant] = f.Scope
	}
	require.Equal(t, map[vault.GrantID]vault.Scope{s.Followed: vault.ScopeAdd, s.Allowed: vault.ScopeHelp}, scopes)
	for name, w := range map[string]*consenttest.Staff{"Samir": s.Samir, "Rosa": s.Rosa} {
		require.Equal(t, "Harbour", s.Post(t, w).Relay().Name)
		require.Equal(t, name, w.Name())
	}
	for name, w := range map[string]*consenttest.Staff{"Lina": s.Lina, "Omar": s.Omar} {
		require.Equal(t, "Line", s.Post(t, w).Relay().Name)
		require.Equal(t, name, w.Name())
	}

	// The same people, in another process.
	other := s.Another(t, nil)
	require.Equal(t, "Line", other.Post(t, other.Lina).Relay().Name)
	require.Equal(t, s.Amina.Vault.ID(), other.Amina.Vault.ID())

	// Weeks later they sign in again by themselves.
	s.Wait(vault.PathHelpers, true)
	require.Equal(t, "Samir", s.Post(t, s.Samir).Worker().Name())
}

// Everybody comes once, and each stage has a copy: what happens on one is on that one.
func TestStagesShareNothing(t *testing.T) {
	t.Parallel()
	one, two := recoverytest.New(t, nil), recoverytest.New(t, nil)
	_, err := one.Service.Withdraw(t.Context(), one.Amina.Vault, one.Followed, nil)
	require.NoError(t, err)
	for s, left := range map[*recoverytest.Stage][]vault.GrantID{one: {one.Allowed}, two: {two.Followed, two.Allowed}} {
		grants, err := s.Amina.Vault.Grants(t.Context())
		require.NoError(t, err)
		var inForce []vault.GrantID
		for _, g := range grants {
			if g.Ended.IsZero() {
				inForce = append(inForce, g.ID)
			}
		}
		require.ElementsMatch(t, left, inForce)
	}
	one.Clock.Advance(time.Hour)
	require.Equal(t, time.Hour, one.Clock.Now().Sub(two.Clock.Now()))
}

func TestAminaComesBackInByEachWay(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	made := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}})
	back := s.Complete(t, s.Ready(t, vault.PathSheetDesk), recovery.Completion{Sheet: made.Sheet.Code})
	require.True(t, back.Private)
	made = s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}})
	s.Complete(t, s.Ready(t, vault.PathSheetRelay), recovery.Completion{Sheet: made.Sheet.Code, Password: "tavo nemi suko lade"})
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	back = s.Complete(t, s.Ready(t, vault.PathHelpers), recovery.Completion{})
	require.False(t, back.Private)
	require.Equal(t, recoverytest.NewPassword, s.Amina.Password)
}
