package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Publish takes a directory that the authority signed ([DirectoryState.Bundle]) and
// makes it the present one. All of it is verified again. When Publish returns nil, it
// is durable in the store and at the witness. To repeat it is harmless, and finishes
// what was interrupted; it also sets a damaged copy in the store right.
//
// Errors: those of [ParseDirectory]; ErrOutdated if the present directory is later,
// or another of the same version; vault.ErrInvalid if a relay or an organisation that
// is named would vanish, a relay would get another key, or a new licence costs more
// than the cap; vault.ErrWitnessAway (nothing was changed); vault.ErrUnconfirmed (it
// is published, and the witness did not confirm it: publish it again);
// vault.ErrStorage, vault.ErrUnknown.
func (d *Directory) Publish(ctx context.Context, bundle []byte) (*DirectoryState, error) {
	next, err := ParseDirectory(d.cfg.Authority, bundle)
	if err != nil {
		return nil, err
	}
	// Before anything is written: a directory that nobody could confirm would stand
	// in the store, and each reader would have to refuse it.
	if err := d.memory.ask(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	v, _ := d.memory.known()
	if hold(next.checkpoint(), v.told) != nil {
		return nil, ErrOutdated
	}
	if err := d.memory.keep(ctx, next); err != nil {
		return nil, err
	}
	for range steadyTries {
		err = d.publish(ctx, next)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return nil, storageError(err)
	}
	if err := d.memory.raise(ctx, next); err != nil {
		if errors.Is(err, vault.ErrTampered) {
			return nil, ErrOutdated // somebody else's of this version was first at the witness
		}
		return nil, fmt.Errorf("%w: %w", vault.ErrUnconfirmed, err)
	}
	d.memory.seen(next.checkpoint())
	d.cached.Store(next)
	return next, nil
}

// errMoved: the head is not the one that was looked at.
var errMoved = fmt.Errorf("%w: the directory is published by others all the time", vault.ErrStorage)

// publish holds a directory against the one in the store, and writes it in one
// commit: no reader and no crash sees a head without its pages.
func (d *Directory) publish(ctx context.Context, next *DirectoryState) error {
	before, err := d.stored(ctx)
	if err != nil {
		return err
	}
	if before.state != nil {
		if hold(next.checkpoint(), before.state.checkpoint()) != nil {
			return ErrOutdated
		}
		if err := next.continues(before.state); err != nil {
			return err
		}
	}
	if err := d.affordable(next, before.state); err != nil {
		return err
	}
	return d.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		now, err := current(tx, headKey(d.id))
		if err != nil {
			return err
		}
		if !bytes.Equal(now, before.record) { // two operators at once: look again
			return errMoved
		}
		for n, raw := range next.pages {
			key := pageKey(d.id, n)
			if there, err := current(tx, key); err != nil {
				return err
			} else if !bytes.Equal(there, raw) {
				tx.Put(key, raw)
			}
		}
		// Only the authority can make these bytes: whoever finds them may take the
		// commit for theirs.
		tx.PutUnique(headKey(d.id), next.record)
		return nil
	})
}

func current(tx *storage.Tx, key string) ([]byte, error) {
	rec, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return rec.Value, err
}

// storedDirectory is what the store has.
type storedDirectory struct {
	record []byte          // of the head, whatever it is; nil: none
	state  *DirectoryState // nil: none, or none that could be believed
}

// stored reads the directory that a new one replaces. One that is damaged or forged
// is replaced without being asked.
func (d *Directory) stored(ctx context.Context) (storedDirectory, error) {
	record, err := d.readHead(ctx, vault.Checkpoint{})
	if errors.Is(err, ErrNoDirectory) {
		return storedDirectory{}, nil
	}
	if err != nil {
		return storedDirectory{}, err
	}
	state, err := d.loadOnce(ctx, record, vault.Checkpoint{})
	switch {
	case err == nil:
		return storedDirectory{record, state}, nil
	case errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrUntrustedKey), errors.Is(err, vault.ErrInvalid), errors.Is(err, vault.ErrTooMany):
		return storedDirectory{record: record}, nil
	}
	return storedDirectory{}, err
}

// continues refuses a directory in which something is gone that must stay for ever:
// what was signed in its name could not be told any more. A relay's key never
// changes, so that not even the authority replaces it under who has it pinned (D2).
func (s *DirectoryState) continues(before *DirectoryState) error {
	if !s.head.Trusts(before.head.Key) {
		return fmt.Errorf("%w: the directory is signed by a key that was replaced", vault.ErrUntrustedKey)
	}
	for id := range before.organisations {
		if s.organisations[id] == nil {
			return invalid("organisation.id", "of %s is gone; withdraw it instead", id)
		}
	}
	for id, r := range before.relays {
		now := s.relays[id]
		if now == nil {
			return invalid("relay.id", "of %s is gone; withdraw it instead", id)
		}
		if now.Key != r.Key {
			return invalid("relay.key", "of %s changes; what follows a relay's first key, its own space says", id)
		}
	}
	return s.continuesPartners(before)
}

// affordable holds new and changed licences against the cap.
func (d *Directory) affordable(next, before *DirectoryState) error {
	return next.checkFees(before, d.cfg.FeeCap, d.cfg.Currency)
}

func (s *DirectoryState) checkFees(before *DirectoryState, feeCap int64, currency string) error {
	for _, list := range s.licences {
		for _, l := range list {
			if before != nil {
				if old := before.licence(l.Relay, l.Number); old != nil && *old == *l {
					continue // a cap that was lowered since takes nothing back
				}
			}
			if l.Currency != currency {
				return invalid("licence.currency", "is not %s", currency)
			}
			if l.Fee > feeCap {
				return invalid("licence.fee", "is over the cap of %d", feeCap)
			}
		}
	}
	return nil
}
