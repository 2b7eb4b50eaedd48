package vault

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/guessed"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A login is twelve digits, "4821 7730 1959", generated, never made from a
// name: it can be read aloud and typed in every script. The last digit is a
// check digit (Luhn, ISO/IEC 7812-1), so that a slip is told from a wrong login
// on the form itself, without asking the service.
const loginDigits = 12

// NewLogin draws a login, for [CreateRequest]. It is nobody's until a vault is made
// with it.
func NewLogin() (string, error) {
	digits := make([]byte, loginDigits)
	for i := range digits[:loginDigits-1] {
		n, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			return "", err
		}
		digits[i] = byte('0' + n.Int64())
	}
	return formatLogin(string(completed(digits[:loginDigits-1]))), nil
}

// completed adds the check digit.
func completed(digits []byte) []byte {
	for d := byte('0'); d <= '9'; d++ {
		if whole := append(slices.Clip(digits), d); luhn(whole) {
			return whole
		}
	}
	return digits // one of ten always fits
}

func formatLogin(d string) string { return d[:4] + " " + d[4:8] + " " + d[8:] }

func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d - '0')
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// NormalLogin reads a login as people type it: digits of any script, with
// spaces, dots or dashes. A login with a wrong check digit is an InvalidError,
// which says nothing about whether an account exists.
func NormalLogin(s string) (string, error) {
	bad := &InvalidError{Field: "login", Problem: "is not the twelve digits of a login; one is missing or mistyped"}
	typed, ok := digitsOf(s, loginDigits)
	if !ok || !luhn([]byte(typed)) {
		return "", bad
	}
	return formatLogin(typed), nil
}

// digitsOf reads so many digits as people type them: see [digits.Of].
func digitsOf(s string, count int) (string, bool) {
	typed, ok := digits.Of(s)
	return typed, ok && len(typed) == count
}

const loginPrefix = "login/"

func loginKey(hash [32]byte) string { return loginPrefix + hex.EncodeToString(hash[:]) }

// login/<keyed hash>: sealed under the service's lookup key, bound to the hash: vault id.
func loginContext(hash [32]byte) seal.Context {
	return seal.Context{Type: seal.TypeLogin, Object: hash[:]}
}

func (s *Vaults) sealLogin(hash [32]byte, id ID) ([]byte, error) {
	return seal.DeriveKey(s.keys.lookup.Bytes(), "login records", nil).Seal(loginContext(hash), nil, id[:])
}

func (s *Vaults) openLogin(hash [32]byte, record []byte) (id ID, err error) {
	_, body, err := seal.DeriveKey(s.keys.lookup.Bytes(), "login records", nil).Open(loginContext(hash), record)
	if err != nil || len(body) != len(id) {
		return id, tampered("login record")
	}
	copy(id[:], body)
	return id, nil
}

// ByLogin returns the vault that a login leads to, as people type it: for an operator
// who was given no more. It says whether there is such an account, so never ask it for
// a stranger. InvalidError, ErrNotFound, ErrTampered, ErrStorage.
func (s *Vaults) ByLogin(ctx context.Context, login string) (ID, error) {
	login, err := NormalLogin(login)
	if err != nil {
		return ID{}, err
	}
	hash := s.keys.login(login)
	rec, err := s.cfg.Store.Get(ctx, loginKey(hash))
	if isNotFound(err) {
		return ID{}, ErrNotFound
	}
	if err != nil {
		return ID{}, storageError(err)
	}
	return s.openLogin(hash, rec.Value)
}

func isNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }

// MinPassword is the least number of characters of a password. There is no rule
// about kinds of characters and no forced renewal, but one that others try first is
// refused (NIST SP 800-63B, CNIL 2022; OWASP ASVS 6.2.4).
const (
	MinPassword = 8
	maxPassword = 256
)

// normalPassword prepares a password by the OpaqueString profile of RFC 8265,
// so that the same word typed on two keyboards is the same secret.
func normalPassword(s string) (string, error) {
	if utf8.RuneCountInString(s) > maxPassword {
		return "", &InvalidError{Field: "password", Problem: "is longer than 256 characters"}
	}
	p, err := precis.OpaqueString.String(s)
	if err != nil {
		return "", &InvalidError{Field: "password", Problem: "is empty or holds characters that cannot be typed"}
	}
	return p, nil
}

// CheckPassword says whether a password can be chosen, before anything is made of it:
// InvalidError. login is whose it will be, "" if that is not known yet.
func CheckPassword(password, login string) error {
	_, err := newPassword(password, login)
	return err
}

// newPassword is normalPassword for a secret that is being chosen. What was chosen
// before a rule came still opens: a sign-in asks none of these.
func newPassword(s, login string) (string, error) {
	p, err := normalPassword(s)
	if err != nil {
		return "", err
	}
	runes := []rune(p)
	if len(runes) < MinPassword {
		return "", &InvalidError{Field: "password", Problem: "has fewer than 8 characters; a few words are easy to remember"}
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(runes))); len(distinct) < 4 {
		return "", &InvalidError{Field: "password", Problem: "repeats the same few characters; a few words are easy to remember"}
	}
	if guessed.Is(p) {
		return "", &InvalidError{Field: "password", Problem: "is one of those that others try first; a few words are easy to remember"}
	}
	if digits := strings.Join(strings.Fields(p), ""); login != "" && digits == strings.ReplaceAll(login, " ", "") {
		return "", &InvalidError{Field: "password", Problem: "is the login; choose something that is not on the card"}
	}
	return p, nil
}

// SuggestPassword returns four made-up words of four letters, "bato kiru mesa
// lova": 49 bits, speakable in many languages. It is an offer, not a rule.
func SuggestPassword() (string, error) {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	words := make([]string, 4)
	for w := range words {
		var b strings.Builder
		for range 2 {
			for _, from := range []string{consonants, vowels} {
				n, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
				if err != nil {
					return "", err
				}
				b.WriteByte(from[n.Int64()])
			}
		}
		words[w] = b.String()
	}
	return strings.Join(words, " "), nil
}
