package seal

import (
	"bytes"
	"math"
	"math/bits"
)

const (
	minBody  = 256     // the smallest class of bodies: no title has a visible length (A9)
	pow2Body = 4 << 10 // classes are powers of two up to here, then Padmé

	minDocument = 1 << 10 // the smallest class of documents

	// MaxStream is the longest document, in bytes.
	MaxStream int64 = 1 << 40
)

// PadBody appends 0x80 and then zeros up to the body's size class: 256 bytes,
// then powers of two to 4 KiB, then Padmé, which adds at most a sixteenth. The
// result is new.
func PadBody(body []byte) []byte {
	padded := make([]byte, bodySize(len(body)+1))
	copy(padded, body)
	padded[len(body)] = 0x80
	return padded
}

// UnpadBody takes the padding off again. ErrOpen unless it is exactly what
// PadBody adds. The result is a part of padded.
func UnpadBody(padded []byte) ([]byte, error) {
	end := len(bytes.TrimRight(padded, "\x00"))
	if end == 0 || padded[end-1] != 0x80 || bodySize(end) != len(padded) {
		return nil, ErrOpen
	}
	return padded[: end-1 : end-1], nil
}

// bodySize is the class of n bytes, the end mark among them.
func bodySize(n int) int {
	switch {
	case n <= minBody:
		return minBody
	case n <= pow2Body:
		return 1 << bits.Len(uint(n-1))
	default:
		return int(padme(int64(n)))
	}
}

// isBodySize says whether n is a size class.
func isBodySize(n int) bool { return n >= minBody && bodySize(n) == n }

// PaddedSize returns how long a document of n bytes is once it is padded: Padmé
// (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
// Communication with PURBs", 2019), at least 1 KiB. A length then shows only
// log log n bits, for at most 6 % more, and 3 % from 64 KiB. A length that no
// document has (negative, over MaxStream) answers math.MaxInt64, which no quota
// admits.
func PaddedSize(n int64) int64 {
	switch {
	case n < 0 || n > MaxStream:
		return math.MaxInt64
	case n <= minDocument:
		return minDocument
	default:
		return padme(n)
	}
}

// padme rounds n > 1 up so that only its first bits, as many as its exponent has
// bits, are not zero.
func padme(n int64) int64 {
	e := bits.Len64(uint64(n)) - 1
	s := bits.Len64(uint64(e))
	mask := int64(1)<<(e-s) - 1
	return (n + mask) &^ mask
}
