package witness

import (
	"cmp"
	"context"
	"fmt"

	"reconnect.example/storage"
)

// Checkpoint is the version and hash of one head of a vault. Checkpoints of one
// head are ordered by (Restore, Version).
type Checkpoint = struct {
	Head    string // "owner", "shared", "private", "journal" or "stop"
	Restore uint64 // restore epoch: how often the store was legitimately set back
	Version uint64
	Hash    [32]byte // of the head's record
}

// ownerName is the head that is believed for its signature only.
const ownerName = "owner"

// stopName is the stop that ended all sessions of a person last: who helps them and
// holds no key of theirs leaves it. Its version is its number.
const stopName = "stop"

// maxStopStep is how far a report raises the number of a stop: whoever has stolen the
// credential of a client does not use the numbers up, after which no stop could count.
const maxStopStep = 1000

// headNames are the heads of a vault, in the order of every answer. Stored
// records name a head by its place here: add at the end only.
var headNames = [...]string{ownerName, "shared", "private", "journal", stopName}

// compare orders two checkpoints of one head.
func compare(a, b Checkpoint) int {
	return cmp.Or(cmp.Compare(a.Restore, b.Restore), cmp.Compare(a.Version, b.Version))
}

// heads are the checkpoints of one vault by name.
type heads map[string]Checkpoint

// raise takes a checkpoint if it is later than the known one. fork says that it
// is another one of the same version.
func (h heads) raise(c Checkpoint) (raised, fork bool) {
	known, ok := h[c.Head]
	unread := c.Head == stopName && known.Hash == [32]byte{} // the owner head was faster than the stop that it follows
	switch order := compare(c, known); {
	case !ok || order > 0 || order == 0 && unread:
		h[c.Head] = c
		return true, false
	default:
		return false, order == 0 && c.Hash != known.Hash
	}
}

// list returns the checkpoints in the order of headNames.
func (h heads) list() []Checkpoint {
	list := make([]Checkpoint, 0, len(h))
	for _, name := range headNames {
		if c, ok := h[name]; ok {
			list = append(list, c)
		}
	}
	return list
}

// Latest returns the checkpoints of a vault: those that are durable, and those
// that wait to be written. Of an unknown vault there are none, which is no
// error; of an erased one only the owner's, which is the tombstone's. It costs
// one Get.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Latest(ctx context.Context, vault [16]byte) ([]Checkpoint, error) {
	s, err := w.latest(ctx, vault)
	if err != nil {
		return nil, closedSet("latest", err)
	}
	return s.heads.list(), nil
}

func (w *Witness) latest(ctx context.Context, vault [16]byte) (*state, error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	unwritten := w.pending.of(vault) // before the store, see pending
	s, err := loadState(reader(ctx, w.store), vault)
	if err != nil {
		return nil, err
	}
	s.add(unwritten)
	return s, nil
}

// Raise reports heads of a vault and returns what is remembered afterwards. A
// report that is later than what is remembered replaces it, an earlier one
// changes nothing. Another hash at the version that is remembered is a fork: it
// is not taken, evidence of it is kept (see [Witness.Forks]), and the caller
// sees by the answer that its own hash is not the remembered one.
//
// owner is the signed owner head, and given exactly if heads has an "owner". The
// first owner head registers the vault, with its key and its service's key. A
// later one must be signed by that key, or by a key that it signed as its
// successor, which then takes its place. An owner head that says "erased" is a
// tombstone: it is kept for ever, all else about the vault is dropped, and only
// the same tombstone may be reported again, which finishes the dropping if that
// was interrupted.
//
// A stop is of no restore epoch: it holds through every restore, until the person has
// signed in. Its number goes up by at most 1000 in one report (ErrInvalid), and with an
// owner head that has followed a later one. A false report of one ends the person's
// sessions, and nothing else.
//
// Reports with an owner head, of a stop, and with durable, have survived a loss of power
// when Raise returns. Others count at once and are written within
// [Config.FlushEvery]; a crash may lose them. A report is taken as a whole or
// not at all. After ErrUnavailable it may have been taken; after any other error
// it was not. Every report may be repeated.
//
// Errors: ErrInvalid, ErrForged, ErrUntrustedKey, ErrUnregistered, ErrErased,
// ErrRestore, ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Raise(ctx context.Context, vault [16]byte, heads []Checkpoint, owner []byte, durable bool) ([]Checkpoint, error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	r, err := newReport(vault, heads, owner)
	if err != nil {
		return nil, closedSet("raise", err)
	}
	leave, err := w.queue.enter(ctx, vaultKey(vault))
	if err != nil {
		return nil, closedSet("raise", err)
	}
	defer leave()
	if r.owner == nil && !durable && !r.stops() && w.pending.roomy() {
		s, err := w.coalesce(ctx, r)
		if err != nil {
			return nil, closedSet("raise", err)
		}
		if len(s.forks) == 0 { // evidence is worth a commit of its own
			return s.heads.list(), nil
		}
	}
	s, err := w.commit(ctx, r)
	if err != nil {
		return nil, closedSet("raise", err)
	}
	return s.heads.list(), nil
}

// coalesce judges a report and leaves it to the next flush. It is not for
// reports with an owner head or of a stop.
func (w *Witness) coalesce(ctx context.Context, r *report) (*state, error) {
	s, err := w.latest(ctx, r.vault)
	if err != nil {
		return nil, err
	}
	if err := s.take(r); err != nil {
		return nil, err
	}
	if s.changed && len(s.forks) == 0 { // by r, or only by what is pending already: no harm
		return s, w.pending.add(r.vault, r.heads)
	}
	return s, nil
}

// commit judges a report and writes it, with all that is pending for its vault;
// the next flush finds that written, and removes it.
func (w *Witness) commit(ctx context.Context, r *report) (*state, error) {
	var s *state
	err := w.store.Transact(ctx, func(tx *storage.Tx) (err error) {
		s, err = w.apply(tx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.Erased == 0 {
		return s, nil
	}
	// The tombstone is durable first: a crash in the middle leaves records that
	// open nothing, and the report, which was not answered, comes again.
	if err := w.forget(ctx, r.vault); err != nil {
		return nil, fmt.Errorf("erased, but not all is dropped yet: %w", err)
	}
	return s, nil
}

// apply puts what is pending for a vault, and then a report, on its stored
// state, all in tx.
func (w *Witness) apply(tx *storage.Tx, r *report) (*state, error) {
	s, err := loadState(tx.Get, r.vault)
	if err != nil {
		return nil, err
	}
	s.add(w.pending.of(r.vault))
	if err := s.take(r); err != nil {
		return nil, err
	}
	for _, f := range s.forks {
		if err := w.keepFork(tx, r, f); err != nil {
			return nil, err
		}
	}
	if s.newOwner {
		if err := dropSides(tx, r.vault, r.checkpoint()); err != nil {
			return nil, err
		}
		if s.Erased == 0 {
			if err := takePolicy(tx, r, w.clock.read()); err != nil {
				return nil, err
			}
		}
		tx.Put(ownerKey(r.vault), append([]byte{form}, r.owner...))
	}
	if s.changed {
		return s, put(tx, vaultKey(r.vault), s.record())
	}
	return s, nil
}
