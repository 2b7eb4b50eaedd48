package notice

import "reconnect.example/vault"

// presentingVersion names the text that is read before papers are presented.
const presentingVersion = "presenting-2026-11-1"

// Presenting is read by a person before they present papers to a partner system.
func Presenting(language string) vault.Notice {
	return read("presenting", presentingVersion, language)
}
