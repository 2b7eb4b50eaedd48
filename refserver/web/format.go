package web

import (
	"fmt"
	"html/template"
	"maps"
	"strings"
	"time"

	"reconnect.example/vault"
)

// functions are what templates call.
func (l *language) functions(look *Look) template.FuncMap {
	own := template.FuncMap{
		"t": l.t, "n": l.n, "size": l.Size, "when": l.when, "date": l.date, "day": l.Day,
		"appointmentTime": l.appointmentTime, "input": l.input, "wrong": wrong, "filled": filled, "hex": hex,
		"folderPicture": folderPicture, "folderName": l.folderName,
		"sharedIdle": func() int { return int(sharedIdle / time.Second) },
		"private":    func(i vault.Item) bool { return i.Compartment == vault.Private },
		"shared":     func(i vault.Item) bool { return i.Compartment == vault.Shared },
		"path":       itemPath,
		"small":      small,
		"signs":      signs,
		"qr":         qrCode,
	}
	maps.Copy(own, look.Functions)
	return own
}

// french keeps signs with their words: what a notice is, byte for byte, is in the record,
// and on the page no line breaks between the two.
var french = strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»", " :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", " !", "\u00a0!")

// signs is the text of a notice to be shown.
func signs(n vault.Notice) string {
	if n.Language == "fr" {
		return french.Replace(n.Text)
	}
	return n.Text
}

// folderPicture names the pictogram of a folder that the library suggests: who reads
// little finds it by its picture. Any other is a folder.
func folderPicture(name string) string {
	switch name {
	case "Identité":
		return "card"
	case "Santé":
		return "health"
	case "Logement":
		return "home"
	case "Travail":
		return "work"
	case "Famille":
		return "family"
	case "Argent":
		return "money"
	case "Justice":
		return "justice"
	}
	return "folder"
}

// folderName says what such a folder is called in the language of who reads: a new space has
// it in French. It keeps its name in the store, so that a centre and a person who read
// different languages mean the same one.
func (l *language) folderName(name string) string {
	switch name {
	case "Identité":
		return l.t("folder.is-identity")
	case "Santé":
		return l.t("folder.is-health")
	case "Logement":
		return l.t("folder.is-housing")
	case "Travail":
		return l.t("folder.is-work")
	case "Famille":
		return l.t("folder.is-family")
	case "Argent":
		return l.t("folder.is-money")
	case "Justice":
		return l.t("folder.is-justice")
	case "Divers":
		return l.t("folder.is-other")
	}
	return name
}

func picture(all map[string]template.HTML) func(string) (template.HTML, error) {
	return func(name string) (template.HTML, error) {
		svg, ok := all[name]
		if !ok {
			return "", fmt.Errorf("web: no picture %q", name)
		}
		return svg, nil
	}
}

// when says an instant in the zone of the server.
func (l *language) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return l.When(at.In(l.zone))
}

// month says a month that is given as "2026-11".
func (l *language) month(m string) string {
	at, err := time.Parse("2006-01", m)
	if err != nil {
		return ""
	}
	return l.Month(at)
}

// date says a date on a paper: "24 novembre 2026".
func (l *language) date(d vault.Date) string {
	at, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	return l.Date(at)
}

// appointmentTime says when an appointment is, in the zone in which the person
// was told the hour.
func (l *language) appointmentTime(a *vault.Appointment) string {
	at := localStart(a, l.zone)
	switch {
	case a.AllDay:
		return l.Day(at)
	case a.Duration > 0:
		return l.t("format.from-to", l.Day(at), l.Hour(at), l.Hour(at.Add(a.Duration)))
	}
	return l.When(at)
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
