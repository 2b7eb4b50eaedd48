package witness

import (
	"errors"
	"fmt"
)

// The closed set of errors of this package. Test them with [errors.Is]; the
// text around them is for operators and names no secret.
var (
	// ErrInvalid: a configuration or a report is malformed. This is a mistake of
	// the program that calls; repeating it is useless.
	ErrInvalid = errors.New("witness: invalid argument")
	// ErrForged: a reported owner head does not verify, or is not the one that
	// its checkpoint describes. Treat the store it came from as tampered with.
	ErrForged = errors.New("witness: the owner head does not verify")
	// ErrUntrustedKey: an owner head is well signed, but by a key that the key of
	// the vault did not sign as its successor. Treat it like ErrForged.
	ErrUntrustedKey = errors.New("witness: the owner head is not signed by this vault's key")
	// ErrUnregistered: the witness does not know the vault. Report its owner head first.
	ErrUnregistered = errors.New("witness: the vault is not registered")
	// ErrErased: the vault was erased. It stays so; delete what the store still has of it.
	ErrErased = errors.New("witness: the vault was erased")
	// ErrRestore: a report is of a later restore epoch than the vault's, which only
	// a restore statement begins; or such a statement is not taken: by another key
	// than the operator's, about another vault or another epoch than the next.
	ErrRestore = errors.New("witness: a later restore epoch needs a restore statement of the operator")
	// ErrStatement: a reset statement does not verify under the key of the vault,
	// is about another vault or counter, or about tries that were never counted.
	// Nothing was reset.
	ErrStatement = errors.New("witness: the statement does not reset this counter")
	// ErrGeneration: the witness has no key of this generation. What was made with
	// it, cards for one, must be made anew. Nothing was counted.
	ErrGeneration = errors.New("witness: there is no key of this generation")
	// ErrRuled: the policy of the vault lets this counter be evaluated within a request
	// only, or it belonged to a path that there is no more. Nothing was counted.
	ErrRuled = errors.New("witness: this counter is evaluated within a request only")
	// ErrApproval: what somebody said about a request does not verify, or is not by
	// somebody who helps in this path.
	ErrApproval = errors.New("witness: not approved by somebody who may")
	// ErrRequest: there is no such request, or it is cancelled, over or not agreed to.
	ErrRequest = errors.New("witness: there is no such request, or it is not open")
	// ErrShare: two shares do not come to an escrow. The text around it says which line
	// of which one is wrong, or that they do not belong together.
	ErrShare = errors.New("witness: these are not the two shares of an escrow")
	// ErrUnavailable: the store of the witness failed or ctx ended. Nothing that
	// was acknowledged is lost. A try answered with it must be treated as refused,
	// even if it was counted; a report may be repeated.
	ErrUnavailable = errors.New("witness: the witness's store does not answer")
	// ErrDamaged: the witness's own store holds something that it did not write,
	// or that a newer version of it wrote. An operator must look.
	ErrDamaged = errors.New("witness: the witness's store is damaged")
	// ErrClosed: the witness was closed.
	ErrClosed = errors.New("witness: closed")
)

var sentinels = []error{
	ErrInvalid, ErrForged, ErrUntrustedKey, ErrUnregistered, ErrErased,
	ErrRestore, ErrStatement, ErrGeneration, ErrRuled, ErrApproval, ErrRequest, ErrUnavailable, ErrDamaged, ErrClosed,
}

// closedSet says what was being done and gives every error of the store, and
// the end of a context, the sentinel ErrUnavailable; both can be asked for.
func closedSet(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range sentinels {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}
