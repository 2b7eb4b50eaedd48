package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Request is what the witness knows of one try to help somebody back in. It is an
// alias of an unnamed type so that who asks need not import this package.
type Request = struct {
	ID        [16]byte
	Path      [16]byte
	Policy    uint64
	Opened    time.Time       // by the witness's time
	Until     time.Time       // when it expires
	Ready     []time.Duration // what is left to wait, for each counter of its path
	Relay     int             // how many people of relays have agreed
	Desk      int             // how many of the desk
	Needed    int             // of each
	Cancelled bool
	Served    bool // something was evaluated in it
}

const (
	maxRequests  = 4                   // open ones of a vault (G10)
	requestGrace = 30 * 24 * time.Hour // how long it may be used after the longest wait is over
	requestKept  = 30 * 24 * time.Hour // how long it is shown after it has expired
	dueRequest   = "request/"          // what its due entry begins with
)

// Begin opens a request, on the word of somebody who belongs to one of the relays or
// desks that the vault's policy names for the path: a [seal.SignedApproval] that opens.
// From that moment, by the witness's own time, the waits of the path run (F4). Who opens
// it has agreed. The same word again changes nothing. Durable on return.
//
// Errors: ErrApproval if it does not verify, or is not by one of them; ErrRequest if the
// policy has no such path (any more), the vault has four open requests already, or one of
// this id is about something else; ErrUnregistered, ErrErased, ErrUnavailable, ErrDamaged,
// ErrClosed.
func (w *Witness) Begin(ctx context.Context, vault [16]byte, approval []byte) (Request, error) {
	if w.pending.isClosed() {
		return Request{}, ErrClosed
	}
	// A wait must not become shorter because another process over this store, whose clock
	// is ahead, answers at its end (F4): it begins at the latest time that any has written.
	highest, err := highestTime(ctx, w.store)
	if err != nil {
		return Request{}, closedSet("begin", err)
	}
	w.clock.notBefore(highest)
	return w.onRequests(ctx, vault, "begin", func(tx *storage.Tx, now time.Time) (q *requestRecord, id [16]byte, err error) {
		a, by, err := w.approval(tx, vault, approval, seal.ApprovalOpens, now)
		if err != nil {
			return nil, id, err
		}
		_, policy, err := loadPolicy(tx, vault)
		if err != nil {
			return nil, id, err
		}
		if policy == nil || policy.Number != a.Policy || ruleOf(policy, a.Path) == nil {
			return nil, id, fmt.Errorf("%w: the policy has no such path", ErrRequest)
		}
		q = new(requestRecord)
		found, err := get(tx.Get, requestKey(vault, a.Request), q)
		if err != nil {
			return nil, id, err
		}
		if found {
			if !q.isAbout(a) || !q.has(by) {
				return nil, id, fmt.Errorf("%w: one of this id is about something else", ErrRequest)
			}
			return q, a.Request, nil
		}
		if err := roomForRequest(tx, vault, policy.Number, now); err != nil {
			return nil, id, err
		}
		q = &requestRecord{Path: a.Path, Policy: a.Policy, Key: a.Key, Opened: now.UnixMilli(), Rule: *ruleOf(policy, a.Path)}
		q.Until = min(a.Until, now.Add(q.longest()+requestGrace).UnixMilli())
		if err := q.agree(by); err != nil {
			return nil, id, err
		}
		tx.Put(storage.DueKey(time.UnixMilli(q.Until).Add(requestKept), hexID(vault), dueRequest+hexID(a.Request)), nil)
		return q, a.Request, putRequest(tx, vault, a.Request, q, now)
	})
}

// Approve adds the word of one more person to a request. One person agrees once, by
// whatever key, and on one side (F6); the same word again changes nothing. Durable on
// return. Errors: ErrApproval, ErrRequest if there is no such request, or it is cancelled
// or over, and those of Begin.
func (w *Witness) Approve(ctx context.Context, vault [16]byte, approval []byte) (Request, error) {
	return w.onRequests(ctx, vault, "approve", func(tx *storage.Tx, now time.Time) (q *requestRecord, id [16]byte, err error) {
		a, by, err := w.approval(tx, vault, approval, seal.ApprovalAgrees, now)
		if err != nil {
			return nil, id, err
		}
		if q, err = openRequest(tx, vault, a.Request, now); err != nil {
			return nil, id, err
		}
		if !q.isAbout(a) {
			return nil, id, fmt.Errorf("%w: it is about something else", ErrApproval) // F7
		}
		if q.has(by) {
			return q, a.Request, nil
		}
		if err := q.agree(by); err != nil {
			return nil, id, err
		}
		return q, a.Request, putRequest(tx, vault, a.Request, q, now)
	})
}

// Cancel ends a request, or all of a vault if the id is zero. It needs nobody's word, as
// it only closes: whoever could say it falsely could as well not answer. Durable on
// return. Errors: ErrRequest if there is no such request, ErrUnavailable, ErrDamaged,
// ErrClosed.
func (w *Witness) Cancel(ctx context.Context, vault, request [16]byte) error {
	if w.pending.isClosed() {
		return ErrClosed
	}
	return closedSet("cancel", w.store.Transact(ctx, func(tx *storage.Tx) error {
		now := w.clock.read()
		if request == [16]byte{} {
			return cancelAll(tx, vault, now, func(*requestRecord) bool { return true })
		}
		q := new(requestRecord)
		found, err := get(tx.Get, requestKey(vault, request), q)
		switch {
		case err != nil:
			return err
		case !found:
			return ErrRequest
		case q.Cancelled != 0:
			return nil
		}
		q.Cancelled = now.UnixMilli()
		return putRequest(tx, vault, request, q, now)
	}))
}

