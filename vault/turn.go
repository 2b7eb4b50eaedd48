package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Vault is one person's safe, opened: a capability that reaches the
// compartments its keys reach, as an actor. What it cannot reach it does not
// list. It is safe for many goroutines; their changes queue. Close forgets the keys.
type Vault struct {
	service *Vaults
	id      ID
	actor   Actor
	purpose string
	signer  seal.SigningKey
	guest   *guest // nil: whoever has this open holds Owner's keys

	mu      sync.Mutex // guards what follows; turns of one handle run one after the other
	rings   rings
	pages   pageCache
	epoch   uint64
	session *session // nil: opened without one
	closed  bool

	loginRecord string // key of the login record; "": not known yet

	entering bool     // a sign-in that goes on: a stop ends what was before it
	held     *held    // not nil: opened by a boxed keyslot
	standing Standing // what else must be true in each commit
}

// turn is the one gate through which everything passes that is done in an open
// vault: it verifies the heads against witness and keys, holds the change and
// its journal line, and writes them in one commit. A journal line that cannot be
// written denies the act, because no plaintext leaves before the commit (rule 3).
type turn struct {
	v     *Vault
	ctx   context.Context
	tx    *storage.Tx
	now   time.Time
	heads *heads

	ownerDirty bool
	ownerAhead bool                // of what the witness last said: it is told again until it knows
	away       bool                // the witness does not answer
	resealing  bool                // what is put is only sealed anew
	beside     int64               // bytes of what goes as soon as what is put came out of it
	recalls    []Message           // that are taken off a relay's list once this is committed
	stop       uint64              // number of the latest stop
	papers     map[[16]byte][]byte // that were written in this turn
	scanned    map[[16]byte][]byte // as stored, where all were read in one go
	entries    []Entry
	report     signedOwner // to the witness, if the owner head moved or it does not know it
	after      func()      // called when the commit has happened

	given      []*keptGrant // what was allowed to others, once it was read
	links      []*keptLink  // and by links, with them
	used       *usesBody    // how often links were used, once it was read
	papersLost bool         // and whether some Owner paper could not be
	pagesLost  bool         // or a whole page, so that none can be written
	ways       []*keptPath  // the paths back in, once they were read
	waysLost   bool         // and whether the paper of one could not be

	// What becomes the handle's own with the commit: a turn may replace it.
	session *session
	signer  seal.SigningKey
	rings   rings
}

// do runs fn in a turn. fn may run several times, as storage.Transact does.
func (v *Vault) do(ctx context.Context, fn func(t *turn) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.doLocked(ctx, fn)
}

func (v *Vault) doLocked(ctx context.Context, fn func(t *turn) error) error {
	if v.closed {
		return ErrClosed
	}
	leave, err := v.service.queue.enter(ctx, v.id)
	if err != nil {
		return err
	}
	defer leave()
	var done *turn
	try := func() error {
		// Checkpoints first, then the store: what the store shows can only be newer.
		known := v.service.latest(ctx, v.id)
		return v.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
			t, err := v.begin(ctx, tx, known)
			if err != nil {
				return err
			}
			if err := fn(t); err != nil {
				return err
			}
			if err := t.touch(); err != nil {
				return err
			}
			done = t
			return t.finish()
		})
	}
	err = try()
	if errors.Is(err, ErrStale) { // another process may have been faster: look once more
		err = try()
	}
	if v.guest != nil && errors.Is(err, ErrFull) {
		return ErrFull // how much is left says how large Private is
	}
	if err != nil {
		return storageError(err)
	}
	v.remember(done)
	v.service.recalled(ctx, done.recalls)
	return nil
}

// begin reads and verifies the heads.
func (v *Vault) begin(ctx context.Context, tx *storage.Tx, known view) (*turn, error) {
	now := v.service.now()
	if v.guest != nil {
		return v.guest.begin(ctx, v, tx, known, now)
	}
	h, err := readHeads(tx, v.id, v.signer.Public(), v.rings, v.epoch, v.service.signatures)
	if err != nil {
		return nil, err
	}
	if err := h.compare(known.heads); err != nil {
		return nil, err
	}
	if h.owner.Erased != 0 || h.owner.Epoch != v.epoch {
		return nil, ErrSessionEnded
	}
	stop, err := v.latestStop(ctx, h, known)
	if err != nil {
		return nil, err
	}
	if stop > h.owner.Stop && !v.entering { // whatever session the store brings back
		return nil, ErrSessionEnded
	}
	if v.standing != nil { // a manager in a relay's own space
		if err := v.standing(ctx, tx, now); err != nil {
			return nil, err
		}
	}
	if err := v.checkSession(tx, h, now); err != nil {
		return nil, err
	}
	if h.owner.Erased == 0 && !slices.Equal(h.owner.Service, v.service.keys.signer.Public()) {
		// Signing the journal with another key would make it unreadable for ever.
		return nil, fmt.Errorf("%w: these are not the service keys of this vault", ErrKeyService)
	}
	t := v.newTurn(ctx, tx, known, now, h)
	t.stop = stop
	return t, nil
}

