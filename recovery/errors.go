package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What package vault or consent has a name for is answered with their errors:
// vault.ErrSignIn for a wrong sheet and wrong answers, vault.BackOffError,
// vault.ErrWitnessAway, vault.ErrEnded, vault.ErrNotAllowed, vault.ErrNoHelper,
// vault.ErrOneOrganisation, vault.ErrInvalid. These are the others. Test all of them
// with errors.Is.
var (
	// ErrNotIndependent: questions by call take a witness of another organisation: with one
	// of its own, operator and desk could guess the answers.
	ErrNotIndependent = errors.New("recovery: this path takes a witness of another organisation; choose another path")
	// ErrNotOffered: the operator does not offer this path.
	ErrNotOffered = errors.New("recovery: this path is not offered here")
	// ErrWeak: the answers are too few, too short or too alike: see Strength.
	ErrWeak = errors.New("recovery: these answers could be guessed; choose longer ones, or more")
	// ErrRequest: there is no such request (any more): it is done, cancelled or expired,
	// or the person's paths have changed since. Open a new one.
	ErrRequest = errors.New("recovery: there is no such request any more; open a new one")
	// ErrOpen: a request for this path is open and waits. Another one would begin to wait
	// anew: go on with that one, or cancel it first.
	ErrOpen = errors.New("recovery: a request for this is open and waits; go on with it, or cancel it")
	// ErrCode: no open request has this number and code. It does not say which is wrong.
	ErrCode = errors.New("recovery: number or code is wrong")
	// ErrSpent: there were too many tries. The path waits until the person has signed in
	// another way; a code that is spent takes a new request.
	ErrSpent = errors.New("recovery: too many tries")
	// ErrAgreed: this person has agreed already, or is of the other side's organisation.
	ErrAgreed = errors.New("recovery: another person must agree, of another organisation on the other side")
	// ErrNotReady: something is still missing: see NotReadyError.
	ErrNotReady = errors.New("recovery: something is still missing")
)

// Missing is what a request still needs: a stable code.
type Missing string

// What can be missing.
const (
	MissingRelay         Missing = "relay"          // the half of a relay
	MissingDesk          Missing = "desk"           // the half of the desk
	MissingRelayApproval Missing = "relay-approval" // one more person of a relay
	MissingDeskApproval  Missing = "desk-approval"  // one more person of the desk
	MissingDeskCode      Missing = "desk-code"      // the part of the code that the desk says
	MissingWait          Missing = "wait"           // time
)

// NotReadyError says what a request still needs. It wraps ErrNotReady.
type NotReadyError struct {
	Missing []Missing
	Wait    time.Duration // how long it still takes, if that is it
	// Look is a token for [Service.Look], until the end of the request, where Enter was
	// given the right number and code; "" elsewhere. Error does not say it.
	Look string
}

func (e *NotReadyError) Error() string {
	parts := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		parts[i] = string(m)
	}
	said := fmt.Sprintf("%v: %s", ErrNotReady, strings.Join(parts, ", "))
	if e.Wait > 0 {
		said += fmt.Sprintf(" (%v)", (e.Wait + time.Second - 1).Truncate(time.Second)) // rounded up: then it is over
	}
	return said
}

// Unwrap returns ErrNotReady.
func (e *NotReadyError) Unwrap() error { return ErrNotReady }

// storageError keeps what is of a closed set as it is, and wraps the rest.
func storageError(err error) error {
	target := vault.ErrStorage
	switch {
	case err == nil:
		return nil
	case own(err) != nil:
		return own(err)
	case vault.Code(err) != "":
		return err
	case errors.Is(err, storage.ErrUnknown):
		target = vault.ErrUnknown
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, storage.ErrClosed):
		target = vault.ErrClosed
	}
	return fmt.Errorf("%w: %w", target, err)
}

// own is what this package says. A commit that was refused by it comes back as one that the
// storage refused: who asked would wait for the storage.
func own(err error) error {
	for _, own := range []error{ErrNotIndependent, ErrNotOffered, ErrWeak, ErrRequest, ErrOpen, ErrCode, ErrSpent, ErrAgreed} {
		if errors.Is(err, own) {
			return own
		}
	}
	if missing := (*NotReadyError)(nil); errors.As(err, &missing) {
		return missing
	}
	return nil
}

// witnessError says what a witness's refusal means here. Whatever else it says, it is
// away: nothing is done without it.
func witnessError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, witness.ErrApproval):
		return ErrAgreed
	case errors.Is(err, witness.ErrRequest):
		return ErrRequest
	}
	return vault.ErrWitnessAway
}

func isNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }
