package recovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// Halves of another vault, another path, the other side, the other class and of before are
// put together in every way: only the right ones open, and nothing opens wrongly.
func halvesOfOthers(t *testing.T, s *hostile) {
	sheet := *s.Enrol(t, recovery.Enrolment{
		Sheet: &recovery.NewSheet{Private: true}, Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true},
	}).Sheet
	boris, theirs := s.boris(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}})
	relay, desk, answers := s.path(t, vault.PathSheetRelay), s.path(t, vault.PathSheetDesk), s.path(t, vault.PathAnswersRelay)
	right := vault.PathProof{Path: relay, Own: s.ownOfSheet(t, relay, sheet), Relay: s.half(t, s.Samir, s.id(), relay)}
	of := func(change func(p *vault.PathProof)) vault.PathProof {
		p := right
		change(&p)
		return p
	}
	var ofBoris vault.PathID
	for _, p := range theirs.Paths {
		if p.Kind == vault.PathSheetRelay {
			ofBoris = p.ID
		}
	}
	for name, p := range map[string]vault.PathProof{
		"the half for another vault":   of(func(p *vault.PathProof) { p.Relay = s.half(t, s.Samir, boris.Vault.ID(), ofBoris) }),
		"the path of another vault":    of(func(p *vault.PathProof) { p.Path = ofBoris }),
		"the sheet of another vault":   of(func(p *vault.PathProof) { p.Own = s.ownOfSheet(t, relay, *theirs.Sheet) }),
		"the half of another path":     of(func(p *vault.PathProof) { p.Relay = s.half(t, s.Samir, s.id(), answers) }),
		"the half of the desk":         of(func(p *vault.PathProof) { p.Relay = s.half(t, s.Lina, s.id(), desk) }),
		"the sheet as the desk has it": of(func(p *vault.PathProof) { p.Own = s.ownOfSheet(t, desk, sheet) }),
		"another path":                 of(func(p *vault.PathProof) { p.Path = desk }),
		"classes exchanged":            of(func(p *vault.PathProof) { p.Relay.Shared, p.Relay.Private = p.Relay.Private, p.Relay.Shared }),
		"one class for both":           of(func(p *vault.PathProof) { p.Relay.Private = p.Relay.Shared }),
		"the half on the other side":   of(func(p *vault.PathProof) { p.Relay, p.Desk = vault.Half{}, p.Relay }),
		"no half":                      of(func(p *vault.PathProof) { p.Relay = vault.Half{} }),
		"no sheet":                     of(func(p *vault.PathProof) { p.Own = nil }),
		"the half for the sheet":       of(func(p *vault.PathProof) { p.Own = p.Relay.Shared }),
		"the halves cut":               of(func(p *vault.PathProof) { p.Relay.Shared = p.Relay.Shared[:31] }),
	} {
		require.ErrorIs(t, s.recover(t, p), vault.ErrSignIn, name)
	}
	require.NoError(t, s.recover(t, right), "and what was tried before tells nothing: the right ones open")
}

// The store puts what was given to one request into another, and what one side gave into
// the place of the other.
func halvesInOtherRequests(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	s.withAnswers(t)
	one, two := s.Begin(t, vault.PathSheetRelay), s.Begin(t, vault.PathAnswersRelay)
	call := s.Begin(t, vault.PathSheetDesk)
	_, of1, _ := s.records(one)
	_, of2, _ := s.records(two)
	_, _, byDesk := s.records(call)
	for _, other := range []string{of2, byDesk} {
		s.host.Record(of1).Swap(s.host.Record(other))
		require.Equal(t, []recovery.Missing{recovery.MissingRelay}, s.missing(t, one), "it is given again, and never taken for one")
		s.host.Honest()
	}
	s.comesBack(t, one, recovery.Completion{Sheet: sheet.Code})
}

// A relay goes while a request waits: what the desk gave was for a keyslot of before, and
// the store, or the desk, keeps it there.
func halvesOfBefore(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	desk := s.path(t, vault.PathSheetDesk)
	before := s.half(t, s.Lina, s.id(), desk)
	h := s.Begin(t, vault.PathSheetDesk)
	_, _, given := s.records(h)
	then := s.host.Now()
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Followed, ptr(s.Secret())))
	require.Equal(t, []recovery.Missing{recovery.MissingDesk}, s.missing(t, h))
	_, err := s.Recovery.Contribute(t.Context(), s.Post(t, s.Lina), s.id(), h.Request.ID)
	require.NoError(t, err)
	s.host.Record(given).Replay(then)
	require.Equal(t, []recovery.Missing{recovery.MissingDesk}, s.missing(t, h), "the store shows the one of before")
	require.ErrorIs(t, s.recover(t, vault.PathProof{Path: desk, Own: s.ownOfSheet(t, desk, sheet), Desk: before}), vault.ErrSignIn)
	s.host.Honest()
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
}

