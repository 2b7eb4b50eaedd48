package witness

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"reconnect.example/storage"
)

// forgetAfter is how long a counter is kept after its latest try. Counters of
// unknown logins come from strangers and would otherwise grow without end.
const forgetAfter = 30 * 24 * time.Hour

// Sweep drops the counters that nobody has used for 30 days, but for those of
// [Witness.Evaluate] with failed tries, and returns how many there were. Its work is proportional to what has come due; call it every hour
// or so. One that fails (errors are joined) is met again by the next Sweep.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Sweep(ctx context.Context) (dropped int, err error) {
	if w.pending.isClosed() {
		return 0, ErrClosed
	}
	now := w.clock.read()
	var failures []error
	for due, err := range w.store.DueBefore(ctx, now) {
		if err != nil {
			failures = append(failures, closedSet("sweep", damagedKey(err)))
			continue
		}
		if request, ours := strings.CutPrefix(due.What, dueRequest); ours {
			if err := w.sweepRequest(ctx, due, request); err != nil {
				failures = append(failures, closedSet("sweep", err))
			}
			continue
		}
		what, ours := strings.CutPrefix(due.What, dueCount)
		if !ours {
			continue // a later version of the witness put it there
		}
		vault, counter, err := parseIDs(due.Owner, what)
		if err != nil {
			failures = append(failures, closedSet("sweep", err))
			continue
		}
		gone, err := w.sweepCounter(ctx, due, vault, counter, now)
		if err != nil {
			failures = append(failures, closedSet("sweep", err))
		}
		if gone {
			dropped++
		}
	}
	return dropped, errors.Join(failures...)
}

// sweepRequest drops a request that expired long ago.
func (w *Witness) sweepRequest(ctx context.Context, due storage.Due, request string) error {
	return w.store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(due.Key())
		tx.Delete(requestTable + due.Owner + "/" + request)
		return nil
	})
}

// sweepCounter ends the due entry of one counter: the counter goes or, if it was
// used since, gets a new entry. Count does not move the entry with every try;
// that would be two more writes each.
func (w *Witness) sweepCounter(ctx context.Context, due storage.Due, vault [16]byte, counter [32]byte, now time.Time) (gone bool, err error) {
	err = w.store.Transact(ctx, func(tx *storage.Tx) error {
		gone = false
		tx.Delete(due.Key())
		c := new(counterRecord)
		found, err := get(tx.Get, countKey(vault, counter), c)
		if err != nil || !found {
			return err // it went with its vault
		}
		if last := time.UnixMilli(c.Last); last.Add(forgetAfter).After(now) {
			tx.Put(dueKey(vault, counter, c.Last), nil)
			return nil
		}
		if stays, err := mustStay(tx, vault, c); err != nil || stays {
			tx.Put(dueKey(vault, counter, now.UnixMilli()), nil)
			return err
		}
		gone = true
		tx.Delete(countKey(vault, counter))
		return raiseFloor(tx, vault, c.Total)
	})
	return gone && err == nil, err
}

// mustStay says whether a counter is kept although nobody uses it: forgotten, it
// would give whoever found a card its twenty guesses at the PIN back. Of a vault
// that the witness does not know, nothing can be guessed.
func mustStay(tx *storage.Tx, vault [16]byte, c *counterRecord) (bool, error) {
	if !c.Evaluated || c.failed() == 0 {
		return false, nil
	}
	s, err := loadState(tx.Get, vault)
	return err == nil && s.registered(), err
}

// raiseFloor makes later counters of a vault begin where this one ended. If they
// began at nothing, whoever kept the reset statements of old (the service sees
// them all) could set right one try after the other with them, and the limit
// would be gone (N6). An unregistered vault has no statements.
func raiseFloor(tx *storage.Tx, vault [16]byte, total uint64) error {
	s, err := loadState(tx.Get, vault)
	if err != nil || !s.registered() || s.Floor >= total {
		return err
	}
	s.Floor = total
	return put(tx, vaultKey(vault), s.record())
}

func parseIDs(owner, what string) (vault [16]byte, counter [32]byte, err error) {
	if hex.DecodedLen(len(owner)) != len(vault) || hex.DecodedLen(len(what)) != len(counter) {
		return vault, counter, fmt.Errorf("%w: due entry of %q", ErrDamaged, owner)
	}
	if _, err := hex.Decode(vault[:], []byte(owner)); err != nil {
		return vault, counter, fmt.Errorf("%w: due entry of %q", ErrDamaged, owner)
	}
	if _, err := hex.Decode(counter[:], []byte(what)); err != nil {
		return vault, counter, fmt.Errorf("%w: due entry of %q", ErrDamaged, owner)
	}
	return vault, counter, nil
}

// damagedKey tells an entry that cannot be read from a store that does not answer.
func damagedKey(err error) error {
	if errors.Is(err, storage.ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
