package main

// onSecrets are the defences of keys and passwords.
var onSecrets = []mutation{
	{"D5", "the comparison of the owner head's key with the key at hand", "vault", inVault("D5"), []edit{
		{"vault/heads.go", "if !slices.Equal(h.owner.Key, trusted) {", "if false {"},
	}},
	{"D7", "the probe for points of low order", "vault", inVault("D7"), []edit{
		{"internal/seal/box.go", "if _, err := private.ECDH(public); err != nil {", "if _, err := private.ECDH(public); err != nil && false {"},
	}},
	{"E1", "the floor of the passes", "internal/seal", inSeal("E1"), []edit{
		{"internal/seal/kdf.go", "case k.Time < low.Time || k.Time > ceilingTime:", "case k.Time > ceilingTime:"},
	}},
	{"E2", "the ceiling of the memory", "internal/seal", inSeal("E2"), []edit{
		{"internal/seal/kdf.go", "case k.MemoryKiB < low.MemoryKiB || k.MemoryKiB > ceilingMemoryKiB:", "case k.MemoryKiB < low.MemoryKiB:"},
	}},
	{"E3", "the digests of keyslot and wrapping key in the owner head, and the vault from what they are bound to", "vault", inVault("E3"), []edit{
		{"vault/keyslot.go", "if subtle.ConstantTimeCompare(digest[:], entry.Digest) != 1 {", "if false && subtle.ConstantTimeCompare(digest[:], entry.Digest) != 1 {"},
		{"vault/keyslot.go", "!bytes.Equal(digest[:], check.owner.Wrapping)", "false && !bytes.Equal(digest[:], check.owner.Wrapping)"},
		{"vault/keyslot.go", "return id.bind(seal.TypeWrappingKey,", "return ID{}.bind(seal.TypeWrappingKey,"},
		{"vault/keyslot.go", "wrapping.Seal(id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0)", "wrapping.Seal(ID{}.bind(seal.TypeKeyslot, Owner, 0, nil, 0)"},
		{"vault/keyslot.go", "wrapping.Open(id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0)", "wrapping.Open(ID{}.bind(seal.TypeKeyslot, Owner, 0, nil, 0)"},
	}},
	{"E4", "the look at the length before anything is derived", "internal/seal", inSeal("E4"), []edit{
		{"internal/seal/committed.go", "if !isBodySize(len(e.payload) - commitmentSize - xaesOverhead) {", "if len(e.payload) < commitmentSize {"},
	}},
	{"E5", "the commitment of a keyslot's envelope", "internal/seal", inSeal("E5"), []edit{
		{"internal/seal/committed.go", "if subtle.ConstantTimeCompare(commitment, e.payload[:commitmentSize]) != 1 {", "if false && subtle.ConstantTimeCompare(commitment, e.payload[:commitmentSize]) != 1 {"},
	}},
	{"E6", "the least format", "internal/seal", inSeal("E6"), []edit{
		{"internal/seal/envelope.go", "if b[0] < MinFormat || b[0] > Format { // E6", "if false {"},
	}},
	{"E7", "the algorithm that the place demands", "internal/seal", inSeal("E7"), []edit{
		{"internal/seal/envelope.go", "if !e.alg.inEnvelope() { // E7", "if false {"},
		{"internal/seal/envelope.go", "if e.alg != alg {", "if false {"},
	}},
	{"E8", "the work for a login that cannot be opened", "vault", inVault("E8"), []edit{
		{"vault/keyslot.go", `	wrappingContext, wrappingRecord := check.id.wrappingContext(), check.wrapping
`, `	if check.refused != nil {
		return seal.Key{}, check.refused
	}
	wrappingContext, wrappingRecord := check.id.wrappingContext(), check.wrapping
`},
	}},
	{"E9", "the demand for an algorithm", "internal/seal", inSeal("E9"), []edit{
		{"internal/seal/kdf.go", "case k.Algorithm != Argon2id:", "case false:"},
	}},
	{"F2", "the refusal of a keyslot that is not as the owner head names it", "vault", inVault("F2"), []edit{
		{"vault/keyslot.go", `	if err != nil {
		check.refused = err
	}
`, `	_ = err
`},
	}},
	{"F8", "the end of the keyslot whose place another takes", "vault", inVault("F8"), []edit{
		{"vault/password.go", "	t.dropSlots(entry.Kind)\n", ""},
	}},
	{"F9", "the wait that the witness demands", "vault", inVault("F9"), []edit{
		{"vault/unlock.go", "if p.tries.Wait > 0 {", "if false {"},
	}},
	{"F11", "the comparison of a card with its keyslot, before its counter is touched", "vault", inVault("F11"), []edit{
		{"vault/card_signin.go", "if !named || subtle.ConstantTimeCompare(found.body.Card, code.check(check.id, found.entry.ID)) != 1 {", "if !named || subtle.ConstantTimeCompare(nil, nil) != 1 {"},
	}},
	{"F11", "the longest wait", "vault", inVault("F11"), []edit{
		{"recovery/witness/counters.go", "longestWait = 15 * time.Minute", "longestWait = 24 * time.Hour"},
	}},
}
