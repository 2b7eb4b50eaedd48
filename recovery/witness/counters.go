package witness

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Tries is the state of a counter.
type Tries = struct {
	Total  uint64        // all tries ever counted
	Failed uint64        // of them, since the last reset
	Wait   time.Duration // more than 0: this try was refused and not counted; come back after it
	Spent  bool          // refused and not counted, and so is every other until a reset; only where tries are evaluated
}

// How tries are slowed down. A wait begins at the latest counted try and
// doubles with each, up to the longest, for ever: a limit that ended in a lock
// would let any stranger lock the person out (F11).
const (
	freeTries   = 5
	firstWait   = 30 * time.Second
	longestWait = 15 * time.Minute
)

// waitAfter is how long the next try has to wait after failed ones.
func waitAfter(failed uint64) time.Duration {
	if failed < freeTries {
		return 0
	}
	doublings := failed - freeTries
	if doublings >= 5 { // 30 s * 2^5 is more than 15 min; do not shift out
		return longestWait
	}
	return firstWait << doublings
}

func (c *counterRecord) failed() uint64 { return c.Total - c.Reset }

// wait is what is left of the wait at now, which is not before the latest try.
func (c *counterRecord) wait(now time.Time) time.Duration {
	return max(0, waitAfter(c.failed())-now.Sub(time.UnixMilli(c.Last)))
}

func (c *counterRecord) tries() Tries { return Tries{Total: c.Total, Failed: c.failed()} }

// Count counts a try at the secret behind counter, or refuses it. When it
// returns without an error and with Wait 0, the try is counted and durable, and
// the caller may evaluate it; in every other case it must not (F9: tries at the
// same instant are all counted before any is evaluated).
//
// After a reset five tries are free; then each must wait 30 s after the one
// before, doubling to at most 15 min. A refused try is not counted and does not
// prolong the wait. A counter that was not used for 30 days is forgotten.
//
// The vault need not be registered: an unknown login is counted under an id made
// from it, with the same work as a known one (E8).
//
// Errors: ErrUnavailable (it may have been counted), ErrDamaged, ErrClosed.
func (w *Witness) Count(ctx context.Context, vault [16]byte, counter [32]byte) (Tries, error) {
	if w.pending.isClosed() {
		return Tries{}, ErrClosed
	}
	tries, err := w.counted(ctx, vault, counter, 0)
	return tries, closedSet("count", err)
}

// counted is one try at a counter, counted and durable, or refused. generation is that
// of the key with which it is evaluated, which tries have an end; 0: it is not.
func (w *Witness) counted(ctx context.Context, vault [16]byte, counter [32]byte, generation uint64) (tries Tries, err error) {
	leave, err := w.queue.enter(ctx, countKey(vault, counter))
	if err != nil {
		return Tries{}, err
	}
	defer leave()
	err = w.store.Transact(ctx, func(tx *storage.Tx) (err error) {
		if generation != 0 { // F3, F4: what has a rule is evaluated by that rule
			if is, err := ruled(tx, vault, counter); err != nil || is {
				return cmp.Or(err, ErrRuled)
			}
			if err := w.loss.refuses(counter, generation); err != nil {
				return err
			}
		}
		tries, err = w.count(tx, vault, counter, generation)
		return err
	})
	if err != nil {
		return Tries{}, err
	}
	return tries, nil
}

func (w *Witness) count(tx *storage.Tx, vault [16]byte, counter [32]byte, generation uint64) (Tries, error) {
	c, found, err := w.loadCounter(tx, vault, counter)
	if err != nil {
		return Tries{}, err
	}
	if generation != 0 {
		if err := w.mayEvaluate(tx, vault, generation); err != nil {
			return Tries{}, err
		}
		if !found && w.loss.covers(generation) {
			c.Total += mostFailed - triesAfterLoss // how many it had is lost
		}
		if c.failed() >= mostFailed {
			tries := c.tries()
			tries.Spent = true
			return tries, nil
		}
		c.Evaluated = true
	}
	now := w.clock.notBefore(time.UnixMilli(c.Last))
	if wait := c.wait(now); wait > 0 {
		tries := c.tries()
		tries.Wait = wait
		return tries, nil
	}
	c.Total++
	c.Last = now.UnixMilli()
	if !found {
		tx.Put(dueKey(vault, counter, c.Last), nil)
	}
	// The time goes with the try that it dates, so that after a crash time does
	// not begin before it. It is written without being read: tries at different
	// counters must not conflict. Between processes whose clocks differ the last
	// one wins, and notBefore sees to the rest.
	if err := put(tx, clockKey, clockRecord{Highest: c.Last}); err != nil {
		return Tries{}, err
	}
	return c.tries(), putCounter(tx, countKey(vault, counter), *c)
}

