package recovery_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

func isOneOf(err error, these ...error) bool {
	return slices.ContainsFunc(these, func(one error) bool { return errors.Is(err, one) })
}

// The operator, the store and a server's clock try to make a wait shorter. It runs at the
// witness, from the moment when the request was opened there.
func waitsCutShort(t *testing.T, s *hostile) {
	cfg := recovery.Config{Waits: recovery.Waits{AnswersDesk: time.Hour, Helpers: time.Hour, HelpersPrivate: time.Hour}}
	_, err := recovery.New(cfg)
	for _, field := range []string{"AnswersDesk", "Helpers", "HelpersPrivate"} {
		require.ErrorContains(t, err, "Config.Waits."+field)
	}
	s.withHelpers(t)
	path := s.path(t, vault.PathHelpers)
	generation := s.params(t, s.id(), path).Generations[0]
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	waits := func() time.Duration {
		t.Helper()
		var not *recovery.NotReadyError
		_, err := s.enter(t, h)
		require.ErrorAs(t, err, &not)
		require.Equal(t, []recovery.Missing{recovery.MissingWait}, not.Missing)
		return not.Wait
	}
	week := s.Recovery.Waits().Helpers
	require.Equal(t, week, waits())

	// The server's clock is ahead.
	opts := recoverytest.Options{Recovery: recovery.Config{Now: func() time.Time { return s.Clock.Now().Add(10 * 24 * time.Hour) }}}
	ahead := s.ahead(t, opts)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, ahead.missing(t, h))

	// The record says that it was opened long ago.
	r := s.stored(t, h)
	r.Opened -= (30 * 24 * time.Hour).Milliseconds()
	forged, err := seal.Marshal(r)
	require.NoError(t, err)
	request, _, _ := s.records(h)
	s.host.Record(request).Forge(forged)
	require.Equal(t, week, waits())
	s.host.Honest()

	// The word that opened it is said again, days later.
	s.Clock.Advance(3 * 24 * time.Hour)
	opened := s.calls.said()[0]
	w, err := s.Witness.Begin(t.Context(), s.id(), opened)
	require.NoError(t, err)
	require.Equal(t, week-3*24*time.Hour, w.Ready[0], "neither shorter nor longer")

	// Whoever has the service's keys asks for the value itself, too early.
	for class := range 2 {
		e, err := s.Witness.EvaluateWithin(t.Context(), s.id(), h.Request.ID, s.Vaults.PathCounter(s.id(), path, class), [32]byte{1}, generation)
		require.NoError(t, err)
		require.Positive(t, e.Tries.Wait)
		require.Zero(t, e.Output)
	}
	s.Clock.Advance(week - 3*24*time.Hour - time.Second)
	require.Equal(t, time.Second, waits())
	s.Clock.Advance(time.Minute) // that second, and a wait for tries
	page, err := s.enter(t, h)
	require.NoError(t, err)
	require.True(t, page.Later, "and Private waits on")
	e, err := s.Witness.EvaluateWithin(t.Context(), s.id(), h.Request.ID, s.Vaults.PathCounter(s.id(), path, 1), [32]byte{1}, generation)
	require.NoError(t, err)
	require.Positive(t, e.Tries.Wait)
}

// ahead is a service with another clock, where nobody signs in.
func (s *hostile) ahead(t testing.TB, opts recoverytest.Options) *hostile {
	t.Helper()
	stage := *s.Stage
	cfg := opts.Recovery
	cfg.Vaults, cfg.Consent, cfg.Directory, cfg.Register = s.Vaults, s.Service, s.Directory, s.Register
	cfg.Store, cfg.Witness, cfg.Independent = s.Store, s.Witness, true
	var err error
	stage.Recovery, err = recovery.New(cfg)
	require.NoError(t, err)
	return &hostile{Stage: &stage, host: s.host, calls: s.calls, letter: s.letter, diary: s.diary}
}

// Somebody has cancelled. The store shows the request as if nobody had, the witness is
// told to begin it again, and the wait passes.
func cancelSkipped(t *testing.T, s *hostile) {
	s.withHelpers(t)
	path := s.path(t, vault.PathHelpers)
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	then := s.host.Now()
	opened := s.calls.said()[0]
	require.NoError(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Rosa), s.id(), h.Request.ID, "she is here and did not ask"))
	for _, prefix := range []string{s.id().String() + "/rq/", "svc/handover/", s.Line.ID.String() + "/in/q/", s.Harbour.ID.String() + "/in/q/"} {
		s.host.Replay(prefix, then)
	}
	w, err := s.Witness.Begin(t.Context(), s.id(), opened)
	require.NoError(t, err)
	require.True(t, w.Cancelled, "it stays as it is")
	s.Wait(vault.PathHelpers, true)
	_, err = s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrRequest)
	_, err = s.Witness.EvaluateWithin(t.Context(), s.id(), h.Request.ID, s.Vaults.PathCounter(s.id(), path, 0), [32]byte{1}, 0)
	require.ErrorIs(t, err, witness.ErrRequest, "nor for who asks the witness themselves")
	all, err := s.Recovery.Requests(t.Context(), s.Post(t, s.Samir), s.id())
	require.NoError(t, err)
	for _, r := range all {
		require.Equal(t, recovery.StateCancelled, r.State)
	}
	s.host.Honest()
}

