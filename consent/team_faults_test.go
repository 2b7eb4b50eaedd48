package consent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// crash is a relay whose server dies in the middle of an act: from one call on,
// nothing reaches the store. Another process goes on.
type crash struct {
	*consenttest.Stage
	store  *storagetest.Faulty
	relay  *consenttest.Relay
	second *consenttest.Staff // a manager, too
	samir  *consenttest.Staff
	new    *consenttest.Staff // works nowhere yet
	code   string             // what they were given
	who    *vaulttest.Person
	grant  vault.GrantID
}

func newCrash(t testing.TB) *crash {
	c := &crash{}
	c.Stage = consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{
		Driver: func(d storage.Driver) storage.Driver { c.store = storagetest.NewFaulty(d); return c.store },
	}})
	c.relay = c.Relay(t, "Harbour")
	c.second, c.samir = c.relay.Hire(t, "Second", both), c.relay.Hire(t, "Samir", consent.RoleHelp)
	c.new = c.Worker(t, "Zoé")
	c.who, c.grant = followed(t, c.Stage, c.relay, "Amina")
	return c
}

// in is everybody of a crash in another process.
func (c *crash) in(t testing.TB) *crash {
	s := c.Stage.Another(t, nil)
	relay := *c.relay
	relay.Manager = c.relay.Manager.SignIn(t, s)
	return &crash{Stage: s, relay: &relay, second: c.second.SignIn(t, s), samir: c.samir.SignIn(t, s), new: c.new.SignIn(t, s), code: c.code, who: c.who, grant: c.grant}
}

// Each act is done with what the one before has left, and says when it is done
// already.
var acts = map[string]struct {
	prepare func(t testing.TB, c *crash)
	do      func(t testing.TB, c *crash) error
	done    error // a second time
	after   func(t testing.TB, c *crash)
}{
	"found": {
		prepare: func(t testing.TB, c *crash) {
			i, err := c.InviteManager(t.Context())
			require.NoError(t, err)
			c.code = i.Code
		},
		do:   func(t testing.TB, c *crash) error { _, err := c.new.FoundRelay(t.Context(), c.code); return err },
		done: consent.ErrInvitation,
		after: func(t testing.TB, c *crash) {
			mine, err := c.new.Relays(t.Context())
			require.NoError(t, err)
			require.Len(t, mine, 1, "one relay, whatever was begun")
			keys, err := c.Stage.Vaults.Public(t.Context(), mine[0].Relay.ID, nil)
			require.NoError(t, err)
			entry := c.Entry(consent.Founded{Relay: mine[0].Relay.ID, Key: consent.RelayKey(keys.Key)}, "Station")
			c.Sign(t, consent.Change{Relay: &entry})
			p, err := c.new.Worker.At(t.Context(), entry.ID)
			require.NoError(t, err)
			require.Len(t, members(t, p), 1)
		},
	},
	"join": {
		prepare: func(t testing.TB, c *crash) {
			i, err := c.relay.Desk(t).Invite(t.Context(), both)
			require.NoError(t, err)
			c.code = i.Code
		},
		do: func(t testing.TB, c *crash) error {
			if _, err := c.new.Ask(t.Context(), c.code); err != nil && !errors.Is(err, consent.ErrInvitation) {
				return err
			}
			digits, err := c.new.Fingerprint(t.Context())
			if err != nil {
				return err
			}
			p, err := c.relay.Manager.Worker.At(t.Context(), c.relay.ID)
			if err != nil {
				return err
			}
			defer p.Close()
			return p.Admit(t.Context(), consent.Admission{Worker: c.new.ID(), Fingerprint: digits, Roles: both})
		},
		after: func(t testing.TB, c *crash) {
			require.Equal(t, consent.MemberActive, members(t, c.new.At(t, c.relay))["Zoé"], "and manages")
			require.Len(t, members(t, c.relay.Desk(t)), 4)
		},
	},
	"remove": {
		do: func(t testing.TB, c *crash) error {
			p, err := c.relay.Manager.Worker.At(t.Context(), c.relay.ID)
			if err != nil {
				return err
			}
			defer p.Close()
			_, err = p.Remove(t.Context(), c.second.ID())
			return err
		},
		done: vault.ErrNotFound,
		after: func(t testing.TB, c *crash) {
			_, err := c.second.Worker.At(t.Context(), c.relay.ID)
			require.Error(t, err)
			require.NotContains(t, members(t, c.relay.Desk(t)), "Second")
		},
	},
	"suspend": {
		do: func(t testing.TB, c *crash) error {
			p, err := c.relay.Manager.Worker.At(t.Context(), c.relay.ID)
			if err != nil {
				return err
			}
			defer p.Close()
			_, err = p.Suspend(t.Context(), c.second.ID())
			return err
		},
		after: func(t testing.TB, c *crash) {
			require.Equal(t, consent.MemberSuspended, members(t, c.relay.Desk(t))["Second"])
			require.NoError(t, c.relay.Desk(t).Resume(t.Context(), c.second.ID()))
			require.Len(t, members(t, c.second.At(t, c.relay)), 3)
		},
	},
	"recover": {
		do: func(t testing.TB, c *crash) error {
			_, _, err := c.new.RecoverRelay(t.Context(), c.relay.Sheet)
			return err
		},
		done: vault.ErrSignIn,
		after: func(t testing.TB, c *crash) {
			require.Equal(t, consent.MemberActive, members(t, c.new.At(t, c.relay))["Zoé"])
		},
	},
}

func TestACrashInTheMiddleIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(n int) (calls int, failed bool) {
				c := newCrash(t)
				if act.prepare != nil {
					act.prepare(t, c)
				}
				c.store.Heal()
				if n > 0 {
					c.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before)
				}
				before := c.store.Calls()
				err := act.do(t, c)
				calls, failed = c.store.Calls()-before, c.store.Failed()
				c.store.Heal()
				require.True(t, failed || err == nil, "%v", err)
				c.Clock.Advance(31 * time.Second) // what was asked of the witness is asked again
				other := c.in(t)
				if failed {
					err = act.do(t, other)
					require.True(t, err == nil || act.done != nil && errors.Is(err, act.done), "call %d: %v", n, err)
				}
				act.after(t, other)
				v, err := opens(t, other.Stage, other.samir, other.relay, other.who, other.grant)
				require.NoError(t, err, "call %d: who stays goes on", n)
				v.Close()
				return calls, failed
			}
			calls, _ := run(0)
			for n, step := 1+len(name)%3, max(1, calls/sized(4, 8)); ; n += step {
				if _, failed := run(n); !failed {
					break
				}
			}
		})
	}
}

func TestTwoProcessesServeOneRelay(t *testing.T) {
	t.Parallel()
	c := newCrash(t)
	other := c.in(t)
	there := other.samir.At(t, other.relay)
	_, err := c.relay.Desk(t).Remove(t.Context(), c.second.ID())
	require.NoError(t, err)
	_, err = there.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded, "the keys have changed: open it again")
	v, err := opens(t, other.Stage, other.samir, other.relay, c.who, c.grant)
	require.NoError(t, err)
	v.Close()
	_, err = other.second.Worker.At(t.Context(), c.relay.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
}

// The authority takes the relay out: also what is open ends.
func TestAWithdrawnRelayIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	c := newCrash(t)
	p := c.samir.At(t, c.relay)
	v, err := c.OpenGrant(t.Context(), c.who.Vault.ID(), c.grant, p.Guest("housing"))
	require.NoError(t, err)
	c.Sign(t, consent.Change{WithdrawRelay: &c.relay.ID, On: "2026-03-02"})
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = p.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = c.samir.Worker.At(t.Context(), c.relay.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, _, err = c.new.RecoverRelay(t.Context(), c.relay.Sheet)
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
	c := newCrash(t)
	_, err := c.relay.Desk(t).SetRoles(t.Context(), c.second.ID(), consent.RoleManage)
	require.NoError(t, err)
	_, err = opens(t, c.Stage, c.second, c.relay, c.who, c.grant)
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
