package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Grants that are in force by their papers must be listed in the owner head, with
// the keys of now; those that are over must not. What brings them there is one
// act, in commits of a size that always fits, which can stop anywhere and is done
// again at every sign-in: tend.

// tendWrites keeps a commit that tends grants below the limit of a batch, also one
// that changes all keys: a grant that is given again takes two, one that ends four.
const tendWrites = 40

// tendRounds is how many commits follow each other at most.
const tendRounds = 16

// tendGrants tends until there is nothing left to do. ErrUnconfirmed if it is done
// and the witness has not heard of it.
func (v *Vault) tendGrants(ctx context.Context) (unconfirmed error) {
	for range tendRounds {
		holders, err := v.askHolders(ctx)
		if err != nil {
			return err
		}
		var due bool
		err = v.do(ctx, func(t *turn) (err error) { due, err = t.tendable(holders); return err })
		if err != nil || !due {
			return errors.Join(unconfirmed, err)
		}
		err = v.changeOwner(ctx, func(t *turn) error { return t.tend(holders) })
		if err != nil && !errors.Is(err, ErrUnconfirmed) {
			return err
		}
		unconfirmed = err
	}
	return unconfirmed
}

// holderNow is what the directory says of somebody now.
type holderNow struct {
	keys    HolderKeys
	ended   EndedBy // not "": they must not be given anything any more
	damaged bool    // nothing can be said of them now, as what is stored of them was altered, or the witness knows another state
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
		keys, err := v.service.holder(ctx, id, key)
		switch {
		case err == nil:
			out[id] = holderNow{keys: keys}
		case errors.Is(err, ErrEnded):
			out[id] = holderNow{ended: EndedByDirectory}
		case errors.Is(err, ErrUntrustedKey):
			out[id] = holderNow{ended: EndedByKey} // D2
		case errors.Is(err, ErrTampered), errors.Is(err, ErrStale), errors.Is(err, ErrPolicy):
			// What happened to somebody else must not keep this vault from new keys. They
			// are not given those (D1, D2), and wait until their head is right again.
			out[id] = holderNow{damaged: true}
		default:
			return nil, err
		}
	}
	return out, nil
}

// holder asks the directory for somebody. Keys to which nothing can be sealed are
// no keys (D7): who names such must not stop what is done about others.
func (s *Vaults) holder(ctx context.Context, id ID, pinned []byte) (HolderKeys, error) {
	if s.cfg.Directory == nil {
		return HolderKeys{}, ErrEnded
	}
	keys, err := s.cfg.Directory.Holder(ctx, id, pinned)
	if err != nil {
		return HolderKeys{}, err
	}
	if _, err := seal.BoxPublicFromBytes(keys.Inbox); err != nil || seal.CheckPublic(keys.Key) != nil {
		return HolderKeys{}, ErrUntrustedKey
	}
	return keys, nil
}

// listed says whether the owner head names a grant.
func (t *turn) listed(k *keptGrant) bool {
	digest := seal.Digest(k.Terms)
	return isListed(t.heads.owner, digest[:])
}

// over says why a grant is over although its person did not end it; "" if it is not.
func (t *turn) over(k *keptGrant, holders map[ID]holderNow) (EndedBy, error) {
	if !k.inForce(t.now) {
		return EndedByTime, nil
	}
	h := holders[k.Holder]
	if h.ended != "" {
		return h.ended, nil
	}
	if !t.listed(k) {
		if k.Visit || k.Scope == ScopePartner { // what was chosen is given anew only by the person
			return EndedBySession, nil
		}
		return "", nil
	}
	if _, err := t.tx.Get(t.v.id.grant(k.id)); isNotFound(err) {
		return EndedByHolder, nil
	} else if err != nil {
		return "", err
	}
	return "", nil
}

// due says whether a grant in force is to be given again.
func (t *turn) due(k *keptGrant) bool {
	return !t.listed(k) || k.Both && len(t.sharedGenerations()) == 1
}

// tendable says whether there is anything for tend to do.
func (t *turn) tendable(holders map[ID]holderNow) (bool, error) {
	all, err := t.grants()
	if err != nil {
		return false, err
	}
	for _, k := range all {
		if k.Ended != 0 || t.pagesLost {
			continue
		}
		by, err := t.over(k, holders)
		if err != nil || by != "" {
			return by != "", err
		}
		if h, asked := holders[k.Holder]; asked && !h.damaged && t.due(k) {
			return true, nil
		}
	}
	return len(t.orphans(all)) > 0, nil
}

// tend gives again what is due and ends what is over, as much as fits.
func (t *turn) tend(holders map[ID]holderNow) error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	t.dropOrphans(all)
	if t.pagesLost {
		return nil // who is not listed is refused, and that is all that can be done
	}
	left := tendWrites
	var over []*keptGrant
	for _, k := range all {
		if k.Ended != 0 {
			continue
		}
		by, err := t.over(k, holders)
		if err != nil {
			return err
		}
		if k.EndedBy = by; by != "" {
			over = append(over, k)
			continue
		}
		h, asked := holders[k.Holder]
		if !asked || h.damaged || !t.due(k) || left < 2 {
			continue // given meanwhile, or has to wait: for the next commit, or the next sign-in
		}
		err = t.issue(k, h.keys, nil)
		if errors.Is(err, errOtherKeys) {
			continue // has changed its keys since: the next commit
		}
		if errors.Is(err, ErrUntrustedKey) {
			k.EndedBy, over = EndedByKey, append(over, k)
			continue
		}
		if err != nil {
			return err
		}
		left -= 2
	}
	for _, k := range over {
		by := k.EndedBy
		if k.EndedBy = ""; left < 4 {
			t.unlist(k) // refused from now on; its paper follows
			continue
		}
		left -= 4
		if by == EndedByKey {
			t.note(ActKeyRefused, nil, map[string]string{"holder": ID(k.Holder).String()})
		}
		if err := t.end(k, by); err != nil {
			return err
		}
	}
	return nil
}

// orphans are the digests in the owner head that belong to no paper: the store hides
// the paper of a grant that is in force, so that the person neither sees nor ends it.
func (t *turn) orphans(all []*keptGrant) (out [][]byte) {
	known := map[string]bool{}
	for _, k := range all {
		if digest := seal.Digest(k.Terms); k.Ended == 0 {
			known[string(digest[:])] = true
		}
	}
	for _, d := range t.linkDigests() {
		known[string(d)] = true
	}
	for _, d := range t.heads.owner.Grants {
		if !known[string(d)] {
			out = append(out, d)
		}
	}
	return out
}

// dropOrphans ends them. Whoever it was may have the keys.
func (t *turn) dropOrphans(all []*keptGrant) {
	for _, d := range t.orphans(all) {
		t.unlistDigest(d)
		t.owe()
		t.note(ActGrantEnded, nil, map[string]string{"by": string(EndedByLoss)})
	}
}

// owe notes that somebody has the present keys of Shared who must not see what comes.
func (t *turn) owe() {
	t.heads.owner.Owed, t.ownerDirty = t.rings[Shared].current().number, true
}

// grantDue is the entry of the instant when the time of a grant is over.
func (id ID) grantDue(k *keptGrant) string {
	return storage.DueKey(time.UnixMilli(k.Until), id.String(), "grant-"+k.id.String())
}
