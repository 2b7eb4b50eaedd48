package recovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// Somebody who had opened a request leaves. It goes on without them.
func TestARequestGoesOnWhenWhoOpenedItLeaves(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"relay", "desk"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			s := recoverytest.New(t, nil)
			sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
			kind, at, gone, stays := vault.PathSheetRelay, s.Harbour, s.Samir, s.Rosa
			if side == "desk" {
				kind, at, gone, stays = vault.PathSheetDesk, s.Line, s.Lina, s.Omar
			}
			help := s.Begin(t, kind)
			_, err := s.Post(t, at.Manager).Remove(t.Context(), gone.ID())
			require.NoError(t, err)
			fresh := at.Hire(t, "Noor", consent.RoleHelp)
			p, err := fresh.Worker.At(t.Context(), at.ID)
			require.NoError(t, err)
			defer p.Close()
			_, err = s.Post(t, at.Manager).RotateKey(t.Context()) // and once more
			require.NoError(t, err)
			p, err = fresh.Worker.At(t.Context(), at.ID)
			require.NoError(t, err)
			defer p.Close()
			for name, post := range map[string]*consent.Post{"who stays": s.Post(t, stays), "who is new": p} {
				all, err := s.Recovery.Requests(t.Context(), post, s.Amina.Vault.ID())
				require.NoError(t, err, name)
				require.Len(t, all, 1, name)
			}
			s.Complete(t, help, recovery.Completion{Sheet: sheet.Code})
		})
	}
}

// Whoever has left, and is still at their post in some process, has the keys by which notes
// open (N7). They read nothing more, also not what only a note still leads to (N14).
func TestWhoHasLeftIsToldNothingAtAPostThatIsStillOpen(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"relay", "desk"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			s := impostorInside(t, &messages{})
			at, gone := s.Harbour, s.Rosa
			if side == "desk" {
				at, gone = s.Line, s.Omar
			}
			held, id, request := s.Post(t, gone), s.id(), s.help.Request.ID
			queue, err := s.Recovery.Queue(t.Context(), held)
			require.NoError(t, err)
			require.Len(t, queue, 1)
			manager := s.Post(t, at.Manager)
			_, err = s.Recovery.Counts(t.Context(), manager)
			require.NoError(t, err)

			_, err = manager.Remove(t.Context(), gone.ID())
			require.NoError(t, err)
			_, err = s.Recovery.Queue(t.Context(), held)
			require.ErrorIs(t, err, vault.ErrEnded)
			all, err := s.Recovery.Requests(t.Context(), held, id)
			require.ErrorIs(t, err, vault.ErrEnded)
			require.Empty(t, all)
			require.ErrorIs(t, s.Recovery.Cancel(t.Context(), held, id, request, ""), vault.ErrEnded)
			later, err := s.Recovery.Pending(t.Context(), s.Amina.Vault)
			require.NoError(t, err)
			require.NotNil(t, later)
		})
	}
}

// N14: they who helped can stop what still waits also when somebody has left them since, and
// their keys are others.
func TestWhoHelpedStillStopsPrivatePapersWhenSomebodyHasLeftThem(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"relay", "desk"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			s := impostorInside(t, &messages{})
			at, gone, stays := s.Harbour, s.Samir, s.Rosa
			if side == "desk" {
				at, gone, stays = s.Line, s.Lina, s.Omar
			}
			for range 2 { // the keys change twice
				_, err := s.Post(t, at.Manager).Remove(t.Context(), gone.ID())
				require.NoError(t, err)
				_, err = s.Recovery.Queue(t.Context(), s.Post(t, stays)) // whoever works there next
				require.NoError(t, err)
				gone = at.Hire(t, "Noor", consent.RoleHelp)
			}
			p := s.Post(t, stays)
			queue, err := s.Recovery.Queue(t.Context(), p)
			require.NoError(t, err)
			require.Len(t, queue, 1)
			require.NoError(t, queue[0].Error)
			require.NoError(t, s.Recovery.Cancel(t.Context(), p, s.id(), s.help.Request.ID, "not her"))
			s.Wait(vault.PathHelpers, true)
			_, err = s.Recovery.OpenPending(t.Context(), s.Amina.SignIn(t, s.Stage.Stage.Stage), s.Secret())
			require.ErrorIs(t, err, recovery.ErrRequest)
		})
	}
}

// Whoever helps seals the grant that they find to the present key of their desk (N19). One
// that its person has ended is none, also if the store brings it back: nobody is let in,
// and nothing is sealed.
func TestAGrantThatHasEndedIsNotSealedAnewForWhoHelps(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withSheet(t)
	_, err := s.Post(t, s.Line.Manager).Remove(t.Context(), s.Lina.ID()) // the grant is owed a new key
	require.NoError(t, err)
	then := s.host.Now()
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Allowed, ptr(s.Secret())))
	place, ended := s.id().String()+"/g/", s.host.Now()
	for _, prefix := range []string{place, s.id().String() + "/"} {
		s.host.Replay(prefix, then)
		p := s.Post(t, s.Omar)
		_, err = s.Recovery.Requests(t.Context(), p, s.id())
		require.Error(t, err, prefix)
		_, err = s.Recovery.Ways(t.Context(), p, s.id())
		require.Error(t, err, prefix)
		s.host.Honest()
		for _, w := range s.host.Written(ended) {
			require.NotEqual(t, place+vault.ID(s.Allowed).String(), w.Key, "nothing is sealed anew")
		}
		_, err = s.Recovery.Requests(t.Context(), s.Post(t, s.Omar), s.id())
		require.ErrorIs(t, err, vault.ErrNotFound)
	}
}
