package vault

import (
	"errors"
	"fmt"
	"time"

	"reconnect.example/quota"
)

// The closed set of errors of this package. Test them with [errors.Is]; Code
// gives each a stable name for programs. None carries a secret or a name of a
// person, so that they may be logged.
var (
	// ErrSignIn: the login or the secret is wrong, or the account cannot be
	// opened. Which of them is not said: a stranger must not learn whether an
	// account exists (E8).
	ErrSignIn = errors.New("vault: the login or the secret is wrong")
	// ErrCardDead: the access card was tried with wrong PINs too often and opens
	// nothing any more; sign in with the password and have a new one printed. It is
	// said only to who has the card.
	ErrCardDead = errors.New("vault: the access card is blocked, use the password")
	// ErrSecondFactor: the password is right, and the code of the second factor is
	// missing, wrong, too old or was used before.
	ErrSecondFactor = errors.New("vault: the code of the second factor is missing or wrong")
	// ErrBackOff: too many tries; see BackOffError for how long to wait.
	ErrBackOff = errors.New("vault: too many tries, wait before the next")
	// ErrBusy: too many people sign in at this moment. Try again in a few seconds.
	ErrBusy = errors.New("vault: too many sign-ins at once, try again in a moment")
	// ErrSessionEnded: the session was ended, or is too old. Sign in again.
	ErrSessionEnded = errors.New("vault: this session has ended, sign in again")
	// ErrNotFound: there is no such item within reach.
	ErrNotFound = errors.New("vault: no such item")
	// ErrRevision: somebody changed the item since it was read. Read it again, then repeat the change.
	ErrRevision = errors.New("vault: the item was changed in the meantime")
	// ErrInvalid: a field is wrong; see InvalidError.
	ErrInvalid = errors.New("vault: invalid")
	// ErrTooMany: a vault holds no more of these; remove one first.
	ErrTooMany = errors.New("vault: too many")
	// ErrTooManyLocked: 32 recoveries in a row left private papers locked, and this one would too. Come back by a way
	// that opens private papers. Nothing was changed.
	ErrTooManyLocked = errors.New("vault: too many recoveries left private papers locked, come back by a way that opens them")
	// ErrNotEmpty: the folder still holds something.
	ErrNotEmpty = errors.New("vault: the folder is not empty")
	// ErrBusyMoving: another item is being made private or shared. One at a time.
	ErrBusyMoving = errors.New("vault: another item is being moved, try again when it is done")
	// ErrFull: the space is used up; see quota.FullError for how much is left.
	ErrFull = quota.ErrFull
	// ErrClosing: the account is closed; it can be read and exported, or reopened.
	ErrClosing = errors.New("vault: the account is closed, it can only be read, exported or reopened")
	// ErrUploadExpired: an upload stood still for too long and its space was given back. Start it again.
	ErrUploadExpired = errors.New("vault: the upload took too long, start it again")
	// ErrOffset: an upload is not where its sender thinks; see OffsetError for where it is.
	ErrOffset = errors.New("vault: the upload is not at this offset")
	// ErrTampered: the store gave something that this vault did not write, or not here.
	ErrTampered = errors.New("vault: the stored data was altered")
	// ErrStale: the store is older than what the witness remembers.
	ErrStale = errors.New("vault: the stored data is older than it should be")
	// ErrRepeated: the key of a request was used for another one. Take a new key.
	ErrRepeated = errors.New("vault: this key was used for another request, take a new one")
	// ErrPolicy: a format or a parameter is below the least that is accepted.
	ErrPolicy = errors.New("vault: refused by policy")
	// ErrUntrustedKey: a key is not the one that was signed or pinned.
	ErrUntrustedKey = errors.New("vault: this key is not trusted")
	// ErrWitnessAway: the witness does not answer and this act needs it. Nothing was changed; try again later.
	ErrWitnessAway = errors.New("vault: the witness does not answer, try again later")
	// ErrLocked: the session was locked while somebody else is at the device. Whose it is opens it with their password.
	ErrLocked = errors.New("vault: the session is locked, its password opens it")
	// ErrSecretAgain: the secret must be shown once more, by ShowSecret, before this is done with an open session.
	ErrSecretAgain = errors.New("vault: show the secret once more, this is not done with an open session alone")
	// ErrUnconfirmed: the change is in force, but the witness could not confirm it; the next sign-in will.
	ErrUnconfirmed = errors.New("vault: done, but not yet confirmed by the witness")
	// ErrKeyService: the key service does not answer. Nothing was changed; try again later.
	ErrKeyService = errors.New("vault: the key service does not answer, try again later")
	// ErrStorage: the store does not answer or is out of space. What was acknowledged is safe; try again later.
	ErrStorage = errors.New("vault: the storage does not answer, try again later")
	// ErrUnknown: the answer of the store was lost; look before repeating.
	ErrUnknown = errors.New("vault: it is not known whether this was done, look before repeating it")
	// ErrNotAllowed: who has this vault open may not do this. What the person allowed
	// says what they may; the rest is the person's own.
	ErrNotAllowed = errors.New("vault: this is not allowed to who has the space open")
	// ErrNotTaken: what somebody wanted to leave was not taken, and nothing of it is kept. Why is the
	// person's: the inbox is closed, or full of what others left, or the link has ended. Give it to
	// them on another way.
	ErrNotTaken = errors.New("vault: this was not taken, give it to the person on another way")
	// ErrEnded: what the person allowed is over: withdrawn, its time is up, or whom
	// they allowed it is not in the directory any more.
	ErrEnded = errors.New("vault: what was allowed has ended")
	// ErrNoHelper: nobody could help by this path: no relay follows the person, or there is no desk.
	ErrNoHelper = errors.New("vault: nobody could help by this path, let a relay follow first")
	// ErrOneOrganisation: it takes two organisations, and everybody who could help is of one (F13).
	ErrOneOrganisation = errors.New("vault: it takes two organisations to help in this way, and there is only one")
	// ErrNotSent: the message could not be handed over. Try again later, or by another channel.
	ErrNotSent = errors.New("vault: the message could not be sent, try again later")
	// ErrClosed: the vault or the service was closed by the caller.
	ErrClosed = errors.New("vault: closed")
)

