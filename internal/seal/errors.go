package seal

import "errors"

// The closed set of errors of this package. Test them with [errors.Is].
var (
	// ErrOpen: wrong key, altered, truncated, or not meant for this place. These
	// are one error on purpose: whoever serves the bytes must not learn which.
	ErrOpen = errors.New("seal: cannot be opened")
	// ErrFormat: the envelope's version or algorithm is missing, unknown or below
	// the minimum, or the bytes are malformed. Refused before any key is used.
	ErrFormat = errors.New("seal: unknown or malformed format")
	// ErrKDF: parameters for a human secret are missing, below the floor or above
	// the ceiling. Refused before anything is derived.
	ErrKDF = errors.New("seal: KDF parameters refused")
	// ErrArgument: the caller's own mistake: a zero key, a context without a type,
	// a range outside the document, a value that has no exact encoding.
	ErrArgument = errors.New("seal: invalid argument")
)
