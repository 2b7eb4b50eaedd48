package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How often and how long a transaction is tried. With these pauses one that
// always loses gives up after one second or, where a single attempt takes long,
// after at most ten.
const (
	maxAttempts  = 20
	maxResends   = 8
	firstPause   = time.Millisecond
	maxDoublings = 6
	longestPause = 500 * time.Millisecond
)

// Transact runs fn and then writes everything it put and deleted in one commit:
// all of it, durable when Transact returns nil, or nothing.
//
// fn sees one state of the store. The versions of all records it read, and the
// absence of those it did not find, are checked at the commit; if one moved, fn
// is run again from the beginning on the new state, with pauses, at most twenty
// times, and then the error is ErrConflict. So fn may run several times and must
// do nothing that is not undone by forgetting its [Tx].
//
//   - An error of fn is returned as it is, and nothing is written. It is first
//     made sure that fn saw one state: an error that came from reading in the
//     middle of another commit is not returned, fn runs again.
//   - A read that failed makes the transaction fail, also when fn ignores it.
//   - A transaction that reads more than [MaxChecks] records, or writes more than
//     [MaxWrites], is ErrTooLarge.
//   - When the answer to the commit is lost, the same commit is sent again. Only
//     when it cannot be found out whether it happened, Transact answers
//     ErrUnknown: see [Tx.PutUnique] for how to make that rare. If it was ctx
//     that ended, the error is both ErrUnknown and that of ctx.
//   - If ctx ends before the commit begins, the error is that of ctx alone and
//     nothing was written. The same holds for every error but ErrUnknown.
func (s *Store) Transact(ctx context.Context, fn func(tx *Tx) error) error {
	var took time.Duration
	for attempt := range maxAttempts {
		if attempt > 0 {
			if err := pause(ctx, attempt, took); err != nil {
				return fmt.Errorf("transact: waiting after a conflict: %w", err)
			}
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("transact: %w", err)
		}
		begun := time.Now()
		tx := &Tx{ctx: ctx, driver: s.driver, reads: map[string]Record{}, writes: map[string]bufferedWrite{}}
		result, err := tx.run(fn)
		if result == settled {
			return err
		}
		took = time.Since(begun)
	}
	return fmt.Errorf("transact: others were faster %d times: %w", maxAttempts, ErrConflict)
}

// outcome says what follows from one attempt.
type outcome int

const (
	settled  outcome = iota // the error, or nil, is the answer
	runAgain                // nothing was written and what was read has moved
)

// run is one attempt: fn on a new state of the store, then the commit.
func (tx *Tx) run(fn func(tx *Tx) error) (outcome, error) {
	err := fn(tx)
	switch {
	case tx.torn:
		return runAgain, nil // whatever fn made of two states at once
	case err != nil:
		return tx.confirm(err)
	case tx.failed != nil:
		return settled, tx.failed
	case len(tx.writes) == 0:
		return tx.confirm(nil)
	}
	return tx.commit()
}

// confirm returns the result of an fn that writes nothing if all that it read
// was the state of one instant.
func (tx *Tx) confirm(result error) (outcome, error) {
	// One read is of one instant. An error is confirmed all the same: fn may have
	// followed what it read into the store, past the transaction.
	if tx.snapshots == 0 || tx.snapshots == 1 && result == nil {
		return settled, result
	}
	checks := tx.checks()
	for resend := 0; ; resend++ {
		err := tx.driver.Commit(tx.ctx, checks, nil)
		switch {
		case err == nil:
			return settled, result
		case errors.Is(err, ErrConflict):
			return runAgain, nil
		case errors.Is(err, ErrUnknown) && tx.ctx.Err() == nil && resend < maxResends:
			if err := pause(tx.ctx, resend, 0); err != nil {
				return settled, fmt.Errorf("transact: confirming what was read: %w", err)
			}
		case result != nil:
			// An unconfirmed error of fn could be one that no state of the store
			// justifies ("quota exceeded"): it must not pass for one.
			return settled, fmt.Errorf("transact: confirming what was read: %w (for: %v)", closedSet(err), result)
		default:
			return settled, fmt.Errorf("transact: confirming what was read: %w", closedSet(err))
		}
	}
}

// pause waits a random time, so that those who collided do not collide again.
// The times grow with the number of tries, from that of one try: as many as
// compete must find a moment each.
func pause(ctx context.Context, try int, took time.Duration) error {
	longest := min(max(firstPause, took)<<min(try, maxDoublings), longestPause)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
