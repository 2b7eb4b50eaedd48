package vault

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// A locked Private joins the present one in many commits. The first needs the old root:
// its generations join the keyring, its keyslots go. What is locked and whose generation
// is in the keyring is joining, and that is all that says so. Then page by page: the
// entries join the present pages, the page goes, and the locked head, sealed anew under
// its own generation, counts no entry on it any more. The last commit takes what is
// left of it out of the owner head.

// joinBatch keeps a commit below the limit of a batch: each page that joins goes, and
// changes at most two of the present ones beside the one that is begun.
const joinBatch = 20

// unlock joins a locked Private to the present one, and seals everything anew. Who has
// the present generations only, another session, signs in again.
func (v *Vault) unlock(ctx context.Context, p *proof, found lockedRoot, also AlsoOpened) (n int, err error) {
	err = v.changeOwner(ctx, func(t *turn) (err error) {
		if err := errors.Join(t.asPerson(), t.proved(p)); err != nil {
			return err
		}
		var later []byte
		if n, later, err = t.beginJoin(p, found); err != nil {
			return err
		}
		if also != nil {
			if err := also(t.tx, later); err != nil {
				return err
			}
		}
		return t.raiseEpoch(besideKeys)
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return 0, err
	}
	switch left := v.reseal(ctx); {
	case errors.Is(left, ErrTampered): // a page of it, since it was looked at
		return n, left
	case left != nil:
		return n, ErrUnconfirmed // it is open; the next sign-in goes on
	}
	_, _ = v.TakeIn(ctx)
	return n, err
}

// beginJoin is the first commit: from it on, no old secret is needed. What the store has
// altered of it is refused, and stays locked. later is what was to open it.
func (t *turn) beginJoin(p *proof, found lockedRoot) (n int, later []byte, err error) {
	i := slices.IndexFunc(t.heads.owner.Locked, func(l seal.LockedPrivate) bool { return l.Number == found.number })
	if i < 0 || t.joins(t.heads.owner.Locked[i]) {
		return 0, nil, ErrNotFound
	}
	locked := t.heads.owner.Locked[i]
	old, ix, err := t.openLocked(locked, found.root)
	if err != nil {
		return 0, nil, err
	}
	for page := range ix.Pages {
		one, err := t.lockedPage(locked.Number, ix, page, old)
		if err != nil {
			return 0, nil, err
		}
		n += len(one.entries)
	}
	now := t.heads.indexes[Private]
	now.Since, now.dirty = min(now.Since, ix.Since), true
	t.joinsInbox(ix, locked.Line)
	t.note(ActPrivateUnlocked, nil, map[string]string{detailNumber: strconv.FormatUint(locked.Number, 10), "count": strconv.Itoa(n)})
	if err := t.joinRing(p, old); err != nil {
		return 0, nil, err
	}
	latest, err := t.laterNumber(p)
	if err != nil {
		return 0, nil, err
	}
	if err := t.dropLockedSlots(p, locked.Number); err != nil {
		return 0, nil, err
	}
	if later, err = t.takeLater(locked.Number, latest); err != nil {
		return 0, nil, err
	}
	return n, later, t.dropLater()
}

// joinsInbox lets the present Private take in what waited in the inbox of what joins, up
// to the line at which it was locked, and empty its bin in time.
func (t *turn) joinsInbox(ix *index, line uint64) {
	now := t.heads.indexes[Private]
	now.takesAlso(ix, line)
	if ix.Binned != 0 && (now.Binned == 0 || ix.Binned < now.Binned) {
		now.Binned = ix.Binned
	}
}

// joins says whether what is locked is joining.
func (t *turn) joins(l seal.LockedPrivate) bool {
	ring, reached := t.rings[Private]
	if !reached {
		return false
	}
	_, joins := ring.generation(l.Generation)
	return joins
}

func (t *turn) owesJoin() bool { return slices.ContainsFunc(t.heads.owner.Locked, t.joins) }

// waitsLocked says whether anything that is locked waits for a secret.
func (t *turn) waitsLocked() bool {
	return slices.ContainsFunc(t.heads.owner.Locked, func(l seal.LockedPrivate) bool { return !t.joins(l) })
}

// listJoining adds the things on the pages that have not joined yet. What the store altered
// of them is named by who joins them.
func (t *turn) listJoining(listed map[ItemID]bool) error {
	for _, l := range t.heads.owner.Locked {
		if !t.joins(l) {
			continue
		}
		ix, err := t.lockedIndex(l, t.rings[Private])
		if errors.Is(err, ErrTampered) {
			continue
		}
		if err != nil {
			return err
		}
		for n, count := range ix.Counts {
			if count == 0 { // joined, or empty before
				continue
			}
			p, err := t.lockedPage(l.Number, ix, n, t.rings[Private])
			if errors.Is(err, ErrTampered) {
				continue
			}
			if err != nil {
				return err
			}
			for _, e := range p.entries {
				listed[e.id] = true
			}
		}
	}
	return nil
}

// openLocked opens the keyring and the head of what is locked with its root.
func (t *turn) openLocked(locked seal.LockedPrivate, root root) (*ring, *index, error) {
	ring, err := t.tx.Get(t.v.id.locked(locked.Number, "k"))
	if err != nil {
		return nil, nil, missing(err, "locked keyring")
	}
	digest := seal.Digest(ring.Value)
	if !slices.Equal(digest[:], locked.Keyring) { // C1: an older one
		return nil, nil, tampered("what is locked")
	}
	old, _, err := openKeyring(t.v.id, Private, ring.Value, root)
	if err != nil {
		return nil, nil, err
	}
	ix, err := t.lockedIndex(locked, old)
	return old, ix, err
}

func (t *turn) lockedIndex(locked seal.LockedPrivate, ring *ring) (*index, error) {
	head, err := t.tx.Get(t.v.id.locked(locked.Number, "h"))
	if err != nil {
		return nil, missing(err, "locked head")
	}
	digest := seal.Digest(head.Value)
	if !slices.Equal(digest[:], locked.Head) { // C1: an older one
		return nil, tampered("what is locked")
	}
	return openIndex(t.v.id, Private, head.Value, ring)
}

// lockedPage reads a page, past the transaction: the digest in the locked head fixes it.
func (t *turn) lockedPage(number uint64, ix *index, page int, ring *ring) (*page, error) {
	rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.locked(number, "x/"+strconv.Itoa(page)))
	if err != nil {
		return nil, missing(err, "locked index page %d", page)
	}
	return openPage(t.v.id, Private, page, rec.Value, ix.Pages[page], ring)
}

