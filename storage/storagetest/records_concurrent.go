package storagetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// checkCreators lets many create one record if there is none.
func checkCreators(t testing.TB, h Harness) {
	d := h.open(t)
	for round := range sized(20, 200) {
		key := numbered("k", round)
		var won atomic.Int64
		winner := make([]bool, 6)
		together(t, len(winner), func(i int) error {
			err := d.Commit(t.Context(), []storage.Check{{Key: key}}, puts(key, strconv.Itoa(i)))
			if errors.Is(err, storage.ErrConflict) {
				return nil
			}
			winner[i] = err == nil
			won.Add(1)
			return err
		})
		require.EqualValues(t, 1, won.Load(), "creators of %s who were told that they created it", key)
		who, err := strconv.Atoi(string(get(t, d, key).Value))
		require.NoError(t, err)
		require.True(t, winner[who], "what is there is of one who was told that it conflicted")
	}
}

// checkWholeCommits writes the same number into many records at once and looks
// for a moment at which they differ.
func checkWholeCommits(t testing.TB, h Harness) {
	d := h.open(t)
	const width = 20
	write := func(n int) error {
		var writes []storage.Write
		for i := range width {
			writes = append(writes, storage.Write{Key: numbered("k", i), Value: []byte(strconv.Itoa(n))})
		}
		return d.Commit(t.Context(), nil, writes)
	}
	require.NoError(t, write(0))
	var written atomic.Int64 // the last number whose commit has returned
	var done atomic.Bool
	together(t, 4, func(i int) error {
		if i == 0 {
			defer done.Store(true)
			for n := 1; n <= sized(80, 600) && !done.Load(); n++ {
				if err := write(n); err != nil {
					return err
				}
				written.Store(int64(n))
			}
			return nil
		}
		for !done.Load() {
			if err := readWhole(t, d, width, written.Load()); err != nil {
				done.Store(true)
				return err
			}
		}
		return nil
	})
}

// readWhole reads once by Scan, and then record by record against the order of
// the writes: a later read may only be of the same or a later commit.
func readWhole(t testing.TB, d storage.Driver, width int, atLeast int64) error {
	page, err := d.Scan(t.Context(), "k", "", width)
	if err != nil {
		return err
	}
	if len(page) != width {
		return fmt.Errorf("a page has %d records, not %d", len(page), width)
	}
	for _, r := range page {
		if string(r.Value) != string(page[0].Value) {
			return fmt.Errorf("one page has the commits %s and %s", page[0].Value, r.Value)
		}
	}
	seen, err := strconv.ParseInt(string(page[0].Value), 10, 64)
	if err != nil {
		return err
	}
	if seen < atLeast {
		return fmt.Errorf("read commit %d after commit %d had returned", seen, atLeast)
	}
	for i := 0; i < width; i += 4 {
		r, err := d.Get(t.Context(), numbered("k", i))
		if err != nil {
			return err
		}
		now, err := strconv.ParseInt(string(r.Value), 10, 64)
		if err != nil {
			return err
		}
		if now < seen {
			return fmt.Errorf("read commit %d after having read commit %d", now, seen)
		}
		seen = now
	}
	return nil
}

// checkWriteSkew: two doctors may each go off duty while the other is on. Each
// checks the record of the other and writes their own; checks that only look at
// what is written let both go.
func checkWriteSkew(t testing.TB, h Harness) {
	d := h.open(t)
	for round := range sized(40, 400) {
		key := numbered("k", round)
		var gone atomic.Int64
		together(t, 2, func(i int) error {
			mine, other := fmt.Sprintf("%s/%d", key, i), fmt.Sprintf("%s/%d", key, 1-i)
			err := d.Commit(t.Context(), []storage.Check{{Key: other}}, puts(mine, "off"))
			if errors.Is(err, storage.ErrConflict) {
				return nil
			}
			gone.Add(1)
			return err
		})
		require.EqualValues(t, 1, gone.Load(), "commits that excluded each other and were both, or neither, done")
	}
}
