package consent

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/safename"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Limits of entries, in characters.
const (
	MaxName      = 120 // of a relay, an organisation, a payer
	MaxPlace     = 200
	MaxContact   = 200
	MaxNumber    = 40
	maxLanguages = 30
)

var (
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	languageTag  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`) // BCP 47
	typeCode     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
)

// cleanText is a text as the authority signs it.
func cleanText(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// checkText refuses what could pass a relay off as another one: by names of a
// relay a person decides whom to let in. Unlike a person's own texts, which are
// kept as they are and neutralised where they are shown (A8), these have one form:
// NFC, on one line, without control characters, marks that reverse the direction of
// what follows them, or characters that cannot be seen.
func checkText(field, s string, most int, needed bool) error {
	switch {
	case needed && s == "":
		return invalid(field, "is empty")
	case !utf8.ValidString(s):
		return invalid(field, "is not valid text (UTF-8)")
	case utf8.RuneCountInString(s) > most:
		return invalid(field, "is longer than %d characters", most)
	case strings.ContainsFunc(s, hidden) || safename.Text(s) != s:
		return invalid(field, "holds a control character, or one that cannot be seen or reverses the direction of others")
	case cleanText(s) != s || safename.Line(s) != s:
		return invalid(field, "is not one line of normal text (NFC, single spaces)")
	}
	return nil
}

// hidden tells control and format characters. Those that scripts need stay: joiners
// of Persian, Pashto and Indian scripts, the plain direction marks, Arabic signs
// around numbers.
func hidden(r rune) bool {
	switch r {
	case '\u200c', '\u200d', '\u200e', '\u200f', '\u061c':
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) ||
		unicode.In(r, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

func checkDate(field string, d vault.Date, needed bool) error {
	if d == "" && !needed {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, string(d)); err != nil {
		return invalid(field, "is not a day written as 2026-11-21")
	}
	return nil
}

func checkCode(field, s string, form *regexp.Regexp, like string) error {
	if !form.MatchString(s) {
		return invalid(field, "is not written like %s", like)
	}
	return nil
}

// check names every problem of an organisation at once.
func (o *Organisation) check() error {
	problems := []error{
		checkText("organisation.name", o.Name, MaxName, true),
		checkCode("organisation.country", o.Country, countryCode, "FR"),
		checkDate("organisation.withdrawn", o.Withdrawn, false),
	}
	if o.ID.IsZero() {
		problems = append(problems, invalid("organisation.id", "is missing"))
	}
	return errors.Join(problems...)
}

// check names every problem of a relay at once, but for whether its organisation is
// there.
func (r *Relay) check() error {
	problems := []error{
		checkText("relay.name", r.Name, MaxName, true),
		checkCode("relay.type", string(r.Type), typeCode, "day-centre"),
		checkText("relay.place", r.Place, MaxPlace, false),
		checkText("relay.contact", r.Contact, MaxContact, false),
		checkCode("relay.country", r.Country, countryCode, "FR"),
		checkDate("relay.since", r.Since, true),
		checkDate("relay.withdrawn", r.Withdrawn, false),
	}
	if r.ID.IsZero() {
		problems = append(problems, invalid("relay.id", "is missing"))
	}
	if seal.CheckPublic(r.Key[:]) != nil { // D7
		problems = append(problems, invalid("relay.key", "is not an Ed25519 public key"))
	}
	if len(r.Languages) > maxLanguages {
		problems = append(problems, invalid("relay.languages", "holds more than %d", maxLanguages))
	}
	seen := map[string]bool{}
	for _, tag := range r.Languages {
		problems = append(problems, checkCode("relay.languages", tag, languageTag, "fr or pt-BR"))
		if seen[tag] {
			problems = append(problems, invalid("relay.languages", "names one twice"))
		}
		seen[tag] = true
	}
	return errors.Join(problems...)
}

// check names every problem of a licence at once, but for whether its relay is there.
func (l *Licence) check() error {
	problems := []error{
		checkText("licence.number", l.Number, MaxNumber, true),
		checkDate("licence.from", l.From, true),
		checkDate("licence.to", l.To, true),
		checkCode("licence.currency", l.Currency, currencyCode, "EUR"),
		checkText("licence.payer", l.Payer, MaxName, false),
		checkDate("licence.withdrawn", l.Withdrawn, false),
	}
	if l.Relay.IsZero() {
		problems = append(problems, invalid("licence.relay", "is missing"))
	}
	if l.Fee < 0 {
		problems = append(problems, invalid("licence.fee", "is negative"))
	}
	if l.To < l.From { // days of one form are in the order of their letters
		problems = append(problems, invalid("licence.to", "is before its beginning"))
	}
	return errors.Join(problems...)
}
