package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// DeathRecord is what an operator recorded about somebody who is said to be dead or
// unable to decide for ever. It opens nothing and gives nobody a key.
type DeathRecord struct {
	By           string    // who recorded it; required
	Organisation string    // for whom; required
	Evidence     string    // what was shown: "death certificate, town hall of …"; required
	At           time.Time // when it happened or became known; zero: when it was recorded

	// What follows is set by [Vaults.RecordDeath].

	Recorded time.Time
	Wish     Want      // what the person wanted then
	ErasedAt time.Time // with WantErase: not before this; zero: nothing will be erased
	Ended    time.Time // when it was void, because the person signed in or the operator withdrew it; zero: not
	EndedBy  string    // who withdrew it; empty: the person signed in
}

// ActDeathRecorded: an operator recorded the death of the person, who has signed in
// since. Detail "by", "organisation", "evidence", "recorded" (RFC 3339), "want".
const ActDeathRecorded Act = "death.recorded"

// NoticeDeathRecorded: an operator recorded the death of the person; see
// [Vault.DeathRecord]. Shown until [Vault.DismissDeathRecord].
const NoticeDeathRecorded NoticeCode = "death-recorded"

const (
	leastDeathWait   = 30 * 24 * time.Hour
	defaultDeathWait = 90 * 24 * time.Hour
)

// deathBody is V/died, sealed under the service's own key, so that no store can
// make a decision up, change one, or read who is dead. It names the wish that it
// decides about by the digest of V/wish: after the next sign-in that is another.
type deathBody struct {
	By           string `cbor:"1,keyasint"`
	Organisation string `cbor:"2,keyasint"`
	Evidence     string `cbor:"3,keyasint"`
	At           int64  `cbor:"4,keyasint"` // unix milliseconds, all times
	Recorded     int64  `cbor:"5,keyasint"`
	Want         Want   `cbor:"6,keyasint,omitempty"`
	Wish         []byte `cbor:"7,keyasint,omitempty"` // SHA-256 of V/wish
	ErasedAt     int64  `cbor:"8,keyasint,omitempty"`
	Ended        int64  `cbor:"9,keyasint,omitempty"`
	EndedBy      string `cbor:"10,keyasint,omitempty"`
	Told         bool   `cbor:"11,keyasint,omitempty"` // it is in the person's journal
	Known        bool   `cbor:"12,keyasint,omitempty"` // the person has dismissed it
}

func (d *deathBody) record() DeathRecord {
	r := DeathRecord{
		By: d.By, Organisation: d.Organisation, Evidence: d.Evidence, At: time.UnixMilli(d.At).UTC(),
		Recorded: time.UnixMilli(d.Recorded).UTC(), Wish: d.Want, EndedBy: d.EndedBy,
	}
	if d.ErasedAt != 0 {
		r.ErasedAt = time.UnixMilli(d.ErasedAt).UTC()
	}
	if d.Ended != 0 {
		r.Ended = time.UnixMilli(d.Ended).UTC()
	}
	return r
}

func (id ID) died() string { return id.key("died") }

func (d *deathBody) dueKey(id ID) string {
	return storage.DueKey(time.UnixMilli(d.ErasedAt), id.String(), "died")
}

// readDeath reads V/died; nil if there is none. ErrTampered if this service did not
// write it for this vault.
func (s *Vaults) readDeath(tx *storage.Tx, id ID) (*deathBody, error) {
	rec, err := tx.Get(id.died())
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := new(deathBody)
	_, raw, err := s.carryKey().Open(carryContext(id, "death"), rec.Value)
	if err != nil || seal.Unmarshal(raw, d) != nil {
		return nil, tampered("record of a death")
	}
	return d, nil
}

func (s *Vaults) putDeath(tx *storage.Tx, id ID, d *deathBody) error {
	raw, err := seal.Marshal(d)
	if err != nil {
		return err
	}
	record, err := s.carryKey().Seal(carryContext(id, "death"), nil, raw)
	if err == nil {
		tx.PutUnique(id.died(), record)
	}
	return err
}

// end makes a record void: what it would have carried out is not due any more.
func (d *deathBody) end(tx *storage.Tx, id ID, now time.Time, by string) {
	if d.ErasedAt != 0 {
		tx.Delete(d.dueKey(id))
	}
	d.Ended, d.EndedBy = now.UnixMilli(), by
}

