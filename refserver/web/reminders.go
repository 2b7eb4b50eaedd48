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
	Notice  vault.Notice
	Choices []reminderRow
}

// reminderRow is one item with a date to come.
type reminderRow struct {
	vault.Item
	Lead string // the choice in force
	Next time.Time
}

// Paper says that it is no appointment.
func (r reminderRow) Paper() bool { return r.Document != nil }

func (p *pages) reminders(v *visit) error { return v.showReminders(newForm(), nil) }

func (v *visit) showReminders(f *form, err error) error {
	now, problem := v.vault.Reminders(v.ctx())
	if problem != nil {
		return problem
	}
	view := remindersView{Form: f, Now: now, AtRelay: now.Channel == vault.ByRelay, Notice: notice.Reminding(v.Code)}
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
		var at time.Time
		switch {
		case it.Appointment != nil:
			at = it.Appointment.Start
		case it.Document != nil:
			at, _ = it.Document.Expires.Time(v.zone)
		}
		if !at.After(v.pages.Now()) {
			continue
		}
		row := reminderRow{Item: it, Lead: "none"}
		if i := slices.IndexFunc(now.Items, func(r vault.Reminder) bool { return r.Item.ID == it.ID }); i >= 0 {
			row.Next = now.Items[i].Next
			for name, leads := range leadChoices {
				if slices.Equal(leads, now.Items[i].Leads) {
					row.Lead = name
				}
			}
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

func (p *pages) setReminder(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	id, err := vault.ParseItemID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	if _, err := v.vault.Remind(v.ctx(), id, leadChoices[f.Get("lead")]...); err != nil {
		if errors.Is(err, vault.ErrTooMany) {
			return v.showReminders(f, err)
		}
		return err
	}
	return v.goTo("/reminders", "reminder-noted")
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
