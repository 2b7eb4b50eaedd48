package consent_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

const both = consent.RoleHelp | consent.RoleManage

// members says who works for a relay, and how they stand.
func members(t testing.TB, p *consent.Post) map[string]consent.MemberState {
	t.Helper()
	team, err := p.Members(t.Context())
	require.NoError(t, err)
	out := map[string]consent.MemberState{}
	for _, m := range team.Members {
		out[m.Name] = m.State
	}
	return out
}

// lets lets a relay into a person's vault.
func lets(t testing.TB, who *vaulttest.Person, r *consenttest.Relay) vault.GrantID {
	t.Helper()
	g, err := who.Vault.Give(t.Context(), vault.NewGrant{Holder: r.ID, Scope: vault.ScopeAdd}, vault.Secret{Password: who.Password})
	require.NoError(t, err)
	return g.ID
}

// opens opens a person's vault as a worker at a relay.
func opens(t testing.TB, s *consenttest.Stage, w *consenttest.Staff, r *consenttest.Relay, who *vaulttest.Person, grant vault.GrantID) (*vault.Vault, error) {
	t.Helper()
	p, err := w.Worker.At(t.Context(), r.ID)
	if err != nil {
		return nil, err
	}
	return s.OpenGrant(t.Context(), who.Vault.ID(), grant, p.Guest("housing"))
}

func TestARelayIsFoundedSignedAndStaffed(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	ctx := t.Context()
	i, err := s.InviteManager(ctx)
	require.NoError(t, err)
	boss, err := s.Enrolled(ctx, i.Code, "Jeanne")
	require.NoError(t, err)
	f, err := boss.FoundRelay(ctx, i.Code)
	require.NoError(t, err)
	require.True(t, consent.WellTyped(consent.Fingerprint(f.Key)))

	// Before the authority has signed it, it can do nothing with anybody.
	_, err = boss.Worker.At(ctx, f.Relay)
	require.ErrorIs(t, err, consent.ErrNotNamed)
	mine, err := boss.Relays(ctx)
	require.NoError(t, err)
	require.True(t, mine[0].Founded)
	amina := s.Person(t)
	_, err = amina.Vault.Give(ctx, vault.NewGrant{Holder: f.Relay, Scope: vault.ScopeSee}, vault.Secret{Password: amina.Password})
	require.ErrorIs(t, err, vault.ErrUntrustedKey)

	entry := s.Entry(f, "Harbour")
	s.Sign(t, consent.Change{Relay: &entry})
	p, err := boss.Worker.At(ctx, f.Relay)
	require.NoError(t, err)
	require.Equal(t, both, p.Roles())
	team, err := p.Members(ctx)
	require.NoError(t, err)
	require.Len(t, team.Members, 1)
	require.Equal(t, "Jeanne", team.Members[0].Name)
	require.True(t, team.OneManager, "one manager is a warning")
	_, err = boss.FoundRelay(ctx, i.Code)
	require.ErrorIs(t, err, consent.ErrInvitation, "one relay for each invitation")
}

func TestAWorkerJoinsHelpsInTheirOwnNameAndGoes(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "سمير", consent.RoleHelp)
	desk := harbour.Desk(t)
	require.Equal(t, map[string]consent.MemberState{"Manager of Harbour": consent.MemberActive, "سمير": consent.MemberActive}, members(t, desk))

	amina := s.Person(t)
	v, err := opens(t, s, samir, harbour, amina, lets(t, amina, harbour))
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "called the town hall", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	entries, err := amina.Vault.Journal(t.Context(), nil)
	require.NoError(t, err)
	as := vault.Actor{Kind: vault.ActorWorker, ID: samir.ID().String(), Name: "سمير", Organisation: "Les Amis", Relay: "Harbour", RelayID: harbour.ID.String()}
	require.Equal(t, as, entries[0].Actor)

	sheet, err := desk.Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	require.Nil(t, sheet)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
	mine, err := samir.Relays(t.Context())
	require.NoError(t, err)
	require.Empty(t, mine)
	require.Equal(t, map[string]consent.MemberState{"Manager of Harbour": consent.MemberActive}, members(t, desk))

	// What they wrote stays theirs.
	entries, err = amina.Vault.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, as, entries[len(entries)-1-indexOf(entries, vault.ActAdded)].Actor)
}

// indexOf counts from the oldest entry.
func indexOf(entries []vault.Entry, act vault.Act) int {
	for i := range entries {
		if e := entries[len(entries)-1-i]; e.Act == act {
			return i
		}
	}
	return -1
}

