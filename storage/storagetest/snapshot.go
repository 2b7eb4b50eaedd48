package storagetest

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// longestCommit bounds a commit that should wait for nobody.
const longestCommit = 10 * time.Second

// snapshotOf takes a snapshot of a driver that can.
func snapshotOf(t testing.TB, d storage.Driver) storage.Snapshot {
	t.Helper()
	able, ok := d.(storage.Snapshotter)
	require.True(t, ok, "the driver takes no snapshots")
	s, err := able.Snapshot(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// walked returns all records of a snapshot, read in small pages, with something
// done between each two.
func walked(t testing.TB, s storage.Snapshot, between func(page int)) []storage.Record {
	t.Helper()
	var all []storage.Record
	after := ""
	for n := 0; ; n++ {
		page, err := s.Scan(t.Context(), "", after, 7)
		require.NoError(t, err)
		all = append(all, page...)
		if len(page) < 7 {
			return all
		}
		after = page[len(page)-1].Key
		between(n)
	}
}

// checkSnapshot changes everything after a snapshot was taken and before it is
// first read, and goes on between its pages.
func checkSnapshot(t testing.TB, h Harness) {
	d := h.open(t)
	for i := range 30 {
		put(t, d, numbered("k", i), "old")
	}
	before, err := d.Scan(t.Context(), "", "", 100)
	require.NoError(t, err)
	s := snapshotOf(t, d)

	change := func(n int) {
		var writes []storage.Write
		for i := range 30 {
			writes = append(writes, storage.Write{Key: numbered("k", i), Value: []byte(numbered("new", n)), Delete: i%3 == 0})
		}
		writes = append(writes, puts(numbered("k", 10+n)+"/added", "")...)
		require.NoError(t, d.Commit(t.Context(), nil, writes))
	}
	change(0)
	require.Equal(t, before, walked(t, s, change), "what the snapshot was taken of")
	require.Equal(t, before, walked(t, s, change), "and once more")

	page, err := s.Scan(t.Context(), "k00001", numbered("k", 15), 100)
	require.NoError(t, err)
	require.Equal(t, before[16:20], page, "prefix and start of a page")

	now, err := d.Scan(t.Context(), "", "", 100)
	require.NoError(t, err)
	require.Equal(t, now, walked(t, snapshotOf(t, d), change), "a second snapshot is of now")
	require.Equal(t, before, walked(t, s, change), "and the first stays as it is")
}

// checkSnapshotUnderWrites takes snapshots while another writes one number into
// many records at a time.
func checkSnapshotUnderWrites(t testing.TB, h Harness) {
	d := h.open(t)
	const width = 20
	var begun, returned atomic.Int64
	write := func(ctx context.Context) error {
		var writes []storage.Write
		n := begun.Add(1)
		for i := range width {
			writes = append(writes, storage.Write{Key: numbered("k", i), Value: []byte(strconv.FormatInt(n, 10))})
		}
		if err := d.Commit(ctx, nil, writes); err != nil {
			return fmt.Errorf("a commit while snapshots are open: %w", err)
		}
		returned.Store(n)
		return nil
	}
	require.NoError(t, write(t.Context()))
	snapshotOf(t, d) // stays open
	var done atomic.Bool
	together(t, 2, func(i int) error {
		if i == 0 {
			for !done.Load() {
				ctx, cancel := context.WithTimeout(t.Context(), longestCommit)
				err := write(ctx)
				cancel()
				if err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Store(true)
		for range sized(20, 200) {
			if err := takeWhole(t, d, width, &begun, &returned); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeWhole takes one snapshot and requires that it is of one commit, which had
// not returned too early nor begun too late.
func takeWhole(t testing.TB, d storage.Driver, width int, begun, returned *atomic.Int64) error {
	atLeast := returned.Load()
	s, err := d.(storage.Snapshotter).Snapshot(t.Context())
	if err != nil {
		return err
	}
	atMost := begun.Load()
	var first int64
	after := ""
	for seen := 0; seen < width; {
		page, err := s.Scan(t.Context(), "k", after, 7)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("a snapshot has %d records, not %d", seen, width)
		}
		for _, r := range page {
			n, err := strconv.ParseInt(string(r.Value), 10, 64)
			if err != nil {
				return err
			}
			if seen == 0 {
				first = n
			}
			if n != first {
				return fmt.Errorf("one snapshot has the commits %d and %d", first, n)
			}
			seen++
		}
		after = page[len(page)-1].Key
	}
	if first < atLeast || first > atMost {
		return fmt.Errorf("a snapshot has commit %d, and was taken after %d had returned and before %d had begun", first, atLeast, atMost+1)
	}
	return s.Close()
}

func checkSnapshotEnds(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "a", "1")
	s := snapshotOf(t, d)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.(storage.Snapshotter).Snapshot(ended)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Scan(ended, "", "", 10)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, walked(t, s, func(int) {}), 1, "a context that had ended before does no harm")

	require.NoError(t, s.Close())
	_, err = s.Scan(t.Context(), "", "", 10)
	require.ErrorIs(t, err, storage.ErrClosed)
	require.NoError(t, s.Close(), "a second Close does nothing")

	left := snapshotOf(t, d)
	require.NoError(t, d.Close())
	_, err = left.Scan(t.Context(), "", "", 10)
	require.ErrorIs(t, err, storage.ErrClosed, "the store was closed under the snapshot")
	require.NoError(t, left.Close())
	_, err = d.(storage.Snapshotter).Snapshot(t.Context())
	require.ErrorIs(t, err, storage.ErrClosed)
}
