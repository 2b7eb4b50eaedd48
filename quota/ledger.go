package quota

import (
	"context"
	"errors"
	"fmt"
	"math"

	"reconnect.example/storage"
)

// ledger is the record of what an owner has. Used is the sum of everything
// settled and charged, Reserved the sum of the reservations that are not being
// swept, Live their number.
type ledger struct {
	Used     int64  `cbor:"1,keyasint"`
	Reserved int64  `cbor:"2,keyasint"`
	Live     int64  `cbor:"3,keyasint"`
	Granted  int64  `cbor:"4,keyasint"` // the limit that was granted; 0 for none
	Asked    uint64 `cbor:"5,keyasint"` // the number of the last request for more
	Mark     []byte `cbor:"6,keyasint"` // see newMark
}

// check refuses books that no sequence of calls can lead to. What passes can be
// added up without overflow.
func (l ledger) check(key string) error {
	switch {
	case l.Used < 0 || l.Reserved < 0 || l.Live < 0 || l.Granted < 0:
		return damaged(key, "a negative number")
	case l.Used > math.MaxInt64-l.Reserved:
		return damaged(key, "used and reserved are more than there is")
	case l.Live == 0 && l.Reserved > 0:
		return damaged(key, "%d bytes reserved by nobody", l.Reserved)
	}
	return nil
}

func (l ledger) put(tx *storage.Tx, owner string) error {
	key := ledgerKey(owner)
	if err := l.check(key); err != nil {
		return err
	}
	l.Mark = newMark()
	return putUnique(tx, key, l)
}

// release takes one reservation out of the books.
func (l *ledger) release(owner string, bytes int64) error {
	if l.Live < 1 || l.Reserved < bytes {
		return damaged(ledgerKey(owner), "less is reserved than the reservations say")
	}
	l.Live--
	l.Reserved -= bytes
	return nil
}

// load reads the ledger of an owner, who must have one.
func (q *Quota) load(tx *storage.Tx, owner string) (ledger, error) {
	if err := checkOwner(owner); err != nil {
		return ledger{}, err
	}
	var l ledger
	found, err := get(tx, ledgerKey(owner), &l)
	if err != nil {
		return ledger{}, err
	}
	if !found {
		return ledger{}, fmt.Errorf("%w: %q", ErrNoLedger, owner)
	}
	return l, l.check(ledgerKey(owner))
}

func (q *Quota) usage(l ledger) Usage {
	limit := max(q.allowance, l.Granted)
	return Usage{Limit: limit, Used: l.Used, Reserved: l.Reserved, Left: max(0, limit-l.Used-l.Reserved+min(q.beside, l.Used))}
}

// fits returns a *FullError unless wanted more bytes fit.
func (q *Quota) fits(l ledger, wanted int64) error {
	u := q.usage(l)
	if wanted > u.Left {
		return &FullError{Limit: u.Limit, Used: u.Used, Reserved: u.Reserved, Left: u.Left, Wanted: wanted}
	}
	return nil
}

// Usage is how an owner stands, in bytes.
type Usage struct {
	Limit    int64 // what the owner may keep
	Used     int64 // what is kept
	Reserved int64 // what is set aside for what is being written
	Left     int64 // Limit less Used and Reserved, never below 0
}

// Open gives an owner a ledger with nothing in it. ErrRepeated if there is one.
// An owner's name is never used again for another.
func (q *Quota) Open(tx *storage.Tx, owner string) error {
	_, err := q.load(tx, owner)
	if errors.Is(err, ErrNoLedger) {
		return ledger{}.put(tx, owner)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the ledger of %q", ErrRepeated, owner)
}

// Close takes away the ledger and a request for more that waits: the owner is
// being erased. From then on nothing can be reserved, settled or charged
// (ErrNoLedger). Reservations stay, until a sweeper has deleted their blobs.
// To close twice is no error.
func (q *Quota) Close(tx *storage.Tx, owner string) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	// Read, so that the commit checks what it deletes: then it can be sent again
	// when its answer was lost.
	if _, err := tx.Get(ledgerKey(owner)); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	tx.Delete(ledgerKey(owner))
	tx.Delete(pendingKey(owner))
	return nil
}

// Charge adds delta bytes to what is used, without a reservation: for small
// records that are written in the same transaction, and, negative, for what is
// destroyed in it. ErrFull if they do not fit; what is destroyed always does.
// ErrLedger if more is given back than was used.
func (q *Quota) Charge(tx *storage.Tx, owner string, delta int64) error {
	l, err := q.load(tx, owner)
	if err != nil {
		return err
	}
	if delta > 0 {
		if err := q.fits(l, delta); err != nil {
			return err
		}
	}
	if l.Used+delta < 0 { // cannot overflow: a positive delta fits
		return damaged(ledgerKey(owner), "%d bytes charged on %d used", delta, l.Used)
	}
	l.Used += delta
	return l.put(tx, owner)
}

// Usage says how the owner stands. It is for the owner's eyes only.
func (q *Quota) Usage(tx *storage.Tx, owner string) (Usage, error) {
	l, err := q.load(tx, owner)
	if err != nil {
		return Usage{}, err
	}
	return q.usage(l), nil
}

// Fits says whether so many bytes could be reserved now: all that a helper may
// see. Ask it for the size of a paper at hand only; who may ask for any size
// can find out what is left.
func (q *Quota) Fits(ctx context.Context, store *storage.Store, owner string, bytes int64) (bool, error) {
	if bytes < 0 {
		return false, invalid("%d bytes", bytes)
	}
	enough := false
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		usage, err := q.Usage(tx, owner)
		enough = bytes <= usage.Left
		return err
	})
	return enough && err == nil, err
}
