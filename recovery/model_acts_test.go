package recovery_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// oneOf demands what the model says: nil, or an error.
func (w *world) oneOf(what string, err error, want ...error) {
	w.t.Helper()
	w.came(what, err)
	for _, one := range want {
		if one == nil && err == nil || one != nil && errors.Is(err, one) {
			return
		}
	}
	w.t.Fatalf("%s came to %v, and the model says %v", what, err, want)
}

func (w *world) password() string {
	w.drawn++
	return fmt.Sprintf("veko lanu timo %d", w.drawn)
}

func (w *world) enrol() {
	at := w.rng.IntN(2)
	v := w.amina(at)
	e := recovery.Enrolment{Notice: recoverytest.Notice(), Agreed: true}
	which := w.rng.IntN(8)
	if which == 0 || which > 2 {
		e.Sheet = &recovery.NewSheet{Private: true}
	}
	if which == 1 || which > 2 {
		e.Answers = &recovery.NewAnswers{Questions: herQuestions, Private: true, ByCall: w.m.desk}
	}
	if which == 2 || which > 2 && w.m.desk && w.m.relay {
		e.Helpers = &recovery.NewHelpers{Private: true}
	}
	made, err := w.on[at].Recovery.Enrol(w.t.Context(), v, e, w.on[at].Secret())
	nobody := e.Sheet != nil && !w.m.relay && !w.m.desk || e.Answers != nil && !w.m.relay && !w.m.desk || e.Helpers != nil && !(w.m.relay && w.m.desk)
	if nobody || err != nil {
		w.oneOf("enrol", err, vault.ErrNoHelper, vault.ErrOneOrganisation)
		require.True(w.t, nobody || e.Answers != nil && !w.m.relay, "%v", err)
		return
	}
	w.came("enrol", nil)
	if e.Sheet != nil { // the other way of the sheet of before is dead with it
		delete(w.m.paths, vault.PathSheetRelay)
		delete(w.m.paths, vault.PathSheetDesk)
	}
	if e.Answers != nil {
		delete(w.m.paths, vault.PathAnswersRelay)
		delete(w.m.paths, vault.PathAnswersDesk)
	}
	for _, p := range made.Paths {
		w.m.paths[p.Kind] = &modelPath{id: p.ID}
		if made.Sheet != nil && p.Kind <= vault.PathSheetDesk {
			w.m.paths[p.Kind].sheet = made.Sheet.Code
		}
	}
	w.m.former = [2]bool{} // all halves are given anew
	w.m.personIsIn()
}

func (w *world) withdraw() {
	for kind := range w.m.paths {
		at := w.rng.IntN(2)
		v := w.amina(at)
		require.NoError(w.t, w.on[at].Recovery.Withdraw(w.t.Context(), v, []vault.PathKind{kind}, w.on[at].Secret()))
		delete(w.m.paths, kind)
		return
	}
}

func (w *world) signIn() { w.came("sign in", nil); w.amina(w.rng.IntN(2)) }

func (w *world) timePasses() {
	steps := []time.Duration{time.Minute, 40 * time.Minute, 5 * time.Hour, 25 * time.Hour, 3 * 24 * time.Hour, 7*24*time.Hour + time.Hour, 7*24*time.Hour + time.Hour, 16 * 24 * time.Hour, 31 * 24 * time.Hour}
	w.on[0].Clock.Advance(steps[w.rng.IntN(len(steps))])
}

func (w *world) sweep() {
	_, err := w.on[w.rng.IntN(2)].Sweep(w.t.Context())
	require.NoError(w.t, err)
}

