package admin

import (
	"context"
	"errors"
	"iter"
	"maps"
	"time"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Relays counts the relays of a directory, and names those that need somebody. A relay
// that was withdrawn is not looked at.
type Relays struct {
	Version    uint64
	NewKey     bool // the authority signs with another key than its first
	InForce    int
	Unlicensed int
	EndSoon    []RelayEnd // licences that end in the next days, with none that follows
	Unmanaged  []string   // only their recovery sheet opens them
	Elsewhere  []string   // the store has no space of theirs
	Damaged    []string   // their space is not as the authority signed it
	Desks      int        // of them, desks, which help people back in by call
	TwoParties bool       // a desk is of another organisation than some relay that is none
}

// RelayEnd is the last day of a relay's licence.
type RelayEnd struct {
	Name  string
	Until vault.Date
}

// LookAt counts them, by a store and the day of today.
func LookAt(ctx context.Context, s *consent.DirectoryState, store *storage.Store, today vault.Date) (Relays, error) {
	out := Relays{Version: s.Version(), NewKey: s.Key() != s.Authority()}
	desks, others := map[consent.OrganisationID]bool{}, map[consent.OrganisationID]bool{}
	for r := range inForce(s) {
		out.InForce++
		if r.Type == consent.TypeDesk {
			out.Desks++
			desks[r.Organisation] = true
		} else {
			others[r.Organisation] = true
		}
		state, err := s.LicenceOn(r.ID, today)
		if err != nil {
			return out, err
		}
		switch {
		case !state.MayOpen():
			out.Unlicensed++
		case state.Status == consent.LicenceEndsSoon:
			out.EndSoon = append(out.EndSoon, RelayEnd{r.Name, state.Until})
		}
		switch n, err := consent.Managers(ctx, store, r); {
		case errors.Is(err, vault.ErrNotFound):
			out.Elsewhere = append(out.Elsewhere, r.Name)
		case errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrUntrustedKey):
			out.Damaged = append(out.Damaged, r.Name)
		case err != nil:
			return out, err
		case n == 0:
			out.Unmanaged = append(out.Unmanaged, r.Name)
		}
	}
	out.TwoParties = apart(desks, others)
	return out, nil
}

// apart says whether one of some organisations is none of the others, or the other way.
func apart(some, others map[consent.OrganisationID]bool) bool {
	return len(some) > 0 && len(others) > 0 && (len(some) > 1 || len(others) > 1 || !maps.Equal(some, others))
}

func inForce(s *consent.DirectoryState) iter.Seq[consent.Relay] {
	return func(yield func(consent.Relay) bool) {
		for r := range s.Relays() {
			if r.Withdrawn == "" && !yield(r) {
				return
			}
		}
	}
}

// Relays counts the relays of the directory as it is now.
func (o *Operator) Relays(zone string, out *Relays) error {
	if o.data.Directory == nil {
		return ErrNoAuthority
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		return err
	}
	state, err := o.data.Directory.Current(o.ctx)
	if err != nil {
		return err
	}
	*out, err = LookAt(o.ctx, state, o.data.Records, vault.Date(o.now().In(in).Format(time.DateOnly)))
	return err
}
