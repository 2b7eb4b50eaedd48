package config

// DeathWork is what the operator records of people who died. It opens nothing.
type DeathWork struct {
	Record   DeathRecord   `cmd:"" help:"Record it, on evidence. Signing in stays possible, makes the record void, and shows it to the person. If they wished to be erased, that follows after --death-wait; else nothing does."`
	Show     DeathPerson   `cmd:"" help:"Show what was recorded, also if it is void."`
	Withdraw DeathWithdraw `cmd:"" help:"Take a record back that was a mistake. The person is shown it all the same."`
}

// DeathPerson names the person.
type DeathPerson struct {
	Person string `arg:"" help:"Login of the person, or id of their space."`
}

// DeathRecord says what was shown, and to whom.
type DeathRecord struct {
	DeathPerson  `embed:""`
	By           string `required:"" help:"Who records it."`
	Organisation string `required:"" help:"For which organisation."`
	Evidence     string `required:"" help:"What was shown, such as: death certificate, town hall of Lyon."`
	On           string `placeholder:"DAY" help:"The day when it happened or became known, such as 2026-11-21. Default: today."`
}

// DeathWithdraw says who takes it back.
type DeathWithdraw struct {
	DeathPerson `embed:""`
	By          string `required:"" help:"Who takes it back."`
}
