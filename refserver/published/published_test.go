package published_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/published"
)

func TestAListIsMadeOnceAMinuteWhoeverAsks(t *testing.T) {
	t.Parallel()
	var list published.List[int]
	made, broken := 0, errors.New("broken")
	at := func(now time.Time) int {
		t.Helper()
		n, err := list.At(now, func() (int, error) { made++; return made, nil })
		require.NoError(t, err)
		return n
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	_, err := list.At(now, func() (int, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, at(now), "a failure is not kept")
	require.Equal(t, 1, at(now.Add(published.Lasts-1)))
	require.Equal(t, 2, at(now.Add(published.Lasts)))
	require.Equal(t, 3, at(now), "of a clock that was turned back")
}
