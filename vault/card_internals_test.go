package vault

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCardCode: what is read as a card is written in one way, which is read as the
// same card; everything else is refused.
func FuzzCardCode(f *testing.F) {
	code := cardCode{login: "4821 7730 1956", secret: [16]byte{1, 2, 3, 250, 255}}.text()
	for _, s := range []string{
		code, strings.ToLower(code), strings.ReplaceAll(code, " ", ""), strings.ReplaceAll(code, "0", "o"),
		cardCode{login: "0000 0000 0000"}.text(), strings.ReplaceAll(code, "1", "١"), "", "U", "\xff", code + " 0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCardCode(s)
		if err != nil {
			requireNamed(t, err)
			return
		}
		login, err := NormalLogin(c.login)
		require.NoError(t, err)
		require.Equal(t, login, c.login)
		again, err := parseCardCode(c.text())
		require.NoError(t, err)
		require.Equal(t, c, again)
		require.NotContains(t, c.String(), c.text()[20:24])
	})
}

func FuzzPIN(f *testing.F) {
	for _, s := range []string{"385206", "٣٨٥٢٠٦", "385 206", "𝟛𝟠𝟝𝟚𝟘𝟞", "123456", "12345", "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pin, err := newPIN(s, "4821 7730 1956")
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		require.Regexp(t, "^[0-9]{6}$", pin)
		again, err := normalPIN(s)
		require.NoError(t, err)
		require.Equal(t, pin, again)
	})
}

func TestEveryLoginFitsOnACard(t *testing.T) {
	t.Parallel()
	for range 1000 {
		login, err := NewLogin()
		require.NoError(t, err)
		c := newCardCode(login)
		again, err := parseCardCode(c.text())
		require.NoError(t, err)
		require.Equal(t, c, again)
	}
}

// What opens a slot is of one card, one PIN's evaluation, one slot and one vault.
func TestKeysOfACardAreOfOneSlotOnly(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, secret := range []byte{1, 2} {
		for _, vault := range []byte{1, 2} {
			for _, slot := range []byte{1, 2} {
				c := cardCode{secret: [16]byte{secret}}
				id, at := ID{vault}, [16]byte{slot}
				first, second := c.input(id, at, "385206"), c.input(id, at, "385207")
				for _, b := range [][]byte{
					c.check(id, at), first[:], second[:], c.key(id, at, [32]byte{1}).Bytes(), c.key(id, at, [32]byte{2}).Bytes(),
				} {
					require.False(t, seen[string(b)])
					seen[string(b)] = true
				}
			}
		}
	}
}
