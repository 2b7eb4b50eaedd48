package recovery

import (
	"context"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Enrolment is which ways back in the person wants, as they say it in one go. What is
// nil stays as it is.
type Enrolment struct {
	Sheet   *NewSheet
	Answers *NewAnswers
	Helpers *NewHelpers
	// Desk is the desk that may help by call; zero: the one that may already, if any.
	// Paths by call are enrolled only where there is one.
	Desk consent.RelayID
	// Notice is what the person read and agreed to; a receipt of it is kept.
	Notice vault.Notice
	Agreed bool // must be true
}

// NewSheet asks for a recovery sheet: with a relay that follows and, if there is a desk,
// by call.
type NewSheet struct {
	Private bool // opens Private, too; proposed
}

// NewAnswers asks for questions: with a relay that follows, and by call if asked for.
type NewAnswers struct {
	Questions []Question // three to five; or
	Pictures  []string   // a sequence of names of [Pictures]
	Private   bool       // a yes of its own
	ByCall    bool       // by phone, too, after a wait: ErrNotIndependent without a witness of another organisation
}

// Question is a question with its answer.
type Question struct {
	Text   string // in the person's words, or suggested: see SuggestedQuestions
	Answer string
}

// NewHelpers asks for the path with nothing of the person's: two people of a relay, two
// of a desk of another organisation, and a wait.
type NewHelpers struct {
	Private bool // after a longer wait, Private too: a second yes
}

// Enrolled is what an enrolment made.
type Enrolled struct {
	Sheet    *Sheet // to be printed now; it is shown once
	Paths    []vault.Path
	Strength *Strength // of the answers
	Receipt  Receipt
}

// Enrol makes ways back in. The person shows their secret again. Each takes the place of
// the one of its kind, which is dead at once (F8): a sheet of before opens nothing.
// The relays that follow and the desk have their halves when it returns; the witness has
// the policy. A sheet is in force, though nobody has confirmed that it was printed.
//
// Errors: vault.ErrInvalid with each problem, ErrWeak, ErrNotIndependent, ErrNotOffered,
// vault.ErrNoHelper, vault.ErrOneOrganisation, vault.ErrSignIn, vault.ErrWitnessAway
// (nothing was changed), vault.ErrUnconfirmed (it is in force; what was made is
// returned).
func (s *Service) Enrol(ctx context.Context, v *vault.Vault, e Enrolment, secret vault.Secret) (Enrolled, error) {
	panic("being built")
}

// Review is how it stands with the ways back in, and what would happen.
type Review struct {
	Paths   []PathReview
	Offered []vault.PathKind // that could be enrolled here, now
	Desks   []consent.RelayID
	Lost    bool // the store altered what is kept of one: make it anew
}

// PathReview is one way back in.
type PathReview struct {
	vault.Path
	Questions []string        // by answers: what is asked
	Pictures  bool            // answers are a sequence of pictures
	Helpers   []consent.Relay // who holds a half
}

// Review says which ways back in there are and who helps, for "what would happen if I
// lost my card?". It is a line in the journal.
func (s *Service) Review(ctx context.Context, v *vault.Vault) (Review, error) { panic("being built") }

// Withdraw takes ways back in away, at once: a lost sheet opens nothing from then on. The
// person shows their secret again. Errors: those of Enrol.
func (s *Service) Withdraw(ctx context.Context, v *vault.Vault, kinds []vault.PathKind, secret vault.Secret) error {
	panic("being built")
}

// Receipt is what the person keeps of a change of their ways back in.
type Receipt struct {
	At    time.Time
	Kinds []vault.PathKind
	Text  []byte // JSON, as it is kept and exported
}
