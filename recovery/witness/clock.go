package witness

import (
	"sync"
	"time"
)

// clock is the time of the witness; see "Time" in the package comment. It never
// goes back, and never jumps while the process runs.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	last time.Time // the latest reading of now, with its monotonic part
	at   time.Time // the time of the witness then
}

// startClock begins at the machine's time or, if that was set back since the
// last run, at the highest time that was recorded: what had been waited for
// stays waited for, and nothing that was waited for comes again.
func startClock(now func() time.Time, highest time.Time) *clock {
	reading := now()
	at := reading.Round(0) // without the monotonic part: at is only added to
	if highest.After(at) {
		at = highest
	}
	return &clock{now: now, last: reading, at: at}
}

// read returns the present time of the witness.
func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	reading := c.now()
	// Readings of time.Now are subtracted by their monotonic parts, which no
	// setting of the clock touches. A clock without them that steps back makes
	// time stand still for that one reading, and not until it has caught up: a
	// stranger's wait must not grow with the size of somebody's mistake (F11).
	if elapsed := reading.Sub(c.last); elapsed > 0 {
		c.at = c.at.Add(elapsed)
	}
	c.last = reading
	return c.at
}

// notBefore moves the time to one that was found on record, if that is later,
// and returns the time. Another process whose clock is ahead wrote it: to wait
// for this one to catch up would lock people out for as long as they differ.
func (c *clock) notBefore(recorded time.Time) time.Time {
	c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if recorded.After(c.at) {
		c.at = recorded
	}
	return c.at
}
