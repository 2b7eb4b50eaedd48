package web

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"reconnect.example/vault"
)

var dayNames = map[string][7]string{
	"fr": {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

var monthNames = map[string][12]string{
	"fr": {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

// functions are what templates call.
func (l *language) functions(icons map[string]template.HTML) template.FuncMap {
	return template.FuncMap{
		"t": l.t, "n": l.n, "size": l.size, "when": l.when, "date": l.date, "day": l.day,
		"appointmentTime": l.appointmentTime, "input": l.input, "hex": hex,
		"icon": func(name string) (template.HTML, error) {
			svg, ok := icons[name]
			if !ok {
				return "", fmt.Errorf("web: no icon %q", name)
			}
			return svg, nil
		},
		"private": func(i vault.Item) bool { return i.Compartment == vault.Private },
		"path":    itemPath,
		"qr":      qrCode,
	}
}

// size says bytes for people, in decimal units: 150,000,000 bytes are 150 MB.
func (l *language) size(bytes int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	if l.code == "fr" {
		units = []string{"octets", "ko", "Mo", "Go", "To"}
	}
	unit, value := 0, float64(bytes)
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	digits := 0
	if unit > 0 && value < 9.95 {
		digits = 1
	}
	text := strings.TrimSuffix(strconv.FormatFloat(value, 'f', digits, 64), ".0")
	if l.code == "fr" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text + "\u00a0" + units[unit]
}

// day says a day in words: "mardi 24 novembre 2026".
func (l *language) day(at time.Time) string {
	month := monthNames[l.code][at.Month()-1]
	number := strconv.Itoa(at.Day())
	if l.code == "fr" && at.Day() == 1 {
		number = "1er"
	}
	return fmt.Sprintf("%s %s %s %d", dayNames[l.code][at.Weekday()], number, month, at.Year())
}

// hour says a time of day: "10 h 30" or "10:30".
func (l *language) hour(at time.Time) string {
	if l.code == "fr" {
		return fmt.Sprintf("%d\u00a0h\u00a0%02d", at.Hour(), at.Minute())
	}
	return at.Format("15:04")
}

// when says an instant in the zone of the server.
func (l *language) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(l.zone)
	return l.t("format.when", l.day(at), l.hour(at))
}

// date says a date on a paper: "24 novembre 2026".
func (l *language) date(d vault.Date) string {
	at, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	_, text, _ := strings.Cut(l.day(at), " ")
	return text
}

// appointmentTime says when an appointment is, in the zone in which the person
// was told the hour.
func (l *language) appointmentTime(a *vault.Appointment) string {
	at := localStart(a, l.zone)
	switch {
	case a.AllDay:
		return l.day(at)
	case a.Duration > 0:
		return l.t("format.from-to", l.day(at), l.hour(at), l.hour(at.Add(a.Duration)))
	}
	return l.t("format.when", l.day(at), l.hour(at))
}

// localStart returns the start in the zone of the appointment, or in another
// one if that is not known here.
func localStart(a *vault.Appointment, otherwise *time.Location) time.Time {
	zone, err := time.LoadLocation(a.Zone)
	if err != nil || a.Zone == "" {
		zone = otherwise
	}
	return a.Start.In(zone)
}

// hex writes a digest in groups of eight, so that it breaks on a narrow screen.
func hex(digest []byte) string {
	var groups []string
	for text := fmt.Sprintf("%x", digest); len(text) > 0; {
		n := min(8, len(text))
		groups, text = append(groups, text[:n]), text[n:]
	}
	return strings.Join(groups, " ")
}
