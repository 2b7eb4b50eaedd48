package language

import (
	"strings"
	"time"
)

// noBreak keeps a number and its unit on one line.
const noBreak = "\u00a0"

// Size says bytes for people, in decimal units: 150,000,000 bytes are 150 MB.
func (l *Language) Size(bytes int64) string {
	units := []string{"size.bytes", "size.kb", "size.mb", "size.gb", "size.tb"}
	unit, value := 0, float64(bytes)
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	digits := uint64(0)
	if unit > 0 && value < 9.95 && int64(value*10+.5)%10 != 0 {
		digits = 1
	}
	return strings.Replace(l.locale.FmtNumber(value, digits), arabicDecimal, ",", 1) + noBreak + l.T(units[unit])
}

// arabicDecimal is what CLDR writes beside the digits of Arabic. Ours are those of the
// papers and phones here, in every language, and so is the comma.
const arabicDecimal = "٫"

// Day says a day in words: "mardi 24 novembre 2026".
func (l *Language) Day(at time.Time) string { return l.first(l.locale.FmtDateFull(at)) }

// Date says a day without its name: "24 novembre 2026".
func (l *Language) Date(at time.Time) string { return l.first(l.locale.FmtDateLong(at)) }

// first says the first of a month as French does, which CLDR does not know.
func (l *Language) first(date string) string {
	if l.Code == "fr" {
		if date = strings.Replace(date, " 1 ", " 1er ", 1); strings.HasPrefix(date, "1 ") {
			date = "1er" + date[1:]
		}
	}
	return date
}

// Hour says a time of day: "10 h 30" or "10:30".
func (l *Language) Hour(at time.Time) string {
	return l.T("format.hour", at.Hour(), at.Minute())
}

// When says a day and a time of day.
func (l *Language) When(at time.Time) string {
	return l.T("format.when", l.Day(at), l.Hour(at))
}

// Month says a month: "novembre 2026".
func (l *Language) Month(at time.Time) string {
	return l.locale.MonthWide(at.Month()) + at.Format(" 2006")
}
