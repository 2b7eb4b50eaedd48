package notice

import "reconnect.example/vault"

// remindingVersion names the text that is read before reminders.
const remindingVersion = "reminding-2026-11-2"

// Reminding is read by a person before they are sent reminders: it lists what the
// service will know for it.
func Reminding(language string) vault.Notice { return read("reminding", remindingVersion, language) }
