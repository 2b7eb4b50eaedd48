package recovery_test

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// workerLeaves has a manager take somebody out, who is at their post in another process,
// and take somebody else on. What was agreed stays agreed; from now on they do nothing.
func (w *world) workerLeaves() {
	who := w.rng.IntN(4)
	held, name := w.post(1, who), w.staff(1)[who].Name()
	at := w.on[0].Harbour
	if atDesk(who) {
		at = w.on[0].Line
	}
	_, err := w.on[0].Post(w.t, at.Manager).Remove(w.t.Context(), w.staff(0)[who].ID())
	require.NoError(w.t, err)
	w.came("a worker leaves", nil)

	id := w.on[1].Amina.Vault.ID()
	for _, r := range w.m.requests {
		if r.open(w.now(1)) {
			_, err = w.on[1].Recovery.Approve(w.t.Context(), held, id, r.id, "known")
			require.Error(w.t, err)
			_, err = w.on[1].Recovery.Contribute(w.t.Context(), held, id, r.id)
			require.Error(w.t, err)
		}
	}
	_, err = w.on[1].Recovery.Requests(w.t.Context(), held, id)
	require.ErrorIs(w.t, err, vault.ErrEnded)
	_, err = w.on[1].Recovery.Queue(w.t.Context(), held)
	require.ErrorIs(w.t, err, vault.ErrEnded)

	fresh, err := at.NewHire(w.t.Context(), name, consent.RoleHelp)
	require.NoError(w.t, err)
	for process, s := range w.on {
		places := []**consenttest.Staff{&s.Samir, &s.Rosa, &s.Lina, &s.Omar}
		*places[who] = fresh
		if process == 1 {
			*places[who] = fresh.SignIn(w.t, s.Stage)
		}
	}
	w.m.people[who] += 4
	w.m.former[side(atDesk(who))] = true
}

// openLater has Amina open what a recovery left locked until its own wait is over.
func (w *world) openLater() {
	l := w.m.later
	switch {
	case l == nil && w.rng.IntN(4) > 0: // a sign-in ends too much that others have begun
		return
	case l != nil && w.rng.IntN(2) == 0 && w.witnessNow().Before(l.r.ready[1]):
		w.on[0].Clock.Advance(l.r.ready[1].Sub(w.witnessNow()))
	}
	at := w.rng.IntN(2)
	v := w.amina(at)
	again, err := w.try(at, func() error {
		_, err := w.on[at].Recovery.OpenPending(w.t.Context(), v, w.on[at].Secret())
		if errors.Is(err, vault.ErrUnconfirmed) {
			err = nil
		}
		return err
	})
	now := w.witnessNow()
	switch {
	case l == nil:
		w.oneOf("open later", err, vault.ErrNotFound)
	case l.open: // what it waited for may be looked at first
		w.oneOf("open later", err, vault.ErrNotFound, recovery.ErrRequest, recovery.ErrNotReady)
	case l.cancelled, !now.Before(l.r.until):
		w.oneOf("open later", err, recovery.ErrRequest)
	case now.Before(l.r.ready[1]):
		w.oneOf("open later", err, recovery.ErrNotReady)
	case again && err != nil: // the first time it was done, and the answer got lost
		w.oneOf("open later", err, vault.ErrNotFound, vault.ErrSessionEnded)
		fallthrough
	default:
		if err == nil {
			w.oneOf("open later", err, nil)
		}
		l.open = true
		w.m.locked--
	}
	o, err := w.amina(at).Overview(w.t.Context())
	require.NoError(w.t, err)
	require.Equal(w.t, w.m.locked, o.Locked)
}

// requireCounts demands that relay and desk count what they did, and of what they did not,
// nothing.
func (w *world) requireCounts() {
	for _, desk := range []bool{false, true} {
		at := w.on[0].Harbour
		if desk {
			at = w.on[0].Line
		}
		all, err := w.on[0].Recovery.Counts(w.t.Context(), w.on[0].Post(w.t, at.Manager))
		require.NoError(w.t, err)
		shown := map[string]int{}
		small := map[string]int{} // by how much a number that is not shown may be more
		for _, c := range all {
			what := fmt.Sprint(c.Event, " ", uint8(c.Kind))
			n, err := strconv.Atoi(c.Count.String())
			if err != nil {
				n, small[what] = 1, small[what]+8
			}
			shown[what] += n
		}
		for _, event := range []string{"opened", "completed"} {
			for _, kind := range vault.PathKinds() {
				what := fmt.Sprint(event, " ", uint8(kind))
				b := w.m.counted(desk, event, kind)
				require.LessOrEqual(w.t, shown[what], b.most, "%s, desk: %t", what, desk)
				require.GreaterOrEqual(w.t, shown[what]+small[what], b.least, "%s, desk: %t", what, desk)
			}
		}
	}
}
