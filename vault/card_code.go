package vault

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// The code of an access card is what is printed on it, as text and as a QR code:
// forty characters in groups of four,
//
//	base32(login 5 | secret 16 | check 4)
//
// where login is the number of its first eleven digits (the twelfth follows from
// them), and check the first bytes of SHA-256 over a label, login and secret. The
// alphabet is Crockford's: no I, L, O or U, so that what is read wrong can be
// typed wrong and is still the same; all of it fits the alphanumeric mode of a QR
// code (ISO/IEC 18004), which is smaller for it.
type cardCode struct {
	login  string // as normalised
	secret [16]byte
}

const (
	cardAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	cardLabel    = "reconnect access card 1"
	cardChars    = 40
	cardGroup    = 4
	cardLogin    = 5 // bytes
	cardCheck    = 4
)

func cardText() *base32.Encoding {
	return base32.NewEncoding(cardAlphabet).WithPadding(base32.NoPadding)
}

// newCardCode draws the secret of a card.
func newCardCode(login string) cardCode {
	c := cardCode{login: login}
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

func (c cardCode) String() string { return "access card" } // never its secret

// text is what is printed.
func (c cardCode) text() string {
	digits := strings.ReplaceAll(c.login, " ", "")
	number, _ := strconv.ParseUint(digits[:loginDigits-1], 10, 64) // a normal login has nothing but digits
	raw := binary.BigEndian.AppendUint64(nil, number)[8-cardLogin:]
	raw = append(raw, c.secret[:]...)
	text := cardText().EncodeToString(append(raw, cardSum(raw)...))
	groups := make([]string, 0, cardChars/cardGroup)
	for ; text != ""; text = text[cardGroup:] {
		groups = append(groups, text[:cardGroup])
	}
	return strings.Join(groups, " ")
}

func cardSum(raw []byte) []byte {
	sum := sha256.Sum256(append([]byte(cardLabel), raw...))
	return sum[:cardCheck]
}

// separators are what people put between groups of characters, and what a keyboard of
// another direction of writing puts there by itself.
const separators = ".-–—\u200e\u200f\u202a\u202b\u202c"

// parseCardCode reads a card as people type it or a camera reads it: letters in
// either case, digits of any script, with spaces and dashes. A slip is an
// InvalidError, which says nothing about whether there is such a card.
func parseCardCode(s string) (c cardCode, err error) {
	bad := &InvalidError{Field: "card", Problem: "is not the code of an access card; a character is missing or mistyped"}
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
	if err != nil || text.Len() != cardChars {
		return c, bad
	}
	body, sum := raw[:len(raw)-cardCheck], raw[len(raw)-cardCheck:]
	if subtle.ConstantTimeCompare(sum, cardSum(body)) != 1 {
		return c, bad
	}
	number := binary.BigEndian.Uint64(append(make([]byte, 8-cardLogin), body[:cardLogin]...))
	login, ok := loginOf(number)
	if !ok {
		return c, bad
	}
	copy(c.secret[:], body[cardLogin:])
	c.login = login
	return c, nil
}

// loginOf is the login whose first eleven digits are a number.
func loginOf(number uint64) (login string, ok bool) {
	digits := []byte(strconv.FormatUint(number, 10))
	if len(digits) >= loginDigits {
		return "", false
	}
	for len(digits) < loginDigits-1 {
		digits = append([]byte{'0'}, digits...)
	}
	return formatLogin(string(completed(digits))), true
}

// readCard reads what somebody types or scans at a sign-in.
func readCard(card, pin string) (code cardCode, digits string, err error) {
	if code, err = parseCardCode(card); err != nil {
		return code, "", err
	}
	digits, err = normalPIN(pin)
	return code, digits, err
}

// pinDigits is the length of a PIN. It can be short because the witness counts
// every try and stops after twenty.
const pinDigits = 6

func normalPIN(s string) (string, error) {
	pin, ok := digitsOf(s, pinDigits)
	if !ok {
		return "", &InvalidError{Field: "pin", Problem: "is not six digits"}
	}
	return pin, nil
}

// CheckPIN says whether a PIN can be chosen for an access card, before anything is
// made of it: InvalidError for what is not six digits, for what a finder of the card
// tries first, and for a part of the login.
func CheckPIN(pin, login string) error {
	_, err := newPIN(pin, login)
	return err
}

// newPIN is normalPIN for one that is being chosen: what a finder of the card tries
// first is refused.
func newPIN(s, login string) (string, error) {
	pin, err := normalPIN(s)
	if err != nil {
		return "", err
	}
	distinct, steps := map[byte]bool{}, map[byte]bool{}
	for i := range pinDigits {
		if distinct[pin[i]] = true; i > 0 {
			steps[(pin[i]-pin[i-1]+10)%10] = true
		}
	}
	half, pairs := pinDigits/2, pin[0] == pin[1] && pin[2] == pin[3] && pin[4] == pin[5]
	mirrored := pin[0] == pin[5] && pin[1] == pin[4] && pin[2] == pin[3]
	switch {
	case len(distinct) < 3, len(steps) == 1, pin[:half] == pin[half:], pairs, mirrored:
		return "", &InvalidError{Field: "pin", Problem: "is one that others try first, such as 123456 or 112233"}
	case strings.Contains(strings.ReplaceAll(login, " ", ""), pin):
		return "", &InvalidError{Field: "pin", Problem: "is a part of the login, which stands on the card"}
	}
	return pin, nil
}

// What is made of the secret on a card. Everything is bound to vault and slot, so
// that nothing of one card fits another (F2).

// check tells whether a keyslot is this card's. It lies under the wrapping key,
// and says nothing of a secret of 128 random bits.
func (c cardCode) check(id ID, slot [16]byte) []byte {
	return seal.DeriveKey(c.secret[:], "access card check", append(id[:], slot[:]...)).Bytes()
}

// input is what the witness is given of a PIN. Without the card it is random.
func (c cardCode) input(id ID, slot [16]byte, pin string) [32]byte {
	key := seal.DeriveKey(c.secret[:], "access card PIN", append(id[:], slot[:]...)).Bytes()
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(pin)) // never fails
	return [32]byte(h.Sum(nil))
}

// key opens the envelopes of the slot: it takes the card, and what the witness made
// of the PIN.
func (c cardCode) key(id ID, slot [16]byte, output [32]byte) seal.Key {
	return seal.DeriveKey(append(c.secret[:], output[:]...), "access card slot", append(id[:], slot[:]...))
}
