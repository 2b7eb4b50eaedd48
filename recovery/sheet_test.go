package recovery_test

import (
	"bytes"
	"image/png"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/digits"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

func drawnSheet(t testing.TB) recovery.Sheet {
	t.Helper()
	code, err := digits.New(24)
	require.NoError(t, err)
	return recovery.Sheet{Login: "4821 7730 1959", Code: digits.InGroups(code)}
}

func TestASheetIsReadHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	s := drawnSheet(t)
	plain := strings.ReplaceAll(s.Code, " ", "")
	inScript := func(zero rune) string {
		return strings.Map(func(r rune) rune { return r - '0' + zero }, plain)
	}
	french, english := s.Words("fr"), s.Words("en")
	require.Len(t, french, 7)
	require.Len(t, english, 7)
	short := slices.Clone(french)
	for i := range short {
		short[i] = string([]rune(short[i])[:4])
	}
	for _, typed := range []string{
		s.Code, plain, strings.ReplaceAll(s.Code, " ", "-"), " " + s.Code + "\n", inScript('٠'), inScript('۰'), inScript('०'),
		strings.Join(french, " "), strings.ToUpper(strings.Join(french, " ")), strings.Join(english, ", "), strings.Join(english, "\n"),
		without(strings.Join(french, "  ")), "1. " + strings.Join(english, " 2. "), strings.Join(short, " "),
	} {
		read, err := recovery.ReadSheet(typed)
		require.NoError(t, err, typed)
		require.Equal(t, recovery.Sheet{Code: s.Code}, read, typed)
	}
	for _, typed := range []string{s.QRText(), strings.ToUpper(s.QRText()), " " + s.QRText() + " "} {
		read, err := recovery.ReadSheet(typed)
		require.NoError(t, err)
		require.Equal(t, s, read)
	}
}

// without takes accents away, as who types in haste does.
func without(s string) string {
	return strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ï", "i", "î", "i", "ô", "o", "û", "u", "â", "a", "à", "a", "ç", "c", "ë", "e").Replace(s)
}

func TestWhatCannotBeASheetIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	s := drawnSheet(t)
	words := s.Words("en")
	for _, typed := range []string{
		"", "hello", s.Code[:len(s.Code)-1], s.Code + "1", strings.Join(words[1:], " "), strings.Join(append(words, "zoo"), " "),
		"reconnect:sheet:2:" + s.QRText()[len("reconnect:sheet:1:"):], "reconnect:sheet:1:123:" + strings.ReplaceAll(s.Code, " ", ""), "reconnect:sheet:1::",
		strings.Repeat(s.Code, 50), "\xff" + s.Code, strings.Repeat("zoo ", 7), "reconnect:relay:" + s.Code,
	} {
		_, err := recovery.ReadSheet(typed)
		require.ErrorIs(t, err, vault.ErrInvalid, typed)
		require.NotContains(t, err.Error(), s.Code[:9])
	}
}

func TestASlipInASheetIsNoticed(t *testing.T) {
	t.Parallel()
	s := drawnSheet(t)
	for i, r := range s.Code {
		if r == ' ' {
			continue
		}
		for d := '0'; d <= '9'; d++ {
			if d != r {
				_, err := recovery.ReadSheet(s.Code[:i] + string(d) + s.Code[i+1:])
				require.ErrorIs(t, err, vault.ErrInvalid)
			}
		}
	}
	// Of words of the list, that stand for others, one in fifteen is not noticed.
	noticed, tries := 0, 0
	words := s.Words("fr")
	for i := range words {
		for range 40 {
			other := drawnSheet(t).Words("fr")[3]
			wrong := slices.Clone(words)
			wrong[i] = other
			if read, err := recovery.ReadSheet(strings.Join(wrong, " ")); other != words[i] {
				tries++
				if err != nil {
					noticed++
				} else {
					require.NotEqual(t, s.Code, read.Code)
				}
			}
		}
	}
	require.Greater(t, noticed, tries*3/4)
}

// Words say all of the code: nothing is lost in them, whatever the number.
func TestWordsAreTheWholeCode(t *testing.T) {
	t.Parallel()
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(22), nil)
	most.Sub(most, big.NewInt(1))
	codes := []string{digits.Complete(new(big.Int), 24), digits.Complete(big.NewInt(1), 24), digits.Complete(most, 24)}
	check := func(t require.TestingT, code string) {
		for _, language := range []string{"fr", "en"} {
			words := recovery.Sheet{Code: code}.Words(language)
			require.Len(t, words, 7)
			read, err := recovery.ReadSheet(strings.Join(words, " "))
			require.NoError(t, err)
			require.Equal(t, digits.InGroups(code), read.Code)
		}
	}
	for _, code := range codes {
		check(t, code)
	}
	rapid.Check(t, func(r *rapid.T) {
		check(r, func() string {
			text := rapid.StringMatching(`[0-9]{22}`).Draw(r, "code")
			return text + digits.Check(text)
		}())
	})
	require.Nil(t, recovery.Sheet{Code: codes[0]}.Words("ti"), "a language without a list")
	require.Nil(t, recovery.Sheet{Code: "1234"}.Words("fr"))
}

func TestTheQRCodeOfASheetIsAPicture(t *testing.T) {
	t.Parallel()
	s := drawnSheet(t)
	picture, err := s.QR()
	require.NoError(t, err)
	_, err = png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	_, err = recovery.Sheet{Login: s.Login}.QR()
	require.ErrorIs(t, err, vault.ErrInvalid)
	require.Empty(t, recovery.Sheet{}.QRText())
}

func FuzzReadSheet(f *testing.F) {
	f.Add("reconnect:sheet:1:482177301959:000000000000000000000097")
	f.Add("abaisser abaisser abaisser abaisser abaisser abaisser abaisser")
	f.Add("٠٠٠٠ ٠٠٠٠")
	f.Fuzz(func(t *testing.T, typed string) {
		s, err := recovery.ReadSheet(typed)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrInvalid)
			return
		}
		for _, form := range append([]string{s.Code}, strings.Join(s.Words("fr"), " "), strings.Join(s.Words("en"), " ")) {
			again, err := recovery.ReadSheet(form)
			require.NoError(t, err)
			require.Equal(t, s.Code, again.Code)
		}
		again, err := recovery.ReadSheet(s.QRText())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
