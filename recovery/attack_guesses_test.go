package recovery_test

import (
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// every is how many places of a record are altered: few by default.
func every(few int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return few * 10
	}
	return few
}

// A wrong code, a number of nobody and a request that the store altered are one answer,
// after the same work.
func handOversThatFail(t *testing.T, s *hostile) {
	s.withHelpers(t)
	h := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Wait(vault.PathHelpers, true)
	request, _, desk := s.records(h)
	pointer, stored := s.pointer(t), s.stored(t, h)
	right := h.HandOverCode()
	nobody := right
	nobody.Number = "0000 0000"
	withoutDesk := func(c recovery.HandOverCode) recovery.HandOverCode { c.Desk = ""; return c }
	damaged := stored
	damaged.Private = append([]byte{}, stored.Private...)
	damaged.Private[len(damaged.Private)/2] ^= 1
	altered, err := seal.Marshal(damaged)
	require.NoError(t, err)

	tried := func(c recovery.HandOverCode) map[string]int {
		t.Helper()
		s.Clock.Advance(16 * time.Minute) // beyond any wait for tries
		return s.calls.during(func() {
			page, err := s.Recovery.Enter(t.Context(), c)
			require.ErrorIs(t, err, recovery.ErrCode)
			require.EqualError(t, err, recovery.ErrCode.Error())
			require.Nil(t, page)
		})
	}
	first := tried(wrongCode(h))
	require.Equal(t, map[string]int{"get": 3, "witness evaluate": 4, "witness served a code": 4}, first)
	require.Equal(t, first, tried(nobody), "a number of nobody, the first time")
	expected := tried(wrongCode(h))
	require.Equal(t, map[string]int{"get": 3, "witness evaluate": 2, "witness served a code": 2}, expected)
	require.Equal(t, expected, tried(nobody), "a number of nobody")
	alone := tried(withoutDesk(wrongCode(h)))
	require.Equal(t, alone, tried(withoutDesk(nobody)), "a number of nobody, without the desk's part")
	s.host.Record(pointer).Flip(300)
	require.Equal(t, first, tried(right), "an altered number is a number of nobody, tried for the first time")
	s.host.Record(pointer).Drop()
	require.Equal(t, expected, tried(right), "and a dropped one the same, tried again")
	s.host.Honest()
	for name, lie := range map[string]func(){
		"altered request": func() { s.host.Record(request).Forge(altered) },
		"cut request":     func() { s.host.Record(request).Cut(40) },
		"dropped request": func() { s.host.Record(request).Drop() },
		"no request":      func() { s.host.Record(request).Forge([]byte{0xa0}) },
	} {
		lie()
		require.Equal(t, expected, tried(right), name)
		s.host.Honest()
	}
	s.host.Record(desk).Drop()
	require.Equal(t, expected, tried(wrongCode(h)), "nothing of the desk")
	s.host.Honest()
	s.Clock.Advance(16 * time.Minute)
	s.comesBack(t, h, recovery.Completion{})
}

// A wrong sheet, an altered keyslot and a path that is gone are one answer, after the same
// work.
func completionsThatFail(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	path := s.path(t, vault.PathSheetRelay)
	_, slotID := s.slotOf(t, path)
	slot, wrapping, head := s.id().String()+"/s/"+slotID.String(), s.id().String()+"/k/w", s.id().String()+"/h/o"
	then := s.host.Now()
	h := s.Begin(t, vault.PathSheetRelay)
	page := s.Enter(t, h)
	s.Clock.Advance(time.Minute)
	tried := func(sheet string) map[string]int {
		t.Helper()
		s.Clock.Advance(31 * time.Second) // nothing that was asked is fresh
		return s.calls.during(func() {
			err := s.complete(t, page, recovery.Completion{Sheet: sheet})
			require.ErrorIs(t, err, vault.ErrSignIn)
			require.Equal(t, "sign-in", vault.Code(err))
		})
	}
	expected := tried(otherSheet(t))
	for next := tried(otherSheet(t)); !maps.Equal(expected, next); next = tried(otherSheet(t)) {
		expected = next
	}
	same := func(sheet, name string) { // a head that is reported in the background meanwhile is not of it
		t.Helper()
		got := tried(sheet)
		for n := 0; n < 100 && !maps.Equal(got, expected); n++ {
			got = tried(sheet)
		}
		require.Equal(t, expected, got, name)
	}
	require.Equal(t, 1, expected["decrypt"])
	require.Zero(t, expected["commit"])
	for name, lie := range map[string]func(){
		"altered keyslot":      func() { s.host.Record(slot).Flip(900) },
		"cut keyslot":          func() { s.host.Record(slot).Cut(30) },
		"dropped keyslot":      func() { s.host.Record(slot).Drop() },
		"altered wrapping key": func() { s.host.Record(wrapping).Flip(200) },
		"altered head":         func() { s.host.Record(head).Flip(1000) },
		"head of before":       func() { s.host.Record(head).Replay(then - 200) },
		"dropped head":         func() { s.host.Record(head).Drop() },
	} {
		lie()
		same(sheet.Code, name)
		s.host.Honest()
	}
	require.NoError(t, s.Recovery.Withdraw(t.Context(), s.Amina.Vault, []vault.PathKind{vault.PathSheetRelay}, s.Secret()))
	same(sheet.Code, "a path that was withdrawn")
}

