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

func TestTwoProcessesServeOneRelay(t *testing.T) {
	t.Parallel()
	c := newScene(t)
	other := c.elsewhere(t)
	there := other.samir.At(t, other.relay)
	_, err := c.relay.Desk(t).Remove(t.Context(), c.second.ID())
	require.NoError(t, err)
	_, err = there.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded, "the keys have changed: open it again")
	v, err := opens(t, other.Stage, other.samir, other.relay, c.amina, c.grant)
	require.NoError(t, err)
	v.Close()
	_, err = other.second.Worker.At(t.Context(), c.relay.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
}

// The authority takes the relay out: also what is open ends.
func TestAWithdrawnRelayIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	c := newScene(t)
	p := c.samir.At(t, c.relay)
	v, err := c.OpenGrant(t.Context(), c.amina.Vault.ID(), c.grant, p.Guest("housing"))
	require.NoError(t, err)
	c.Sign(t, consent.Change{WithdrawRelay: &c.relay.ID, On: "2026-03-02"})
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = p.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = c.samir.Worker.At(t.Context(), c.relay.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, _, err = c.zoe.RecoverRelay(t.Context(), c.relay.Sheet)
	require.ErrorIs(t, err, vault.ErrEnded)
}

func TestAWorkerIsOutAlsoWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	away := &broken{}
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { away.Checkpoints = c; return away },
	}})
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	p, desk := samir.At(t, harbour), harbour.Desk(t)
	away.away.Store(true)
	_, err := p.Space().List(t.Context(), nil)
	require.NoError(t, err, "work goes on")
	_, err = desk.Suspend(t.Context(), samir.ID())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	_, err = desk.Remove(t.Context(), samir.ID())
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	_, err = p.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	away.away.Store(false)
	s.Clock.Advance(31 * time.Second)
	require.Len(t, members(t, harbour.Desk(t)), 1)
	require.NotEqual(t, p.Keys().Inboxes[0].Public(), harbour.Desk(t).Keys().Inboxes[0].Public(), "the new keys were owed")
}

func TestWhoOnlyManagesOpensNothingOfPeople(t *testing.T) {
	t.Parallel()
	c := newScene(t)
	_, err := c.relay.Desk(t).SetRoles(t.Context(), c.second.ID(), consent.RoleManage)
	require.NoError(t, err)
	_, err = opens(t, c.Stage, c.second, c.relay, c.amina, c.grant)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.Len(t, members(t, c.second.At(t, c.relay)), 3)
}

// The manager has lost the keys that the relay knows, and has the sheet.
func TestTheOnlyManagerWithNewKeysComesBackByTheSheet(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	boss := harbour.Manager
	harbour.Desk(t)
	require.NoError(t, boss.Own().ChangePassword(t.Context(), vault.ChangePassword{Old: boss.Password, New: "a new password of mine", KnownToOthers: true}))
	_, err := boss.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrKeyChanged)
	_, _, err = boss.RecoverRelay(t.Context(), harbour.Sheet)
	require.NoError(t, err)
	require.Len(t, members(t, harbour.Desk(t)), 1)
}

func TestAWorkerWithAnotherNameIsLetInAgain(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	other := s.Another(t, nil)
	there := samir.SignIn(t, other)
	require.NoError(t, samir.Introduce(t.Context(), "Samira"))
	_, err := samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrKeyChanged)
	harbour.Join(t, samir, consent.RoleHelp)
	samir.At(t, harbour)
	there.At(t, harbour)
	require.Equal(t, "Samira", there.Name(), "also where the name of before was known")
	require.Len(t, members(t, harbour.Desk(t)), 2)
}
