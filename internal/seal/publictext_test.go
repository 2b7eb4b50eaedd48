package seal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPublicKeyAsTextIsOneOfItsKind(t *testing.T) {
	t.Parallel()
	one, other := PublicText{Prefix: "ra", Label: "one kind"}, PublicText{Prefix: "ra", Label: "another kind"}
	key := [PublicSize]byte(NewSigningKey().Public())
	text := one.Format(key)
	require.Regexp(t, `^ra(-[a-z2-7]{8}){7}$`, text)
	again, err := one.Parse(strings.ToUpper(strings.ReplaceAll(text, "-", " ")))
	require.NoError(t, err)
	require.Equal(t, key, again)
	_, err = other.Parse(text)
	require.ErrorIs(t, err, ErrFormat, "the label goes into the check characters")
	for i := range text {
		if i < 3 || text[i] == '-' {
			continue
		}
		wrong := text[:i] + string("bcdefghijklmnopqrstuvwxyz234567a"[strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", text[i])]) + text[i+1:]
		_, err := one.Parse(wrong)
		require.ErrorIs(t, err, ErrFormat, "a mistyped character")
	}
	for _, wrong := range []string{"", "ra", text + "a", text[:len(text)-1], text + "\n", "\n" + text} {
		_, err := one.Parse(wrong)
		require.ErrorIs(t, err, ErrFormat)
	}
	_, err = one.Parse(one.Format([PublicSize]byte{1}))
	require.ErrorIs(t, err, ErrFormat, "of low order")
}
