package main

// onTheRest are the defences of the journal, the key service and the stored forms.
var onTheRest = []mutation{
	{"RM7", "only a relay that follows the person tells them something", "consent", "TestACentreThatDoesNotFollowTellsNothing", []edit{
		{"vault/remind.go", "if err := t.toldBy(c); err != nil {", "if err := t.toldBy(c); false && err != nil {"}}},
	{"RM7", "a relay that follows no more tells nothing", "consent", "TestACentreThatDoesNotFollowTellsNothing", []edit{
		{"vault/grants.go", "if err := t.endTold(ID(k.Holder)); err != nil {", "if err := error(nil); err != nil {"}}},
	{"RM11", "a list that is whole when its day begins", "consent", "TestAListIsWholeWhenTheDayBegins", []edit{
		{"vault/remind_when.go", "case by == ByRelay: //", "case false: //"}}},
	{"RM13", "the taking away of what the list says of an appointment that is moved or cancelled", "consent", "TestWhatIsNoneAnyMoreLeavesTheListAtOnce", []edit{
		{"vault/turn.go", "v.service.recalled(ctx, done.recalls)", "v.service.recalled(ctx, nil)"}}},
	{"RM12", "the reminder that comes although its hour was over", "vault", "TestAReminderThatIsChosenTooLateStillComes", []edit{
		{"vault/remind_when.go", "if b.begins().Sub(soon) >= worthwhile {", "if false {"}}},
	{"RM10", "that mail is sent encrypted or not at all", "refserver/post", "TestNothingIsSentToAServerThatOffersNoEncryption", []edit{
		{"refserver/post/mail.go", "} else if !remote.Addr().Unmap().IsLoopback() {", "} else if false && !remote.Addr().Unmap().IsLoopback() {"}}},
	{"EV5", "the look at the very address that is connected to", "refserver/outbound", "TestANameThatLeadsInsideTheSecondTimeReachesNobody", []edit{
		{"refserver/outbound/outbound.go", "if err != nil || !c.opts.reaches(at.Addr()) {", "if err != nil {"}}},
	{"RM8", "what a restore knows of reminders that were sent since", "vault", "TestARestoreSendsNothingOld", []edit{
		{"vault/remind_when.go", "	if back {", "	if false && back {"}}},
	{"RM9", "the end of reminders with the keys", "vault", "TestRemindersEndWithARecovery", []edit{
		{"vault/rotate.go", "	t.tx.Delete(t.v.id.remind()) // who had the old keys may have the phone\n", ""}}},
	{"RM1", "the leap by which a consent to reminders is stale", "vault", "TestNothingIsSentAfterTheConsentEnded", []edit{
		{"vault/remind_record.go", " || head.Version-b.Version >= wishAhead", ""},
	}},
	{"CO1", "what was brought is counted apart from what was kept", "consent", "TestEachActIsCountedOnceAndUnderOneThing", []edit{
		{"vault/tally.go", `e.Detail["for"] == "import"`, `false && e.Detail["for"] == "import"`}}},
	{"CO2", "a part that is unsaid beside its whole", "consent", "TestAPartIsNotSaidBesideItsWholeWhereTheRestIsSmall", []edit{
		{"consent/account.go", "case whole < 2*LeastCount || rest < LeastCount:", "case false:"}}},
	{"CO2", "one way back in that is unsaid where another is rare", "recovery", "TestNoNumberBelowTenCanBeReckonedFromTheOthers", []edit{
		{"recovery/counts.go", "return rare[month] && completed[month] >= consent.LeastCount }", "return false }"}}},
	{"CO2", "how many were opened, where it would tell how many were completed", "recovery", "TestNoNumberBelowTenCanBeReckonedFromTheOthers", []edit{
		{"recovery/counts.go", "case hidden, opened", "case opened"}}},
	{"CO4", "that a sweep puts also the counts of this month together", "consent", "TestAfterASweepNoCountLeadsToASpaceByItsVersion", []edit{
		{"consent/monthly.go", "if len(parts) != 4 {\n\t\t\tcontinue", "if len(parts) != 4 || parts[1] >= s.cfg.Directory.Month(s.now()) {\n\t\t\tcontinue"}}},
	{"CO3", "the look at what a store says was counted", "consent", "TestAStorePutsNoWordsIntoCounts", []edit{
		{"consent/monthly.go", " || !slices.Contains(CountedCodes(), Counted(parts[2])) || !isMonth(parts[1])", ""}}},
	{"EV2", "the end of the hour before an event is given out", "vault", "TestNoEventSaysOfWhom", []edit{
		{"vault/events.go", "if hour >= now {", "if hour > now {"},
	}},
	{"EV3", "the look at what a store says is an event", "vault", "TestAStorePutsNoWordsIntoEvents", []edit{
		{"vault/events.go", " || !slices.Contains(EventTypes(), EventType(parts[1]))", " || !slices.Contains(append(EventTypes(), EventType(parts[1])), EventType(parts[1]))"},
	}},
	{"G1", "the chain of the journal", "vault", inVault("G1"), []edit{
		{"vault/journal.go", "if !slices.Equal(sum[:], digest) {", "if false && !slices.Equal(sum[:], digest) {"},
	}},
	{"G2", "the journal among the checkpoints", "vault", inVault("G2"), []edit{
		{"vault/turn.go", `	for _, now := range h.checkpoints() {
`, `	for _, now := range h.checkpoints() {
		if now.Head == headJournal {
			continue
		}
`},
	}},
	{"G3", "the signature of each line", "vault", inVault("G3"), []edit{
		{"vault/journal.go", "if err := by.check(f.Actor, s, c, body.Facts); err != nil {", "if err := by.check(f.Actor, s, c, body.Facts); false && err != nil {"},
	}},
	{"G4", "the line in the journal before the first byte", "vault", inVault("G4"), []edit{
		{"vault/content.go", `	r, err := v.announce(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	return v.content(ctx, r)`, `	r, err := v.announce(ctx, id, nil)
	if r == nil {
		return nil, err
	}
	return v.content(ctx, r)`},
	}},
	{"G5", "the chain of the journal, and the refusal of a line that does not open", "vault", inVault("G5"), []edit{
		{"vault/journal.go", "if !slices.Equal(sum[:], digest) {", "if false && !slices.Equal(sum[:], digest) {"},
		{"vault/journal.go", `				e, err := openEntry(v.id, n, records[i].Value, ring, by)
				if err != nil {
					return out, err
				}
`, `				e, err := openEntry(v.id, n, records[i].Value, ring, by)
				if err != nil {
					continue
				}
`},
	}},
	{"G6", "the apostrophe before what a spreadsheet would run", "vault", inVault("G6"), []edit{
		{"vault/export_tables.go", "row[i] = harmlessCell(row[i])", "_ = row[i]"},
	}},
	{"N70", "the sender's word in the box of a bundle that moves here", "vault", "^TestWhoHasTheTicketButNotTheCodeSendsNothingThatOpens$", []edit{
		{"vault/transfer_arrived.go", " || body.Sender != k.sender { // N70", " { // N70"},
	}},
	{"N73", "that what was taken in is not sent once more", "vault", "^TestABundleThatWasTakenInIsNotSentOnceMore$", []edit{
		{"vault/transfer_record.go", "	if b.Receipt != nil {\n", "	if false {\n"},
	}},
	{"N71", "the comparison of the new vault's keys with its code", "vault", "^TestABundleIsSealedToNoOtherKeyThanTheCodes$", []edit{
		{"vault/transfer_departure.go", "subtle.ConstantTimeCompare(digest[:], code.keys[:]) != 1", "subtle.ConstantTimeCompare(digest[:], code.keys[:]) > 1"},
	}},
	{"N72", "the digest of what moves here", "vault", "^TestAnAlteredBundleIsThrownAwayAndSentAgain$", []edit{
		{"vault/transfer_service.go", "wrong = nil; b.complete() && !bytes", "wrong = nil; false && !bytes"},
	}},
	{"N73", "the refusal of a second bundle under one code", "vault", "^TestWhoHasTheTicketButNotTheCodeSendsNothingThatOpens$", []edit{
		{"vault/transfer_service.go", "if !b.sameOffer(o) {", "if false {"},
	}},
	{"N75", "the comparison of a receipt with what was sent", "vault", "^TestAReceiptOfAnotherBundleConfirmsNothing$", []edit{
		{"vault/transfer_departure.go", "if r.Digest != d.Bundle || r.To != d.Where {", "if false {"},
	}},
	{"N74", "the secret, once more, before everything is carried away", "refserver/api", "^TestAMoveAwayAsksForTheSecret$", []edit{
		{"refserver/api/moving.go", "registerPerson(a, begin, lately(a.depart))", "registerPerson(a, begin, a.depart)"},
	}},
	{"N76", "the deleting of what came by a code, with its end", "vault", "^TestNothingOfAMoveLiesThereWhenItHasEnded$", []edit{
		{"vault/transfer_service.go", "func (s *Vaults) forgetParts(ctx context.Context, parts []part) {", "func (s *Vaults) forgetParts(ctx context.Context, parts []part) {\n\tparts = nil"},
	}},
	{"H1", "the place inside what the key service encrypts", "internal/seal", inSeal("H1"), []edit{
		{"internal/seal/keeper.go", "padded, ok := bytes.CutPrefix(plaintext, inside)", "padded, ok := plaintext[min(len(inside), len(plaintext)):], !bytes.Equal(nil, inside)"},
	}},
	{"H2", "the refusal of a key service that does not open the service's keys: new ones are made", "vault", inVault("H2"), []edit{
		{"vault/servicekeys.go", `return nil, fmt.Errorf("%w: it does not open this store's own keys; was it started with another key file?", ErrKeyService)`, `if record, err = newServiceKeys(ctx, keeper); err != nil {
			return nil, err
		}
		return parseServiceKeys(ctx, record, keeper)`},
	}},
	{"H3", "the difference between a key service that is away and one that refuses", "vault", inVault("H3"), []edit{
		{"vault/keyslot.go", "if err != nil && Code(err) != Code(ErrTampered) {", "if false {"},
	}},
	{"I1", "the length before each field of what is bound", "internal/seal", inSeal("I1"), []edit{
		{"internal/seal/context.go", `	b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
`, ""},
	}},
	{"I2", "the comparison with the one encoding", "internal/seal", inSeal("I2"), []edit{
		{"internal/seal/cbor.go", "if err != nil || !bytes.Equal(again, b) {", "if err != nil || false && !bytes.Equal(again, b) {"},
	}},
	{"I3", "the type from what everything is bound to, and its comparison", "internal/seal", inSeal("I3"), []edit{
		{"internal/seal/context.go", "b = binary.BigEndian.AppendUint16(b, uint16(c.Type))", "b = binary.BigEndian.AppendUint16(b, 0)"},
		{"internal/seal/envelope.go", "if e.typ != c.Type {", "if false {"},
	}},
	{"LK2", "the journal that a count of uses belongs to", "vault", inVault("LK2"), []edit{
		{"vault/link_record.go", "u.Count == t.heads.journal.Count && bytes.Equal(u.Last, t.heads.journal.Last) {", "true {"},
	}},
	{"LK3", "the digest of a link in the owner head", "vault", inVault("LK3"), []edit{
		{"vault/guest.go", "if !isListed(owner, g.digest) || owner.Erased != 0", "if owner.Erased != 0"},
	}},
	{"LK6", "the link that a deposit was left by, held against its author", "vault", inVault("LK6"), []edit{
		{"vault/link.go", " || l.act != ActLeft || l.actor.ID != l.grant:", " || l.act != ActLeft:"},
	}},
	{"LK7", "the share of the space that strangers may fill", "vault", "^TestAFloodByOneLinkLeavesThePersonsSpaceAlone$", []edit{
		{"vault/link_inbox.go", " || u.Left+bytes > t.share(space) {", " || u.Left+bytes > 1000*t.share(space) {"},
	}},
	{"LK7", "the number of uploads by links that go on at a time", "vault", "^TestSendersWhoNeverEndKeepNoPlaceOfThePersons$", []edit{
		{"vault/link_inbox.go", "if count > maxLinkUploads || ", "if count > 1000*maxLinkUploads || "},
	}},
	{"LK10", "what was in force when the lines of the inbox were read", "vault", "^TestWhatWasLeftIsTakenInAlsoIfItsSenderIsEndedMeanwhile$", []edit{
		{"vault/link.go", "k.Ended == 0 || b.in.open[l.grant] || l.at", "k.Ended == 0 || l.at"},
	}},
	{"LK10", "the same of grants", "vault", "^TestWhatWasLeftIsTakenInAlsoIfItsSenderIsEndedMeanwhile$", []edit{
		{"vault/admit.go", "k.Ended == 0 || in.open[l.grant] || l.at", "k.Ended == 0 || l.at"},
	}},
	{"LK11", "that small pictures give no room to strangers", "vault", "^TestWhatThePersonAddsToThingsOfStrangersGivesNoRoomToThem$", []edit{
		{"vault/link_kept.go", "return r.stored + partBytes(r.parts)", "return r.stored + r.blobBytes()"},
	}},
	{"LK11", "what was kept one by one, whose room is given back once", "vault", "^TestWhatAStrangerLeftIsKeptOneByOneAndGivesItsRoomBackOnce$", []edit{
		{"vault/link_kept.go", " && !slices.Contains(l.apart, [16]byte(id))", " && (true || !slices.Contains(l.apart, [16]byte(id)))"},
	}},
	{"LK9", "the deleting of where a link leads, with the keys of its vault", "vault", "^TestAnErasedVaultsLinkIsAsOneThatNeverWas$", []edit{
		{"vault/erase.go", "if err := dropLead(tx, id, r.Key); err != nil {", "if err := dropLead(tx, id, \"\"); err != nil {"},
	}},
	{"LK9", "the deleting of grants before links, however many there are", "vault", "^TestAGrantIsGoneWithTheKeysHoweverManyLinksThereAre$", []edit{
		{"vault/erase.go", `"g/", "ln/", "h/", "s/", "n/"`, `"ln/", "h/", "s/", "g/", "n/"`},
	}},
	{"LK9", "the same by the sweeper", "vault", "^TestTheSweeperLeavesNothingThatLeadsToAnErasedVault$", []edit{
		{"vault/sweep.go", "s.dropLeads(ctx, id, keys)", "s.dropLeads(ctx, id, nil)"},
	}},
	{"LK9", "the same after a restore", "vault", "^TestABackupBringsNothingBackThatLeadsToALinkThatIsOver$", []edit{
		{"vault/putback.go", "s.dropLeads(ctx, id, deleted(batch))", "s.dropLeads(ctx, id, nil)"},
	}},
	{"I4", "the comparison with the one spelling", "vault", inVault("I4"), []edit{
		{"vault/ids.go", " || idText.EncodeToString(b) != s {", " {"},
	}},
}
