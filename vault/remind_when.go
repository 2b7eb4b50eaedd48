package vault

import (
	"slices"
	"time"
)

// When reminders are sent: at full hours, and by day only.
const (
	morning     = 8  // nothing before
	evening     = 20 // nothing from then on
	dayBase     = 9  // of what has a day and no hour, as if it were at nine
	reminderTry = time.Hour
	mostTries   = 3
	// lateness is for how long a reminder is still sent that could not be when it was
	// planned, because no service ran.
	lateness = 6 * time.Hour
	// worthwhile is how long before something a person still hears of it who chose an hour
	// that was over by then (N88): with less they could hardly get there.
	worthwhile = 2 * time.Hour
)

// place is a zone that was checked when it was written.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func awake(at time.Time) bool { return at.Hour() >= morning && at.Hour() < evening }

// hours are the instants for which reminders of b by a channel are planned, the first first. Whole days
// are days of the calendar, so that a reminder of the day before comes at the
// same hour of the clock when summer time begins or ends in between.
func (b *reminderBody) hours(by Channel) (out []time.Time) {
	at, home := b.begins(), zoneOf(b.Home)
	for _, minutes := range b.Leads {
		lead := time.Duration(minutes) * time.Minute
		days := int(lead / (24 * time.Hour))
		want := at.AddDate(0, 0, -days).Add(-(lead - time.Duration(days)*24*time.Hour))
		// Down, so that the hour of the index is never later than what was chosen.
		want = want.UTC().Truncate(time.Hour).In(home)
		switch { // by day: the evening before the night, never the morning after
		case by == ByRelay: // a list wakes nobody, and is read and printed when its day begins (N89)
			want = time.Date(want.Year(), want.Month(), want.Day(), 0, 0, 0, 0, home)
		case want.Hour() < morning:
			want = time.Date(want.Year(), want.Month(), want.Day()-1, evening-1, 0, 0, 0, home)
		case want.Hour() >= evening:
			want = time.Date(want.Year(), want.Month(), want.Day(), evening-1, 0, 0, 0, home)
		}
		out = append(out, want.UTC().Truncate(time.Hour))
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.Compact(out)
}

// begins is the instant before which leads are counted.
func (b *reminderBody) begins() time.Time {
	at := time.UnixMilli(b.At).In(zoneOf(b.Zone))
	if b.Day {
		at = time.Date(at.Year(), at.Month(), at.Day(), dayBase, 0, 0, 0, at.Location())
	}
	return at
}

// ends is when it is too late for any.
func (b *reminderBody) ends() time.Time {
	at := time.UnixMilli(b.At).In(zoneOf(b.Zone))
	if b.Day {
		return time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, at.Location())
	}
	return at
}

// plan sets the next one after an instant, or that there is none: then the record stays
// until the appointment is over, because it may be moved.
func (b *reminderBody) plan(after time.Time, by Channel) {
	b.Tries, b.Sending, b.Over = 0, false, false
	for _, at := range b.hours(by) {
		if at.After(after) {
			b.Planned, b.Due = at.UnixMilli(), at.UnixMilli()
			return
		}
	}
	b.Over, b.Due = true, max(b.ends().UnixMilli(), after.UnixMilli())
}

// planNew plans one that was chosen, or whose date was moved, now. If that is too late for
// every hour that was chosen, it comes at the next full hour by day, as long as there is
// time left then: who says in the morning "the day before" of tomorrow wants to be told,
// and who moves an appointment to tomorrow must not leave somebody with the old day (N88).
func (b *reminderBody) planNew(now time.Time, by Channel) {
	b.plan(now, by)
	if !b.Over {
		return
	}
	soon := now.UTC().Truncate(time.Hour)
	if by != ByRelay { // for a phone not at once: it can still be taken back
		soon = soon.Add(time.Hour)
		if home := soon.In(zoneOf(b.Home)); !awake(home) {
			day := home.Day()
			if home.Hour() >= evening {
				day++
			}
			soon = time.Date(home.Year(), home.Month(), day, morning, 0, 0, 0, home.Location())
		}
	}
	if b.begins().Sub(soon) >= worthwhile {
		b.Planned, b.Due, b.Over = soon.UnixMilli(), soon.UnixMilli(), false
	}
}

// next says what becomes of one whose entry is due at now: sent now, or moved on. back: the
// store was put back from a backup, and what was planned for an hour that is over may
// have been sent.
func (b *reminderBody) next(now time.Time, back bool, by Channel) (send bool) {
	planned := time.UnixMilli(b.Planned)
	late := lateness
	if by == ByRelay {
		late = 24 * time.Hour // a line that comes late is still read
	}
	if back {
		late = time.Hour
	}
	home := now.In(zoneOf(b.Home))
	switch {
	case b.Sending, !now.Before(b.ends()), now.Sub(planned) >= late:
		// Sending: one service took it and never said what became of it. It may have gone,
		// and a second one is worse than none: the next lead still comes.
		b.plan(maxTime(planned, now), by)
		return false
	case by != ByRelay && !awake(home): // no service ran by day: in the morning, if there is time
		day := home.Day()
		if home.Hour() >= evening {
			day++
		}
		b.Due = time.Date(home.Year(), home.Month(), day, morning, 0, 0, 0, home.Location()).UnixMilli()
		return false
	}
	b.Sending, b.Due = true, now.Add(reminderTry).UnixMilli()
	b.Tries++
	return true
}

// sent says what became of one that next let go.
func (b *reminderBody) sent(now time.Time, by Channel, err error) {
	if err != nil && b.Tries < mostTries {
		b.Sending = false // not sent, and tried again: an hour later, then two
		b.Due = now.Add(time.Duration(b.Tries) * reminderTry).UnixMilli()
		return
	}
	b.plan(maxTime(time.UnixMilli(b.Planned), now), by)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
