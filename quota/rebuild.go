package quota

import (
	"errors"
	"math"

	"reconnect.example/storage"
)

// Rebuild writes the ledger of an owner anew, where it was lost or damaged: used
// is what the caller counted over everything the owner keeps, in the same
// transaction or while nothing is written; the rest is counted here, from the
// reservations and from the increases that were approved. Whatever was in the
// ledger is not looked at.
//
// It reads all reservations, those being swept too: more than the transaction
// can check (about 190) are [storage.ErrTooLarge], sweep first. A reservation or
// history that is itself damaged is ErrLedger.
func (q *Quota) Rebuild(tx *storage.Tx, owner string, used int64) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	if used < 0 {
		return invalid("%d bytes used", used)
	}
	// Everyone who reserves or settles writes the ledger. Having read it, however
	// damaged, makes sure that none of them comes between count and commit.
	if _, err := tx.Get(ledgerKey(owner)); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	l := ledger{Used: used}
	if err := l.countReservations(tx, owner); err != nil {
		return err
	}
	all, err := q.Increases(tx, owner)
	if err != nil {
		return err
	}
	for _, inc := range all {
		l.Asked = max(l.Asked, inc.Number)
		if inc.State == Approved {
			l.Granted = max(l.Granted, inc.Limit)
		}
	}
	return l.put(tx, owner)
}

func (l *ledger) countReservations(tx *storage.Tx, owner string) error {
	prefix := ReservationPrefix(owner)
	for after, more := "", true; more; {
		page, err := tx.Scan(prefix, after, mostReservations)
		if err != nil {
			return err
		}
		for _, record := range page {
			r, err := decodeReservation(record.Key, record.Value)
			if err != nil {
				return err
			}
			after = record.Key
			if r.Sweeping {
				continue // its bytes were freed when the sweep began
			}
			if l.Reserved > math.MaxInt64-r.Bytes {
				return damaged(record.Key, "more is reserved than there is")
			}
			l.Reserved += r.Bytes
			l.Live++
		}
		more = len(page) == mostReservations
	}
	return nil
}
