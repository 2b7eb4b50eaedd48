package storage

import (
	"context"
	"errors"
)

// Limits of the record contract. A [Store] refuses what is over them before a
// driver sees it, with [ErrInvalid] or [ErrTooLarge].
const (
	MaxKey    = 512     // bytes of a key
	MaxValue  = 1 << 20 // bytes of a value
	MaxWrites = 100     // writes of one commit
	MaxChecks = 200     // checks of one commit
	MaxScan   = 1000    // records of one page of a scan
)

// The closed set of errors of this package and of every driver. Test them with
// [errors.Is]; the text around them is for people.
var (
	// ErrNotFound: no record has that key, or no blob that name.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict: a checked version moved; nothing was written. Read again and retry.
	ErrConflict = errors.New("storage: conflict")
	// ErrUnknown: the answer to a commit was lost (timeout, cut connection), so
	// that it may or may not have happened. A commit that checks a record it
	// writes can safely be sent again: if it had happened, its own write moved the
	// version it checks.
	ErrUnknown = errors.New("storage: outcome unknown")
	// ErrExists: a blob of that name is there already. Blobs are immutable.
	ErrExists = errors.New("storage: blob exists")
	// ErrIncomplete: a blob writer was closed with another length than declared; nothing was kept.
	ErrIncomplete = errors.New("storage: incomplete blob")
	// ErrInvalid: a key, name, URL or argument is outside the contract.
	ErrInvalid = errors.New("storage: invalid argument")
	// ErrTooLarge: a value or a commit is over the limits above.
	ErrTooLarge = errors.New("storage: too large")
	// ErrNoSpace: the disk or bucket is full. Nothing acknowledged is lost; free space and retry.
	ErrNoSpace = errors.New("storage: no space left")
	// ErrReadOnly: the folder or database cannot be written.
	ErrReadOnly = errors.New("storage: read-only")
	// ErrDamaged: what is kept cannot be read: the file is truncated, overwritten
	// or not what it should be. Retrying does not help; restore a backup.
	ErrDamaged = errors.New("storage: damaged")
	// ErrInUse: another process holds this store and the driver serves only one.
	ErrInUse = errors.New("storage: in use by another process")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("storage: closed")
	// ErrUnavailable: the store cannot be reached or answers with a fault of its own. Retry later.
	ErrUnavailable = errors.New("storage: unavailable")
)

// Version is the version of one record. A driver never gives the same version
// twice to one key, also after the record was deleted and written again, so
// that an equal version means an untouched record. Zero means "no record".
type Version uint64

// Record is one stored value. The caller owns Value.
type Record struct {
	Key     string
	Value   []byte
	Version Version
}

// Check demands that the record of Key still has Version when a commit takes
// effect; Version 0 demands that there is none.
type Check struct {
	Key     string
	Version Version
}

// Write puts Value under Key or, with Delete, removes the record if it is
// there. A commit names a key at most once.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// Driver is what a store of records implements: ordered keys, versioned
// values, and one way to change them. Everything else is written once, in
// [Store]. The contract, which storagetest.Run proves:
//
//   - Order. Keys are compared byte by byte. They are 1 to [MaxKey] bytes of
//     printable ASCII (0x21 to 0x7e).
//   - Durability. When Commit returns nil its writes survive kill -9 and loss of
//     power; nothing of a commit that failed is ever seen.
//   - Isolation. A commit takes effect at one instant between its call and its
//     return: all checks hold then and all writes appear together. Get and Scan
//     see every commit that returned before they were called (linearizable).
//     One page of Scan is one snapshot; two pages are two.
//   - Failure. [ErrConflict] means that nothing happened. [ErrUnknown] means that
//     it may have happened, or may happen yet; who sends it again checks a record
//     that it writes. Any other error means that nothing happened. So a context
//     that ends once a commit has begun gives an error that is both ErrUnknown
//     and the context's, and the context's alone only if nothing was or will be
//     written.
//   - Concurrency. All methods may be called from many goroutines.
//   - Values are copied: what the caller changes afterwards, the driver does
//     not see, and the other way round. An empty value is a value.
type Driver interface {
	// Get returns the record of key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)
	// Scan returns, in order, at most limit records whose keys begin with prefix
	// and are greater than after ("" for the beginning). Fewer than limit means
	// that there are no more.
	Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error)
	// Commit applies all writes if all checks hold, or nothing. Without writes it
	// says whether all checks held at one instant.
	Commit(ctx context.Context, checks []Check, writes []Write) error
	// Close waits for the commits under way and releases the store. Calls after
	// it answer ErrClosed, but a second Close does nothing.
	Close() error
}
