// Package digits makes and reads the codes that people carry, read aloud and type:
// digits in groups of four, of which the last two check the others. Digits exist in
// every script, and everybody can say them.
package digits

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"unicode"
)

const (
	group   = 4
	checked = 2 // so many of a code check the others
	// mostTyped bounds what is looked at, in bytes.
	mostTyped = 512
)

// New draws a code of so many digits, the two that check included, without spaces.
// Each code is as likely as any other.
func New(count int) (string, error) {
	all := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(count-checked)), nil)
	n, err := rand.Int(rand.Reader, all)
	if err != nil {
		return "", err
	}
	return Complete(n, count), nil
}

// Complete writes a number as a code of so many digits. The number is smaller than
// there are codes.
func Complete(n *big.Int, count int) string {
	text := fmt.Sprintf("%0*s", count-checked, n.String())
	return text + Check(text)
}

// Check returns the two digits that check others, by ISO 7064, MOD 97-10, as in bank
// accounts: every wrong digit and every two that were exchanged are noticed.
func Check(digits string) string {
	rest := 0
	for _, d := range digits + "00" {
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("%02d", 98-rest)
}

// Read reads a code of so many digits as people type it: see [Of]. ok is false for
// what is mistyped, which says nothing about whether there is such a code.
func Read(typed string, count int) (code string, ok bool) {
	code, ok = Of(typed)
	if !ok || len(code) != count || Check(code[:count-checked]) != code[count-checked:] {
		return "", false
	}
	return code, true
}

// InGroups writes digits in groups of four.
func InGroups(digits string) string {
	var groups []string
	for ; len(digits) > group; digits = digits[group:] {
		groups = append(groups, digits[:group])
	}
	return strings.Join(append(groups, digits), " ")
}

// Of brings digits of any script to 0-9, and drops the spaces, dashes and dots that
// stand between them. ok is false if there is anything else.
func Of(typed string) (digits string, ok bool) {
	if len(typed) > mostTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		if d, is := Value(r); is {
			b.WriteByte('0' + d)
			continue
		}
		if !unicode.IsSpace(r) && !unicode.In(r, unicode.Pd, unicode.Cf) && r != '.' && r != '·' {
			return "", false
		}
	}
	return b.String(), true
}

// Value is the value of a decimal digit of any script. Unicode keeps the ten digits of
// each script together, from zero to nine (Unicode Standard, section 4.6).
func Value(r rune) (value byte, ok bool) {
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	zero := r
	for unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return byte((r - zero) % 10), true
}
