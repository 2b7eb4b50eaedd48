package recovery_test

import (
	"errors"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// enter has somebody type a number and a code, right or not, at some device.
func (w *world) enter() {
	r := w.request()
	if r == nil {
		return
	}
	at := w.rng.IntN(2)
	typed, right, deskRight := r.HandOverCode, true, r.Desk != ""
	how := w.rng.IntN(8)
	if w.aim != nil {
		how = 8
	}
	switch how {
	case 0:
		typed.Code, right = "0000 0000", false
	case 1:
		typed.Desk, deskRight = "", false
	case 2:
		typed.Desk, deskRight = "0000 0000", false
	}
	var page *recovery.HandOver
	tries := func() *bounds {
		if typed.Desk != "" && r.deskTries.most > r.tries.most {
			return &r.deskTries
		}
		return &r.tries
	}
	w.patient(at, tries, func() (err error) {
		page, err = w.on[at].Recovery.Enter(w.t.Context(), typed)
		counted := !isWait(err)
		r.tries.add(counted && (err == nil || errors.Is(err, recovery.ErrNotReady)))
		if typed.Desk != "" {
			r.deskTries.add(counted && (err == nil || errors.Is(err, recovery.ErrNotReady)))
		}
		return err
	}, func(_ bool, err error) {
		if errors.Is(err, recovery.ErrSpent) {
			require.True(w.t, r.tries.most >= mostTries || r.deskTries.most >= mostTries, "spent after %v and %v", r.tries, r.deskTries)
			w.came("enter", err)
			return
		}
		w.entered(at, r, right, deskRight, err)
		if err == nil {
			w.hold(at, r, page)
		}
	})
}

// entered demands of an answer at a page what the model says.
func (w *world) entered(at int, r *modelRequest, right, deskRight bool, err error) {
	w.t.Helper()
	now := w.now(at)
	switch {
	case r.state != recovery.StateOpen:
		w.oneOf("enter", err, recovery.ErrCode)
		return
	case !right:
		w.oneOf("enter", err, recovery.ErrCode)
		return
	case !r.open(now):
		w.oneOf("enter", err, recovery.ErrRequest, recovery.ErrCode) // until the sweep
		return
	case !w.m.alive(r.path), r.gone && r.kind.Witness():
		w.oneOf("enter", err, recovery.ErrRequest)
		return
	}
	missing := w.m.missing(r, deskRight, w.witnessNow())
	if len(missing) == 0 {
		w.oneOf("enter", err, nil)
		return
	}
	w.oneOf("enter", err, recovery.ErrNotReady)
	var says *recovery.NotReadyError
	require.ErrorAs(w.t, err, &says)
	require.ElementsMatch(w.t, missing, says.Missing)
}

func (w *world) hold(at int, r *modelRequest, page *recovery.HandOver) {
	require.Equal(w.t, r.kind, page.Kind)
	later := r.kind == vault.PathHelpers && w.witnessNow().Before(r.ready[1])
	require.Equal(w.t, later, page.Later)
	require.Equal(w.t, !later, page.Private)
	w.pages = append(w.pages, &heldPage{HandOver: page, r: r, slots: w.m.slots, at: at, until: w.now(at).Add(time.Hour)})
}

// resume goes on at a page with its token, maybe on another machine.
func (w *world) resume() {
	if len(w.pages) == 0 {
		return
	}
	old := w.pages[len(w.pages)-1-w.rng.IntN(min(3, len(w.pages)))]
	at, r := w.rng.IntN(2), old.r
	var page *recovery.HandOver
	_, err := w.try(at, func() (err error) {
		page, err = w.on[at].Recovery.Resume(w.t.Context(), old.Token())
		return err
	})
	if !w.now(at).Before(old.until) || r.state != recovery.StateOpen {
		w.oneOf("resume", err, recovery.ErrCode)
		return
	}
	if r.open(w.now(at)) && w.m.alive(r.path) && !(r.gone && r.kind.Witness()) && r.kind == vault.PathHelpers && r.desk == w.m.slots {
		// The page has the desk's half as it was under the code of then.
		if err != nil {
			w.oneOf("resume", err, recovery.ErrNotReady)
			require.NotEqual(w.t, old.slots, w.m.slots)
			return
		}
	} else {
		w.entered(at, r, true, true, err)
	}
	if err == nil {
		w.hold(at, r, page)
		w.pages[len(w.pages)-1].until = old.until
	}
}

// complete has somebody finish, with what is right or not.
func (w *world) complete() {
	if len(w.pages) == 0 {
		return
	}
	page := w.pages[len(w.pages)-1]
	if w.aim == nil {
		page = w.pages[len(w.pages)-1-w.rng.IntN(min(3, len(w.pages)))]
	}
	r, at := page.r, page.at
	c := recovery.Completion{Password: w.password(), Session: &vault.SessionRequest{Device: "test"}}
	right := w.aim != nil || w.rng.IntN(4) > 0
	switch {
	case r.path.sheet != "" && right:
		c.Sheet = r.path.sheet
	case r.kind <= vault.PathSheetDesk:
		c.Sheet = drawnSheet(w.t).Code // well formed, and nobody's
	case r.kind != vault.PathHelpers:
		c.Answers = slices.Clone(asTypedYearsLater)
		if !right {
			c.Answers[1] = "something else"
		}
	default:
		right = true
	}
	w.patient(at, func() *bounds { return &r.path.tries }, func() error {
		done, err := page.Complete(w.t.Context(), c)
		if done.Vault != nil {
			err = nil
		}
		r.path.tries.add(err == nil)
		return err
	}, func(again bool, err error) { w.completed(page, right, c.Password, again, err) })
}

func (w *world) completed(page *heldPage, right bool, password string, again bool, err error) {
	r, at := page.r, page.at
	want := w.mayComplete(page, right)
	switch {
	case errors.Is(err, recovery.ErrSpent):
		require.GreaterOrEqual(w.t, r.path.tries.most, mostTries)
		w.came("complete", err)
		return
	case again && want == nil && err != nil: // the first time it was done, and the answer got lost
		w.oneOf("complete", err, recovery.ErrRequest)
	default:
		w.oneOf("complete "+r.kind.String(), err, want)
	}
	if want != nil {
		return
	}
	old, before := w.m.password, w.m.later
	w.m.recovered(r, password, !page.Later)
	_, err = w.on[at].Unlock(w.t.Context(), vault.Password{Login: w.on[at].Amina.Login, Secret: old})
	require.ErrorIs(w.t, err, vault.ErrSignIn, "the password of before is dead")
	v := w.amina(at)
	if w.m.locked > 1 {
		_, err = w.on[at].Recovery.OpenLocked(w.t.Context(), v, vault.Secret{Password: old}, vault.Secret{Password: password})
		require.NoError(w.t, err)
		w.m.locked--
		if page.Later { // what another one left before it waits on
			w.m.later.open, w.m.later = true, before
		}
	}
}

// mayComplete is what the model says to somebody at a page.
func (w *world) mayComplete(page *heldPage, right bool) error {
	r := page.r
	switch {
	case !r.open(w.now(page.at)):
		return recovery.ErrRequest
	case r.kind.Witness() && !r.atWitness(w.witnessNow()):
		return recovery.ErrRequest
	case !right, !w.m.alive(r.path), page.slots != w.m.slots:
		return vault.ErrSignIn
	}
	return nil
}

// look has somebody list what there is about Amina.
func (w *world) look() {
	at, who := w.somebody()
	s := w.on[at]
	all, err := s.Recovery.Requests(w.t.Context(), w.post(at, who), s.Amina.Vault.ID())
	now, witness := w.now(at), w.witnessNow()
	out := w.out(who)
	if out && !w.m.watched(witness) {
		w.oneOf("look", err, vault.ErrNotFound)
		return
	}
	w.oneOf("look", err, nil)
	shown := map[recovery.RequestID]recovery.State{}
	for _, r := range all {
		shown[r.ID] = r.State
	}
	for _, r := range w.m.requests {
		state, ok := shown[r.id]
		switch {
		case out:
			require.Equal(w.t, r.waits(witness), ok, "whoever is out sees what they can stop, and nothing else")
		case !ok:
			open := w.m.helps(atDesk(who), r.path, r.kind) && r.open(now)
			require.False(w.t, open || r.waits(witness), "an open request is not shown")
		}
		if ok && !r.forgotten(witness) {
			require.Equal(w.t, r.shown(now, witness), state)
		}
	}
}

// requireJournal demands that Amina's journal has a line of everything that was done.
func (w *world) requireJournal() {
	lines := map[recovery.RequestID]map[vault.Act]int{}
	v := w.amina(0)
	for before := uint64(0); ; {
		page, err := v.Journal(w.t.Context(), &vault.JournalOptions{Before: before, Limit: 1000})
		require.NoError(w.t, err)
		for _, e := range page {
			id, err := vault.ParseItemID(e.Detail["request"])
			if err != nil {
				continue
			}
			if lines[id] == nil {
				lines[id] = map[vault.Act]int{}
			}
			lines[id][e.Act]++
		}
		if len(page) < 1000 {
			break
		}
		before = page[len(page)-1].Number
	}
	for _, r := range w.m.requests {
		for _, act := range []vault.Act{recovery.ActRequestOpened, recovery.ActRequestGiven, recovery.ActRequestApproved} {
			b := r.lines[act]
			if b == nil {
				b = &bounds{}
			}
			require.GreaterOrEqual(w.t, lines[r.id][act], b.least, act)
			require.LessOrEqual(w.t, lines[r.id][act], b.most, act)
		}
		done := 0
		if r.state == recovery.StateDone {
			done = 1
		}
		require.Equal(w.t, done, lines[r.id][vault.ActRecovered])
	}
}
