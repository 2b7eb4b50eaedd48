package vault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"reconnect.example/storage"
)

// What can be said of stored records without any key, for backups and their
// return (package vault/backup).

// StoredPart is one blob that the record of an item, of a deposit that waits in the
// inbox, or of an upload that goes on, names in clear.
type StoredPart struct {
	Blob   string
	Length int64  // bytes of the blob
	Digest []byte // SHA-256 of the blob, which is ciphertext
}

// StoredParts returns the blobs that a record names, if it is the record of an item,
// a deposit or an upload; nothing for any other, or for one that cannot be read.
func StoredParts(rec storage.Record) []StoredPart {
	owner, _, ok := strings.Cut(rec.Key, "/")
	id, err := ParseID(owner)
	if !ok || err != nil {
		return nil
	}
	var parts []StoredPart
	for _, p := range id.namedParts(rec) {
		if storage.CheckBlobName(p.Blob) == nil && p.Length >= 0 {
			parts = append(parts, StoredPart{Blob: p.Blob, Length: p.Length, Digest: p.Digest})
		}
	}
	return parts
}

// namedParts are the blobs of this vault, and of no other, that a record names in
// clear: those of an item, of what waits in the inbox, or of an upload that goes on.
func (id ID) namedParts(rec storage.Record) (own []part) {
	var all []part
	switch {
	case strings.HasPrefix(rec.Key, id.key("i/")):
		if clear, err := parseRecordClear(rec.Value); err == nil {
			all = clear.Parts
		}
	case strings.HasPrefix(rec.Key, id.key("in/")):
		if clear, err := parseDepositClear(rec.Value); err == nil {
			all = clear.Parts
		}
	case strings.HasPrefix(rec.Key, id.key("u/")):
		if clear, err := parseUploadClear(rec.Value); err == nil {
			all = clear.Parts
		}
	}
	return id.ownParts(all)
}

func (id ID) ownParts(all []part) (own []part) {
	for _, p := range all {
		if strings.HasPrefix(p.Blob, id.key("")) {
			own = append(own, p)
		}
	}
	return own
}

// IsSessionKey reports whether a record is a session, or what one remembers. Backups leave them out:
// one that was ended would come back with them (N27).
func IsSessionKey(key string) bool {
	owner, what, _ := strings.Cut(key, "/")
	_, err := ParseID(owner)
	return err == nil && (strings.HasPrefix(what, "n/") || strings.HasPrefix(what, "once/"))
}

const (
	holdKey      = "svc/hold"
	restoringKey = "svc/restoring"
)

// IsHoldKey reports whether a record is that of [HoldBlobs].
func IsHoldKey(key string) bool { return key == holdKey }

// HoldBlobs keeps every sweeper over this store from deleting blobs of items
// until a time, so that a backup finds what its records name. Replaced documents
// take space for as long; nothing else waits. A hold only ever grows: the latest
// time of all backups counts.
func HoldBlobs(ctx context.Context, store *storage.Store, until time.Time) error {
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		if rec, err := tx.Get(holdKey); err == nil && heldUntil(rec) >= until.UnixMilli() {
			return nil
		} else if err != nil && !isNotFound(err) {
			return err
		}
		tx.Put(holdKey, strconv.AppendInt(nil, until.UnixMilli(), 10))
		return nil
	})
	return storageError(err)
}

// ReleaseBlobs ends a hold before its time, unless another backup has prolonged it.
func ReleaseBlobs(ctx context.Context, store *storage.Store, until time.Time) error {
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(holdKey)
		if isNotFound(err) || err == nil && heldUntil(rec) > until.UnixMilli() {
			return nil
		}
		if err == nil {
			tx.Delete(holdKey)
		}
		return err
	})
	return storageError(err)
}

// heldUntil is what a hold says, in Unix milliseconds. What is not understood
// holds nothing: at worst a backup names a blob that it lacks.
func heldUntil(rec storage.Record) int64 {
	until, err := strconv.ParseInt(string(rec.Value), 10, 64)
	if err != nil {
		return 0
	}
	return until
}

// held reports whether blobs must stay for a backup.
func (s *Vaults) held(ctx context.Context) (bool, error) {
	rec, err := s.cfg.Store.Get(ctx, holdKey)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil && s.now().UnixMilli() < heldUntil(rec), err
}

// MarkRestoring says that a store is being filled from a backup, or no longer.
// [New] refuses such a store: it would take a part for the whole.
func MarkRestoring(ctx context.Context, store *storage.Store, restoring bool) error {
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		if restoring {
			tx.Put(restoringKey, nil)
		} else {
			tx.Delete(restoringKey)
		}
		return nil
	})
	return storageError(err)
}

// AwaitKey is the key of the record by which [Vaults.AwaitRestore] marks a vault,
// if key is that of its owner head, and "" for any other.
func AwaitKey(key string) string {
	owner, what, _ := strings.Cut(key, "/")
	id, err := ParseID(owner)
	if err != nil || what != "h/o" {
		return ""
	}
	return id.awaits()
}

// checkRestored refuses a store that is put back only in part.
func checkRestored(ctx context.Context, store *storage.Store) error {
	_, err := store.Get(ctx, restoringKey)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%w: this store was put back from a backup only in part; put it back again, into an empty store", ErrStorage)
	}
	return storageError(err)
}
