package vault

import (
	"context"
	"errors"
	"maps"
	"slices"

	"reconnect.example/internal/seal"
)

// A change of roots is: new roots, a new generation of every compartment, a new
// vault key that the old one names its successor, new keyslot - in one commit -
// and then every record and page sealed anew in batches, each resumable (N2).
// Until that is done the keyring's old generations open what still lies under
// them; the head says from which generation on.
func (v *Vault) changeRoots(ctx context.Context, p *proof, c rootsChange) error {
	next, err := v.drawRoots(ctx)
	if err != nil {
		return err
	}
	entry, slot, err := v.service.newPasswordSlot(ctx, v.id, p.wrapping, c.password, next.roots, true)
	if err != nil {
		return err
	}
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	renew, err := v.renewHeld(ctx, p.wrapping, next.roots, c.without)
	if err != nil {
		return err
	}
	err = v.changeRootsOwner(ctx, p, c.locks, func(t *turn) error {
		if err := t.proved(p); err != nil {
			return err
		}
		if _, reached := t.rings[Private]; !reached {
			if !c.locks {
				return ErrNotAllowed
			}
			if err := t.lockPrivate(p, next.fresh[Private], c.waits); err != nil {
				return err
			}
		}
		t.replaceSlots(entry, slot)
		t.dropSlots(slotCard) // it holds the old roots: to be printed anew (G21)
		t.note(ActPasswordChanged, nil, nil)
		t.note(ActKeysChanged, nil, nil)
		if err := errors.Join(renew(t), t.expirePaths(), t.adopt(next)); err != nil {
			return err
		}
		if err := t.giveAgain(holders); err != nil {
			return err
		}
		if c.also != nil {
			if err := c.also(t, holders); err != nil {
				return err
			}
		}
		return t.raiseEpoch(besideKeys)
	})
	if err != nil {
		return err
	}
	if errors.Join(v.reseal(ctx), v.tendGrants(ctx)) != nil {
		return ErrUnconfirmed // the keys are changed; the next sign-in goes on
	}
	return nil
}

// rootsChange is what a change of roots does beside that.
type rootsChange struct {
	password string
	without  *ID                                           // the holder of a held keyslot who goes
	locks    bool                                          // Private is out of reach, and is locked
	waits    PathID                                        // then: the path that may still open it
	also     func(t *turn, holders map[ID]holderNow) error // in the same commit
}

// nextKeys is what a change of roots draws.
type nextKeys struct {
	roots  map[Compartment]root
	fresh  map[Compartment]*generation
	signer seal.SigningKey
}

