package web

import (
	"slices"
	"strconv"
	"time"

	"reconnect.example/vault"
)

var appointmentEditor = editor{
	kind: vault.KindAppointment, template: "appointment-edit",
	fill:  fillAppointment,
	check: checkAppointment,
	add: func(v *visit, f *form) (vault.Item, error) {
		return v.vault.AddAppointment(v.ctx(), f.Get("subject"), v.appointmentOf(f), v.placeOf(f))
	},
	edit: func(v *visit, f *form) vault.Edit {
		name, appointment := f.Get("subject"), v.appointmentOf(f)
		return vault.Edit{Name: &name, Appointment: &appointment}
	},
}

func fillAppointment(v *visit, f *form, i vault.Item) {
	a := i.Appointment
	at := localStart(a, v.zone)
	f.Set("subject", i.Name)
	f.Set("date", at.Format(time.DateOnly))
	if !a.AllDay {
		f.Set("time", at.Format("15:04"))
	}
	if a.Duration > 0 {
		f.Set("minutes", strconv.Itoa(int(a.Duration/time.Minute)))
	}
	f.Set("place", a.Place)
	f.Set("with", a.With)
	f.Set("note", a.Note)
	f.Set("zone", at.Location().String())
}

func checkAppointment(v *visit, f *form) {
	v.required(f, "subject", "date")
	v.typedDate(f, "date")
	if f.Get("time") != "" {
		if _, err := parseHour(f.Get("time")); err != nil {
			f.refuse("time", v.t("wrong.time"))
		}
	}
	if m := f.Get("minutes"); m != "" && (number(m) == 0 || number(m) > 24*60) {
		f.refuse("minutes", v.t("wrong.minutes"))
	}
}

// appointmentOf reads a form that checkAppointment has passed. Without an hour
// it is the whole day.
func (v *visit) appointmentOf(f *form) vault.Appointment {
	zone := v.zone
	if given, err := time.LoadLocation(f.Get("zone")); err == nil && f.Get("zone") != "" && f.Get("zone") != "Local" {
		zone = given
	}
	day, _ := time.ParseInLocation(time.DateOnly, f.Get("date"), zone)
	a := vault.Appointment{
		Start: day, Zone: zone.String(), AllDay: true,
		Place: f.Get("place"), With: f.Get("with"), Note: f.Text("note"),
	}
	if hour, err := parseHour(f.Get("time")); err == nil {
		a.AllDay = false
		a.Start = time.Date(day.Year(), day.Month(), day.Day(), hour.Hour(), hour.Minute(), 0, 0, zone)
		a.Duration = time.Duration(number(f.Get("minutes"))) * time.Minute
	}
	return a
}

// parseHour reads what browsers send for a time, with or without seconds.
func parseHour(s string) (time.Time, error) {
	if at, err := time.Parse("15:04", s); err == nil {
		return at, nil
	}
	return time.Parse(time.TimeOnly, s)
}

// appointmentsView separates what comes from what was.
type appointmentsView struct{ Coming, Past []vault.Item }

func (p *pages) appointments(v *visit) error {
	coming, past, err := v.sortedAppointments()
	if err != nil {
		return err
	}
	slices.Reverse(past) // the latest first
	return v.show("appointments", appointmentsView{coming, past})
}

// sortedAppointments are those that come, and those that were, in their order.
func (v *visit) sortedAppointments() (coming, past []vault.Item, err error) {
	items, err := v.list(vault.KindAppointment)
	if err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(items, func(a, b vault.Item) int { return a.Appointment.Start.Compare(b.Appointment.Start) })
	for _, i := range items {
		if ends(i.Appointment, v.zone).After(v.now()) {
			coming = append(coming, i)
		} else {
			past = append(past, i)
		}
	}
	return coming, past, nil
}

// ends is when an appointment is over; without a duration, an hour after its start.
func ends(a *vault.Appointment, zone *time.Location) time.Time {
	switch {
	case a.AllDay:
		return localStart(a, zone).AddDate(0, 0, 1)
	case a.Duration == 0:
		return a.Start.Add(time.Hour)
	}
	return a.Start.Add(a.Duration)
}

func (p *pages) appointment(v *visit) error {
	i, err := v.item(vault.KindAppointment)
	if err != nil {
		return err
	}
	view := appointmentView{Item: i}
	if view.Remindable, view.Reminded, err = v.remindable(i); err != nil {
		return err
	}
	return v.show("appointment", view)
}

// appointmentView is one appointment, and when somebody is reminded of it.
type appointmentView struct {
	vault.Item
	Remindable bool
	Reminded   time.Time // zero: no reminder comes
}

func (p *pages) addAppointmentForm(v *visit) error  { return appointmentEditor.addForm(v) }
func (p *pages) addAppointment(v *visit) error      { return appointmentEditor.addNew(v) }
func (p *pages) editAppointmentForm(v *visit) error { return appointmentEditor.editForm(v) }
func (p *pages) editAppointment(v *visit) error     { return appointmentEditor.change(v) }
