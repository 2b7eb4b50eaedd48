package main

// inConsent is where attacks on relays, workers and consent are played.
func inConsent(name string) string { return "^TestAttack$/^" + name + "$" }

// onConsent are the defences of relays, workers and consent.
var onConsent = []mutation{
	{"A2", "the vault from what a receipt is bound to, and the comparison of its fields with what is signed", "consent", inConsent("A2_receipt_of_another"), []edit{
		{"consent/receipt.go", "seal.Context{Type: seal.TypeReceipt, Vault: principal, Object: []byte(id)}", "seal.Context{Type: seal.TypeReceipt, Object: []byte(id)}"},
		{"consent/receipt.go", "if err != nil || !bytes.Equal(signed, body) || r.Schema", "if err != nil || body == nil || signed == nil || r.Schema"},
	}},
	{"A2", "the comparison of a receipt's fields with what is signed", "consent", "^TestAReceiptThatWasChangedIsRefused$", []edit{
		{"consent/receipt.go", "if err != nil || !bytes.Equal(signed, body) || r.Schema", "if err != nil || body == nil || signed == nil || r.Schema"},
	}},
	{"A8", "the refusal of names with what cannot be seen or reverses others", "consent", "^TestNamesThatDeceiveAreRefused", []edit{
		{"consent/entries_check.go", "case strings.ContainsFunc(s, hidden) || safename.Text(s) != s:", "case false && strings.ContainsFunc(s, hidden):"},
		{"consent/entries_check.go", "case cleanText(s) != s || safename.Line(s) != s:", "case false && (cleanText(s) != s || safename.Line(s) != s):"},
	}},
	{"C4", "the credential from the terms of a membership", "consent", inConsent("C4_old_credential"), []edit{
		{"consent/worker.go", "if terms.Scope != vault.ScopeTeam || !bytes.Equal(terms.Subject, subject(p.credential)) {", "if terms.Scope != vault.ScopeTeam {"},
	}},
	{"C4", "the comparison of a relay's head with the witness's versions", "consent", inConsent("C4_old_relay_head"), []edit{
		{"consent/directory_memory.go", "	case later(highest, c):", "	case false && later(highest, c):"},
	}},
	{"D1", "the comparison of the fingerprint with the key that is let in", "consent", "^TestTheManagerLetsInOnlyTheKeyThatWasReadAloud$", []edit{
		{"consent/team_join.go", "if !SameFingerprint(a.Fingerprint, RelayKey(r.key)) {", "if false {"},
	}},
	{"D1", "who asks from what a request is bound to, and the look at their own space", "consent", inConsent("D1_worker_key_before_let_in"), []edit{
		{"consent/team_join.go", "seal.Context{Type: seal.TypeNote, Vault: worker, Object: relay[:]}", "seal.Context{Type: seal.TypeNote, Object: relay[:]}"},
		{"consent/team_join.go", "seal.Context{Type: seal.TypeNote, Vault: relay, Holder: worker[:]}", "seal.Context{Type: seal.TypeNote, Vault: relay}"},
		{"consent/team_join.go", "now, err := p.service().cfg.Register.worker(ctx, id, a.Key)", "now, err := vault.HolderKeys{Key: a.Key}, error(nil)"},
	}},
	{"D1", "whom the head of a space trusts", "consent", inConsent("D1_relay_key_before_contact"), []edit{
		{"consent/heads.go", "if !h.Trusts(pinned) {", "if false {"},
		{"consent/heads.go", "if !bytes.Equal(h.Key, pinned) && later(c, v.told) {", "if false && !bytes.Equal(h.Key, pinned) && later(c, v.told) {"},
	}},
	{"D1", "the witness's word on a key that follows another", "consent", inConsent("D1_former_relay_key"), []edit{
		{"consent/heads.go", "if !bytes.Equal(h.Key, pinned) && later(c, v.told) {", "if false && !bytes.Equal(h.Key, pinned) && later(c, v.told) {"},
	}},
	{"D1", "the comparison of the key on a worker's screen with that of their credential", "consent", "^TestAVisitIsForTheKeyOnTheScreen$", []edit{
		{"consent/visit.go", "if member.Worker != c.Worker || member.Relay != c.Relay || !bytes.Equal(member.Key, c.Key[:]) {", "if member.Worker != c.Worker || member.Relay != c.Relay || bytes.Equal(nil, c.Key[:]) {"},
	}},
	{"D3", "the signature of a credential", "consent", inConsent("D3_forged_credential"), []edit{
		{"internal/seal/credential.go", "signed, err := OpenSigned(c.Key, CredentialContext(c.Relay, c.Worker), c.Signed)", "_, signed, err := ParseClear(c.Signed)"},
	}},
	{"D3", "the signature of a note", "consent", inConsent("D3_forged_note"), []edit{
		{"consent/note.go", "said, err := seal.OpenSigned(n.Key, noteSigned(n.Vault, holder, id), n.Said)", "_, said, err := seal.ParseClear(n.Said)"},
	}},
	{"D3", "the question whether a relay's key signed a credential", "consent", inConsent("D3_forged_credential"), []edit{
		{"consent/register.go", "if h.Kind != seal.KindRelay || !h.Trusts(key) {", "if h.Kind != seal.KindRelay {"},
	}},
	{"D3", "the look at the roles in a credential", "consent", inConsent("D3_forged_credential"), []edit{
		{"consent/member.go", "if err != nil || Role(b.Roles).check() != nil {", "if err != nil {"},
	}},
	{"D4", "the pin of a person's key at the relay", "consent", inConsent("D4_vault_key_for_a_relay"), []edit{
		{"consent/open.go", "	g.Pinned = o.Pinned\n", ""},
		{"vault/guest.go", "if err := seen.compareOwner(known.heads); err != nil {", "if err := seen.compareOwner(known.heads); false && err != nil {"},
		{"vault/guest.go", "if pinned == nil || !slices.Equal(h.Key, pinned) {", "if false {"},
		{"vault/guest.go", "if err := h.compareOwner(known.heads); err != nil {", "if err := h.compareOwner(known.heads); false && err != nil {"},
		{"vault/guest.go", "if err := h.compare(known.heads); err != nil {", "if err := h.compare(known.heads); false && err != nil {"},
	}},
	{"D7", "the look at the key in a credential", "consent", inConsent("D7_keys_that_are_none"), []edit{
		{"internal/seal/credential.go", "return c, b, CheckPublic(b.Key)", "return c, b, nil"},
	}},
	{"D8", "the comparison of a membership with whose it is", "consent", inConsent("D8_wrap_of_another_worker"), []edit{
		{"consent/worker.go", "if member.Relay != id || member.Worker != w.ID() {", "if false {"},
	}},
	{"G3", "the question in each commit whether the relay is still in the directory", "consent", "^TestARelayThatTheAuthorityWithdrawsIsRefusedAtOnce$", []edit{
		{"consent/register.go", "if err == nil && relay.Withdrawn != \"\" {", "if false && relay.Withdrawn != \"\" {"},
	}},
	{"N7", "the end of what a session had open when it opens another", "consent", "^TestAWorkersSessionHasOneVaultOpenAtATime$", []edit{
		{"consent/open.go", "if errors.Is(err, storage.ErrNotFound) || err == nil && !bytes.Equal(rec.Value, record) {", "if errors.Is(err, storage.ErrNotFound) || false && !bytes.Equal(rec.Value, record) {"},
	}},
	{"N7", "the refusal of who only manages", "consent", "^TestWhoOnlyManagesOpensNobody$", []edit{
		{"consent/post.go", "	if !p.member.Roles.Has(RoleHelp) {\n		return vault.ErrNotAllowed\n	}\n", ""},
		{"consent/post.go", "standing = func(context.Context, *storage.Tx, time.Time) error { return vault.ErrNotAllowed }", "_ = p"},
	}},
	{"N7", "the question in each commit whether a worker is still one of the relay's", "consent", "^TestASuspendedWorkerReadsNoFurther$", []edit{
		{"consent/post.go", "	standing := p.space.Standing()\n	if !p.member", "	standing := vault.Standing(func(context.Context, *storage.Tx, time.Time) error { return nil })\n	if !p.member"},
	}},
	{"N7", "the end of a code with its use", "consent", "^TestAnInvitationIsGoodOnceForSevenDaysAndForItsRelay$", []edit{
		{"consent/team_invite.go", "	deletePassing(tx, key, fromUnixMilli(i.Until))\n	if", "	if"},
	}},
	{"N7", "the time of a code", "consent", "^TestAnInvitationIsGoodOnceForSevenDaysAndForItsRelay$", []edit{
		{"consent/team_invite.go", "	if seal.Unmarshal(rec.Value, &i) != nil || i.Until <= s.now().UnixMilli() {\n		return i, ErrInvitation", "	if seal.Unmarshal(rec.Value, &i) != nil {\n		return i, ErrInvitation"},
	}},
	{"N7", "the end of a code that is taken back", "consent", "^TestACodeThatIsTakenBackLetsNobodyAskAlsoNotAtTheSameMoment$", []edit{
		{"consent/team_invited.go", "	return s.spend(tx, i.key, used)", "	tx.Delete(labelKey(p.relay.ID, i.key))\n	_ = used\n	return nil"},
	}},
	{"N7", "the second factor of workers", "consent", "^TestWorkersHaveASecondFactor$", []edit{
		{"consent/worker.go", "if err == nil && !has {", "if false && !has {"},
	}},
	{"N7", "the purpose without which nobody is opened", "consent", "^TestAPurposeIsSaid$", []edit{
		{"consent/open.go", "	if err := why.check(); err != nil {\n		return nil, err\n	}\n	one, err", "	one, err"},
	}},
	{"N7", "the yes without which nobody is let in", "consent", "^TestNothingIsGivenWithoutAClearYes$", []edit{
		{"consent/follow.go", "	if !agreed {", "	if false {"},
	}},
	{"N20", "the hours by which what is swept lies apart", "consent", "^TestWhatIsToBeSweptDoesNotTellWhoLetsWhomIn$", []edit{
		{"consent/note.go", "return end.Add(time.Duration(1+binary.BigEndian.Uint16(draw[:])%24) * time.Hour)", "return end.Add(0 * time.Duration(binary.BigEndian.Uint16(draw[:])))"},
	}},
	{"N50", "the relay and the role from whom a key for attestations is believed", "consent", "^TestNobodyAttestsInTheNameOfARelayThatIsNotTheirs$", []edit{
		{"consent/attest_key.go", "if m.Relay != relay || !m.Roles.Has(RoleHelp) || seal.Unmarshal", "if m.Relay.IsZero() || seal.Unmarshal"},
	}},
	{"N50", "the question for which relay a key signed", "consent", "^TestNobodyAttestsInTheNameOfARelayThatIsNotTheirs$", []edit{
		{"consent/attest_check.go", "if claims[\"iss\"] != relay.String() || err != nil", "if err != nil"},
	}},
	{"N79", "the days for which a key for attestations speaks", "consent", "^TestAKeptKeyAttestsNothingOfAnotherTime$", []edit{
		{"consent/attest_check.go", "if day := string(a.Day); err == nil && (day < public.Since || public.Until != \"\" && day > public.Until) {", "if false {"},
	}},
	{"N79", "the end of a key for attestations with the relay's other keys", "consent", "^TestAKeptKeyAttestsNothingOfAnotherTime$", []edit{
		{"consent/team_keys.go", "if err := p.endAttestKeys(ctx); err != nil { // before", "if false { // before"},
	}},
	{"N102", "that a key that is none has no end, and keeps nobody out", "consent", "^TestAJunkKeyForAttestationsLocksNobodyOut$", []edit{
		{"consent/attest_end.go", "if own, ok := d.own(); ok {", "if own, _ := d.own(); true {"},
	}},
	{"N81", "the key's own word for its end", "consent", "^TestWhoLeftEndsNoKeyThatWasMadeSince$", []edit{
		{"consent/attest_end.go", "if err != nil || said[\"iss\"] != relay.String() || said[\"until\"]", "if said[\"iss\"] != \"\" && said[\"until\"]"},
	}},
	{"N81", "an end that is written over what is none", "consent", "^TestJunkHidesNoEndOfAKey$", []edit{
		{"consent/attest_end.go", "err != nil || before != 0 {", "err != nil || before >= 0 {"},
	}},
	{"N60", "whose request a token is", "consent", "^TestAttackOnPartners$", []edit{
		{"consent/partner.go", "|| a.Partner != o.partner.ID) ||", "|| false) ||"},
	}},
	{"N60", "the end of a code with its use", "consent", "^TestACodeReachesOneVaultOnce$", []edit{
		{"consent/partner.go", "vaults.DropSlip(tx, slipCode, code)", ""},
	}},
	{"N61", "the refusal of what is private", "consent", "^TestNothingThatIsPrivateIsPresented$", []edit{
		{"vault/partner.go", "if r.item.Compartment != Shared {", "if false {"},
	}},
	{"N62", "the question whether a partner still is one, in the commit", "consent", "^TestAttackOnPartners$", []edit{
		{"consent/partner_directory.go", "if err == nil && !p.may(scope, s.today()) {\n\t\treturn vault.ErrEnded", "if err == nil && !p.may(scope, s.today()) && false {\n\t\treturn vault.ErrEnded"},
	}},
	{"N63", "the count of tries before traits are compared", "consent", "^TestTraitsAreTriedFiveTimes$", []edit{
		{"consent/partner_link.go", "r.Tries++", "_ = r"},
	}},
	{"N64", "the memory of assertions that were used", "consent", "^TestAnAssertionOpensAnOfficeOnce$", []edit{
		{"consent/partner_token.go", "case err == nil:\n\t\t\treturn vault.ErrRepeated", "case err == nil:\n\t\t\treturn nil"},
	}},
	{"N65", "the end of a token with the key that it was given to", "consent", "^TestATokenOfAPartnerEnds$", []edit{
		{"consent/partner_token.go", "!bytes.Equal(slip.Key, o.partner.Key[:])", "len(slip.Key) == 0 && bytes.Equal(nil, raw)"},
	}},
	{"N66", "the count of codes before they are looked up", "consent", "^TestCodesGuessedAtOnceAreFive$", []edit{
		{"consent/partner_limits.go", "if t.Count >= mostWrongCodes {", "if false {"},
	}},
	{"N66", "the places that one link takes", "consent", "^TestAPartnerWithALinkKeepsNoPlaceOfOthers$", []edit{
		{"consent/partner_limits.go", "if len(p.Open) >= mostAsksByLink {", "if false {"},
	}},
	{"N67", "the number of times that something is fetched", "consent", "^TestFetchingAgainAndAgainEnds$", []edit{
		{"consent/partner_limits.go", "if int(t.Count) >= mostTakes*(1+len(a.Papers)) {", "if false {"},
	}},
	{"N77", "whose link it is by which something is left", "consent", "^TestAttackOnPartners$", []edit{
		{"consent/partner_leave.go", "|| l.Partner != o.partner.ID) {", "|| false) {"},
	}},
	{"N77", "the end of the vault's own link when a partner may leave nothing more", "consent", "^TestAttackOnPartners$", []edit{
		{"consent/partner_leave.go", "if err := of.End(id, before...); err != nil || also == nil {", "if err := error(nil); err != nil || also == nil {"},
	}},
	{"N77", "the question whether a partner still may leave something, in the commit", "consent", "^TestWhatEndsWhileAPartnerLeavesSomethingEndsIt$", []edit{
		{"consent/partner_leave.go", "return o.standsToLeave(ctx, tx, link, raw)", "return nil"},
	}},
	{"N78", "the one link of a partner to leave something, for all its files", "consent", "^TestAPartnerLeavesSoMuchInADay$", []edit{
		{"consent/partner_leave.go", "slices.ContainsFunc(now, func(l Leaving) bool { return l.Partner == id })", "len(now) > 99"},
		{"consent/partner_leave.go", "if all { //", "if false { //"},
	}},
	{"N51", "the comparison of a document with what was attested", "consent", "^TestAnAttestationOfAnotherPaperIsNotShown$", []edit{
		{"consent/attest_check.go", "if err == nil && !a.Of(it.Document.Digest) {", "if false {"},
	}},
}
