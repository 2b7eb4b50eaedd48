package vault

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// PutBackOwner gives a store that was put back from a backup the owner side that
// the witness kept (N16): today's keys, keyslots and papers in the place of those
// of the backup, so that a password that was changed since, or a key that was
// withdrawn, stays dead. For an erased vault it is the tombstone, and erased is
// true: [Vaults.DropLeads] and the sweeper do the rest. It is for package vault/backup, needs no key,
// changes nothing where the store has the same or a later owner head, and can be
// repeated.
//
// The witness is believed nothing that could destroy: where the store knows the
// vault, its head, also a tombstone, must be signed by the key that the store
// knows or a successor, and every record that the head names must be there. What
// does not belong to this vault's owner side is left out: who has stolen a client's
// credential could have put it there.
//
// Nothing else may use the vault meanwhile. Errors: ErrTampered if what the
// witness gave is not this vault's, ErrUntrustedKey if somebody else signed it,
// ErrStale if it lacks the records of its head, ErrStorage.
func (s *Vaults) PutBackOwner(ctx context.Context, id ID, owner []byte, side []Kept) (erased bool, err error) {
	kept, err := openOwnerHead(id, owner)
	if err != nil {
		return false, err
	}
	stored, err := s.storedOwner(ctx, id)
	if err != nil {
		return false, err
	}
	if stored != nil && (stored.Restore > kept.Restore || stored.Restore == kept.Restore && stored.Version >= kept.Version) {
		return stored.Erased != 0, nil
	}
	if stored != nil && !kept.Trusts(stored.Key) { // D4
		return false, fmt.Errorf("%w: the owner head at the witness", ErrUntrustedKey)
	}
	if kept.Erased != 0 {
		err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
			unclose(tx, id, stored, 0)
			tx.Delete(id.key("tomb"))
			tx.Put(id.head(Owner), owner)
			return s.eraseKeys(tx, id)
		})
		return true, storageError(err)
	}
	wanted, whole := s.ownSide(id, kept, side)
	if !whole { // with today's head and yesterday's keys nothing would open
		return false, fmt.Errorf("%w: the witness has a later owner head than the backup, and not the records that go with it", ErrStale)
	}
	changes, err := s.ownerSideChanges(ctx, id, wanted)
	if err != nil {
		return false, err
	}
	// The head last: until then the store has an older one, and all this is done again.
	for batch := range slices.Chunk(changes, eraseBatch) {
		if err := s.dropLeads(ctx, id, deleted(batch)); err != nil {
			return false, storageError(err)
		}
		if err := s.apply(ctx, batch); err != nil {
			return false, err
		}
	}
	return false, storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		unclose(tx, id, stored, kept.Closing)
		tx.Put(id.head(Owner), owner)
		return nil
	}))
}

