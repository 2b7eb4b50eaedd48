package vault

import (
	"context"
	"errors"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// SweepReport counts what a sweep did. It names nobody.
type SweepReport struct {
	Uploads  int // abandoned uploads whose space was given back
	Blobs    int // blobs of replaced, moved or destroyed documents that were deleted
	Sessions int // sessions whose time was up
	Grants   int // grants and visits whose time was up
	Vaults   int // erased vaults of which nothing is left but the tombstone
	Unseen   int // people of whom it was recorded that they were not seen for long
	Failed   int // entries that could not be done now; the next sweep tries again
}

// Sweep does what has become due: it needs no key, its work is proportional to
// what is due, and several processes may sweep at once. What fails is counted,
// returned as an error, and tried again by the next sweep. Run it every few minutes.
func (s *Vaults) Sweep(ctx context.Context) (SweepReport, error) {
	var r SweepReport
	errs := s.sweepDisowned(ctx, &r)
	for due, err := range s.cfg.Store.DueBefore(ctx, s.now()) {
		if errors.Is(err, storage.ErrInvalid) { // not written by us: it must not stop the others
			r.Failed++
			errs = append(errs[:min(len(errs), 10)], storageError(err))
			continue
		}
		if err != nil {
			return r, errors.Join(append(errs, storageError(err))...)
		}
		if err := s.sweepOne(ctx, due, &r); err != nil {
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			r.Failed++
			if len(errs) < 10 {
				errs = append(errs, storageError(err))
			}
		}
	}
	return r, errors.Join(errs...)
}

func (s *Vaults) sweepOne(ctx context.Context, due storage.Due, r *SweepReport) error {
	if reservation, ok := quota.ReservationID(due); ok {
		if isUploadReservation(reservation) {
			if held, err := s.held(ctx); held || err != nil {
				return err // a backup may need its parts
			}
		}
		r.Uploads++
		return s.cfg.Quota.Sweep(ctx, s.cfg.Store, unnamed{s.cfg.Blobs, s, due.Owner}, due)
	}
	what, rest, _ := strings.Cut(due.What, "-")
	if due.Owner == serviceOwner && what == "note" {
		return s.sweepNote(ctx, rest, due)
	}
	id, err := ParseID(due.Owner)
	if err != nil {
		return s.drop(ctx, due) // not written by us: nothing to do, ever
	}
	switch what {
	case "blob":
		if held, err := s.held(ctx); held || err != nil {
			return err // a backup may need it
		}
		r.Blobs++
		return s.sweepBlob(ctx, due)
	case "session":
		r.Sessions++
		return s.sweepSession(ctx, id, rest, due)
	case "grant":
		r.Grants++
		return s.sweepGrant(ctx, id, rest, due)
	case "remind":
		return s.sweepRemind(ctx, due)
	case "new":
		return s.sweepUnclaimed(ctx, id, due)
	case "unseen":
		return s.sweepUnseen(ctx, id, due, r)
	case "died":
		return s.sweepDied(ctx, id, due)
	case "closed":
		return s.sweepClosed(ctx, id, due)
	case "note":
		return s.sweepNote(ctx, rest, due)
	case "erase":
		if held, err := s.held(ctx); held || err != nil {
			return err // its keys are gone already
		}
		r.Vaults++
		return s.sweepErased(ctx, id, due)
	}
	return s.drop(ctx, due)
}

// drop removes a due entry whose work is done.
func (s *Vaults) drop(ctx context.Context, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(due.Key())
		return nil
	})
}

// sweepBlob deletes the blobs of an item that no record names any more: first the
// blobs, then the entry that remembers them.
func (s *Vaults) sweepBlob(ctx context.Context, due storage.Due) error {
	rec, err := s.cfg.Store.Get(ctx, due.Key())
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	blobs := unnamed{s.cfg.Blobs, s, due.Owner}
	if err := blobs.deleteAll(ctx, "", strings.Split(string(rec.Value), "\n")); err != nil {
		return err
	}
	return s.drop(ctx, due)
}

// unnamed deletes blobs of one vault that none of its items names, nor anything in
// its inbox, nor an upload that goes on, and leaves any other alone: what tells a sweeper to delete is a record
// like any other, and whoever can write records could otherwise reach the documents too.
type unnamed struct {
	storage.Blobs
	service *Vaults
	owner   string
}

