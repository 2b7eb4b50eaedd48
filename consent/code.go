package consent

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// Codes are digits, in groups of four, of which the last two check the others: they
// can be printed, read aloud and typed in every script.
const (
	sheetDigits      = 24 // 22 drawn: 73 bits, that nobody tries out with a copy of the store
	invitationDigits = 16 // 14 drawn: 46 bits; it opens nothing
)

// newCode draws a code of so many digits, the two that check included.
func newCode(digits int) (string, error) {
	all := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits-2)), nil)
	n, err := rand.Int(rand.Reader, all)
	if err != nil {
		return "", err
	}
	text := n.String()
	text = strings.Repeat("0", digits-2-len(text)) + text
	return inGroups(text + checkDigits(text)), nil
}

func inGroups(digits string) string {
	var groups []string
	for ; len(digits) > fingerGroup; digits = digits[fingerGroup:] {
		groups = append(groups, digits[:fingerGroup])
	}
	return strings.Join(append(groups, digits), " ")
}

// readCode reads a code as people type it, and gives it one spelling.
// vault.ErrInvalid for what is mistyped, which says nothing about whether there is
// such a code.
func readCode(field, typed string, digits int) (string, error) {
	text, ok := digitsOf(typed)
	if !ok || len(text) != digits || checkDigits(text[:digits-2]) != text[digits-2:] {
		return "", invalid(field, "is not the %d digits of a code; one is missing or mistyped", digits)
	}
	return inGroups(text), nil
}