// DropLeads deletes what leads to vaults that were erased since the backup: login records,
// and where the codes of links lead. Nobody can say their keys any more, so that all of them
// are looked through, once for all of these vaults. It can be repeated.
func (s *Vaults) DropLeads(ctx context.Context, erased map[ID]bool) error {
	if len(erased) == 0 {
		return nil
	}
	for _, prefix := range []string{loginPrefix, linkPrefix} {
		for rec, err := range s.cfg.Store.All(ctx, prefix) {
			if err != nil {
				return storageError(err)
			}
			if id, ok := s.leadsTo(rec.Key, rec.Value); ok && erased[id] {
				if err := s.apply(ctx, []storage.Write{{Key: rec.Key, Delete: true}}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// leadsTo is the vault that a login record leads to, or the code of a link.
func (s *Vaults) leadsTo(key string, value []byte) (ID, bool) {
	if strings.HasPrefix(key, linkPrefix) && len(value) == len(ID{}) {
		return ID(value), true
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(key, loginPrefix))
	if err != nil || len(hash) != 32 || loginKey([32]byte(hash)) != key {
		return ID{}, false
	}
	id, err := s.openLogin([32]byte(hash), value)
	return id, err == nil
}

// storedOwner is the owner head that the store has; nil if it has none.
func (s *Vaults) storedOwner(ctx context.Context, id ID) (*seal.OwnerHead, error) {
	rec, err := s.cfg.Store.Get(ctx, id.head(Owner))
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, storageError(err)
	}
	return openOwnerHead(id, rec.Value)
}

// unclose removes the deadline of a closing that the backup knows and that was
// taken back since: it would erase a vault that is open.
func unclose(tx *storage.Tx, id ID, stored *seal.OwnerHead, closing int64) {
	if stored != nil && stored.Closing != 0 && stored.Closing != closing {
		tx.Delete(closedKey(id, stored.Closing))
	}
}

// ownSide is what of a kept owner side belongs to the head; whole says that
// nothing is missing which the head names.
func (s *Vaults) ownSide(id ID, head *seal.OwnerHead, side []Kept) (own map[string][]byte, whole bool) {
	digests := map[string][]byte{}
	if head.Kind != seal.KindDirectory { // which has pages only
		digests[id.wrappingKey()] = head.Wrapping
	}
	for _, c := range head.Compartments {
		digests[id.keyring(Compartment(c.Compartment))] = c.Keyring
	}
	for _, e := range head.Slots {
		digests[id.slot(e.ID)] = e.Digest
	}
	for n, digest := range head.Pages {
		digests[id.page(Owner, n)] = digest
	}
	if head.Rules != nil {
		digests[id.policy()] = head.Rules
	}
	for _, l := range head.Locked {
		digests[id.locked(l.Number, "k")], digests[id.locked(l.Number, "h")] = l.Keyring, l.Head
	}
	own = map[string][]byte{}
	for _, k := range side {
		digest, named := digests[k.Key]
		is := seal.Digest(k.Value)
		if named && slices.Equal(is[:], digest) || !named && s.isUnnamedSide(id, head, k) {
			own[k.Key] = k.Value
		}
	}
	for key := range digests {
		if _, ok := own[key]; !ok {
			return nil, false
		}
	}
	return own, true
}

// isUnnamedSide says whether a record is one of the owner side that no head names
// by its digest. Login records are those of other people, too: only the one that
// leads here is this vault's.
func (s *Vaults) isUnnamedSide(id ID, head *seal.OwnerHead, k Kept) bool {
	if strings.HasPrefix(k.Key, loginPrefix) {
		leads, ok := s.leadsTo(k.Key, k.Value)
		return ok && leads == id
	}
	if k.Key == id.key("tomb") {
		h, err := openOwnerHead(id, k.Value)
		return err == nil && h.Erased != 0 && head.Closing != 0 && slices.Equal(h.Key, head.Key)
	}
	return head.Closing != 0 && k.Key == closedKey(id, head.Closing) || strings.HasPrefix(k.Key, id.key("o/")) || strings.HasPrefix(k.Key, id.key("g/")) || strings.HasPrefix(k.Key, id.key("m/")) ||
		isWish(id, head, k.Key, k.Value) || isLinked(id, head, k.Key, k.Value)
}

// ownerSideChanges are the writes that make the owner side of a store the wanted one.
func (s *Vaults) ownerSideChanges(ctx context.Context, id ID, wanted map[string][]byte) ([]storage.Write, error) {
	var changes []storage.Write
	for _, prefix := range OwnerSidePrefixes(id)[1:] {
		for rec, err := range s.cfg.Store.All(ctx, prefix) {
			if err != nil {
				return nil, storageError(err)
			}
			if value, ok := wanted[rec.Key]; !ok {
				changes = append(changes, storage.Write{Key: rec.Key, Delete: true})
			} else if bytes.Equal(value, rec.Value) {
				delete(wanted, rec.Key)
			}
		}
	}
	for key := range wanted {
		if link, ok := id.linkIn(key); ok { // where its code is looked for
			changes = append(changes, storage.Write{Key: linkKey(link), Value: id[:]})
		}
	}
	for key, value := range wanted {
		changes = append(changes, storage.Write{Key: key, Value: value})
	}
	return changes, nil
}

// deleted are the keys that are deleted among changes.
func deleted(changes []storage.Write) (keys []string) {
	for _, c := range changes {
		if c.Delete {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

func (s *Vaults) apply(ctx context.Context, changes []storage.Write) error {
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, c := range changes {
			if c.Delete {
				tx.Delete(c.Key)
			} else {
				tx.Put(c.Key, c.Value)
			}
		}
		return nil
	}))
}
