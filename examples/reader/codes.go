package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 as every authenticator app speaks it
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// What people read aloud, type and scan, as docs/format.md draws it.

var errSecondFactor = errors.New("second-factor")

// digits reads those of any script, and drops what stands between them; false for what is
// not so many.
func digits(typed string, count int) (string, bool) {
	var plain strings.Builder
	for _, r := range typed {
		switch {
		case unicode.Is(unicode.Nd, r):
			plain.WriteRune(digitOf(r))
		case !unicode.IsSpace(r) && !unicode.In(r, unicode.Pd, unicode.Cf) && r != '.' && r != '·':
			return "", false
		}
	}
	return plain.String(), plain.Len() == count
}

// grouped writes digits or letters in groups of four.
func grouped(s string) string {
	var groups []string
	for ; len(s) > 4; s = s[4:] {
		groups = append(groups, s[:4])
	}
	return strings.Join(append(groups, s), " ")
}

// checkDigits are those of ISO 7064, MOD 97-10.
func checkDigits(s string) string {
	n, _ := new(big.Int).SetString(s+"00", 10)
	return fmt.Sprintf("%02d", 98-new(big.Int).Mod(n, big.NewInt(97)).Int64())
}

// luhn is the check digit of ISO/IEC 7812-1.
func luhn(s string) bool {
	sum := 0
	for i := range s {
		n := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			n = n*2/10 + n*2%10
		}
		sum += n
	}
	return sum%10 == 0
}

// tryDigits reads a login, an invitation or the code of a relay recovery sheet.
func tryDigits(v *vector) ([]string, error) {
	lengths := map[string]int{"login": 12, "invitation": 16, "sheet": 24}
	count := lengths[v.text("of")]
	plain, ok := digits(v.text("code"), count)
	if count == 12 {
		ok = ok && luhn(plain)
	} else {
		ok = ok && count > 0 && checkDigits(plain[:count-2]) == plain[count-2:]
	}
	if !ok {
		return nil, errInvalid
	}
	if v.text("of") == "invitation" {
		return nil, v.same("hash", digest([]byte("reconnect invitation "+grouped(plain))))
	}
	return nil, nil
}

func fingerprint(key []byte) string {
	n := new(big.Int).Mod(new(big.Int).SetBytes(digest(append([]byte("reconnect relay fingerprint v1 "), key...))), new(big.Int).Exp(big.NewInt(10), big.NewInt(22), nil))
	plain := fmt.Sprintf("%022s", n.String())
	return plain + checkDigits(plain)
}

// tryFingerprint reads what is heard or scanned, and holds it against a key.
func tryFingerprint(v *vector) ([]string, error) {
	plain, ok := digits(v.text("fingerprint"), 24)
	if !ok || checkDigits(plain[:22]) != plain[22:] {
		return nil, errInvalid
	}
	if plain != fingerprint(v.bytes("key")) {
		return nil, refusal("untrusted-key")
	}
	if want := "reconnect:relay:" + v.text("relay") + ":" + plain; v.text("scanned") != want {
		return nil, errInvalid
	}
	return nil, nil
}

// tryPublicText reads a public key as people hand it to each other.
func tryPublicText(v *vector) ([]string, error) {
	letters, ok := strings.CutPrefix(strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(v.text("text"))), v.text("prefix"))
	b, err := base32Text.DecodeString(letters)
	if !ok || err != nil || len(b) != 35 || !bytes.Equal(digest(append([]byte(v.text("label")+" "), b[:32]...))[:3], b[32:]) || !goodPublic(b[:32]) {
		return nil, errInvalid
	}
	return nil, v.same("key", b[:32])
}

// tryTOTP is whether a code of an authenticator app is good: of now, of the step
// before or after, and later than the last that was used.
func tryTOTP(v *vector) ([]string, error) {
	if !goodCode(v.bytes("secret"), v.text("code"), int64(v.number("now"))/30_000, int64(v.number("last"))) {
		return nil, errSecondFactor
	}
	return nil, nil
}

func goodCode(secret []byte, code string, now, last int64) bool {
	for step := now - 1; step <= now+1; step++ {
		if totp(secret, step) == code && step > last {
			return true
		}
	}
	return false
}

func totp(secret []byte, step int64) string {
	h := hmac.New(sha1.New, secret)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// accessCard is what stands on one.
type accessCard struct {
	login  string
	secret []byte
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

func readCard(code string) (c accessCard, err error) {
	b, err := crockford.DecodeString(strings.NewReplacer(" ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code)))
	if err != nil || len(b) != 25 || !bytes.Equal(digest(append([]byte("reconnect access card 1"), b[:21]...))[:4], b[21:]) {
		return c, errInvalid
	}
	number := binary.BigEndian.Uint64(append(make([]byte, 3), b[:5]...))
	login := fmt.Sprintf("%011d", number)
	for d := range 10 {
		if whole := login + strconv.Itoa(d); len(whole) == 12 && luhn(whole) {
			return accessCard{login: grouped(whole), secret: b[5:21]}, nil
		}
	}
	return c, errInvalid
}

// of is what everything that is made of a card is bound to.
func (c accessCard) of(label string, vault [16]byte, slot []byte) []byte {
	return derive(c.secret, "access card "+label, append(vault[:], slot...))
}

// input is what the witness is given of a PIN.
func (c accessCard) input(vault [16]byte, slot []byte, pin string) []byte {
	return hmacOf(c.of("PIN", vault, slot), []byte(pin))
}

// opens is the key of the slot.
func (c accessCard) opens(vault [16]byte, slot, output []byte) []byte {
	return derive(append(bytes.Clone(c.secret), output...), "access card slot", append(vault[:], slot...))
}

// cardCounter is under which name the witness counts the tries of a card.
func cardCounter(lookup []byte, vault [16]byte, slot []byte) []byte {
	return hmacOf(lookup, []byte("card\x00"), vault[:], slot)
}

// evaluate is what the witness makes of a try.
func evaluate(key []byte, vault [16]byte, counter, input []byte) []byte {
	return hmacOf(key, []byte("reconnect witness evaluation 1"), vault[:], counter, input)
}

func hmacOf(key []byte, message ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, m := range message {
		h.Write(m)
	}
	return h.Sum(nil)
}

// tryCardCode reads a card, and makes of it what the service and the witness do.
func tryCardCode(v *vector) ([]string, error) {
	c, err := readCard(v.text("card"))
	if err != nil {
		return nil, err
	}
	vault, slot := [16]byte(v.bytes("vault")), v.bytes("slot")
	counter, input := cardCounter(v.bytes("lookup"), vault, slot), c.input(vault, slot, v.text("pin"))
	output := evaluate(v.bytes("evaluation-key"), vault, counter, input)
	for name, got := range map[string][]byte{
		"secret": c.secret, "check": c.of("check", vault, slot), "counter": counter, "input": input, "output": output, "key": c.opens(vault, slot, output),
	} {
		if err := v.same(name, got); err != nil {
			return nil, err
		}
	}
	if c.login != v.text("login") {
		return nil, fmt.Errorf("another login")
	}
	return nil, nil
}
