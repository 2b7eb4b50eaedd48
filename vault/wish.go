package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
)

// Want is what a person wants done with their vault when they are dead or cannot
// decide any more.
type Want string

// What can be wanted.
const (
	WantNothing Want = ""      // nothing was said: as WantKeep
	WantKeep    Want = "keep"  // nothing is opened and nothing erased
	WantErase   Want = "erase" // erased, some time after an operator has recorded it
)

// Wish is what a person wants, and since when.
type Wish struct {
	Want  Want
	Since time.Time // zero with WantNothing
}

// ActWishChanged is the act of [Vault.SetWish]; Detail "want".
const ActWishChanged Act = "wish.changed"

// The wish has to be carried out while nobody can open the vault. So it is a
// record that can be read without any key of the person's, signed by the vault's:
//
//	V/wish  signed: CBOR{1: want, 2: since, 3: carry}
//	carry   of "erase" only, sealed under a key of the service's: CBOR{1: tombstone, 2: key of the login record}
//
// The tombstone is signed now, as at a closing, because only the person could sign
// it. In other hands it would end the account for good, at the witness too. So the
// store does not have it in clear: it is sealed to the service, which takes it out only for
// a decision that an operator recorded (died.go) and whose time has come. A store on its own
// can hide a wish, or show an earlier "keep": then nothing is erased, and the
// person is told ErrTampered, as an Owner paper holds the same wish. An "erase" that was
// taken back has a tombstone that the owner head has overtaken. With the keys of
// the service, too, a store can end an account whose person wished it while they
// live; it could delete every record as well, but not end it at the witness.
type wishBody struct {
	Want  Want   `cbor:"1,keyasint"`
	Since int64  `cbor:"2,keyasint"` // unix milliseconds
	Carry []byte `cbor:"3,keyasint,omitempty"`
}

type wishCarry struct {
	Tombstone []byte `cbor:"1,keyasint"`
	Login     string `cbor:"2,keyasint,omitempty"`
}

// wishPaper is the person's own copy, CBOR{1: want, 2: since} of the kind paperWish.
var wishPaper = [16]byte{15: paperWish}

// wishAhead leaves room for changes of the owner head between a sign-in and the
// day when a wish is carried out: years of them. Each renewal takes a step of it, so
// that the tombstone before is stale.
const wishAhead = 1 << 32

func (id ID) wish() string { return id.key("wish") }

func wishContext(id ID) seal.Context { return id.bind(seal.TypeWish, Owner, 0, nil, 0) }

// carryKey is the service's own key for what it carries out for people who are not there.
func (s *Vaults) carryKey() seal.Key { return seal.DeriveKey(s.keys.lookup.Bytes(), "wishes", nil) }

func carryContext(id ID, what string) seal.Context {
	return id.bind(seal.TypeWish, Owner, 0, []byte(what), 0)
}

// openWish reads a wish that the key of an owner head signed.
func openWish(id ID, key, record []byte) (b wishBody, err error) {
	body, err := seal.OpenSigned(key, wishContext(id), record)
	if err != nil || seal.Unmarshal(body, &b) != nil || b.Want != WantKeep && b.Want != WantErase {
		return b, tampered("wish")
	}
	return b, nil
}

// SetWish says what shall be done with the vault when an operator has recorded that
// the person is dead or cannot decide any more. WantNothing takes it back.
// No wish gives anybody a key. It holds from the moment when this returns, until another
// one; every sign-in confirms it.
//
// Errors: InvalidError, ErrClosing, ErrWitnessAway (for WantErase; nothing was
// changed), ErrUnconfirmed (it is in force; the witness will hear of it).
func (v *Vault) SetWish(ctx context.Context, want Want) error { return v.setWish(ctx, nil, want) }

// ReplaceWish is SetWish for who has read the wish: ErrRevision if it is not the one that
// was seen any more, and nothing is lost.
func (v *Vault) ReplaceWish(ctx context.Context, seen Wish, want Want) error {
	return v.setWish(ctx, &seen, want)
}

func (v *Vault) setWish(ctx context.Context, seen *Wish, want Want) error {
	switch want {
	case WantNothing, WantKeep:
	case WantErase:
		if _, err := v.service.ask(ctx, v.id); err != nil {
			return err
		}
	default:
		return &InvalidError{Field: "wish", Problem: `is not "keep", "erase" or nothing`}
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if err := t.stillWished(seen); err != nil {
			return err
		}
		t.note(ActWishChanged, nil, map[string]string{"want": string(want)})
		if err := t.leap(); err != nil { // whatever was signed before is stale from here on
			return err
		}
		if want == WantNothing {
			t.tx.Delete(v.id.wish())
			return t.dropPaper(wishPaper)
		}
		b := wishBody{Want: want, Since: t.now.UnixMilli()}
		if err := t.putFixedPaper(wishPaper, paperWish, b); err != nil {
			return err
		}
		return t.signWish(b)
	})
}

