package recovery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// Nineteen tries are wrong, with all the waits between them; the twentieth is hers.
func TestAfterAllButOneTryTheRightCodeStillOpens(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	wrong := 0
	for ; wrong < 18; wrong++ { // to make it was one of the twenty
		_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
		require.ErrorIs(t, err, recovery.ErrCode, "try %d", wrong)
		s.Clock.Advance(16 * time.Minute)
	}
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
}

func TestARequestThatHasExpiredOpensNothing(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	page := s.Enter(t, h)
	s.Clock.Set(h.Request.Until.Add(-time.Second))
	_, err := s.enter(t, h)
	require.NoError(t, err)
	s.Clock.Set(h.Request.Until)
	_, err = s.enter(t, h)
	require.True(t, isOneOf(err, recovery.ErrRequest, recovery.ErrCode), "%v", err)
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Sheet: sheet.Code}), recovery.ErrRequest)
	_, err = s.Recovery.Contribute(t.Context(), s.Post(t, s.Samir), s.id(), h.Request.ID)
	require.ErrorIs(t, err, recovery.ErrRequest)
	s.comesBack(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: sheet.Code})
}

// Somebody who has agreed is let go while the wait runs. What they said counted then; what
// they say now counts no more, and they cannot hold it up either.
func TestAWorkerWhoIsLetGoInTheMiddleHelpsNoFurther(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withHelpers(t)
	h := s.Begin(t, vault.PathHelpers)
	rosa := s.Post(t, s.Rosa)
	manager := s.Post(t, s.Harbour.Manager)
	_, err := manager.Remove(t.Context(), s.Rosa.ID())
	require.NoError(t, err)
	_, err = s.Recovery.Approve(t.Context(), rosa, s.id(), h.Request.ID, "still here")
	require.Error(t, err)
	require.NotErrorIs(t, err, vault.ErrStorage)
	_, err = s.Recovery.Requests(t.Context(), rosa, s.id())
	require.Error(t, err)
	require.Error(t, s.Recovery.Cancel(t.Context(), rosa, s.id(), h.Request.ID, "out of spite"))
	w, err := s.Witness.Requests(t.Context(), s.id())
	require.NoError(t, err)
	require.Equal(t, 1, w[0].Relay, "nobody has agreed beside who opened it")
	require.False(t, w[0].Cancelled)
	next := s.Harbour.Hire(t, "Nadia", consent.RoleHelp)
	_, err = s.Recovery.Approve(t.Context(), next.At(t, s.Harbour), s.id(), h.Request.ID, "by her voice")
	require.NoError(t, err, "another one can")
}

// The witness's clock is set back while a wait runs: it takes longer, never less, and the
// request is not lost by it.
func TestAClockOfTheWitnessThatGoesBackMakesNoWaitShorter(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.withHelpers(t)
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Clock.Advance(-2 * time.Hour)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missing(t, h))
	s.Clock.Advance(s.Recovery.Waits().Helpers - time.Minute)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, s.missing(t, h))
	s.Clock.Advance(time.Minute)
	_, err := s.enter(t, h)
	require.NoError(t, err)
}

// The answers come from another keyboard: in capitals, without accents, with the digits
// and the letters of another layout of the same script. In another script they are others.
func TestAnswersTypedOnAnotherKeyboard(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Private: true, Questions: []recovery.Question{
		{Text: "أين كنت تختبئ وأنت طفل؟", Answer: "تحت الدرج القديم 12"},
		{Text: "Quel plat ?", Answer: "Ndolè aux crevettes"},
		{Text: "What did you lose?", Answer: "A tin flute from Łódź"},
	}}})
	page := s.Enter(t, s.Begin(t, vault.PathAnswersRelay))
	for name, typed := range map[string][]string{
		"in another script": {"taht aldaraj alqadim 12", "ndole aux crevettes", "a tin flute from lodz"},
		"in another order":  {"ndole aux crevettes", "تحت الدرج القديم 12", "a tin flute from lodz"},
	} {
		require.ErrorIs(t, s.complete(t, page, recovery.Completion{Answers: typed}), vault.ErrSignIn, name)
	}
	for name, typed := range map[string][]string{
		"too few": {"ndole", "ndole"}, "one is nothing but marks": {"…", "ndole", "lodz"}, "none": nil,
	} {
		require.ErrorIs(t, s.complete(t, page, recovery.Completion{Answers: typed}), vault.ErrInvalid, "%s: no try is spent", name)
	}
	require.NoError(t, s.complete(t, page, recovery.Completion{Answers: []string{"تحت الدرج القدیم ١٢", "NDOLE AUX CREVETTES", "a tin flute, from Lodz"}}))
}

// What nobody would type is refused before it costs a try.
func TestInputThatCannotBeIsRefusedBeforeATryIsCounted(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	long := string(make([]byte, 1<<16))
	tried := s.calls.during(func() {
		for _, c := range []recovery.HandOverCode{
			{}, {Number: h.Number}, {Code: h.Code}, {Number: h.Number, Code: long}, {Number: long, Code: h.Code},
			{Number: h.Number, Code: h.Code + "1"}, {Number: h.Number, Code: "१२३४ x678"}, {Number: h.Number, Code: h.Code, Desk: "??"},
		} {
			_, err := s.Recovery.Enter(t.Context(), c)
			require.ErrorIs(t, err, recovery.ErrCode)
		}
		for _, token := range []string{"", "x", long[:100], h.Code} {
			_, err := s.Recovery.Resume(t.Context(), token)
			require.ErrorIs(t, err, recovery.ErrCode)
		}
	})
	require.Zero(t, tried["witness evaluate"])
	page := s.Enter(t, h)
	for _, typed := range []string{"", long, sheet.Code[:20], sheet.Code + " 1", "0000 0000 0000 0000 0000 0001"} {
		require.ErrorIs(t, s.complete(t, page, recovery.Completion{Sheet: typed}), vault.ErrInvalid)
	}
	_, err := page.Complete(t.Context(), recovery.Completion{Sheet: sheet.Code, Password: "short"})
	require.ErrorIs(t, err, vault.ErrInvalid)
	for _, n := range []recovery.NewRequest{
		{Vault: s.id(), Path: s.path(t, vault.PathSheetRelay)},
		{Vault: s.id(), Path: s.path(t, vault.PathSheetRelay), Recognised: "line\nbreak"},
		{Vault: s.id(), Path: s.path(t, vault.PathSheetRelay), Recognised: long},
		{Vault: s.id(), Path: s.path(t, vault.PathSheetRelay), Recognised: "x", Ask: make([]consent.RelayID, 9)},
	} {
		_, err := s.Recovery.Open(t.Context(), s.Post(t, s.Samir), n)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
	_, err = s.Recovery.Find(t.Context(), s.Post(t, s.Lina), "0000 0000 0000")
	require.Error(t, err)
	require.NoError(t, s.complete(t, page, recovery.Completion{Sheet: sheet.Code}))
}
