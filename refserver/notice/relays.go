package notice

import "reconnect.example/vault"

// relayVersion names the texts that are read where relays are concerned.
const relayVersion = "2026-11-3"

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
	return read(name, name+"-"+relayVersion, language)
}
