package recovery_test

import (
	"errors"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

func (w *world) cancel() {
	at, who := w.somebody()
	r := w.request()
	if r == nil {
		return
	}
	p := w.post(at, who)
	w.ends(at, r, w.reachesAny(at, who, r), func() error {
		return w.on[at].Recovery.Cancel(w.t.Context(), p, w.on[at].Amina.Vault.ID(), r.id, "")
	})
}

func (w *world) reachesAny(at, who int, r *modelRequest) error {
	if w.out(who) {
		return vault.ErrNotFound
	}
	return w.endable(at, r)
}

func (w *world) endable(at int, r *modelRequest) error {
	if !r.open(w.now(at)) {
		return recovery.ErrRequest
	}
	return nil
}

func (w *world) cancelOwn() {
	r := w.request()
	if r == nil {
		return
	}
	at := w.rng.IntN(2)
	v := w.amina(at)
	w.ends(at, r, w.endable(at, r), func() error { return w.on[at].Recovery.CancelOwn(w.t.Context(), v, r.id) })
}

func (w *world) ends(at int, r *modelRequest, want error, do func() error) {
	again, err := w.try(at, do)
	out := errors.Is(want, vault.ErrNotFound)
	if r.state == recovery.StateDone {
		w.endsLater(r, out, again, err)
		return
	}
	if out && w.m.watched(w.witnessNow()) {
		w.oneOf("cancel", err, recovery.ErrRequest) // they are told of another, and of no more
		return
	}
	if again && want == nil {
		w.oneOf("cancel", err, nil, recovery.ErrRequest) // it was done already
	} else {
		w.oneOf("cancel", err, want)
	}
	if want == nil {
		r.line(recovery.ActRequestCancelled, true)
		r.state, r.gone = recovery.StateCancelled, true
	} else if errors.Is(want, recovery.ErrRequest) {
		r.gone = true // the witness is told first
	}
}

// endsLater demands of a word against a request that is done what the model says: it stops
// what still waits, also of who is out.
func (w *world) endsLater(r *modelRequest, out, again bool, err error) {
	w.t.Helper()
	witness := w.witnessNow()
	switch {
	case out && r.waits(witness):
		if again { // it was stopped at first, and the answer got lost
			w.oneOf("stop", err, nil, vault.ErrNotFound, recovery.ErrRequest)
		} else {
			w.oneOf("stop", err, nil)
		}
		r.left.cancelled = true
	case out && w.m.watched(witness):
		w.oneOf("stop", err, recovery.ErrRequest)
	case out:
		w.oneOf("stop", err, vault.ErrNotFound)
	case r.waitsFor() && r.forgotten(witness):
		w.oneOf("stop", err, nil, recovery.ErrRequest)
		r.left.cancelled = true
	case r.waitsFor():
		w.oneOf("stop", err, nil)
		r.left.cancelled = true
	default:
		w.oneOf("stop", err, recovery.ErrRequest)
	}
}
