package vault

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// A store that was put back from a backup looks like one that was rolled back by
// an attacker. What tells them apart is a statement (seal.Restore) that operator
// and witness signed, each with a key of its own: it names exactly one set of
// heads, so that no store chooses another day, and a restore epoch, so that it
// counts once (C8). A vault takes it at a sign-in, because only then are its keys
// at hand; what is restored are Shared, Private and the journal, never the owner
// side (N16). The person is told, until they say that they know.

// Restored is one time when the service's store was set back to a backup.
type Restored struct {
	Taken     time.Time // the instant of the backup: what was done here later is gone
	Accepted  time.Time // the sign-in at which this vault took it
	Confirmed time.Time // when the person said that they know; zero: not yet
}

// restoredBody is an Owner paper of the kind paperRestored.
type restoredBody struct {
	Epoch     uint64 `cbor:"1,keyasint"`
	Taken     int64  `cbor:"2,keyasint"` // unix milliseconds, all three
	Accepted  int64  `cbor:"3,keyasint"`
	Confirmed int64  `cbor:"4,keyasint,omitempty"`
}

// restoredPaper is the id of the paper about one restore epoch, so that the
// latest is found without reading all papers.
func restoredPaper(epoch uint64) (id [16]byte) {
	id[7] = 2
	binary.BigEndian.PutUint64(id[8:], epoch)
	return id
}

// AwaitRestore marks a vault about whose stored heads a restore statement is
// about to be made: until the next sign-in with the witness there, nobody signs in
// while it is away. Whatever was written then would move the heads on from those
// that the statement names, and the vault could not take it any more. Call it
// before the witness is asked to countersign. Durable on return.
func (s *Vaults) AwaitRestore(ctx context.Context, id ID) error {
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Put(id.awaits(), nil)
		return nil
	}))
}

func (id ID) awaits() string { return id.key("back") }

// acceptRestore takes the restore that the witness shows, if it shows one. If
// there is no statement that holds, nothing is taken, and the turn that follows
// meets the checkpoints and answers ErrStale.
func (v *Vault) acceptRestore(ctx context.Context, p *proof, check *secretCheck) error {
	keys, epoch := v.service.cfg.Restore, restoreEpoch(p.marks)
	if p.away {
		return v.refuseAwaiting(ctx)
	}
	if keys == nil || epoch <= check.owner.Restore {
		return nil
	}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	complete, err := v.service.cfg.Checkpoints.Restored(waits, v.id)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrWitnessAway
	}
	if complete == nil {
		return nil
	}
	r, err := seal.OpenRestored(keys.Operator, keys.Witness, v.id, complete)
	if err != nil || r.Epoch != epoch {
		return fmt.Errorf("%w: the restore statement does not hold", ErrStale)
	}
	return v.takeRestore(ctx, p, r, check.raw)
}

// refuseAwaiting is for a sign-in while the witness is away.
func (v *Vault) refuseAwaiting(ctx context.Context) error {
	_, err := v.service.cfg.Store.Get(ctx, v.id.awaits())
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return storageError(err)
	}
	return ErrWitnessAway
}

// restoreEpoch is the epoch in which the witness shows all of the heads that a
// restore sets back; 0 if it does not show all of them in one.
func restoreEpoch(marks map[string]Checkpoint) (epoch uint64) {
	for i, name := range seal.RestoredHeads() {
		mark, ok := marks[name]
		if !ok || i > 0 && mark.Restore != epoch {
			return 0
		}
		epoch = mark.Restore
	}
	return epoch
}

// takeRestore is the one commit in which a vault goes on from the heads that the
// statement names: the owner head of the next epoch, the restored heads under
// the current generation, the line and the paper. A crash before it leaves all as
// it was, and the next sign-in comes here again. proved is the owner head by which
// the secret was held against the store.
func (v *Vault) takeRestore(ctx context.Context, p *proof, r *seal.Restore, proved []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.restoreAside(ctx, r); err != nil {
		return err
	}
	done, err := v.commitRestored(ctx, p, r, proved)
	if err != nil {
		return storageError(err)
	}
	if done == nil {
		return nil // another process was faster
	}
	v.remember(done)
	err = v.service.confirm(ctx, v.id, done.heads.checkpoints(), done.report)
	if errors.Is(err, ErrTampered) {
		return err // two stores took one statement: this one is in the fork
	}
	return nil // if not, then by the report that is queued, or the next turn's
}

