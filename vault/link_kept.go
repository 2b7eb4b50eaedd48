package vault

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// What strangers left becomes the person's own all at once ([Vault.KeepLeft]), or one thing
// after the other: then its id is on a list, so that its bytes are given back to the share of
// strangers once, and not again when it is destroyed (LK11). The list is one Owner paper of
// the kind paperKept under a fixed id:
//
//	CBOR{1: [id]}
//
// and is thrown away whenever everything is kept.
type keptBody struct {
	Items [][16]byte `cbor:"1,keyasint"`
}

var keptPaper = [16]byte{15: paperKept}

// maxKeptApart bounds the list. Whoever has kept so many apart keeps all that came until then.
const maxKeptApart = 1000

// keptApart reads the list. An altered one counts for nothing: then strangers may fill more,
// by what was on it, once; nothing else hangs on it.
func (t *turn) keptApart() (b keptBody, err error) {
	p, found, err := t.fixedPaper(keptPaper, paperKept)
	if errors.Is(err, ErrTampered) || err == nil && !found {
		return b, nil
	}
	if err == nil && seal.Unmarshal(p.Body, &b) != nil {
		b = keptBody{}
	}
	return b, err
}

// lefts tells what strangers left from what is the person's own.
type lefts struct {
	since int64 // what was left before is the person's; unix milliseconds
	apart [][16]byte
	none  bool // there is nothing that is not
}

func (t *turn) lefts() (l lefts, err error) {
	u, err := t.linkUses()
	if err != nil || u == nil || u.Left == 0 {
		l.none = true
		return l, err
	}
	b, err := t.keptApart()
	l.since, l.apart = u.Kept, b.Items
	return l, err
}

// strange says whether somebody left it at a time by a link, and it is not the person's yet.
func (l lefts) strange(by Actor, at time.Time, id ItemID) bool {
	return !l.none && by.Kind == ActorLink && at.UnixMilli() >= l.since && !slices.Contains(l.apart, [16]byte(id))
}

// KeepLeft says that what strangers left by links is the person's own to keep: it does not
// count against their share any more, and there is room for more. ErrNotAllowed to who is not the
// person.
func (v *Vault) KeepLeft(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActLeftKept, nil, nil)
		return t.keepAllLeft()
	})
}

func (t *turn) keepAllLeft() error {
	u, err := t.uses()
	if err != nil {
		return err
	}
	u.Left, u.Kept = 0, t.now.UnixMilli()+1 // what was left in this millisecond is kept, too
	_, _, found, err := t.lookup(Owner, keptPaper)
	if err != nil || !found {
		return err
	}
	return errors.Join(t.changing(), t.dropPaper(keptPaper))
}

// KeepLeftItem is [Vault.KeepLeft] for one thing that was taken in: the others wait for a word
// of the person. It is a line in the journal, and durable when it returns. What is theirs
// already stays so, without a line.
//
// Errors: ErrNotAllowed to who is not the person; ErrNotFound; ErrTooMany where a thousand
// were kept one after the other: keep all.
func (v *Vault) KeepLeftItem(ctx context.Context, id ItemID) error {
	return v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		r, err := t.find(id)
		if err != nil {
			return err
		}
		l, err := t.lefts()
		if err != nil || !l.strange(r.item.Origin.By, r.item.Origin.At, id) {
			return err
		}
		more, err := t.moreLeft(l, id)
		if err != nil {
			return err
		}
		t.note(ActLeftKept, r.item, nil)
		if !more {
			return t.keepAllLeft()
		}
		if len(l.apart) >= maxKeptApart {
			return ErrTooMany
		}
		if err := t.uncountLeft(r.item, r.leftBytes()); err != nil {
			return err
		}
		// What else is there stays strange, however long the person's own words in this one are.
		t.used.Left = max(1, t.used.Left)
		return t.putFixedPaper(keptPaper, paperKept, keptBody{append(l.apart, id)})
	})
}

// moreLeft says whether anything strange is there beside one item, also in the bin, or waits.
func (t *turn) moreLeft(l lefts, beside ItemID) (bool, error) {
	all, err := t.all()
	if err != nil {
		return false, err
	}
	for _, one := range all {
		if one.err != nil || one.id != beside && l.strange(one.record.item.Origin.By, one.record.item.Origin.At, one.id) {
			return true, nil
		}
	}
	return t.someWait()
}

// someWait says whether anything was left that is not taken in.
func (t *turn) someWait() (bool, error) {
	waiting, err := t.v.service.cfg.Store.Scan(t.ctx, t.v.id.key("in/"), "", 1)
	return len(waiting) > 0, storageError(err)
}

// leftToSee says whether strangers left something that the person has not thrown away and
// not kept: what the first page says.
func (t *turn) leftToSee(all []loaded) (bool, error) {
	l, err := t.lefts()
	if err != nil || l.none {
		return false, err
	}
	for _, one := range all {
		if one.err == nil && one.record.item.Binned.IsZero() && l.strange(one.record.item.Origin.By, one.record.item.Origin.At, one.id) {
			return true, nil
		}
	}
	return t.someWait()
}

// leftBytes is what of an item counts against the share of strangers: what somebody left, and
// not the small picture that the person's pages made of it, which was never counted (N101).
func (r *record) leftBytes() int64 { return r.stored + partBytes(r.parts) }

// uncountLeft gives what an item takes back to the share of strangers, once: not what is the
// person's already.
func (t *turn) uncountLeft(it *Item, bytes int64) error {
	l, err := t.lefts()
	if err != nil || !l.strange(it.Origin.By, it.Origin.At, it.ID) {
		return err
	}
	u, err := t.linkUses()
	if u != nil {
		u.Left = max(0, u.Left-bytes)
	}
	return err
}
