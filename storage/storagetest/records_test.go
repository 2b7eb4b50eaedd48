package storagetest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// flaws says which check catches which flaw. Others may catch it too.
var flaws = map[string][]string{
	"RecordsAreKeptReplacedAndDeleted":  {flawSameVersion, flawDeleteError},
	"AnyBytesAreAValue":                 {flawEmptyIsNone, flawCutsValues},
	"ValuesAreCopied":                   {flawKeepsSlice, flawGivesSlice},
	"KeysAreComparedByteByByte":         {flawFoldsCase, flawSortsByLetter, flawUnordered, flawLosesWrites},
	"ScanIsOrderedAndPages":             {flawUnordered, flawAfterIncluded, flawShortPages, flawSortsByLetter},
	"ScanTakesPrefixesLiterally":        {flawLike},
	"LimitsAreReached":                  {flawFewChecks, flawSmallPages},
	"CommitIsAllOrNothing":              {flawWritesFirst, flawNoChecks},
	"EveryCheckCounts":                  {flawNoAbsence, flawOwnChecks, flawNewerIsFine, flawNoChecks},
	"CommitWithoutWritesOnlyChecks":     {flawNoWritesNoCk},
	"VersionsAreNeverReused":            {flawOwnVersions},
	"EndedContextDoesNothing":           {flawDeaf},
	"ContextEndingDuringCommitIsHonest": {flawPlainContext},
	"ClosedStoreAnswersErrClosed":       {flawNeverClosed},
	"ReopenedStoreHasEverything":        {flawForgets, flawResurrects, flawRenumbers},
	"ReopenedStoreNeverReusesVersions":  {flawHighestFound},
	"CloseLosesNothingAcknowledged":     {flawWritesLater, flawForgets},
	"OneOfManyCreatorsWins":             {flawChecksEarly, flawNoAbsence},
	"CommitsAppearWhole":                {flawPiecemeal, flawScanMoves, flawStale},
	"AbsentChecksHoldUntilTheCommit":    {flawSkew},
	"PagingUnderWritesMissesNothing":    {flawOffset},
	"HistoryIsLinearizable":             {flawStale, flawSkew, flawPiecemeal, flawOwnVersions},
	"CountersAreExact":                  {flawChecksEarly, flawNoChecks},
	"LostAnswersDoubleNothing":          {flawChecksEarly, flawNoChecks},

	"SnapshotStaysAsItWas":                   {flawSnapshotIsLive, flawSnapshotIsLate, flawSnapshotIsOld},
	"SnapshotIsOfOneInstantAndHoldsUpNobody": {flawSnapshotIsTorn, flawSnapshotIsLive, flawSnapshotBlocks, flawSnapshotIsOld},
	"SnapshotEndsWithItsStore":               {flawSnapshotStays, flawSnapshotOutlives, flawDeaf, flawNeverClosed},
}

func toyHarness(flaw string) Harness {
	return Harness{Place: func(testing.TB) func() (storage.Driver, error) {
		disk := newToyDisk()
		return func() (storage.Driver, error) { return openToy(disk, flaw), nil }
	}}
}

func TestSuiteAcceptsADriverThatKeepsTheContract(t *testing.T) {
	t.Parallel()
	Run(t, toyHarness(""))
}

func TestSuiteCatchesEveryFlaw(t *testing.T) {
	t.Parallel()
	for _, c := range recordChecks {
		require.NotEmpty(t, flaws[c.name], "no flaw shows that %s can fail", c.name)
		for _, flaw := range flaws[c.name] {
			t.Run(c.name+"/"+flaw, func(t *testing.T) {
				t.Parallel()
				// A race does not show every time; a driver is tested many times in its life.
				for range 100 {
					if fails(t, func(t testing.TB) { c.check(t, toyHarness(flaw)) }) {
						return
					}
				}
				t.Errorf("%s did not notice a driver that %s", c.name, flaw)
			})
		}
	}
}

// fails runs a check that is expected to fail and says whether it did.
func fails(t *testing.T, check func(t testing.TB)) bool {
	watched := &watchedT{TB: t}
	var done sync.WaitGroup
	done.Go(func() { check(watched) })
	done.Wait()
	if watched.message != "" {
		t.Log("failed, as it should: ", watched.message)
	}
	return watched.message != ""
}

// watchedT is a test whose failure is noted and not reported.
type watchedT struct {
	testing.TB
	message string
}

func (w *watchedT) Helper() {}

func (w *watchedT) Errorf(format string, args ...any) { w.message = fmt.Sprintf(format, args...) }

func (w *watchedT) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	w.FailNow()
}

func (w *watchedT) FailNow() { runtime.Goexit() }
