package recovery

import (
	"context"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// RequestID names a request. It is no secret.
type RequestID = vault.ItemID

// Request is one attempt to help somebody back in.
type Request struct {
	ID      RequestID
	Vault   vault.ID
	Path    vault.PathID
	Kind    vault.PathKind // 0: the path is not there any more
	State   State
	By      consent.Member // who opened it
	Opened  time.Time
	Until   time.Time
	Missing []Missing     // before the person can complete it
	Wait    time.Duration // of which so much is left
	Private bool          // it will open Private, too, then or later
}

// State is how it stands with a request: a stable code.
type State string

// The states.
const (
	StateOpen      State = "open" // Missing says what it needs
	StateDone      State = "done"
	StateCancelled State = "cancelled" // by somebody, or by a sign-in of the person
	StateOver      State = "over"      // expired, or the person's paths have changed since
)

// Way is a way back in, as a helper sees it.
type Way struct {
	Path    vault.PathID
	Kind    vault.PathKind
	Private bool
}

// Find returns whose space a login leads to, for a desk: the person reads it from their
// card or sheet. Whoever did not let this desk help them is nobody: vault.ErrNotFound.
func (s *Service) Find(ctx context.Context, p *consent.Post, login string) (vault.ID, error) {
	panic("being built")
}

// Ways returns how this relay or desk can help somebody. vault.ErrNotFound if it does
// not follow them. It is a line in the person's journal.
func (s *Service) Ways(ctx context.Context, p *consent.Post, id vault.ID) ([]Way, error) {
	panic("being built")
}

// NewRequest is what a helper says.
type NewRequest struct {
	Vault      vault.ID
	Path       vault.PathID
	Recognised string // how the person was recognised, for their journal: at most 200 characters; required
}

// Opened is a request that was opened. Number and code are for the person alone: on
// paper, or aloud. They are shown once.
type Opened struct {
	Request Request
	Number  string // "1234 5678"
	Code    string // "1234 5678"
}

// Open opens a request, with this helper's half. Errors: ErrRequest if the path is not
// in force or there are four open requests already, vault.ErrNotFound, vault.ErrInvalid,
// vault.ErrWitnessAway, and those of consent.
func (s *Service) Open(ctx context.Context, p *consent.Post, n NewRequest) (Opened, error) {
	panic("being built")
}

// Requests returns the requests of a person whom the relay follows, or who let the desk
// help them: also for another worker, on another machine.
func (s *Service) Requests(ctx context.Context, p *consent.Post, id vault.ID) ([]Request, error) {
	panic("being built")
}

// Given is what a contribution gives back.
type Given struct {
	Request Request
	// Code is the desk's part of the code where two have one each, to be said to the
	// person: giving again makes a new one. "" otherwise.
	Code string
}

// Contribute gives this helper's half, from another town and at another time if need be.
// Giving again changes nothing but the desk's part of a code. Errors: ErrRequest,
// vault.ErrNotFound, vault.ErrWitnessAway.
func (s *Service) Contribute(ctx context.Context, p *consent.Post, id vault.ID, request RequestID) (Given, error) {
	panic("being built")
}

// Approve is the word of one more person, where two of each side must agree. Errors:
// ErrAgreed, ErrRequest, vault.ErrInvalid, vault.ErrWitnessAway.
func (s *Service) Approve(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, recognised string) (Request, error) {
	panic("being built")
}

// Cancel ends a request: anybody of a relay that follows or of the desk may. The witness
// is told first. Errors: ErrRequest, vault.ErrNotFound.
func (s *Service) Cancel(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, why string) error {
	panic("being built")
}

// Queued is a request that waits for a desk.
type Queued struct {
	Request Request
	Error   error // what keeps it from being read, in place of the rest
}

// Queue returns the requests that this desk or relay was asked to help with, the oldest
// first, without any name.
func (s *Service) Queue(ctx context.Context, p *consent.Post) ([]Queued, error) {
	panic("being built")
}

// Count is a number of one month. It is of nobody.
type Count struct {
	Month string // "2026-11"
	Event string // "opened", "completed", "cancelled"
	Kind  vault.PathKind
	Count consent.Count
}

// Counts returns how many requests this desk or relay had. For managers.
func (s *Service) Counts(ctx context.Context, p *consent.Post) ([]Count, error) {
	panic("being built")
}

// Own returns the requests about the person who has v open, the newest first: for their
// first screen. It is a line in the journal only if there is any.
func (s *Service) Own(ctx context.Context, v *vault.Vault) ([]Request, error) { panic("being built") }

// CancelOwn ends a request about oneself. The witness is told first; if it is away the
// request ends at the service at once, and vault.ErrUnconfirmed says so.
func (s *Service) CancelOwn(ctx context.Context, v *vault.Vault, request RequestID) error {
	panic("being built")
}
