package witness

import (
	"bytes"
	"context"
	"encoding/hex"
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

// requestRecord is a request as it is stored. All it needs of the policy is in it.
type requestRecord struct {
	Path      [16]byte         `cbor:"1,keyasint"`
	Policy    uint64           `cbor:"2,keyasint"`
	Key       []byte           `cbor:"3,keyasint"` // digest of the request's public key
	Opened    int64            `cbor:"4,keyasint"` // Unix milliseconds of the witness's time
	Until     int64            `cbor:"5,keyasint"`
	Rule      seal.PolicyRule  `cbor:"6,keyasint"`
	Agreed    []approverRecord `cbor:"7,keyasint"`
	Cancelled int64            `cbor:"8,keyasint,omitempty"`
	Served    bool             `cbor:"9,keyasint,omitempty"`
}

// approverRecord is somebody who agreed; who opened a request did.
type approverRecord struct {
	Worker       [16]byte `cbor:"1,keyasint"`
	Space        [16]byte `cbor:"2,keyasint"`
	Organisation [16]byte `cbor:"3,keyasint"`
	Key          []byte   `cbor:"4,keyasint"`
	Desk         bool     `cbor:"5,keyasint,omitempty"`
}

func requestPrefix(vault [16]byte) string { return requestTable + hexID(vault) + "/" }

func requestKey(vault, request [16]byte) string { return requestPrefix(vault) + hexID(request) }

func hexID(id [16]byte) string { return hex.EncodeToString(id[:]) }

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

func openRequest(tx *storage.Tx, vault, request [16]byte, now time.Time) (*requestRecord, error) {
	q := new(requestRecord)
	found, err := get(tx.Get, requestKey(vault, request), q)
	if err != nil {
		return nil, err
	}
	if !found || !q.open(now) {
		return nil, ErrRequest
	}
	return q, nil
}

func (q *requestRecord) open(now time.Time) bool {
	return q.Cancelled == 0 && now.UnixMilli() < q.Until
}

func (q *requestRecord) isAbout(a *seal.Approval) bool {
	return q.Path == a.Path && q.Policy == a.Policy && bytes.Equal(q.Key, a.Key)
}

// has says whether this person has agreed already.
func (q *requestRecord) has(by *seal.Approver) bool {
	return slices.ContainsFunc(q.Agreed, func(a approverRecord) bool {
		return a.Worker == by.Worker && a.Space == by.Space && bytes.Equal(a.Key, by.Key)
	})
}

// agree adds somebody, who must belong to a party of the rule, and be nobody who has
// agreed already: by their account, or by their key (F6).
func (q *requestRecord) agree(by *seal.Approver) error {
	i := slices.IndexFunc(q.Rule.Parties, func(p seal.PolicyParty) bool { return p.Space == by.Space })
	if i < 0 {
		return fmt.Errorf("%w: by nobody who helps in this path", ErrApproval)
	}
	party := q.Rule.Parties[i]
	if !by.Head.Trusts(party.Key) || party.Organisation != [16]byte{} && party.Organisation != by.Organisation {
		return fmt.Errorf("%w: by nobody who helps in this path", ErrApproval)
	}
	for _, a := range q.Agreed {
		switch {
		case a.Worker == by.Worker, bytes.Equal(a.Key, by.Key):
			return fmt.Errorf("%w: they have agreed already", ErrApproval)
		case a.Desk != party.Desk && a.Organisation == by.Organisation:
			return fmt.Errorf("%w: relay and desk are one organisation", ErrApproval) // F13
		}
	}
	q.Agreed = append(q.Agreed, approverRecord{Worker: by.Worker, Space: by.Space, Organisation: by.Organisation, Key: by.Key, Desk: party.Desk})
	return nil
}

func (q *requestRecord) agreed() (relay, desk int) {
	for _, a := range q.Agreed {
		if a.Desk {
			desk++
		} else {
			relay++
		}
	}
	return relay, desk
}

func (q *requestRecord) longest() (wait time.Duration) {
	for _, c := range q.Rule.Counters {
		wait = max(wait, time.Duration(c.Wait)*time.Millisecond)
	}
	return wait
}

// left is what is left to wait for a counter.
func (q *requestRecord) left(counter int, now time.Time) time.Duration {
	ready := time.UnixMilli(q.Opened).Add(time.Duration(q.Rule.Counters[counter].Wait) * time.Millisecond)
	return max(0, ready.Sub(now))
}

func (q *requestRecord) public(id [16]byte, now time.Time) Request {
	out := Request{ID: id, Path: q.Path, Policy: q.Policy, Opened: time.UnixMilli(q.Opened).UTC(), Until: time.UnixMilli(q.Until).UTC(), Needed: int(q.Rule.Approvals), Cancelled: q.Cancelled != 0, Served: q.Served}
	out.Relay, out.Desk = q.agreed()
	for i := range q.Rule.Counters {
		out.Ready = append(out.Ready, q.left(i, now))
	}
	return out
}

// roomForRequest counts those that are open. One by which the person came back in, after
// which the policy is a later one, stands in nobody's way: at most Private still waits in it.
func roomForRequest(tx *storage.Tx, vault [16]byte, policy uint64, now time.Time) error {
	all, err := tx.Scan(requestPrefix(vault), "", storage.MaxScan)
	if err != nil {
		return err
	}
	open := 0
	for _, rec := range all {
		q := new(requestRecord)
		if err := decode(rec, q); err != nil {
			return err
		}
		if completed := q.Served && policy > q.Policy; q.open(now) && !completed {
			open++
		}
	}
	if open >= maxRequests {
		return fmt.Errorf("%w: there are %d open ones already", ErrRequest, open)
	}
	return nil
}

// cancelAll ends the open requests of a vault that which picks.
func cancelAll(tx *storage.Tx, vault [16]byte, now time.Time, which func(*requestRecord) bool) error {
	all, err := tx.Scan(requestPrefix(vault), "", storage.MaxScan)
	if err != nil {
		return err
	}
	for _, rec := range all {
		q := new(requestRecord)
		if err := decode(rec, q); err != nil {
			return err
		}
		if !q.open(now) || !which(q) {
			continue
		}
		id, err := parseID(rec.Key[len(requestPrefix(vault)):])
		if err != nil {
			return err
		}
		q.Cancelled = now.UnixMilli()
		if err := putRequest(tx, vault, id, q, now); err != nil {
			return err
		}
	}
	return nil
}

// putRequest writes a request, and with it the time that dates it: after a crash time
// does not begin before it.
func putRequest(tx *storage.Tx, vault, request [16]byte, q *requestRecord, now time.Time) error {
	b, err := encode(q)
	if err != nil {
		return err
	}
	tx.Put(requestKey(vault, request), b)
	return put(tx, clockKey, clockRecord{Highest: now.UnixMilli()})
}

func parseID(text string) (id [16]byte, err error) {
	if hex.DecodedLen(len(text)) != len(id) {
		return id, fmt.Errorf("%w: a key of a request", ErrDamaged)
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return id, fmt.Errorf("%w: a key of a request", ErrDamaged)
	}
	return id, nil
}