// atOnce runs f so many times at once, in turns by each of the two.
func atOnce(n int, f func(second bool)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i%2 == 1)
		})
	}
	close(start)
	all.Wait()
}

// Many guess a code at once, at two processes: what the witness evaluates, it has counted.
func codesAtOnce(t *testing.T, s *hostile) {
	s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	other := s.another(t, recoverytest.Options{})
	wrong, mu, guessed := wrongCode(h), sync.Mutex{}, 0
	served := func() int { return s.calls.of["witness served a code"] + other.calls.of["witness served a code"] }
	before := served()
	atOnce(30, func(second bool) {
		at := s
		if second {
			at = other
		}
		_, err := at.Recovery.Enter(t.Context(), wrong)
		if !isOneOf(err, recovery.ErrCode, vault.ErrBackOff) {
			t.Errorf("another answer: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if isOneOf(err, recovery.ErrCode) {
			guessed++
		}
	})
	require.LessOrEqual(t, guessed, 5, "what was evaluated, was counted before")
	require.LessOrEqual(t, served()-before, 5)
	for range 25 {
		s.Clock.Advance(16 * time.Minute)
		_, err := s.Recovery.Enter(t.Context(), wrong)
		require.True(t, isOneOf(err, recovery.ErrCode, recovery.ErrSpent), "%v", err)
		if isOneOf(err, recovery.ErrCode) {
			guessed++
		}
	}
	require.LessOrEqual(t, guessed, 20, "in all")
	_, err := s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrSpent, "it takes a new request")
}

// The same with answers, by who has got hold of a page.
func answersAtOnce(t *testing.T, s *hostile) {
	s.withAnswers(t)
	other := s.another(t, recoverytest.Options{}) // she signs in there, which would end a request
	h := s.Begin(t, vault.PathAnswersRelay)
	token := s.Enter(t, h).Token()
	served := func() int { return s.calls.of["witness served answers"] + other.calls.of["witness served answers"] }
	atOnce(30, func(second bool) {
		at := s
		if second {
			at = other
		}
		page, err := at.Recovery.Resume(t.Context(), token)
		if err == nil {
			_, err = page.Complete(t.Context(), recovery.Completion{Answers: wrongAnswers, Password: recoverytest.NewPassword})
		}
		if !isOneOf(err, vault.ErrSignIn, vault.ErrBackOff, vault.ErrBusy) {
			t.Errorf("another answer: %v", err)
		}
	})
	require.Positive(t, served())
	require.LessOrEqual(t, served(), 5, "what was evaluated, was counted before")
	for range 25 {
		s.Clock.Advance(16 * time.Minute)
		page, err := s.Recovery.Resume(t.Context(), s.page(t, h, &token))
		require.NoError(t, err)
		err = s.complete(t, page, recovery.Completion{Answers: wrongAnswers})
		require.True(t, isOneOf(err, vault.ErrSignIn, recovery.ErrSpent), "%v", err)
	}
	require.LessOrEqual(t, served(), 20, "in all")

	// The path waits until she has signed in another way: then it is hers again.
	s.Clock.Advance(16 * time.Minute)
	page, err := s.Recovery.Resume(t.Context(), s.page(t, h, &token))
	require.NoError(t, err)
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Answers: asTypedYearsLater}), recovery.ErrSpent)
}

