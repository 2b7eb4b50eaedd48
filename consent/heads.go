package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// spaces reads the signed heads of relays and workers, held against the witness, as
// everybody may who holds no key of theirs.
type spaces struct {
	store   *storage.Store
	witness vault.Checkpoints
	now     func() time.Time

	mu    sync.Mutex
	known map[vault.ID]*memory
}

// spacesKept bounds what is remembered of the spaces in use.
const spacesKept = 10_000

func (s *spaces) memory(id vault.ID) *memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.known[id]
	if !ok {
		for other := range s.known { // any one: forgetting costs one question to the witness
			if len(s.known) < spacesKept {
				break
			}
			delete(s.known, other)
		}
		m = &memory{witness: s.witness, id: id, now: s.now}
		s.known[id] = m
	}
	return m
}

// head reads the head of a space that is known by a key: by that one or one that
// follows it. Another than that key itself counts only in a head that the witness
// knows: who has a former key could name a successor of their own. ErrUntrustedKey,
// ErrStale, ErrTampered, ErrWitnessAway; ErrEnded if there is no such space any more.
func (s *spaces) head(ctx context.Context, id vault.ID, pinned []byte) (*seal.OwnerHead, error) {
	m := s.memory(id)
	v, err := m.latest(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := s.store.Get(ctx, headKey(id))
	switch {
	case errors.Is(err, storage.ErrNotFound) && v.highest.Version > 0:
		return nil, vault.ErrStale // it was there
	case errors.Is(err, storage.ErrNotFound):
		return nil, vault.ErrEnded
	case err != nil:
		return nil, storageError(err)
	}
	h, err := seal.OpenOwnerHead(id, rec.Value)
	if err != nil {
		return nil, tampered("head of a space")
	}
	if h.MinFormat > seal.Format {
		return nil, vault.ErrPolicy // a newer program wrote it: never guess
	}
	c := checkpointOf(h, rec.Value)
	if err := hold(c, v.highest); err != nil {
		return nil, err
	}
	if !h.Trusts(pinned) {
		return nil, vault.ErrUntrustedKey // D1, D2
	}
	if !bytes.Equal(h.Key, pinned) && later(c, v.told) {
		if err := m.confirmed(ctx, c); err != nil {
			return nil, err
		}
	}
	m.seen(c)
	if h.Erased != 0 {
		return nil, vault.ErrEnded
	}
	return h, nil
}

// A report of a head to the witness follows its commit within a second.
const (
	confirmTries = 12
	confirmPause = 100 * time.Millisecond
)

// confirmed asks the witness itself whether it knows a head, until a report that may
// be on its way has arrived. ErrStale if it does not know it: a crash may have lost
// the report, and the next who opens that space sends it again. Nothing is sealed to
// it, but nothing is ended for it either.
func (m *memory) confirmed(ctx context.Context, c vault.Checkpoint) error {
	for range confirmTries {
		if err := m.ask(ctx); err != nil {
			return err
		}
		if v, _ := m.known(); !later(c, v.told) {
			return hold(c, v.highest)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(confirmPause):
		}
	}
	return fmt.Errorf("%w: the witness does not know this head yet", vault.ErrStale)
}

// inboxNow returns where a relay or a worker is given something, by the head that a
// commit sees. That the head is theirs, the directory was asked before.
func inboxNow(tx *storage.Tx, id vault.ID) (seal.BoxPublic, error) {
	rec, err := tx.Get(headKey(id))
	if err != nil {
		return nil, storageError(err)
	}
	h, err := seal.OpenOwnerHead(id, rec.Value)
	if err != nil {
		return nil, tampered("head of a space")
	}
	c := seal.Owner
	if h.Kind == seal.KindRelay {
		c = seal.Shared
	}
	return keysIn(h, c)
}

// keysIn returns the public keys of one compartment of a space.
func keysIn(h *seal.OwnerHead, c seal.Compartment) (seal.BoxPublic, error) {
	for _, k := range h.Compartments {
		if k.Compartment == c {
			inbox, err := seal.BoxPublicFromBytes(k.Inbox) // D7: nothing is sealed to what is no key
			if err != nil {
				return nil, tampered("head of a space")
			}
			return inbox, nil
		}
	}
	return nil, tampered("head of a space")
}
