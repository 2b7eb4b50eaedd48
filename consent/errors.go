package consent

import (
	"context"
	"errors"
	"fmt"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What package vault has a name for is answered with its errors: vault.ErrTampered,
// ErrStale, ErrUntrustedKey, ErrInvalid (with the field, see vault.InvalidError),
// ErrTooMany, ErrWitnessAway, ErrUnconfirmed, ErrStorage, ErrUnknown. These are the
// others. Test all of them with [errors.Is].
var (
	// ErrNotNamed: the directory names no such relay or organisation.
	ErrNotNamed = errors.New("consent: the directory does not name it")
	// ErrNoDirectory: no directory was published yet. Publish the first one.
	ErrNoDirectory = errors.New("consent: there is no directory yet")
	// ErrOutdated: the directory has moved on since this one was made. Make the
	// change again on the present one.
	ErrOutdated = errors.New("consent: the directory has changed since, make the change again on the present one")
	// ErrInvitation: there is no such invitation, it was used, or its time is up.
	// Which of them is not said.
	ErrInvitation = errors.New("consent: this code does not let anybody in, ask for a new one")
	// ErrNotMember: this worker does not work for the relay.
	ErrNotMember = errors.New("consent: not a worker of this relay")
	// ErrNotManager: this takes a manager of the relay.
	ErrNotManager = errors.New("consent: this takes a manager of the relay")
	// ErrNoSecondFactor: who works for relays signs in with a second factor. Enrol and
	// confirm one first: vault.EnrolSecondFactor.
	ErrNoSecondFactor = errors.New("consent: a second factor must be confirmed first")
	// ErrKeyChanged: the worker's name or keys are not those that the relay let in. A
	// manager must compare the new ones and let them in again.
	ErrKeyChanged = errors.New("consent: the worker's name or keys have changed, a manager must let them in again")
	// ErrFingerprint: what was read aloud or scanned is not the key of who asks.
	ErrFingerprint = errors.New("consent: these are not the digits of this key")
	// ErrLastManager: a relay must have one. Let another in first.
	ErrLastManager = errors.New("consent: the last manager of a relay cannot go")
	// ErrNoAnswer: there is no answer to a partner's request. Whether the person has
	// refused it, blocked the partner, has not looked, or has taken back what they presented
	// is not said; nor whether there was such a request.
	ErrNoAnswer = errors.New("consent: there is no answer")
	// ErrAskCode: the code that a partner names leads nowhere. Whether it was used, its time
	// is up, or there never was one is not said.
	ErrAskCode = errors.New("consent: this code leads nowhere, ask the person for a new one")
	// ErrTraits: what the person typed does not agree with what the partner has.
	ErrTraits = errors.New("consent: what was typed does not agree with the partner's file")
)

// storageError gives an error of the storage contract its name in package vault and
// keeps the original for errors.Is.
func storageError(err error) error {
	target := vault.ErrStorage
	switch {
	case err == nil:
		return nil
	case isOwn(err) || vault.Code(err) != "":
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

func isOwn(err error) bool {
	for _, own := range []error{ErrNotNamed, ErrNoDirectory, ErrOutdated, ErrInvitation, ErrNotMember, ErrNotManager, ErrNoSecondFactor, ErrKeyChanged, ErrFingerprint, ErrLastManager, ErrNotAttested, ErrRevoked, ErrNoAnswer, ErrAskCode, ErrTraits} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

func invalid(field, problem string, args ...any) error {
	return &vault.InvalidError{Field: field, Problem: fmt.Sprintf(problem, args...)}
}

func tampered(what string, args ...any) error {
	return &vault.TamperedError{What: fmt.Sprintf(what, args...)}
}
