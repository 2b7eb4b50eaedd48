package main

// onRecovery are the defences of the ways back in.
var onRecovery = []mutation{
	{"C5", "the memory of counters that had a rule once", "recovery", inConsent("C5_path_that_was_withdrawn"), []edit{
		{"recovery/witness/policy.go", "return record.isDead(counter), nil", "return false && record.isDead(counter), nil"},
	}},
	{"E8", "the work for a number that nobody has", "recovery", inConsent("E8_hand_over_same_error_and_work"), []edit{
		{"recovery/handover.go", "r, found, err = &record{Salt: at.Object[:]}, false, nil // E8", "return nil, ErrCode"},
	}},
	{"F1", "the witness's function of the answers", "recovery", inConsent("F1_search_for_answers"), []edit{
		{"recovery/enrol.go", "n.Own, p.Generations = own[:], []uint64{generation}", "_ = own\n\tn.Own, p.Generations = input[:], []uint64{generation}"},
	}},
	{"F2", "the question for which keyslot a half was given", "recovery", inConsent("F2_halves_of_before"), []edit{
		{"recovery/handover.go", "h.forget(now.Slot)", "_ = now"},
	}},
	{"F2", "the comparison of a request's key with what its opening names", "recovery", inConsent("F2_request_with_another_key"), []edit{
		{"recovery/record.go", "!hmac.Equal(a.Key, digest[:])", "hmac.Equal(nil, digest[:])"},
	}},
	{"F3", "the absence of what was not wanted from a path's keyslot", "recovery", inConsent("F3_path_nobody_wanted"), []edit{
		{"vault/path.go", "continue // F3: what was not wanted does not exist", "b.private = parts{}"},
	}},
	{"F4", "the wait at the witness", "recovery", inConsent("F4_waits_cut_short"), []edit{
		{"recovery/witness/requests.go", "if wait := q.left(at, now); wait > 0 {", "if wait := q.left(at, now); false && wait > 0 {"},
	}},
	{"F4", "the end of a request at the witness", "recovery", inConsent("F4_cancel_skipped"), []edit{
		{"recovery/witness/request_record.go", "return q.Cancelled == 0 && now.UnixMilli() < q.Until", "return now.UnixMilli() < q.Until"},
	}},
	{"F4", "the question whether a request that waits for nothing has ended", "recovery", inConsent("F4_cancel_of_a_sheet_skipped"), []edit{
		{"recovery/complete.go", "if err == nil && ended {", "if false && err == nil && ended {"},
	}},
	{"F4", "the comparison of how long a request lasts with what who opened it has signed", "recovery", "^TestNoStoreMakesARequestLastLonger$", []edit{
		{"recovery/handover.go", "	if err := h.lasts(ctx); err != nil {\n		return err\n	}\n", ""},
	}},
	{"F5", "the line in the journal, in the commit that gives a half", "recovery", inConsent("F5_notice_suppressed"), []edit{
		{"vault/path_review.go", "		t.note(act, nil, detail)\n		return also(t.tx, Half{", "		return also(t.tx, Half{"},
	}},
	{"F6", "the question whether somebody has agreed already", "recovery", inConsent("F6_one_person_twice"), []edit{
		{"recovery/witness/request_record.go", "case a.Worker == by.Worker, bytes.Equal(a.Key, by.Key):", "case false:"},
	}},
	{"F7", "the vault from what an approval is bound to", "recovery", inConsent("F7_replayed_approvals"), []edit{
		{"internal/seal/approval.go", "return Context{Type: TypeApproval, Vault: vault, Object: request[:]}", "return Context{Type: TypeApproval, Object: request[:]}"},
	}},
	{"F8", "the end of the way back in whose place another takes", "recovery", inConsent("F8_used_twice"), []edit{
		{"vault/path_enrol.go", "	if err := t.dropPath(n.Kind); err != nil {\n		return err\n	}\n", ""},
	}},
	{"F8", "the end of a request that a recovery by another way overtook", "recovery", "^TestWhatWasReleasedForNobodyEndsWithARecoveryByAnotherWay$", []edit{
		{"recovery/witness/policy.go", "goesOn := waits && q.Served", "goesOn := (waits || true) && q.Served"},
	}},
	{"F9", "the refusal to evaluate within a request while a wait runs", "recovery", inConsent("F9_answers_at_once"), []edit{
		{"recovery/witness/requests.go", "	if tries.Wait > 0 || tries.Spent {\n		return e, nil\n	}\n", ""},
	}},
	{"F10", "the answer to a half that was altered: it is missing", "recovery", inConsent("F10_flipped_halves"), []edit{
		{"recovery/handover.go", "if errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey) {\n		return nil, false, nil", "if false {\n		return nil, false, nil"},
	}},
	{"F11", "the request from the counter of its code", "recovery", inConsent("F11_stranger_who_guesses_codes"), []edit{
		{"vault/helping.go", "string(id[:])+string(object[:])+string([]byte{part})", "string(id[:])+string([]byte{part})"},
	}},
	{"F12", "the desk's own part of the code", "recovery", inConsent("F12_helper_who_goes_on"), []edit{
		{"recovery/give.go", "if err == nil && kind == vault.PathHelpers && h.side == sideDesk {", "if false && err == nil && kind == vault.PathHelpers && h.side == sideDesk {"},
	}},
	{"F12", "the note to who helped, by which they stop what still waits for Private", "recovery", "^TestWhoHelpedStopsPrivatePapersAlthoughTheyWerePutOut$", []edit{
		{"recovery/later.go", "	for relay, keys := range helpers {", "	for relay, keys := range map[vault.ID]vault.HolderKeys(nil) {\n		_ = helpers"},
	}},
	{"F12", "the question whether private papers still wait, when a queue is read", "recovery", "^TestWhoHelpedStopsPrivatePapersAlthoughTheyWerePutOut$", []edit{
		{"recovery/describe.go", "	if n.State == recordDone && n.Later {", "	if false && n.State == recordDone && n.Later {"},
	}},
	{"F12", "the note to who helped, carried over to their present key when somebody has left them", "recovery", "^TestWhoHelpedStillStopsPrivatePapersWhenSomebodyHasLeftThem$", []edit{
		{"consent/team_rewrap.go", "errors.Join(p.carryQueue(ctx), p.carryTold(ctx))", "p.carryTold(ctx)"},
	}},
	{"F12", "the question whether somebody still works there, before they read a queue", "recovery", "^TestWhoHasLeftIsToldNothingAtAPostThatIsStillOpen$", []edit{
		{"recovery/describe.go", "	if err := stands(ctx, p); err != nil {\n		return nil, err\n	}\n", ""},
	}},
	{"F13", "the comparison of organisations", "recovery", inConsent("F13_one_organisation"), []edit{
		{"recovery/review.go", "now.desk == nil || r.Organisation != now.desk.Organisation)", "now.desk == nil || r.Organisation != consent.OrganisationID{})"},
		{"vault/path_policy.go", "d.inForce(t.now) && bytes.Equal(d.Organisation, g.Organisation)", "d.inForce(t.now) && bytes.Equal(d.Organisation, nil)"},
	}},
	{"F13", "the vault's own comparison of organisations", "recovery", inConsent("F13_one_organisation"), []edit{
		{"vault/path_policy.go", "d.inForce(t.now) && bytes.Equal(d.Organisation, g.Organisation)", "d.inForce(t.now) && bytes.Equal(d.Organisation, nil)"},
	}},
}
