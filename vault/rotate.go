package vault

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
)

// A change of roots is: new roots, a new generation of every compartment, a new
// vault key that the old one names its successor, new keyslot - in one commit -
// and then every record and page sealed anew in batches, each resumable (N2).
// Until that is done the keyring's old generations open what still lies under
// them; the head says from which generation on.
func (v *Vault) changeRoots(ctx context.Context, wrapping seal.Key, password string) error {
	next, err := v.drawRoots()
	if err != nil {
		return err
	}
	entry, slot, err := v.service.newPasswordSlot(ctx, v.id, wrapping, password, next.roots)
	if err != nil {
		return err
	}
	err = v.changeOwner(ctx, func(t *turn) error {
		t.replaceSlots(entry, slot)
		t.note(ActPasswordChanged, nil, nil)
		t.note(ActKeysChanged, nil, nil)
		return t.adopt(next)
	})
	if err != nil {
		return err
	}
	if v.reseal(ctx) != nil {
		return ErrUnconfirmed // the keys are changed; the next sign-in goes on
	}
	return nil
}

// nextKeys is what a change of roots draws.
type nextKeys struct {
	roots  map[Compartment]root
	fresh  map[Compartment]*generation
	signer seal.SigningKey
}

func (v *Vault) drawRoots() (*nextKeys, error) {
	n := &nextKeys{roots: map[Compartment]root{}, fresh: map[Compartment]*generation{}, signer: seal.NewSigningKey()}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	for c, r := range v.rings {
		g, err := newGeneration(r.current().number + 1)
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
	for c, r := range t.rings {
		if r.current().number+1 != n.fresh[c].number {
			return ErrRevision // another process changed the roots in between
		}
		fresh[c] = &ring{generations: append(append([]*generation(nil), r.generations...), n.fresh[c])}
	}
	t.rings = fresh
	for i := range owner.Compartments {
		k := &owner.Compartments[i]
		c := Compartment(k.Compartment)
		k.Generation = n.fresh[c].number
		k.Inbox = n.fresh[c].inbox.Public().Bytes()
		record, err := sealKeyring(t.v.id, c, k.Generation, n.roots[c], fresh[c], &n.signer)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		k.Keyring = digest[:]
		t.tx.PutUnique(t.v.id.keyring(c), record)
		t.heads.indexes[c].dirty = true
	}
	if owner.Closing != 0 {
		if err := t.presign(); err != nil {
			return err
		}
	}
	return t.raiseEpoch()
}

// resealBatch keeps a commit below the limit of a batch.
const resealBatch = 30

// reseal puts everything that lies under an older generation under the current
// one. It can stop anywhere and be called again; every sign-in does.
func (v *Vault) reseal(ctx context.Context) error {
	for more := true; more; {
		err := v.do(ctx, func(t *turn) (err error) {
			more, err = t.reseal()
			return err
		})
		if err != nil {
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

func (t *turn) reseal() (more bool, err error) {
	if !t.owesReseal() {
		return false, nil
	}
	t.resealing = true
	left := resealBatch
	all, err := t.all()
	if err != nil {
		return false, err
	}
	for _, l := range all {
		// What was altered stays as it is, for the person to see.
		if l.err != nil || l.record.generation == t.rings[l.record.item.Compartment].current().number {
			continue
		}
		if left--; left < 0 {
			return true, nil
		}
		if err := t.put(l.record); err != nil {
			return false, err
		}
	}
	return false, t.resealRest()
}

// resealRest does the papers and the pages, which are few, and says that it is done.
func (t *turn) resealRest() error {
	for n := range t.heads.indexes[Owner].Pages {
		p, err := t.page(Owner, n)
		if err != nil {
			return err
		}
		for _, e := range p.clone().entries {
			if err := t.resealPaper(e); err != nil && !errors.Is(err, ErrTampered) {
				return err
			}
		}
	}
	for c, ix := range t.heads.indexes {
		for n := range ix.Pages {
			if _, err := t.page(c, n); err != nil {
				return err
			}
			ix.changed[n] = true
		}
		ix.dirty = true
		if c != Owner {
			ix.Since = t.rings[c].current().number
		}
	}
	return nil
}
