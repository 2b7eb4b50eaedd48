package consent

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"rsc.io/qr"

	"reconnect.example/internal/seal"
)

// A fingerprint is a relay's key as it is read aloud: 24 digits in six groups of
// four. 22 of them are the key's (73 bits), two check the others. Digits exist in
// every script, and everybody can say them.
const (
	fingerDigits = 22
	fingerGroup  = 4
	fingerAll    = 24
)

// Fingerprint returns the 24 digits of a relay's key, in groups of four:
// "4821 0377 …". To find another key with the same one takes 2^73 tries.
func Fingerprint(key RelayKey) string {
	digits := fingerprintDigits(key)
	groups := make([]string, 0, fingerAll/fingerGroup)
	for ; digits != ""; digits = digits[fingerGroup:] {
		groups = append(groups, digits[:fingerGroup])
	}
	return strings.Join(groups, " ")
}

func fingerprintDigits(key RelayKey) string {
	sum := sha256.Sum256(append([]byte("reconnect relay fingerprint v1 "), key[:]...))
	// 256 bits modulo 10^22: no digit is more likely than another, but for 2^-182.
	n := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), new(big.Int).Exp(big.NewInt(10), big.NewInt(fingerDigits), nil))
	digits := fmt.Sprintf("%0*s", fingerDigits, n.String())
	return digits + checkDigits(digits)
}

// checkDigits are those of ISO 7064, MOD 97-10, as in bank accounts: every wrong
// digit and every two that were exchanged are noticed.
func checkDigits(digits string) string {
	rest := 0
	for _, d := range digits + "00" {
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("%02d", 98-rest)
}

// WellTyped reports whether what was typed can be a fingerprint at all: 24 digits,
// of any script, whose check digits are right. Where it is false, somebody misheard
// or mistyped; where it is true and [SameFingerprint] is false, it is another key.
func WellTyped(typed string) bool {
	digits, ok := digitsOf(typed)
	return ok && len(digits) == fingerAll && checkDigits(digits[:fingerDigits]) == digits[fingerDigits:]
}

// SameFingerprint reports whether what was typed is the fingerprint of a key: its 24
// digits, of any script; spaces, dashes and dots between them do not count.
func SameFingerprint(typed string, key RelayKey) bool {
	digits, ok := digitsOf(typed)
	return ok && digits == fingerprintDigits(key)
}

// mostTyped bounds what is looked at, in bytes.
const mostTyped = 512

// digitsOf brings digits of any script to 0-9, and drops what stands between them.
func digitsOf(typed string) (digits string, ok bool) {
	if len(typed) > mostTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case unicode.Is(unicode.Nd, r):
			b.WriteByte('0' + digitValue(r))
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), r == '.', r == '·':
		default:
			return "", false
		}
	}
	return b.String(), true
}

// digitValue is the value of a decimal digit. Unicode keeps the ten digits of each
// script together, from zero to nine (Unicode Standard, section 4.6).
func digitValue(r rune) byte {
	zero := r
	for unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return byte(r-zero) % 10
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
