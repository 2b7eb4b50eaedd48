package recovery_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// underWay is a stage with two requests: one with her sheet, and one without anything of
// hers, to which all have agreed.
type underWay struct {
	*hostile
	sheet  recovery.Sheet
	helps  []recoverytest.Help
	tokens []string
	honest map[recovery.RequestID]recovery.Request // as it was told while nobody lied
}

func newUnderWay(t testing.TB) *underWay {
	t.Helper()
	s := &underWay{hostile: newHostile(t), honest: map[recovery.RequestID]recovery.Request{}}
	s.sheet = s.withSheet(t)
	s.withHelpers(t)
	s.helps = []recoverytest.Help{s.Agreed(t, s.Begin(t, vault.PathHelpers))}
	s.Wait(vault.PathHelpers, false)
	s.helps = append(s.helps, s.Begin(t, vault.PathSheetRelay))
	for _, h := range s.helps {
		s.tokens = append(s.tokens, s.Enter(t, h).Token())
	}
	all, err := s.Recovery.Requests(t.Context(), s.Post(t, s.Samir), s.id())
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, r := range all {
		s.honest[r.ID] = r
	}
	return s
}

// altered are the records that belong to requests.
func (s *underWay) altered() (keys []string) {
	for _, prefix := range []string{
		s.id().String() + "/rq/", "svc/handover/", s.Harbour.ID.String() + "/in/q/", s.Line.ID.String() + "/in/q/",
		s.Harbour.ID.String() + "/rc/", s.Line.ID.String() + "/rc/",
	} {
		keys = append(keys, s.host.Records(prefix)...)
	}
	return keys
}

// answers are the errors by which somebody may be told that something was altered, is
// missing, or has ended (O4).
var answers = []error{
	recovery.ErrCode, recovery.ErrRequest, recovery.ErrNotReady, recovery.ErrAgreed, vault.ErrTampered, vault.ErrUntrustedKey,
	vault.ErrSignIn, vault.ErrStale, vault.ErrWitnessAway, vault.ErrBackOff,
}

func requireAnswer(t testing.TB, err error, msg ...any) {
	t.Helper()
	require.True(t, err == nil || slices.ContainsFunc(answers, func(a error) bool { return errors.Is(err, a) }), "%v: %v", msg, err)
}

// survey has everybody look: nobody is told anything that was not so, and nothing opens
// but what is hers.
func (s *underWay) survey(t testing.TB, msg ...any) {
	t.Helper()
	for _, p := range []struct {
		name string
		post func() ([]recovery.Request, error)
	}{
		{"relay", func() ([]recovery.Request, error) {
			return s.Recovery.Requests(t.Context(), s.Post(t, s.Samir), s.id())
		}},
		{"desk", func() ([]recovery.Request, error) {
			queue, err := s.Recovery.Queue(t.Context(), s.Post(t, s.Lina))
			var out []recovery.Request
			for _, q := range queue {
				requireAnswer(t, q.Error, msg...)
				if q.Error == nil {
					out = append(out, q.Request)
				}
			}
			return out, err
		}},
	} {
		all, err := p.post()
		requireAnswer(t, err, msg...)
		for _, r := range all {
			s.requireHonest(t, r, append(msg, p.name)...)
		}
	}
	for i, h := range s.helps {
		s.Clock.Advance(20 * time.Second)
		page, err := s.Recovery.Resume(t.Context(), s.tokens[i])
		requireAnswer(t, err, msg...)
		if err == nil {
			require.Equal(t, h.Kind, page.Kind, msg...)
			require.False(t, h.Kind == vault.PathHelpers && page.Private, "%v: its wait is not over", msg)
		}
		if err == nil && h.Kind == vault.PathSheetRelay {
			requireAnswer(t, s.complete(t, page, recovery.Completion{Sheet: otherSheet(t)}), msg...)
		}
	}
	_, err := s.Recovery.Counts(t.Context(), s.Post(t, s.Harbour.Manager))
	require.NoError(t, err, msg...)
}

