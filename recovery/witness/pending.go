package witness

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"reconnect.example/storage"
)

const (
	// maxPending is how many vaults may have reports in memory; beyond it every
	// report is written before it is answered.
	maxPending = 10_000
	// flushBatch is how many vaults one commit takes. Each costs at most 13 reads
	// (itself and twelve places for evidence) and 4 writes.
	flushBatch = 12
)

// pending holds the reports that are not written yet: of each head the latest.
// Readers look here first and into the store second, and the flush removes a
// report only after its commit, so that a report is never in neither place.
type pending struct {
	mu      sync.Mutex
	heads   map[[16]byte]heads
	failing bool // the latest flush failed
	closed  bool
	dirty   chan struct{} // holds one token when there is something to flush
}

func newPending() *pending {
	return &pending{heads: map[[16]byte]heads{}, dirty: make(chan struct{}, 1)}
}

func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

func (p *pending) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// of returns a copy of what is pending for a vault.
func (p *pending) of(vault [16]byte) heads {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.heads[vault])
}

// roomy says whether a report may stay in memory: not while the store refuses
// what is there already. The caller then writes it, and learns of the failure.
func (p *pending) roomy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.failing && len(p.heads) < maxPending
}

// add keeps reports for the next flush.
func (p *pending) add(vault [16]byte, reported []Checkpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	known := p.heads[vault]
	if known == nil {
		known = heads{}
	}
	for _, c := range reported {
		known.raise(c)
	}
	p.heads[vault] = known
	p.wake()
	return nil
}

// wake makes the flushing goroutine look. The lock is held.
func (p *pending) wake() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// written removes what the store now holds: everything up to stored.
func (p *pending) written(vault [16]byte, stored heads) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.heads[vault]
	for name, c := range known {
		if s, ok := stored[name]; ok && compare(c, s) <= 0 {
			delete(known, name)
		}
	}
	if len(known) == 0 {
		delete(p.heads, vault)
	}
}

// drop removes everything of a vault that takes no reports any more.
func (p *pending) drop(vault [16]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.heads, vault)
}

// dropBefore removes what was reported of earlier restore epochs. What is of this one
// stays: the statement that began it may be said again, as its answer was lost.
func (p *pending) dropBefore(vault [16]byte, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.heads[vault], func(_ string, c Checkpoint) bool { return c.Restore < epoch })
}

// flushed notes how a flush went and asks for another if it failed.
func (p *pending) flushed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing = err != nil
	if p.failing {
		p.wake()
	}
}

func (p *pending) vaults() [][16]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	vaults := make([][16]byte, 0, len(p.heads))
	for vault := range p.heads {
		vaults = append(vaults, vault)
	}
	return vaults
}

// flushing writes what is pending, FlushEvery after the first report of a
// batch. It ends when stop is closed; Close does the last flush itself.
func (w *Witness) flushing() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case <-w.pending.dirty:
		}
		timer := time.NewTimer(w.flushEvery)
		select {
		case <-w.stop:
			timer.Stop()
			return
		case <-timer.C:
		}
		// An error is not lost: the reports stay, the next caller writes for
		// itself and is told, and this goroutine tries again.
		_ = w.flush()
	}
}

// flush writes everything that is pending.
func (w *Witness) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	var failures []error
	vaults := w.pending.vaults()
	for len(vaults) > 0 {
		batch := vaults[:min(flushBatch, len(vaults))]
		vaults = vaults[len(batch):]
		if err := w.flushBatch(ctx, batch); err != nil {
			failures = append(failures, closedSet("flush", err))
		}
	}
	err := errors.Join(failures...)
	w.pending.flushed(err)
	return err
}

// flushBatch writes the reports of some vaults in one commit.
func (w *Witness) flushBatch(ctx context.Context, batch [][16]byte) error {
	var stored map[[16]byte]heads
	err := w.store.Transact(ctx, func(tx *storage.Tx) error {
		stored = map[[16]byte]heads{}
		for _, vault := range batch {
			state, err := w.apply(tx, &report{vault: vault})
			if errors.Is(err, ErrErased) || errors.Is(err, ErrUnregistered) || errors.Is(err, ErrDamaged) {
				// The vault ended in the meantime, and its reports with it; or its
				// record cannot be read, as every reader of it is told, and must
				// not keep the reports of others from being written.
				continue
			}
			if err != nil {
				return err
			}
			stored[vault] = state.heads
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, vault := range batch {
		if known, ok := stored[vault]; ok {
			w.pending.written(vault, known)
		} else {
			w.pending.drop(vault)
		}
	}
	return nil
}
