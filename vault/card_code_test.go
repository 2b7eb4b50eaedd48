package vault_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// typings are spellings of one code that people type.
func typings(code string) []string {
	bare := strings.ReplaceAll(code, " ", "")
	arabic := func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '٠' + r - '0'
		}
		return r
	}
	return []string{
		code, bare, strings.ToLower(code), strings.ReplaceAll(code, " ", "-"), " " + code + "\n", "\u200f" + code,
		strings.Map(arabic, code), strings.NewReplacer("0", "o", "1", "l").Replace(code), strings.NewReplacer("0", "O", "1", "I").Replace(bare),
	}
}

func TestASlipOnACardIsToldFromAnUnknownCard(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	card := issue(t, w.Person(t))
	bare := strings.ReplaceAll(card.Code, " ", "")
	require.Len(t, bare, 40)
	require.Regexp(t, "^([0-9A-HJKMNP-TV-Z]{4} ){9}[0-9A-HJKMNP-TV-Z]{4}$", card.Code)
	w.heal()
	for i := range bare {
		for _, other := range "0Z7" {
			if rune(bare[i]) == other {
				continue
			}
			_, err := w.UnlockCard(t.Context(), vault.CardSignIn{Card: bare[:i] + string(other) + bare[i+1:], PIN: pin})
			requireInvalid(t, err, "card")
		}
	}
	for _, typed := range []string{"", bare[:39], bare + "0", bare + bare, strings.Replace(bare, bare[:1], "U", 1), strings.Replace(bare, bare[:1], "é", 1), strings.Repeat(" ", 600) + bare} {
		_, err := w.UnlockCard(t.Context(), vault.CardSignIn{Card: typed, PIN: pin})
		requireInvalid(t, err, "card")
	}
	require.Zero(t, w.witness.calls()["latest"]+w.witness.calls()["evaluate"], "nobody was asked")
	require.Empty(t, w.keeper.calls())
}
