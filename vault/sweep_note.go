package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"reconnect.example/storage"
)

// NoteDue is the entry that makes a sweep delete a note to somebody, V/in/f/<note> or
// V/in/v/<note>, within an hour after at. It is written, empty, in the commit of the
// note. The same for what a session of theirs has open, V/at/<session>, and for a code
// that lets somebody ask, svc/invitation/<hash>, and what is written on it, V/invited/<hash>; for what belongs to a request to help
// somebody back in, V/rq/<request>…, svc/handover/<hash>, to what a partner asks, V/pa/<ask>,
// svc/partner/<hash>, how many codes went to an address, svc/code/<hash>, and for the note of it to
// who is asked to help, V/in/q/<request>; and for what a relay is to tell somebody, V/told/<line>.
func NoteDue(key string, at time.Time) (entry string, ok bool) {
	owner, rest, _ := strings.Cut(key, "/")
	return storage.DueKey(at, owner, "note-"+rest), passing(key)
}

// passing tells the records that a sweeper may delete by their names alone: notes,
// what a session has open, codes, and requests.
func passing(key string) bool {
	owner, rest, _ := strings.Cut(key, "/")
	if owner == serviceOwner {
		return strings.HasPrefix(rest, "invitation/") || strings.HasPrefix(rest, "handover/") || strings.HasPrefix(rest, "partner/") || strings.HasPrefix(rest, "code/")
	}
	_, err := ParseID(owner)
	return err == nil && slices.ContainsFunc([]string{"in/f/", "in/v/", "in/q/", "at/", "rq/", "pa/", "invited/", "told/"}, func(prefix string) bool { return strings.HasPrefix(rest, prefix) })
}

// serviceOwner is whose entries are that belong to nobody's space.
const serviceOwner = "svc"

func (s *Vaults) sweepNote(ctx context.Context, rest string, due storage.Due) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if key := due.Owner + "/" + rest; passing(key) {
			tx.Delete(key)
		}
		tx.Delete(due.Key())
		return nil
	})
}