// requireHonest compares what is told of a request with what was told before anybody lied.
// Whether it is open yet, and what is missing, the store can say falsely: it only closes.
func (s *underWay) requireHonest(t testing.TB, r recovery.Request, msg ...any) {
	t.Helper()
	honest, known := s.honest[r.ID]
	require.True(t, known, "%v: a request was made up", msg)
	r.State, r.Missing, r.Wait = honest.State, honest.Missing, honest.Wait
	r.Opened = honest.Opened // in clear, and nothing goes by it: see waitsCutShort
	r.By, honest.By = honest.By, r.By
	require.Equal(t, honest.By.Worker, r.By.Worker, msg...)
	require.Equal(t, honest, r, msg...)
}

// The store alters each record of requests in each way: nothing opens, nobody is misled,
// and a new request goes all the way.
func TestAStoreThatAltersRequestsOpensNothingAndMisleadsNobody(t *testing.T) {
	t.Parallel()
	s := newUnderWay(t)
	then := s.host.Now()
	keys := s.altered()
	require.GreaterOrEqual(t, len(keys), 12)
	for i, key := range keys {
		size := len(s.host.Record(key).Bytes())
		lies := map[string]func(){
			"drop": func() { s.host.Record(key).Drop() },
			"cut":  func() { s.host.Record(key).Cut(size / 2) },
			"swap": func() { s.host.Record(key).Swap(s.host.Record(keys[(i+5)%len(keys)])) },
			"none": func() { s.host.Record(key).Forge([]byte{}) },
		}
		for name, lie := range lies {
			if s.host.Record(key).Bytes() == nil {
				break // a lie of before was believed, and a note of what is no more swept away
			}
			lie()
			s.survey(t, key, name)
			s.host.Honest()
		}
		for at := range every(2) {
			if s.host.Record(key).Bytes() == nil {
				break
			}
			place := (at*7919 + 13*i) % (size * 8)
			s.host.Record(key).Flip(place)
			s.survey(t, key, "flip", place)
			s.host.Honest()
		}
	}

	// And all that there was is brought back, when she has come back in.
	for _, h := range s.helps {
		require.NoError(t, s.Recovery.Cancel(t.Context(), s.Post(t, s.Rosa), s.id(), h.Request.ID, ""))
	}
	s.comesBack(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: s.sheet.Code})
	for _, key := range keys { // "then" is from before the lies
		s.host.Record(key).Replay(then)
	}
	for i, h := range s.helps {
		_, err := s.Recovery.Resume(t.Context(), s.tokens[i])
		require.True(t, isOneOf(err, recovery.ErrRequest, recovery.ErrCode), "%v", err)
		_, err = s.enter(t, h)
		require.True(t, isOneOf(err, recovery.ErrRequest, recovery.ErrCode), "%v", err)
	}
	s.host.Honest()
	s.withSheet(t)
}

// What the store puts into a request of somebody else's is of nobody.
func TestRequestsOfTwoPeopleAreNotExchanged(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	sheet := s.withSheet(t)
	amina := s.Amina
	boris, theirs := s.boris(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}})
	h := s.Begin(t, vault.PathSheetRelay)
	s.Amina = boris
	other := s.Begin(t, vault.PathSheetRelay)
	s.Amina = amina
	mine := s.id().String() + "/rq/" + h.Request.ID.String()
	his := boris.Vault.ID().String() + "/rq/" + other.Request.ID.String()
	s.host.Record(mine).Swap(s.host.Record(his))
	s.host.Record(mine + "/r").Swap(s.host.Record(his + "/r"))
	for _, one := range []recoverytest.Help{h, other} {
		_, err := s.enter(t, one)
		require.ErrorIs(t, err, recovery.ErrCode)
	}
	pointers := s.host.Records("svc/handover/")
	require.Len(t, pointers, 2)
	s.host.Honest()
	s.host.Record(pointers[0]).Swap(s.host.Record(pointers[1]))
	for _, one := range []recoverytest.Help{h, other} {
		_, err := s.enter(t, one)
		require.ErrorIs(t, err, recovery.ErrCode, "a number leads where it was given out, or nowhere")
	}
	s.host.Honest()
	page := s.Enter(t, h)
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Sheet: theirs.Sheet.Code}), vault.ErrSignIn, "his sheet opens nothing of hers")
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
}
