package testkill_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkill"
)

const countsFrom = "TESTKILL_COUNTS_FROM"

func TestMain(m *testing.M) {
	testkill.Main(m, map[string]func(string) error{countsFrom: testkill.Errand(func(n int) error {
		for ; ; n++ {
			fmt.Println(n)
		}
	})})
}

func TestAChildIsHeardUntilItIsKilled(t *testing.T) {
	t.Parallel()
	last := 6
	testkill.Child(t, countsFrom, 7, func(line string) time.Duration {
		require.Equal(t, strconv.Itoa(last+1), line)
		if last++; last == 1000 {
			return time.Millisecond
		}
		return testkill.Never
	})
	require.GreaterOrEqual(t, last, 1000)
}