// mute is a notifier whose messages never arrive.
type mute struct{ asked []recovery.EventKind }

func (m *mute) Notify(_ context.Context, e recovery.Event) error {
	m.asked = append(m.asked, e.Kind)
	return errors.New("the line is cut")
}

// Nobody hears of it. That makes no wait shorter; the journal has the line, signed, and
// a journal without it is refused. And who signs in ends it.
func noticeSuppressed(t *testing.T, _ *hostile) {
	silent := &mute{}
	s := hostileWith(t, recoverytest.Options{Recovery: recovery.Config{Notifier: silent}})
	s.withHelpers(t)
	before := len(s.host.Records(s.id().String() + "/j/"))
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	require.Equal(t, []recovery.EventKind{recovery.EventOpened}, silent.asked)
	s.Clock.Advance(s.Recovery.Waits().Helpers - time.Second)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missing(t, h))

	lines := s.host.Records(s.id().String() + "/j/")
	require.Greater(t, len(lines), before)
	head := s.host.Now()
	for _, line := range lines[before:] {
		s.host.Record(line).Drop()
	}
	fork := s.fork(t, nil)
	v, err := fork.Vaults.Unlock(t.Context(), s.Amina.Secret())
	if err == nil {
		_, err = v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
		v.Close()
	}
	require.Error(t, err, "a journal with a gap is shown to nobody")
	s.host.Honest()
	require.NotZero(t, head)
	acts := s.acts(t)
	require.Contains(t, acts, recovery.ActRequestOpened)
	require.Contains(t, acts, recovery.ActRequestGiven)
	require.Contains(t, acts, recovery.ActRequestApproved)
	s.Wait(vault.PathHelpers, true)
	_, err = s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrRequest, "her sign-in has ended it")
}

// One person approves twice, at their relay and at the desk where they work too. Nobody is
// two people, nor two organisations.
func onePersonTwice(t *testing.T, s *hostile) {
	s.withHelpers(t)
	s.Line.Join(t, s.Samir, consent.RoleHelp)
	h := s.Begin(t, vault.PathHelpers)
	harbour := s.Post(t, s.Samir)
	_, err := s.Recovery.Approve(t.Context(), harbour, s.id(), h.Request.ID, "again")
	require.ErrorIs(t, err, recovery.ErrAgreed)
	require.Contains(t, s.missing(t, h), recovery.MissingRelayApproval, "they are counted once")

	atDesk, err := s.Samir.Worker.At(t.Context(), s.Line.ID)
	require.NoError(t, err)
	defer atDesk.Close()
	_, err = s.Recovery.Approve(t.Context(), atDesk, s.id(), h.Request.ID, "in another chair")
	require.ErrorIs(t, err, recovery.ErrAgreed)
	_, err = s.Recovery.Contribute(t.Context(), atDesk, s.id(), h.Request.ID)
	require.ErrorIs(t, err, recovery.ErrAgreed, "another person must agree")
	w, err := s.Witness.Requests(t.Context(), s.id())
	require.NoError(t, err)
	require.Equal(t, [2]int{1, 0}, [2]int{w[0].Relay, w[0].Desk})

	h = s.Agreed(t, h)
	w, err = s.Witness.Requests(t.Context(), s.id())
	require.NoError(t, err)
	require.Equal(t, [2]int{2, 2}, [2]int{w[0].Relay, w[0].Desk})
	s.Wait(vault.PathHelpers, true)
	s.comesBack(t, h, recovery.Completion{})
}

