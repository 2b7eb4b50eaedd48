package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// What tests of a large Private need to see and to make of its inside.

// FillPrivate adds whole pages of entries, of which the store has no items.
func (v *Vault) FillPrivate(ctx context.Context, pages, each int) error {
	for ; pages > 0; pages -= asideBatch {
		err := v.do(ctx, func(t *turn) error {
			ix := t.heads.indexes[Private]
			for range min(pages, asideBatch) {
				p := &page{}
				for range each {
					e := pageEntry{revision: 1}
					_, _ = rand.Read(e.id[:])
					_, _ = rand.Read(e.hash[:])
					p.set(e)
				}
				n := len(ix.Pages)
				ix.Pages, ix.Counts = append(ix.Pages, nil), append(ix.Counts, uint16(each))
				ix.loaded[n], ix.changed[n], ix.dirty = p, true, true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// PrivateEntries are the ids on the pages of Private, and how many pages there are.
func (v *Vault) PrivateEntries(ctx context.Context) (ids []ItemID, pages int, err error) {
	err = v.do(ctx, func(t *turn) error {
		ids, pages = nil, len(t.heads.indexes[Private].Pages)
		for n := range pages {
			p, err := t.page(Private, n)
			if err != nil {
				return err
			}
			for _, e := range p.entries {
				ids = append(ids, e.id)
			}
		}
		return nil
	})
	slices.SortFunc(ids, func(a, b ItemID) int { return slices.Compare(a[:], b[:]) })
	return ids, pages, err
}

// BeginOpenLocked is OpenLocked up to its first commit, as if it were killed then; some
// are the commits that it does after that.
func (v *Vault) BeginOpenLocked(ctx context.Context, old, secret Secret, some int) error {
	p, err := v.confirm(ctx, secret)
	if err != nil {
		return err
	}
	found, _, err := v.proveLocked(ctx, p, old)
	if err != nil {
		return err
	}
	err = v.changeOwner(ctx, func(t *turn) error {
		_, _, err := t.beginJoin(p, found)
		return errors.Join(err, t.raiseEpoch(besideKeys))
	})
	for range some {
		if err == nil {
			err = v.JoinSome(ctx)
		}
	}
	return err
}

// JoinSome is one commit of what joins.
func (v *Vault) JoinSome(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		_, err := t.joinSome(nil, map[lockedRef]error{})
		return err
	})
}

// PretendLocked adds as many that are locked as there may be.
func (v *Vault) PretendLocked(ctx context.Context) error {
	return v.changeOwner(ctx, func(t *turn) error {
		for n := uint64(1); n <= maxLocked; n++ {
			record := []byte(strconv.FormatUint(n, 10))
			digest := seal.Digest(record)
			t.tx.Put(v.id.locked(n, "k"), record)
			t.tx.Put(v.id.locked(n, "h"), record)
			t.heads.owner.Locked = append(t.heads.owner.Locked, seal.LockedPrivate{Number: n, Generation: 1000 + n, Keyring: digest[:], Head: digest[:]})
		}
		return nil
	})
}

// NoteLockedAsBefore adds the line of a lock as it was before it named the records.
func (v *Vault) NoteLockedAsBefore(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		t.note(ActPrivateLocked, nil, nil)
		return nil
	})
}