func (v *Vault) newTurn(ctx context.Context, tx *storage.Tx, known view, now time.Time, h *heads) *turn {
	mark, told := known.told[headOwner]
	return &turn{
		v: v, ctx: ctx, tx: tx, now: now, heads: h, session: v.session, signer: v.signer, rings: v.rings,
		away:       known.away,
		ownerAhead: known.asked && (!told || later(h.checkpoint(headOwner), mark)),
	}
}

// compare refuses what is older than a checkpoint (C1) or another history of
// the same version (C2).
func (h *heads) compare(marks map[string]Checkpoint) error {
	for _, now := range h.checkpoints() {
		if err := compareOne(now, marks); err != nil {
			return err
		}
	}
	return nil
}

func compareOne(now Checkpoint, marks map[string]Checkpoint) error {
	mark, ok := marks[now.Head]
	switch {
	case !ok:
	case later(mark, now):
		return ErrStale
	case sameVersion(now, mark) && now.Hash != mark.Hash:
		return tampered("%s head", now.Head)
	}
	return nil
}

// finish writes pages, heads and journal into the transaction.
func (t *turn) finish() error {
	v := t.v
	if err := t.renewPolicy(); err != nil {
		return err
	}
	for _, c := range compartments {
		ix, ok := t.heads.indexes[c]
		if !ok || !ix.dirty {
			continue
		}
		if err := t.flush(c, ix); err != nil {
			return err
		}
		if c == Owner {
			t.heads.owner.Pages, t.ownerDirty = ix.Pages, true
			continue
		}
		ix.version++
		ix.restore = t.heads.owner.Restore
		gen := t.rings[c].current()
		ix.generation = gen.number
		record, err := sealIndex(v.id, c, ix, gen)
		if err != nil {
			return err
		}
		t.heads.raw[c] = record
		t.tx.PutUnique(v.id.head(c), record)
	}
	if err := t.writeJournal(); err != nil {
		return err
	}
	if t.ownerDirty {
		if v.guest != nil {
			return ErrNotAllowed
		}
		t.heads.owner.Version++
		record, err := t.signer.SealOwnerHead(t.heads.owner)
		if err != nil {
			return err
		}
		t.heads.raw[Owner] = record
		t.tx.PutUnique(v.id.head(Owner), record)
	}
	// A guest does not report the owner head: they cannot name the login record that
	// the witness keeps with it, and what was kept first stays.
	if !t.ownerDirty && (!t.ownerAhead || v.guest != nil) {
		return nil
	}
	var err error
	t.report, err = t.ownerReport()
	return err
}

// remember keeps what the commit left: pages by digest and the heads as the
// highest seen. The report to the witness follows within a second.
func (v *Vault) remember(t *turn) {
	for _, ix := range t.heads.indexes {
		for n := range ix.changed {
			v.pages.put(ix.Pages[n], ix.loaded[n])
		}
	}
	v.epoch, v.session, v.signer, v.rings = t.heads.owner.Epoch, t.session, t.signer, t.rings
	v.service.marks.seen(v.id, t.heads.checkpoints())
	if t.report.record != nil || len(t.entries) > 0 {
		v.service.reporter.report(v.id, t.heads.checkpoints(), t.report)
	}
	if t.after != nil {
		t.after()
	}
}

// ID returns the id of the vault. It is no secret.
func (v *Vault) ID() ID { return v.id }

// Close forgets the keys. A session goes on: Resume opens it again.
func (v *Vault) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed, v.rings, v.pages, v.signer, v.session = true, nil, pageCache{}, seal.SigningKey{}, nil
	v.guest, v.held = nil, nil
}

func (s *Vaults) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }
