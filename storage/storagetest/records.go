package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// Harness tells [Run] how to get at the driver that it proves.
type Harness struct {
	// Place prepares a new and empty place for records and returns the function
	// that opens it. The suite closes what it opens, and may then open the same
	// place again to find what it left there.
	Place func(t testing.TB) (open func() (storage.Driver, error))
	// Volatile is set for a driver that keeps nothing after Close. What needs a
	// second opening is then left out.
	Volatile bool
}

// Run proves that a driver keeps the contract of [storage.Driver], and that of
// [storage.Snapshotter] if it has it, in subtests that run in parallel, each on
// a place of its own. It takes some seconds; with
// RECONNECT_TEST_ALL=1 the tests that look for races run longer.
func Run(t *testing.T, h Harness) {
	_, able := h.open(t).(storage.Snapshotter)
	for _, c := range recordChecks {
		if c.reopens && h.Volatile || c.snapshots && !able {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, h)
		})
	}
}

// recordCheck is one promise of the contract. It is given a testing.TB so that
// the tests of this package can watch it fail.
type recordCheck struct {
	name      string
	reopens   bool
	check     func(t testing.TB, h Harness)
	snapshots bool
}

var recordChecks = []recordCheck{
	{"RecordsAreKeptReplacedAndDeleted", false, checkLifeOfARecord, false},
	{"AnyBytesAreAValue", false, checkValues, false},
	{"ValuesAreCopied", false, checkCopies, false},
	{"KeysAreComparedByteByByte", false, checkKeys, false},
	{"ScanIsOrderedAndPages", false, checkScan, false},
	{"ScanTakesPrefixesLiterally", false, checkLiteralPrefix, false},
	{"LimitsAreReached", false, checkLimits, false},
	{"CommitIsAllOrNothing", false, checkAllOrNothing, false},
	{"EveryCheckCounts", false, checkEveryCheck, false},
	{"CommitWithoutWritesOnlyChecks", false, checkOnlyChecks, false},
	{"VersionsAreNeverReused", false, checkVersions, false},
	{"EndedContextDoesNothing", false, checkEndedContext, false},
	{"ContextEndingDuringCommitIsHonest", false, checkContextDuringCommit, false},
	{"ClosedStoreAnswersErrClosed", false, checkClosed, false},
	{"ReopenedStoreHasEverything", true, checkReopen, false},
	{"ReopenedStoreNeverReusesVersions", true, checkReopenedVersions, false},
	{"CloseLosesNothingAcknowledged", true, checkCloseUnderLoad, false},
	{"OneOfManyCreatorsWins", false, checkCreators, false},
	{"CommitsAppearWhole", false, checkWholeCommits, false},
	{"AbsentChecksHoldUntilTheCommit", false, checkWriteSkew, false},
	{"PagingUnderWritesMissesNothing", false, checkPagingUnderWrites, false},
	{"HistoryIsLinearizable", false, checkLinearizable, false},
	{"CountersAreExact", false, checkCounter, false},
	{"LostAnswersDoubleNothing", false, checkLostAnswers, false},
	{"SnapshotStaysAsItWas", false, checkSnapshot, true},
	{"SnapshotIsOfOneInstantAndHoldsUpNobody", false, checkSnapshotUnderWrites, true},
	{"SnapshotEndsWithItsStore", false, checkSnapshotEnds, true},
}

// open opens a new place for one check, and closes it after.
func (h Harness) open(t testing.TB) storage.Driver {
	t.Helper()
	return opened(t, h.Place(t))
}

func opened(t testing.TB, open func() (storage.Driver, error)) storage.Driver {
	t.Helper()
	d, err := open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// put writes records blindly: put(t, d, "key", "value", "key", "value").
func put(t testing.TB, d storage.Driver, keysAndValues ...string) {
	t.Helper()
	require.NoError(t, d.Commit(t.Context(), nil, puts(keysAndValues...)))
}

func puts(keysAndValues ...string) []storage.Write {
	var writes []storage.Write
	for i := 0; i < len(keysAndValues); i += 2 {
		writes = append(writes, storage.Write{Key: keysAndValues[i], Value: []byte(keysAndValues[i+1])})
	}
	return writes
}

func remove(t testing.TB, d storage.Driver, key string) {
	t.Helper()
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: key, Delete: true}}))
}

// get reads a record that must be there.
func get(t testing.TB, d storage.Driver, key string) storage.Record {
	t.Helper()
	r, err := d.Get(t.Context(), key)
	require.NoError(t, err, "get %q", key)
	require.Equal(t, key, r.Key)
	require.NotZero(t, r.Version, "version of %q", key)
	return r
}

func requireAbsent(t testing.TB, d storage.Driver, key string) {
	t.Helper()
	_, err := d.Get(t.Context(), key)
	require.ErrorIs(t, err, storage.ErrNotFound, "get %q", key)
}

// requireValue does not print what may be a megabyte.
func requireValue(t testing.TB, want, have []byte, what string) {
	t.Helper()
	require.True(t, bytes.Equal(want, have), "%s: got %d bytes, not the %d that were put", what, len(have), len(want))
}

// together runs n goroutines and requires that none returns an error.
func together(t testing.TB, n int, do func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

// sized returns what a test does many times: few when everybody runs it, more
// with RECONNECT_TEST_ALL=1.
func sized(few, many int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return many
	}
	return few
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s%06d", prefix, i) }
