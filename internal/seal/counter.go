package seal

import "bytes"

// requestCounter begins every counter of a witness that is for a way back in.
var requestCounter = []byte("requests")

// RequestCounter names a counter of a witness for a way back in, of a hash that nobody
// can guess. The name itself says what it is for, so that a witness which has lost what
// it knew, and was given its keys again, still evaluates there within requests only.
// Another counter begins so once in 2^64.
func RequestCounter(hash [32]byte) [32]byte {
	copy(hash[:], requestCounter)
	return hash
}

// IsRequestCounter says whether a counter is one of [RequestCounter].
func IsRequestCounter(counter [32]byte) bool { return bytes.HasPrefix(counter[:], requestCounter) }