func (v *Vault) commitRestored(ctx context.Context, p *proof, r *seal.Restore, proved []byte) (done *turn, err error) {
	leave, err := v.service.queue.enter(ctx, v.id)
	if err != nil {
		return nil, err
	}
	defer leave()
	err = v.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		t, err := v.beginRestored(ctx, tx, p, r, proved)
		if done = t; t == nil || err != nil {
			return err
		}
		return t.finish()
	})
	return done, err
}

// beginRestored is a turn on the restored heads; nil if they were taken already.
func (v *Vault) beginRestored(ctx context.Context, tx *storage.Tx, p *proof, r *seal.Restore, proved []byte) (*turn, error) {
	raw, err := readRawHeads(tx, v.id)
	if err != nil {
		return nil, err
	}
	h := &heads{indexes: map[Compartment]*index{}, raw: raw}
	if h.owner, err = openOwnerHead(v.id, raw[Owner]); err != nil {
		return nil, err
	}
	if !slices.Equal(h.owner.Key, v.signer.Public()) {
		return nil, ErrSignIn // the keys were changed since the password was looked at
	}
	if h.owner.Erased != 0 || h.owner.Restore >= r.Epoch {
		return nil, nil
	}
	// C3, N16: that one was held against the witness. An older one, shown only now,
	// would be signed again, and be later than everything: with the old password.
	if !slices.Equal(raw[Owner], proved) {
		return nil, ErrStale
	}
	if !slices.Equal(h.owner.Service, v.service.keys.signer.Public()) {
		return nil, fmt.Errorf("%w: these are not the service keys of this vault", ErrKeyService)
	}
	t := &turn{v: v, ctx: ctx, tx: tx, now: v.service.now(), heads: h, ownerDirty: true, signer: v.signer, rings: v.rings}
	if err := t.openRestored(p, r); err != nil {
		return nil, err
	}
	h.owner.Restore = r.Epoch
	if err := errors.Join(t.renewWish(), t.renewReminders()); err != nil {
		return nil, err
	}
	if h.owner.Closing != 0 { // the tombstone that was signed at closing is of an earlier epoch
		if err := t.presign(); err != nil {
			return nil, err
		}
	}
	v.epoch = h.owner.Epoch
	paper := restoredBody{Epoch: r.Epoch, Taken: r.Taken, Accepted: t.now.UnixMilli()}
	t.note(ActVaultRestored, nil, map[string]string{"taken": time.UnixMilli(r.Taken).UTC().Format(time.RFC3339)})
	return t, t.putPaper(restoredPaper(r.Epoch), 1, paperRestored, paper)
}

// openRestored opens the heads that the store has, which must be those of the
// statement: with an older or another store the statement opens nothing (C8).
// They may lie under an older generation and are sealed under the current one;
// Since stays, so that everything else follows. A vault that is younger than the
// backup begins again with nothing in it.
func (t *turn) openRestored(p *proof, r *seal.Restore) (err error) {
	h := t.heads
	h.indexes[Owner] = ownerIndex(h.owner)
	for _, stated := range r.Heads {
		c := map[string]Compartment{headShared: Shared, headPrivate: Private}[stated.Head]
		var hash [32]byte
		if record := h.raw[c]; record != nil {
			hash = seal.Digest(record)
		}
		if hash != stated.Hash {
			return ErrStale
		}
		version := uint64(0)
		switch {
		case stated.Version == 0 && c != 0:
			current := t.rings[c].current().number
			h.indexes[c] = &index{generation: current, sealedHead: sealedHead{Since: current}}
			h.indexes[c].reset()
		case stated.Version == 0:
			err = t.openLedger()
		case c != 0:
			if c == Private && isOfLocked(h.owner, h.raw[c], t.rings[c]) {
				version, err = t.lockAgain(p, h.raw[c])
				break
			}
			if h.indexes[c], err = openIndex(t.v.id, c, h.raw[c], t.rings[c]); err == nil {
				version = h.indexes[c].version
			}
		default:
			h.journal, err = openJournalHead(t.v.id, h.owner.Service, h.raw[c])
			version = h.journal.Count
		}
		if err != nil {
			return err
		}
		if version != stated.Version {
			return ErrStale
		}
		if c != 0 {
			h.indexes[c].dirty = true
		}
	}
	if err := t.forgetRestored(p, h.raw[Private]); err != nil {
		return err
	}
	for i := range h.owner.Locked { // later lines are none that waited for what is locked
		h.owner.Locked[i].Line = min(h.owner.Locked[i].Line, h.journal.Count)
	}
	if ix, ok := h.indexes[Private]; ok && len(h.owner.Locked) > 0 {
		ix.Cursor, ix.Skip = min(ix.Cursor, h.journal.Count), nil
	}
	if _, reached := t.rings[Private]; !reached {
		return nil
	}
	return t.listAgain()
}