// lockedRef names a page of what is locked.
type lockedRef struct {
	number uint64
	page   int // -1: the head
}

// joinRest goes on with what is joining, until nothing is left. A page that the store
// altered stays, for the time when it has it again, and is named with ErrTampered.
func (v *Vault) joinRest(ctx context.Context) error {
	lost := map[lockedRef]error{}
	for more := true; more; {
		var found map[lockedRef]error
		err := v.do(ctx, func(t *turn) (err error) {
			found = map[lockedRef]error{}
			more, err = t.joinSome(lost, found)
			return err
		})
		if err != nil {
			return err
		}
		maps.Copy(lost, found)
	}
	for _, err := range lost {
		return err
	}
	return nil
}

// joinSome lets a few pages join. lost are those that were altered; it adds to found.
func (t *turn) joinSome(lost, found map[lockedRef]error) (more bool, err error) {
	for i, l := range t.heads.owner.Locked {
		if !t.joins(l) || lost[lockedRef{l.Number, -1}] != nil {
			continue
		}
		ix, err := t.lockedIndex(l, t.rings[Private])
		if errors.Is(err, ErrTampered) {
			found[lockedRef{l.Number, -1}] = err
			return true, nil
		}
		if err != nil {
			return false, err
		}
		var left []int
		whole := true
		for page, count := range ix.Counts {
			switch {
			case count == 0: // joined, or empty before
			case lost[lockedRef{l.Number, page}] != nil:
				whole = false
			default:
				left = append(left, page)
			}
		}
		if len(left) > 0 {
			return true, t.joinPages(i, ix, left[:min(len(left), joinBatch)], found)
		}
		if whole {
			return true, t.endJoin(i)
		}
	}
	return false, nil
}

