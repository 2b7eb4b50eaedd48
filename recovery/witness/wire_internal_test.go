package witness

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryErrorHasOneCode(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, c := range codes {
		require.False(t, known[c.code], c.code)
		known[c.code] = true
		require.GreaterOrEqual(t, c.status, 400)
		require.ErrorIs(t, errorOf(c.code), c.err)
	}
	for _, sentinel := range sentinels {
		code, status := codeOf(fmt.Errorf("doing: %w", sentinel))
		require.True(t, known[code])
		require.ErrorIs(t, errorOf(code), sentinel)
		require.Equal(t, sentinel == ErrUnavailable || sentinel == ErrDamaged || sentinel == ErrClosed, status >= 500, "%v", sentinel)
	}
	require.Len(t, codes, len(sentinels))
	code, _ := codeOf(io.EOF)
	require.Equal(t, codeUnavailable, code, "an error of no sentinel is nobody's business")
	require.Equal(t, ErrUnavailable, errorOf(codeUnknownCall))
}

func TestAWaitNeverBecomesNothingOnTheWay(t *testing.T) {
	t.Parallel()
	require.Zero(t, milliseconds(0))
	for _, wait := range []time.Duration{1, time.Microsecond, time.Millisecond - 1, time.Millisecond} {
		require.EqualValues(t, 1, milliseconds(wait))
	}
	require.EqualValues(t, 2, milliseconds(time.Millisecond+1))
	require.EqualValues(t, 900_000, milliseconds(longestWait))
	require.True(t, (&countAnswer{Total: 99, Failed: 99, Wait: milliseconds(longestWait)}).possible())
}

func TestEveryCallOfTheClientIsOneOfTheServer(t *testing.T) {
	t.Parallel()
	require.Len(t, serverCalls(), 18)
	require.Greater(t, int64(sideMessage), int64(MaxSideBytes)*4/3)
	require.Greater(t, int64(ownerMessage), int64(maxOwnerHead)*4/3)
}

func FuzzPublicKeyText(f *testing.F) {
	key := PublicKey{9: 9, 31: 1}
	f.Add(key.String())
	f.Add("rw-")
	f.Add("rw-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicKey(text)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		again, err := ParsePublicKey(key.String())
		require.NoError(t, err)
		require.Equal(t, key, again)
	})
}
