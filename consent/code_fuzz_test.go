package consent

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// Whatever a partner sends as the code of a person is refused, or read in one way: that by
// which it lies in the store.
func FuzzAskCode(f *testing.F) {
	for _, typed := range []string{"1234 5678 9012 3452", "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥", "1234-5678", "", askCodeBegin + "1234567890123452", strings.Repeat("1", 1000), "\x00\xff"} {
		f.Add(typed)
	}
	good, err := newCode(askCodeDigits)
	require.NoError(f, err)
	f.Add(good)
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := readCode("code", typed, askCodeDigits)
		if err != nil {
			require.True(t, errors.Is(err, vault.ErrInvalid))
			require.NotContains(t, err.Error(), "\x00")
			return
		}
		require.Len(t, strings.ReplaceAll(code, " ", ""), askCodeDigits)
		again, err := readCode("code", code, askCodeDigits)
		require.NoError(t, err)
		require.Equal(t, code, again)
	})
}
