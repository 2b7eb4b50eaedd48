package seal

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
)

// PublicSize is the length of an Ed25519 public key.
const PublicSize = ed25519.PublicKeySize

// detached is the format number that a signature outside an envelope is bound
// to. No envelope has it, so that neither can be made into the other.
const detached uint8 = 0

// SigningKey is the 32-byte seed of an Ed25519 key (RFC 8032). It cannot be
// printed.
type SigningKey struct{ secret }

// NewSigningKey draws a key.
func NewSigningKey() SigningKey { return SigningKey{randomSecret()} }

// SigningKeyFromBytes takes the 32-byte seed, copied. All zero is refused.
func SigningKeyFromBytes(seed []byte) (SigningKey, error) {
	s, err := newSecret(seed)
	return SigningKey{s}, err
}

// Public returns the 32-byte public key, nil for a zero key.
func (k SigningKey) Public() []byte {
	if k.IsZero() {
		return nil
	}
	return bytes.Clone(k.private()[32:])
}

func (k SigningKey) private() ed25519.PrivateKey {
	h := *k.p
	h.pair.Do(func() { h.sign = ed25519.NewKeyFromSeed(h.raw[:]) })
	return h.sign
}

// Sign signs message for the place c. The signature is 64 bytes and does not
// contain the message. A zero key gives nil, which verifies nowhere.
func (k SigningKey) Sign(c Context, message []byte) []byte {
	if k.IsZero() {
		return nil
	}
	return ed25519.Sign(k.private(), c.bind(detached, AlgEd25519, message))
}

// VerifySignature checks what [SigningKey.Sign] made for the same place: ErrOpen
// if it is not that, ErrFormat if public is not a key that can be trusted to
// name one signer.
func VerifySignature(public []byte, c Context, message, sig []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	return verify(public, c.bind(detached, AlgEd25519, message), sig)
}

// SignEnvelope makes an envelope that everybody can read and only this key can
// make: the body is the clear header, the payload the signature over it.
func (k SigningKey) SignEnvelope(c Context, body []byte) ([]byte, error) {
	if err := checkSeal(c, k.IsZero(), body); err != nil {
		return nil, err
	}
	sig := ed25519.Sign(k.private(), c.bind(Format, AlgEd25519, body))
	return frame(c, AlgEd25519, body, sig), nil
}

// OpenSigned returns the body of what [SigningKey.SignEnvelope] made with the
// key of public for the same place. body is a part of envelope.
func OpenSigned(public []byte, c Context, envelope []byte) (body []byte, err error) {
	e, err := parseFor(c, AlgEd25519, envelope)
	if err != nil {
		return nil, err
	}
	if err := verify(public, c.bind(Format, AlgEd25519, e.clear), e.payload); err != nil {
		return nil, err
	}
	return e.clear, nil
}

// CheckPublic refuses what is no Ed25519 public key or one of low order, under
// which one signature verifies for many messages (attack D7).
func CheckPublic(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: length of public key", ErrFormat)
	}
	y := [32]byte(public)
	y[31] &= 0x7f // the sign bit
	for _, low := range lowOrder {
		if y == low {
			return fmt.Errorf("%w: public key", ErrFormat)
		}
	}
	if !canonical25519(y[:]) {
		return fmt.Errorf("%w: public key", ErrFormat)
	}
	return nil
}

func verify(public, message, sig []byte) error {
	if err := CheckPublic(public); err != nil {
		return err
	}
	if len(sig) != ed25519.SignatureSize || !ed25519.Verify(public, message, sig) {
		return ErrOpen
	}
	return nil
}

// lowOrder are the y coordinates of the eight points of low order, in their
// canonical encodings; others are refused as not canonical.
var lowOrder = [...][32]byte{
	{},  // order 4
	{1}, // order 1
	{ // order 8
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
	{ // order 8
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
	{ // order 2
		0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	},
}
