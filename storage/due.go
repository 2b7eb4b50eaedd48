package storage

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// The index of deadlines: beside a record that has one stands an empty record
// under due/<hour>/<owner>/<what>, written and removed in the same commits. A
// sweeper reads it in the order of time, without any key and without looking at
// what is not yet due.
const (
	duePrefix = "due/"
	dueHour   = "2006010215" // UTC; ten digits, so that the order of keys is that of time
)

// The first and the last hour that has ten digits.
var (
	firstHour = time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastHour  = time.Date(9999, time.December, 31, 23, 0, 0, 0, time.UTC)
)

// Due is one entry of the index of deadlines.
type Due struct {
	Hour  time.Time // a full hour in UTC; the deadline lies at it or in the hour before
	Owner string    // whose deadline it is, such as a vault's id
	What  string    // what has to be done, in words of the package that wrote the entry
}

// Key returns the key of the entry. Deleting it in the commit that does the
// work ends the entry.
func (d Due) Key() string { return DueKey(d.Hour, d.Owner, d.What) }

// DueKey returns the key under which an entry with the deadline at stands:
// due/<hour>/<owner>/<what>, with the hour in UTC rounded up. So no entry is
// found before its deadline, and each within an hour after it. owner has no
// slash; what may have some; neither is empty. The three together are public to
// whoever reads the store.
//
// A time before the year 0 or after 9999 counts as the first or last hour.
func DueKey(at time.Time, owner, what string) string {
	hour := at.UTC().Truncate(time.Hour)
	if hour.Before(at) {
		hour = hour.Add(time.Hour)
	}
	// Another number of digits would break the order of time, and one entry far
	// away in the future could hide all that are due.
	if hour.Before(firstHour) {
		hour = firstHour
	}
	if hour.After(lastHour) {
		hour = lastHour
	}
	return duePrefix + hour.Format(dueHour) + "/" + owner + "/" + what
}

// ParseDue reads a key that [DueKey] made; [Due.Key] gives the same key back.
// Anything else is ErrInvalid.
func ParseDue(key string) (Due, error) {
	digits, rest, _ := strings.Cut(strings.TrimPrefix(key, duePrefix), "/")
	owner, what, _ := strings.Cut(rest, "/")
	hour, err := time.Parse(dueHour, digits)
	d := Due{Hour: hour, Owner: owner, What: what}
	if err != nil || owner == "" || what == "" || d.Key() != key {
		return Due{}, fmt.Errorf("%w: %q is not due/<hour>/<owner>/<what>", ErrInvalid, key)
	}
	return d, nil
}

// DueBefore walks over the entries whose hour has come at now, the oldest
// first. It reads what is due and at most one page more, however many entries
// stand in the future.
//
// The caller does the work of each entry and deletes the entry when it is done;
// what fails is met again by the next walk, so one failure need not stop the
// others. An entry whose key is damaged is an error with ErrInvalid that names
// it, and the walk goes on; after any other error it ends.
func (s *Store) DueBefore(ctx context.Context, now time.Time) iter.Seq2[Due, error] {
	return func(yield func(Due, error) bool) {
		for r, err := range s.All(ctx, duePrefix) {
			if err != nil {
				yield(Due{}, fmt.Errorf("due entries: %w", err))
				return
			}
			d, err := ParseDue(r.Key)
			if err == nil && d.Hour.After(now) {
				return // and so are all that follow
			}
			if !yield(d, err) {
				return
			}
		}
	}
}
