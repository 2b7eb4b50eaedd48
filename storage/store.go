package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// pageOfAll is the page that Store.All reads at once. With values of at most
// MaxValue it bounds the memory of a walk to 100 MiB, and to far less with the
// records that this module writes.
const pageOfAll = 100

// Store keeps records. It checks every argument against the limits of this
// package before its driver sees it, and says in every error what was being
// done; keys appear in errors, values never. Its methods may be called from
// many goroutines.
type Store struct {
	driver Driver
}

// New makes a Store of a driver. Use [Open] for one that is named by a URL.
func New(d Driver) *Store {
	return &Store{driver: d}
}

// Get returns the record of key, or ErrNotFound. It sees every transaction
// that had returned before it was called.
func (s *Store) Get(ctx context.Context, key string) (Record, error) {
	if err := checkKey(key); err != nil {
		return Record{}, fmt.Errorf("get: %w", err)
	}
	r, err := s.driver.Get(ctx, key)
	if err != nil {
		return Record{}, fmt.Errorf("get %q: %w", key, closedSet(err))
	}
	return r, nil
}

// Scan returns, in the order of their keys, at most limit records (1 to
// [MaxScan]) whose keys begin with prefix and are greater than after; both may
// be empty. Fewer than limit means that there are no more. One page is one
// state of the store, held in memory; the next page may be of a later one.
func (s *Store) Scan(ctx context.Context, prefix, after string, limit int) ([]Record, error) {
	if err := checkScan(prefix, after, limit); err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	records, err := s.driver.Scan(ctx, prefix, after, limit)
	if err != nil {
		return nil, fmt.Errorf("scan %q: %w", prefix, closedSet(err))
	}
	return records, nil
}

// All walks over all records whose keys begin with prefix, in order, in pages:
// memory does not grow with their number. A record that is written or deleted
// during the walk may be seen or not; every other one is seen exactly once.
// After an error the walk ends.
func (s *Store) All(ctx context.Context, prefix string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		after := ""
		for {
			page, err := s.Scan(ctx, prefix, after, pageOfAll)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < pageOfAll {
				return
			}
			after = page[len(page)-1].Key
		}
	}
}

// Close waits for what is under way and releases the store. Calls after it
// answer ErrClosed.
func (s *Store) Close() error {
	if err := s.driver.Close(); err != nil {
		return fmt.Errorf("close: %w", closedSet(err))
	}
	return nil
}

// checkKey refuses what no driver has to know how to keep.
func checkKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: the key is empty", ErrInvalid)
	}
	return checkText("key", key)
}

func checkScan(prefix, after string, limit int) error {
	if limit < 1 || limit > MaxScan {
		return fmt.Errorf("%w: limit %d is not 1 to %d", ErrInvalid, limit, MaxScan)
	}
	if err := checkText("prefix", prefix); err != nil {
		return err
	}
	return checkText("start", after)
}

// checkText holds keys to printable ASCII without space: every database sorts
// and compares it alike, and it can go into a log line as it is.
func checkText(what, s string) error {
	if len(s) > MaxKey {
		return fmt.Errorf("%w: the %s has %d bytes, more than %d", ErrInvalid, what, len(s), MaxKey)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e }); i >= 0 {
		return fmt.Errorf("%w: the %s has another character than printable ASCII at byte %d", ErrInvalid, what, i)
	}
	return nil
}

// closedSet makes an error that a driver did not map into ErrUnavailable, so
// that callers can decide with errors.Is alone.
func closedSet(err error) error {
	for _, known := range []error{
		ErrNotFound, ErrConflict, ErrUnknown, ErrInvalid, ErrTooLarge, ErrNoSpace, ErrReadOnly,
		ErrDamaged, ErrInUse, ErrClosed, ErrUnavailable, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