func (v *Vault) drawRoots(ctx context.Context) (*nextKeys, error) {
	numbers := map[Compartment]uint64{}
	err := v.do(ctx, func(t *turn) error {
		for _, k := range t.heads.owner.Compartments {
			numbers[Compartment(k.Compartment)] = k.Generation
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n := &nextKeys{roots: map[Compartment]root{}, fresh: map[Compartment]*generation{}, signer: seal.NewSigningKey()}
	for c, number := range numbers {
		g, err := newGeneration(number + 1)
		if err != nil {
			return nil, err
		}
		n.roots[c], n.fresh[c] = seal.NewKey(), g
	}
	return n, nil
}

// adopt puts the new keys into the commit. The turn goes on with them, and the
// handle has them once the commit has happened.
func (t *turn) adopt(n *nextKeys) error {
	owner := t.heads.owner
	owner.Succession = append(owner.Succession, t.signer.Succeed(t.v.id, n.signer.Public()))
	owner.Key = n.signer.Public()
	t.signer = n.signer
	fresh := rings{}
	for _, k := range owner.Compartments {
		c := Compartment(k.Compartment)
		if k.Generation+1 != n.fresh[c].number {
			return ErrRevision // another process changed the roots in between
		}
		fresh[c] = &ring{generations: []*generation{n.fresh[c]}} // of a Private that is locked there is no other
		if r, reached := t.rings[c]; reached {
			fresh[c].generations = append(slices.Clone(r.generations), n.fresh[c])
		}
	}
	t.rings = fresh
	for c := range fresh {
		if err := t.sealRing(c, n.roots[c]); err != nil {
			return err
		}
	}
	t.tx.Delete(t.v.id.remind()) // who had the old keys may have the phone
	if err := t.renewWish(); err != nil {
		return err
	}
	if owner.Closing != 0 {
		if err := t.presign(); err != nil {
			return err
		}
	}
	return nil
}

// sealRing writes the keyring of a compartment as it is in this turn, and what the owner
// head says of it.
func (t *turn) sealRing(c Compartment, root root) error {
	now := t.rings[c].current()
	for i := range t.heads.owner.Compartments {
		k := &t.heads.owner.Compartments[i]
		if Compartment(k.Compartment) != c {
			continue
		}
		record, err := sealKeyring(t.v.id, c, now.number, root, t.rings[c], &t.signer)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		k.Generation, k.Inbox, k.Keyring = now.number, now.inbox.Public().Bytes(), digest[:]
		t.tx.PutUnique(t.v.id.keyring(c), record)
		t.heads.indexes[c].dirty = true
	}
	return nil
}

// resealBatch keeps a commit below the limit of a batch: each item or paper may
// touch a page of its own.
const resealBatch = 30

// stale is what still lies under an older generation.
type stale struct {
	items  []ItemID
	papers [][16]byte
	pages  []pageRef
}

type pageRef struct {
	c Compartment
	n int
}

// reseal puts everything that lies under an older generation under the current
// one, in batches. It can stop anywhere and be called again; every sign-in does.
// What the store altered stays as it is, for the person to see. First comes what was
// locked and is joining: ErrTampered names a page of it, and the rest is done.
func (v *Vault) reseal(ctx context.Context) error {
	lost := v.joinRest(ctx)
	if lost != nil && !errors.Is(lost, ErrTampered) {
		return lost
	}
	return errors.Join(v.resealAll(ctx), lost)
}

func (v *Vault) resealAll(ctx context.Context) error {
	var owed bool
	var left stale
	var listed map[Compartment]uint64
	err := v.do(ctx, func(t *turn) (err error) {
		listed = t.rings.current()
		if owed = t.owesReseal(); owed {
			left, err = t.stale()
		}
		return err
	})
	if err != nil || !owed {
		return err
	}
	for chunk := range slices.Chunk(left.items, resealBatch) {
		if err := v.resealBatch(ctx, func(t *turn) error { return each(chunk, t.resealItem) }); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(left.papers, resealBatch) {
		if err := v.resealBatch(ctx, func(t *turn) error { return each(chunk, t.resealPaper) }); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(left.pages, resealBatch) {
		if err := v.resealBatch(ctx, func(t *turn) error { return each(chunk, t.resealPage) }); err != nil {
			return err
		}
	}
	if err := v.dropStrays(ctx); err != nil {
		return err
	}
	return v.do(ctx, func(t *turn) error {
		if !maps.Equal(listed, t.rings.current()) {
			return nil // new keys once more, meanwhile: who made them goes on
		}
		for c, ix := range t.heads.indexes {
			if c != Owner {
				ix.Since, ix.dirty = t.rings[c].current().number, true
			}
		}
		return nil
	})
}

func (v *Vault) resealBatch(ctx context.Context, f func(t *turn) error) error {
	return v.do(ctx, func(t *turn) error {
		t.resealing = true
		return f(t)
	})
}

func each[T any](list []T, f func(T) error) error {
	for _, x := range list {
		if err := f(x); err != nil && !errors.Is(err, ErrTampered) && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

func (t *turn) owesReseal() bool {
	for c, ix := range t.heads.indexes {
		if c != Owner && ix.Since != t.rings[c].current().number {
			return true
		}
	}
	return false
}

// stale lists what is to be done, by what records say without being opened.
func (t *turn) stale() (s stale, err error) {
	current := map[[16]byte]uint64{} // generation under which each listed item should lie
	for c, ix := range t.heads.indexes {
		now := t.rings[c].current().number
		for n := range ix.Pages {
			p, err := t.page(c, n)
			if err != nil {
				return s, err
			}
			if p.generation != now {
				s.pages = append(s.pages, pageRef{c, n})
			}
			for _, e := range p.entries {
				current[e.id] = now
			}
		}
	}
	papers := t.v.id.key("o/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, papers) {
		if err != nil {
			return s, storageError(err)
		}
		raw, err := idText.DecodeString(rec.Key[len(papers):])
		if err != nil || len(raw) != 16 {
			continue
		}
		var clear paperClear
		_, head, err := seal.ParseClear(rec.Value)
		if now, listed := current[[16]byte(raw)]; err == nil && listed && seal.Unmarshal(head, &clear) == nil && clear.Generation != now {
			s.papers = append(s.papers, [16]byte(raw))
		}
	}
	prefix := t.v.id.key("i/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return s, storageError(err)
		}
		id, err := ParseItemID(rec.Key[len(prefix):])
		if err != nil {
			continue
		}
		clear, err := parseRecordClear(rec.Value)
		if now, listed := current[id]; err == nil && listed && clear.Generation != now {
			s.items = append(s.items, id)
		}
	}
	return s, nil
}

func (t *turn) resealItem(id ItemID) error {
	r, err := t.find(id)
	if err != nil || r.generation == t.rings[r.item.Compartment].current().number {
		return err
	}
	return t.put(r)
}

func (t *turn) resealPage(p pageRef) error {
	ix := t.heads.indexes[p.c]
	if p.n >= len(ix.Pages) {
		return nil
	}
	if _, err := t.page(p.c, p.n); err != nil {
		return err
	}
	ix.changed[p.n], ix.dirty = true, true
	return nil
}