// mayEvaluate refuses what is not to be evaluated for this vault at all.
func (w *Witness) mayEvaluate(tx *storage.Tx, vault [16]byte, generation uint64) error {
	s, err := loadState(tx.Get, vault)
	switch {
	case err != nil:
		return err
	case s.Erased != 0: // what is left of it in old copies is not worth one guess
		return ErrErased
	case w.loss.covers(generation) && !s.registered(): // its rules are not known again yet
		return ErrUnregistered
	}
	return nil
}

// loadCounter reads a counter. A new one begins where those of the vault that
// were dropped ended, see sweep.go, and after those that were lost, see loss.go.
func (w *Witness) loadCounter(tx *storage.Tx, vault [16]byte, counter [32]byte) (c *counterRecord, found bool, err error) {
	c = new(counterRecord)
	found, err = get(tx.Get, countKey(vault, counter), c)
	if err != nil || found {
		if c.Reset > c.Total {
			err = fmt.Errorf("%w: %q", ErrDamaged, countKey(vault, counter))
		}
		return c, found, err
	}
	s, err := loadState(tx.Get, vault)
	if err != nil {
		return nil, false, err
	}
	floor := max(s.Floor, uint64(w.loss.Began))
	c.Total, c.Reset = floor, floor
	return c, false, nil
}

// Reset sets the tries of a counter right on a statement that the vault's key
// signed: whoever opened the vault can make it, and nobody else (N6). The
// statement names the counter and how many tries had been counted; those that
// came after it remain failed. An older statement than the latest one changes
// nothing. As it shows that the person is in, it cancels requests to help them in. The reset is durable when Reset returns.
//
// Errors: ErrStatement, ErrUnregistered, ErrErased, ErrUnavailable, ErrDamaged,
// ErrClosed. Nothing was changed then, but for ErrUnavailable: repeat it.
func (w *Witness) Reset(ctx context.Context, vault [16]byte, counter [32]byte, statement []byte) error {
	if w.pending.isClosed() {
		return ErrClosed
	}
	leave, err := w.queue.enter(ctx, countKey(vault, counter))
	if err != nil {
		return closedSet("reset", err)
	}
	defer leave()
	return closedSet("reset", w.store.Transact(ctx, func(tx *storage.Tx) error {
		return w.reset(tx, vault, counter, statement)
	}))
}

func (w *Witness) reset(tx *storage.Tx, vault [16]byte, counter [32]byte, statement []byte) error {
	s, err := loadState(tx.Get, vault)
	switch {
	case err != nil:
		return err
	case !s.registered():
		return ErrUnregistered
	case s.Erased != 0:
		return ErrErased
	}
	about, count, err := seal.OpenReset(s.Key, vault, statement)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if about != counter {
		return fmt.Errorf("%w: it is about counter %s", ErrStatement, hex.EncodeToString(about[:]))
	}
	c, _, err := w.loadCounter(tx, vault, counter)
	if err != nil {
		return err
	}
	if count > c.Total {
		// A statement over tries to come would be a stock of free tries.
		return fmt.Errorf("%w: %d tries were counted, not %d", ErrStatement, c.Total, count)
	}
	if count <= c.Reset {
		return nil
	}
	c.Reset = count
	if err := w.signedIn(tx, vault); err != nil {
		return err
	}
	return putCounter(tx, countKey(vault, counter), *c)
}

// signedIn cancels what others have opened for this person: they are in by themselves.
// What still waits for Private after a recovery goes on (N14): the secrets of now are
// those that this request has set. A word of the person, of a relay or of a desk ends it.
func (w *Witness) signedIn(tx *storage.Tx, vault [16]byte) error {
	_, policy, err := loadPolicy(tx, vault)
	if err != nil {
		return err
	}
	return cancelAll(tx, vault, w.clock.read(), func(q *requestRecord) bool {
		completed := q.Served && (policy == nil || policy.Number > q.Policy)
		return !completed
	})
}