func (d *DeathRecord) check(now time.Time) error {
	problems := []error{checkName("by", d.By), checkName("organisation", d.Organisation), checkText("evidence", d.Evidence, MaxText, true)}
	if d.Evidence == "" {
		problems = append(problems, &InvalidError{Field: "evidence", Problem: "is empty"})
	}
	if !d.At.IsZero() && (d.At.Year() < 1900 || d.At.After(now.Add(24*time.Hour))) {
		problems = append(problems, &InvalidError{Field: "at", Problem: "is in the future or far out of time"})
	}
	return errors.Join(problems...)
}

// RecordDeath records that a person is said to be dead or unable to decide for
// ever, for the operator, on evidence. Signing in stays possible, and the first sign-in
// makes the record void and shows it. If the person wished to be erased, the sweeper
// does it after [Config.DeathWait], by the clock of the service; otherwise nothing is
// opened or erased. A record that is not void stands: recording again returns it.
//
// It is durable on return. Errors: InvalidError; ErrNotFound for no person's vault, or
// an erased one; ErrTampered and ErrStale if the store does not show the vault and its
// wish as they should be; ErrWitnessAway, ErrStorage.
func (s *Vaults) RecordDeath(ctx context.Context, id ID, d DeathRecord) (DeathRecord, error) {
	now := s.now()
	if err := d.check(now); err != nil {
		return DeathRecord{}, err
	}
	if d.At.IsZero() {
		d.At = now
	}
	known, err := s.ask(ctx, id)
	if err != nil {
		return DeathRecord{}, err
	}
	var out DeathRecord
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		head, err := readLivingHead(tx, id, known)
		if err != nil {
			return err
		}
		stands, err := s.readDeath(tx, id)
		if err != nil && !errors.Is(err, ErrTampered) { // what is no record of ours is overwritten
			return err
		}
		if stands != nil && stands.Ended == 0 {
			out = stands.record()
			return nil
		}
		b := &deathBody{By: d.By, Organisation: d.Organisation, Evidence: d.Evidence, At: d.At.UnixMilli(), Recorded: now.UnixMilli()}
		if err := s.decide(tx, id, head, b); err != nil {
			return err
		}
		out = b.record()
		return s.putDeath(tx, id, b)
	})
	return out, storageError(err)
}

// readLivingHead is the owner head of a person's vault, held against the witness.
func readLivingHead(tx *storage.Tx, id ID, known []Checkpoint) (*seal.OwnerHead, error) {
	rec, err := tx.Get(id.head(Owner))
	if isNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	h, err := openOwnerHead(id, rec.Value)
	if err != nil {
		return nil, err
	}
	if h.Erased != 0 || h.Kind != seal.KindPerson {
		return nil, ErrNotFound
	}
	mine := Checkpoint{Head: headOwner, Restore: h.Restore, Version: h.Version, Hash: seal.Digest(rec.Value)}
	for _, k := range known {
		switch {
		case k.Head != headOwner:
		case later(k, mine):
			return nil, ErrStale
		case sameVersion(k, mine) && k.Hash != mine.Hash:
			return nil, tampered("owner head")
		}
	}
	return h, nil
}

// decide fills in what follows from the wish. The wait is no shorter than a session
// lasts: whoever was signed in when it was recorded has signed in anew until then, or
// is not there.
func (s *Vaults) decide(tx *storage.Tx, id ID, head *seal.OwnerHead, d *deathBody) error {
	rec, err := tx.Get(id.wish())
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	w, err := openWish(id, head.Key, rec.Value)
	if err != nil {
		return err
	}
	digest := seal.Digest(rec.Value)
	d.Want, d.Wish = w.Want, digest[:]
	if w.Want != WantErase {
		return nil
	}
	if _, err := s.carriedOut(id, head, w); err != nil {
		return err
	}
	d.ErasedAt = time.UnixMilli(d.Recorded).Add(max(s.cfg.DeathWait, s.cfg.SessionMax)).UnixMilli()
	tx.Put(d.dueKey(id), nil)
	return nil
}

