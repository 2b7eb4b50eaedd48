package vault

import (
	"bytes"
	"context"
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
// true: the sweeper does the rest. It is for package vault/backup, needs no key,
// changes nothing where the store has the same or a later owner head, and can be
// repeated.
//
// Nothing else may use the vault meanwhile. Errors: ErrTampered if what the
// witness gave is not this vault's, ErrStale if it lacks the records of its head,
// ErrStorage.
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
	if kept.Erased != 0 {
		err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
			unclose(tx, id, stored, 0)
			tx.Delete(id.key("tomb"))
			tx.Put(id.head(Owner), owner)
			return s.eraseKeys(tx, id)
		})
		return true, storageError(err)
	}
	if side == nil { // with today's head and yesterday's keys nothing would open
		return false, fmt.Errorf("%w: the witness has a later owner head than the backup, and not the records that go with it", ErrStale)
	}
	changes, err := s.ownerSideChanges(ctx, id, side, kept.Closing)
	if err != nil {
		return false, err
	}
	// The head last: until then the store has an older one, and all this is done again.
	for batch := range slices.Chunk(changes, eraseBatch) {
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

// ownerSideChanges are the writes that make the owner side of a store the given one.
func (s *Vaults) ownerSideChanges(ctx context.Context, id ID, side []Kept, closing int64) ([]storage.Write, error) {
	wanted := map[string][]byte{}
	for _, k := range side {
		if !isOwnerSide(id, k.Key, closing) {
			return nil, tampered("owner side at the witness")
		}
		wanted[k.Key] = k.Value
	}
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
	for key, value := range wanted {
		changes = append(changes, storage.Write{Key: key, Value: value})
	}
	return changes, nil
}

// isOwnerSide refuses what a witness has no business to write.
func isOwnerSide(id ID, key string, closing int64) bool {
	return strings.HasPrefix(key, loginPrefix) || closing != 0 && key == closedKey(id, closing) ||
		slices.ContainsFunc(OwnerSidePrefixes(id)[1:], func(p string) bool { return strings.HasPrefix(key, p) })
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
