package recovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// cameTwice is Amina, who came back with nothing, and once more before her diary was
// open. She wrote a poem in between.
type cameTwice struct {
	*hostile
	passwords     []vault.Secret // the former ones
	first, second recoverytest.Help
}

func newCameTwice(t *testing.T) *cameTwice {
	t.Helper()
	s := &cameTwice{hostile: newHostile(t)}
	for n, help := range []*recoverytest.Help{&s.first, &s.second} {
		s.withHelpers(t)
		s.passwords = append(s.passwords, s.Secret())
		*help = s.Agreed(t, s.Begin(t, vault.PathHelpers))
		s.Wait(vault.PathHelpers, false)
		s.Complete(t, *help, recovery.Completion{Password: []string{"fomi tade vuko nira", "gato niru pesa fova"}[n]})
		if n == 0 {
			s.note(t, "Poem", vault.Private)
		}
	}
	return s
}

// waits are the requests whose private papers still wait, as she is told.
func (s *cameTwice) waits(t *testing.T) (out []recovery.RequestID) {
	t.Helper()
	own, err := s.Recovery.Own(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	for _, r := range own {
		if r.State == recovery.StateLater {
			require.Positive(t, r.Wait)
			out = append(out, r.ID)
		}
	}
	return out
}

// queued is the same as somebody finds it who helped.
func (s *cameTwice) queued(t *testing.T, who *consenttest.Staff) (out []recovery.RequestID) {
	t.Helper()
	queue, err := s.Recovery.Queue(t.Context(), s.Post(t, who))
	require.NoError(t, err)
	for _, q := range queue {
		require.NoError(t, q.Error)
		require.Equal(t, recovery.StateLater, q.Request.State)
		out = append(out, q.Request.ID)
	}
	return out
}

// waitForNext lets the time pass until the next one can be opened.
func (s *cameTwice) waitForNext(t *testing.T) {
	t.Helper()
	next, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.NotNil(t, next)
	s.Clock.Advance(next.Wait)
}

func (s *cameTwice) openNext(t *testing.T) error {
	t.Helper()
	s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
	_, err := s.Recovery.OpenPending(t.Context(), s.Amina.Vault, s.Secret())
	return err
}

// N14: each of two that wait is told, stays in the lists of who helped, and comes back.
func TestPrivatePapersThatWaitSinceTwoRecoveriesBothComeBack(t *testing.T) {
	t.Parallel()
	s := newCameTwice(t)
	require.ElementsMatch(t, []recovery.RequestID{s.first.Request.ID, s.second.Request.ID}, s.waits(t))
	for _, who := range []*consenttest.Staff{s.Samir, s.Lina} {
		require.ElementsMatch(t, []recovery.RequestID{s.first.Request.ID, s.second.Request.ID}, s.queued(t, who))
	}
	next, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.Equal(t, s.first.Request.ID, next.Request)
	require.ErrorIs(t, s.openNext(t), recovery.ErrNotReady)
	s.waitForNext(t)
	require.NoError(t, s.openNext(t))
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.Vault))
	require.Equal(t, []recovery.RequestID{s.second.Request.ID}, s.waits(t))
	require.Equal(t, []recovery.RequestID{s.second.Request.ID}, s.queued(t, s.Samir))

	require.ErrorIs(t, s.openNext(t), recovery.ErrNotReady)
	s.waitForNext(t)
	require.NoError(t, s.openNext(t))
	require.ElementsMatch(t, []string{"Letter", "Diary", "Poem"}, titles(t, s.Amina.Vault))
	require.Empty(t, s.waits(t))
	require.Empty(t, s.queued(t, s.Samir))
	next, err = s.Recovery.Pending(t.Context(), s.Amina.Vault)
	require.NoError(t, err)
	require.Nil(t, next)
	require.ErrorIs(t, s.openNext(t), vault.ErrNotFound)
}

// What is stopped stays locked, and keeps the other one from nothing.
func TestOneOfTwoThatWaitIsStopped(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"the first": true, "the second": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCameTwice(t)
			stopped, other, back := s.first, s.second, "Poem"
			if !first {
				stopped, other, back = s.second, s.first, "Diary"
			}
			require.NoError(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Rosa), s.id(), stopped.Request.ID, "it was not her"))
			require.Equal(t, []recovery.RequestID{other.Request.ID}, s.waits(t))
			s.waitForNext(t)
			require.NoError(t, s.openNext(t))
			require.ElementsMatch(t, []string{"Letter", back}, titles(t, s.Amina.Vault))
			require.Error(t, s.openNext(t))
		})
	}
}

// Who opens what waits with a former password has ended that wait: nobody who helped has it
// in their list any more, and the other one waits on.
func TestWhoHelpedIsToldThatAFormerPasswordOpenedWhatWaited(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"the first": 0, "the second": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCameTwice(t)
			opened, waits := s.first, s.second
			if n == 1 {
				opened, waits = s.second, s.first
			}
			_, err := s.Recovery.OpenLocked(t.Context(), s.Amina.Vault, s.passwords[n], s.Secret())
			require.NoError(t, err)
			for _, who := range []*consenttest.Staff{s.Samir, s.Lina} {
				require.Equal(t, []recovery.RequestID{waits.Request.ID}, s.queued(t, who))
			}
			require.ErrorIs(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Rosa), s.id(), opened.Request.ID, ""), recovery.ErrRequest)
			require.Equal(t, []recovery.RequestID{waits.Request.ID}, s.waits(t))
			s.waitForNext(t)
			require.NoError(t, s.openNext(t))
			require.ElementsMatch(t, []string{"Letter", "Diary", "Poem"}, titles(t, s.Amina.Vault))
		})
	}
}

// B2: a store that altered what the first one opens keeps the second from nothing.
func TestWhatIsAlteredOfOneOfTwoKeepsTheOtherFromNothing(t *testing.T) {
	t.Parallel()
	s := newCameTwice(t)
	s.waitForNext(t)
	s.Wait(vault.PathHelpers, false) // and of the second
	s.host.Record(s.id().String() + "/l/1/k").Flip(60)
	s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
	_, err := s.Recovery.OpenPending(t.Context(), s.Amina.Vault, s.Secret())
	require.ErrorIs(t, err, vault.ErrUnconfirmed, "the witness is not given what was altered")
	require.ElementsMatch(t, []string{"Letter", "Poem"}, titles(t, s.Amina.Vault))
}