// carriedOut is what a wish to erase puts into the place of the owner head: signed
// by its key, and later.
func (s *Vaults) carriedOut(id ID, head *seal.OwnerHead, w wishBody) (wishCarry, error) {
	c, tomb, err := s.openCarry(id, w)
	if err != nil {
		return c, err
	}
	if !bytes.Equal(tomb.Key, head.Key) {
		return c, tampered("wish")
	}
	if !later(Checkpoint{Restore: tomb.Restore, Version: tomb.Version}, Checkpoint{Restore: head.Restore, Version: head.Version}) {
		return c, fmt.Errorf("%w: the wish to erase", ErrStale) // an earlier one, which was taken back
	}
	return c, nil
}

// WithdrawDeath makes a record void that was a mistake; the person is shown it all
// the same. by is who withdraws it. ErrNotFound if there is none that stands.
//
// A store that kept the record could bring it back as it was: it can delete the
// vault as well, but with the record the witness forgets it, too. A sign-in of the
// person ends that.
func (s *Vaults) WithdrawDeath(ctx context.Context, id ID, by string) error {
	if err := checkName("by", by); err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		d, err := s.readDeath(tx, id)
		if err != nil {
			return err
		}
		if d == nil || d.Ended != 0 {
			return ErrNotFound
		}
		d.end(tx, id, s.now(), by)
		return s.putDeath(tx, id, d)
	}))
}

// Death returns what was recorded of a vault, for the operator, also if it is void.
// ErrNotFound if nothing was; ErrTampered if this service did not write it.
func (s *Vaults) Death(ctx context.Context, id ID) (out DeathRecord, err error) {
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		d, err := s.readDeath(tx, id)
		if err == nil && d == nil {
			err = ErrNotFound
		}
		if err == nil {
			out = d.record()
		}
		return err
	})
	return out, storageError(err)
}

// forgetDeath removes, when a vault is erased, the deadline of a record.
func (s *Vaults) forgetDeath(tx *storage.Tx, id ID) error {
	d, err := s.readDeath(tx, id)
	if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	if d != nil && d.ErasedAt != 0 {
		tx.Delete(d.dueKey(id))
	}
	return nil
}

// sweepDied carries out a wish to erase: the tombstone that was signed with it comes
// into the place of the owner head, if an operator's record says so, its time
// has come, nobody has signed in since, and the witness knows of nothing later. Else the entry
// goes, and what the store altered stays an error that somebody hears of.
func (s *Vaults) sweepDied(ctx context.Context, id ID, due storage.Due) error {
	known, err := s.ask(ctx, id)
	if err != nil {
		return err
	}
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if _, err := tx.Get(due.Key()); isNotFound(err) {
			return nil // another sweeper was faster
		} else if err != nil {
			return err
		}
		d, err := s.readDeath(tx, id)
		if err != nil {
			return err
		}
		if d == nil || d.Ended != 0 || d.ErasedAt == 0 || d.dueKey(id) != due.Key() {
			tx.Delete(due.Key())
			return nil
		}
		if s.now().UnixMilli() < d.ErasedAt { // the clock went back since the walk began
			return nil
		}
		return s.bury(tx, id, d, due, known)
	})
}

func (s *Vaults) bury(tx *storage.Tx, id ID, d *deathBody, due storage.Due, known []Checkpoint) error {
	head, err := readLivingHead(tx, id, known)
	if errors.Is(err, ErrNotFound) {
		tx.Delete(due.Key()) // erased before
		return nil
	}
	if err != nil {
		return err
	}
	rec, err := tx.Get(id.wish())
	if err != nil {
		return missing(err, "wish")
	}
	w, err := openWish(id, head.Key, rec.Value)
	if err != nil {
		return err
	}
	if digest := seal.Digest(rec.Value); !slices.Equal(digest[:], d.Wish) {
		tx.Delete(due.Key()) // the person signed it anew since: they were here
		return nil
	}
	c, err := s.carriedOut(id, head, w)
	if err != nil {
		return err
	}
	if c.Login != "" {
		tx.Delete(c.Login)
	}
	if head.Closing != 0 {
		tx.Delete(closedKey(id, head.Closing))
	}
	tx.Delete(due.Key())
	tx.Delete(id.key("tomb"))
	tx.Delete(id.wish())
	tx.Put(id.head(Owner), c.Tombstone)
	return s.eraseKeys(tx, id)
}
