package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// times are how long the answers of one kind took. Several may add to them.
type times struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

func (t *times) number() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// within is how long no more than so many of a hundred took; 100: all of them.
func (t *times) within(of100 int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.all))
	return sorted[max(0, (len(sorted)*of100+99)/100-1)]
}

func (t *times) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, longest %v", millis(t.within(50)), millis(t.within(99)), millis(t.within(100)))
}

func millis(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