// joinPages lets pages of the i-th that is locked join. An entry that is there already
// stays as it is: it is not older.
func (t *turn) joinPages(i int, ix *index, pages []int, found map[lockedRef]error) error {
	l, ring, joined := t.heads.owner.Locked[i], t.rings[Private], false
	for _, n := range pages {
		one, err := t.lockedPage(l.Number, ix, n, ring)
		if errors.Is(err, ErrTampered) {
			found[lockedRef{l.Number, n}] = err
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range one.entries {
			_, _, there, err := t.lookup(Private, e.id)
			if err == nil && !there {
				err = t.enter(Private, e)
			}
			if err != nil {
				return err
			}
		}
		t.tx.Delete(t.v.id.locked(l.Number, "x/"+strconv.Itoa(n)))
		ix.Counts[n], joined = 0, true
	}
	if !joined {
		return nil
	}
	now := t.heads.indexes[Private]
	now.Since, now.dirty = min(now.Since, ix.Since), true // it may come long after the rest
	gen, _ := ring.generation(ix.generation)
	record, err := sealIndex(t.v.id, Private, ix, gen)
	if err != nil {
		return err
	}
	digest := seal.Digest(record)
	t.heads.owner.Locked = slices.Clone(t.heads.owner.Locked)
	t.heads.owner.Locked[i].Head, t.ownerDirty = digest[:], true
	t.tx.PutUnique(t.v.id.locked(l.Number, "h"), record)
	return nil
}

// endJoin removes what is left when all pages have joined: nothing says any more that
// something was locked. What does not fit into the commit goes before.
func (t *turn) endJoin(i int) error {
	l := t.heads.owner.Locked[i]
	var left []string
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, t.v.id.locked(l.Number, "x/")) {
		if err != nil {
			return storageError(err)
		}
		if left = append(left, rec.Key); len(left) > strayBatch {
			break
		}
	}
	for _, key := range left[:min(len(left), strayBatch)] {
		t.tx.Delete(key)
	}
	if len(left) > strayBatch {
		return nil
	}
	t.tx.Delete(t.v.id.locked(l.Number, "h"))
	t.tx.Delete(t.v.id.locked(l.Number, "k"))
	t.heads.owner.Locked, t.ownerDirty = slices.Delete(slices.Clone(t.heads.owner.Locked), i, i+1), true
	return nil
}

// joinRing puts the generations of before into Private's keyring.
func (t *turn) joinRing(p *proof, old *ring) error {
	mine := rings{}
	for c, r := range t.rings {
		mine[c] = r
	}
	joined := slices.Clone(old.generations)
	for _, g := range t.rings[Private].generations {
		if !slices.ContainsFunc(joined, func(o *generation) bool { return o.number == g.number }) {
			joined = append(joined, g)
		}
	}
	slices.SortFunc(joined, func(a, b *generation) int { return int(a.number) - int(b.number) })
	mine[Private] = &ring{generations: joined}
	t.rings = mine
	return t.sealRing(Private, p.roots[Private])
}

// dropLockedSlots removes the keyslots that opened what was locked under a number.
func (t *turn) dropLockedSlots(p *proof, number uint64) error {
	for _, entry := range slices.Clone(t.heads.owner.Slots) {
		if entry.State != slotLocked {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return err
		}
		if body, err := openSlotBody(t.v.id, entry, rec.Value, p.wrapping); err != nil || body.Locked == number {
			t.dropSlot(entry)
		}
	}
	return nil
}
