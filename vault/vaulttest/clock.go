package vaulttest

import (
	"sync"
	"time"
)

// Clock stands still until it is told to move. Service, quota and witness of a
// stage go by it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time of the stage.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d and returns the new time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// Set moves the clock to a time, also back.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}
