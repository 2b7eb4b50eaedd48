package vault

import (
	"context"
	"errors"
	"strings"
	"time"

	"reconnect.example/storage"
)

// CountSessions counts the sessions of everybody that are open by their own records, for
// whoever runs the service. It needs no key, names nobody, and reads one record for each
// sign-in of the last SessionMax, however many accounts there are. Sessions that were ended
// from another device may be among them until their time is up: they open nothing. Whose a
// session is needs a key to know, so each counts by the longer of both limits.
//
// Errors: ErrStorage.
func (s *Vaults) CountSessions(ctx context.Context) (open int, err error) {
	now := s.now()
	// The entries of sessions lie at the end of their longest time.
	for due, err := range s.cfg.Store.DueBefore(ctx, now.Add(s.widest().longest+time.Hour)) {
		if errors.Is(err, storage.ErrInvalid) { // not written by us
			continue
		}
		if err != nil {
			return 0, storageError(err)
		}
		what, name, _ := strings.Cut(due.What, "-")
		id, idErr := ParseID(due.Owner)
		sid, sidErr := ParseSessionID(name)
		if what != "session" || idErr != nil || sidErr != nil {
			continue
		}
		rec, err := s.cfg.Store.Get(ctx, id.session(sid))
		if isNotFound(err) {
			continue // signed out
		}
		if err != nil {
			return 0, storageError(err)
		}
		if clear, err := parseSession(rec.Value); err == nil && s.widest().alive(clear, now) {
			open++
		}
	}
	return open, nil
}