// page opens the page anew when its hour is over.
func (s *hostile) page(t testing.TB, h recoverytest.Help, token *string) string {
	t.Helper()
	if _, err := s.Recovery.Resume(t.Context(), *token); err != nil {
		*token = s.Enter(t, h).Token()
	}
	return *token
}

// A stranger tries numbers, codes and answers, so that Amina cannot get in. They make her
// wait, for a quarter of an hour at most; and at her relay another request is open at once.
func strangerWhoGuessesCodes(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	for n := range 10 { // numbers of nobody, and what is none: they touch nothing of hers
		_, err := s.Recovery.Enter(t.Context(), recovery.HandOverCode{Number: "0000 000" + string(rune('0'+n)), Code: h.Code})
		require.ErrorIs(t, err, recovery.ErrCode)
		_, err = s.Recovery.Enter(t.Context(), recovery.HandOverCode{Number: h.Number, Code: "none"})
		require.ErrorIs(t, err, recovery.ErrCode)
	}
	page := s.Enter(t, h)
	for range 40 {
		_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
		var wait *vault.BackOffError
		if !isOneOf(err, recovery.ErrCode, recovery.ErrSpent) {
			require.ErrorAs(t, err, &wait)
			require.LessOrEqual(t, wait.Wait, 15*time.Minute, "a wait, and never a lock")
			s.Clock.Advance(wait.Wait)
		}
	}
	_, err := s.Recovery.Enter(t.Context(), wrongCode(h))
	require.ErrorIs(t, err, recovery.ErrSpent)
	_, err = s.Recovery.Resume(t.Context(), page.Token())
	require.True(t, err == nil || isOneOf(err, recovery.ErrCode), "who is at the page goes on, within its hour: %v", err)

	next := s.Begin(t, vault.PathSheetRelay)
	s.comesBack(t, next, recovery.Completion{Sheet: sheet.Code})
}

// Who helps knows number, code, halves and all keys of their side, and goes on alone.
func helperWhoGoesOn(t *testing.T, s *hostile) {
	s.withSheet(t)
	s.withHelpers(t)
	relay, desk, none := s.path(t, vault.PathSheetRelay), s.path(t, vault.PathSheetDesk), s.path(t, vault.PathHelpers)
	h := s.Begin(t, vault.PathSheetRelay)
	page := s.Enter(t, h) // with what they told her, or wrote on the slip
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{}), vault.ErrInvalid)
	require.ErrorIs(t, s.complete(t, page, recovery.Completion{Sheet: otherSheet(t)}), vault.ErrSignIn)
	require.ErrorIs(t, s.recover(t, vault.PathProof{Path: relay, Relay: s.half(t, s.Samir, s.id(), relay)}), vault.ErrSignIn)
	require.ErrorIs(t, s.recover(t, vault.PathProof{Path: desk, Desk: s.half(t, s.Lina, s.id(), desk)}), vault.ErrSignIn)

	// Where nothing is hers, the relay does not get the desk's half with the code that it
	// gave her, nor does the desk with its own.
	both := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Wait(vault.PathHelpers, true)
	var not *recovery.NotReadyError
	code := both.HandOverCode()
	code.Desk = ""
	_, err := s.Recovery.Enter(t.Context(), code)
	require.ErrorAs(t, err, &not)
	require.Equal(t, []recovery.Missing{recovery.MissingDeskCode}, not.Missing)
	code.Desk = both.Code
	_, err = s.Recovery.Enter(t.Context(), code)
	require.True(t, isOneOf(err, recovery.ErrCode, recovery.ErrNotReady), "%v", err)
	code = both.HandOverCode()
	code.Code = both.Desk
	_, err = s.Recovery.Enter(t.Context(), code)
	require.ErrorIs(t, err, recovery.ErrCode)
	require.ErrorIs(t, s.recover(t, vault.PathProof{Path: none, Relay: s.half(t, s.Samir, s.id(), none), Desk: s.half(t, s.Lina, s.id(), none)}), vault.ErrSignIn,
		"both halves, without what the witness releases")
	_, byRelay, byDesk := s.records(both)
	require.Nil(t, s.given(t, byRelay).Salt)
	require.NotNil(t, s.given(t, byDesk).Salt, "the desk's half lies under its own code")
}

