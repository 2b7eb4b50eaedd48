// Package notice holds the text that a person reads or hears before a space is
// opened for them (CPCE, FR-10). The library keeps it with the consent, so that
// what was agreed to can be shown later: change the version with every change
// of the text. A language that is added changes no text: it is a file for each
// notice, and nothing else.
package notice

import (
	"embed"

	"reconnect.example/vault"
)

// texts are all notices: name-language.txt.
//
//go:embed *.txt
var texts embed.FS

// version names the text of the account.
const version = "2026-11-5"

// In returns the notice of an account in a language that has a file ("fr", "en", "ar"),
// and in English for any other. Which language that is stands in it.
func In(language string) vault.Notice { return read("opening", version, language) }

// read returns a text in a language or, where it has none, in English.
func read(name, version, language string) vault.Notice {
	text, err := texts.ReadFile(name + "-" + language + ".txt")
	if err != nil {
		language = "en"
		text, _ = texts.ReadFile(name + "-en.txt") // embedded
	}
	return vault.Notice{Version: version, Language: language, Text: string(text)}
}
