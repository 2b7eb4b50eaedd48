package seal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// Formats of envelopes. There has been one; what is below MinFormat or above
// Format is refused (attack E6).
const (
	MinFormat uint8 = 1
	Format    uint8 = 1
)

// Algorithm says how an envelope's payload was made. An id is never reused.
type Algorithm uint8

const (
	AlgXAES      Algorithm = 1 // XAES-256-GCM, salt of 12 bytes, raw (no Tink prefix)
	AlgBox       Algorithm = 2 // HPKE base mode: X-Wing, HKDF-SHA256, AES-256-GCM
	AlgCommitted Algorithm = 3 // commitment of 32 bytes, then XAES-256-GCM; both keys by HKDF-SHA256
	AlgEd25519   Algorithm = 4 // Ed25519; the clear header is the message
	AlgStream    Algorithm = 5 // Tink AES256-GCM-HKDF, segments of 256 KiB; never in an envelope, see stream.go
	AlgKeeper    Algorithm = 6 // whatever the key service makes; the context is inside its plaintext
)

// inEnvelope says whether payloads of this algorithm lie in envelopes.
func (a Algorithm) inEnvelope() bool {
	return a >= AlgXAES && a <= AlgKeeper && a != AlgStream
}

// An envelope, as it is stored:
//
//	0      1         2      4              8
//	+------+---------+------+--------------+--------------+---------+
//	|format|algorithm| type | clear length | clear header | payload |
//	|  u8  |   u8    | u16  |     u32      |              |         |
//	+------+---------+------+--------------+--------------+---------+
//
// Numbers are big-endian. The clear header can be read without a key and is
// bound to the payload as associated data, with everything before it.
const envelopeHead = 8

type envelope struct {
	alg     Algorithm
	typ     Type
	clear   []byte
	payload []byte
}

// ParseClear returns the type and the clear header of an envelope without any
// key. What it returns is what the store claims: nothing is verified before the
// envelope is opened. The header is a part of b, not a copy.
func ParseClear(b []byte) (Type, []byte, error) {
	e, err := parse(b)
	return e.typ, e.clear, err
}

// Digest is the SHA-256 of a stored record, as heads and pages name it.
func Digest(b []byte) [32]byte { return sha256.Sum256(b) }

func parse(b []byte) (envelope, error) {
	if len(b) < envelopeHead {
		return envelope{}, fmt.Errorf("%w: shorter than its head", ErrFormat)
	}
	if b[0] < MinFormat || b[0] > Format { // E6
		return envelope{}, fmt.Errorf("%w: version", ErrFormat)
	}
	e := envelope{alg: Algorithm(b[1]), typ: Type(binary.BigEndian.Uint16(b[2:]))}
	if !e.alg.inEnvelope() { // E7
		return envelope{}, fmt.Errorf("%w: algorithm", ErrFormat)
	}
	if !e.typ.known() {
		return envelope{}, fmt.Errorf("%w: type", ErrFormat)
	}
	n, rest := uint64(binary.BigEndian.Uint32(b[4:])), b[envelopeHead:]
	if n > uint64(len(rest)) {
		return envelope{}, fmt.Errorf("%w: clear header longer than the envelope", ErrFormat)
	}
	e.clear, e.payload = rest[:n:n], rest[n:]
	return e, nil
}

// parseFor is parse for who knows what must be there: the algorithm comes from
// the caller, never from the bytes (E7), and the type from the place (I3).
func parseFor(c Context, alg Algorithm, b []byte) (envelope, error) {
	if err := c.check(); err != nil {
		return envelope{}, err
	}
	e, err := parse(b)
	if err != nil {
		return envelope{}, err
	}
	if e.alg != alg {
		return envelope{}, fmt.Errorf("%w: another algorithm than this place demands", ErrFormat)
	}
	if e.typ != c.Type {
		return envelope{}, ErrOpen
	}
	return e, nil
}

func frame(c Context, alg Algorithm, clear, payload []byte) []byte {
	b := make([]byte, 0, envelopeHead+len(clear)+len(payload))
	b = append(b, Format, byte(alg))
	b = binary.BigEndian.AppendUint16(b, uint16(c.Type))
	b = binary.BigEndian.AppendUint32(b, uint32(len(clear)))
	b = append(b, clear...)
	return append(b, payload...)
}

// checkSeal is what every sealing method demands of its caller.
func checkSeal(c Context, zeroKey bool, clear []byte) error {
	if zeroKey {
		return fmt.Errorf("%w: zero key", ErrArgument)
	}
	if uint64(len(clear)) > math.MaxUint32 {
		return fmt.Errorf("%w: clear header too long", ErrArgument)
	}
	return c.check()
}
