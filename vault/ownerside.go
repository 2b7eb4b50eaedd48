package vault

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The owner side of a vault is everything that belongs to its owner head: the
// keyrings, the wrapping key, the keyslots, Owner's pages and papers, the login
// record; the person's wish; of a closed account also its signed tombstone and the
// entry of the day when it takes effect. The witness keeps a copy with each owner head (N16), so
// that a store that is put back from a backup gets today's secrets and not those
// of that day.

// Kept is one record of the owner side as a witness keeps it, by its whole key.
// It is an alias of an unnamed type so that a witness need not import this package.
type Kept = struct {
	Key   string
	Value []byte
}

// OwnerSidePrefixes returns what the keys of the owner side begin with, as far as
// they lie under the vault: the owner head first. Whoever puts back a kept owner
// side removes everything else under them, so that no replaced keyslot stays.
func OwnerSidePrefixes(id ID) []string {
	return []string{id.head(Owner), id.key("k/"), id.key("s/"), id.key("o/"), id.key("x/o/"), id.key("g/"), id.key("m/"), id.key("tomb"), id.wish(), id.policy(), id.key("ln/")}
}

// signedOwner is an owner head to be told to the witness.
type signedOwner struct {
	record []byte
	login  string // key of the login record; "": not known
}

// maxKeptGrant leaves a visit to many chosen items to its end: a witness keeps so
// much of a vault and no more, and the visit is over before a restore.
const maxKeptGrant = 32 << 10

// steadyTries is how often what belongs to an owner head is read until the head has
// not moved meanwhile.
const steadyTries = 5

// ownerSide reads the owner head that the store has now, and the owner side that
// belongs to it: the head is read before and after, since all of it moves only
// together with the head. The side of a tombstone is nil.
func (s *Vaults) ownerSide(ctx context.Context, id ID, login string) (record []byte, side []Kept, err error) {
	for range steadyTries {
		before, err := s.cfg.Store.Get(ctx, id.head(Owner))
		if err != nil {
			return nil, nil, missing(err, "owner head")
		}
		head, err := openOwnerHead(id, before.Value)
		if err != nil {
			return nil, nil, err
		}
		if head.Erased != 0 {
			return before.Value, nil, nil
		}
		if side, err = s.readOwnerSide(ctx, id, head, login); err != nil {
			return nil, nil, err
		}
		after, err := s.cfg.Store.Get(ctx, id.head(Owner))
		if err != nil {
			return nil, nil, missing(err, "owner head")
		}
		if before.Version == after.Version {
			return before.Value, side, nil
		}
	}
	return nil, nil, ErrStorage // somebody changes it all the time
}

func (s *Vaults) readOwnerSide(ctx context.Context, id ID, head *seal.OwnerHead, login string) (side []Kept, err error) {
	add := func(rec storage.Record) { side = append(side, Kept{Key: rec.Key, Value: rec.Value}) }
	for _, prefix := range OwnerSidePrefixes(id)[1:] {
		for rec, err := range s.cfg.Store.All(ctx, prefix) {
			if err != nil {
				return nil, storageError(err)
			}
			// Of keys, keyslots and pages only what the head names: what was replaced,
			// or put there by the store, is not to come back with a restore.
			if prefix == id.key("g/") && len(rec.Value) > maxKeptGrant {
				continue
			}
			if prefix == id.key("ln/") && (!isLinked(id, head, rec.Key, rec.Value) || len(rec.Value) > maxKeptGrant) {
				continue
			}
			if prefix == id.key("ln/") || prefix == id.key("o/") || prefix == id.key("g/") || prefix == id.key("m/") || prefix == id.key("tomb") || isWish(id, head, rec.Key, rec.Value) || named(head, rec.Value) {
				add(rec)
			}
		}
	}
	single := []string{}
	for _, l := range head.Locked { // not its pages: there is no bound to them, and a backup has them
		single = append(single, id.locked(l.Number, "k"), id.locked(l.Number, "h"))
	}
	if login != "" {
		single = append(single, login)
	}
	if head.Closing != 0 {
		single = append(single, closedKey(id, head.Closing))
	}
	for _, key := range single {
		rec, err := s.cfg.Store.Get(ctx, key)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, storageError(err)
		}
		add(rec)
	}
	return side, nil
}

