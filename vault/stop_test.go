package vault_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// stop ends the person's sessions as the worker whom a grant lets in.
func (tn *town) stop(t testing.TB, grant vault.GrantID) error {
	t.Helper()
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	defer v.Close()
	return v.StopSessions(t.Context())
}

func requireOver(t testing.TB, err error, msg ...any) {
	t.Helper()
	require.ErrorIs(t, err, vault.ErrSessionEnded, msg...)
}

func TestAWorkerEndsEverySessionOfALostPhone(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"memory": "", "sqlite and files": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, &vaulttest.Options{Folder: folder})
			grant := tn.follow(t, vault.ScopeSee)
			phone, screen := tn.person.SignIn(t, tn.Stage), tn.person.SignIn(t, tn.Stage)
			other := (&allowed{town: tn}).elsewhere(t)
			onPhone := phone.Token()
			_, err := other.Resume(t.Context(), onPhone)
			require.NoError(t, err)

			require.NoError(t, tn.stop(t, grant))
			require.Empty(t, keys(t, tn.Store, tn.v.ID().String()+"/n/"))
			for _, v := range []*vault.Vault{tn.v, phone, screen} {
				_, err := v.List(t.Context(), nil)
				requireOver(t, err)
				_, err = tn.Vaults.Resume(t.Context(), v.Token())
				requireOver(t, err)
			}
			_, err = other.Resume(t.Context(), onPhone)
			requireOver(t, err, "at once, where the store is honest")

			v := tn.person.SignIn(t, tn.Stage)
			require.Empty(t, papers(t, v), "nobody is locked out")
			require.Equal(t, []string{"items.listed", "vault.signed-in", "vault.sessions-ended"}, acts(t, v, 3))
			all, err := v.Sessions(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			_, err = other.Resume(t.Context(), v.Token())
			require.NoError(t, err, "what begins after a stop does not end by it")
			journal, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 6})
			require.NoError(t, err)
			var told []string
			for _, e := range journal {
				if e.Act == vault.ActSessionsEnded {
					told = append(told, e.Actor.Name, e.Purpose, e.Actor.RelayID)
				}
			}
			require.Equal(t, []string{"Samir", "housing", tn.relay.ID().String()}, told)

			require.NoError(t, tn.stop(t, grant), "and on another day")
			_, err = v.List(t.Context(), nil)
			requireOver(t, err)
			tn.person.SignIn(t, tn.Stage)
		})
	}
}

func TestWhoeverHelpsEndsSessionsAndNobodyElse(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	require.ErrorIs(t, tn.v.StopSessions(t.Context()), vault.ErrNotAllowed, "the person has EndOtherSessions")
	require.ErrorIs(t, tn.stop(t, tn.follow(t, vault.ScopeGive)), vault.ErrNotAllowed, "who sees nothing and helps with nothing")
	require.ErrorIs(t, tn.atRelay(t).StopSessions(t.Context()), vault.ErrNotAllowed, "the space of a relay")
	visit, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Hour)}, tn.secret())
	require.NoError(t, err)
	visitor, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), visit.ID, tn.guest(tn.own, tn.worker.ID(), "housing"))
	require.NoError(t, err)
	require.ErrorIs(t, visitor.StopSessions(t.Context()), vault.ErrNotAllowed)
	for _, scope := range []vault.Scope{vault.ScopeSee, vault.ScopeAdd, vault.ScopeHelp} {
		grant := tn.follow(t, scope)
		require.NoError(t, tn.stop(t, grant), scope)
		tn.v = tn.person.SignIn(t, tn.Stage)
	}
	gone := tn.follow(t, vault.ScopeSee)
	v, err := tn.open(t, gone)
	require.NoError(t, err)
	require.NoError(t, tn.v.End(t.Context(), gone, nil))
	require.ErrorIs(t, v.StopSessions(t.Context()), vault.ErrEnded, "a relay that does not follow any more")
	require.Empty(t, papers(t, tn.v))
}

func TestAVisitThatALostSessionAllowedEndsWithIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeSee)
	visit := func() *vault.Vault {
		g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Hour)}, tn.secret())
		require.NoError(t, err)
		v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), g.ID, tn.guest(tn.own, tn.worker.ID(), "housing"))
		require.NoError(t, err)
		return v
	}
	before := visit()
	require.NoError(t, tn.stop(t, grant))
	_, err := before.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	tn.v = tn.person.SignIn(t, tn.Stage)
	_, err = before.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	require.Empty(t, papers(t, visit()), "a visit of the new session")
}

