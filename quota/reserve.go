package quota

import (
	"errors"
	"fmt"
	"time"

	"reconnect.example/storage"
)

// Reservation is bytes set aside for one blob that is being written.
type Reservation struct {
	ID    string // at least 128 random bits; printable ASCII without slash, at most 128 bytes
	Blob  string // its name, see [storage.CheckBlobName]; never used before
	Bytes int64  // 0 or more

	// Deadline is set by the methods of [Quota]. The writer does not close its blob
	// after it, and can move it with [Quota.Renew] or [Quota.Grow].
	Deadline time.Time
}

// reservation is the stored form. Due is stored, and not computed from the
// deadline, so that the due entry is found again after the grace was configured
// otherwise.
type reservation struct {
	Blob     string `cbor:"1,keyasint"`
	Bytes    int64  `cbor:"2,keyasint"`
	Deadline int64  `cbor:"3,keyasint"` // Unix milliseconds
	Due      int64  `cbor:"4,keyasint"` // from when on a sweeper may begin; Unix milliseconds
	Sweeping bool   `cbor:"5,keyasint"` // a sweeper has begun: the bytes are free and the blob is lost
	Mark     []byte `cbor:"6,keyasint"` // see newMark
}

func (r reservation) public(id string) Reservation {
	return Reservation{ID: id, Blob: r.Blob, Bytes: r.Bytes, Deadline: time.UnixMilli(r.Deadline).UTC()}
}

func (r reservation) dueKey(owner, id string) string {
	return storage.DueKey(time.UnixMilli(r.Due), owner, dueWhat+id)
}

func (r reservation) put(tx *storage.Tx, owner, id string) error {
	r.Mark = newMark()
	return putUnique(tx, reservationKey(owner, id), r)
}

// remove deletes the reservation and its due entry.
func (r reservation) remove(tx *storage.Tx, owner, id string) {
	tx.Delete(reservationKey(owner, id))
	tx.Delete(r.dueKey(owner, id))
}

func decodeReservation(key string, value []byte) (reservation, error) {
	var r reservation
	if err := decode(key, value, &r); err != nil {
		return reservation{}, err
	}
	if r.Bytes < 0 || r.Due < r.Deadline || storage.CheckBlobName(r.Blob) != nil {
		return reservation{}, damaged(key, "no such reservation was ever made")
	}
	return r, nil
}

// find reads a reservation in any state.
func find(tx *storage.Tx, owner, id string) (r reservation, found bool, err error) {
	if err := checkOwner(owner); err != nil {
		return reservation{}, false, err
	}
	if err := checkName("id", id); err != nil {
		return reservation{}, false, err
	}
	key := reservationKey(owner, id)
	record, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return reservation{}, false, nil
	}
	if err != nil {
		return reservation{}, false, err
	}
	r, err = decodeReservation(key, record.Value)
	return r, err == nil, err
}

// live reads a reservation that its writer still has, or ErrExpired. Its version
// is checked by the commit: a sweeper that begins meanwhile makes the commit
// fail, and the next attempt finds ErrExpired.
func live(tx *storage.Tx, owner, id string) (reservation, error) {
	r, found, err := find(tx, owner, id)
	if err == nil && (!found || r.Sweeping) {
		err = fmt.Errorf("%w: %q", ErrExpired, id)
	}
	return r, err
}

// Reserve sets r.Bytes aside for the blob, until the deadline in the answer.
// When the transaction has committed, the blob may be written.
//
// ErrFull if they do not fit, ErrTooMany if the owner has too many reservations,
// ErrRepeated if the id is in use. It writes 3 records.
func (q *Quota) Reserve(tx *storage.Tx, owner string, r Reservation) (Reservation, error) {
	return q.reserve(tx, owner, r, false)
}

// ReserveUpTo is [Quota.Reserve] for a length that is not known beforehand: it
// sets aside r.Bytes or what is left, whichever is less, and says how many in the
// answer. ErrFull only if nothing is left. Begin with 1 MiB, double with
// [Quota.GrowUpTo], and settle what was written.
func (q *Quota) ReserveUpTo(tx *storage.Tx, owner string, r Reservation) (Reservation, error) {
	return q.reserve(tx, owner, r, true)
}

