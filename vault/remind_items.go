package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Remind chooses how long before an appointment, or the last day on which a paper is
// valid, the person is reminded; none ends it. Reminders come at full hours and by day
// only, earlier rather than later; on the list of a relay from the beginning of the day.
// Chosen when all of that is over, one comes at the next full hour by day that is at least
// two hours before it. They follow the item: when its date moves they move
// with it, in the same commit, and they end when it is binned, destroyed, or has no date
// any more, whoever does that. An item that is taken out of the bin has none.
//
// It returns when the next one is planned; zero: it is too late for any.
//
// Errors: ErrNotFound; InvalidError: the item has no date, or a lead is not from
// [LeastLead] to [MostLead] in whole minutes, or there was no consent; ErrTooMany;
// ErrClosing.
func (v *Vault) Remind(ctx context.Context, item ItemID, leads ...time.Duration) (next time.Time, err error) {
	minutes, err := checkLeads(leads)
	if err != nil {
		return time.Time{}, err
	}
	err = v.do(ctx, func(t *turn) error {
		next = time.Time{}
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		r, err := t.find(item)
		if err != nil {
			return err
		}
		p, err := t.remindPaper()
		if err != nil {
			return err
		}
		if !t.remindersStand(p) {
			return &InvalidError{Field: "reminders", Problem: "are not agreed to"}
		}
		tag, was, found, err := t.readReminder(r)
		if err != nil {
			return err
		}
		if found {
			t.tx.Delete(was.dueKey(v.id, tag))
			t.recall(tag, was, p.Given.Choice)
		}
		t.note(ActReminderSet, r.item, map[string]string{"leads": leadWords(minutes)})
		if len(minutes) == 0 {
			t.tx.Delete(v.id.reminder(tag))
			return nil
		}
		b := reminderBody{Consent: p.Given.Consent, Home: p.Given.Choice.Zone, Leads: minutes}
		if !b.date(r.item) {
			return &InvalidError{Field: "item", Problem: "has no date to be reminded of"}
		}
		if !found {
			if full, err := t.remindersFull(); err != nil || full {
				return errors.Join(err, ErrTooMany)
			}
		}
		b.planNew(t.now, p.Given.Choice.Channel)
		if !b.Over {
			next = time.UnixMilli(b.Planned).UTC()
		}
		return v.service.putReminder(t.tx, v.id, tag, b)
	})
	return next, err
}

func checkLeads(leads []time.Duration) (minutes []int64, err error) {
	if len(leads) > MaxLeads {
		return nil, &InvalidError{Field: "leads", Problem: "are more than three"}
	}
	for _, l := range leads {
		if l < LeastLead || l > MostLead || l%time.Minute != 0 {
			return nil, &InvalidError{Field: "leads", Problem: "are not from one hour to 90 days, in whole minutes"}
		}
		minutes = append(minutes, int64(l/time.Minute))
	}
	slices.Sort(minutes)
	slices.Reverse(minutes)
	return slices.Compact(minutes), nil
}

func leadWords(minutes []int64) string {
	words := make([]string, len(minutes))
	for i, m := range minutes {
		words[i] = (time.Duration(m) * time.Minute).String()
	}
	return strings.Join(words, " ")
}

func (t *turn) remindersFull() (bool, error) {
	n := 0
	for _, err := range t.v.service.cfg.Store.All(t.ctx, t.v.id.reminder("")) {
		if err != nil {
			return false, storageError(err)
		}
		n++
	}
	return n >= MaxReminders, nil
}

// date fills in what the service will know of an item; false if it has no date, or lies in
// the bin.
func (b *reminderBody) date(it *Item) bool {
	if !it.Binned.IsZero() {
		return false
	}
	switch {
	case it.Appointment != nil:
		at := it.Appointment.Start
		b.About, b.Zone, b.Day = MessageAppointment, it.Appointment.Zone, it.Appointment.AllDay
		if b.Day {
			local := at.In(zoneOf(b.Zone))
			at = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())
		}
		b.At = at.UnixMilli()
		return true
	case it.Document != nil:
		day, ok := it.Document.Expires.Time(zoneOf(b.Home))
		b.About, b.Zone, b.Day, b.At = MessagePaper, b.Home, true, day.UnixMilli()
		return ok
	}
	return false
}