// Delete deletes one, or all of an upload whose reservation has ended, with its record:
// the reservation has the upload's own name instead of that of a blob.
func (u unnamed) Delete(ctx context.Context, name string) error {
	id, err := ParseID(u.owner)
	if err != nil {
		return nil
	}
	item, ok := id.uploadNamed(name)
	if !ok {
		return u.deleteAll(ctx, "", []string{name})
	}
	key := id.upload(item)
	rec, err := u.service.cfg.Store.Get(ctx, key)
	if isNotFound(err) {
		return u.deleteAll(ctx, "", []string{name}) // or a blob that is called like it
	}
	if err != nil {
		return err
	}
	var names []string
	for _, p := range id.namedParts(rec) {
		names = append(names, p.Blob)
	}
	if err := u.deleteAll(ctx, key, names); err != nil {
		return err
	}
	return u.service.dropRecords(ctx, []string{key})
}

// deleteAll deletes those that are named by no record but this one.
func (u unnamed) deleteAll(ctx context.Context, but string, names []string) error {
	id, err := ParseID(u.owner)
	if err != nil {
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, id.key("")) })
	// In the order in which they move: what is taken in or finished meanwhile is found
	// among the items.
	for _, prefix := range []string{id.key("u/"), id.key("in/"), id.key("i/")} {
		for rec, err := range u.service.cfg.Store.All(ctx, prefix) {
			if err != nil {
				return err
			}
			if rec.Key == but {
				continue
			}
			for _, p := range id.namedParts(rec) {
				names = slices.DeleteFunc(names, func(name string) bool { return name == p.Blob })
			}
		}
	}
	for _, name := range names {
		if err := u.Blobs.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Vaults) sweepSession(ctx context.Context, id ID, session string, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if sid, err := ParseSessionID(session); err == nil {
			tx.Delete(id.session(sid))
			remembered, err := tx.Scan(id.once(sid, ""), "", onceSlots+1)
			if err != nil {
				return err
			}
			for _, rec := range remembered {
				tx.Delete(rec.Key)
			}
		}
		tx.Delete(due.Key())
		return nil
	})
}

// sweepGrant deletes the keys that were sealed for somebody whose time is up. They
// are refused from that instant anyway; the owner head and the person's own note of
// it follow at their next sign-in. A store that makes such an entry up ends what it
// could have deleted by itself.
func (s *Vaults) sweepGrant(ctx context.Context, id ID, grant string, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if g, err := ParseGrantID(grant); err == nil {
			tx.Delete(id.grant(g))
		}
		tx.Delete(due.Key())
		return nil
	})
}

// sweepUnclaimed erases a creation that was never acknowledged (G20). Its login
// record stays behind: it leads to nothing, and can only be found by the login,
// which nobody was told.
func (s *Vaults) sweepUnclaimed(ctx context.Context, id ID, due storage.Due) error {
	if claimed, err := s.claimed(ctx, id); err != nil {
		return err
	} else if claimed { // whatever the store says
		return s.drop(ctx, due)
	}
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(due.Key())
		if _, err := tx.Get(id.key("new")); isNotFound(err) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.eraseKeys(tx, id); err != nil {
			return err
		}
		tx.Delete(id.head(Owner)) // no tombstone: nobody was ever told of it
		return nil
	})
	return err
}

// claimed asks the witness whether anything has happened in a vault after its
// creation. Only what the witness does not know of, or knows in its first
// version, may be erased without a tombstone.
func (s *Vaults) claimed(ctx context.Context, id ID) (bool, error) {
	known, err := s.ask(ctx, id)
	if err != nil {
		return false, err
	}
	for _, k := range known {
		if k.Version > 1 || k.Restore > 0 {
			return true, nil
		}
	}
	return false, nil
}

// sweepClosed puts the tombstone that was signed at closing into its place.
func (s *Vaults) sweepClosed(ctx context.Context, id ID, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		entry, err := tx.Get(due.Key())
		if isNotFound(err) {
			return nil // another sweeper was faster
		}
		if err != nil {
			return err
		}
		tx.Delete(due.Key())
		tomb, err := tx.Get(id.key("tomb"))
		if isNotFound(err) {
			return s.stillClosing(tx, id) // reopened, or erased before
		}
		if err != nil {
			return err
		}
		h, err := openOwnerHead(id, tomb.Value)
		if err != nil || h.Erased == 0 || h.Erased > s.now().UnixMilli() {
			return tampered("tombstone")
		}
		if over, err := s.overtaken(tx, id, h); err != nil {
			return err
		} else if over { // reopened; a backup, or the store, brought back what is void
			tx.Delete(id.key("tomb"))
			return nil
		}
		if len(entry.Value) == 32 {
			tx.Delete(loginKey([32]byte(entry.Value)))
		}
		tx.Put(id.head(Owner), tomb.Value)
		tx.Delete(id.key("tomb"))
		return s.eraseKeys(tx, id)
	})
}

