package recovery

import (
	"context"
	"errors"
	"time"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Config is what the service stands on. The first six are required.
type Config struct {
	Vaults    *vault.Vaults
	Consent   *consent.Service
	Directory *consent.Directory
	Register  *consent.Register
	Store     *storage.Store
	Witness   Witness

	Now func() time.Time // nil: time.Now
	// Independent says that the witness is of another organisation than the operator:
	// neither guesses answers, or shortens a wait, without the other.
	Independent bool
	// Offer is which paths people may enrol; nil: all. Those of before go on.
	Offer []vault.PathKind
	// Waits are how long paths wait; zero: the least.
	Waits Waits
	// RequestsLast is how long a request can be completed after its wait; 0: 14 days;
	// at most 30, for as long the witness remembers that one was cancelled.
	RequestsLast time.Duration
	// Notifier tells people on other ways than their first screen; nil: nobody is told.
	Notifier Notifier
}

// Waits are how long paths wait before they open. Less than the least is refused.
type Waits struct {
	AnswersDesk    time.Duration // least: 24 hours
	Helpers        time.Duration // least: 7 days
	HelpersPrivate time.Duration // least: 30 days
}

// LeastWaits are the least that an operator may configure.
func LeastWaits() Waits {
	return Waits{AnswersDesk: 24 * time.Hour, Helpers: 7 * 24 * time.Hour, HelpersPrivate: 30 * 24 * time.Hour}
}

// Witness is what the service needs of a witness; package recovery/witness has it,
// embedded and as a client.
type Witness interface {
	// Begin opens a request, on the signed word of a helper; the same word again changes
	// nothing. Durable on return, like all of these.
	Begin(ctx context.Context, vault [16]byte, approval []byte) (WitnessRequest, error)
	// Approve adds the word of one more person.
	Approve(ctx context.Context, vault [16]byte, approval []byte) (WitnessRequest, error)
	// Cancel ends a request, or with a zero id all of a vault.
	Cancel(ctx context.Context, vault, request [16]byte) error
	// Requests returns those of a vault, also some that have ended.
	Requests(ctx context.Context, vault [16]byte) ([]WitnessRequest, error)
	// EvaluateWithin evaluates its key within a request, counted before it answers.
	EvaluateWithin(ctx context.Context, vault, request [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error)
}

// WitnessRequest is what a witness knows of a request.
type WitnessRequest = struct {
	ID        [16]byte
	Path      [16]byte
	Policy    uint64
	Opened    time.Time
	Until     time.Time
	Ready     []time.Duration
	Relay     int
	Desk      int
	Needed    int
	Cancelled bool
	Served    bool
}

// Notifier tells a person, on a way that they chose, that somebody wants to get into
// their space. What it says must be neutral: no place, no name, no reason. Package
// recovery calls it after the commit, once for each event, and goes on if it fails.
type Notifier interface {
	// Notify tells the person. It may be called again for the same event.
	Notify(ctx context.Context, e Event) error
}

// Event is what somebody is told about.
type Event struct {
	Vault vault.ID
	Kind  EventKind
	At    time.Time
}

// EventKind says what happened: a stable code.
type EventKind string

// The events.
const (
	EventOpened    EventKind = "request.opened"
	EventCancelled EventKind = "request.cancelled"
	EventRecovered EventKind = "recovered"
	// EventPrivateWaits comes after EventRecovered, where private papers come back after a
	// longer wait. Whoever is told, and did not come back in, can do nothing alone: those
	// who helped can stop it. Say that in the message.
	EventPrivateWaits EventKind = "recovered.private-waits"
)

// Service helps people back in. Safe for many goroutines; several processes may serve
// the same store.
type Service struct{ cfg Config }

const (
	defaultRequestsLast = 14 * 24 * time.Hour
	mostRequestsLast    = 30 * 24 * time.Hour
)

// New checks the configuration and names every problem at once.
func New(cfg Config) (*Service, error) {
	var problems []error
	for field, ok := range map[string]bool{"Vaults": cfg.Vaults != nil, "Consent": cfg.Consent != nil, "Directory": cfg.Directory != nil, "Register": cfg.Register != nil, "Store": cfg.Store != nil, "Witness": cfg.Witness != nil} {
		if !ok {
			problems = append(problems, invalid("Config."+field, "is missing"))
		}
	}
	least := LeastWaits()
	floor := func(field string, value *time.Duration, least time.Duration) {
		if *value == 0 {
			*value = least
		}
		if *value < least {
			problems = append(problems, invalid("Config.Waits."+field, "is shorter than "+least.String()))
		}
	}
	floor("AnswersDesk", &cfg.Waits.AnswersDesk, least.AnswersDesk)
	floor("Helpers", &cfg.Waits.Helpers, least.Helpers)
	floor("HelpersPrivate", &cfg.Waits.HelpersPrivate, least.HelpersPrivate)
	if cfg.RequestsLast < 0 || cfg.RequestsLast > mostRequestsLast {
		problems = append(problems, invalid("Config.RequestsLast", "is negative, or longer than "+mostRequestsLast.String()))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if cfg.RequestsLast == 0 {
		cfg.RequestsLast = defaultRequestsLast
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg}, nil
}

// Independent says what Config.Independent says: pages tell people what it means for
// their questions.
func (s *Service) Independent() bool { return s.cfg.Independent }

// Waits are how long paths wait here that are enrolled now.
func (s *Service) Waits() Waits { return s.cfg.Waits }

func invalid(field, problem string) error {
	return &vault.InvalidError{Field: field, Problem: problem}
}
