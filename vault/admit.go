package vault

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// takeOne makes one deposit an item, or says why not.
func (t *turn) takeOne(b *batch, l letter) error {
	key := t.v.id.deposit(l.to, l.line)
	rec, err := t.v.service.cfg.Store.Get(t.ctx, key) // the digest in the line fixes it
	if err != nil && !isNotFound(err) {
		return err
	}
	digest := seal.Digest(rec.Value)
	if err != nil || hex.EncodeToString(digest[:]) != l.digest { // B6
		b.out.Missing++
		b.gaps = append(b.gaps, gap{Line: l.line, At: l.at.UnixMilli(), By: l.actor, Kind: l.kind, Item: l.item})
		return t.turnAway(b, key, l, ActDepositMissing, "")
	}
	o, err := openDeposit(t.v.id, l.to, l.line, rec.Value, t.rings[l.to])
	why := refusedForm
	if err == nil {
		why, err = t.admits(b, l, o)
	} else if errors.Is(err, ErrTampered) {
		err = nil
	}
	if err != nil {
		return err
	}
	if why != "" {
		b.out.Refused++
		t.dropBlobs(t.v.id.namedParts(rec))
		b.writes += len(t.v.id.namedParts(rec))
		return t.turnAway(b, key, l, ActDepositRefused, why)
	}
	return t.admitted(b, key, o, int64(len(rec.Value)))
}

// turnAway gives the space back and leaves a line.
func (t *turn) turnAway(b *batch, key string, l letter, act Act, why string) error {
	t.tx.Delete(key)
	b.writes++
	if err := errors.Join(t.charge(-l.takes), t.uncountLeft(&Item{ID: l.item, Origin: Origin{By: l.actor, At: l.at}}, l.takes)); err != nil {
		return err
	}
	detail := map[string]string{"line": strconv.FormatUint(l.line, 10), "by": l.actor.Name, detailKind: l.kind}
	if why != "" {
		detail["why"] = why
	}
	t.note(act, &Item{ID: l.item}, detail)
	return nil
}

// Why a deposit was refused, as stable codes in Detail "why".
const (
	refusedForm   = "form"   // it does not open, or is no item
	refusedGrant  = "grant"  // nothing was allowed to its author when it was left
	refusedAuthor = "author" // who is said to have left it did not sign it
	refusedExists = "exists" // there is such an item
)

// admits says why a deposit is refused, "" if it is not (B7).
func (t *turn) admits(b *batch, l letter, o *opened) (string, error) {
	if allowed, err := t.allowed(b, l); err != nil || !allowed {
		return refusedGrant, err
	}
	by, it := t.authors(), o.item
	err := by.check(l.actor, o.body.Author, revisionContext(t.v.id, it.ID, it.Revision), o.body.Facts)
	if err == nil {
		var origin []byte
		if origin, err = seal.Marshal(o.facts.Origin); err != nil {
			return "", err
		}
		err = by.check(it.Origin.By, o.body.Origin, originContext(t.v.id, it.ID), origin)
	}
	if errors.Is(err, ErrUntrustedKey) || errors.Is(err, ErrTampered) || err == nil && l.act == ActLeft && it.Origin.By != l.actor {
		return refusedAuthor, nil
	}
	if err != nil {
		return "", err
	}
	if it.ID != l.item {
		return refusedForm, nil
	}
	for c := range t.heads.indexes { // nobody writes over what is there
		if _, _, found, err := t.lookup(c, it.ID); err != nil || found {
			return refusedExists, err
		}
	}
	return "", nil
}

// allowed says whether the person had allowed this to its author when the line was
// written. The journal's own order decides where it can: clocks of two servers differ.
func (t *turn) allowed(b *batch, l letter) (bool, error) {
	if l.actor.Kind == ActorLink {
		return t.allowedByLink(b, l)
	}
	i := slices.IndexFunc(b.grants, func(k *keptGrant) bool { return k.id.String() == l.grant })
	if i >= 0 {
		return b.grants[i].allowed(b.in, l), nil
	}
	// A store that altered the paper of a grant must not make us throw away what was
	// left by it: then everything waits.
	id, err := ParseID(l.grant)
	if err != nil {
		return false, nil
	}
	_, _, found, err := t.lookup(Owner, id)
	if err == nil && found {
		err = tampered("owner paper")
	}
	return false, err
}

func (k *keptGrant) allowed(in *intake, l letter) bool {
	holder := ID(k.Holder).String()
	switch {
	case holder != l.actor.RelayID && holder != l.actor.ID:
		return false
	case k.Scope != ScopeAdd && (k.Scope != ScopeGive || l.act != ActLeft):
		return false
	case k.Until != 0 && l.at.UnixMilli() >= k.Until:
		return false
	case in.given[l.grant] > l.line:
		return false
	}
	if ended, seen := in.ended[l.grant]; seen {
		return l.line < ended
	}
	// Its end lies before the cursor, or was lost when the journal was put back from a backup.
	return k.Ended == 0 || in.open[l.grant] || l.at.UnixMilli() < k.Ended
}

// admitted writes the item: as it was left, its origin with its signature, sealed
// under the compartment's own key and signed by the person's.
func (t *turn) admitted(b *batch, key string, o *opened, length int64) error {
	it := o.item
	r := &record{item: it, parts: o.clear.Parts, keys: o.body.Keys, originSig: o.body.Origin, stored: o.clear.Takes}
	if r.stored == 0 {
		r.stored = length
	}
	if o.body.Ruled {
		if c := b.rules.For(it.Kind, ""); t.heads.indexes[c] != nil {
			it.Compartment = c
		}
	}
	if n, err := t.count(); err != nil {
		return err
	} else if n >= MaxItems {
		return ErrTooMany
	}
	if err := t.takeFolder(b, it); err != nil {
		return err
	}
	if err := t.put(r); err != nil {
		return err
	}
	t.tx.Delete(key)
	b.writes++
	b.out.Items++
	return nil
}

// takeFolder finds or makes the folder of the name that the item's had on the other
// side. Where there is no room for one it lies at the top.
func (t *turn) takeFolder(b *batch, it *Item) error {
	if it.Folder.IsZero() {
		return nil
	}
	to, known := b.folders[it.Folder]
	if !known {
		var err error
		to, err = t.sameFolder(it.Folder, it.Compartment)
		if errors.Is(err, ErrFull) || errors.Is(err, ErrTampered) {
			to = ItemID{}
		} else if err != nil {
			return err
		}
		b.folders[it.Folder] = to
	}
	it.Folder = to
	return nil
}