// What people agreed to once is said again: of the next request, of another vault, when
// its time is over.
func replayedApprovals(t *testing.T, s *hostile) {
	s.withHelpers(t)
	boris, _ := s.boris(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	said := s.calls.said()
	require.Len(t, said, 4, "two of each side")
	for _, word := range said {
		_, err := s.Witness.Begin(t.Context(), boris.Vault.ID(), word)
		require.ErrorIs(t, err, witness.ErrApproval, "of another vault")
		_, err = s.Witness.Approve(t.Context(), boris.Vault.ID(), word)
		require.ErrorIs(t, err, witness.ErrApproval, "of another vault")
	}
	_, err := s.Witness.Approve(t.Context(), s.id(), said[0])
	require.ErrorIs(t, err, witness.ErrApproval, "to open is not to agree")

	require.NoError(t, s.Recovery.CancelOwn(t.Context(), s.Amina.Vault, h.Request.ID))
	next := s.Begin(t, vault.PathHelpers)
	for _, word := range said[1:] {
		_, err := s.Witness.Approve(t.Context(), s.id(), word)
		require.ErrorIs(t, err, witness.ErrRequest, "of a request that has ended")
	}
	require.Contains(t, s.missing(t, next), recovery.MissingDeskApproval)
	require.Contains(t, s.missing(t, next), recovery.MissingRelayApproval)
	s.Clock.Advance(100 * 24 * time.Hour)
	for _, word := range said {
		_, err := s.Witness.Begin(t.Context(), s.id(), word)
		require.ErrorIs(t, err, witness.ErrApproval, "its time is over")
	}
}

// A way back in is withdrawn. The store shows path, policy and head of before, and the
// keys of the service ask the witness past any request.
func pathThatWasWithdrawn(t *testing.T, s *hostile) {
	sheet := *s.Enrol(t, recovery.Enrolment{
		Sheet: &recovery.NewSheet{Private: true}, Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true},
	}).Sheet
	relay, answers := s.path(t, vault.PathSheetRelay), s.path(t, vault.PathAnswersRelay)
	proof := vault.PathProof{Path: relay, Own: s.ownOfSheet(t, relay, sheet), Relay: s.half(t, s.Samir, s.id(), relay)}
	h := s.Begin(t, vault.PathAnswersRelay)
	page := s.Enter(t, h)
	counter := s.Vaults.PathCounter(s.id(), answers, 0)
	then := s.host.Now()
	require.NoError(t, s.Recovery.Withdraw(t.Context(), s.Amina.Vault, []vault.PathKind{vault.PathSheetRelay, vault.PathAnswersRelay}, s.Secret()))
	for name, prefixes := range map[string][]string{
		"as it is": nil, "keyslots": {"/s/"}, "policy and papers": {"/policy", "/o/", "/s/"}, "all of the vault": {"/"},
	} {
		for _, prefix := range prefixes {
			s.host.Replay(s.id().String()+prefix, then)
		}
		require.ErrorIs(t, s.recover(t, proof), vault.ErrSignIn, name)
		_, err := s.Recovery.Open(t.Context(), s.Post(t, s.Samir), recovery.NewRequest{Vault: s.id(), Path: relay, Recognised: "as before"})
		require.True(t, isOneOf(err, recovery.ErrRequest, vault.ErrStale, vault.ErrTampered, vault.ErrEnded), "%s: %v", name, err)
		err = s.complete(t, page, recovery.Completion{Answers: asTypedYearsLater})
		require.True(t, isOneOf(err, recovery.ErrRequest, vault.ErrSignIn, vault.ErrStale), "%s: %v", name, err)
		s.host.Honest()
	}
	_, err := s.Witness.Evaluate(t.Context(), s.id(), counter, [32]byte{1}, 0)
	require.ErrorIs(t, err, witness.ErrRuled, "a counter that had a rule is never free again")
}

// The store forgets tries. They are not in it.
func triesForgotten(t *testing.T, s *hostile) {
	s.withAnswers(t)
	h := s.Begin(t, vault.PathAnswersRelay)
	page := s.Enter(t, h)
	then := s.host.Now()
	for range 5 {
		_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
		require.True(t, isOneOf(err, recovery.ErrCode, vault.ErrBackOff), "%v", err)
		err = s.complete(t, page, recovery.Completion{Answers: wrongAnswers})
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	s.host.Replay("", then)
	_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
	require.ErrorIs(t, err, vault.ErrBackOff)
	err = s.complete(t, page, recovery.Completion{Answers: asTypedYearsLater})
	require.True(t, isOneOf(err, vault.ErrBackOff, recovery.ErrRequest, vault.ErrStale), "%v", err)
	s.host.Honest()
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Answers: asTypedYearsLater}), vault.ErrBackOff)
	s.Clock.Advance(15 * time.Minute)
	require.NoError(t, s.complete(t, page, recovery.Completion{Answers: asTypedYearsLater}))
}

// The witness is away: reading goes on, and nobody is helped back in until it is there.
func recoveryWithWitnessAway(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	waiting := s.Enter(t, h)
	samir, relay := s.Post(t, s.Samir), s.path(t, vault.PathSheetRelay)
	s.Clock.Advance(time.Minute) // nothing is fresh any more
	s.calls.away.Store(true)

	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.Vault))
	began := s.host.Now()
	for name, err := range map[string]error{
		"open":     second(s.Recovery.Open(t.Context(), samir, recovery.NewRequest{Vault: s.id(), Path: relay, Recognised: "by name"})),
		"enter":    second(s.enter(t, h)),
		"resume":   second(s.Recovery.Resume(t.Context(), waiting.Token())),
		"complete": s.complete(t, waiting, recovery.Completion{Sheet: sheet.Code}),
		"enrol":    second(s.Recovery.Enrol(t.Context(), s.Amina.Vault, recovery.Enrolment{Sheet: &recovery.NewSheet{}, Notice: recoverytest.Notice(), Agreed: true}, s.Secret())),
	} {
		require.ErrorIs(t, err, vault.ErrWitnessAway, name)
	}
	require.False(t, slices.ContainsFunc(s.host.Written(began), func(w storage.Write) bool {
		return isOf(w.Key, s.id().String()+"/rq/", s.id().String()+"/s/", s.id().String()+"/h/o", "svc/handover/")
	}), "nothing was opened, and no secret changed")
	s.calls.away.Store(false)
	s.Clock.Advance(time.Minute)
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
}

func second[T any](_ T, err error) error { return err }
