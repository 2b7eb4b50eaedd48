package storagetest

import (
	"context"
	"sync"

	"reconnect.example/storage"
)

// Spoken passes calls on to a driver, and says the number of each commit that writes,
// before it is made: so that a test can count them, and kill a process at each in turn.
// Its methods may be called from many goroutines.
type Spoken struct {
	storage.Driver

	// Say is told the number of a commit, counted from 1. The commit waits for it, and so
	// do all others. nil: they are counted alone.
	Say func(n int)

	mu    sync.Mutex
	began bool
	n     int
}

// Over puts it over a driver, and returns it.
func (s *Spoken) Over(d storage.Driver) storage.Driver {
	s.Driver = d
	return s
}

// Begin begins to count: what was committed before, in preparation, is not said.
func (s *Spoken) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = true
}

// Commits returns how many there were.
func (s *Spoken) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// Commit implements [storage.Driver].
func (s *Spoken) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	if len(writes) > 0 {
		s.say()
	}
	return s.Driver.Commit(ctx, checks, writes)
}

func (s *Spoken) say() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.began {
		return
	}
	if s.n++; s.Say != nil {
		s.Say(s.n)
	}
}
