package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The pages of a Private that is to be locked are copied before the commit that locks it,
// in commits of their own, as they are: nobody here can open them. Until that commit the
// copies are nobody's. A try that breaks off leaves them; the next one goes on with them,
// and whoever seals everything anew removes those of no number that is locked. What keeps
// a copy from being an older one, or from being taken away behind somebody's back:
//
//   - Whoever copies a page checks in the same commit that the head has not moved since
//     they read it, and that the keyring's copy V/l/<n>/k is there.
//   - The head's copy V/l/<n>/h is written last: the pages are those of that head.
//   - Whoever removes copies removes these two with each commit.

const (
	asideBatch = 30 // pages of 16 KiB that one commit copies
	asideRoom  = 8  // that are copied in the commit of the new keys, because they changed last
	asideTries = 5
)

// errAside: the copies are not those of the present head. Try again.
var errAside = fmt.Errorf("%w: what is private changes faster than it can be put aside", ErrRevision)

// aside is where the pages of Private are copied to.
type aside struct {
	v      *Vault
	number uint64
	still  func(owner *seal.OwnerHead) bool // whether they are still to go there
}

// changeRootsOwner is changeOwner for new roots. If Private is to be locked by it, its
// pages are put aside before.
func (v *Vault) changeRootsOwner(ctx context.Context, p *proof, locks bool, f func(t *turn) error) error {
	if !locks {
		return v.changeOwner(ctx, f)
	}
	err := error(errAside)
	for try := 0; try < asideTries && errors.Is(err, errAside); try++ {
		if err = v.putAside(ctx, p); err == nil {
			err = v.changeOwner(ctx, f)
		}
	}
	return err
}

// putAside copies Private as it is now. ErrTooManyLocked before anything is copied.
func (v *Vault) putAside(ctx context.Context, p *proof) error {
	a := &aside{v: v}
	err := v.do(ctx, func(t *turn) error {
		if err := t.proved(p); err != nil {
			return err
		}
		if len(t.heads.owner.Locked) >= maxLocked {
			return ErrTooManyLocked
		}
		a.number = nextLocked(t.heads.owner)
		return nil
	})
	if err != nil {
		return err
	}
	a.still = func(owner *seal.OwnerHead) bool {
		return slices.Equal(owner.Key, p.key) && nextLocked(owner) == a.number
	}
	if err := a.copy(ctx); err != nil {
		return err
	}
	return a.do(ctx, func(tx *storage.Tx, head []byte) error {
		if err := a.catchUp(ctx, tx, asideBatch); err != nil {
			return err
		}
		tx.PutUnique(v.id.locked(a.number, "h"), head)
		return nil
	})
}

