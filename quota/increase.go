package quota

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"reconnect.example/storage"
)

// Bounds of the texts of a request, in bytes, and of how many decided requests
// of one owner are kept.
const (
	MaxReason    = 4096
	MaxWhy       = 1000
	MaxBy        = 200
	MaxIncreases = 64
)

// ByPolicy stands in [Increase.By] where no person decided.
const ByPolicy = "policy"

// State of a request for more.
type State uint8

// The states of a request.
const (
	Waiting  State = 1 // for an operator
	Approved State = 2
	Refused  State = 3
)

// String returns the state in a word.
func (s State) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Approved:
		return "approved"
	case Refused:
		return "refused"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Increase is one request for more, and how it was decided.
type Increase struct {
	Owner  string
	Number uint64    // of this owner's requests, from 1
	Asked  time.Time // in UTC, to the millisecond
	Reason []byte    // opaque: sealed by the caller to whoever decides
	Limit  int64     // what the owner may keep once it is approved; 0 if the policy refused

	State   State
	Decided time.Time // zero while it waits
	By      string    // who decided, or ByPolicy
	Why     string    // in the words of who decided; in clear
}

// Decision is what an operator answers.
type Decision struct {
	// Number of the request that was read, so that a click on an old page cannot
	// decide a request that came after it.
	Number  uint64
	Approve bool
	By      string // who; 1 to MaxBy bytes, not ByPolicy
	Why     string // at most MaxWhy bytes; kept in clear, so nothing about the person
}

// RequestIncrease asks for more. The policy approves, refuses, or leaves it to an
// operator; the answer is in [Increase.State]. reason is opaque and at most
// MaxReason bytes.
//
// ErrPending if one is waiting already: one at a time.
func (q *Quota) RequestIncrease(tx *storage.Tx, owner string, reason []byte) (Increase, error) {
	if len(reason) > MaxReason {
		return Increase{}, invalid("the reason has %d bytes, more than %d", len(reason), MaxReason)
	}
	l, err := q.load(tx, owner)
	if err != nil {
		return Increase{}, err
	}
	waiting, err := pendingOf(tx, owner)
	if err != nil {
		return Increase{}, err
	}
	if waiting != nil {
		return Increase{}, fmt.Errorf("%w: number %d of %q", ErrPending, waiting.Number, owner)
	}
	inc := Increase{
		Owner: owner, Number: l.Asked + 1, Asked: q.now().UTC().Truncate(time.Millisecond), Reason: reason, State: Waiting,
	}
	verdict, err := q.consider(inc, q.usage(l))
	if err != nil {
		return Increase{}, err
	}
	inc.Limit = verdict.Limit
	l.Asked = inc.Number
	if verdict.State == Waiting {
		inc.Why = verdict.Why
		if err := put(tx, pendingKey(owner), inc.stored()); err != nil {
			return Increase{}, err
		}
		return inc, l.put(tx, owner)
	}
	return q.decided(tx, l, inc, Decision{Approve: verdict.State == Approved, By: ByPolicy, Why: verdict.Why})
}

// consider asks the policy, and does not believe everything.
func (q *Quota) consider(inc Increase, u Usage) (Verdict, error) {
	v, err := q.policy.Consider(inc, u)
	if err != nil {
		return Verdict{}, fmt.Errorf("quota: policy: %w", err)
	}
	if err := checkWords("policy's why", v.Why, 0, MaxWhy); err != nil {
		return Verdict{}, err
	}
	switch {
	case v.State == Refused:
		v.Limit = 0
	case v.State != Waiting && v.State != Approved:
		return Verdict{}, invalid("the policy answers %v", v.State)
	case v.Limit <= u.Limit:
		return Verdict{}, invalid("the policy offers %d bytes to who has %d", v.Limit, u.Limit)
	}
	return v, nil
}

