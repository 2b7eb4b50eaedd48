package digits_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/digits"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	code, err := digits.New(24)
	require.NoError(t, err)
	require.Len(t, code, 24)
	arabic := strings.Map(func(r rune) rune { return r - '0' + '٠' }, code)
	for _, typed := range []string{code, digits.InGroups(code), strings.ReplaceAll(digits.InGroups(code), " ", "-"), "\u200e" + arabic + " ", strings.ReplaceAll(digits.InGroups(code), " ", " – ")} {
		read, ok := digits.Read(typed, 24)
		require.True(t, ok, typed)
		require.Equal(t, code, read)
	}
	for _, typed := range []string{"", code[1:], code + "0", "x" + code, strings.Repeat("0", 600)} {
		_, ok := digits.Read(typed, 24)
		require.False(t, ok, typed)
	}
}

func TestEveryWrongDigitAndEveryExchangeIsNoticed(t *testing.T) {
	t.Parallel()
	code, err := digits.New(16)
	require.NoError(t, err)
	for i := range code {
		for d := '0'; d <= '9'; d++ {
			if wrong := code[:i] + string(d) + code[i+1:]; wrong != code {
				_, ok := digits.Read(wrong, 16)
				require.False(t, ok, wrong)
			}
		}
		if i > 0 && code[i] != code[i-1] {
			_, ok := digits.Read(code[:i-1]+code[i:i+1]+code[i-1:i]+code[i+1:], 16)
			require.False(t, ok)
		}
	}
}

func TestDigitsOfEveryScriptHaveTheirValue(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿"} {
		read, ok := digits.Of(script)
		require.True(t, ok)
		require.Equal(t, "0123456789", read)
	}
	for r := rune(0); r < unicode.MaxRune; r++ {
		_, ok := digits.Value(r)
		require.Equal(t, unicode.IsDigit(r), ok)
	}
}

func TestCodesAreInGroupsOfFour(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1234 5678", digits.InGroups("12345678"))
	require.Equal(t, "1234 5", digits.InGroups("12345"))
	require.Empty(t, digits.InGroups(""))
}
