package main

// onGuests are the defences of grants, visits, held keyslots and cards.
var onGuests = []mutation{
	{"C6", "the refusal to seal a card under no answer of the witness", "vault", "^TestNoCardIsSealedUnderARefusal$", []edit{
		{"vault/card.go", "if e.Generation == 0 { // a slot under a refusal would need no PIN", "if false {"},
	}},
	{"C7", "the refusal of a card while the witness is away", "vault", "^TestAttack$/^C7_card_with_witness_away$/^memory$", []edit{
		{"vault/card_signin.go", "	if p.away {\n		return nil, nil, ErrWitnessAway\n	}\n", ""},
		{"vault/card_signin.go", "	return Evaluation{}, ErrWitnessAway\n", "	return Evaluation{}, ErrSignIn\n"},
	}},
	{"D2", "the pin that a hidden paper may hold", "vault", "^TestAHiddenPinIsNoFirstContact$", []edit{
		{"vault/grants_give.go", "if known == nil && n.Key == nil && lost {", "if false && lost {"},
	}},
	{"D5", "the refusal to let anybody into everything of a person", "vault", "^TestAttack$/^D5_rotation_to_another_key$/^memory$", []edit{
		{"vault/held.go", "if t.heads.owner.Kind != seal.KindRelay {", "if false {"},
	}},
	{"N2", "the loss of the new roots for who is taken out", "vault", "^TestAManagerOpensTheRelayWithTheirOwnKeysUntilTheyLeave$", []edit{
		{"vault/held.go", "if s.altered || without != nil && s.holds(*without) {", "if s.altered {"},
	}},
	{"F8", "the end of cards with a change of the keys", "vault", "^TestAChangeOfKeysMakesTheCardOneToPrintAnew$", []edit{
		{"vault/rotate.go", "t.dropSlots(slotCard) // it holds the old roots: to be printed anew (G21)", "_ = slotCard"},
	}},
	{"F9", "the wait that the witness demands of a card", "vault", "^TestAttack$/^F9_guesses_at_once_at_a_card$/^memory$", []edit{
		{"vault/card_signin.go", "if p.tries = e.Tries; p.tries.Wait > 0 {", "if p.tries = e.Tries; false {"},
	}},
	{"G3", "the question whether a guest can be told by what they sign", "vault", "^TestNobodyIsAGuestInANameThatIsNotTheirs$", []edit{
		{"vault/guest.go", "	if err := s.vouch(ctx, head, &g); err != nil {", "	if err := s.vouch(ctx, head, &g); false && err != nil {"},
	}},
	{"N7", "the end of a grant with its time", "vault", "^TestAGrantEndsWithItsTimeToTheMillisecond$", []edit{
		{"vault/guest.go", "if g.terms.Until != 0 && !now.Before(time.UnixMilli(g.terms.Until)) {", "if false {"},
	}},
	{"N7", "the difference between seeing and adding", "vault", "^TestSeeingIsNotAdding$", []edit{
		{"vault/guest.go", "g.chosen != nil || g.terms.Scope != ScopeAdd && g.terms.Scope != ScopeTeam) {", "g.chosen != nil && g.terms.Scope != ScopeAdd && g.terms.Scope != ScopeTeam) {"},
	}},
	{"N10", "the end of the other sessions with a card", "vault", "^TestALostCardIsTakenBackEvenWithTheWitnessAway$", []edit{
		{"vault/card.go", "		return t.raiseEpoch(2 * maxSessions)\n	})\n}\n\n// AccessCardState", "		return nil\n	})\n}\n\n// AccessCardState"},
	}},
	{"N21", "the word full, which does not say how much is left", "vault", "^TestAWorkerDoesNotLearnHowLargePrivateIs$", []edit{
		{"vault/turn.go", "if v.guest != nil && errors.Is(err, ErrFull) {", "if false {"},
	}},
}
