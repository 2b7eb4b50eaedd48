package vault

import (
	"context"
	"errors"
)

// New keys for Shared are due when a grant has ended whose holder has the present
// ones. The owner head says so (Owed), because a paper that says it could be hidden
// by the store for a former holder's sake. It is paid by whoever next has the root
// of Shared in hand: the act that ended the grant, or the person's next sign-in,
// also a year later.

// PayGrants does what is owed for grants that ended: their terms leave the owner
// head, and Shared gets new keys. It is for the space of a relay, whose workers can
// go by themselves and which nobody signs in to; a person's sign-in does it. It can
// stop anywhere and be called again. Errors as those of [Vault.End].
func (v *Vault) PayGrants(ctx context.Context, secret Secret) error {
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	return v.payGrants(ctx, p)
}

// payGrants brings the grants to where they should be: what is over ends, Shared
// gets new keys if they are owed, ways back in get fresh halves if those may be in
// other hands, and everything is sealed under them. It can stop
// anywhere and be called again.
func (v *Vault) payGrants(ctx context.Context, p *proof) error {
	if _, ok := p.roots[Shared]; !ok {
		return nil
	}
	if owing, err := v.owesAnything(ctx); err != nil || !owing { // nearly always
		return err
	}
	unconfirmed := v.tendGrants(ctx)
	if unconfirmed != nil && !errors.Is(unconfirmed, ErrUnconfirmed) {
		return unconfirmed
	}
	var owed bool
	if err := v.do(ctx, func(t *turn) error { owed = t.owesSharedKeys(); return nil }); err != nil {
		return err
	}
	renew := v.renewHalves
	if owed {
		renew = v.rotateShared // which does that, too
	}
	err := renew(ctx, p)
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return err
	}
	unconfirmed = errors.Join(unconfirmed, err)
	return errors.Join(unconfirmed, v.reseal(ctx), v.tendGrants(ctx))
}

// owesAnything says whether payGrants has anything to do.
func (v *Vault) owesAnything(ctx context.Context) (owing bool, err error) {
	holders, err := v.askHolders(ctx)
	if err != nil {
		return false, err
	}
	err = v.do(ctx, func(t *turn) error {
		if owing, err = t.tendable(holders); err == nil {
			owing = owing || t.owesSharedKeys() || t.owesReseal()
		}
		if err == nil && !owing {
			owing, err = t.outdatedHalves(holders)
		}
		return err
	})
	return owing, err
}

// owesSharedKeys says whether somebody who must not see what comes has the keys.
func (t *turn) owesSharedKeys() bool {
	return t.heads.owner.Owed != 0 && t.heads.owner.Owed == t.rings[Shared].current().number
}

func (v *Vault) rotateShared(ctx context.Context, p *proof) error {
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if !t.owesSharedKeys() { // another process was faster
			return nil
		}
		if err := t.proved(p); err != nil {
			return err
		}
		return t.rotateShared(p, holders)
	})
}

// rotateShared gives Shared a new generation in this commit: keyring, head, fresh
// halves of the ways back in, and a new grant for everybody who stays. Visits end with
// it, as every session does.
func (t *turn) rotateShared(p *proof, holders map[ID]holderNow) error {
	old := t.rings[Shared]
	next, err := newGeneration(old.current().number + 1)
	if err != nil {
		return err
	}
	fresh := &ring{generations: append(append([]*generation(nil), old.generations...), next)}
	mine := rings{}
	for c, r := range t.rings {
		mine[c] = r
	}
	mine[Shared] = fresh
	t.rings = mine
	if err := t.sealRing(Shared, p.roots[Shared]); err != nil {
		return err
	}
	t.note(ActSharedKeysChanged, nil, nil)
	if err := t.renewPaths(p); err != nil {
		return err
	}
	if err := t.giveAgain(holders); err != nil {
		return err
	}
	return t.raiseEpoch(besideKeys)
}

// giveAgain takes back every grant in force and gives those anew, with the keys of
// now, that fit into this commit. [Vault.tendGrants] does the others.
func (t *turn) giveAgain(holders map[ID]holderNow) error {
	if _, err := t.grants(); err != nil { // with links, which stay
		return err
	}
	t.heads.owner.Grants, t.ownerDirty = t.listedLinks(), true
	return t.tend(holders)
}
