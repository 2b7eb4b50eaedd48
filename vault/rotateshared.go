package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// New keys for Shared are due when a grant has ended whose holder has the present
// ones. That is not noted anywhere, it follows from the grants; so it cannot be
// lost, and is paid by whoever next has the root of Shared in hand: the act that
// ended the grant, or the person's next sign-in, also a year later.

// PayGrants does what is owed for grants that ended: their terms leave the owner
// head, and Shared gets new keys. It is for the space of a relay, whose workers can
// go by themselves and which nobody signs in to; a person's sign-in does it. It can
// stop anywhere and be called again. Errors as those of [Vault.End].
func (v *Vault) PayGrants(ctx context.Context, secret Secret) error {
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	return v.payGrants(ctx, p.roots)
}

// payGrants ends what is over and gives Shared new keys if they are owed. It can
// stop anywhere and be called again.
func (v *Vault) payGrants(ctx context.Context, roots map[Compartment]root) error {
	root, ok := roots[Shared]
	if !ok || v.service.cfg.Directory == nil {
		return nil
	}
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	var rotated bool
	pay := func(t *turn) error {
		rotated = false
		if err := t.endWhatIsOver(holders); err != nil {
			return err
		}
		owed, err := t.owesSharedKeys()
		if err != nil || !owed {
			return err
		}
		rotated = true
		return t.rotateShared(root, holders)
	}
	var owed bool
	if err := v.do(ctx, func(t *turn) (err error) { owed, err = t.grantsOwe(holders); return err }); err != nil {
		return err
	}
	if !owed {
		return v.settleGrants(ctx)
	}
	if err := v.changeOwner(ctx, pay); err != nil && !errors.Is(err, ErrUnconfirmed) {
		return err
	} else if err == nil || rotated {
		return errors.Join(err, v.reseal(ctx))
	}
	return nil
}

// holderNow is what the directory says of somebody now.
type holderNow struct {
	keys  HolderKeys
	ended EndedBy // not "": they must not be given anything any more
}

// askHolders asks the directory for everybody to whom something is allowed.
func (v *Vault) askHolders(ctx context.Context) (map[ID]holderNow, error) {
	pinned := map[ID][]byte{}
	err := v.do(ctx, func(t *turn) error {
		all, err := t.grants()
		for _, k := range all {
			if k.Ended == 0 {
				pinned[k.Holder] = k.Pinned
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := map[ID]holderNow{}
	for id, key := range pinned {
		keys, err := v.service.cfg.Directory.Holder(ctx, id, key)
		switch {
		case err == nil:
			out[id] = holderNow{keys: keys}
		case errors.Is(err, ErrEnded):
			out[id] = holderNow{ended: EndedByDirectory}
		case errors.Is(err, ErrUntrustedKey):
			out[id] = holderNow{ended: EndedByKey} // D2
		default:
			return nil, err
		}
	}
	return out, nil
}

// over says why a grant is over although its person did not end it; "" if it is not.
func (t *turn) over(k *keptGrant, holders map[ID]holderNow) (EndedBy, error) {
	if !k.inForce(t.now) {
		return EndedByTime, nil
	}
	if h, asked := holders[k.Holder]; asked && h.ended != "" {
		return h.ended, nil
	}
	if _, err := t.tx.Get(t.v.id.grant(k.id)); isNotFound(err) {
		return EndedByHolder, nil
	} else if err != nil {
		return "", err
	}
	return "", nil
}

func (t *turn) endWhatIsOver(holders map[ID]holderNow) error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Ended != 0 {
			continue
		}
		by, err := t.over(k, holders)
		if err != nil {
			return err
		}
		if by == EndedByKey {
			t.note(ActKeyRefused, nil, map[string]string{"holder": ID(k.Holder).String()})
		}
		if by != "" {
			if err := t.end(k, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// grantsOwe says whether there is anything to do for payGrants.
func (t *turn) grantsOwe(holders map[ID]holderNow) (bool, error) {
	all, err := t.grants()
	if err != nil {
		return false, err
	}
	for _, k := range all {
		if k.Ended != 0 {
			continue
		}
		if by, err := t.over(k, holders); err != nil || by != "" {
			return by != "", err
		}
	}
	return t.owesSharedKeys()
}

func (t *turn) owesSharedKeys() (bool, error) {
	all, err := t.grants()
	if err != nil {
		return false, err
	}
	now := t.rings[Shared].current().number
	for _, k := range all {
		if k.Ended != 0 && !k.Visit && k.Held == now {
			return true, nil
		}
	}
	return false, nil
}

// rotateShared gives Shared a new generation in this commit: keyring, head, and a
// new grant for everybody who stays. Visits end with it, as every session does.
func (t *turn) rotateShared(root root, holders map[ID]holderNow) error {
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
	owner := t.heads.owner
	for i := range owner.Compartments {
		k := &owner.Compartments[i]
		if Compartment(k.Compartment) != Shared {
			continue
		}
		record, err := sealKeyring(t.v.id, Shared, next.number, root, fresh, &t.signer)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		k.Generation, k.Inbox, k.Keyring = next.number, next.inbox.Public().Bytes(), digest[:]
		t.tx.PutUnique(t.v.id.keyring(Shared), record)
	}
	t.heads.indexes[Shared].dirty = true
	t.note(ActSharedKeysChanged, nil, nil)
	if err := t.giveAgain(holders); err != nil {
		return err
	}
	return t.raiseEpoch()
}

// giveAgain makes every grant in force anew, with the keys of now.
func (t *turn) giveAgain(holders map[ID]holderNow) error {
	if err := t.endVisits(nil, EndedBySession); err != nil {
		return err
	}
	all, err := t.grants()
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Ended != 0 {
			continue
		}
		h, asked := holders[k.Holder]
		if !asked {
			return ErrRevision // given meanwhile by another session: look again
		}
		if err := t.issue(k, h.keys, nil); err != nil {
			return err
		}
	}
	return nil
}

// settleGrants takes the older generation out of the grants once nothing lies
// under it any more (N8).
func (v *Vault) settleGrants(ctx context.Context) error {
	var both bool
	err := v.do(ctx, func(t *turn) error {
		both = false
		all, err := t.grants()
		for _, k := range all {
			both = both || k.Ended == 0 && k.Both
		}
		return err
	})
	if err != nil || !both {
		return err
	}
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if err := t.endWhatIsOver(holders); err != nil {
			return err
		}
		all, err := t.grants()
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.Ended == 0 && k.Both {
				if err := t.issue(k, holders[k.Holder].keys, nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// grantDue is the entry of the instant when the time of a grant is over.
func (id ID) grantDue(k *keptGrant) string {
	return storage.DueKey(time.UnixMilli(k.Until), id.String(), "grant-"+k.id.String())
}
