package bundle

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-vcard"

	"reconnect.example/vault"
)

// OpenVCard reads contacts (RFC 6350 and those before), such as a phone gives.
// Errors: those of [Open].
func OpenVCard(r io.Reader, opts *Options) (*Bundle, error) {
	return openList(r, opts, (*Bundle).openCards)
}

// OpenICalendar reads appointments (RFC 5545), such as a calendar gives. Of one that
// repeats the first date comes in. Errors: those of [Open].
func OpenICalendar(r io.Reader, opts *Options) (*Bundle, error) {
	return openList(r, opts, (*Bundle).openCalendar)
}

func openList(r io.Reader, opts *Options, open func(b *Bundle, f *file) error) (*Bundle, error) {
	o := opts.orDefault()
	raw, err := io.ReadAll(io.LimitReader(r, o.Limits.Table+1))
	if err != nil {
		return nil, err
	}
	b := &Bundle{opts: o, Complete: true}
	return b.opened(open(b, whole(bytes.NewReader(raw), int64(len(raw)), o)))
}

func (b *Bundle) openCards(f *file) error {
	raw, err := f.read(b.opts.Limits)
	if err != nil {
		return err
	}
	b.Format = "vcard"
	raw, err = unfold(bytes.TrimPrefix(raw, []byte("\ufeff")), func([]byte) (keep, ok bool) { return true, true })
	if err != nil {
		return &FileError{File: f.path, Number: f.number, Err: err}
	}
	dec := vcard.NewDecoder(bytes.NewReader(raw))
	for {
		card, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(b.things) >= vault.MaxItems {
			return &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
		}
		b.things = append(b.things, b.card(card))
	}
	if len(b.things) == 0 {
		return ErrNotBundle
	}
	return nil
}

func (b *Bundle) card(card vcard.Card) vault.NewImport {
	c := &vault.Contact{
		Role: b.fit(joinedBy(", ", card.Value(vcard.FieldRole), card.Value(vcard.FieldTitle)), vault.MaxName),
		Note: b.fit(strings.Join(card.Values(vcard.FieldNote), "\n"), vault.MaxNote),
	}
	for _, field := range []struct {
		name, scheme string
		to           *[]string
	}{{vcard.FieldTelephone, "tel:", &c.Phones}, {vcard.FieldEmail, "mailto:", &c.Emails}} {
		var all []string
		for _, value := range card.Values(field.name) {
			if value = b.fit(strings.TrimPrefix(value, field.scheme), vault.MaxName); value != "" {
				all = append(all, value)
			}
		}
		*field.to = b.most(c, all)
	}
	if a := card.Address(); a != nil {
		c.Address = b.fit(joined(a.PostOfficeBox, a.ExtendedAddress, a.StreetAddress, joinedBy(" ", a.PostalCode, a.Locality), a.Region, a.Country), vault.MaxText)
	}
	name := card.Value(vcard.FieldFormattedName)
	if n := card.Name(); name == "" && n != nil {
		name = joinedBy(" ", n.GivenName, n.FamilyName)
	}
	if name == "" {
		name = joinedBy(" ", append(append([]string{card.Value(vcard.FieldOrganization)}, c.Phones...), c.Emails...)...)
	}
	n := vault.NewImport{Kind: vault.KindContact, Name: b.named(name, c.Note), Contact: c}
	n.Former = vault.Former{Format: b.Format, Item: card.Value(vcard.FieldUID) + "\x00" + n.Name}
	return n
}

func (b *Bundle) openCalendar(f *file) error {
	raw, err := f.read(b.opts.Limits)
	if err != nil {
		return err
	}
	b.Format = "icalendar"
	raw, err = unfold(bytes.TrimPrefix(raw, []byte("\ufeff")), calendarLine())
	if err != nil {
		return &FileError{File: f.path, Number: f.number, Err: err}
	}
	dec := ical.NewDecoder(bytes.NewReader(raw))
	for {
		cal, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
		}
		for _, child := range cal.Children {
			switch child.Name {
			case ical.CompEvent:
				b.things = append(b.things, b.event(ical.Event{Component: child}))
			case ical.CompTimezone:
			default:
				b.remark(RemarkSkipped, text(child, ical.PropSummary))
			}
			if len(b.things) > vault.MaxItems {
				return ErrTooMany
			}
		}
	}
	if len(b.things) == 0 {
		return ErrNotBundle
	}
	return nil
}

func text(c *ical.Component, name string) string {
	s, err := c.Props.Text(name)
	if err != nil {
		return ""
	}
	return s
}

func (b *Bundle) event(e ical.Event) vault.NewImport {
	name := b.named(text(e.Component, ical.PropSummary), text(e.Component, ical.PropLocation))
	note := b.fit(text(e.Component, ical.PropDescription), vault.MaxNote)
	n := vault.NewImport{Name: name, Former: vault.Former{Format: b.Format, Item: text(e.Component, ical.PropUID) + "\x00" + text(e.Component, ical.PropRecurrenceID) + "\x00" + name}}
	start, zone, ok := b.start(e, name)
	if !ok {
		b.remark(RemarkNoDate, name)
		n.Kind, n.Note = vault.KindNote, &vault.Note{Text: b.fit(joined(text(e.Component, ical.PropLocation), note), vault.MaxNote)}
		return n
	}
	a := &vault.Appointment{Start: start, Zone: zone.String(), Place: b.fit(text(e.Component, ical.PropLocation), vault.MaxText), Note: note}
	if p := e.Props.Get(ical.PropDateTimeStart); p.ValueType() == ical.ValueDate || len(p.Value) == len("20060102") {
		a.AllDay = true
	} else if end, err := e.DateTimeEnd(zone); err == nil && end.After(start) && end.Sub(start) <= 31*24*time.Hour {
		a.Duration = end.Sub(start)
	}
	if e.Props.Get(ical.PropRecurrenceRule) != nil || e.Props.Get(ical.PropRecurrenceDates) != nil {
		b.remark(RemarkRepeats, name)
	}
	n.Kind, n.Appointment = vault.KindAppointment, a
	return n
}

// start reads when it begins, in the zone that it names, if that is known.
func (b *Bundle) start(e ical.Event, name string) (time.Time, *time.Location, bool) {
	p := e.Props.Get(ical.PropDateTimeStart)
	if p == nil {
		return time.Time{}, nil, false
	}
	zone := b.opts.Zone
	if id := p.Params.Get(ical.ParamTimezoneID); id != "" {
		if named, err := time.LoadLocation(id); err == nil && id != "Local" {
			zone = named
		} else {
			b.remark(RemarkZone, name)
			p.Params.Del(ical.ParamTimezoneID)
		}
	}
	t, err := p.DateTime(zone)
	return t, zone, err == nil && t.Year() >= 1900 && t.Year() <= 2200
}
