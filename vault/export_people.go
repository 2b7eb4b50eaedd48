package vault

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-vcard"
)

// people writes contacts as vCard 4.0 (RFC 6350) and appointments as iCalendar
// (RFC 5545). A calendar without events is not valid, so that there is then none.
func (e *exporter) people() error {
	var cards []vcard.Card
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//Reconnect//Reconnect//FR")
	for _, r := range e.items {
		it := r.item
		switch {
		case !it.Binned.IsZero():
		case it.Contact != nil:
			cards = append(cards, it.card())
		case it.Appointment != nil:
			calendar.Children = append(calendar.Children, it.event(e.now).Component)
		}
	}
	if len(cards) > 0 {
		err := e.write("data/contacts.vcf", e.now, func(w io.Writer) error {
			enc := vcard.NewEncoder(w)
			for _, c := range cards {
				if err := enc.Encode(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(calendar.Children) == 0 {
		return nil
	}
	return e.write("data/appointments.ics", e.now, func(w io.Writer) error { return ical.NewEncoder(w).Encode(calendar) })
}

func (it *Item) card() vcard.Card {
	c := vcard.Card{}
	c.SetValue(vcard.FieldVersion, "4.0")
	c.SetValue(vcard.FieldUID, "urn:reconnect:"+it.ID.String())
	c.SetValue(vcard.FieldFormattedName, plainText(it.Name))
	for field, values := range map[string][]string{
		vcard.FieldRole: {it.Contact.Role}, vcard.FieldTelephone: it.Contact.Phones,
		vcard.FieldEmail: it.Contact.Emails, vcard.FieldNote: {it.Contact.Note},
	} {
		for _, s := range values {
			if s != "" {
				c.AddValue(field, plainText(s))
			}
		}
	}
	if it.Contact.Address != "" {
		c.AddAddress(&vcard.Address{StreetAddress: plainText(it.Contact.Address)})
	}
	return c
}

// event gives times in UTC: the instant is right in every program, and needs no
// definition of a zone. The hour as the person was told it is in data/bundle.json.
func (it *Item) event(now time.Time) *ical.Event {
	a := it.Appointment
	e := ical.NewEvent()
	e.Props.SetText(ical.PropUID, it.ID.String()+"@reconnect")
	e.Props.SetDateTime(ical.PropDateTimeStamp, now.UTC())
	e.Props.SetText(ical.PropSummary, plainText(it.Name))
	if a.AllDay {
		zone, err := time.LoadLocation(a.Zone)
		if err != nil {
			zone = time.UTC
		}
		day := a.Start.In(zone)
		e.Props.SetDate(ical.PropDateTimeStart, day)
		e.Props.SetDate(ical.PropDateTimeEnd, day.AddDate(0, 0, 1))
	} else {
		e.Props.SetDateTime(ical.PropDateTimeStart, a.Start.UTC())
		if a.Duration > 0 {
			e.Props.SetDateTime(ical.PropDateTimeEnd, a.Start.Add(a.Duration).UTC())
		}
	}
	if a.Place != "" {
		e.Props.SetText(ical.PropLocation, plainText(a.Place))
	}
	var about []string
	for _, s := range []string{a.With, a.Note} {
		if s != "" {
			about = append(about, plainText(s))
		}
	}
	if len(about) > 0 {
		e.Props.SetText(ical.PropDescription, strings.Join(about, "\n"))
	}
	return e
}

// plainText leaves one kind of line break, so that no text can end a line of the
// format and begin another (G6).
func plainText(s string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
}

// detailText writes the facts of a journal line as "key: value; …".
func detailText(d map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(d)) {
		parts = append(parts, k+": "+d[k])
	}
	return strings.Join(parts, "; ")
}