func (q *Quota) reserve(tx *storage.Tx, owner string, r Reservation, cut bool) (Reservation, error) {
	if r.Bytes < 0 {
		return Reservation{}, invalid("%d bytes", r.Bytes)
	}
	// A name that no blob store takes could never be swept.
	if err := storage.CheckBlobName(r.Blob); err != nil {
		return Reservation{}, fmt.Errorf("quota: %w", err)
	}
	l, err := q.load(tx, owner)
	if err != nil {
		return Reservation{}, err
	}
	_, taken, err := find(tx, owner, r.ID)
	if err != nil {
		return Reservation{}, err
	}
	if taken {
		return Reservation{}, fmt.Errorf("%w: reservation %q", ErrRepeated, r.ID)
	}
	if l.Live >= q.maxReservations {
		return Reservation{}, fmt.Errorf("%w: %d", ErrTooMany, l.Live)
	}
	stored := reservation{Blob: r.Blob}
	if err := q.enlarge(&l, &stored, r.Bytes, cut); err != nil {
		return Reservation{}, err
	}
	l.Live++
	if err := l.put(tx, owner); err != nil {
		return Reservation{}, err
	}
	if err := q.extend(tx, owner, r.ID, &stored, q.ttl); err != nil {
		return Reservation{}, err
	}
	return stored.public(r.ID), nil
}

// Grow raises a reservation to bytes in all, and renews its deadline. It never
// lowers one, so that it can be repeated. ErrFull if the difference does not fit:
// the reservation then stays as it is. ErrExpired as [Quota.Renew].
func (q *Quota) Grow(tx *storage.Tx, owner, id string, bytes int64) (Reservation, error) {
	return q.grow(tx, owner, id, bytes, false)
}

// GrowUpTo is [Quota.Grow] to bytes in all or to what is left, whichever is
// less. The answer says how many it became; ErrFull only if it could not grow at
// all.
func (q *Quota) GrowUpTo(tx *storage.Tx, owner, id string, bytes int64) (Reservation, error) {
	return q.grow(tx, owner, id, bytes, true)
}

func (q *Quota) grow(tx *storage.Tx, owner, id string, bytes int64, cut bool) (Reservation, error) {
	if bytes < 0 {
		return Reservation{}, invalid("%d bytes", bytes)
	}
	r, err := live(tx, owner, id)
	if err != nil {
		return Reservation{}, err
	}
	if bytes > r.Bytes {
		l, err := q.load(tx, owner)
		if err != nil {
			return Reservation{}, err
		}
		if err := q.enlarge(&l, &r, bytes, cut); err != nil {
			return Reservation{}, err
		}
		if err := l.put(tx, owner); err != nil {
			return Reservation{}, err
		}
	}
	if err := q.extend(tx, owner, id, &r, q.ttl); err != nil {
		return Reservation{}, err
	}
	return r.public(id), nil
}

// enlarge raises r to total bytes out of what is left; with cut, by as many as
// there are, but at least by one. Nothing changes where it fails.
func (q *Quota) enlarge(l *ledger, r *reservation, total int64, cut bool) error {
	more := total - r.Bytes
	if left := q.usage(*l).Left; cut && left > 0 {
		more = min(more, left)
	}
	if err := q.fits(*l, more); err != nil {
		// What this very upload holds is not taken by anything else: to the person it
		// is space that is left.
		if full := (*FullError)(nil); errors.As(err, &full) {
			full.Reserved, full.Left, full.Wanted = full.Reserved-r.Bytes, full.Left+r.Bytes, total
		}
		return err
	}
	l.Reserved += more
	r.Bytes += more
	return nil
}

// extend writes r with a deadline so long from now on, and moves its due entry. It never
// brings a deadline forward: the writer was promised it, whatever this server's
// clock says.
func (q *Quota) extend(tx *storage.Tx, owner, id string, r *reservation, lasts time.Duration) error {
	var before string
	if r.Due != 0 {
		before = r.dueKey(owner, id)
	}
	r.Deadline = max(r.Deadline, q.now().Add(lasts).UnixMilli())
	r.Due = max(r.Due, time.UnixMilli(r.Deadline).Add(q.grace).UnixMilli())
	if after := r.dueKey(owner, id); after != before {
		tx.Put(after, []byte{format})
		if before != "" {
			tx.Delete(before)
		}
	}
	return r.put(tx, owner, id)
}

