// Package closing lets whoever hands out something open, such as a snapshot, end
// what is still open when it is closed itself.
package closing

import (
	"errors"
	"io"
	"sync"
)

// Open are the things that are open. The zero value holds none. Its methods may
// be called from many goroutines.
type Open[T interface {
	comparable
	io.Closer
}] struct {
	mu  sync.Mutex
	all map[T]bool
}

// Add notes that one is open.
func (o *Open[T]) Add(one T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = make(map[T]bool)
	}
	o.all[one] = true
}

// Remove notes that one was closed. It is for the Close of that one.
func (o *Open[T]) Remove(one T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, one)
}

// Close closes all that are open, each of which removes itself. Nobody may be
// adding one.
func (o *Open[T]) Close() error {
	o.mu.Lock()
	var open []T
	for one := range o.all {
		open = append(open, one)
	}
	o.mu.Unlock()
	var errs []error
	for _, one := range open {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}