// When she is back, all that helpers have had opens nothing: neither the store of today nor
// a copy of before.
func helperAfterwards(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	relay, desk := s.path(t, vault.PathSheetRelay), s.path(t, vault.PathSheetDesk)
	proofs := []vault.PathProof{
		{Path: relay, Relay: s.half(t, s.Samir, s.id(), relay)},
		{Path: desk, Desk: s.half(t, s.Lina, s.id(), desk)},
		{Path: relay, Relay: s.half(t, s.Samir, s.id(), relay), Own: make([]byte, 32)},
	}
	own := s.ownOfSheet(t, relay, sheet)
	h := s.Begin(t, vault.PathSheetRelay)
	then := s.host.Now()
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
	before := s.fork(t, &then)
	for _, p := range proofs {
		require.ErrorIs(t, s.recover(t, p), vault.ErrSignIn, "today")
		require.ErrorIs(t, before.recover(t, p), vault.ErrSignIn, "with a copy of before")
	}
	_, err := before.Unlock(t.Context(), s.Amina.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn, "what she chose then is not in it")

	// Their post shows what she shares, as before, and nothing more.
	v, err := s.Post(t, s.Samir).Open(t.Context(), s.id(), consent.Purpose{Code: consent.PurposeHousing})
	require.NoError(t, err)
	defer v.Close()
	require.Equal(t, []string{"Letter"}, titles(t, v))
	for _, who := range []*consent.Post{s.Post(t, s.Lina), s.Post(t, s.Omar)} {
		_, err := who.Open(t.Context(), s.id(), consent.Purpose{Code: consent.PurposeHousing})
		require.Error(t, err, "the desk has never seen anything")
	}

	// The attempt means something: on that copy, the sheet does open.
	again := s.fork(t, &then)
	require.NoError(t, again.recover(t, vault.PathProof{Path: relay, Own: own, Relay: proofs[0].Relay}))
}

// Relay and desk are of one organisation: what takes nothing of the person's does not
// exist, and the rest takes their part.
func oneOrganisation(t *testing.T, s *hostile) {
	ours := s.Stage.Stage.Desk(t, "Our line", s.Organisation)
	boris := s.Person(t)
	secret := vault.Secret{Password: boris.Password}
	_, err := s.Follow(t.Context(), boris.Vault, consent.Follow{Relay: s.Harbour.ID, Scope: vault.ScopeAdd, Notice: recoverytest.Notice(), Agreed: true, Name: "Boris"}, secret)
	require.NoError(t, err)
	asked := recovery.Enrolment{Desk: ours.ID, Notice: recoverytest.Notice(), Agreed: true, Helpers: &recovery.NewHelpers{}}
	_, err = s.Recovery.Enrol(t.Context(), boris.Vault, asked, secret)
	require.ErrorIs(t, err, vault.ErrOneOrganisation)

	// Who goes around the service's question meets the vault's.
	_, err = s.AllowDesk(t.Context(), boris.Vault, consent.DeskHelp{Desk: ours.ID, Notice: recoverytest.Notice(), Agreed: true}, secret)
	require.NoError(t, err)
	n := vault.NewPath{Kind: vault.PathHelpers, ID: vault.NewPathID(), Values: [2][]byte{make([]byte, 32)}, Waits: [2]time.Duration{time.Hour}}
	require.ErrorIs(t, boris.Vault.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, secret), vault.ErrOneOrganisation)
	r, err := s.Recovery.Review(t.Context(), boris.Vault)
	require.NoError(t, err)
	require.NotContains(t, r.Offered, vault.PathHelpers)
	require.Empty(t, r.Paths)

	asked.Helpers, asked.Sheet = nil, &recovery.NewSheet{}
	made, err := s.Recovery.Enrol(t.Context(), boris.Vault, asked, secret)
	require.NoError(t, err)
	for _, p := range made.Paths {
		require.True(t, p.Kind.Own(), "%v takes a part of the person's", p.Kind)
	}
}
