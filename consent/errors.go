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
	return errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) || errors.Is(err, ErrOutdated)
}

func invalid(field, problem string, args ...any) error {
	return &vault.InvalidError{Field: field, Problem: fmt.Sprintf(problem, args...)}
}

func tampered(what string, args ...any) error {
	return &vault.TamperedError{What: fmt.Sprintf(what, args...)}
}
