package storagetest

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func init() {
	storage.RegisterBlobs("toyfolder", func(_ context.Context, u *url.URL) (storage.Blobs, error) {
		return openToyBlobs(u.Path, u.Query().Get("flaw"))
	})
}

// blobFlaws says which check catches which flaw. Others may catch it too.
var blobFlaws = map[string][]string{
	"BigBlobTakesLittleMemory":              {blobFlawHoardsWriting, blobFlawHoardsReading},
	"BlobsAreKeptReadAndDeleted":            {blobFlawDeleteError, blobFlawDeletesNothing, blobFlawBurnsNames},
	"AnyBytesOfAnyLengthAreABlob":           {blobFlawKeepsSlice, blobFlawNoEmpty, blobFlawCuts},
	"RangesAreExact":                        {blobFlawPastEnd, blobFlawAtEnd, blobFlawBehindEnd, blobFlawNegative, blobFlawZeroIsAll, blobFlawOverflow},
	"ReadersDoNotDisturbEachOther":          {blobFlawSharedReader},
	"NamesAreTakenLiterally":                {blobFlawSlashIsDash, blobFlawShortNames},
	"OtherNamesAreRefused":                  {blobFlawAnyName, blobFlawSizesAnyName},
	"NothingIsSeenBeforeClose":              {blobFlawInPlace, blobFlawEmptyFirst},
	"BlobAppearsWhole":                      {blobFlawCopies, blobFlawInPlace},
	"AbortedBlobLeavesNothing":              {blobFlawAbortKeeps, blobFlawAbortBurns, blobFlawClosesAborted},
	"EndedWriterStaysEnded":                 {blobFlawAbortsClosed},
	"DeclaredLengthIsHeld":                  {blobFlawShortIsFine, blobFlawLongIsFine, blobFlawKeepsFitting},
	"EndedContextLeavesNothing":             {blobFlawDeaf, blobFlawDeafDelete},
	"ContextEndingDuringWriteLeavesNothing": {blobFlawDeaf, blobFlawKeepsCut},
	"ContextEndingDuringCloseIsHonest":      {blobFlawLies, blobFlawKeepsCut},
	"ReaderEndsWithItsContext":              {blobFlawDeafReader, blobFlawReaderEnds},
	"TakenNameIsNeverOverwritten":           {blobFlawOverwrites, blobFlawChecksEarly},
	"OneOfManyWritersWins":                  {blobFlawChecksEarly, blobFlawRaces, blobFlawOverwrites},
	"LoserTakesNothingAway":                 {blobFlawLoserDeletes, blobFlawChecksEarly},
	"DeletedBlobIsGone":                     {blobFlawReopens, blobFlawDeletesNothing},
	"ManyAtOnceDoNotMixUp":                  {blobFlawSharedTemp},
	"ClosedStoreAnswersErrClosed":           {blobFlawNeverClosed},
	"OpenWriterDiesWithItsStore":            {blobFlawLateCommit, blobFlawKeepsClosed, blobFlawNeverClosed},
	"CloseLosesNothingAcknowledged":         {blobFlawForgets},
	"ReopenedStoreHasEverything":            {blobFlawForgets, blobFlawResurrects, blobFlawKeepsHalf},
}

func toyBlobsHarness(flaw string) BlobsHarness {
	return BlobsHarness{Place: func(t testing.TB) func() (storage.Blobs, error) {
		dir := t.TempDir()
		return func() (storage.Blobs, error) { return openToyBlobs(dir, flaw) }
	}}
}

func TestBlobSuiteAcceptsAStoreThatKeepsTheContract(t *testing.T) {
	RunBlobs(t, toyBlobsHarness(""))
}

func TestBlobSuiteCatchesEveryFlaw(t *testing.T) {
	for _, c := range blobChecks {
		require.NotEmpty(t, blobFlaws[c.name], "no flaw shows that %s can fail", c.name)
		for _, flaw := range blobFlaws[c.name] {
			t.Run(c.name+"/"+flaw, func(t *testing.T) {
				if !c.alone {
					t.Parallel()
				}
				// A race does not show every time; a store is tested many times in its life.
				for range 100 {
					if fails(t, func(t testing.TB) { c.check(t, toyBlobsHarness(flaw)) }) {
						return
					}
				}
				t.Errorf("%s did not notice a store that %s", c.name, flaw)
			})
		}
	}
}

func toyFolder(flaw string) func(t testing.TB) string {
	return func(t testing.TB) string {
		u := url.URL{Scheme: "toyfolder", Path: t.TempDir(), RawQuery: url.Values{"flaw": {flaw}}.Encode()}
		return u.String()
	}
}

func TestBlobKillAcceptsADurableStore(t *testing.T) {
	t.Parallel()
	RunBlobsKill(t, toyFolder(""))
}

func TestBlobKillCatchesAStoreThatWritesInPlace(t *testing.T) {
	t.Parallel()
	requireBlobKillFails(t, blobFlawInPlace, "size of")
}

func TestBlobKillCatchesAStoreThatTakesHalvesForBlobs(t *testing.T) {
	t.Parallel()
	requireBlobKillFails(t, blobFlawKeepsHalf, "size of")
}

func TestBlobKillCatchesAStoreThatAcknowledgesBeforeItWrites(t *testing.T) {
	t.Parallel()
	requireBlobKillFails(t, blobFlawWritesLater, "and is")
}

func TestBlobKillCatchesAStoreThatDeletesLater(t *testing.T) {
	t.Parallel()
	requireBlobKillFails(t, blobFlawDeletesLater, "deleted and is back")
}

func requireBlobKillFails(t *testing.T, flaw, why string) {
	t.Helper()
	for range 10 {
		watched := &watchedT{TB: t}
		var done sync.WaitGroup
		done.Go(func() { RunBlobsKill(watched, toyFolder(flaw)) })
		done.Wait()
		if strings.Contains(watched.message, why) {
			return
		}
	}
	require.Fail(t, "not noticed", "a store that %s", flaw)
}