// copy copies what differs from the pages, in batches.
func (a *aside) copy(ctx context.Context) error {
	id := a.v.id
	err := a.change(ctx, func(tx *storage.Tx) error {
		_, err := tx.Get(id.locked(a.number, "k"))
		if !isNotFound(err) {
			return err
		}
		ring, err := tx.Get(id.keyring(Private))
		if err != nil {
			return missing(err, "private keyring")
		}
		tx.PutUnique(id.locked(a.number, "k"), ring.Value)
		return nil
	})
	if err != nil {
		return err
	}
	behind, err := a.behind(ctx)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(behind, asideBatch) {
		err := a.do(ctx, func(tx *storage.Tx, _ []byte) error { return a.copyPages(ctx, tx, batch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// change is a commit that happens only while the copies are still to go there.
func (a *aside) change(ctx context.Context, f func(tx *storage.Tx) error) error {
	return storageError(a.v.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(a.v.id.head(Owner))
		if err != nil {
			return missing(err, "owner head")
		}
		owner, err := openOwnerHead(a.v.id, rec.Value)
		if err != nil {
			return err
		}
		if !a.still(owner) {
			return ErrRevision // another process was faster
		}
		return f(tx)
	}))
}

// do is change, while head is the head of Private and nobody removes the copies.
func (a *aside) do(ctx context.Context, f func(tx *storage.Tx, head []byte) error) error {
	return a.change(ctx, func(tx *storage.Tx) error {
		head, err := tx.Get(a.v.id.head(Private))
		if err != nil {
			return missing(err, "private head")
		}
		_, err = tx.Get(a.v.id.locked(a.number, "k"))
		if isNotFound(err) {
			return errAside
		}
		if err != nil {
			return err
		}
		return f(tx, head.Value)
	})
}

// behind are the pages whose copies differ.
func (a *aside) behind(ctx context.Context) (out []string, err error) {
	pages, copies := a.v.id.key("x/"+Private.letter()+"/"), a.v.id.locked(a.number, "x/")
	there := map[string][32]byte{}
	for rec, err := range a.v.service.cfg.Store.All(ctx, copies) {
		if err != nil {
			return nil, storageError(err)
		}
		there[strings.TrimPrefix(rec.Key, copies)] = seal.Digest(rec.Value)
	}
	for rec, err := range a.v.service.cfg.Store.All(ctx, pages) {
		if err != nil {
			return nil, storageError(err)
		}
		n := strings.TrimPrefix(rec.Key, pages)
		if digest, ok := there[n]; !ok || digest != seal.Digest(rec.Value) {
			out = append(out, n)
		}
	}
	return out, nil
}

// copyPages copies pages. That they are read past the transaction harms nothing: no page
// that a head names changes without that head, which is checked.
func (a *aside) copyPages(ctx context.Context, tx *storage.Tx, pages []string) error {
	for _, n := range pages {
		rec, err := a.v.service.cfg.Store.Get(ctx, a.v.id.key("x/"+Private.letter()+"/"+n))
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return storageError(err)
		}
		tx.PutUnique(a.v.id.locked(a.number, "x/"+n), rec.Value)
	}
	return nil
}

// catchUp copies what still differs; errAside if that is more than there is room for.
func (a *aside) catchUp(ctx context.Context, tx *storage.Tx, room int) error {
	behind, err := a.behind(ctx)
	if err != nil {
		return err
	}
	if len(behind) > room {
		return errAside
	}
	return a.copyPages(ctx, tx, behind)
}

// isAside makes sure that the pages of this head are copied.
func (t *turn) isAside(n uint64, head []byte) error {
	copied, err := t.tx.Get(t.v.id.locked(n, "h"))
	if isNotFound(err) {
		return errAside // somebody removes the copies
	}
	if err != nil {
		return err
	}
	if slices.Equal(copied.Value, head) {
		return nil
	}
	return (&aside{v: t.v, number: n}).catchUp(t.ctx, t.tx, asideRoom)
}

// strayBatch is how many stray records go in one commit.
const strayBatch = 60

// dropStrays removes what a lock leaves: pages that no head of Private names, and copies
// of no number that is locked. It can stop anywhere and be called again.
func (v *Vault) dropStrays(ctx context.Context) error {
	var strays []string
	err := v.do(ctx, func(t *turn) error {
		strays = nil
		for _, prefix := range []string{v.id.key("x/" + Private.letter() + "/"), v.id.key("l/")} {
			for rec, err := range v.service.cfg.Store.All(ctx, prefix) {
				if err != nil {
					return storageError(err)
				}
				if _, stray := t.stray(rec.Key); stray {
					strays = append(strays, rec.Key)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(strays, strayBatch) {
		err := v.do(ctx, func(t *turn) error {
			for _, key := range batch {
				number, stray := t.stray(key)
				if !stray {
					continue // somebody has come to need it
				}
				t.tx.Delete(key)
				if number != 0 {
					t.tx.Delete(v.id.locked(number, "h"))
					t.tx.Delete(v.id.locked(number, "k"))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stray says whether a record is a page or a copy that nothing names; of a copy it says
// the number. What is no such key at all stays: nobody reads it.
func (t *turn) stray(key string) (locked uint64, stray bool) {
	if n, ok := strings.CutPrefix(key, t.v.id.key("x/"+Private.letter()+"/")); ok {
		page, err := strconv.Atoi(n)
		ix, reached := t.heads.indexes[Private]
		return 0, err == nil && reached && page >= len(ix.Pages)
	}
	n, _, _ := strings.Cut(strings.TrimPrefix(key, t.v.id.key("l/")), "/")
	locked, err := strconv.ParseUint(n, 10, 64)
	if err != nil || locked == 0 {
		return 0, false
	}
	return locked, !slices.ContainsFunc(t.heads.owner.Locked, func(l seal.LockedPrivate) bool { return l.Number == locked })
}
