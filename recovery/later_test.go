package recovery_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// messages is a notifier whose messages arrive.
type messages struct{ kinds []recovery.EventKind }

func (m *messages) Notify(_ context.Context, e recovery.Event) error {
	m.kinds = append(m.kinds, e.Kind)
	return nil
}

// taken is Amina's account in the hands of an impostor, with private papers that wait.
type taken struct {
	*hostile
	help recoverytest.Help
	port *consenttest.Relay // follows her in another town; nobody asked it
	ines *consenttest.Staff // works there
}

// impostorInside is somebody who deceived two people of each side, came in as Amina, and
// put all relays and the desk out at once. Her password and her sessions are dead.
func impostorInside(t *testing.T, told *messages) *taken {
	t.Helper()
	s := &taken{hostile: hostileWith(t, recoverytest.Options{Recovery: recovery.Config{Notifier: told}})}
	s.port = s.Relay(t, "Port")
	s.ines = s.port.Hire(t, "Ines", consent.RoleHelp)
	_, err := s.Follow(t.Context(), s.Amina.Vault, consent.Follow{Relay: s.port.ID, Scope: vault.ScopeSee, Notice: recoverytest.Notice(), Agreed: true, Name: "Amina K."}, s.Secret())
	require.NoError(t, err)
	s.withHelpers(t)
	s.help = s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Wait(vault.PathHelpers, false)
	s.Complete(t, s.help, recovery.Completion{})
	given, err := s.Amina.Vault.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, given, 3)
	for _, g := range given {
		require.NoError(t, s.Amina.Vault.End(t.Context(), g.ID, ptr(s.Secret())))
	}
	return s
}

// N14: whoever came in puts everybody out who could stop the rest. They stop it all the
// same, each alone: somebody of the relay, of the desk, of a relay that nobody asked.
func TestWhoHelpedStopsPrivatePapersAlthoughTheyWerePutOut(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]func(t *testing.T, s *taken) *consent.Post{
		"the relay":    func(t *testing.T, s *taken) *consent.Post { return s.Post(t, s.Rosa) },
		"the desk":     func(t *testing.T, s *taken) *consent.Post { return s.Post(t, s.Omar) },
		"nobody asked": func(t *testing.T, s *taken) *consent.Post { return s.ines.SignIn(t, s.Stage.Stage).At(t, s.port) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &messages{}
			s := impostorInside(t, told)
			require.Contains(t, told.kinds, recovery.EventPrivateWaits, "whoever has the old password can go to a relay")
			p := who(t, s)
			_, err := p.Helping(t.Context(), s.id())
			require.True(t, isOneOf(err, vault.ErrNotFound, vault.ErrEnded), "%v", err)

			queue, err := s.Recovery.Queue(t.Context(), p)
			require.NoError(t, err)
			require.Len(t, queue, 1)
			r := queue[0].Request
			require.Equal(t, s.help.Request.ID, r.ID)
			require.Equal(t, recovery.StateLater, r.State)
			require.Equal(t, "Samir", r.ByName, "who opened it")
			require.Positive(t, r.Wait)
			all, err := s.Recovery.Requests(t.Context(), p, s.id())
			require.NoError(t, err)
			require.Equal(t, []recovery.Request{r}, all)

			s.calls.away.Store(true)
			s.Clock.Advance(time.Minute) // nothing is fresh any more
			require.ErrorIs(t, s.Recovery.Cancel(t.Context(), p, s.id(), r.ID, "not her"), vault.ErrWitnessAway)
			s.calls.away.Store(false)
			s.Clock.Advance(time.Minute)
			require.NoError(t, s.Recovery.Cancel(t.Context(), p, s.id(), r.ID, "Amina is here and did not ask"))
			require.Equal(t, recovery.EventCancelled, told.kinds[len(told.kinds)-1])

			s.Wait(vault.PathHelpers, true)
			inside := s.Amina.SignIn(t, s.Stage.Stage.Stage)
			p = who(t, s)
			later, err := s.Recovery.Pending(t.Context(), inside)
			require.NoError(t, err)
			require.Nil(t, later)
			_, err = s.Recovery.OpenPending(t.Context(), inside, s.Secret())
			require.ErrorIs(t, err, recovery.ErrRequest)
			require.Equal(t, []string{"Letter"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage.Stage)), "the diary stays closed")

			own, err := s.Recovery.Own(t.Context(), inside)
			require.NoError(t, err)
			require.Equal(t, recovery.StateCancelled, own[0].State)
			require.True(t, own[0].Later)
			at := map[consent.RelayID]*consenttest.Relay{s.Harbour.ID: s.Harbour, s.Line.ID: s.Line, s.port.ID: s.port}[p.Relay().ID]
			lines, err := at.Manager.SignIn(t, s.Stage.Stage).At(t, at).Journal(t.Context(), &vault.JournalOptions{Limit: 50})
			require.NoError(t, err)
			i := slices.IndexFunc(lines, func(e vault.Entry) bool { return e.Act == recovery.ActRequestCancelled })
			require.GreaterOrEqual(t, i, 0, "nobody stops anything unseen")
			require.Equal(t, "Amina is here and did not ask", lines[i].Detail["why"])
			queue, err = s.Recovery.Queue(t.Context(), p)
			require.NoError(t, err)
			require.Empty(t, queue)
			require.ErrorIs(t, s.Recovery.Cancel(t.Context(), p, s.id(), r.ID, ""), vault.ErrNotFound, "once")
		})
	}
}

