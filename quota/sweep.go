package quota

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"reconnect.example/storage"
)

// ReservationID says which reservation a due entry is about; false if it was
// written by another package.
func ReservationID(d storage.Due) (id string, ok bool) {
	return strings.CutPrefix(d.What, dueWhat)
}

// Sweep ends one abandoned reservation, given its due entry: it frees the bytes,
// deletes the blob, and removes the reservation, in this order, each durable
// before the next. A crash between leaves the due entry, and the next sweep goes
// on. Several sweepers may work on one entry.
//
// A reservation that was renewed is left alone, one that is gone loses what is
// left of its due entry; neither is an error. ErrInvalid if the entry is not of
// this package. It holds no key of anyone.
func (q *Quota) Sweep(ctx context.Context, store *storage.Store, blobs storage.Blobs, d storage.Due) error {
	id, ok := ReservationID(d)
	if !ok {
		return invalid("due entry %q is not about a reservation", d.Key())
	}
	var r Reservation
	err := store.Transact(ctx, func(tx *storage.Tx) (err error) {
		r, err = q.BeginSweep(tx, d.Owner, id)
		return err
	})
	if errors.Is(err, ErrNotDue) || errors.Is(err, ErrExpired) {
		return dropStray(ctx, store, d, id)
	}
	if err != nil {
		return fmt.Errorf("sweep %q: %w", d.Key(), err)
	}
	if err := blobs.Delete(ctx, r.Blob); err != nil {
		return fmt.Errorf("sweep %q: %w", d.Key(), err)
	}
	err = store.Transact(ctx, func(tx *storage.Tx) error { return q.EndSweep(tx, d.Owner, id) })
	if err != nil {
		return fmt.Errorf("sweep %q: %w", d.Key(), err)
	}
	return nil
}

// dropStray removes a due entry that is not, or no longer, that of its
// reservation. It cannot come from this package, but from a store that was put
// back from a backup or mended by hand.
func dropStray(ctx context.Context, store *storage.Store, d storage.Due, id string) error {
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		r, found, err := find(tx, d.Owner, id)
		if err != nil || found && r.dueKey(d.Owner, id) == d.Key() {
			return err
		}
		tx.Delete(d.Key())
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep %q: %w", d.Key(), err)
	}
	return nil
}

// BeginSweep is the first step of [Quota.Sweep]: the reservation is marked and
// its bytes are free. When the transaction has committed, its writer can neither
// renew nor settle it, and the blob may be deleted. To begin again is no error.
//
// ErrNotDue until [Config.SweepGrace] after the deadline. ErrExpired if the
// reservation is gone: nothing is left to do.
func (q *Quota) BeginSweep(tx *storage.Tx, owner, id string) (Reservation, error) {
	r, found, err := find(tx, owner, id)
	if err != nil {
		return Reservation{}, err
	}
	if !found {
		return Reservation{}, fmt.Errorf("%w: %q", ErrExpired, id)
	}
	if r.Sweeping {
		return r.public(id), nil
	}
	if due := time.UnixMilli(r.Due); q.now().Before(due) {
		return Reservation{}, fmt.Errorf("%w: %q until %v", ErrNotDue, id, due.UTC())
	}
	if err := q.giveBack(tx, owner, r.Bytes); err != nil {
		return Reservation{}, err
	}
	r.Sweeping = true
	return r.public(id), r.put(tx, owner, id)
}

// EndSweep is the last step of [Quota.Sweep], after the blob was deleted: the
// reservation and its due entry are removed. To end again is no error. ErrNotDue
// if it was not begun.
func (q *Quota) EndSweep(tx *storage.Tx, owner, id string) error {
	r, found, err := find(tx, owner, id)
	if err != nil || !found {
		return err
	}
	if !r.Sweeping {
		return fmt.Errorf("%w: the sweep of %q was not begun", ErrNotDue, id)
	}
	r.remove(tx, owner, id)
	return nil
}