func TestOneWorkerMayWorkForSeveralRelays(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour, station := s.Relay(t, "Harbour"), s.Relay(t, "Station")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	station.Join(t, samir, both)
	mine, err := samir.Relays(t.Context())
	require.NoError(t, err)
	require.Len(t, mine, 2)
	require.Equal(t, consent.RoleHelp, samir.At(t, harbour).Roles())
	require.Equal(t, both, samir.At(t, station).Roles())
	_, err = samir.At(t, harbour).Members(t.Context())
	require.ErrorIs(t, err, consent.ErrNotManager, "a manager of one is a helper of another")
	_, err = samir.At(t, harbour).Invite(t.Context(), consent.RoleHelp, nil)
	require.ErrorIs(t, err, consent.ErrNotManager)

	amina := s.Person(t)
	grant := lets(t, amina, harbour)
	_, err = s.OpenGrant(t.Context(), amina.Vault.ID(), grant, samir.At(t, station).Guest(""))
	require.ErrorIs(t, err, vault.ErrTampered, "what one relay was given, no other opens")
}

func TestAnInvitationIsGoodOnceForSevenDaysAndForItsRelay(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	desk := harbour.Desk(t)
	ctx := t.Context()
	samir := s.Worker(t, "Samir")
	old, err := desk.Invite(ctx, consent.RoleHelp, nil)
	require.NoError(t, err)
	require.Equal(t, s.Clock.Now().Add(7*24*time.Hour), old.Until)
	s.Clock.Set(old.Until)
	samir, harbour.Manager = samir.SignIn(t, s), harbour.Manager.SignIn(t, s)
	desk = harbour.Desk(t)
	_, err = samir.Ask(ctx, old.Code)
	require.ErrorIs(t, err, consent.ErrInvitation, "its time is up")

	i, err := desk.Invite(ctx, consent.RoleHelp, nil)
	require.NoError(t, err)
	_, err = samir.FoundRelay(ctx, i.Code)
	require.ErrorIs(t, err, consent.ErrInvitation, "it is for joining")
	for _, mistyped := range []string{"", "1234", i.Code + "1", strings.Replace(i.Code, i.Code[:1], string('0'+(i.Code[0]-'0'+1)%10), 1)} {
		_, err = samir.Ask(ctx, mistyped)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
	// Two at once: one of them asks.
	workers := []*consenttest.Staff{samir, s.Worker(t, "Nadia")}
	errs := make([]error, len(workers))
	var done sync.WaitGroup
	for n, w := range workers {
		done.Go(func() { _, errs[n] = w.Ask(ctx, " "+strings.ReplaceAll(i.Code, " ", "-")+" ") })
	}
	done.Wait()
	requireOne(t, errs, consent.ErrInvitation)
	asking, err := desk.Requests(ctx)
	require.NoError(t, err)
	require.Len(t, asking, 1)
}

// requireOne: one of two that were tried at once was done, and the other refused.
func requireOne(t testing.TB, errs []error, refused ...error) {
	t.Helper()
	failed := errors.Join(errs...)
	require.Error(t, failed)
	n := 0
	for _, err := range errs {
		if err != nil {
			n++
		}
	}
	require.Equal(t, len(errs)-1, n, "%v", failed)
	for _, target := range refused {
		if errors.Is(failed, target) {
			return
		}
	}
	require.Fail(t, "refused otherwise", "%v", failed)
}

func TestOfTwoManagersWhoAdmitAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	second := harbour.Hire(t, "Second", both)
	samir := s.Worker(t, "Samir")
	i, err := harbour.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	_, err = samir.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	digits, err := samir.Fingerprint(t.Context())
	require.NoError(t, err)
	desks := []*consent.Post{harbour.Desk(t), second.At(t, harbour)}
	var done sync.WaitGroup
	errs := make([]error, len(desks))
	for n, p := range desks {
		done.Go(func() {
			errs[n] = p.Admit(t.Context(), consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
		})
	}
	done.Wait()
	for _, err := range errs { // the second finds it done, or is too late to find the request
		if err != nil {
			require.ErrorIs(t, err, vault.ErrNotFound)
		}
	}
	team, err := harbour.Desk(t).Members(t.Context())
	require.NoError(t, err)
	require.Len(t, team.Members, 3)
	require.False(t, team.OneManager)
	samir.At(t, harbour)
}

func TestTheManagerLetsInOnlyTheKeyThatWasReadAloud(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir, other := s.Worker(t, "Samir"), s.Worker(t, "Samir")
	desk := harbour.Desk(t)
	i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	_, err = samir.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	digits, err := other.Fingerprint(t.Context())
	require.NoError(t, err)
	a := consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp}
	require.ErrorIs(t, desk.Admit(t.Context(), a), consent.ErrFingerprint)
	a.Worker = other.ID()
	require.ErrorIs(t, desk.Admit(t.Context(), a), vault.ErrNotFound, "nobody lets in who did not ask")
	a.Roles = 0
	require.ErrorIs(t, desk.Admit(t.Context(), a), vault.ErrInvalid)
	require.Len(t, members(t, desk), 1)
}

