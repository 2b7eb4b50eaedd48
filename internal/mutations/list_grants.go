package main

// onGrants are the defences of what is allowed to others.
var onGrants = []mutation{
	{"B7", "the signature of who brought an item", "vault", "^TestAttack$/^B7_paper_in_anothers_name$/^memory$", []edit{
		{"vault/record.go", "if err := by.check(it.Origin.By, body.Origin, originContext(id, item), origin); err != nil {", "if err := by.check(it.Origin.By, body.Origin, originContext(id, item), origin); false && err != nil {"},
	}},
	{"B7", "the bond between a document and its origin", "vault", "^TestAttack$/^B7_paper_in_anothers_name$/^memory$", []edit{
		{"vault/record.go", "if !slices.Equal(it.Document.Digest, it.Origin.Digest) {", "if false {"},
	}},
	{"C4", "the digests of terms in the owner head", "vault", "^TestAttack$/^C4_old_grant$/^memory$", []edit{
		{"vault/guest.go", "if isListed(head, digest[:]) {", "if isListed(head, digest[:]) || true {"},
		{"vault/guest.go", "if !isListed(owner, g.digest) || owner", "if owner"},
	}},
	{"C4", "the question in each commit whether a worker still is one", "vault", "^TestAttack$/^C4_old_relay_key$/^memory$", []edit{
		{"vault/guest.go", "if g.standing != nil {", "if false {"},
	}},
	{"C4", "the refusal of every session that was before a stop", "vault", "^TestAttack$/^C4_session_of_a_lost_phone$/^memory$", []edit{
		{"vault/turn.go", "if stop > h.owner.Stop && !v.entering {", "if false {"},
	}},
	{"C4", "the stop that the witness remembers", "vault", "^TestAttack$/^C4_session_of_a_lost_phone$/^memory$", []edit{
		{"vault/stop.go", "return max(h.owner.Stop, known.heads[headStop].Version)", "return h.owner.Stop"},
	}},
	{"C4", "the new epoch at the sign-in after a stop", "vault", "^TestAttack$/^C4_session_of_a_lost_phone$/^memory$", []edit{
		{"vault/session_list.go", "	t.heads.owner.Epoch++\n", ""},
	}},
	{"C4", "the signature of who stopped the sessions", "vault", "^TestAttack$/^C4_session_of_a_lost_phone$/^memory$", []edit{
		{"vault/stop.go", "return authorError(by.check(facts.Actor, s, c, body.Facts), broken)", "_ = s\n\treturn nil"},
	}},
	{"D1", "the comparison of what the directory says with the holder's own head, and whom that trusts", "vault", "^TestAttack$/^D1_relay_key_before_contact$/^memory$", []edit{
		{"vault/grants_give.go", "if !ok || !slices.Equal(inbox, keys.Inbox) || !slices.Equal(h.Key, keys.Key) {", "if _ = inbox; !ok {"},
		{"vault/grants_give.go", "if !h.Trusts(k.Pinned) {", "if false {"},
	}},
	{"D1", "the comparison with the key that the person was shown", "vault", "^TestAttack$/^D1_relay_key_before_contact$/^memory$", []edit{
		{"vault/grants_give.go", "if pinned = n.Key; pinned == nil {", "if true {"},
	}},
	{"D2", "the key of the first contact", "vault", "^TestAttack$/^D2_relay_key_after_contact$/^memory$", []edit{
		{"vault/grants_give.go", "if !h.Trusts(k.Pinned) {", "if false {"},
	}},
	{"D3", "the signature under the terms of a grant", "vault", "^TestAttack$/^D3_forged_grant$/^memory$", []edit{
		{"internal/seal/terms.go", "body, err := OpenSigned(public, termsContext(vault, grant), signed)", "_, body, err := ParseClear(signed)"},
	}},
	{"D4", "the pin of a vault's key", "vault", "^TestAttack$/^D4_vault_key_shown_to_a_relay$/^memory$", []edit{
		{"vault/guest.go", "if pinned != nil && !h.Trusts(pinned) {", "if false {"},
		{"vault/guest.go", "if pinned == nil || !slices.Equal(h.Key, pinned) {", "if pinned == nil {"},
	}},
	{"D5", "the comparison of what the directory says with the holder's own head, and the key of the first contact", "vault", "^TestAttack$/^D5_rotation_to_another_key$/^memory$", []edit{
		{"vault/grants_give.go", "if !ok || !slices.Equal(inbox, keys.Inbox) || !slices.Equal(h.Key, keys.Key) {", "if _ = inbox; !ok {"},
		{"vault/grants_give.go", "if !h.Trusts(k.Pinned) {", "if false {"},
	}},
	{"D6", "the commitments to the keys that go with a grant", "vault", "^TestAttack$/^D6_grant_of_another_vault$/^memory$", []edit{
		{"vault/terms.go", "if c.Number != t.Generations[i].Number || subtle.ConstantTimeCompare(c.Digest, t.Generations[i].Digest) != 1 {", "if subtle.ConstantTimeCompare(c.Digest, t.Generations[i].Digest) > 1 {"},
	}},
	{"D7", "the look at a holder's keys before anything is sealed to them", "vault", "^TestAttack$/^D7_relay_key_that_is_none$/^memory$", []edit{
		{"vault/tend.go", "if _, err := seal.BoxPublicFromBytes(keys.Inbox); err != nil || seal.CheckPublic(keys.Key) != nil {", "if false {"},
	}},
	{"D8", "the holder from what a grant is bound to, and from its terms", "vault", "^TestAttack$/^D8_wrap_of_another_worker$/^memory$", []edit{
		{"vault/terms.go", "c.Holder = holder[:]", "_ = holder"},
		{"vault/terms.go", "if err != nil || ID(t.Holder) != holder {", "if err != nil {"},
	}},
	{"G3", "the comparison of an actor with who the credential names", "vault", "^TestAttack$/^G3_line_of_another_worker$/^memory$", []edit{
		{"vault/authors.go", "if said.Kind != is.Kind || said.ID != is.ID ||", "if false && said.Kind != is.Kind || false && said.ID != is.ID || false &&"},
	}},
	{"N8", "the debt of new keys in the owner head", "vault", "^TestTheDebtOfNewKeysCannotBeHidden$", []edit{
		{"vault/tend.go", "t.heads.owner.Owed, t.ownerDirty = t.rings[Shared].current().number, true", "t.ownerDirty = true"},
	}},
	{"N2", "the refusal of a proof from before the roots were changed", "vault", "^TestWhatIsProvedUnderFormerRootsSealsNothing$", []edit{
		{"vault/unlock.go", "if !slices.Equal(p.key, t.heads.owner.Key) {", "if false {"},
	}},
	{"N20", "the closing of the policy to the witness", "vault", "^TestTheStoreDoesNotTellWhoHelpsSomebodyIn$", []edit{
		{"vault/path_policy.go", "record, err := inbox.SealPolicy(t.v.id, signed)", "record, err := signed, error(nil)"},
		{"recovery/witness/policy.go", "if next.Signed, err = openPolicyRecord(tx, r.vault, closed); err != nil {", "if next.Signed = closed; err != nil {"},
	}},
	{"N20", "the one size of policies", "vault", "^TestAPolicyHasOneSizeWhateverItSays$", []edit{
		{"internal/seal/policy.go", "padded := make([]byte, policySize)", "padded := make([]byte, len(signed)+1)"},
		{"internal/seal/policy.go", "if len(padded) != policySize || end == 0", "if end == 0"},
	}},
	{"N20", "the witness's signature under the key that policies are closed to", "vault", "^TestAPolicyIsClosedToTheWitnessOfTheConfigurationAlone$", []edit{
		{"internal/seal/policyinbox.go", "return i, VerifySignature(witness, policyInboxContext(i.Generation), i.Public, i.Signature)", "return i, nil"},
	}},
}
