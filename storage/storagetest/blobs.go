package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// BlobsHarness tells [RunBlobs] how to get at the store that it proves.
type BlobsHarness struct {
	// Place prepares a new and empty place for blobs and returns the function
	// that opens it. The suite closes what it opens, and may then open the same
	// place again to find what it left there. It never opens a place twice at once.
	Place func(t testing.TB) (open func() (storage.Blobs, error))
	// Volatile is set for a store that keeps its blobs in memory. What needs a
	// second opening, or a blob larger than memory should be, is then left out.
	Volatile bool
}

// RunBlobs proves that a store keeps the contract of [storage.Blobs], in
// subtests that run in parallel, each on a place of its own. It takes some
// seconds; with RECONNECT_TEST_ALL=1 the tests that look for races run longer.
func RunBlobs(t *testing.T, h BlobsHarness) {
	for _, c := range blobChecks {
		if c.keeps && h.Volatile {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if !c.alone {
				t.Parallel()
			}
			c.check(t, h)
		})
	}
}

// blobCheck is one promise of the contract. It is given a testing.TB so that
// the tests of this package can watch it fail.
type blobCheck struct {
	name  string
	keeps bool // not for volatile stores
	alone bool // measures, and is disturbed by others
	check func(t testing.TB, h BlobsHarness)
}

var blobChecks = []blobCheck{
	{"BigBlobTakesLittleMemory", true, true, checkBigBlob},
	{"BlobsAreKeptReadAndDeleted", false, false, checkLifeOfABlob},
	{"AnyBytesOfAnyLengthAreABlob", false, false, checkBlobContents},
	{"RangesAreExact", false, false, checkRanges},
	{"ReadersDoNotDisturbEachOther", false, false, checkManyReaders},
	{"NamesAreTakenLiterally", false, false, checkBlobNames},
	{"OtherNamesAreRefused", false, false, checkBadBlobNames},
	{"NothingIsSeenBeforeClose", false, false, checkNothingBeforeClose},
	{"BlobAppearsWhole", false, false, checkAppearsWhole},
	{"AbortedBlobLeavesNothing", false, false, checkAbort},
	{"EndedWriterStaysEnded", false, false, checkEndedWriter},
	{"DeclaredLengthIsHeld", false, false, checkDeclaredLength},
	{"EndedContextLeavesNothing", false, false, checkBlobEndedContext},
	{"ContextEndingDuringWriteLeavesNothing", false, false, checkCancelledWriter},
	{"ContextEndingDuringCloseIsHonest", false, false, checkContextDuringClose},
	{"ReaderEndsWithItsContext", false, false, checkCancelledReader},
	{"TakenNameIsNeverOverwritten", false, false, checkTakenName},
	{"OneOfManyWritersWins", false, false, checkWriters},
	{"LoserTakesNothingAway", false, false, checkLoser},
	{"DeletedBlobIsGone", false, false, checkDeletedUnderReader},
	{"ManyAtOnceDoNotMixUp", false, false, checkManyBlobs},
	{"ClosedStoreAnswersErrClosed", false, false, checkClosedBlobs},
	{"OpenWriterDiesWithItsStore", true, false, checkWriterOfClosedStore},
	{"CloseLosesNothingAcknowledged", true, false, checkCloseUnderWriters},
	{"ReopenedStoreHasEverything", true, false, checkReopenBlobs},
}

// open opens a new place for one check, and closes it after.
func (h BlobsHarness) open(t testing.TB) storage.Blobs {
	t.Helper()
	return openedBlobs(t, h.Place(t))
}

func openedBlobs(t testing.TB, open func() (storage.Blobs, error)) storage.Blobs {
	t.Helper()
	b, err := open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// bytesOf is an endless stream of bytes that no other seed has.
func bytesOf(seed string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256([]byte(seed)))
}

// someBytes are the first n of them.
func someBytes(seed string, n int) []byte {
	p := make([]byte, n)
	_, _ = io.ReadFull(bytesOf(seed), p) // never fails
	return p
}

// sendBlob writes a blob in pieces of at most that many bytes, and overwrites
// each piece once it was written: a store must not keep it.
func sendBlob(ctx context.Context, b storage.Blobs, name string, declared int64, content []byte, piece int) error {
	w, err := b.Create(ctx, name, declared)
	if err != nil {
		return err
	}
	defer w.Abort()
	scratch := make([]byte, piece)
	for len(content) > 0 {
		p := scratch[:copy(scratch, content)]
		content = content[len(p):]
		n, err := w.Write(p)
		if err != nil {
			return err
		}
		if n != len(p) {
			return fmt.Errorf("wrote %d of %d bytes without an error", n, len(p))
		}
		clear(p)
	}
	return w.Close()
}

// putBlob writes content, which must succeed.
func putBlob(t testing.TB, b storage.Blobs, name string, content []byte) {
	t.Helper()
	require.NoError(t, sendBlob(t.Context(), b, name, int64(len(content)), content, 256<<10), "put %q", name)
}

// readRange reads a range to its end.
func readRange(ctx context.Context, b storage.Blobs, name string, offset, length int64) ([]byte, error) {
	r, err := b.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return content, err
}

// requireBlob requires that a blob is there and whole.
func requireBlob(t testing.TB, b storage.Blobs, name string, want []byte) {
	t.Helper()
	size, err := b.Size(t.Context(), name)
	require.NoError(t, err, "size of %q", name)
	require.EqualValues(t, len(want), size, "size of %q", name)
	have, err := readRange(t.Context(), b, name, 0, -1)
	require.NoError(t, err, "read %q", name)
	requireValue(t, want, have, name)
}

// requireNoBlob requires that no method finds the blob.
func requireNoBlob(t testing.TB, b storage.Blobs, name string) {
	t.Helper()
	_, err := b.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrNotFound, "size of %q", name)
	for _, offset := range []int64{0, 1} {
		_, err = readRange(t.Context(), b, name, offset, -1)
		require.ErrorIs(t, err, storage.ErrNotFound, "open %q", name)
	}
}

// requireNameIsFree requires that nothing is left of an earlier writer.
func requireNameIsFree(t testing.TB, b storage.Blobs, name string) {
	t.Helper()
	requireNoBlob(t, b, name)
	content := someBytes("after "+name, 100)
	putBlob(t, b, name, content)
	requireBlob(t, b, name, content)
	require.NoError(t, b.Delete(t.Context(), name))
}

// wholeOrAbsent is for many goroutines: it answers whether the blob is there,
// and an error if it is there in part.
func wholeOrAbsent(ctx context.Context, b storage.Blobs, name string, want []byte) (there bool, err error) {
	have, err := readRange(ctx, b, name, 0, -1)
	switch {
	case isNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %q: %w", name, err)
	case !bytes.Equal(want, have):
		return true, fmt.Errorf("%q has %d bytes and not the %d that were written", name, len(have), len(want))
	}
	return true, nil
}
