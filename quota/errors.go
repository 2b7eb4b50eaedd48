package quota

import (
	"errors"
	"fmt"

	"reconnect.example/storage"
)

// The closed set of errors of this package, beside those of package storage.
// Test them with [errors.Is]. A wrong argument is [storage.ErrInvalid].
var (
	// ErrFull: the bytes do not fit; nothing changed. The error is a *[FullError].
	// Delete something, wait until an upload ends, or ask for an increase.
	ErrFull = errors.New("quota: full")
	// ErrExpired: the reservation is gone or a sweeper is at it; its blob is
	// lost. Reserve again, under a new id and a new blob name, and write again.
	ErrExpired = errors.New("quota: reservation expired")
	// ErrExceeded: more was written than was reserved. Grow the reservation first.
	ErrExceeded = errors.New("quota: more than reserved")
	// ErrTooMany: the owner has [Config.MaxReservations] reservations already. Wait
	// until an upload ends or is swept.
	ErrTooMany = errors.New("quota: too many reservations")
	// ErrRepeated: the owner has a ledger, or a reservation of that id, already.
	ErrRepeated = errors.New("quota: exists already")
	// ErrNotDue: it is too early to sweep this reservation.
	ErrNotDue = errors.New("quota: not due")
	// ErrNoLedger: the owner was never opened, or was closed.
	ErrNoLedger = errors.New("quota: owner has no ledger")
	// ErrLedger: the books do not add up or cannot be read. Nothing was changed.
	// Put the record that is named back from a backup, or use [Quota.Rebuild].
	ErrLedger = errors.New("quota: damaged record")
	// ErrPending: a request for more is waiting already.
	ErrPending = errors.New("quota: an increase is pending")
	// ErrNoIncrease: no such request is waiting. List them again.
	ErrNoIncrease = errors.New("quota: no increase pending")
	// ErrDecided: the request was decided before, and differently. That stands.
	ErrDecided = errors.New("quota: increase decided already")
)

// FullError is the ErrFull that says by how much. It tells the usage of the
// owner: show it to the owner, and to anyone else only that it is ErrFull.
type FullError struct {
	Limit    int64 // bytes the owner may keep
	Used     int64 // of them in use
	Reserved int64 // of them set aside for what is being written
	Left     int64 // what can still be had
	Wanted   int64 // what was asked for, on top of what is used and reserved
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%v: %d bytes wanted, %d left of %d (%d used, %d reserved)",
		ErrFull, e.Wanted, e.Left, e.Limit, e.Used, e.Reserved)
}

// Unwrap makes errors.Is(err, ErrFull) hold.
func (e *FullError) Unwrap() error { return ErrFull }

func invalid(format string, args ...any) error {
	return fmt.Errorf("quota: %w: %s", storage.ErrInvalid, fmt.Sprintf(format, args...))
}

func damaged(key, format string, args ...any) error {
	return fmt.Errorf("%w %q: %s", ErrLedger, key, fmt.Sprintf(format, args...))
}
