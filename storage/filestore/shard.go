package filestore

import (
	"context"
	"sync"
)

// shard knows which blobs of one folder are between link and fsync. Such a blob
// has its name on disk but is not there yet: readers do not find it, and another
// writer of the name waits to hear whether it came to stay.
type shard struct {
	mu         sync.RWMutex
	committing map[string]chan struct{} // closed at the outcome
}

// begin runs link, alone in this shard, once nobody else is committing name. If
// it succeeds the name is hidden until end.
func (sh *shard) begin(ctx context.Context, name string, link func() error) error {
	for {
		sh.mu.Lock()
		other, busy := sh.committing[name]
		if !busy {
			err := link()
			if err == nil {
				if sh.committing == nil {
					sh.committing = map[string]chan struct{}{}
				}
				sh.committing[name] = make(chan struct{})
			}
			sh.mu.Unlock()
			return err
		}
		sh.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// end makes the outcome of a commit known after running undo, if there is one.
// Both happen at one instant for readers: they never open what is being undone.
func (sh *shard) end(name string, undo func()) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if undo != nil {
		undo()
	}
	close(sh.committing[name])
	delete(sh.committing, name)
}

// look runs lookup unless name is hidden; found is false then.
func (sh *shard) look(name string, lookup func() error) (found bool, err error) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if _, hidden := sh.committing[name]; hidden {
		return false, nil
	}
	return true, lookup()
}
