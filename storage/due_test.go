package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

var noon = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

func putDue(t *testing.T, store *storage.Store, keys ...string) {
	t.Helper()
	require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
		for _, key := range keys {
			tx.Put(key, nil)
		}
		return nil
	}))
}

func dueAt(t *testing.T, store *storage.Store, now time.Time) (found []string) {
	t.Helper()
	for d, err := range store.DueBefore(t.Context(), now) {
		require.NoError(t, err)
		found = append(found, d.What)
	}
	return found
}

func TestDueKeyRoundsUpToTheHourInUTC(t *testing.T) {
	t.Parallel()
	paris := time.FixedZone("", 3600)
	require.Equal(t, "due/2026112112/v1/q/17", storage.DueKey(noon, "v1", "q/17"))
	require.Equal(t, "due/2026112112/v1/q/17", storage.DueKey(noon.In(paris), "v1", "q/17"))
	require.Equal(t, "due/2026112113/v1/q/17", storage.DueKey(noon.Add(time.Nanosecond), "v1", "q/17"))
	require.Equal(t, "due/2027010100/v1/x", storage.DueKey(time.Date(2026, 12, 31, 23, 0, 1, 0, time.UTC), "v1", "x"))
}

func TestDueKeyOfAnAbsurdTimeKeepsTheOrder(t *testing.T) {
	t.Parallel()
	require.Equal(t, "due/0000010100/v/x", storage.DueKey(time.Unix(-1<<55, 0), "v", "x"))
	require.Equal(t, "due/9999123123/v/x", storage.DueKey(time.Unix(1<<55, 0), "v", "x"))
	require.Equal(t, "due/9999123123/v/x", storage.DueKey(time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC), "v", "x"))
}

func TestNoEntryIsDueBeforeItsDeadlineAndEachWithinTheHour(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := noon.Add(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "at")))
		d, err := storage.ParseDue(storage.DueKey(at, "v1", "a/b/c"))
		require.NoError(t, err)
		require.Equal(t, "v1", d.Owner)
		require.Equal(t, "a/b/c", d.What)
		require.False(t, d.Hour.Before(at))
		require.Less(t, d.Hour.Sub(at), time.Hour)
	})
}

func TestParseDueRefusesWhatDueKeyCannotMake(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"", "due/", "due/2026112112", "due/2026112112/", "due/2026112112/v1", "due/2026112112/v1/",
		"due/2026112112//x", "2026112112/v1/x", "due/due/2026112112/v1/x", "due/2026112124/v1/x", "due/2026023012/v1/x",
		"due/202611211/v1/x", "due/20261121120/v1/x", "due/2026112112.5/v1/x", "due/+026112112/v1/x", "v1/2026112112/v1/x",
	} {
		_, err := storage.ParseDue(key)
		require.ErrorIs(t, err, storage.ErrInvalid, "%q", key)
	}
}

func FuzzParseDue(f *testing.F) {
	f.Add("due/2026112112/v1/q/17")
	f.Add("due/9999123123/v/x")
	f.Add("due/2026112124/v/x")
	f.Fuzz(func(t *testing.T, key string) {
		d, err := storage.ParseDue(key)
		if err != nil {
			require.ErrorIs(t, err, storage.ErrInvalid)
			return
		}
		require.Equal(t, key, d.Key())
	})
}

func TestDueBeforeYieldsWhatIsDueInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	putDue(t, store,
		storage.DueKey(noon.Add(-time.Minute), "v2", "second"),
		storage.DueKey(noon.Add(-48*time.Hour), "v9", "first"),
		storage.DueKey(noon.Add(time.Minute), "v1", "third"),
		storage.DueKey(noon.Add(100*time.Hour), "v1", "later"),
		"dueling", "v1/due", // not of the index
	)
	require.Equal(t, []string{"first"}, dueAt(t, store, noon.Add(-time.Nanosecond)))
	require.Equal(t, []string{"first", "second"}, dueAt(t, store, noon))
	require.Equal(t, []string{"first", "second"}, dueAt(t, store, noon.Add(time.Hour-1)))
	require.Equal(t, []string{"first", "second", "third"}, dueAt(t, store, noon.Add(time.Hour)))
	require.Empty(t, dueAt(t, store, noon.Add(-1000*time.Hour)))
}

// scanCounter counts the records that a driver is asked for.
type scanCounter struct {
	storage.Driver
	records int
}

func (s *scanCounter) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	page, err := s.Driver.Scan(ctx, prefix, after, limit)
	s.records += len(page)
	return page, err
}

func TestWorkOfDueBeforeIsProportionalToWhatIsDue(t *testing.T) {
	t.Parallel()
	counter := &scanCounter{Driver: memstore.New()}
	store := storage.New(counter)
	for vault := range 50 {
		for hour := range 40 {
			putDue(t, store, storage.DueKey(noon.Add(time.Duration(1+hour)*time.Hour), fmt.Sprint("v", vault), "x"))
		}
	}
	for done := range 250 {
		putDue(t, store, storage.DueKey(noon, "v1", fmt.Sprint(done)))
	}
	require.Len(t, dueAt(t, store, noon), 250)
	require.LessOrEqual(t, counter.records, 350, "of 2250 entries")
}

func TestDamagedDueEntryDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	putDue(t, store, "due/2026-junk", storage.DueKey(noon, "v1", "work"))
	var worked, damaged int
	for d, err := range store.DueBefore(t.Context(), noon) {
		if err != nil {
			require.ErrorIs(t, err, storage.ErrInvalid)
			require.ErrorContains(t, err, "due/2026-junk")
			damaged++
			continue
		}
		require.Equal(t, "work", d.What)
		worked++
	}
	require.Equal(t, 1, damaged)
	require.Equal(t, 1, worked)
}

func TestDueBeforeEndsWithTheErrorOfTheStoreAndWhenAsked(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	putDue(t, store, storage.DueKey(noon, "v1", "a"), storage.DueKey(noon, "v1", "b"))
	seen := 0
	for range store.DueBefore(t.Context(), noon) {
		seen++
		break
	}
	require.Equal(t, 1, seen)

	require.NoError(t, store.Close())
	seen = 0
	for _, err := range store.DueBefore(t.Context(), noon) {
		require.ErrorIs(t, err, storage.ErrClosed)
		seen++
	}
	require.Equal(t, 1, seen)
}

func ExampleStore_DueBefore() {
	ctx := context.Background()
	store := storage.New(memstore.New())
	deadline := time.Date(2026, time.November, 21, 18, 40, 0, 0, time.UTC)
	err := store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Put("v1/draft/7", []byte("half a letter"))
		tx.Put(storage.DueKey(deadline, "v1", "draft/7"), nil) // in the same commit
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for due, err := range store.DueBefore(ctx, deadline.Add(time.Hour)) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		err = store.Transact(ctx, func(tx *storage.Tx) error {
			tx.Delete(due.Owner + "/" + due.What)
			tx.Delete(due.Key())
			return nil
		})
		fmt.Println(due.Key(), err)
	}
	// Output: due/2026112119/v1/draft/7 <nil>
}
