package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
)

// A backup of before a recovery that did not open Private brings that Private back, and
// nobody has a key of it here. So it is locked once more, in the place of the one that it
// was to become: its pages name the items that the backup has. What was private since is
// gone, as everything since is; the present Private begins again with nothing in it.

// isOfLocked says whether a head of Private is of before a recovery that did not open
// it: a backup has brought it back.
func isOfLocked(owner *seal.OwnerHead, head []byte, present *ring) bool {
	clear, ok := parseClearHead(head)
	if !ok || present == nil || len(owner.Locked) == 0 || clear.Generation >= present.current().number {
		return false
	}
	_, reached := present.generation(clear.Generation) // a still older one may have joined
	return !reached
}

// lockedOf finds what a head of Private was to become: the first that was locked after it.
func lockedOf(owner *seal.OwnerHead, head []byte) (i int, version uint64, err error) {
	clear, _ := parseClearHead(head)
	i = slices.IndexFunc(owner.Locked, func(l seal.LockedPrivate) bool { return clear.Generation <= l.Generation })
	if i < 0 {
		return 0, 0, tampered("private head")
	}
	return i, clear.Version, nil
}

// restoreAside copies the pages that a backup has brought back and that are to be locked
// again, before the commit that takes the restore: see aside. Until then nobody gets in.
func (v *Vault) restoreAside(ctx context.Context, r *seal.Restore) error {
	head, err := v.service.cfg.Store.Get(ctx, v.id.head(Private))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return storageError(err)
	}
	owner, err := v.service.storedOwner(ctx, v.id)
	if err != nil || owner == nil || !isOfLocked(owner, head.Value, v.rings[Private]) {
		return err
	}
	if hash := seal.Digest(head.Value); !slices.ContainsFunc(r.Heads, func(h seal.RestoredHead) bool { return h.Hash == hash }) {
		return ErrStale // C8: not what was stated
	}
	i, _, err := lockedOf(owner, head.Value)
	if err != nil {
		return err
	}
	a := &aside{v: v, number: owner.Locked[i].Number, still: func(owner *seal.OwnerHead) bool {
		return slices.Equal(owner.Key, v.signer.Public()) && owner.Restore < r.Epoch
	}}
	if err := a.copy(ctx); !errors.Is(err, ErrRevision) {
		return err
	}
	return nil // another process was faster: the commit sees it
}

// lockAgain is the part of the commit that takes the restore.
func (t *turn) lockAgain(p *proof, head []byte) (version uint64, err error) {
	owner, id := t.heads.owner, t.v.id
	i, version, err := lockedOf(owner, head)
	if err != nil {
		return 0, err
	}
	l := &owner.Locked[i]
	if err := (&aside{v: t.v, number: l.Number}).catchUp(t.ctx, t.tx, asideRoom); err != nil {
		return 0, err
	}
	t.tx.PutUnique(id.locked(l.Number, "h"), head)
	digest := seal.Digest(head)
	l.Head = digest[:]
	t.noteLocked(*l, version) // that day's journal does not say so
	t.beginPrivate(version)
	return version, t.forgetLocked(p, func(later seal.LockedPrivate) bool { return later.Number > l.Number })
}

// beginPrivate lets the present Private begin again.
func (t *turn) beginPrivate(version uint64) {
	fresh := t.rings[Private].current().number
	t.heads.indexes[Private] = &index{version: version, generation: fresh, sealedHead: sealedHead{Since: fresh}}
	t.heads.indexes[Private].reset()
}

// forgetLocked forgets what was locked after the day of a backup: nothing of it is left.
func (t *turn) forgetLocked(p *proof, gone func(seal.LockedPrivate) bool) error {
	owner := t.heads.owner
	for _, l := range owner.Locked {
		if !gone(l) {
			continue
		}
		if err := t.dropLockedSlots(p, l.Number); err != nil {
			return err
		}
	}
	owner.Locked = slices.DeleteFunc(slices.Clone(owner.Locked), gone)
	return nil
}

// forgetRestored forgets what the restored Private, of this head, has itself: what was
// joining it, and was locked later than the backup. No head: the backup knows nothing.
func (t *turn) forgetRestored(p *proof, head []byte) error {
	clear, known := parseClearHead(head)
	return t.forgetLocked(p, func(l seal.LockedPrivate) bool {
		return !known || t.joins(l) && clear.Generation <= l.Generation
	})
}