// Requests returns the requests of a vault: those that are open, and for some time
// those that were. Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Requests(ctx context.Context, vault [16]byte) (out []Request, err error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	for rec, err := range w.store.All(ctx, requestPrefix(vault)) {
		if err != nil {
			return nil, closedSet("requests", err)
		}
		q := new(requestRecord)
		id, idErr := parseID(rec.Key[len(requestPrefix(vault)):])
		if err := errors.Join(idErr, decode(rec, q)); err != nil {
			return nil, closedSet("requests", err)
		}
		out = append(out, q.public(id, w.clock.notBefore(time.UnixMilli(q.Opened))))
	}
	return out, nil
}

// EvaluateWithin is [Witness.Evaluate] at a counter that the policy of the vault has a
// rule for: within a request that is open, that enough people of both sides have agreed
// to where the rule says so, and when its wait is over (F4). Wait is then what is left of
// it: nothing was counted.
//
// Errors: ErrRequest if there is no such request, it is cancelled or over, not all have
// agreed, or the policy has changed since; and those of Evaluate.
func (w *Witness) EvaluateWithin(ctx context.Context, vault, request [16]byte, counter, input [32]byte, generation uint64) (Evaluation, error) {
	if w.pending.isClosed() {
		return Evaluation{}, ErrClosed
	}
	key, err := w.evaluationKey(ctx, generation)
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	leave, err := w.queue.enter(ctx, countKey(vault, counter))
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	defer leave()
	var tries Tries
	err = w.store.Transact(ctx, func(tx *storage.Tx) (err error) {
		tries, err = w.countWithin(tx, vault, request, counter, key.generation)
		return err
	})
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	e := Evaluation{Tries: tries}
	if tries.Wait > 0 || tries.Spent {
		return e, nil
	}
	e.Generation, e.Output = key.generation, key.evaluate(vault, counter, input)
	return e, nil
}

// countWithin counts a try in a request: counted and durable before it is evaluated (F9).
func (w *Witness) countWithin(tx *storage.Tx, vault, request [16]byte, counter [32]byte, generation uint64) (Tries, error) {
	now := w.clock.read()
	q, err := openRequest(tx, vault, request, now)
	if err != nil {
		return Tries{}, err
	}
	now = w.clock.notBefore(time.UnixMilli(q.Opened))
	at := slices.IndexFunc(q.Rule.Counters, func(c seal.PolicyCounter) bool { return c.Counter == counter })
	relay, desk := q.agreed()
	if at < 0 || relay < int(q.Rule.Approvals) || desk < int(q.Rule.Approvals) {
		return Tries{}, fmt.Errorf("%w: not all who must have agreed", ErrRequest)
	}
	_, policy, err := loadPolicy(tx, vault)
	if err != nil {
		return Tries{}, err
	}
	// What the first key opened has changed the policy; the other one may still come.
	if later := at > 0 && q.Served; !later && (policy == nil || policy.Number != q.Policy) {
		return Tries{}, fmt.Errorf("%w: the policy has changed", ErrRequest)
	}
	if wait := q.left(at, now); wait > 0 {
		return Tries{Wait: wait}, nil
	}
	tries, err := w.count(tx, vault, counter, generation)
	if err != nil || tries.Wait > 0 || tries.Spent || q.Served {
		return tries, err
	}
	q.Served = true
	return tries, putRequest(tx, vault, request, q, now)
}

// onRequests runs f in one commit with the time of the witness, and returns the request
// as it is then.
func (w *Witness) onRequests(ctx context.Context, vault [16]byte, doing string, f func(tx *storage.Tx, now time.Time) (*requestRecord, [16]byte, error)) (out Request, err error) {
	if w.pending.isClosed() {
		return out, ErrClosed
	}
	err = w.store.Transact(ctx, func(tx *storage.Tx) error {
		s, err := loadState(tx.Get, vault)
		switch {
		case err != nil:
			return err
		case s.Erased != 0:
			return ErrErased
		case !s.registered():
			return ErrUnregistered
		}
		now := w.clock.read()
		q, id, err := f(tx, now)
		if err == nil {
			out = q.public(id, w.clock.notBefore(time.UnixMilli(q.Opened)))
		}
		return err
	})
	return out, closedSet(doing, err)
}

// approval verifies what somebody says, against the head of their relay's space that the
// witness itself has.
func (w *Witness) approval(tx *storage.Tx, vault [16]byte, raw []byte, act uint8, now time.Time) (*seal.Approval, *seal.Approver, error) {
	a, by, err := seal.OpenApproval(vault, raw, now.UnixMilli(), func(space [16]byte) (*seal.OwnerHead, error) { return spaceHead(tx, space) })
	switch {
	case err != nil && (errors.Is(err, ErrDamaged) || errors.Is(err, storage.ErrUnavailable)):
		return nil, nil, err
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrApproval, err)
	case a.Act != act || a.Until <= now.UnixMilli():
		return nil, nil, fmt.Errorf("%w: it says something else, or its time is over", ErrApproval)
	}
	return a, by, nil
}
