package quota

// Policy answers requests for more. An embedder can bring another one: approve
// at once, ask about the centre's own disk, allow more steps than one.
//
// Consider is called inside a transaction that may run several times. It must
// have no effect and be quick. An error makes [Quota.RequestIncrease] fail with
// it, and nothing is written.
type Policy interface {
	// Consider answers one request, seen together with the present usage.
	Consider(asked Increase, usage Usage) (Verdict, error)
}

// Verdict is the answer of a [Policy].
type Verdict struct {
	// State is Approved or Refused at once, or Waiting for an operator.
	State State
	// Limit is what the owner may keep when it is approved, in bytes, more than
	// now. Without meaning for a refusal.
	Limit int64
	// Why is told to the owner, at most MaxWhy bytes, and kept in clear.
	Why string
}

// once leaves to an operator whether the limit is raised to one fixed number.
type once struct {
	limit int64
}

func (p once) Consider(_ Increase, usage Usage) (Verdict, error) {
	if usage.Limit >= p.limit {
		return Verdict{State: Refused, Why: "the limit is at its highest already"}, nil
	}
	return Verdict{State: Waiting, Limit: p.limit}, nil
}
