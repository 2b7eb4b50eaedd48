package vault

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// What package recovery needs beside the paths themselves.

// GrantTo returns the grant in force that lets a holder in who has no note of it: a desk,
// which keeps no list of people. Each is tried with the holder's keys, as the store does
// not say whose it is (N20). ErrNotFound if there is none.
func (s *Vaults) GrantTo(ctx context.Context, id ID, g Guest) (GrantID, error) {
	head, err := s.trustedHead(ctx, id, g.Pinned)
	if errors.Is(err, ErrEnded) {
		return GrantID{}, ErrNotFound
	}
	if err != nil {
		return GrantID{}, err
	}
	prefix := id.key("g/")
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return GrantID{}, storageError(err)
		}
		grant, err := ParseID(strings.TrimPrefix(rec.Key, prefix))
		if err != nil {
			continue
		}
		body, _, err := openGrant(id, GrantID(grant), g.Holder, rec.Value, g.Keys)
		if err != nil {
			continue // another's
		}
		digest := seal.Digest(body.Terms)
		if isListed(head, digest[:]) {
			return GrantID(grant), nil
		}
	}
	return GrantID{}, ErrNotFound
}

// Half returns what goes with this guest's grant of a path. It opens nothing alone.
func (v *Vault) Half(path PathID) (Half, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guest == nil {
		return Half{}, false
	}
	i := slices.IndexFunc(v.guest.halves, func(h half) bool { return PathID(h.Path) == path })
	if i < 0 {
		return Half{}, false
	}
	return Half{Shared: v.guest.halves[i].Shared, Private: v.guest.halves[i].Private}, true
}

// Write commits further writes, with a line in the journal in the name of who has v open,
// person or helper: the commit checks that they still may be there (N7). also may run
// several times. In the space of a relay whoever works there may. ErrNotAllowed to
// visitors and to who may only leave something.
func (v *Vault) Write(ctx context.Context, act Act, detail map[string]string, also func(tx *storage.Tx) error) error {
	return v.do(ctx, func(t *turn) error {
		team := v.guest != nil && v.guest.terms.Scope == ScopeTeam
		if err := t.asPersonOrHelper(); err != nil && !team {
			return err
		}
		t.note(act, nil, detail)
		return also(t.tx)
	})
}

// asPersonOrHelper refuses who does not help this person, as mayStop does: a visitor, or
// who may only leave something.
func (t *turn) asPersonOrHelper() error {
	if t.v.guest == nil {
		return t.asPerson()
	}
	return t.mayStop()
}

// ToOwner seals a body that only the person opens, for a place: [Vault.FromInbox].
func (v *Vault) ToOwner(ctx context.Context, c seal.Context, body []byte) (envelope []byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPersonOrHelper(); err != nil {
			return err
		}
		keys, ok := keysOf(t.heads.owner, Owner)
		if !ok {
			return tampered("owner head")
		}
		inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
		if err != nil {
			return tampered("owner head")
		}
		envelope, err = inbox.Seal(c, nil, body)
		return err
	})
	return envelope, err
}

// FromInbox opens what [Vault.ToOwner] sealed for the person who has v open.
func (v *Vault) FromInbox(ctx context.Context, c seal.Context, envelope []byte) (body []byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		for _, g := range slices.Backward(t.rings[Owner].generations) {
			if _, body, err = g.inbox.Open(c, envelope); err == nil {
				return nil
			}
		}
		return tampered("what was sealed to its person")
	})
	return body, err
}

// Pointer says where something lies that people find by a short number: a request to
// help somebody back in, by what stands on a slip of paper.
//
//	svc/handover/<keyed hash of the number>: sealed under the service's lookup key: vault | object
type Pointer struct {
	Vault  ID
	Object [16]byte
}

const pointerPrefix = serviceOwner + "/handover/"

func (s *Vaults) pointerPlace(number string) (key string, c seal.Context) {
	hash := s.keys.hash("hand-over number", number)
	return pointerPrefix + hex.EncodeToString(hash[:]), seal.Context{Type: seal.TypeRequest, Object: hash[:]}
}

func (s *Vaults) pointerKey() seal.Key {
	return seal.DeriveKey(s.keys.lookup.Bytes(), "hand-over numbers", nil)
}

// PutPointer writes one in a commit, and returns its key, by which it is deleted.
// ErrRevision if the number is taken: draw another.
func (s *Vaults) PutPointer(tx *storage.Tx, number string, p Pointer) (key string, err error) {
	key, c := s.pointerPlace(number)
	if _, err := tx.Get(key); !isNotFound(err) {
		if err == nil {
			err = ErrRevision
		}
		return "", err
	}
	record, err := s.pointerKey().Seal(c, nil, slices.Concat(p.Vault[:], p.Object[:]))
	if err == nil {
		tx.PutUnique(key, record)
	}
	return key, err
}

// FindPointer returns where a number leads; for one that nobody has, or that was altered, a
// place that does not exist and is always the same, so that the same work is done there
// (E8).
func (s *Vaults) FindPointer(ctx context.Context, number string) (p Pointer, found bool, err error) {
	key, c := s.pointerPlace(number)
	rec, err := s.cfg.Store.Get(ctx, key)
	if err != nil && !isNotFound(err) {
		return p, false, storageError(err)
	}
	if err == nil {
		if _, body, err := s.pointerKey().Open(c, rec.Value); err == nil && len(body) == len(p.Vault)+len(p.Object) {
			return Pointer{Vault: ID(body[:16]), Object: [16]byte(body[16:])}, true, nil
		}
	}
	nobody := s.keys.hash("hand-over number of nobody", number)
	return Pointer{Vault: ID(nobody[:16]), Object: [16]byte(nobody[16:])}, false, nil
}

// EndAt notes at the witness, by a count at a counter of its own, that what lies at an
// object has ended: a store that brings it back is not believed. It stays for 30 days.
// Errors: ErrWitnessAway.
func (s *Vaults) EndAt(ctx context.Context, id ID, object [16]byte) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	if _, err := s.cfg.Limiter.Count(waits, id, s.endCounter(id, object)); err != nil {
		return cmp.Or(ctx.Err(), ErrWitnessAway)
	}
	return nil
}

// EndedAt says whether [Vaults.EndAt] was called, without counting. Errors: ErrWitnessAway.
func (s *Vaults) EndedAt(ctx context.Context, id ID, object [16]byte) (bool, error) {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	tries, err := s.cfg.Limiter.Tried(waits, id, s.endCounter(id, object))
	if err != nil {
		return false, cmp.Or(ctx.Err(), ErrWitnessAway)
	}
	return tries.Failed > 0, nil
}

func (s *Vaults) endCounter(id ID, object [16]byte) [32]byte {
	return s.keys.hash("hand-over ended", string(id[:])+string(object[:]))
}

// EvaluateCode lets the witness evaluate its key for a code that people type, counted at
// a counter of its own before it answers (F9). generation 0 is the newest. Errors:
// BackOffError, ErrCardDead after too many tries, ErrWitnessAway.
func (s *Vaults) EvaluateCode(ctx context.Context, id ID, object [16]byte, part byte, input [32]byte, generation uint64) (Evaluation, error) {
	counter := s.keys.hash("hand-over code", string(id[:])+string(object[:])+string([]byte{part}))
	e, err := s.evaluate(ctx, id, counter, input, generation)
	switch {
	case err != nil:
		return Evaluation{}, err
	case e.Tries.Spent:
		return Evaluation{}, ErrCardDead
	case e.Tries.Wait > 0:
		return Evaluation{}, &BackOffError{Wait: e.Tries.Wait}
	case e.Generation == 0:
		return Evaluation{}, ErrWitnessAway
	}
	return e, nil
}