// remindersFollow moves or ends the reminder of an item that is written, in the same
// commit, whoever writes it. A new item has none.
func (t *turn) remindersFollow(r *record) error {
	if it := r.item; t.resealing || it.Revision < 2 || it.Appointment == nil && it.Document == nil {
		return nil
	}
	tag, was, found, err := t.readReminder(r)
	if err != nil || !found {
		return err
	}
	b := was
	if !b.date(r.item) {
		return t.endReminder(tag, was)
	}
	if b.At == was.At && b.Zone == was.Zone && b.Day == was.Day {
		return nil
	}
	// By which channel the service knows, and not whoever moves it.
	to, err := t.v.service.reminded(t.tx, t.v.id, t.heads.owner)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	t.tx.Delete(was.dueKey(t.v.id, tag))
	t.recall(tag, was, to.Choice)
	b.planNew(t.now, to.Choice.Channel)
	return t.v.service.putReminder(t.tx, t.v.id, tag, b)
}

// remindersEnd ends the reminder of an item that is destroyed.
func (t *turn) remindersEnd(r *record) error {
	if r.item.Appointment == nil && r.item.Document == nil {
		return nil
	}
	tag, was, found, err := t.readReminder(r)
	if err != nil || !found {
		return err
	}
	return t.endReminder(tag, was)
}

func (t *turn) endReminder(tag string, was reminderBody) error {
	to, err := t.v.service.reminded(t.tx, t.v.id, t.heads.owner)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	t.tx.Delete(was.dueKey(t.v.id, tag))
	t.tx.Delete(t.v.id.reminder(tag))
	t.recall(tag, was, to.Choice)
	return nil
}

// Reminders is what a person chose.
type Reminders struct {
	Since   time.Time // zero: nothing is sent
	Channel Channel
	Address string
	Language,
	Zone string
	Notice  Notice
	Asked   time.Time // a code was sent that is good until then; zero: none
	AskedTo string    // where to
	Items   []Reminder
}

// Reminder is what was chosen for one item.
type Reminder struct {
	Item  Item
	Leads []time.Duration // the longest first
	Next  time.Time       // zero: none comes any more
}

// Reminders returns what was agreed to and chosen, soonest first. It is a line in
// the journal. ErrTampered if the store altered the person's own copy: give it again.
func (v *Vault) Reminders(ctx context.Context) (out Reminders, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = Reminders{}
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActAccountRead, nil, nil)
		b, err := t.remindPaper()
		if err != nil {
			return err
		}
		if a := b.Asked; a != nil && t.now.UnixMilli() < a.Until {
			out.Asked, out.AskedTo = time.UnixMilli(a.Until).UTC(), a.Choice.Address
		}
		if !t.remindersStand(b) {
			return nil
		}
		c := b.Given.Choice
		out.Since, out.Channel, out.Address, out.Language, out.Zone = time.UnixMilli(b.Given.Since).UTC(), c.Channel, c.Address, c.Language, c.Zone
		if c.Notice != nil {
			out.Notice = *c.Notice
		}
		out.Items, err = t.chosenReminders(b.Given.Consent)
		return err
	})
	if err != nil {
		return Reminders{}, err
	}
	return out, nil
}

// RemindedOf returns what was chosen for one item; without leads: nothing. It is no line in
// the journal: what shows it has read the item, which is one. Errors: ErrNotFound.
func (v *Vault) RemindedOf(ctx context.Context, item ItemID) (out Reminder, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = Reminder{}
		if err := t.asPerson(); err != nil {
			return err
		}
		r, err := t.find(item)
		if err != nil {
			return err
		}
		out.Item = *r.item
		p, err := t.remindPaper()
		if err != nil || !t.remindersStand(p) || r.item.Appointment == nil && r.item.Document == nil {
			return err
		}
		_, b, found, err := t.readReminder(r)
		if err == nil && found && b.of(p.Given.Consent) {
			out = reminderOf(r.item, b)
		}
		return err
	})
	return out, err
}

func reminderOf(it *Item, b reminderBody) Reminder {
	r := Reminder{Item: *it}
	for _, m := range b.Leads {
		r.Leads = append(r.Leads, time.Duration(m)*time.Minute)
	}
	if !b.Over {
		r.Next = time.UnixMilli(b.Planned).UTC()
	}
	return r
}

func (t *turn) chosenReminders(consent [16]byte) (out []Reminder, err error) {
	stored := map[string]reminderBody{}
	prefix := t.v.id.reminder("")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		tag := rec.Key[len(prefix):]
		if b, err := t.v.service.openReminder(t.v.id, tag, rec.Value); err == nil && b.of(consent) {
			stored[tag] = b
		}
	}
	if len(stored) == 0 {
		return nil, nil
	}
	all, err := t.all()
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if l.err != nil || l.record.item.Appointment == nil && l.record.item.Document == nil {
			continue
		}
		b, ok := stored[t.v.id.reminderTag(l.record)]
		if !ok {
			continue
		}
		out = append(out, reminderOf(l.record.item, b))
	}
	slices.SortStableFunc(out, func(a, b Reminder) int { return a.Next.Compare(b.Next) })
	return out, nil
}
