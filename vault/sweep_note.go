package vault

import (
	"context"
	"strings"
	"time"

	"reconnect.example/storage"
)

// NoteDue is the entry that makes a sweep delete a note to somebody, V/in/f/<note> or
// V/in/v/<note>, within an hour after at. It is written, empty, in the commit of the
// note. The same for what a session of theirs has open, V/at/<session>.
func NoteDue(key string, at time.Time) (entry string, ok bool) {
	owner, rest, _ := strings.Cut(key, "/")
	id, err := ParseID(owner)
	return storage.DueKey(at, owner, "note-"+rest), err == nil && passing(id, key)
}

// passing tells the records that a sweeper may delete by their names alone: notes,
// and what a session has open.
func passing(id ID, key string) bool {
	return strings.HasPrefix(key, id.key("in/f/")) || strings.HasPrefix(key, id.key("in/v/")) || strings.HasPrefix(key, id.key("at/"))
}

func (s *Vaults) sweepNote(ctx context.Context, id ID, rest string, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if key := id.key(rest); passing(id, key) {
			tx.Delete(key)
		}
		tx.Delete(due.Key())
		return nil
	})
}