// isWish says whether a record is the wish of the person whose key signs the head.
func isWish(id ID, head *seal.OwnerHead, key string, record []byte) bool {
	if key != id.wish() {
		return false
	}
	_, err := openWish(id, head.Key, record)
	return err == nil
}

// closedKey is the entry of the day when a closed account is erased.
func closedKey(id ID, closing int64) string {
	return storage.DueKey(time.UnixMilli(closing), id.String(), "closed")
}

// named says whether an owner head names a record by its digest.
func named(h *seal.OwnerHead, record []byte) bool {
	digest := seal.Digest(record)
	is := func(d []byte) bool { return slices.Equal(d, digest[:]) }
	return is(h.Wrapping) || is(h.Rules) || slices.ContainsFunc(h.Pages, is) ||
		slices.ContainsFunc(h.Compartments, func(c seal.CompartmentKeys) bool { return is(c.Keyring) }) ||
		slices.ContainsFunc(h.Slots, func(e seal.SlotEntry) bool { return is(e.Digest) })
}

// tell reports heads to the witness. With an owner head goes the owner side that
// belongs to it, and that first: from the moment when a head is raised, a restore
// can bring back what it names. If either fails, the report has failed.
func (s *Vaults) tell(ctx context.Context, id ID, heads []Checkpoint, owner signedOwner, durable bool) ([]Checkpoint, error) {
	if owner.record == nil || isTombstone(id, owner.record) {
		return s.cfg.Checkpoints.Raise(ctx, id, heads, owner.record, durable)
	}
	now, side, err := s.ownerSide(ctx, id, owner.login)
	if err != nil {
		return nil, err
	}
	if isTombstone(id, now) { // erased since: its own report follows
		return s.cfg.Checkpoints.Raise(ctx, id, heads, owner.record, durable)
	}
	if heads, err = movedOwner(id, heads, owner.record, now); err != nil {
		return nil, err
	}
	if err := s.cfg.Checkpoints.Keep(ctx, id, now, side); err != nil {
		return nil, err
	}
	return s.cfg.Checkpoints.Raise(ctx, id, heads, now, durable)
}

// movedOwner replaces the owner checkpoint among heads by that of the head which
// the store has now, where another process has moved it on. A store that shows an
// earlier one, or another history, gets nothing kept.
func movedOwner(id ID, heads []Checkpoint, mine, now []byte) ([]Checkpoint, error) {
	if slices.Equal(mine, now) {
		return heads, nil
	}
	h, err := openOwnerHead(id, now)
	if err != nil {
		return nil, err
	}
	moved := slices.Clone(heads)
	for i, c := range moved {
		if c.Head != headOwner {
			continue
		}
		moved[i] = Checkpoint{Head: headOwner, Restore: h.Restore, Version: h.Version, Hash: seal.Digest(now)}
		switch {
		case later(c, moved[i]):
			return nil, ErrStale
		case sameVersion(c, moved[i]):
			return nil, tampered("owner head")
		}
	}
	return moved, nil
}

func isTombstone(id ID, record []byte) bool {
	h, err := seal.OpenOwnerHead(id, record)
	return err == nil && h.Erased != 0
}

// ownerReport is what the witness is told of this turn's owner head. The login
// record goes with it, whose key only the person's handle can know.
func (t *turn) ownerReport() (signedOwner, error) {
	login, err := t.loginRecord()
	return signedOwner{record: t.heads.raw[Owner], login: login}, err
}

// loginRecord is the key of the login record; "" if nobody can say it.
func (t *turn) loginRecord() (string, error) {
	v := t.v
	if _, reached := t.heads.indexes[Owner]; reached && v.loginRecord == "" {
		login, err := t.login()
		switch {
		case err == nil:
			v.loginRecord = loginKey(v.service.keys.login(login))
		case !errors.Is(err, ErrTampered): // an altered paper stops nothing else
			return "", err
		}
	}
	return v.loginRecord, nil
}
