package consent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"reconnect.example/vault"
)

// LicenceStatus says how a relay's licence stands: a stable code.
type LicenceStatus string

// The states of a licence. Only in the first two may a relay open new vaults; no
// state keeps anybody from a vault that there is.
const (
	LicenceInForce   LicenceStatus = "in-force"
	LicenceEndsSoon  LicenceStatus = "ends-soon" // in force, with at most 60 days left
	LicenceNotYet    LicenceStatus = "not-yet"   // begins on a later day
	LicenceExpired   LicenceStatus = "expired"
	LicenceWithdrawn LicenceStatus = "withdrawn"
	LicenceNone      LicenceStatus = "none" // there never was one
)

// warnDays is how long before its end a licence is renewed.
const warnDays = 60

// LicenceState is how a relay's licences stand on a day.
type LicenceState struct {
	Status LicenceStatus
	// Licence is the one that Status is about: in force, or the next, or the last.
	// Zero for LicenceNone.
	Licence Licence
	// Until is the last day up to which licences follow each other without a gap, ""
	// unless one is in force; and DaysLeft how many days that is, today being the
	// first: 1 on the last day.
	Until    vault.Date
	DaysLeft int
}

// MayOpen reports whether the relay may open new vaults.
func (s LicenceState) MayOpen() bool {
	return s.Status == LicenceInForce || s.Status == LicenceEndsSoon
}

// Licence returns how the licences of a relay stand now, by the days of
// [DirectoryConfig.Zone]. ErrNotNamed if there is no such relay. Whether the relay
// itself was withdrawn, its entry says. Errors: those of [Directory.Current].
func (d *Directory) Licence(ctx context.Context, relay RelayID) (LicenceState, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return LicenceState{}, err
	}
	today := vault.Date(d.cfg.Now().In(d.cfg.Zone).Format(time.DateOnly))
	return s.LicenceOn(relay, today)
}

// LicenceOn returns how the licences of a relay stand on a day. ErrNotNamed if there
// is no such relay.
func (s *DirectoryState) LicenceOn(relay RelayID, day vault.Date) (LicenceState, error) {
	if s.relays[relay] == nil {
		return LicenceState{}, ErrNotNamed
	}
	if err := checkDate("day", day, true); err != nil {
		return LicenceState{}, err
	}
	all := slices.Clone(s.licences[relay])
	if len(all) == 0 {
		return LicenceState{Status: LicenceNone}, nil
	}
	// By their end: of those in force the one that lasts longest, of the others the
	// latest, comes last.
	slices.SortStableFunc(all, func(a, b *Licence) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From)) })
	var good []*Licence
	var state LicenceState
	for _, l := range all {
		if l.Withdrawn == "" {
			good = append(good, l)
		}
		state.Licence, state.Status = *l, ended(l)
	}
	for _, l := range good {
		if l.From <= day && day <= l.To { // days of one form are in the order of their letters
			return inForce(*l, good, day), nil
		}
	}
	for _, l := range good { // the next to begin
		if l.From > day && (state.Status != LicenceNotYet || l.From < state.Licence.From) {
			state.Licence, state.Status = *l, LicenceNotYet
		}
	}
	return state, nil
}

func ended(l *Licence) LicenceStatus {
	if l.Withdrawn != "" {
		return LicenceWithdrawn
	}
	return LicenceExpired
}

// inForce follows the licences that join on to the one in force: who has renewed in
// time is not warned.
func inForce(l Licence, good []*Licence, day vault.Date) LicenceState {
	until := l.To
	for _, next := range good { // by their end, so that each is looked at once
		if next.To > until && next.From <= dayAfter(until) {
			until = next.To
		}
	}
	s := LicenceState{Status: LicenceInForce, Licence: l, Until: until, DaysLeft: days(day, until) + 1}
	if s.DaysLeft <= warnDays {
		s.Status = LicenceEndsSoon
	}
	return s
}

// dayAfter and days count in UTC, where every day has 24 hours.
func dayAfter(d vault.Date) vault.Date {
	t, _ := d.Time(time.UTC)
	return vault.Date(t.AddDate(0, 0, 1).Format(time.DateOnly))
}

func days(from, to vault.Date) int {
	a, _ := from.Time(time.UTC)
	b, _ := to.Time(time.UTC)
	return int(b.Sub(a) / (24 * time.Hour))
}
