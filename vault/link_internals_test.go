package vault

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// LinkHandle is what the code of a link opens, for who forges what comes by it.
func (s *Vaults) LinkHandle(ctx context.Context, code string) (*Vault, error) {
	return s.openLink(ctx, code)
}

// LinkForgery returns who signs for a link, for who forges.
func (v *Vault) LinkForgery() Forgery {
	if v.guest == nil { // a test calls every method of a handle
		return Forgery{}
	}
	return Forgery{Signer: v.guest.signer, Credential: v.guest.credential}
}

func FuzzTheCodeOfALink(f *testing.F) {
	f.Add("0000-0000-0000-0000-0000-0000-00AB-CDEF")
	f.Add(newLinkCode().text())
	f.Add("٠١٢")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseLinkCode(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.NotContains(t, err.Error(), "-"+s)
			return
		}
		again, err := parseLinkCode(c.text())
		require.NoError(t, err)
		require.Equal(t, c.secret, again.secret)
	})
}

func TestOneWrongCharacterOfACodeIsASlip(t *testing.T) {
	t.Parallel()
	text := newLinkCode().text()
	for i := range text {
		wrong := []byte(text)
		if wrong[i] == '-' {
			continue
		}
		if wrong[i]++; wrong[i] == '9'+1 {
			wrong[i] = 'A'
		}
		_, err := parseLinkCode(string(wrong))
		if string(wrong) != text && wrong[i] != 'I' && wrong[i] != 'L' && wrong[i] != 'O' && wrong[i] != 'U' {
			require.ErrorIs(t, err, ErrInvalid, "%s", wrong)
		}
	}
	require.Len(t, text, 39)
	require.NotEqual(t, newLinkCode().id(), newLinkCode().id())
}