// Renew moves the deadline of a reservation to one [Config.ReservationTTL] from
// now. ErrExpired if a sweeper has begun with it or it is gone: stop writing,
// abort the blob.
func (q *Quota) Renew(tx *storage.Tx, owner, id string) (Reservation, error) {
	return q.RenewFor(tx, owner, id, q.ttl)
}

// RenewFor is [Quota.Renew] for a writer who may stay away for longer than one
// [Config.ReservationTTL]: the deadline is so long from now, or later if it was.
func (q *Quota) RenewFor(tx *storage.Tx, owner, id string, lasts time.Duration) (Reservation, error) {
	r, err := live(tx, owner, id)
	if err != nil {
		return Reservation{}, err
	}
	if err := q.extend(tx, owner, id, &r, lasts); err != nil {
		return Reservation{}, err
	}
	return r.public(id), nil
}

// Settle ends a reservation whose blob is complete: bytes are used, what was
// reserved beyond them is free. Call it in the transaction that writes the record
// which names the blob. It writes 3 records.
//
// ErrExpired if a sweeper has begun with it: the blob is lost and nothing is
// charged. ErrExceeded if bytes are more than were reserved.
func (q *Quota) Settle(tx *storage.Tx, owner, id string, bytes int64) error {
	if bytes < 0 {
		return invalid("%d bytes", bytes)
	}
	r, err := live(tx, owner, id)
	if err != nil {
		return err
	}
	if bytes > r.Bytes {
		return fmt.Errorf("%w: %d bytes written, %d reserved", ErrExceeded, bytes, r.Bytes)
	}
	l, err := q.load(tx, owner)
	if err != nil {
		return err
	}
	if err := l.release(owner, r.Bytes); err != nil {
		return err
	}
	l.Used += bytes // cannot overflow: at most what was just released
	r.remove(tx, owner, id)
	return l.put(tx, owner)
}

// Cancel ends a reservation whose writer gives up: its bytes are free. Abort or
// delete the blob before, or leave both to the sweeper: after Cancel nothing
// knows of the blob any more. To cancel what is gone, or what a sweeper has begun
// with, is no error.
func (q *Quota) Cancel(tx *storage.Tx, owner, id string) error {
	r, found, err := find(tx, owner, id)
	if err != nil || !found || r.Sweeping {
		return err
	}
	r.remove(tx, owner, id)
	return q.giveBack(tx, owner, r.Bytes)
}

// giveBack frees the bytes of one reservation. Without a ledger there are no
// books to keep: the owner was erased.
func (q *Quota) giveBack(tx *storage.Tx, owner string, bytes int64) error {
	l, err := q.load(tx, owner)
	if errors.Is(err, ErrNoLedger) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.release(owner, bytes); err != nil {
		return err
	}
	return l.put(tx, owner)
}

// ReservedAs sums what is set aside for an owner under ids that begin with prefix, so that a
// share of the space can be bounded. It reads those reservations, at most about 190.
func (q *Quota) ReservedAs(tx *storage.Tx, owner, prefix string) (count int, bytes int64, err error) {
	if err := checkName("id", prefix); err != nil {
		return 0, 0, err
	}
	// Whoever reserves writes the ledger: having read it, nobody comes between sum and commit.
	if _, err := q.load(tx, owner); err != nil {
		return 0, 0, err
	}
	recs, err := tx.Scan(reservationKey(owner, prefix), "", mostReservations)
	if err != nil {
		return 0, 0, err
	}
	for _, rec := range recs {
		r, err := decodeReservation(rec.Key, rec.Value)
		if err != nil {
			return 0, 0, err
		}
		if !r.Sweeping { // its space is free
			count, bytes = count+1, bytes+r.Bytes
		}
	}
	return count, bytes, nil
}
