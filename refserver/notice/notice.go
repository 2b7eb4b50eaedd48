// Package notice holds the text that a person reads or hears before a space is
// opened for them (CPCE, FR-10). The library keeps it with the consent, so that
// what was agreed to can be shown later: change the version with every change
// of the text.
package notice

import (
	_ "embed"

	"reconnect.example/vault"
)

//go:embed fr.txt
var french string

//go:embed en.txt
var english string

// version names the text below.
const version = "2026-11-5"

// In returns the notice in French for "fr", and in English for any other language.
func In(language string) vault.Notice {
	if language == "fr" {
		return vault.Notice{Version: version, Language: "fr", Text: french}
	}
	return vault.Notice{Version: version, Language: "en", Text: english}
}
