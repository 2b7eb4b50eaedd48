package notice

import (
	"embed"

	"reconnect.example/vault"
)

//go:embed following-fr.txt following-en.txt visiting-fr.txt visiting-en.txt workers-fr.txt workers-en.txt ways-fr.txt ways-en.txt
var relayTexts embed.FS

// relayVersion names the texts that are read where relays are concerned.
const relayVersion = "2026-11-2"

// Following is read by a person before a relay follows them.
func Following(language string) vault.Notice { return ofRelays("following", language) }

// Visiting is read by a person before they show a worker something for a while.
func Visiting(language string) vault.Notice { return ofRelays("visiting", language) }

// ForWorkers is read by who opens an account to work for relays.
func ForWorkers(language string) vault.Notice { return ofRelays("workers", language) }

// WaysBack is read by a person before they make a way back in for the day when they
// have forgotten their password, and before they let a desk help them.
func WaysBack(language string) vault.Notice { return ofRelays("ways", language) }

func ofRelays(name, language string) vault.Notice {
	if language != "fr" {
		language = "en"
	}
	text, _ := relayTexts.ReadFile(name + "-" + language + ".txt") // embedded
	return vault.Notice{Version: name + "-" + relayVersion, Language: language, Text: string(text)}
}
