package recovery_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// F4: a request by sheet waits for nothing, so the witness never began it. That it was
// cancelled it knows all the same.
func sheetCancelSkipped(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	page := s.Enter(t, h)
	then := s.host.Now()
	require.NoError(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Rosa), s.id(), h.Request.ID, "it was not her"))
	for _, prefix := range []string{s.id().String() + "/rq/", "svc/handover/"} {
		s.host.Replay(prefix, then)
	}
	_, err := s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrRequest)
	_, err = s.Recovery.Resume(t.Context(), page.Token())
	require.ErrorIs(t, err, recovery.ErrRequest)
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Sheet: sheet.Code}), recovery.ErrRequest)
	s.host.Honest()
	s.comesBack(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: sheet.Code})
}

// Whoever makes their ways back in anew again and again can still be helped.
func TestRequestsAboutWaysOfBeforeStandInNobodysWay(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	for range 6 {
		s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions}})
		s.Begin(t, vault.PathAnswersRelay)
	}
}

// A relay goes over to the organisation of the desk: together they would be one.
func TestARelayThatWentOverToTheDeskIsNobodysSecond(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	h := s.Ready(t, vault.PathHelpers)
	page := s.Enter(t, h)
	s.Harbour.Relay.Organisation = s.Line.Organisation
	s.Sign(t, consent.Change{Relay: &s.Harbour.Relay})
	_, err := page.Complete(t.Context(), recovery.Completion{Password: recoverytest.NewPassword})
	require.ErrorIs(t, err, vault.ErrOneOrganisation)
	samir := s.Post(t, s.Samir)
	require.NoError(t, s.Recovery.Cancel(t.Context(), samir, s.Amina.Vault.ID(), h.Request.ID, ""))
	_, err = s.Recovery.Open(t.Context(), samir, recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: h.Request.Path, Recognised: "again", Ask: []consent.RelayID{s.Line.ID}})
	require.ErrorIs(t, err, vault.ErrOneOrganisation)
}

// The desk goes, and another comes, of the organisation of the relay: the way needs another
// relay before it leads anywhere.
func TestAnotherDeskOfTheRelaysOrganisationIsNobodysSecond(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	path := s.Way(t, s.Post(t, s.Samir), vault.PathHelpers)
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Allowed, ptr(s.Secret())))
	own := s.Desk(t, "Own line", s.Organisation)
	_, err := s.AllowDesk(t.Context(), s.Amina.Vault, consent.DeskHelp{Desk: own.ID, Notice: recoverytest.Notice(), Agreed: true}, s.Secret())
	require.NoError(t, err)
	all, err := s.Amina.Vault.Paths(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.PathUnusable, all[0].State)
	_, err = s.Recovery.Open(t.Context(), s.Post(t, s.Samir), recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: path, Recognised: "by name", Ask: []consent.RelayID{own.ID}})
	require.True(t, isOneOf(err, recovery.ErrRequest, vault.ErrOneOrganisation), "%v", err)
}

func TestARequestLastsAtMostAMonth(t *testing.T) {
	t.Parallel()
	for _, lasts := range []time.Duration{-time.Hour, 30*24*time.Hour + time.Second} {
		_, err := recovery.New(recovery.Config{RequestsLast: lasts})
		require.ErrorContains(t, err, "Config.RequestsLast")
	}
	_, err := recovery.New(recovery.Config{RequestsLast: 30 * 24 * time.Hour})
	require.NotContains(t, err.Error(), "RequestsLast")
}

// overtaking is a witness that somebody else asks first, once.
type overtaking struct {
	recovery.Witness
	first func()
}

func (o *overtaking) Requests(ctx context.Context, id [16]byte) ([]recovery.WitnessRequest, error) {
	if first := o.first; first != nil {
		o.first = nil
		first()
	}
	return o.Witness.Requests(ctx, id)
}

// Whoever is asked has new keys in the very moment: no note is left under a key that is
// about to be destroyed, and the request is opened once more.
func TestNoNoteIsLeftUnderAKeyThatIsGone(t *testing.T) {
	t.Parallel()
	var o *overtaking
	s := recoverytest.New(t, &recoverytest.Options{Witness: func(w recovery.Witness) recovery.Witness {
		o = &overtaking{Witness: w}
		return o
	}})
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	post := s.Post(t, s.Samir)
	path := s.Way(t, post, vault.PathHelpers)
	o.first = func() {
		_, err := s.Post(t, s.Line.Manager).RotateKey(t.Context())
		require.NoError(t, err)
	}
	open := func() error {
		_, err := s.Recovery.Open(t.Context(), post, recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: path, Recognised: "by name", Ask: []consent.RelayID{s.Line.ID}})
		return err
	}
	require.ErrorIs(t, open(), vault.ErrRevision)
	require.NoError(t, open())
	queue, err := s.Recovery.Queue(t.Context(), s.Post(t, s.Lina))
	require.NoError(t, err)
	require.Len(t, queue, 1)
}

// Of two requests that are opened in the same moment, neither is taken for what has ended.
func TestARequestThatIsOpenedMeanwhileGoesOn(t *testing.T) {
	t.Parallel()
	var o *overtaking
	s := recoverytest.New(t, &recoverytest.Options{Witness: func(w recovery.Witness) recovery.Witness {
		o = &overtaking{Witness: w}
		return o
	}})
	s.Enrol(t, recovery.Enrolment{
		Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true, ByCall: true}, Helpers: &recovery.NewHelpers{},
	})
	var first recoverytest.Help
	o.first = func() { first = s.Begin(t, vault.PathHelpers) }
	s.Begin(t, vault.PathAnswersDesk)
	all, err := s.Recovery.Requests(t.Context(), s.Post(t, s.Samir), s.Amina.Vault.ID())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, first.Request.ID, all[0].ID)
	require.Equal(t, recovery.StateOpen, all[0].State)
}
