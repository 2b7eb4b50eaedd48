package progress_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/progress"
)

func TestWhatIsDoneSoonSaysNothingAndWhatTakesLongSaysHowFar(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := progress.New(&out, func() time.Time { return now })
	p.Say("records", 1, 0)
	require.Empty(t, out.String())
	for second := range 25 {
		now = now.Add(time.Second)
		p.Say("documents", int64(second), 100)
		p.Say("", 1, 1)
	}
	p.Say("records", 7, 0)
	require.Equal(t, "  … documents: 1 of 100\n  … documents: 11 of 100\n  … documents: 21 of 100\n", out.String())
	now = now.Add(time.Minute)
	p.Say("records", 7, 0)
	require.True(t, strings.HasSuffix(out.String(), "  … records: 7\n"))
	(*progress.Printer)(nil).Say("records", 1, 1)
}
