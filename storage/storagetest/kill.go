package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// killURL names, in the environment of a child process, the store it writes to.
const killURL = "STORAGETEST_KILL_URL"

const (
	killWriters = 4
	killWidth   = 3 // records of one commit, beside the writer's last number
)

// RunKill proves that a driver loses nothing it acknowledged, and leaves no
// commit half done, when its process is killed with SIGKILL in the middle of
// writing. It starts the running test binary again, as a child that runs only
// the calling test and there writes to the store until it is killed, many times
// in a row on the same store.
//
// place prepares a new and empty store and returns its URL; the driver must be
// registered with [storage.Register]. RunKill must be the first thing that the
// calling test does, since in the child it does not return. It is skipped where
// a process cannot start another.
func RunKill(t testing.TB, place func(t testing.TB) (url string)) {
	if url := os.Getenv(killURL); url != "" {
		killChild(url) // does not return
	}
	url := place(t)
	for range sized(3, 25) {
		requireAcknowledged(t, url, recordsUntilKilled(t, url))
	}
}

// recordsUntilKilled returns the last number that each writer of a child got
// acknowledged.
func recordsUntilKilled(t testing.TB, url string) (acknowledged [killWriters]int) {
	t.Helper()
	untilKilled(t, []string{killURL + "=" + url}, 1+rand.IntN(250), func(line string) {
		var writer, number int
		_, err := fmt.Sscanf(line, "ack %d %d", &writer, &number)
		require.NoError(t, err, "the child said %q", line)
		acknowledged[writer] = number
	})
	return acknowledged
}

// requireAcknowledged opens the store again and looks at every commit.
func requireAcknowledged(t testing.TB, url string, acknowledged [killWriters]int) {
	t.Helper()
	s, err := storage.Open(t.Context(), url)
	require.NoError(t, err, "opening the store of a killed process")
	defer func() { require.NoError(t, s.Close()) }()
	for writer, number := range acknowledged {
		last, err := lastOf(t.Context(), s, writer)
		require.NoError(t, err)
		require.GreaterOrEqual(t, last, number, "writer %d had commit %d acknowledged", writer, number)
		seen := 0
		for r, err := range s.All(t.Context(), killKey(writer, "")) {
			require.NoError(t, err)
			if r.Key == killKey(writer, "last") {
				continue
			}
			number, part := seen/killWidth+1, seen%killWidth
			require.Equal(t, killRecord(writer, number, part), r.Key, "a record is missing, or of a commit that did not happen")
			require.Equal(t, killValue(writer, number, part), string(r.Value), "the value of %q is torn", r.Key)
			seen++
		}
		require.Equal(t, last*killWidth, seen, "records of the %d commits of writer %d", last, writer)
	}
}

// killChild writes until it is killed, and says each commit on standard output
// once it was acknowledged.
func killChild(url string) {
	ctx := context.Background()
	s, err := storage.Open(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var writers sync.WaitGroup
	for writer := range killWriters {
		writers.Go(func() {
			err := killWriter(ctx, s, writer, os.Stdout)
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) // also when the parent is gone, and with it standard output
		})
	}
	writers.Wait()
}

// killWriter writes until it fails.
func killWriter(ctx context.Context, s *storage.Store, writer int, acknowledge io.Writer) error {
	last, err := lastOf(ctx, s, writer)
	if err != nil {
		return err
	}
	for number := last + 1; ; number++ {
		err := s.Transact(ctx, func(tx *storage.Tx) error {
			_, err := tx.Get(killKey(writer, "last"))
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			tx.Put(killKey(writer, "last"), []byte(strconv.Itoa(number)))
			for part := range killWidth {
				tx.Put(killRecord(writer, number, part), []byte(killValue(writer, number, part)))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(acknowledge, "ack %d %d\n", writer, number); err != nil {
			return err
		}
	}
}

func lastOf(ctx context.Context, s *storage.Store, writer int) (int, error) {
	r, err := s.Get(ctx, killKey(writer, "last"))
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(r.Value))
}

func killKey(writer int, rest string) string { return fmt.Sprintf("kill/w%d/%s", writer, rest) }

func killRecord(writer, number, part int) string {
	return killKey(writer, fmt.Sprintf("%09d/%d", number, part))
}

// killValue has another length for every record, so that pages fill up unevenly.
func killValue(writer, number, part int) string {
	return strings.Repeat(fmt.Sprintf("%d:%d:%d;", writer, number, part), 1+(number*7+part*13)%200)
}
