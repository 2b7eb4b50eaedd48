package consent

import "reconnect.example/internal/digits"

// Codes are digits, in groups of four, of which the last two check the others: they
// can be printed, read aloud and typed in every script.
const (
	sheetDigits      = 24 // 22 drawn: 73 bits, that nobody tries out with a copy of the store
	invitationDigits = 16 // 14 drawn: 46 bits; it opens nothing
)

// newCode draws a code of so many digits, the two that check included.
func newCode(count int) (string, error) {
	code, err := digits.New(count)
	return digits.InGroups(code), err
}

// readCode reads a code as people type it, and gives it one spelling.
// vault.ErrInvalid for what is mistyped, which says nothing about whether there is
// such a code.
func readCode(field, typed string, count int) (string, error) {
	code, ok := digits.Read(typed, count)
	if !ok {
		return "", invalid(field, "is not the %d digits of a code; one is missing or mistyped", count)
	}
	return digits.InGroups(code), nil
}

// mostTyped bounds what is looked at of what somebody typed, in bytes.
const mostTyped = 512