// Decide answers the request that waits, and raises the limit if it is approved.
// Who and why are kept. The same decision a second time is no error and returns
// what stands; ErrDecided if another one stands, with that one; ErrNoIncrease if
// there is no such request.
func (q *Quota) Decide(tx *storage.Tx, owner string, d Decision) (Increase, error) {
	if err := d.check(); err != nil {
		return Increase{}, err
	}
	l, err := q.load(tx, owner)
	if err != nil {
		return Increase{}, err
	}
	waiting, err := pendingOf(tx, owner)
	if err != nil {
		return Increase{}, err
	}
	if waiting != nil && waiting.Number == d.Number {
		tx.Delete(pendingKey(owner))
		return q.decided(tx, l, *waiting, d)
	}
	past, err := historyOf(tx, owner)
	if err != nil {
		return Increase{}, err
	}
	for _, inc := range past {
		switch {
		case inc.Number != d.Number:
		case inc.State == d.state() && inc.By == d.By && inc.Why == d.Why:
			return inc, nil
		default:
			return inc, fmt.Errorf("%w: number %d of %q, %v by %s", ErrDecided, d.Number, owner, inc.State, inc.By)
		}
	}
	return Increase{}, fmt.Errorf("%w: number %d of %q", ErrNoIncrease, d.Number, owner)
}

// decided writes the ledger and the history of a decision.
func (q *Quota) decided(tx *storage.Tx, l ledger, inc Increase, d Decision) (Increase, error) {
	inc.State, inc.By, inc.Why = d.state(), d.By, d.Why
	inc.Decided = q.now().UTC().Truncate(time.Millisecond)
	if d.Approve {
		l.Granted = inc.Limit // more than before: one request waits at a time
	}
	if err := l.put(tx, inc.Owner); err != nil {
		return Increase{}, err
	}
	past, err := historyOf(tx, inc.Owner)
	if err != nil {
		return Increase{}, err
	}
	return inc, putHistory(tx, inc.Owner, append(past, inc))
}

func (d Decision) state() State {
	if d.Approve {
		return Approved
	}
	return Refused
}

func (d Decision) check() error {
	if d.By == ByPolicy {
		return invalid("%q is not a person who decides", d.By)
	}
	return errors.Join(checkWords("By", d.By, 1, MaxBy), checkWords("Why", d.Why, 0, MaxWhy))
}

func checkWords(what, s string, least, most int) error {
	if len(s) < least || len(s) > most || !utf8.ValidString(s) {
		return invalid("%s has %d bytes, want %d to %d of UTF-8", what, len(s), least, most)
	}
	return nil
}

// Increases returns what the owner asked for, the oldest first, with the one
// that waits at the end. It keeps the last MaxIncreases decided ones; of refusals
// by the policy in a row only the last.
func (q *Quota) Increases(tx *storage.Tx, owner string) ([]Increase, error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	all, err := historyOf(tx, owner)
	if err != nil {
		return nil, err
	}
	waiting, err := pendingOf(tx, owner)
	if err != nil {
		return nil, err
	}
	if waiting != nil {
		all = append(all, *waiting)
	}
	return all, nil
}

// Pending walks over the requests of all owners that wait for an operator, in
// the order of owners, without looking at anything else of theirs. A damaged one
// is ErrLedger and the walk goes on; after any other error it ends.
func (q *Quota) Pending(ctx context.Context, store *storage.Store) iter.Seq2[Increase, error] {
	return func(yield func(Increase, error) bool) {
		for r, err := range store.All(ctx, increasePrefix) {
			if err != nil {
				yield(Increase{}, fmt.Errorf("quota: pending increases: %w", err))
				return
			}
			var s storedIncrease
			if err = decode(r.Key, r.Value, &s); err == nil {
				err = s.check(r.Key, true)
			}
			if err != nil {
				s = storedIncrease{}
			}
			if !yield(s.public(strings.TrimPrefix(r.Key, increasePrefix)), err) {
				return
			}
		}
	}
}
