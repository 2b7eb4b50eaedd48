package sqlitestore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// held is a driver whose writer waits, because another program holds the lock on
// writing, until release is called. It has taken one commit, of "alone".
func held(t *testing.T) (d *sqlitestore.Driver, path string, release func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "records.db")
	d = open(t, path)
	put(t, d, "first", "1")
	d.LimitPages(t, 200)
	other := plainSQL(t, path)
	_, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	d.Occupy(t)
	return d, path, func() {
		_, err := other.ExecContext(t.Context(), "ROLLBACK")
		require.NoError(t, err)
	}
}

// transactions counts, in the log, the frames that end a transaction.
func transactions(t *testing.T, path string) int {
	t.Helper()
	const header, frame = 32, 24 + 4096
	log, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	n := 0
	for at := header; at+frame <= len(log); at += frame {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestCommitsThatWaitAreFlushedTogetherAndAnsweredOneByOne(t *testing.T) {
	t.Parallel()
	d, path, release := held(t)
	before := transactions(t, path)
	var waiting sync.WaitGroup
	answers := make([]error, 40)
	for i := range answers {
		waiting.Go(func() {
			key := fmt.Sprint("k", i/2) // each key has two creators, of whom one wins
			answers[i] = d.Commit(t.Context(), []storage.Check{{Key: key}}, []storage.Write{{Key: key}})
		})
	}
	require.Eventually(t, func() bool { return d.Waiting() == len(answers) }, time.Minute, time.Millisecond)
	_, err := d.Get(t.Context(), "first")
	require.NoError(t, err, "readers do not wait")
	release()
	waiting.Wait()
	for i := 0; i < len(answers); i += 2 {
		one, other := answers[i], answers[i+1]
		if one != nil {
			one, other = other, one
		}
		require.NoError(t, one)
		require.ErrorIs(t, other, storage.ErrConflict)
	}
	require.Equal(t, 2, transactions(t, path)-before, "one alone, and all that waited for it")
}

func TestCloseWaitsForTheCommitsInTheQueue(t *testing.T) {
	t.Parallel()
	d, path, release := held(t)
	var waiting sync.WaitGroup
	answers := make([]error, 10)
	for i := range answers {
		waiting.Go(func() { answers[i] = d.Commit(t.Context(), nil, []storage.Write{{Key: fmt.Sprint("k", i)}}) })
	}
	require.Eventually(t, func() bool { return d.Waiting() == len(answers) }, time.Minute, time.Millisecond)
	var closed error
	waiting.Go(func() { closed = d.Close() })
	release()
	waiting.Wait()
	require.NoError(t, errors.Join(append(answers, closed)...))
	page, err := open(t, path).Scan(t.Context(), "k", "", 100)
	require.NoError(t, err)
	require.Len(t, page, len(answers))
}

// A group that fails fails for all its members: for one that would have had
// room alone, and for those that had found a conflict with one before them,
// which did not happen either.
func TestGroupThatFailsDidNotHappenForAnybody(t *testing.T) {
	t.Parallel()
	d, path, release := held(t)
	var waiting sync.WaitGroup
	answers := make([]error, 10)
	for i := range answers {
		writes := []storage.Write{{Key: "same"}, {Key: fmt.Sprint("x", i)}}
		if i > 0 {
			writes = append(writes, storage.Write{Key: fmt.Sprint("y", i), Value: make([]byte, 400<<10)})
		}
		checks := []storage.Check{{Key: "same"}}
		if i > 5 {
			checks, writes = nil, writes[1:]
		}
		waiting.Go(func() { answers[i] = d.Commit(t.Context(), checks, writes) })
		require.Eventually(t, func() bool { return d.Waiting() == i+1 }, time.Minute, time.Millisecond)
	}
	release()
	waiting.Wait()
	for i, answer := range answers {
		require.ErrorIs(t, answer, storage.ErrNoSpace, "member %d", i)
		require.NotErrorIs(t, answer, storage.ErrUnknown)
		require.NotErrorIs(t, answer, storage.ErrConflict)
	}
	put(t, d, "small", "1")
	require.NoError(t, d.Close())
	page, err := open(t, path).Scan(t.Context(), "", "", 100)
	require.NoError(t, err)
	require.Len(t, page, 3, "first, alone, small")
}

// Readers that overlap without a pause keep the log from being emptied, unless
// the writer waits for them.
func TestLogStaysShortUnderConstantReading(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i := range 3 { // that do not end together
		readers.Go(func() {
			for ctx.Err() == nil {
				d.Read(t, time.Duration(150+80*i)*time.Millisecond)
			}
		})
	}
	for i := range 50 {
		value := bytes.Repeat([]byte{byte(i)}, storage.MaxValue) // SQLite does not write what is there already
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: fmt.Sprint("large", i%3), Value: value}}))
	}
	stop()
	readers.Wait()
	log, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	require.Less(t, log.Size(), int64(30<<20), "of 50 MiB that were written")
}
