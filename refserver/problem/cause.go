package problem

import "regexp"

// names finds what could name a person, a vault or an item in an error: quoted
// text, ids of 26 characters, long runs of letters and digits, paths of items.
var names = regexp.MustCompile(`"[^"]*"|[A-Za-z0-9+/_=-]{20,}`)

// Cause returns the text of an error fit for a log: with every quoted text and
// every long run of letters and digits left out, so that neither an id nor a
// key of a record reaches it.
func Cause(err error) string {
	text := names.ReplaceAllString(err.Error(), "…")
	if len(text) > 400 {
		text = text[:400]
	}
	return text
}
