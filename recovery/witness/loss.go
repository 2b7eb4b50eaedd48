package witness

import (
	"context"
	"fmt"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A witness that has lost its store begins with nothing: no checkpoints, no counters, no
// requests, and no memory of which counters are dead. Vaults tell it their owner heads
// again, and with them their policies. Nothing gives it back the rest. So it keeps one
// record which says that it began after a loss, and to which of its keys that applies
// ([Escrow.PutBack]):
//
//   - Every counter that it does not know begins at a number that no counter had reached
//     before, so that no reset statement from before the loss sets anything right (N6).
//   - At a key from before the loss, a counter that it does not know begins with all but
//     a few of its tries spent: enough for who knows the secret, who then signs the rest
//     good again; and who collected cards gains no fresh twenty guesses (F9).
//   - At such a key it evaluates nothing for a vault that has not told it its owner head:
//     until then it does not know what that vault's rules are (F4).
//   - At such a key the counters of ways back in are evaluated within requests only,
//     whether a rule names them or not. They tell themselves apart (seal.RequestCounter),
//     and who enrols a path uses the latest key. So a path that was withdrawn before the
//     loss stays dead, although nobody remembers that it is (C5).

// lossRecord says that the store began after a loss.
type lossRecord struct {
	Began      int64  `cbor:"1,keyasint"`           // Unix milliseconds; every unknown counter begins at this number
	Generation uint64 `cbor:"2,keyasint,omitempty"` // the latest key from before the loss; 0: none was put back
}

// triesAfterLoss is what is left of the tries at a counter that was forgotten.
const triesAfterLoss = 5

// covers says whether a key is from before the loss. 0 names none.
func (l *lossRecord) covers(generation uint64) bool {
	return generation != 0 && generation <= l.Generation
}

// refuses is the error of a try outside of requests that must not be evaluated because
// of the loss.
func (l *lossRecord) refuses(counter [32]byte, generation uint64) error {
	if l.covers(generation) && seal.IsRequestCounter(counter) {
		return ErrRuled
	}
	return nil
}

// AfterLoss notes in the store of a witness that what the witness knew is lost, and that
// its keys are lost, too: otherwise [Escrow.PutBack] does it. No witness may run over it.
// Durable on return, and may be repeated. now is the machine's clock, which must be right
// here: it is to be later than anything that was counted.
//
// Errors: ErrUnavailable, ErrDamaged.
func AfterLoss(ctx context.Context, store *storage.Store, now time.Time) error {
	return closedSet("after a loss", store.Transact(ctx, func(tx *storage.Tx) error {
		return noteLoss(tx, now.UnixMilli(), 0)
	}))
}

// noteLoss writes or raises the record of a loss.
func noteLoss(tx *storage.Tx, began int64, generation uint64) error {
	known := new(lossRecord)
	if _, err := get(tx.Get, lossKey, known); err != nil {
		return err
	}
	next := lossRecord{Began: max(known.Began, began), Generation: max(known.Generation, generation)}
	if next == *known {
		return nil
	}
	return put(tx, lossKey, next)
}

func readLoss(ctx context.Context, store *storage.Store) (l lossRecord, err error) {
	if _, err = get(reader(ctx, store), lossKey, &l); err == nil && l.Began < 0 {
		err = fmt.Errorf("%w: %q", ErrDamaged, lossKey)
	}
	return l, err
}
