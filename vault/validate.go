package vault

import (
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text is kept as it was typed, in any script, normalised to NFC. Directional
// marks belong to some scripts and are kept; what shows a name to people or
// writes it to a file neutralises them there (A8). Control characters are no
// text in any script and are refused.

func checkText(field, s string, most int, lines bool) error {
	switch {
	case !utf8.ValidString(s):
		return &InvalidError{Field: field, Problem: "is not valid text (UTF-8)"}
	case utf8.RuneCountInString(s) > most:
		return &InvalidError{Field: field, Problem: fmt.Sprintf("is longer than %d characters", most)}
	}
	for _, r := range s {
		if unicode.IsControl(r) && !(lines && (r == '\n' || r == '\r' || r == '\t')) {
			return &InvalidError{Field: field, Problem: "holds a control character"}
		}
	}
	return nil
}

func checkName(field, s string) error {
	if strings.TrimSpace(s) == "" {
		return &InvalidError{Field: field, Problem: "is empty"}
	}
	return checkText(field, s, MaxName, false)
}

func cleanName(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// ParseDate reads "2026-11-21" and refuses days that do not exist. "" is none.
func ParseDate(s string) (Date, error) {
	d := Date(s)
	return d, d.check("date")
}

func (d Date) check(field string) error {
	if d == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
		return &InvalidError{Field: field, Problem: "is not a day written as 2026-11-21"}
	}
	return nil
}

// Time returns the beginning of the day in a zone; false if d is none.
func (d Date) Time(zone *time.Location) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, string(d), zone)
	return t, err == nil
}

func checkMediaType(s string) error {
	if len(s) > MaxMediaType {
		return &InvalidError{Field: "mediaType", Problem: "is longer than 100 bytes"}
	}
	if err := checkText("mediaType", s, MaxMediaType, false); err != nil {
		return err
	}
	if _, _, err := mime.ParseMediaType(s); err != nil || !strings.Contains(s, "/") {
		return &InvalidError{Field: "mediaType", Problem: `is not a media type like "application/pdf"`}
	}
	return nil
}

// check names every problem of an item at once.
func (it *Item) check() error {
	problems := []error{checkName("name", it.Name)}
	if d := it.Document; d != nil {
		problems = append(problems, checkMediaType(d.MediaType), d.Issued.check("issued"), d.Expires.check("expires"))
	}
	if c := it.Contact; c != nil {
		problems = append(problems, c.check())
	}
	if a := it.Appointment; a != nil {
		problems = append(problems, a.check())
	}
	if len(it.Data) > MaxData {
		problems = append(problems, &InvalidError{Field: "data", Problem: "is longer than 16 kB"})
	}
	if it.Note != nil {
		problems = append(problems, checkText("text", it.Note.Text, MaxNote, true))
	}
	return errors.Join(problems...)
}

const maxReach = 10 // phones or e-mail addresses of one contact

func (c *Contact) check() error {
	problems := []error{
		checkText("role", c.Role, MaxName, false),
		checkText("address", c.Address, MaxText, true),
		checkText("note", c.Note, MaxNote, true),
	}
	for _, list := range []struct {
		field string
		of    []string
	}{{"phones", c.Phones}, {"emails", c.Emails}} {
		if len(list.of) > maxReach {
			problems = append(problems, &InvalidError{Field: list.field, Problem: "holds more than ten"})
		}
		for _, s := range list.of {
			problems = append(problems, checkName(list.field, s))
		}
	}
	return errors.Join(problems...)
}

const maxAppointment = 31 * 24 * time.Hour

func (a *Appointment) check() error {
	problems := []error{
		checkText("place", a.Place, MaxText, true),
		checkText("with", a.With, MaxName, false),
		checkText("note", a.Note, MaxNote, true),
	}
	if a.Start.IsZero() || a.Start.Year() < 1900 || a.Start.Year() > 2200 {
		problems = append(problems, &InvalidError{Field: "start", Problem: "is missing or far out of time"})
	}
	if a.Duration < 0 || a.Duration > maxAppointment {
		problems = append(problems, &InvalidError{Field: "duration", Problem: "is negative or longer than a month"})
	}
	// "Local" would mean another hour on another machine.
	if _, err := time.LoadLocation(a.Zone); err != nil || a.Zone == "" || a.Zone == "Local" {
		problems = append(problems, &InvalidError{Field: "zone", Problem: `is not a time zone like "Europe/Paris"`})
	}
	return errors.Join(problems...)
}
