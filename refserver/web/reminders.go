package web

import (
	"errors"
	"slices"
	"time"

	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// leadChoices are how long before something a person can be reminded, by the value of
// the choice.
var leadChoices = map[string][]time.Duration{
	"none": nil,
	"same": {2 * time.Hour},
	"day":  {24 * time.Hour},
	"both": {24 * time.Hour, 2 * time.Hour},
	"week": {7 * 24 * time.Hour},
	"long": {30 * 24 * time.Hour, 7 * 24 * time.Hour},
}

// remindersView is what a person is reminded of, and can be.
type remindersView struct {
	Form    *form
	Now     vault.Reminders
	By      []vault.Channel
	Lists   bool         // centres tell people here
	Tellers []tellerView // those that can tell this person
	To      string       // where reminders go now
	AskedTo string       // where a code went
	AtRelay bool         // they are told there, and not sent anything
	AskedAt bool         // the code is on a list, and not in a message
	Notice  vault.Notice // of messages
	Telling vault.Notice // of being told at a centre
	Choices []reminderRow
}

// reminderRow is one item with a date to come.
type reminderRow struct {
	vault.Item
	Lead string // the choice in force, or the one just made; "as-is": one that is not on the page
	AsIs bool   // what is in force is not on the page
	Over bool   // something was chosen, and none comes any more
	Next time.Time
}

// Paper says that it is no appointment.
func (r reminderRow) Paper() bool { return r.Document != nil }

// chosen fills in what is in force.
func (r *reminderRow) chosen(now vault.Reminder) {
	r.Next, r.Over, r.Lead = now.Next, now.Next.IsZero(), "as-is"
	for name, leads := range leadChoices {
		if slices.Equal(leads, now.Leads) {
			r.Lead = name
		}
	}
	r.AsIs = r.Lead == "as-is"
}

func (p *pages) reminders(v *visit) error { return v.showReminders(newForm(), nil) }

func (v *visit) showReminders(f *form, err error) error {
	now, problem := v.vault.Reminders(v.ctx())
	if problem != nil {
		return problem
	}
	view := remindersView{Form: f, Now: now, AtRelay: now.Channel == vault.ByRelay, Notice: notice.Reminding(v.Code), Telling: notice.Telling(v.Code)}
	_, _, problem = vault.AtRelay(now.AskedTo)
	view.AskedAt = problem == nil
	for _, by := range v.pages.Vaults.RemindsBy() {
		if by == vault.ByRelay {
			view.Lists = v.pages.Staff != nil
			continue
		}
		view.By = append(view.By, by)
	}
	if view.Lists {
		if view.Tellers, problem = v.tellers(); problem != nil {
			return problem
		}
	}
	view.To, view.AskedTo = v.reached(now.Address, view.Tellers), v.reached(now.AskedTo, view.Tellers)
	if !now.Since.IsZero() {
		if view.Choices, problem = v.reminderRows(now); problem != nil {
			return problem
		}
		for i := range view.Choices { // what was chosen and could not be kept is not lost
			row := &view.Choices[i]
			if typed := f.Get("lead-" + row.ID.String()); typed != "" {
				row.Lead = typed
			}
		}
	}
	if err != nil || f.wrong() {
		return v.again("reminders", f, err, view)
	}
	return v.show("reminders", view)
}

// reminderRows are the items with a date to come, the soonest first.
func (v *visit) reminderRows(now vault.Reminders) (rows []reminderRow, err error) {
	type dated struct {
		at  time.Time
		row reminderRow
	}
	var all []dated
	for it, err := range v.vault.Items(v.ctx()) {
		if errors.Is(err, vault.ErrTampered) {
			continue // the lists name it
		}
		if err != nil {
			return nil, err
		}
		at := v.dateOf(it)
		if !at.After(v.pages.Now()) {
			continue
		}
		row := reminderRow{Item: neutral(it), Lead: "none"}
		if i := slices.IndexFunc(now.Items, func(r vault.Reminder) bool { return r.Item.ID == it.ID }); i >= 0 {
			row.chosen(now.Items[i])
		}
		all = append(all, dated{at, row})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for _, d := range all {
		rows = append(rows, d.row)
	}
	return rows, nil
}

// askReminders sends a code: the notice was on the page, and the button says yes.
func (p *pages) askReminders(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	c := vault.ReminderChoice{Channel: vault.Channel(f.Get("channel")), Language: v.Code, Zone: v.zone.String(), Notice: notice.Reminding(v.Code)}
	field, wrong := "reach", v.t("wrong.reach")
	switch c.Channel {
	case vault.ByRelay:
		field, wrong, c.Address = "call", v.t("wrong.call"), f.Get("relay")+"/"+f.Get("call")
		c.Notice = notice.Telling(v.Code)
	case vault.ByEmail:
		c.Address = f.Get("reach")
	default:
		c.Channel, c.Address = vault.BySMS, international(f.Get("reach"))
	}
	if v.required(f, field); f.wrong() {
		return v.showReminders(f, nil)
	}
	err = v.vault.AskReminders(v.ctx(), c)
	if errors.Is(err, vault.ErrInvalid) {
		f.refuse(field, wrong)
		return v.showReminders(f, nil)
	}
	if errors.Is(err, vault.ErrBackOff) {
		return v.showReminders(f, err)
	}
	if err != nil {
		return err
	}
	return v.goTo("/reminders", "")
}

// international reads a number as people in France write it.
func international(number string) string {
	if len(number) > 1 && number[0] == '0' && number[1] != '0' {
		return "+33" + number[1:]
	}
	return number
}

func (p *pages) confirmReminders(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	v.required(f, "code")
	if f.wrong() {
		return v.showReminders(f, nil)
	}
	_, err = v.vault.ConfirmReminders(v.ctx(), f.Get("code"))
	if errors.Is(err, vault.ErrInvalid) {
		f.refuse("code", v.t("wrong.reach-code"))
		return v.showReminders(f, nil)
	}
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/reminders", "reminders-begun")
}

// setReminders keeps what was chosen, for all things at once. It is not called noted where it
// is too late: then nothing would come, and the person would count on it.
func (p *pages) setReminders(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	now, err := v.vault.Reminders(v.ctx())
	if err != nil {
		return err
	}
	rows, err := v.reminderRows(now)
	if err != nil {
		return err
	}
	done := "reminder-noted"
	for _, row := range rows {
		lead := f.Get("lead-" + row.ID.String())
		leads, known := leadChoices[lead]
		if !known || lead == row.Lead {
			continue
		}
		next, err := v.vault.Remind(v.ctx(), row.ID, leads...)
		switch {
		case errors.Is(err, vault.ErrTooMany):
			return v.showReminders(f, err)
		case err != nil:
			return err
		case next.IsZero() && len(leads) > 0:
			done = "reminder-late"
		}
	}
	return v.goTo("/reminders", done)
}

// remindable says whether somebody can be reminded of an item, and of what they are.
func (v *visit) remindable(i vault.Item) (can bool, next time.Time, err error) {
	can = v.worker == nil && !v.closing() && i.Binned.IsZero() && len(v.pages.Vaults.RemindsBy()) > 0 && v.dateOf(i).After(v.now())
	if !can {
		return false, next, nil
	}
	r, err := v.vault.RemindedOf(v.ctx(), i.ID)
	if errors.Is(err, vault.ErrTampered) {
		err = nil // the page of reminders says so
	}
	return true, r.Next, err
}

// dateOf is the date of which somebody can be reminded; zero: none.
func (v *visit) dateOf(i vault.Item) (at time.Time) {
	switch {
	case i.Appointment != nil:
		at = i.Appointment.Start
	case i.Document != nil:
		at, _ = i.Document.Expires.Time(v.zone)
	}
	return at
}

func (p *pages) stopReminders(v *visit) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	if _, err := v.vault.StopReminders(v.ctx()); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return err
	}
	return v.goTo("/reminders", "reminders-ended")
}
