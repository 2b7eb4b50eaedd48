package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"unicode"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// The code of a link is all that it takes to use it, and lies behind the # of its
// address, which no browser sends anywhere. Under the QR code it is printed, too:
// 32 characters in groups of four, of the alphabet of an access card (card_code.go),
//
//	base32(secret 16 | check 4)
//
// where check are the first bytes of SHA-256 over a label and the secret.
type linkCode struct{ secret [16]byte }

const (
	linkLabel = "reconnect link 1"
	linkChars = 32
	linkCheck = 4
)

func newLinkCode() (c linkCode) {
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

func (c linkCode) String() string { return "link" } // never its secret

// GoString keeps the secret from %#v, too.
func (c linkCode) GoString() string { return "link" }

func (c linkCode) text() string {
	text := cardText().EncodeToString(append(append([]byte(nil), c.secret[:]...), c.sum()...))
	groups := make([]string, 0, linkChars/cardGroup)
	for ; text != ""; text = text[cardGroup:] {
		groups = append(groups, text[:cardGroup])
	}
	return strings.Join(groups, "-")
}

func (c linkCode) sum() []byte {
	sum := sha256.Sum256(append([]byte(linkLabel), c.secret[:]...))
	return sum[:linkCheck]
}

// id names the link in the store, and says nothing of its secret.
func (c linkCode) id() (id LinkID) {
	copy(id[:], seal.DeriveKey(c.secret[:], "link id", nil).Bytes())
	return id
}

// key opens what the store keeps of the link.
func (c linkCode) key() seal.Key { return seal.DeriveKey(c.secret[:], "link key", nil) }

// parseLinkCode reads the code of a link as people type it, or a camera reads it: letters
// in either case, digits of any script, with spaces and dashes. A slip is an InvalidError,
// which says nothing about whether there is such a link.
func parseLinkCode(s string) (c linkCode, err error) {
	bad := &InvalidError{Field: "code", Problem: "is not the code of a link; a character is missing or mistyped"}
	if len(s) > 500 {
		return c, bad
	}
	var text strings.Builder
	for _, r := range s {
		if d, ok := digits.Value(r); ok {
			text.WriteByte('0' + d)
			continue
		}
		switch u := unicode.ToUpper(r); {
		case u == 'O':
			text.WriteByte('0')
		case u == 'I' || u == 'L':
			text.WriteByte('1')
		case u < unicode.MaxASCII && strings.ContainsRune(cardAlphabet, u):
			text.WriteRune(u)
		case !unicode.IsSpace(r) && !strings.ContainsRune(separators, r):
			return c, bad
		}
	}
	raw, err := cardText().DecodeString(text.String())
	if err != nil || len(raw) != len(c.secret)+linkCheck || text.Len() != linkChars {
		return c, bad
	}
	copy(c.secret[:], raw)
	if subtle.ConstantTimeCompare(raw[len(c.secret):], c.sum()) != 1 {
		return linkCode{}, bad
	}
	return c, nil
}