func TestADownloadEndsWithAStop(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	paper := addTo(t, tn.v, vault.NewDocument{Name: "long"}, content(1, 4*segment))
	grant := tn.follow(t, vault.ScopeSee)
	c, err := tn.v.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.ReadFull(c, make([]byte, 100))
	require.NoError(t, err)
	require.NoError(t, tn.stop(t, grant))
	tn.Clock.Advance(time.Second)
	_, err = io.ReadAll(c)
	requireOver(t, err)
}

func TestARecoveryFollowsAStopToo(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeSee)
	require.NoError(t, tn.stop(t, grant))
	card := vault.Password{Login: tn.person.Login, Secret: tn.person.Password}
	v, err := tn.Unlock(t.Context(), card)
	require.NoError(t, err, "also without a session")
	require.Empty(t, papers(t, v))
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	require.Empty(t, papers(t, v))
}

// While the witness is away sessions end all the same, as far as the store is honest,
// and the worker is told to do it again.
func TestAStopDoesNotWaitForTheWitness(t *testing.T) {
	t.Parallel()
	w := &watched{}
	tn := newTown(t, w.wraps(nil))
	w.Stage = tn.Stage
	v, err := tn.open(t, tn.follow(t, vault.ScopeSee))
	require.NoError(t, err)
	w.witness.away.Store(true)
	require.ErrorIs(t, v.StopSessions(t.Context()), vault.ErrUnconfirmed)
	_, err = tn.v.List(t.Context(), nil)
	requireOver(t, err)
	w.witness.away.Store(false)
	tn.Clock.Advance(10 * time.Second)
	require.NoError(t, v.StopSessions(t.Context()))
	known, err := w.witness.Latest(t.Context(), tn.v.ID())
	require.NoError(t, err)
	require.Equal(t, uint64(2), stopAt(known))
	tn.person.SignIn(t, tn.Stage)
}

// Whatever fails, the sessions have ended with a line that says so, or go on without
// one; and the person signs in.
func TestWhateverFailsSessionsHaveStoppedOrGoOn(t *testing.T) {
	t.Parallel()
	for _, what := range faults {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached; n++ {
				reached = apart(t, "call", n, func(t *testing.T) bool { return failingStop(t, what, n) })
			}
		})
	}
}

func failingStop(t *testing.T, what fault, n int) (reached bool) {
	t.Helper()
	a := newAllowed(t, 0)
	guest, err := a.open(t, a.leaves)
	require.NoError(t, err)
	what.set(a.w, n)
	stopped := guest.StopSessions(t.Context())
	_ = a.Vaults.Close()
	reached = a.w.failed()
	a.w.heal()
	other := a.elsewhere(t)
	_, err = other.Resume(t.Context(), a.v.Token())
	goesOn := err == nil
	if !goesOn {
		requireOver(t, err, "%s %d", what.name, n)
	}
	require.NotEqual(t, "", vault.Code(orNil(stopped)), "%v", stopped)
	known, err := a.w.witness.Latest(t.Context(), a.v.ID())
	require.NoError(t, err)
	switch {
	case stopped == nil:
		require.False(t, goesOn, "%s %d", what.name, n)
		require.Equal(t, uint64(1), stopAt(known), "%s %d", what.name, n)
	case errors.Is(stopped, vault.ErrUnconfirmed):
		require.False(t, goesOn, "%s %d", what.name, n)
	}
	v := a.person.SignIn(t, other.Stage)
	journal, err := v.Journal(t.Context(), nil)
	require.NoError(t, err)
	told := slices.ContainsFunc(journal, func(e vault.Entry) bool { return e.Act == vault.ActSessionsEnded })
	require.Equal(t, !goesOn, told, "%s %d", what.name, n)
	return reached
}

func stopAt(known []vault.Checkpoint) uint64 {
	for _, k := range known {
		if k.Head == "stop" {
			return k.Version
		}
	}
	return 0
}