// relayGoesOrComes ends what a relay or the desk was allowed, or allows it again.
func (w *world) relayGoesOrComes() {
	s := w.on[0]
	v := w.amina(0)
	switch desk := w.rng.IntN(2) == 0; {
	case desk && w.m.desk || !desk && w.m.relay:
		all, err := v.Grants(w.t.Context())
		require.NoError(w.t, err)
		for _, g := range all {
			if g.Ended.IsZero() && (g.Scope == vault.ScopeHelp) == desk {
				require.NoError(w.t, v.End(w.t.Context(), g.ID, ptr(s.Secret())))
			}
		}
		w.m.slots++
		w.came(fmt.Sprint("goes, desk: ", desk), nil)
		if desk {
			w.m.desk = false
		} else {
			w.m.relay = false
		}
	case desk:
		_, err := s.AllowDesk(w.t.Context(), v, consent.DeskHelp{Desk: s.Line.ID, Notice: recoverytest.Notice(), Agreed: true}, s.Secret())
		require.NoError(w.t, err)
		w.m.desk, w.m.former[1] = true, false
		w.came("the desk comes", nil)
	default:
		_, err := s.Follow(w.t.Context(), v, consent.Follow{Relay: s.Harbour.ID, Scope: vault.ScopeAdd, Notice: recoverytest.Notice(), Agreed: true, Name: "Amina K."}, s.Secret())
		require.NoError(w.t, err)
		w.m.relay, w.m.former[0] = true, false
		w.came("the relay comes", nil)
	}
	w.m.personIsIn()
}

func (w *world) open() {
	at, who := w.somebody()
	kinds := vault.PathKinds()
	kind := kinds[w.rng.IntN(len(kinds))]
	if w.aim != nil {
		kind = w.aim.kind
	}
	path := w.m.paths[kind]
	if path == nil || kind == vault.PathHelpers && !(w.m.relay && w.m.desk) {
		return
	}
	s, p := w.on[at], w.post(at, who)
	n := recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: path.id, Recognised: "known"}
	if kind == vault.PathHelpers {
		n.Ask = []consent.RelayID{s.Harbour.ID, s.Line.ID}
	}
	var o recovery.Opened
	open := func() (err error) { o, err = s.Recovery.Open(w.t.Context(), p, n); return err }
	again, err := w.try(at, open)
	want := w.mayOpen(at, who, kind)
	if again && errors.Is(err, recovery.ErrOpen) && want == nil {
		w.cancelLost(at, who, p) // the first try opened it, and nobody has its code
		err = open()
	}
	if again && want == nil {
		w.lose(kind, who) // maybe: the first try opened one that this has overtaken
	}
	w.oneOf("open "+kind.String(), err, want)
	if err != nil {
		return
	}
	for _, r := range w.m.requests {
		if (r.path == path || !w.m.alive(r.path)) && r.open(w.now(at)) {
			r.state, r.gone = recovery.StateOver, true
		}
	}
	w.m.begin(o, kind, who, s.Recovery.Waits(), w.witnessNow())
}

// mayOpen is what the model says to a request that somebody wants to open.
func (w *world) mayOpen(at, who int, kind vault.PathKind) error {
	if w.out(who) {
		return vault.ErrNotFound
	}
	if atDesk(who) && !kind.Desk() || !atDesk(who) && !kind.Relay() {
		return recovery.ErrRequest
	}
	if atDesk(who) && kind == vault.PathHelpers {
		return vault.ErrInvalid // it would have all codes
	}
	others := 0
	for _, r := range w.m.requests {
		switch {
		case !r.open(w.now(at)), !w.m.alive(r.path): // which helps nobody
		case r.path != w.m.paths[kind]:
			others++
		case r.ready[1].After(r.ready[0]) || kind == vault.PathAnswersDesk:
			if !r.gone {
				return recovery.ErrOpen
			}
		}
	}
	if others >= 4 {
		return vault.ErrTooMany
	}
	return nil
}

// cancelLost ends what was opened in a call that failed.
func (w *world) cancelLost(at, who int, p *consent.Post) {
	s := w.on[at]
	all, err := s.Recovery.Requests(w.t.Context(), p, s.Amina.Vault.ID())
	require.NoError(w.t, err)
	for _, r := range all {
		if r.State != recovery.StateDone && r.State != recovery.StateOver && w.known(r.ID) == nil {
			require.NoError(w.t, s.Recovery.Cancel(w.t.Context(), p, r.Vault, r.ID, "lost"))
			w.lose(r.Kind, who)
		}
	}
}