// openLedger begins the books of a vault that the backup does not know.
func (t *turn) openLedger() error {
	if _, err := t.v.service.cfg.Quota.Usage(t.tx, t.v.id.String()); !errors.Is(err, quota.ErrNoLedger) {
		return err
	}
	return t.v.service.cfg.Quota.Open(t.tx, t.v.id.String())
}

// Restores returns every time when the service's store was set back to a backup,
// the earliest first. It is a line in the journal.
func (v *Vault) Restores(ctx context.Context) (out []Restored, err error) {
	err = v.do(ctx, func(t *turn) error {
		t.note(ActAccountRead, nil, nil)
		papers, err := t.restores()
		out = out[:0]
		for _, p := range papers {
			out = append(out, p.restored())
		}
		return err
	})
	return out, err
}

// ConfirmRestored notes that the person knows of every restore so far: Overview
// does not show it any more. [Vault.Restores] does.
func (v *Vault) ConfirmRestored(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		papers, err := t.restores()
		if err != nil {
			return err
		}
		open := false
		for _, p := range papers {
			if p.Confirmed != 0 {
				continue
			}
			p.Confirmed, open = t.now.UnixMilli(), true
			if err := t.putPaper(restoredPaper(p.Epoch), 2, paperRestored, p); err != nil {
				return err
			}
		}
		if open {
			t.note(ActRestoreConfirmed, nil, nil)
		}
		return nil
	})
}

func (b restoredBody) restored() Restored {
	r := Restored{Taken: time.UnixMilli(b.Taken).UTC(), Accepted: time.UnixMilli(b.Accepted).UTC()}
	if b.Confirmed != 0 {
		r.Confirmed = time.UnixMilli(b.Confirmed).UTC()
	}
	return r
}

func (t *turn) restores() (out []restoredBody, err error) {
	err = t.eachPaper(paperRestored, func(_ [16]byte, p ownerPaper) error {
		var b restoredBody
		if seal.Unmarshal(p.Body, &b) != nil {
			return tampered("owner paper")
		}
		out = append(out, b)
		return nil
	})
	slices.SortFunc(out, func(a, b restoredBody) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return out, err
}

// unconfirmed is the restore that the person has not confirmed: the latest, as
// that is the day which they see. altered: its paper was spoilt, so that nobody
// can say.
func (t *turn) unconfirmed() (r *Restored, altered bool, err error) {
	if t.heads.owner.Restore == 0 { // nearly always: nothing is read
		return nil, false, nil
	}
	_, e, found, err := t.lookup(Owner, restoredPaper(t.heads.owner.Restore))
	if err != nil || !found {
		return nil, false, err
	}
	p, err := t.openPaper(e)
	var b restoredBody
	if errors.Is(err, ErrTampered) || err == nil && seal.Unmarshal(p.Body, &b) != nil {
		return &Restored{}, true, nil
	}
	if err != nil || b.Confirmed != 0 {
		return nil, false, err
	}
	restored := b.restored()
	return &restored, false, nil
}

// StoredHeads returns what a store has of the heads that a restore statement
// names, in the order of the statement, without any key: a head that it does not
// have is of version 0 with a zero hash. What it says is the store's word; the
// vault holds it against its own keys when it takes the statement.
//
// Errors: ErrTampered for a head that cannot be read, ErrStorage.
func StoredHeads(ctx context.Context, store *storage.Store, id ID) ([]Checkpoint, error) {
	var out []Checkpoint
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		raw, err := readRawHeads(tx, id)
		out = nil
		for _, name := range seal.RestoredHeads() {
			c := map[string]Compartment{headShared: Shared, headPrivate: Private}[name]
			stored := Checkpoint{Head: name}
			if record := raw[c]; err == nil && record != nil {
				stored.Hash = seal.Digest(record)
				stored.Restore, stored.Version, err = storedVersion(name, record)
			}
			out = append(out, stored)
		}
		return err
	})
	return out, storageError(err)
}

func storedVersion(name string, record []byte) (restore, version uint64, err error) {
	_, clear, err := seal.ParseClear(record)
	if name == headJournal {
		var h journalHead
		if err != nil || seal.Unmarshal(clear, &h) != nil || h.Count == 0 {
			return 0, 0, tampered("%s head", name)
		}
		return h.Restore, h.Count, nil
	}
	var h clearHead
	if err != nil || seal.Unmarshal(clear, &h) != nil || h.Version == 0 {
		return 0, 0, tampered("%s head", name)
	}
	return h.Restore, h.Version, nil
}
