package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// AES-GCM does not commit to its key: one ciphertext can be crafted to open
// under many, so that a store could test many guesses at a password in one try
// (partitioning oracles; attacks A11, E5). Envelopes whose key comes from a human
// secret therefore begin with a value that only one key gives:
//
//	HKDF-SHA256(key, info = suite, context) = commitment 32 | sealing key 32
//
//	payload: commitment 32 | XAES-256-GCM (salt 12, IV 12, ciphertext, tag 16)
const (
	commitmentSize = 32
	xaesOverhead   = xaesSalt + 12 + 16
)

// SealCommitted is [Key.Seal] for keys that come from a human secret.
func (k Key) SealCommitted(c Context, clear, body []byte) ([]byte, error) {
	if err := checkSeal(c, k.IsZero(), clear); err != nil {
		return nil, err
	}
	commitment, sealing, err := k.commit(c)
	if err != nil {
		return nil, err
	}
	payload, err := sealXAES(sealing, PadBody(body), c.bind(Format, AlgCommitted, clear))
	if err != nil {
		return nil, err
	}
	return frame(c, AlgCommitted, clear, append(commitment, payload...)), nil
}

// OpenCommitted opens what [Key.SealCommitted] made with the same key for the
// same place.
func (k Key) OpenCommitted(c Context, envelope []byte) (clear, body []byte, err error) {
	e, err := parseFor(c, AlgCommitted, envelope)
	if err != nil {
		return nil, nil, err
	}
	// E4: a payload of a length that SealCommitted never makes is refused before
	// anything is derived or decrypted.
	if !isBodySize(len(e.payload) - commitmentSize - xaesOverhead) {
		return nil, nil, fmt.Errorf("%w: length", ErrFormat)
	}
	if k.IsZero() {
		return nil, nil, ErrOpen
	}
	commitment, sealing, err := k.commit(c)
	if err != nil {
		return nil, nil, ErrOpen
	}
	// A11, E5: compared before decrypting, in constant time.
	if subtle.ConstantTimeCompare(commitment, e.payload[:commitmentSize]) != 1 {
		return nil, nil, ErrOpen
	}
	body, err = openXAES(sealing, e.payload[commitmentSize:], c.bind(Format, AlgCommitted, e.clear))
	if err != nil {
		return nil, nil, err
	}
	return e.clear, body, nil
}

func (k Key) commit(c Context) (commitment, sealing []byte, err error) {
	info := append(c.bind(Format, AlgCommitted, nil), "commit"...)
	b, err := hkdf.Key(sha256.New, k.raw(), nil, string(info), 2*commitmentSize)
	if err != nil {
		return nil, nil, errTink("commitment")
	}
	return b[:commitmentSize:commitmentSize], b[commitmentSize:], nil
}
