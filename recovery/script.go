package recovery

import (
	"embed"
	"encoding/json"

	"reconnect.example/vault"
)

//go:embed script/*.json
var scripts embed.FS

// Doing is what a helper does at a step of a script: a stable code.
type Doing string

// What a helper does.
const (
	DoAsk   Doing = "ask"   // ask the person; what they say is noted nowhere, unless the step says so
	DoSay   Doing = "say"   // say it to the person
	DoAct   Doing = "act"   // do it, and do not read it aloud
	DoNever Doing = "never" // whatever the person, or anybody else, says
)

// Step is a step of a script, in plain words: the text of what is asked and said is to be
// read aloud.
type Step struct {
	Do   Doing  `json:"do"`
	Text string `json:"text"`
}

// Script is what a helper does, asks and says, step by step, while they help somebody back
// in by a way of this kind, and at the end what they never do. Nothing that the person
// brings is ever asked for: they type it themselves, alone (F12). nil for an unknown kind,
// and for a language that has no script: there are "fr", "en" and "ar".
func Script(kind vault.PathKind, language string) []Step {
	raw, err := scripts.ReadFile("script/" + language + ".json")
	if err != nil {
		return nil
	}
	var all map[string][]Step
	if json.Unmarshal(raw, &all) != nil || all[kind.String()] == nil {
		return nil
	}
	return append(all[kind.String()], all["never"]...)
}
