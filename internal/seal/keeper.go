package seal

import (
	"bytes"
	"fmt"
)

// SealKeeper puts body into the envelope of a key service. encrypt is the key
// service's, its errors come back unchanged. A key service takes no associated
// data with a call, so that the place goes inside (attack H1):
//
//	plaintext for the key service: length u64 | context and binding | body, padded
func SealKeeper(c Context, clear, body []byte, encrypt func(plaintext []byte) ([]byte, error)) ([]byte, error) {
	if err := checkSeal(c, false, clear); err != nil {
		return nil, err
	}
	inside := appendField(nil, c.bind(Format, AlgKeeper, clear))
	payload, err := encrypt(append(inside, PadBody(body)...))
	if err != nil {
		return nil, err
	}
	return frame(c, AlgKeeper, clear, payload), nil
}

// OpenKeeper opens what [SealKeeper] made for the same place. An error of
// decrypt comes back unchanged, so that the caller can tell a key service that
// is away from one that refuses.
func OpenKeeper(c Context, envelope []byte, decrypt func(ciphertext []byte) ([]byte, error)) (clear, body []byte, err error) {
	e, err := parseFor(c, AlgKeeper, envelope)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := decrypt(e.payload)
	if err != nil {
		return nil, nil, err
	}
	inside := appendField(nil, c.bind(Format, AlgKeeper, e.clear))
	padded, ok := bytes.CutPrefix(plaintext, inside)
	if !ok { // H1: right key service, wrong place
		return nil, nil, fmt.Errorf("%w: key service envelope", ErrOpen)
	}
	body, err = UnpadBody(padded)
	if err != nil {
		return nil, nil, err
	}
	return e.clear, body, nil
}
