package main

import "slices"

// mutation is one defence taken out, and the test that must notice.
type mutation struct {
	id      string // of the attack, as in docs/threat-model.md
	removed string // in words
	pkg     string
	test    string // for go test -run
	edits   []edit
}

// edit replaces one text of a file, which occurs there exactly once. Without an
// old text the file is made.
type edit struct{ file, old, new string }

// Where attacks are played: over a store in memory, or in the sealing itself.
func inVault(id string) string { return "^TestAttack$/^" + id + "_/^memory$" }
func inSeal(id string) string  { return "^TestAttack$/^" + id + "_" }

// mutations is the list. An attack that several defences stand against needs all
// of them gone.
var mutations = slices.Concat(onContents, onRecords, onSecrets, onTheRest, onDirectory, onGrants, onGuests, onConsent, onRecovery, onBundles)
