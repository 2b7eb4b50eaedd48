package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

const (
	// blobKillURL and blobKillRound tell a child process which store it writes
	// to, and a number that no child before it had, for its names.
	blobKillURL   = "STORAGETEST_KILL_BLOBS_URL"
	blobKillRound = "STORAGETEST_KILL_BLOBS_ROUND"

	blobsKept = 3 // a writer deletes the blob that it wrote so many before
)

// RunBlobsKill is [RunKill] for blobs: every blob that was acknowledged is whole
// after its process was killed with SIGKILL in the middle of writing, every
// deletion that was acknowledged holds, and no name shows a part of a blob.
//
// place prepares a new and empty store and returns its URL; the store must be
// registered with [storage.RegisterBlobs]. RunBlobsKill must be the first thing
// that the calling test does, since in the child it does not return.
func RunBlobsKill(t testing.TB, place func(t testing.TB) (url string)) {
	if url := os.Getenv(blobKillURL); url != "" {
		blobKillChild(url, os.Getenv(blobKillRound)) // does not return
	}
	url := place(t)
	rounds := map[int]map[int]*progress{}
	for round := range sized(4, 20) {
		rounds[round] = blobsUntilKilled(t, url, round)
		requireProgress(t, url, map[int]map[int]*progress{round: rounds[round]})
	}
	requireProgress(t, url, rounds)
}

// progress is what one writer said, last before it was killed.
type progress struct{ written, deleted int }

func blobsUntilKilled(t testing.TB, url string, round int) map[int]*progress {
	t.Helper()
	said := map[int]*progress{}
	for writer := range killWriters {
		said[writer] = &progress{}
	}
	untilKilled(t, []string{blobKillURL + "=" + url, blobKillRound + "=" + strconv.Itoa(round)}, 1+rand.IntN(80), func(line string) {
		var writer, number int
		var what string
		_, err := fmt.Sscanf(line, "%s %d %d", &what, &writer, &number)
		require.NoError(t, err, "the child said %q", line)
		switch what {
		case "written":
			said[writer].written = number
		case "deleted":
			said[writer].deleted = number
		}
	})
	return said
}

// requireProgress opens the store again and looks at every blob of the rounds.
func requireProgress(t testing.TB, url string, rounds map[int]map[int]*progress) {
	t.Helper()
	b, err := storage.OpenBlobs(t.Context(), url)
	require.NoError(t, err, "opening the store of a killed process")
	defer func() { require.NoError(t, b.Close()) }()
	for round, writers := range rounds {
		for writer, said := range writers {
			for number := 1; number <= said.written+2; number++ {
				name := killedBlob(strconv.Itoa(round), writer, number)
				_, err := b.Size(t.Context(), name)
				there := !isNotFound(err)
				if there {
					requireBlob(t, b, name, killedContent(name))
				} else {
					requireNoBlob(t, b, name)
				}
				switch {
				case number <= said.deleted:
					require.False(t, there, "%s was deleted and is back", name)
				case number <= said.written-blobsKept: // its deletion was under way
				case number <= said.written:
					require.True(t, there, "%s was acknowledged and is lost", name)
				case number == said.written+1: // its writing was under way
				default:
					require.False(t, there, "%s is there and was never written", name)
				}
			}
		}
	}
}

// blobKillChild writes and deletes until it is killed, and says each step on
// standard output once it was acknowledged.
func blobKillChild(url, round string) {
	ctx := context.Background()
	b, err := storage.OpenBlobs(ctx, url)
	if err == nil {
		errs := make([]error, killWriters)
		var writers sync.WaitGroup
		for writer := range killWriters {
			writers.Go(func() { errs[writer] = blobKillWriter(ctx, b, round, writer, os.Stdout) })
		}
		writers.Wait()
		err = errors.Join(errs...)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func blobKillWriter(ctx context.Context, b storage.Blobs, round string, writer int, say io.Writer) error {
	for number := 1; ; number++ {
		name := killedBlob(round, writer, number)
		content := killedContent(name)
		if err := sendBlob(ctx, b, name, int64(len(content)), content, 32<<10); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(say, "written %d %d\n", writer, number); err != nil {
			return err // the parent is gone
		}
		old := number - blobsKept
		if old < 1 {
			continue
		}
		if err := b.Delete(ctx, killedBlob(round, writer, old)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(say, "deleted %d %d\n", writer, old); err != nil {
			return err
		}
	}
}

func killedBlob(round string, writer, number int) string {
	return fmt.Sprintf("kill/%s/w%d/%d", round, writer, number)
}

// killedContent has another length for every name, at most 200 KB.
func killedContent(name string) []byte {
	length := someBytes("length of "+name, 2)
	return someBytes(name, 3*(int(length[0])<<8|int(length[1])))
}