func TestNamesThatDeceiveAreRefused(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	i, err := s.InviteManager(t.Context())
	require.NoError(t, err)
	for _, name := range []string{"", "  ", "Sam\u202eir", "Sam\u200bir", "Sa\nmir", "Sam\x00ir", "\xff", strings.Repeat("a", consent.MaxName+1)} {
		_, err := s.Enrolled(t.Context(), i.Code, name)
		require.ErrorIs(t, err, vault.ErrInvalid, "%q", name)
	}
	w := s.Worker(t, "  Zoé  ")
	require.Equal(t, "Zoé", w.Name())
	require.Equal(t, "Zoé", w.SignIn(t, s).Name())
	other := s.Another(t, nil)
	again, err := other.Service.Resume(t.Context(), w.Own().Token())
	require.NoError(t, err)
	require.Equal(t, "Zoé", again.Name(), "also in another process")
}

func TestAPersonIsNoWorkerAndAWorkerNoPerson(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	amina, samir := s.Person(t), s.Worker(t, "Samir")
	_, err := s.Service.SignIn(t.Context(), amina.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = s.Service.Resume(t.Context(), amina.Vault.Token())
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	_, err = s.Unlock(t.Context(), samir.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
}

func TestWorkersHaveASecondFactor(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, &consenttest.Options{SecondFactor: true})
	harbour := s.Relay(t, "Harbour")
	harbour.Hire(t, "Samir", consent.RoleHelp)
	harbour.Manager.SignIn(t, s)
	p := harbour.Manager.Secret()
	p.Code = "000000"
	_, err := s.Service.SignIn(t.Context(), p)
	require.ErrorIs(t, err, vault.ErrSecondFactor)

	i, err := harbour.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	req := vaulttest.CreateRequest("a password alone")
	bare, err := s.Service.Enrol(t.Context(), i.Code, consent.NewWorker{Name: "Bare", Password: req.Password, Notice: req.Notice, Consent: true})
	require.NoError(t, err)
	_, err = bare.Ask(t.Context(), i.Code)
	require.ErrorIs(t, err, consent.ErrNoSecondFactor)
}

// A download under way ends when the worker is suspended.
func TestASuspendedWorkerReadsNoFurther(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	amina := s.Person(t)
	scan := bytes.Repeat([]byte("a long scan "), 100_000)
	it, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Scan", Compartment: vault.Shared}, bytes.NewReader(scan))
	require.NoError(t, err)
	v, err := opens(t, s, samir, harbour, amina, lets(t, amina, harbour))
	require.NoError(t, err)
	c, err := v.ReadDocument(t.Context(), it.ID)
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 100))
	require.NoError(t, err)

	desk := harbour.Desk(t)
	_, err = desk.Suspend(t.Context(), samir.ID())
	require.NoError(t, err)
	s.Clock.Advance(2 * time.Second)
	_, err = bytes.NewBuffer(nil).ReadFrom(c)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
	require.Equal(t, consent.MemberSuspended, members(t, desk)["Samir"])

	require.NoError(t, desk.Resume(t.Context(), samir.ID()))
	require.Equal(t, consent.MemberActive, members(t, desk)["Samir"])
	samir.At(t, harbour)
	require.ErrorIs(t, desk.Resume(t.Context(), samir.ID()), vault.ErrNotFound)
}

func TestWhoLeavesIsGoneAtOnceAndTheManagerSeesIt(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	before := samir.At(t, harbour)
	keys := before.Keys()
	require.NoError(t, samir.At(t, harbour).Leave(t.Context()))
	_, err := before.Space().List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	desk := harbour.Desk(t)
	require.NotContains(t, members(t, desk), "Samir")
	require.NotEqual(t, keys.Inboxes[0].Public(), desk.Keys().Inboxes[0].Public(), "the relay has new keys")
}

func TestTheJournalOfARelaySaysWhoLetWhomIn(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	entries, err := harbour.Desk(t).Journal(t.Context(), nil)
	require.NoError(t, err)
	var found bool
	for _, e := range entries {
		if e.Act == vault.ActGranted && e.Detail["holder"] == samir.ID().String() {
			found = true
			require.Equal(t, harbour.Manager.Name(), e.Actor.Name)
		}
	}
	require.True(t, found)
	_, err = samir.At(t, harbour).Journal(t.Context(), nil)
	require.ErrorIs(t, err, consent.ErrNotManager)
}