// The store puts a key of its own into a request, so that the desk's half would be sealed
// to it (O2). Nothing is.
func requestWithAnotherKey(t *testing.T, s *hostile) {
	s.withHelpers(t)
	h := s.Begin(t, vault.PathHelpers)
	own, err := seal.NewBoxKey()
	require.NoError(t, err)
	r := s.stored(t, h)
	r.Public = own.Public().Bytes()
	forged, err := seal.Marshal(r)
	require.NoError(t, err)
	request, _, given := s.records(h)
	s.host.Record(request).Forge(forged)
	began := s.host.Now()
	_, err = s.Recovery.Contribute(t.Context(), s.Post(t, s.Lina), s.id(), h.Request.ID)
	require.ErrorIs(t, err, vault.ErrTampered)
	for _, w := range s.host.Written(began) {
		require.NotEqual(t, given, w.Key, "no half was given to that key")
	}
	queue, err := s.Recovery.Queue(t.Context(), s.Post(t, s.Lina))
	require.NoError(t, err)
	require.Len(t, queue, 1)
	require.ErrorIs(t, queue[0].Error, vault.ErrTampered, "who answers the phone is told")
	s.host.Honest()
	h = s.Agreed(t, h)
	s.Wait(vault.PathHelpers, true)
	s.comesBack(t, h, recovery.Completion{})
}

// A way back in that nobody wanted does not exist, whatever the store writes: no keyslot
// holds Private where it was not allowed, a keyslot that no head names is none, and a
// policy of another hand is not taken.
func pathNobodyWanted(t *testing.T, s *hostile) {
	s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}})
	relay := s.path(t, vault.PathSheetRelay)
	slot, _ := s.slotOf(t, relay)
	of := []seal.Compartment{}
	for _, r := range slot.Roots {
		of = append(of, seal.Compartment(r.Compartment))
	}
	require.ElementsMatch(t, []seal.Compartment{seal.Owner, seal.Shared}, of, "nothing to enable")

	_, err := s.Recovery.Open(t.Context(), s.Post(t, s.Samir), recovery.NewRequest{Vault: s.id(), Path: vault.NewPathID(), Recognised: "not at all"})
	require.ErrorIs(t, err, recovery.ErrRequest)

	// The policy of who would like to open at once, signed by themselves.
	s.withHelpers(t)
	before := s.host.Record(s.id().String() + "/policy").Bytes()
	said, err := s.Witness.Inbox(t.Context())
	require.NoError(t, err)
	inbox, err := seal.OpenPolicyInbox(nil, said)
	require.NoError(t, err)
	path := s.path(t, vault.PathHelpers)
	forged, err := seal.NewSigningKey().SignPolicy(s.id(), &seal.Policy{Number: 9, Rules: []seal.PolicyRule{{
		Path: path, Counters: []seal.PolicyCounter{{Counter: s.Vaults.PathCounter(s.id(), path, 0)}},
	}}})
	require.NoError(t, err)
	record, err := inbox.SealPolicy(s.id(), forged)
	require.NoError(t, err)
	head := s.host.Record(s.id().String() + "/h/o").Bytes()
	s.host.Record(s.id().String() + "/policy").Forge(record)
	require.Error(t, s.Witness.Keep(t.Context(), s.id(), head, []vault.Kept{{Key: "policy", Value: record}}), "the witness knows another one")
	h := s.Begin(t, vault.PathHelpers)
	w, err := s.Witness.Requests(t.Context(), s.id())
	require.NoError(t, err)
	require.Equal(t, s.Recovery.Waits().Helpers, w[0].Ready[0])
	require.Equal(t, 2, w[0].Needed)
	require.Contains(t, s.missing(t, h), recovery.MissingWait)
	s.host.Honest()
	require.Equal(t, before, s.host.Record(s.id().String()+"/policy").Bytes())
}

