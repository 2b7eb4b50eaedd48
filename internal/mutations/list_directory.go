package main

// onDirectory are the defences of the directory of relays.
var onDirectory = []mutation{
	{"C1", "the comparison of a directory with the witness's versions", "consent", "^TestAttackC1_RolledBackDirectory$", []edit{
		{"consent/directory_memory.go", "	case later(highest, c):", "	case false && later(highest, c):"},
	}},
	{"C2", "the comparison of a directory with the witness's digests", "consent", "^TestAttackC2_ForkedDirectory$", []edit{
		{"consent/directory_memory.go", "	case sameVersion(c, highest) && c.Hash != highest.Hash:", "	case false:"},
	}},
	{"C3", "the word of the witness, and of what was read before, about who signs a directory", "consent", "^TestAnAuthorityTakesAnotherKeyAndTheOldOneSignsNothingMore$", []edit{
		{"consent/directory_memory.go", "	m.forget()\n	return vault.ErrUntrustedKey", "	return nil"},
		{"consent/directory.go", "if known != nil && !s.head.Trusts(known.head.Key)", "if false && !s.head.Trusts(known.head.Key)"},
	}},
	{"D1", "the comparison of a directory's pages with the digests in its head", "consent", "^TestAttackD1_AnotherKeyForARelay$", []edit{
		{"consent/directory_state.go", "if !slices.Equal(digest[:], head.Pages[n]) {", "if slices.Equal(digest[:], nil) {"},
	}},
	{"D1", "the authority's key, the word of the witness, and what was read before, about who signs a directory", "consent", "^TestAttackD1_AnotherKeyForARelay$", []edit{
		{"consent/directory_memory.go", "	m.forget()\n	return vault.ErrUntrustedKey", "	return nil"},
		{"consent/directory.go", "if known != nil && !s.head.Trusts(known.head.Key)", "if false && !s.head.Trusts(known.head.Key)"},
		{"consent/directory_state.go", "	if !h.Trusts(authority[:]) {", "	if false {"},
	}},
	{"D2", "the rule that a relay's key never changes in a directory", "consent", "^TestNothingThatWasNamedVanishesAndNoRelayGetsAnotherKey$", []edit{
		{"consent/directory_publish.go", "		if now.Key != r.Key {", "		if false && now.Key != r.Key {"},
	}},
}
