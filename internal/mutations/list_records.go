package main

// onRecords are the defences of the index and against rollback.
var onRecords = []mutation{
	{"B1", "the digest and the revision of a record in its page", "vault", inVault("B1"), []edit{
		{"vault/record.go", "if seal.Digest(stored) != e.hash { // A6, B1, C1: another or an older record", "if false {"},
		{"vault/record.go", "if err != nil || clear.Revision != e.revision {", "if err != nil {"},
		{"vault/record.go", "id.bind(seal.TypeItem, c, clear.Generation, e.id[:], e.revision)", "id.bind(seal.TypeItem, c, clear.Generation, e.id[:], clear.Revision)"},
		{"vault/record.go", "revisionContext(id, item, e.revision), body.Facts)", "revisionContext(id, item, clear.Revision), body.Facts)"},
	}},
	{"B2", "the report of what a page lists and the store does not give", "vault", inVault("B2"), []edit{
		{"vault/record.go", "return nil, &MissingError{Item: e.id} // B2", "return nil, ErrNotFound"},
		{"vault/record.go", "out = append(out, loaded{id, nil, &MissingError{Item: id}})", "_ = id"},
	}},
	{"B3", "the striking of a destroyed item from its page", "vault", inVault("B3"), []edit{
		{"vault/pages.go", `	ix.loaded[n].remove(id)
`, ""},
	}},
	{"B4", "the rule that no flag of privacy lies outside the seal: one does", "vault", inVault("B4"), []edit{
		{"vault/record.go", "\tParts      []part `cbor:\"3,keyasint,omitempty\"`\n", "\tParts      []part `cbor:\"3,keyasint,omitempty\"`\n\tPrivate    bool   `cbor:\"4,keyasint\"`\n"},
		{"vault/record.go", "recordClear{Revision: it.Revision, Generation: gen.number, Parts: r.allParts()}", "recordClear{Revision: it.Revision, Generation: gen.number, Parts: r.allParts(), Private: it.Compartment == Private}"},
	}},
	{"B5", "the compartment from what everything is bound to, a root for each compartment, digests of keyrings and checkpoints", "vault", inVault("B5"), []edit{
		{"vault/keys.go", "Vault: id, Compartment: c.seal(), Generation", "Vault: id, Generation"},
		{"vault/heads.go", "return seal.TypeSharedHead", "return seal.TypePrivateHead"},
		{"vault/create.go", "&ring{generations: []*generation{g}}, seal.NewKey()", `&ring{generations: []*generation{g}}, seal.DeriveKey(v.id[:], "one for all", nil)`},
		{"vault/keyring.go", "if !ok || subtle.ConstantTimeCompare(k.Keyring, digest[:]) != 1 {", "if !ok || false && subtle.ConstantTimeCompare(k.Keyring, digest[:]) != 1 {"},
		{"vault/turn.go", "h.compare(known.heads)", "h.compare(nil)"},
	}},
	{"B6", "the digest of a deposit in its line", "vault", inVault("B6"), []edit{
		{"vault/admit.go", "if err != nil || hex.EncodeToString(digest[:]) != l.digest { // B6", "if false && (err != nil || hex.EncodeToString(digest[:]) != l.digest) {"},
	}},
	{"B6", "the digest of a deposit in its line, where there is another, and the line and the item from what it is bound to", "vault", inVault("B6"), []edit{
		{"vault/admit.go", "if err != nil || hex.EncodeToString(digest[:]) != l.digest { // B6", "if err != nil || false && hex.EncodeToString(digest[:]) != l.digest {"},
		{"vault/inbox.go", "if err != nil || clear.Line != line {", "if err != nil {"},
		{"vault/inbox.go", "gen.inbox.Open(id.depositContext(c, clear.Generation, line), stored)", "gen.inbox.Open(id.depositContext(c, clear.Generation, clear.Line), stored)"},
		{"vault/admit.go", "if it.ID != l.item {", "if false {"},
	}},
	{"B7", "the questions who signed a deposit, and who its origin", "vault", inVault("B7"), []edit{
		{"vault/admit.go", "err = by.check(it.Origin.By, o.body.Origin, originContext(t.v.id, it.ID), origin)", "_ = origin"},
		{"vault/admit.go", "err == nil && l.act == ActLeft && it.Origin.By != l.actor", "false"},
		{"vault/admit.go", "err := by.check(l.actor, o.body.Author, revisionContext(t.v.id, it.ID, it.Revision), o.body.Facts)", "err := func(authors) error { return nil }(by)"},
	}},
	{"B7", "the question whether anything was allowed when it was left", "vault", inVault("B7"), []edit{
		{"vault/admit.go", "if allowed, err := t.allowed(b, l); err != nil || !allowed {", "if allowed, err := t.allowed(b, l); err != nil || false && !allowed {"},
	}},
	{"B7", "the question whether such an item is there", "vault", inVault("B7"), []edit{
		{"vault/admit.go", "if _, _, found, err := t.lookup(c, it.ID); err != nil || found {", "if _, _, found, err := t.lookup(c, it.ID); err != nil || found && false {"},
	}},
	{"C1", "the comparison with the witness's versions", "vault", inVault("C1"), []edit{
		{"vault/turn.go", `case later(mark, now):
		return ErrStale`, "case later(mark, now):"},
		{"vault/keyslot.go", "check.refused = ErrStale // C1, C3: an older owner side", ""},
	}},
	{"C2", "the comparison with the witness's digests", "vault", inVault("C2"), []edit{
		{"vault/turn.go", "sameVersion(now, mark) && now.Hash != mark.Hash:", "sameVersion(now, mark) && false:"},
	}},
	{"C3", "the new keys after a change of a secret that others may know", "vault", inVault("C3"), []edit{
		{"vault/password.go", "if c.KnownToOthers {", "if false {"},
	}},
	{"C5", "the comparison with the witness's versions", "vault", inVault("C5"), []edit{
		{"vault/turn.go", `case later(mark, now):
		return ErrStale`, "case later(mark, now):"},
		{"vault/keyslot.go", "check.refused = ErrStale // C1, C3: an older owner side", ""},
	}},
	{"C6", "the counter at the witness: each service counts for itself", "vault", inVault("C6"), []edit{
		{"vault/unlock.go", "p.tries, err = s.cfg.Limiter.Count(waits, check.id, check.counter)", `_, err = waits, errors.New("nobody is asked")`},
	}},
	{"C7", "the limit on tries while the witness is away", "vault", inVault("C7"), []edit{
		{"vault/unlock.go", "p.tries.Wait = s.away.count(check.counter)", ""},
	}},
	{"C8", "the comparison of the store's heads with those of the statement", "vault", inVault("C8"), []edit{
		{"vault/restore.go", "if hash != stated.Hash {", "if false && hash != stated.Hash {"},
		{"vault/restore.go", "if version != stated.Version {", "if false && version != stated.Version {"},
	}},
	{"C8", "the restore epoch in the heads", "vault", "^TestHeadsOfAnEpochThatWasLeftBehindAreStale$", []edit{
		{"vault/heads.go", "if h.journal.Restore != h.owner.Restore {", "if false {"},
		{"vault/heads.go", "if ix.restore != h.owner.Restore {", "if false {"},
	}},
	{"C8", "the owner head of the secret, held against that of the restore", "vault", "^TestNoOldOwnerSideIsTakenOverIntoANewEpoch$", []edit{
		{"vault/restore.go", "if !slices.Equal(raw[Owner], proved) {", "if false {"},
	}},
	{"C8", "the vault's key, held against the owner head that a witness returns", "vault", "^TestAWitnessThatLiesInARestoreDestroysNothing$", []edit{
		{"vault/putback.go", "if stored != nil && !kept.Trusts(stored.Key) {", "if false {"},
	}},
	{"C8", "the mark that keeps people out until the witness was asked", "vault/backup", "^TestAfterARestoreNobodySignsInBeforeTheWitnessWasAsked$", []edit{
		{"vault/backup/restore.go", `if mark := vault.AwaitKey(r.Key); mark != "" {`, `if mark := vault.AwaitKey(r.Key); false {`},
	}},
}
