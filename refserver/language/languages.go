package language

import (
	"slices"
	"strings"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/ar"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fa_AF"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/ps"
	"github.com/go-playground/locales/pt_PT"
	"github.com/go-playground/locales/ro"
	"github.com/go-playground/locales/ru"
	"github.com/go-playground/locales/sq"
	"github.com/go-playground/locales/ti"
	"github.com/go-playground/locales/uk"
	tags "golang.org/x/text/language"
)

// state is how far a language is.
type state int

const (
	prepared state = iota // what it lacks is said in English
	complete              // nothing is missing, but nobody whose language it is has read it
	reviewed
)

// languages are those that have a file, in the order in which they are offered. French
// and English were written for this project.
func languages() []*Language {
	line := func(code, name string, is state, locale locales.Translator) *Language {
		return &Language{Code: code, Name: name, Complete: is != prepared, Reviewed: is == reviewed, locale: locale, tag: tags.Make(cldr(code))}
	}
	return []*Language{
		line("fr", "français", reviewed, fr.New()),
		line("en", "English", reviewed, en_GB.New()),
		line("ar", "العربية", complete, ar.New()),
		line("es", "español", prepared, es.New()),
		line("ps", "پښتو", prepared, ps.New()),
		line("prs", "دری", prepared, fa_AF.New()),
		line("ti", "ትግርኛ", prepared, ti.New()),
		line("uk", "українська", prepared, uk.New()),
		line("ru", "русский", prepared, ru.New()),
		line("ro", "română", prepared, ro.New()),
		line("pt", "português", prepared, pt_PT.New()),
		line("it", "italiano", prepared, it.New()),
		line("de", "Deutsch", prepared, de.New()),
		line("sq", "shqip", prepared, sq.New()),
	}
}

// cldr is what CLDR calls a language: Dari has a code of its own, which it knows as
// the Persian of Afghanistan.
func cldr(code string) string {
	if code == "prs" {
		return "fa-AF"
	}
	return code
}

// Offered are the codes of the languages that are offered unless somebody asks for
// others: those that are complete.
func Offered() []string {
	var codes []string
	for _, l := range languages() {
		if l.Complete {
			codes = append(codes, l.Code)
		}
	}
	return codes
}

// Prepared are the codes of the others.
func Prepared() []string {
	return slices.DeleteFunc(Codes(), func(code string) bool { return slices.Contains(Offered(), code) })
}

// Codes are the codes of all languages.
func Codes() []string {
	var codes []string
	for _, l := range languages() {
		codes = append(codes, l.Code)
	}
	return codes
}

// Chooser finds the language of a reader among those that are offered.
type Chooser struct {
	matcher tags.Matcher
	codes   []string
}

// NewChooser offers languages by code; the first serves whoever asks for none of them.
func NewChooser(codes []string) *Chooser {
	offered := make([]tags.Tag, len(codes))
	for i, code := range codes {
		offered[i] = tags.Make(cldr(code))
	}
	return &Chooser{tags.NewMatcher(offered), codes}
}

// Choose returns the code of the language that a header Accept-Language prefers.
func (c *Chooser) Choose(acceptLanguage string) string {
	_, i := tags.MatchStrings(c.matcher, strings.ReplaceAll(acceptLanguage, "prs", cldr("prs")))
	return c.codes[i]
}