// lose notes a request that was counted, maybe, and that nobody knows of.
func (w *world) lose(kind vault.PathKind, who int) {
	n := w.m.lost[kind]
	n[side(atDesk(who))]++
	w.m.lost[kind] = n
}

func (w *world) known(id recovery.RequestID) *modelRequest {
	for _, r := range w.m.requests {
		if r.id == id {
			return r
		}
	}
	return nil
}

// reaches is what the model says to somebody who wants to do something in a request.
func (w *world) reaches(at, who int, r *modelRequest) error {
	switch {
	case w.out(who):
		return vault.ErrNotFound
	case !w.m.helps(atDesk(who), r.path, r.kind), !r.open(w.now(at)):
		return recovery.ErrRequest
	}
	return nil
}

func (w *world) contribute() {
	at, who := w.somebody()
	r := w.request()
	if r == nil {
		return
	}
	s, p := w.on[at], w.post(at, who)
	var given recovery.Given
	tries := func() *bounds { return &r.deskTries }
	coded := r.kind == vault.PathHelpers && atDesk(who)
	w.patient(at, tries, func() (err error) {
		given, err = s.Recovery.Contribute(w.t.Context(), p, s.Amina.Vault.ID(), r.id)
		if coded && w.reaches(at, who, r) == nil && !isWait(err) {
			r.deskTries.add(err == nil)
		}
		if w.reaches(at, who, r) == nil {
			r.line(recovery.ActRequestGiven, err == nil)
		}
		return err
	}, func(_ bool, err error) {
		if want := w.reaches(at, who, r); want != nil {
			w.oneOf("contribute", err, want)
			return
		}
		if errors.Is(err, recovery.ErrSpent) {
			require.GreaterOrEqual(w.t, r.deskTries.most, mostTries)
			return
		}
		if atDesk(who) {
			r.desk = w.m.slots
		} else {
			r.relay = w.m.slots
		}
		if coded {
			r.Desk = given.Code // "" if nobody was told it: see below
		}
		if r.kind == vault.PathHelpers && !r.atWitness(w.witnessNow()) {
			w.oneOf("contribute", err, recovery.ErrRequest)
			return
		}
		w.oneOf("contribute", err, nil)
		r.agreed[w.m.people[who]] = true
	})
}

func isWait(err error) bool {
	return errors.Is(err, vault.ErrBackOff) || errors.Is(err, recovery.ErrSpent)
}

func (w *world) approve() {
	at, who := w.somebody()
	r := w.request()
	if r == nil {
		return
	}
	s, p := w.on[at], w.post(at, who)
	again, err := w.try(at, func() error {
		_, err := s.Recovery.Approve(w.t.Context(), p, s.Amina.Vault.ID(), r.id, "known")
		if r.kind == vault.PathHelpers && w.reaches(at, who, r) == nil {
			r.line(recovery.ActRequestApproved, err == nil)
		}
		return err
	})
	want := w.reaches(at, who, r)
	switch {
	case want != nil && r.kind != vault.PathHelpers && !errors.Is(want, vault.ErrNotFound):
		w.oneOf("approve", err, want, vault.ErrInvalid)
		return
	case want == nil && r.kind != vault.PathHelpers:
		want = vault.ErrInvalid
	case want == nil && !r.atWitness(w.witnessNow()):
		want = recovery.ErrRequest
	case want == nil && r.agreed[w.m.people[who]]:
		want = recovery.ErrAgreed
	}
	if again && want == nil && errors.Is(err, recovery.ErrAgreed) {
		err = nil // the first time counted, and its answer was lost
	}
	w.oneOf("approve", err, want)
	if err == nil {
		r.agreed[w.m.people[who]] = true
	}
}

// out says whether somebody's relay or desk is not let in.
func (w *world) out(who int) bool { return atDesk(who) && !w.m.desk || !atDesk(who) && !w.m.relay }