// Whoever never helped her, or does not help people, stops nothing.
func TestNobodyElseStopsPrivatePapers(t *testing.T) {
	t.Parallel()
	s := impostorInside(t, &messages{})
	island := s.Relay(t, "Island")
	s.Harbour.Manager = s.Harbour.Manager.SignIn(t, s.Stage.Stage)
	for name, p := range map[string]*consent.Post{
		"another relay":    island.Hire(t, "Max", consent.RoleHelp).At(t, island),
		"who only manages": s.Harbour.Hire(t, "Noor", consent.RoleManage).At(t, s.Harbour),
	} {
		err := s.Recovery.Cancel(t.Context(), p, s.id(), s.help.Request.ID, "")
		require.True(t, isOneOf(err, vault.ErrNotFound, vault.ErrNotAllowed), "%s: %v", name, err)
	}
	later, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.NotNil(t, later)
}

// What is back is not stopped any more: nobody is told that they have, nor its person that it
// was.
func TestPrivatePapersThatAreBackAreNotStopped(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"later", "by the password of before"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newHostile(t)
			s.withHelpers(t)
			old := s.Secret()
			help := s.Agreed(t, s.Begin(t, vault.PathHelpers))
			s.Wait(vault.PathHelpers, false)
			s.Complete(t, help, recovery.Completion{})
			stop := func() error { return s.Recovery.CancelOwn(t.Context(), s.Amina.Vault, help.Request.ID) }
			if how == "later" {
				s.Wait(vault.PathHelpers, true)
				s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
				_, err := s.Recovery.OpenPending(t.Context(), s.Amina.Vault, s.Secret())
				require.NoError(t, err)
				require.ErrorIs(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Samir), s.id(), help.Request.ID, ""), recovery.ErrRequest)
				require.ErrorIs(t, stop(), recovery.ErrRequest)
			} else {
				require.NoError(t, stop())
				own, err := s.Recovery.Own(t.Context(), s.Amina.Vault)
				require.NoError(t, err)
				require.Equal(t, recovery.StateCancelled, own[0].State)
				_, err = s.Recovery.OpenLocked(t.Context(), s.Amina.Vault, old, s.Secret())
				require.NoError(t, err)
			}
			s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
			require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.Vault))
			own, err := s.Recovery.Own(t.Context(), s.Amina.Vault)
			require.NoError(t, err)
			require.Equal(t, recovery.StateDone, own[0].State)
			require.False(t, own[0].Later)
			pending, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
			require.NoError(t, err)
			require.Nil(t, pending)
		})
	}
}

// What waits by the way with nothing is open with a former password, while something that
// was locked later is not: nothing is promised to come by itself any more.
func TestNothingIsPromisedToComeBackThatIsBack(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withHelpers(t)
	first := s.Secret()
	help := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Wait(vault.PathHelpers, false)
	s.Complete(t, help, recovery.Completion{Password: "fomi tade vuko nira"})
	s.note(t, "Poem", vault.Private)
	second := s.Secret()
	s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions}})
	s.Complete(t, s.Begin(t, vault.PathAnswersRelay), recovery.Completion{Answers: asTypedYearsLater})
	pending, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.NotNil(t, pending, "the diary waits on")

	_, err = s.Recovery.OpenLocked(t.Context(), s.Amina.Vault, first, s.Secret())
	require.NoError(t, err)
	s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.Vault))
	pending, err = s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.Nil(t, pending)
	_, err = s.Recovery.OpenLocked(t.Context(), s.Amina.Vault, second, s.Secret())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"Letter", "Diary", "Poem"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage.Stage)))
}
