package recovery

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// dead are the requests that the witness has ended, as it does when the person signs in:
// they stand in nobody's way. One that it does not know either is being opened just now, or
// whoever opened it fell over. What has ended here and not there, as an answer was lost,
// ends there: it would keep one of the vault's places until it expires.
func (s *Service) dead(ctx context.Context, id vault.ID, d *draft) (map[RequestID]bool, error) {
	if !d.kind.Witness() {
		return map[RequestID]bool{}, nil
	}
	// In this order: one that somebody else opens meanwhile is written here before the
	// witness knows it. The other way round it would look as if it had ended here.
	known, err := s.cfg.Witness.Requests(ctx, id)
	if err != nil {
		return nil, witnessError(ctx, err)
	}
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	dead, now := map[RequestID]bool{}, s.cfg.Now()
	for _, w := range known {
		i := slices.IndexFunc(all, func(r named) bool { return r.id == w.ID })
		ended := i < 0 || !all[i].isOpen(now) && !(all[i].State == recordDone && all[i].Later)
		if ended && !w.Cancelled && now.Before(w.Until) {
			if err := s.cfg.Witness.Cancel(ctx, id, w.ID); err != nil {
				return nil, witnessError(ctx, err)
			}
		}
	}
	for _, r := range all {
		i := slices.IndexFunc(known, func(w WitnessRequest) bool { return w.ID == r.id })
		begun := time.UnixMilli(r.Opened).Add(beginsWithin)
		dead[r.id] = r.Path == d.record.Path && (i >= 0 && known[i].Cancelled || i < 0 && now.After(begun))
	}
	return dead, nil
}

// gone are the open requests about paths that are not in force any more: they help nobody,
// and must not keep anybody from asking for help.
func (s *Service) gone(ctx context.Context, id vault.ID, d *draft) (map[RequestID]bool, error) {
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	gone := map[RequestID]bool{}
	for _, r := range all {
		if r.Path == d.record.Path || !r.isOpen(s.cfg.Now()) {
			continue
		}
		_, err := s.facts(ctx, id, r.Path)
		if err != nil && !errors.Is(err, ErrRequest) {
			return nil, err
		}
		gone[r.id] = err != nil
	}
	return gone, nil
}

// beginsWithin is how long it takes at most until the witness knows of a request.
const beginsWithin = time.Minute

// makeRoom counts the open requests of a vault, in the commit of another one. It returns
// those that give way to it.
func (s *Service) makeRoom(tx *storage.Tx, d *draft, dead map[RequestID]bool) (overtaken []RequestID, err error) {
	all, err := allIn(tx, d.vault)
	if err != nil {
		return nil, err
	}
	open, now := 0, s.cfg.Now()
	for _, r := range all {
		if !r.isOpen(now) {
			continue
		}
		if r.Path != d.record.Path && !dead[r.id] {
			open++
			continue
		}
		if r.Path == d.record.Path && !dead[r.id] && d.record.Until-d.record.Opened > s.cfg.RequestsLast.Milliseconds() {
			return nil, ErrOpen // it would begin to wait anew
		}
		if err := r.end(tx, d.vault, r.id, recordOver, now); err != nil {
			return nil, err
		}
		overtaken = append(overtaken, r.id)
	}
	if open >= maxOpen {
		return nil, vault.ErrTooMany
	}
	return overtaken, nil
}
