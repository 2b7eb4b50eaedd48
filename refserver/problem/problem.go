// Package problem holds the one table that says how each error of the library
// is told to a person or a program: HTTP status, a stable name and a plain
// sentence. Pages and the JSON API read the same table, so that they cannot
// differ in what they give away. No sentence repeats what a request or an error
// held: no name, no login, no id.
package problem

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/recovery"
	"reconnect.example/refserver/language"
	"reconnect.example/refserver/moving"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Errors of the server itself, beside those of the library.
var (
	// ErrRequest: the request cannot be read as it is.
	ErrRequest = errors.New("refserver: the request cannot be read")
	// ErrTruncated: the sender stopped before the end of an upload.
	ErrTruncated = errors.New("refserver: the upload was cut short")
	// ErrTooLarge: a form or a JSON body is larger than any that this server reads.
	ErrTooLarge = errors.New("refserver: the request is too large")
	// ErrNoPage: there is nothing at this address.
	ErrNoPage = errors.New("refserver: no such address")
	// ErrOwnPart: the sheet or the answers on the hand-over page are wrong. It tells
	// vault.ErrSignIn there, where nobody typed a login or a password.
	ErrOwnPart = errors.New("refserver: the sheet or the answers are not right")
	// ErrHandOverEnded: the page on which the person goes on alone was left for too long.
	ErrHandOverEnded = errors.New("refserver: this hand-over has ended; enter number and code again")
	// ErrWorkerHere: a worker is signed in on the device on which the person would go on
	// alone.
	ErrWorkerHere = errors.New("refserver: a worker is signed in here; lock or end that session first")
	// ErrCrossOrigin: another site sent this request in the person's name.
	ErrCrossOrigin = errors.New("refserver: refused, sent by another site")
)

// Problem is one way in which a request can end badly.
type Problem struct {
	Status int           // HTTP status
	Code   string        // stable: "sign-in", "full", …; for errors of the library that of vault.Code
	Retry  time.Duration // for the Retry-After header; 0: none
}

// Type is the stable URI of an RFC 9457 problem.
func (p Problem) Type() string { return "https://reconnect.example/problems/" + p.Code }

// Sentence says in plain words what happened and what to do.
func (p Problem) Sentence(in *language.Language) string { return in.T("says." + p.Code) }

// entry is a line of the table.
type entry struct {
	err error
	Problem
}

// Of returns the problem that tells an error. What is in no line is an internal
// error, and says nothing about its cause.
func Of(err error) Problem {
	for _, line := range table {
		if !errors.Is(err, line.err) {
			continue
		}
		p := line.Problem
		var backOff *vault.BackOffError
		if errors.As(err, &backOff) {
			// Whole seconds, rounded up: who comes back then is let in.
			p.Retry = max(time.Second, (backOff.Wait + time.Second - 1).Truncate(time.Second))
		}
		return p
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return Of(ErrTooLarge)
	}
	return internal
}

var internal = Problem{500, "internal", 0}

