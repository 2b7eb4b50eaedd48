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
	{"G3", "the question whether a guest can be told by what they sign", "vault", "^TestNobodyIsAGuestInANameThatIsNotTheirs$", []edit{
		{"vault/guest.go", "	if err := s.vouch(ctx, head, &g); err != nil {", "	if err := s.vouch(ctx, head, &g); false && err != nil {"},
	}},
	{"N7", "the end of a grant with its time", "vault", "^TestAGrantEndsWithItsTimeToTheMillisecond$", []edit{
		{"vault/guest.go", "if g.terms.Until != 0 && !now.Before(time.UnixMilli(g.terms.Until)) {", "if false {"},
	}},
}
