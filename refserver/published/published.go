// Package published keeps lists that programs fetch who verify elsewhere. Anybody may ask
// for them, and each is made by reading much of the store: whoever asks again and again
// must not have them made again and again.
package published

import (
	"sync"
	"time"
)

// Lasts is how old an answer can be.
const Lasts = time.Minute

// List is one list, made at most once in [Lasts]. The zero List is ready; many may use it
// at once, and who asks while it is made waits for it.
type List[T any] struct {
	mu    sync.Mutex
	value T
	made  time.Time
}

// At returns the list as it was made last, or makes it: when it has become too old, or
// when the clock was turned back. An error is returned as it is, and kept from nobody who
// asks next. The value is shared by all: nobody changes it.
func (l *List[T]) At(now time.Time, list func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.made); !l.made.IsZero() && age >= 0 && age < Lasts {
		return l.value, nil
	}
	value, err := list()
	if err != nil {
		var none T
		return none, err
	}
	l.value, l.made = value, now
	return value, nil
}
