package storage

import (
	"bytes"
	"errors"
	"fmt"
)

// commit sends the transaction and, when the answer is lost, sends the same
// again until it is known what happened.
func (tx *Tx) commit() (outcome, error) {
	checks, writes := tx.checks(), tx.driverWrites()
	var lost error // the first lost answer
	for resend := 0; ; resend++ {
		err := tx.driver.Commit(tx.ctx, checks, writes)
		switch {
		case err == nil:
			return settled, nil
		case errors.Is(err, ErrUnknown):
			lost = firstOf(lost, err)
		case lost == nil && errors.Is(err, ErrConflict):
			return runAgain, nil
		case lost == nil:
			return settled, fmt.Errorf("commit: %w", closedSet(err))
		case errors.Is(err, ErrConflict):
			return tx.settle(lost)
		}
		// From here on the commit may have happened, whatever later tries answer.
		if ended := tx.ctx.Err(); ended != nil {
			return settled, fmt.Errorf("commit: %w: %w", ErrUnknown, ended)
		}
		if !tx.safeToResend() {
			return tx.settle(lost)
		}
		if resend == maxResends {
			return settled, fmt.Errorf("commit: no answer to %d tries: %w", resend+1, lost)
		}
		if ended := pause(tx.ctx, resend, 0); ended != nil {
			return settled, fmt.Errorf("commit: %w: %w", ErrUnknown, ended)
		}
	}
}

// safeToResend says whether the commit can happen only once: if it writes a
// record whose version it checks. One that only writes blindly could happen a
// second time, on top of what others have written since.
func (tx *Tx) safeToResend() bool {
	for key := range tx.writes {
		if _, checked := tx.reads[key]; checked {
			return true
		}
	}
	return false
}

// settle finds out by reading whether a commit happened whose answer was lost.
func (tx *Tx) settle(lost error) (outcome, error) {
	for key, w := range tx.writes {
		if !w.unique {
			continue
		}
		r, err := tx.current(key)
		if err != nil {
			return settled, fmt.Errorf("commit: %w; and looking for it: %w", lost, closedSet(err))
		}
		if r.Version != 0 && bytes.Equal(r.Value, w.value) {
			return settled, nil
		}
	}
	untouched, over := false, false
	for key, read := range tx.reads {
		r, err := tx.current(key)
		if err != nil {
			return settled, fmt.Errorf("commit: %w; and looking for it: %w", lost, closedSet(err))
		}
		if _, written := tx.writes[key]; written && r.Version == read.Version {
			untouched = true // it would have moved
		}
		if read.Version != 0 && r.Version != read.Version {
			// This check can never hold again, so that no copy of the commit that
			// is still on its way can happen either. (A record that was absent
			// could become absent again.)
			over = true
		}
	}
	if untouched && over {
		return runAgain, nil
	}
	return settled, fmt.Errorf("commit: the answer was lost and the records moved: %w", lost)
}

// current reads a record as it is now; Version 0 if there is none.
func (tx *Tx) current(key string) (Record, error) {
	r, err := tx.driver.Get(tx.ctx, key)
	if errors.Is(err, ErrNotFound) {
		return Record{Key: key}, nil
	}
	return r, err
}

func firstOf(first, next error) error {
	if first != nil {
		return first
	}
	return next
}