// stillWished fails unless the wish is the one that was seen; nil: whatever it is.
func (t *turn) stillWished(seen *Wish) error {
	if seen == nil {
		return nil
	}
	b, found, err := t.wished()
	if err == nil && (found == (seen.Want == WantNothing) || found && (b.Want != seen.Want || b.Since != seen.Since.UnixMilli())) {
		err = ErrRevision
	}
	return err
}

// Wish returns what the person wants. It is a line in the journal. ErrTampered if
// the store has not, or not any more, what could be carried out: set it again.
func (v *Vault) Wish(ctx context.Context) (w Wish, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActAccountRead, nil, nil)
		b, found, err := t.wished()
		if err != nil || !found {
			return err
		}
		rec, err := t.tx.Get(v.id.wish())
		if err != nil {
			return missing(err, "wish")
		}
		stored, err := openWish(v.id, t.heads.owner.Key, rec.Value)
		if err == nil && (stored.Want != b.Want || stored.Since != b.Since) {
			err = tampered("wish")
		}
		w = Wish{Want: b.Want, Since: time.UnixMilli(b.Since).UTC()}
		return err
	})
	if err != nil {
		return Wish{}, err
	}
	return w, nil
}

// wished is the person's own copy of the wish.
func (t *turn) wished() (b wishBody, found bool, err error) {
	p, found, err := t.fixedPaper(wishPaper, paperWish)
	if err != nil || !found {
		return b, false, err
	}
	if seal.Unmarshal(p.Body, &b) != nil {
		return b, false, tampered("owner paper")
	}
	return b, true, nil
}

// renewWish signs the wish again: at a change of keys and after a restore, because
// a tombstone of before is not the vault's any more; and to erase, at every
// sign-in, so that a decision from before it has nothing to carry out any more, whatever
// the store hides from the sign-in and shows to the sweeper.
func (t *turn) renewWish() error {
	b, found, err := t.wished()
	if errors.Is(err, ErrTampered) || err == nil && !found {
		return nil // an altered paper stops nothing else; the wish can be set again
	}
	if err != nil {
		return err
	}
	if err := errors.Join(t.leap(), t.signWish(b)); err != nil {
		return err
	}
	t.ownerDirty = true
	if t.heads.owner.Closing != 0 { // that tombstone was overtaken, too
		return t.presign()
	}
	return nil
}

// confirmWish is renewWish at a sign-in.
func (t *turn) confirmWish() error {
	if b, found, err := t.wished(); err == nil && found && b.Want == WantErase {
		return t.renewWish()
	} else if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	return nil
}

// signWish writes V/wish under the key of this turn.
func (t *turn) signWish(b wishBody) error {
	v := t.v
	b.Carry = nil
	if b.Want == WantErase {
		tomb := t.tombstone(time.UnixMilli(b.Since))
		tomb.Version += wishAhead
		var c wishCarry
		var err error
		if c.Tombstone, err = t.signer.SealOwnerHead(tomb); err != nil {
			return err
		}
		if c.Login, err = t.loginRecord(); err != nil {
			return err
		}
		raw, err := seal.Marshal(c)
		if err != nil {
			return err
		}
		if b.Carry, err = v.service.carryKey().Seal(carryContext(v.id, "tombstone"), nil, raw); err != nil {
			return err
		}
	}
	body, err := seal.Marshal(b)
	if err != nil {
		return err
	}
	record, err := t.signer.SignEnvelope(wishContext(v.id), body)
	if err != nil {
		return err
	}
	t.tx.Put(v.id.wish(), record)
	return nil
}

// openCarry takes out what is needed to carry out a wish to erase.
func (s *Vaults) openCarry(id ID, b wishBody) (c wishCarry, tomb *seal.OwnerHead, err error) {
	_, raw, err := s.carryKey().Open(carryContext(id, "tombstone"), b.Carry)
	if err != nil || seal.Unmarshal(raw, &c) != nil {
		return c, nil, tampered("wish")
	}
	if tomb, err = openOwnerHead(id, c.Tombstone); err != nil || tomb.Erased == 0 {
		return c, nil, tampered("wish")
	}
	return c, tomb, nil
}