// Everything that opened the way, or the vault, is used again when it is done: with the
// store of today, and with records of before put back into it.
func usedTwice(t *testing.T, s *hostile) {
	replaced := s.withSheet(t)
	former := s.path(t, vault.PathSheetRelay)
	once := vault.PathProof{Path: former, Own: s.ownOfSheet(t, former, replaced), Relay: s.half(t, s.Samir, s.id(), former)}
	sheet := s.withSheet(t)
	require.ErrorIs(t, s.recover(t, once), vault.ErrSignIn, "the sheet whose place another has taken")
	s.withAnswers(t)
	relay := s.path(t, vault.PathSheetRelay)
	half := s.half(t, s.Samir, s.id(), relay)
	proof := vault.PathProof{Path: relay, Own: s.ownOfSheet(t, relay, sheet), Relay: half}
	forgotten := s.Amina.Secret()
	h, other := s.Begin(t, vault.PathSheetRelay), s.Begin(t, vault.PathAnswersRelay)
	page, second := s.Enter(t, h), s.Enter(t, other)
	then := s.host.Now()
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})

	dead := func(when string) {
		t.Helper()
		for name, c := range map[string]recoverytest.Help{"its own": h, "another's": other} {
			_, err := s.enter(t, c)
			require.True(t, isOneOf(err, recovery.ErrCode, recovery.ErrRequest), "%s: %s number and code: %v", when, name, err)
		}
		for name, p := range map[string]*recovery.HandOver{"its own": page, "another's": second} {
			_, err := s.Recovery.Resume(t.Context(), p.Token())
			require.True(t, isOneOf(err, recovery.ErrCode, recovery.ErrRequest), "%s: %s token: %v", when, name, err)
		}
		err := s.complete(t, page, recovery.Completion{Sheet: sheet.Code})
		require.True(t, isOneOf(err, recovery.ErrRequest, vault.ErrSignIn), "%s: the page: %v", when, err)
		err = s.complete(t, second, recovery.Completion{Answers: asTypedYearsLater})
		require.True(t, isOneOf(err, recovery.ErrRequest, vault.ErrSignIn), "%s: the other page: %v", when, err)
		require.ErrorIs(t, s.recover(t, proof), vault.ErrSignIn, "%s: sheet and half", when)
		_, err = s.Unlock(t.Context(), forgotten)
		require.ErrorIs(t, err, vault.ErrSignIn, when)
	}
	dead("afterwards")
	for _, prefix := range []string{"/rq/", "/s/", "/k/", "/h/", "/o/"} {
		s.host.Replay(s.id().String()+prefix, then)
	}
	s.host.Replay("svc/handover/", then)
	dead("with everything put back")
	s.host.Honest()
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage.Stage)))
	ways, err := s.Recovery.Ways(t.Context(), s.Post(t, s.Samir), s.id())
	require.NoError(t, err)
	require.Empty(t, ways, "sheets and answers are to be made anew")
}

// A bit of what a relay or the desk gave is turned: it is missing, and given again.
func flippedHalves(t *testing.T, s *hostile) {
	sheet := s.withSheet(t)
	for kind, side := range map[vault.PathKind]recovery.Missing{vault.PathSheetRelay: recovery.MissingRelay, vault.PathSheetDesk: recovery.MissingDesk} {
		h := s.Begin(t, kind)
		page := s.Enter(t, h)
		_, record, byDesk := s.records(h)
		if kind == vault.PathSheetDesk {
			record = byDesk
		}
		size := len(s.host.Record(record).Bytes())
		for at := 0; at < size; at += 1 + size/every(60) {
			s.host.Record(record).Flip(at*8 + at%8)
			_, err := s.Recovery.Resume(t.Context(), page.Token())
			var not *recovery.NotReadyError
			require.ErrorAs(t, err, &not, "byte %d of %d", at, size)
			require.Equal(t, []recovery.Missing{side}, not.Missing)
			s.host.Honest()
		}
	}
	h := s.Begin(t, vault.PathSheetRelay)
	_, record, _ := s.records(h)
	s.host.Record(record).Flip(700)
	require.Equal(t, []recovery.Missing{recovery.MissingRelay}, s.missing(t, h))
	_, err := s.Recovery.Contribute(t.Context(), s.Post(t, s.Samir), s.id(), h.Request.ID)
	require.NoError(t, err)
	s.comesBack(t, h, recovery.Completion{Sheet: sheet.Code})
}

// storedGiven is what a helper gave as docs/format.md has it.
type storedGiven struct {
	Box        []byte `cbor:"1,keyasint"`
	Salt       []byte `cbor:"2,keyasint,omitempty"`
	Generation uint64 `cbor:"3,keyasint,omitempty"`
}

func (s *hostile) given(t testing.TB, key string) (g storedGiven) {
	t.Helper()
	rec, err := s.Store.Get(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, seal.Unmarshal(rec.Value, &g))
	return g
}

// fork is a service over a copy of the store, as it was then, with the key service: what
// somebody has who took a backup, and who answers for the witness themselves.
func (s *hostile) fork(t testing.TB, then *storagetest.Moment) *hostile {
	t.Helper()
	if then != nil {
		s.host.Replay("", *then)
	}
	copied, err := s.host.Fork(t.Context())
	require.NoError(t, err)
	s.host.Honest()
	opts := recoverytest.Options{}
	other := &hostile{host: copied, calls: newTally(), letter: s.letter, diary: s.diary}
	other.calls.watch(&opts)
	opts.Consent.Vault.Driver = func(storage.Driver) storage.Driver { return copied }
	opts.Consent.Vault.Blobs = func(storage.Blobs) storage.Blobs { return copied.Blobs() }
	opts.Consent.Vault.Checkpoints = func(w vault.Checkpoints) vault.Checkpoints { return forgetful{w} }
	stage := *s.Stage
	stage.Stage = s.Stage.Stage.Another(t, &opts.Consent)
	other.Stage = &stage
	return other
}
