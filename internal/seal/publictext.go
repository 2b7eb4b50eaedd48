package seal

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// PublicText is how people hand a public key of one kind to each other: the
// prefix and seven groups of eight letters and digits, of which the last five
// characters check the others. What is of another kind, or mistyped, is noticed.
type PublicText struct {
	Prefix string // "rw", "ra", …
	Label  string // goes into the check characters; no two kinds have the same
}

const (
	publicGroup = 8
	publicCheck = 3 // bytes; with the 32 of the key they fill 56 characters exactly
)

var publicBase = base32.StdEncoding.WithPadding(base32.NoPadding) // RFC 4648: no 0, 1, 8 or 9

// Format returns the text of a key of 32 bytes: 63 characters and the prefix.
func (p PublicText) Format(key [PublicSize]byte) string {
	letters := strings.ToLower(publicBase.EncodeToString(append(key[:], p.check(key)...)))
	text := p.Prefix
	for ; letters != ""; letters = letters[publicGroup:] {
		text += "-" + letters[:publicGroup]
	}
	return text
}

func (p PublicText) check(key [PublicSize]byte) []byte {
	sum := sha256.Sum256(append([]byte(p.Label+" "), key[:]...))
	return sum[:publicCheck]
}

// Parse reads the text of a key: dashes, spaces and the case of letters do not
// count. ErrFormat if it is not one, or not of a key that can be trusted to name
// one signer. A key that was typed wrong is noticed but for one time in 16 million.
func (p PublicText) Parse(text string) (key [PublicSize]byte, err error) {
	letters := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(text))
	letters, ok := strings.CutPrefix(letters, strings.ToUpper(p.Prefix))
	// Decoding ignores line breaks; the length leaves no room for them.
	raw, err := publicBase.DecodeString(letters)
	if !ok || err != nil || len(letters) != publicBase.EncodedLen(PublicSize+publicCheck) || len(raw) != PublicSize+publicCheck {
		return key, fmt.Errorf("%w: not a public key, which is %s- and seven groups of eight letters and digits", ErrFormat, p.Prefix)
	}
	given := [PublicSize]byte(raw[:PublicSize])
	if string(p.check(given)) != string(raw[PublicSize:]) {
		return key, fmt.Errorf("%w: a character of the public key is wrong", ErrFormat)
	}
	return given, CheckPublic(given[:])
}