// overtaken says whether the owner head has moved past a tombstone that was
// signed at an earlier closing.
func (s *Vaults) overtaken(tx *storage.Tx, id ID, tomb *seal.OwnerHead) (bool, error) {
	rec, err := tx.Get(id.head(Owner))
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := openOwnerHead(id, rec.Value)
	if err != nil {
		return false, err
	}
	now := Checkpoint{Restore: h.Restore, Version: h.Version}
	return !later(Checkpoint{Restore: tomb.Restore, Version: tomb.Version}, now), nil
}

// stillClosing is an error for a vault whose time is over and whose tombstone is
// gone: the entry stays, and somebody hears of it.
func (s *Vaults) stillClosing(tx *storage.Tx, id ID) error {
	rec, err := tx.Get(id.head(Owner))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	h, err := openOwnerHead(id, rec.Value)
	if err != nil {
		return err
	}
	if h.Erased == 0 && h.Closing != 0 && h.Closing <= s.now().UnixMilli() {
		return tampered("tombstone")
	}
	return nil
}

// sweepErased deletes every byte of a vault whose keys are gone: each blob
// before the record that names it. Last, the witness has the tombstone; the
// record of it stays for ever.
func (s *Vaults) sweepErased(ctx context.Context, id ID, due storage.Due) error {
	if err := s.buryWitnessed(ctx, id); err != nil {
		return err
	}
	prefix := id.key("")
	for after := ""; ; {
		recs, err := s.cfg.Store.Scan(ctx, prefix, after, eraseBatch)
		if err != nil {
			return err
		}
		var keys []string
		for _, rec := range recs {
			after = rec.Key
			// An upload in flight may still put its blob into place: its reservation
			// stays until the quota's own sweep, an hour after its deadline (N12).
			if after == id.head(Owner) || strings.HasPrefix(after, quota.ReservationPrefix(id.String())) {
				continue
			}
			for _, p := range id.namedParts(rec) { // never another vault's
				if err := s.cfg.Blobs.Delete(ctx, p.Blob); err != nil {
					return err
				}
			}
			keys = append(keys, rec.Key)
		}
		// First where a code leads, which nobody could find without the record of its link.
		if err := s.dropLeads(ctx, id, keys); err != nil {
			return err
		}
		if err := s.dropRecords(ctx, keys); err != nil {
			return err
		}
		if len(recs) < eraseBatch {
			return s.drop(ctx, due)
		}
	}
}

const eraseBatch = 90

func (s *Vaults) dropRecords(ctx context.Context, keys []string) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, k := range keys {
			tx.Delete(k)
		}
		return nil
	})
}

// buryWitnessed makes sure that the witness has the tombstone.
func (s *Vaults) buryWitnessed(ctx context.Context, id ID) error {
	rec, err := s.cfg.Store.Get(ctx, id.head(Owner))
	if isNotFound(err) {
		claimed, err := s.claimed(ctx, id)
		if err == nil && claimed {
			err = tampered("tombstone")
		}
		return err // nil: an unclaimed creation
	}
	if err != nil {
		return err
	}
	h, err := openOwnerHead(id, rec.Value)
	if err != nil {
		return err
	}
	// Never delete what lives, whatever a due entry says, nor before its time.
	if h.Erased == 0 || h.Erased > s.now().UnixMilli() {
		return tampered("tombstone")
	}
	mark := Checkpoint{Head: headOwner, Restore: h.Restore, Version: h.Version, Hash: seal.Digest(rec.Value)}
	known, err := s.ask(ctx, id)
	if err != nil {
		return err
	}
	for _, k := range known {
		if k == mark {
			return nil
		}
		if k.Head == headOwner && !later(mark, k) { // of an account that was reopened since
			return tampered("tombstone")
		}
	}
	return s.confirm(ctx, id, []Checkpoint{mark}, signedOwner{record: rec.Value})
}
