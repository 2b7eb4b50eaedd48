package recovery

import (
	"context"
	"time"

	"reconnect.example/vault"
)

// HandOverCode is what opens the page on which the person alone goes on.
type HandOverCode struct {
	Number string // digits of any script, spaces and dashes do not matter
	Code   string
	Desk   string // the desk's part, where two have one each; "" otherwise
}

// HandOver is a request in the hands of its person. It holds keys: keep its token, for an
// hour, and nothing else.
type HandOver struct {
	Kind      vault.PathKind
	Questions []string // what is asked, by answers
	Pictures  int      // how many pictures are asked for, by a sequence of them
	Private   bool     // private papers come back, too
	Later     bool     // private papers come back after a longer wait
	Until     time.Time

	// What completes it lies here.
	service *Service
	token   string
}

// Enter opens a request with its number and code, on any device. Each try is counted
// before it is looked at (F9); an unknown number does the same work as a wrong code.
// Errors: ErrCode, vault.BackOffError, ErrSpent, NotReadyError, ErrRequest,
// vault.ErrWitnessAway.
func (s *Service) Enter(ctx context.Context, c HandOverCode) (*HandOver, error) {
	panic("being built")
}

// Resume opens it again with its token, within an hour, also in another process.
func (s *Service) Resume(ctx context.Context, token string) (*HandOver, error) {
	panic("being built")
}

// Token opens the hand-over again for an hour. Keep it where a session's token is kept.
func (h *HandOver) Token() string { return h.token }

// Completion is what the person alone enters.
type Completion struct {
	Sheet    string   // as they type, say or scan it
	Answers  []string // or: in the order of the questions, or names of pictures
	Password string   // the new one
	Session  *vault.SessionRequest
}

// Completed is what came of it.
type Completed struct {
	Vault   *vault.Vault
	Login   string
	Private bool // private papers are back
	Locked  int  // so many are not: see vault.Vault.OpenLocked
}

// Complete opens the vault, and changes everything that opened it before: see
// vault.Vaults.Recover. The request is done; others about this person are over. Errors:
// vault.ErrSignIn for a wrong sheet or wrong answers, vault.ErrInvalid for a password
// that cannot be or a sheet that is mistyped, vault.BackOffError, ErrSpent,
// NotReadyError, ErrRequest, vault.ErrWitnessAway (nothing was changed),
// vault.ErrUnconfirmed (it is done, and returned).
func (h *HandOver) Complete(ctx context.Context, c Completion) (Completed, error) {
	panic("being built")
}

// Pending is what comes back later: private papers, after the longer wait of the path
// with nothing of the person's.
type Pending struct {
	Request RequestID
	Wait    time.Duration // what is left of it
}

// Pending returns what comes back later; nil if nothing does.
func (s *Service) Pending(ctx context.Context, v *vault.Vault) (*Pending, error) {
	panic("being built")
}

// OpenPending opens it when the wait is over. The person shows their secret again.
// Errors: vault.ErrNotFound, NotReadyError, ErrRequest if it was cancelled,
// vault.ErrSignIn, vault.ErrWitnessAway, vault.ErrUnconfirmed (it is open).
func (s *Service) OpenPending(ctx context.Context, v *vault.Vault, secret vault.Secret) (n int, err error) {
	panic("being built")
}