// replayedSession: a phone is lost, a worker ends its sessions, and the store brings
// them back for who has the phone.
func replayedSession(t *testing.T, s *hostile) {
	tn := s.town(t)
	grant := tn.follow(t, vault.ScopeSee)
	visit, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: s.Clock.Now().Add(time.Hour)}, tn.secret())
	require.NoError(t, err)
	visitor := tn.guest(tn.own, tn.worker.ID(), "housing")
	stolen := tn.v.Token()
	elsewhere := (&allowed{town: tn}).elsewhere(t)
	_, err = elsewhere.Resume(t.Context(), stolen)
	require.NoError(t, err)
	before := s.host.Now()
	require.NoError(t, tn.stop(t, grant))

	refused := func(msg string) {
		t.Helper()
		for _, vaults := range []*vault.Vaults{tn.Vaults, elsewhere.Vaults} {
			_, err := vaults.Resume(t.Context(), stolen)
			requireOver(t, err, msg)
		}
		_, err = tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), visit.ID, visitor)
		require.ErrorIs(t, err, vault.ErrEnded, msg)
	}
	refused("nobody lies")
	s.Clock.Advance(31 * time.Second) // by then the other process has asked the witness
	s.host.Replay(s.key("n/"), before)
	refused("the sessions alone")
	s.record("h/stop").Drop()
	refused("without the stop")
	s.record("h/j").Replay(before) // and without the line of it
	_, err = tn.Vaults.Resume(t.Context(), stolen)
	require.Error(t, err, "with the journal of before")
	s.host.Honest()

	tn.v = tn.person.SignIn(t, tn.Stage)
	s.host.Replay(s.key("n/"), before)
	s.record("h/stop").Drop()
	refused("after the next sign-in")
	s.host.Honest()
	_, err = tn.v.List(t.Context(), nil)
	require.NoError(t, err, "which goes on")
	s.host.Replay(s.key(""), before)
	_, err = elsewhere.Resume(t.Context(), stolen)
	require.Error(t, err, "everything as it was before")
	s.host.Honest()
	madeUpStops(t, s, tn)
}

// madeUpStops: what nobody signed whom the directory names ends nothing.
func madeUpStops(t *testing.T, s *hostile, tn *town) {
	other := s.Person(t)
	theirs := tn.v
	tn.v = other.SignIn(t, tn.Stage)
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, vault.Secret{Password: other.Password})
	require.NoError(t, err)
	require.NoError(t, tn.stop(t, g.ID))
	foreign := s.host.Record(other.Vault.ID().String() + "/h/stop").Bytes()
	tn.v = theirs
	genuine := s.record("h/stop").Bytes()
	mallory := newMallory(t)
	for name, record := range map[string][]byte{
		"of another person": foreign, "of before": genuine, "nothing": {}, "noise": content(9, 400),
		"signed by nobody known": mallory.stop(t, s, tn, 2), "far ahead": mallory.stop(t, s, tn, 1<<40),
	} {
		s.record("h/stop").Forge(record)
		_, err := tn.v.List(t.Context(), nil)
		require.NoError(t, err, name)
		s.host.Honest()
	}
}

// stop is one that mallory has signed in the worker's name.
func (m mallory) stop(t testing.TB, s *hostile, tn *town, number uint64) []byte {
	t.Helper()
	head, err := seal.OpenOwnerHead(tn.v.ID(), s.record("h/o").Bytes())
	require.NoError(t, err)
	var inbox seal.BoxPublic
	c := seal.Context{Type: seal.TypeStop, Vault: tn.v.ID(), Compartment: seal.Owner, Revision: number}
	for _, k := range head.Compartments {
		if k.Compartment == seal.Owner {
			inbox, err = seal.BoxPublicFromBytes(k.Inbox)
			require.NoError(t, err)
			c.Generation = k.Generation
		}
	}
	marshal := func(v any) []byte {
		b, err := seal.Marshal(v)
		require.NoError(t, err)
		return b
	}
	actor := tn.samir()
	actor.Name = "Samir"
	facts := marshal(struct {
		At    int64       `cbor:"1,keyasint"`
		Actor vault.Actor `cbor:"2,keyasint"`
	}{s.Clock.Now().UnixMilli(), actor})
	body := marshal(map[uint8][]byte{1: facts, 2: m.signer.Sign(c, facts), 3: m.signer.Public(), 4: []byte("credential of samir")})
	record, err := inbox.Seal(c, marshal(map[uint8]uint64{1: number, 2: c.Generation}), body)
	require.NoError(t, err)
	return record
}
