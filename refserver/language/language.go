// Package language holds every text that the reference server shows, and says
// numbers, sizes, dates and times in the language of whoever reads. Pages and the
// JSON API read the same files: messages/<code>.json, one for each language, with a
// sentence for each key.
//
//	fr := language.In("fr")
//	fr.T("format.when", day, hour)   // %s and %d, or %[2]s where the order differs
//	fr.N("home.papers", 3)           // home.papers.one, .few, .other…: the plurals of CLDR
//
// To add a language: a file, a line in languages.go, and a reader whose language it is.
package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-playground/locales"
	"golang.org/x/text/feature/plural"
	tags "golang.org/x/text/language"
)

//go:embed messages/*.json
var files embed.FS

// Language says everything in one language. It is safe for concurrent use.
type Language struct {
	Code     string // of the file and of the attribute lang: "fr", "ar"
	Name     string // as who speaks it writes it: "français"
	Complete bool   // every sentence is there
	Reviewed bool   // a person whose language it is has read the notices, the consents and the ways back in

	texts     map[string]string
	otherwise *Language // says what is missing here; nil: nothing may be missing
	locale    locales.Translator
	tag       tags.Tag
}

// all are read once, from files that are part of the program.
var all = sync.OnceValue(load)

func load() map[string]*Language {
	all := map[string]*Language{}
	for _, l := range languages() {
		content, err := files.ReadFile("messages/" + l.Code + ".json")
		if err == nil {
			err = json.Unmarshal(content, &l.texts)
		}
		if err != nil {
			panic(fmt.Sprintf("language: messages in %s: %v", l.Code, err)) // a slip in this package, met by every test
		}
		all[l.Code] = l
	}
	for _, l := range all {
		if !l.Complete {
			l.otherwise = all["en"]
		}
	}
	return all
}

// In returns a language by its code, and English for a code that is none.
func In(code string) *Language {
	if l := all()[code]; l != nil {
		return l
	}
	return all()["en"]
}

// Direction is the value of the attribute dir: "ltr" or "rtl".
func (l *Language) Direction() string {
	script, _ := l.tag.Script()
	switch script.String() {
	case "Arab", "Hebr":
		return "rtl"
	}
	return "ltr"
}

// Has reports whether a key has a sentence.
func (l *Language) Has(key string) bool {
	_, ok := l.find(key)
	return ok
}

func (l *Language) find(key string) (text string, ok bool) {
	if text, ok = l.texts[key]; !ok && l.otherwise != nil {
		return l.otherwise.find(key)
	}
	return text, ok
}

// T returns the sentence of a key, with what is to stand in it. A key that is
// missing shows itself; a test finds those.
func (l *Language) T(key string, args ...any) string {
	text, ok := l.find(key)
	if !ok {
		return "[" + key + "]"
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// N returns the sentence for a number of things: key.one, key.few, key.other and so
// on, as the language counts (CLDR). A form that a file leaves out is that of "other".
func (l *Language) N(key string, count int) string {
	for _, speaker := range []*Language{l, l.otherwise} {
		if speaker == nil {
			continue
		}
		for _, form := range []string{key + "." + speaker.form(count), key + ".other"} {
			text, ok := speaker.texts[form]
			switch {
			case !ok:
			case strings.Contains(text, "%"):
				return fmt.Sprintf(text, count)
			default: // "two papers" need no number in some languages
				return text
			}
		}
	}
	return "[" + key + "]"
}

// form names the plural that a count takes.
func (l *Language) form(count int) string {
	return formNames[plural.Cardinal.MatchPlural(l.tag, count, 0, 0, 0, 0)]
}

var formNames = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// Keys are the keys of the file of this language, for tests that look for what is
// missing or not used.
func (l *Language) Keys() []string { return slices.Sorted(maps.Keys(l.texts)) }