// table is in the order in which errors are looked for: ErrSignIn first,
// because a tampered keyslot answers like a wrong secret (E8).
var table = []entry{
	{vault.ErrSignIn, Problem{401, "sign-in", 0}},
	{vault.ErrCardDead, Problem{401, "card-dead", 0}},
	{vault.ErrSecondFactor, Problem{401, "second-factor", 0}},
	{vault.ErrBackOff, Problem{429, "back-off", 0}},
	{vault.ErrBusy, Problem{503, "busy", 5 * time.Second}},
	{vault.ErrSessionEnded, Problem{401, "session-ended", 0}},
	{vault.ErrLocked, Problem{423, "locked", 0}},
	{vault.ErrSecretAgain, Problem{403, "secret-again", 0}},
	{moving.ErrAway, Problem{503, "move-away", 30 * time.Second}},
	{moving.ErrAddress, Problem{422, "move-address", 0}},
	{moving.ErrOver, Problem{410, "move-over", 0}},
	{moving.ErrNoRoom, Problem{409, "move-room", 0}},
	{moving.ErrUnderWay, Problem{409, "move-under-way", 0}},
	{moving.ErrOtherKeys, Problem{409, "move-keys", 0}},
	{moving.ErrReceipt, Problem{409, "move-receipt", 0}},
	{moving.ErrAltered, Problem{409, "move-altered", 0}},
	{vault.ErrNotFound, Problem{404, "not-found", 0}},
	{vault.ErrRevision, Problem{409, "revision", 0}},
	{vault.ErrInvalid, Problem{422, "invalid", 0}},
	{consent.ErrFollowed, Problem{409, "followed", 0}},
	{consent.ErrLicence, Problem{409, "licence", 0}},
	{consent.ErrInvitation, Problem{403, "invitation", 0}},
	{consent.ErrNotMember, Problem{403, "not-member", 0}},
	{consent.ErrNotManager, Problem{403, "not-manager", 0}},
	{consent.ErrNoSecondFactor, Problem{403, "no-second-factor", 0}},
	{consent.ErrKeyChanged, Problem{403, "key-changed", 0}},
	{consent.ErrFingerprint, Problem{422, "fingerprint", 0}},
	{consent.ErrNoAnswer, Problem{404, "no-answer", 0}},
	{consent.ErrAskCode, Problem{404, "ask-code", 0}},
	{consent.ErrTraits, Problem{422, "traits", 0}},
	{consent.ErrLastManager, Problem{409, "last-manager", 0}},
	{consent.ErrNotAttested, Problem{404, "not-attested", 0}},
	{consent.ErrRevoked, Problem{410, "revoked", 0}},
	{consent.ErrOutdated, Problem{409, "outdated", 0}},
	{consent.ErrNotNamed, notNamed}, {consent.ErrNoDirectory, notNamed},
	{vault.ErrNotAllowed, Problem{403, "not-allowed", 0}},
	{vault.ErrNotTaken, Problem{403, "not-taken", 0}},
	{vault.ErrEnded, Problem{403, "ended", 0}},
	{vault.ErrNoHelper, Problem{409, "no-helper", 0}},
	{vault.ErrOneOrganisation, Problem{409, "one-organisation", 0}},
	{vault.ErrNotSent, Problem{502, "not-sent", 0}},
	{recovery.ErrCode, Problem{403, "hand-over-code", 0}},
	{recovery.ErrSpent, Problem{403, "tries-spent", 0}},
	{recovery.ErrOpen, Problem{409, "recovery-open", 0}},
	{recovery.ErrRequest, Problem{410, "recovery-over", 0}},
	{recovery.ErrNotReady, Problem{409, "not-ready", 0}},
	{recovery.ErrAgreed, Problem{409, "agreed", 0}},
	{recovery.ErrWeak, Problem{422, "weak", 0}},
	{recovery.ErrNotIndependent, Problem{409, "not-independent", 0}},
	{recovery.ErrNotOffered, Problem{409, "not-offered", 0}},
	{ErrOwnPart, Problem{403, "own-part", 0}},
	{ErrHandOverEnded, Problem{401, "hand-over-ended", 0}},
	{ErrWorkerHere, Problem{409, "worker-here", 0}},
	{bundle.ErrNotBundle, Problem{422, "not-a-bundle", 0}},
	{bundle.ErrVersion, Problem{422, "bundle-version", 0}},
	{bundle.ErrPath, Problem{422, "bundle-path", 0}},
	{bundle.ErrBomb, Problem{422, "bundle-bomb", 0}},
	{bundle.ErrTooMany, Problem{422, "bundle-too-many", 0}},
	{bundle.ErrEncrypted, Problem{422, "bundle-encrypted", 0}},
	{bundle.ErrSealed, Problem{422, "bundle-sealed", 0}},
	{bundle.ErrPassphrase, Problem{422, "bundle-passphrase", 0}},
	{bundle.ErrDamaged, Problem{422, "bundle-damaged", 0}},
	{bundle.ErrMissing, Problem{422, "bundle-missing", 0}},
	{bundle.ErrExtra, Problem{422, "bundle-extra", 0}},
	{vault.ErrTooMany, Problem{409, "too-many", 0}},
	{vault.ErrTooManyLocked, Problem{409, "too-many-locked", 0}},
	{vault.ErrNotEmpty, Problem{409, "not-empty", 0}},
	{vault.ErrBusyMoving, Problem{409, "busy-moving", 0}},
	{vault.ErrFull, Problem{507, "full", 0}},
	{quota.ErrPending, Problem{409, "pending", 0}},
	{vault.ErrUploadExpired, Problem{408, "upload-expired", 0}}, {vault.ErrOffset, Problem{409, "offset", 0}},
	{vault.ErrClosing, Problem{409, "closing", 0}},
	{vault.ErrTampered, Problem{500, "tampered", 0}},
	{vault.ErrStale, Problem{500, "stale", 0}},
	{vault.ErrPolicy, Problem{500, "policy", 0}},
	{vault.ErrUntrustedKey, Problem{500, "untrusted-key", 0}},
	{vault.ErrWitnessAway, Problem{503, "witness-away", 30 * time.Second}},
	{vault.ErrUnconfirmed, Problem{202, "unconfirmed", 0}},
	{vault.ErrKeyService, Problem{503, "key-service", 30 * time.Second}},
	{vault.ErrUnknown, Problem{503, "unknown", 5 * time.Second}},
	{vault.ErrRepeated, Problem{422, "repeated", 0}},
	{ErrTruncated, Problem{400, "truncated", 0}},
	{vault.ErrStorage, storageAway}, {vault.ErrClosed, storageAway},
	{storage.ErrNoSpace, storageAway}, {storage.ErrUnavailable, storageAway}, {storage.ErrReadOnly, storageAway}, {storage.ErrDamaged, storageAway},
	{ErrTooLarge, Problem{413, "too-large", 0}},
	{ErrRequest, Problem{400, "request", 0}},
	{ErrNoPage, Problem{404, "no-page", 0}},
	{ErrCrossOrigin, Problem{403, "cross-origin", 0}},
	{context.Canceled, cutOff}, {context.DeadlineExceeded, cutOff}, {io.ErrUnexpectedEOF, cutOff},
}

var notNamed = Problem{404, "not-named", 0}

var storageAway = Problem{503, "storage", 30 * time.Second}

var cutOff = Problem{408, "cut-off", 0}

// All returns every problem that Of can return, for the documentation of the API.
func All() []Problem {
	all := []Problem{internal}
	seen := map[string]bool{internal.Code: true}
	for _, line := range table {
		if !seen[line.Code] {
			seen[line.Code] = true
			all = append(all, line.Problem)
		}
	}
	return all
}
