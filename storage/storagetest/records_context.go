package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkEndedContext(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "a", "1")
	before := get(t, d, "a")

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	for _, ctx := range []context.Context{cancelled, late} {
		_, err := d.Get(ctx, "a")
		require.ErrorIs(t, err, ctx.Err())
		_, err = d.Scan(ctx, "", "", 10)
		require.ErrorIs(t, err, ctx.Err())
		err = d.Commit(ctx, nil, puts("a", "2", "b", "2"))
		require.ErrorIs(t, err, ctx.Err())
		require.NotErrorIs(t, err, storage.ErrUnknown, "nothing had begun")
		err = d.Commit(ctx, []storage.Check{{Key: "a", Version: before.Version}}, nil)
		require.ErrorIs(t, err, ctx.Err())
	}
	require.Equal(t, before, get(t, d, "a"))
	requireAbsent(t, d, "b")
}

// checkContextDuringCommit ends contexts at random moments while others commit,
// and holds every answer against what is there afterwards.
func checkContextDuringCommit(t testing.TB, h Harness) {
	d := h.open(t)
	commits := sized(60, 600)
	const writers = 4
	answers := make([][]error, writers)
	together(t, writers, func(writer int) error {
		for i := range commits {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(1200))*time.Microsecond)
			key := numbered(fmt.Sprintf("w%d/", writer), i)
			err := d.Commit(ctx, nil, puts(key+"/a", key, key+"/b", key))
			cancel()
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			answers[writer] = append(answers[writer], err)
		}
		return nil
	})
	for writer := range answers {
		for i, answer := range answers[writer] {
			key := numbered(fmt.Sprintf("w%d/", writer), i)
			_, a := d.Get(t.Context(), key+"/a")
			_, b := d.Get(t.Context(), key+"/b")
			require.Equal(t, a == nil, b == nil, "half of a commit that answered %v is there", answer)
			switch {
			case answer == nil:
				require.NoError(t, a, "a commit that was acknowledged is not there")
			case !errors.Is(answer, storage.ErrUnknown):
				require.ErrorIs(t, a, storage.ErrNotFound, "the commit that answered %q did happen", answer)
			}
		}
	}
}