var codes = []struct {
	err  error
	code string
}{
	// ErrSignIn comes first: a tampered keyslot answers like a wrong secret.
	{ErrSignIn, "sign-in"}, {ErrCardDead, "card-dead"}, {ErrSecondFactor, "second-factor"}, {ErrBackOff, "back-off"}, {ErrBusy, "busy"}, {ErrSessionEnded, "session-ended"}, {ErrLocked, "locked"}, {ErrSecretAgain, "secret-again"},
	{ErrNotFound, "not-found"}, {ErrRevision, "revision"}, {ErrInvalid, "invalid"}, {ErrTooMany, "too-many"}, {ErrTooManyLocked, "too-many-locked"},
	{ErrNotEmpty, "not-empty"}, {ErrBusyMoving, "busy-moving"}, {ErrFull, "full"}, {ErrClosing, "closing"}, {ErrUploadExpired, "upload-expired"}, {ErrOffset, "offset"},
	{ErrTampered, "tampered"}, {ErrStale, "stale"}, {ErrPolicy, "policy"}, {ErrUntrustedKey, "untrusted-key"},
	{ErrWitnessAway, "witness-away"}, {ErrUnconfirmed, "unconfirmed"}, {ErrKeyService, "key-service"},
	{ErrStorage, "storage"}, {ErrUnknown, "unknown"}, {ErrRepeated, "repeated"}, {ErrNotAllowed, "not-allowed"}, {ErrNotTaken, "not-taken"}, {ErrEnded, "ended"}, {ErrNoHelper, "no-helper"}, {ErrOneOrganisation, "one-organisation"}, {ErrNotSent, "not-sent"}, {ErrClosed, "closed"},
}

// Code returns the stable name of an error of this package, or "" for any other:
// sign-in, card-dead, second-factor, back-off, busy, session-ended, locked, secret-again, not-found, revision, invalid, too-many, too-many-locked,
// not-empty, busy-moving, full, closing, upload-expired, offset, tampered, stale, policy,
// untrusted-key, witness-away, unconfirmed, key-service, storage, unknown, not-allowed, not-taken, ended,
// no-helper, one-organisation, not-sent, closed.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// InvalidError says which field is wrong and what to do. It wraps [ErrInvalid].
type InvalidError struct {
	Field   string // as in the API: "name", "expires", …
	Problem string // "is empty", "is longer than 200 characters", …
}

func (e *InvalidError) Error() string { return fmt.Sprintf("vault: %s %s", e.Field, e.Problem) }

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// BackOffError says how long to wait before the next try is looked at. It
// wraps [ErrBackOff].
type BackOffError struct{ Wait time.Duration }

func (e *BackOffError) Error() string {
	return fmt.Sprintf("vault: too many tries, wait %s", e.Wait.Round(time.Second))
}

// Unwrap returns ErrBackOff.
func (e *BackOffError) Unwrap() error { return ErrBackOff }

// OffsetError says how many bytes of an upload are there. It wraps [ErrOffset].
type OffsetError struct {
	Offset int64 // bytes that are durable: go on from here
	Size   int64 // bytes that the document has
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("vault: %d bytes of the upload are there, of %d", e.Offset, e.Size)
}

// Unwrap returns ErrOffset.
func (e *OffsetError) Unwrap() error { return ErrOffset }

// MissingError names what the index of a vault lists and the store does not
// give, so that a deletion by the store is told by id (B2). It wraps [ErrTampered].
type MissingError struct{ Item ItemID }

func (e *MissingError) Error() string { return "vault: item " + e.Item.String() + " is missing" }

// Unwrap returns ErrTampered.
func (e *MissingError) Unwrap() error { return ErrTampered }

// TamperedError names what is not as this vault wrote it. It wraps [ErrTampered].
type TamperedError struct {
	What string // "item 2kj…", "shared head", "journal entry 12", …
}

func (e *TamperedError) Error() string { return "vault: " + e.What + " was altered" }

// Unwrap returns ErrTampered.
func (e *TamperedError) Unwrap() error { return ErrTampered }

func tampered(format string, args ...any) error {
	return &TamperedError{What: fmt.Sprintf(format, args...)}
}
