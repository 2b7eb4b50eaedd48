package notice

import "reconnect.example/vault"

// remindingVersion names the text that is read before reminders.
const remindingVersion = "reminding-2026-11-2"

// Reminding is read by a person before they are sent reminders: it lists what the
// service will know for it.
func Reminding(language string) vault.Notice { return read("reminding", remindingVersion, language) }

// tellingVersion names the text that is read before a relay tells reminders.
const tellingVersion = "telling-2026-11-1"

// Telling is read by a person before a relay that follows them tells them reminders,
// from a list: it lists what the service and the team will know for it.
func Telling(language string) vault.Notice { return read("telling", tellingVersion, language) }
