package consent

import (
	"crypto/sha256"
	"math/big"
	"strings"

	"rsc.io/qr"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// A fingerprint is a relay's key as it is read aloud: 24 digits in six groups of
// four. 22 of them are the key's (73 bits), two check the others. Digits exist in
// every script, and everybody can say them.
const (
	fingerDigits = 22
	fingerAll    = 24
)

// Fingerprint returns the 24 digits of a relay's key, in groups of four:
// "4821 0377 …". To find another key with the same one takes 2^73 tries.
func Fingerprint(key RelayKey) string {
	return digits.InGroups(fingerprintDigits(key))
}

func fingerprintDigits(key RelayKey) string {
	sum := sha256.Sum256(append([]byte("reconnect relay fingerprint v1 "), key[:]...))
	// 256 bits modulo 10^22: no digit is more likely than another, but for 2^-182.
	n := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), new(big.Int).Exp(big.NewInt(10), big.NewInt(fingerDigits), nil))
	return digits.Complete(n, fingerAll)
}

// WellTyped reports whether what was typed can be a fingerprint at all: 24 digits,
// of any script, whose check digits are right. Where it is false, somebody misheard
// or mistyped; where it is true and [SameFingerprint] is false, it is another key.
func WellTyped(typed string) bool {
	_, ok := digits.Read(typed, fingerAll)
	return ok
}

// SameFingerprint reports whether what was typed is the fingerprint of a key: its 24
// digits, of any script; spaces, dashes and dots between them do not count.
func SameFingerprint(typed string, key RelayKey) bool {
	read, ok := digits.Of(typed)
	return ok && read == fingerprintDigits(key)
}

// qrBegin is what the text of a relay's QR code begins with.
const qrBegin = "reconnect:relay:"

// QRText is what the QR code of a relay says: its id, and the digits of its key's
// fingerprint.
func QRText(r Relay) string { return qrBegin + r.ID.String() + ":" + fingerprintDigits(r.Key) }

// ParseQRText reads what QRText wrote: the relay's id and a fingerprint for
// [SameFingerprint]. It is only as true as where it was read from: what counts is
// that the directory names the relay with a key of this fingerprint.
// vault.ErrInvalid if it is another text.
func ParseQRText(text string) (id RelayID, fingerprint string, err error) {
	rest, ok := strings.CutPrefix(text, qrBegin)
	name, fingerprint, colon := strings.Cut(rest, ":")
	id, err = ParseRelayID(name)
	plain := strings.IndexFunc(fingerprint, func(r rune) bool { return r < '0' || r > '9' }) < 0
	if !ok || !colon || err != nil || !plain || !WellTyped(fingerprint) {
		return RelayID{}, "", invalid("code", "is not the code of a relay")
	}
	return id, fingerprint, nil
}

// qrScale is the width of one square of a QR code, in pixels.
const qrScale = 8

// QR returns the QR code of a relay (ISO/IEC 18004) as a PNG, dark on white with the
// margin that readers need, to be put on the wall of the place. A quarter of it may
// be damaged.
func QR(r Relay) (png []byte, err error) {
	if seal.CheckPublic(r.Key[:]) != nil || r.ID.IsZero() {
		return nil, invalid("relay", "has no key or no id")
	}
	code, err := qr.Encode(QRText(r), qr.Q)
	if err != nil {
		return nil, invalid("relay", "has no QR code: %v", err)
	}
	code.Scale = qrScale
	return code.PNG(), nil
}
