package storagetest_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestFaultyBlobsWithoutFaultKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobs(t, storagetest.BlobsHarness{
		Place: func(testing.TB) func() (storage.Blobs, error) {
			return func() (storage.Blobs, error) { return storagetest.NewFaulty(nil).Blobs(memstore.NewBlobs()), nil }
		},
		Volatile: true,
	})
}

func TestRecordedBlobsKeepTheContract(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobs(t, storagetest.BlobsHarness{
		Place: func(testing.TB) func() (storage.Blobs, error) {
			recorder := storagetest.NewRecorder() // without markers: looking takes long with -race
			return func() (storage.Blobs, error) { return recorder.Blobs(memstore.NewBlobs()), nil }
		},
		Volatile: true,
	})
}

func readBlob(ctx context.Context, b storage.Blobs, name string) (string, error) {
	r, err := b.Open(ctx, name, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

func TestFaultBeforeACallLeavesTheBlobsAsTheyWere(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(nil)
	blobs := f.Blobs(memstore.NewBlobs())
	ctx := t.Context()
	require.NoError(t, writeBlob(ctx, blobs, "old", []byte("content")))
	for _, op := range []storagetest.Op{storagetest.CreateBlob, storagetest.WriteBlob, storagetest.CloseBlob} {
		f.FailAt(1, storage.ErrNoSpace, storagetest.Before, op)
		require.ErrorIs(t, writeBlob(ctx, blobs, "new", []byte("a"), []byte("b")), storage.ErrNoSpace, op)
		require.True(t, f.Failed())
		_, err := blobs.Size(ctx, "new")
		require.ErrorIs(t, err, storage.ErrNotFound, op)
	}
	f.FailAt(1, storage.ErrUnavailable, storagetest.Before, storagetest.OpenBlob)
	_, err := readBlob(ctx, blobs, "old")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	f.FailAt(1, storage.ErrUnavailable, storagetest.Before, storagetest.ReadBlob)
	content, err := readBlob(ctx, blobs, "old")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.Empty(t, content)
	f.FailAt(1, storage.ErrUnavailable, storagetest.Before, storagetest.SizeBlob)
	_, err = blobs.Size(ctx, "old")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	f.FailAt(1, storage.ErrReadOnly, storagetest.Before, storagetest.DeleteBlob)
	require.ErrorIs(t, blobs.Delete(ctx, "old"), storage.ErrReadOnly)
	content, err = readBlob(ctx, blobs, "old")
	require.NoError(t, err)
	require.Equal(t, "content", content)
}

func TestFaultAfterACallLosesTheAnswerOnly(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(nil)
	blobs := f.Blobs(memstore.NewBlobs())
	ctx := t.Context()
	f.FailAt(1, storage.ErrUnknown, storagetest.After, storagetest.CloseBlob)
	require.ErrorIs(t, writeBlob(ctx, blobs, "kept", []byte("content")), storage.ErrUnknown)
	content, err := readBlob(ctx, blobs, "kept")
	require.NoError(t, err)
	require.Equal(t, "content", content)
	f.FailAt(1, storage.ErrUnavailable, storagetest.After, storagetest.DeleteBlob)
	require.ErrorIs(t, blobs.Delete(ctx, "kept"), storage.ErrUnavailable)
	_, err = blobs.Size(ctx, "kept")
	require.ErrorIs(t, err, storage.ErrNotFound)

	for _, op := range []storagetest.Op{storagetest.CreateBlob, storagetest.WriteBlob} {
		f.FailAt(1, storage.ErrUnavailable, storagetest.After, op)
		require.ErrorIs(t, writeBlob(ctx, blobs, "new", []byte("a"), []byte("b")), storage.ErrUnavailable, op)
		_, err := blobs.Size(ctx, "new")
		require.ErrorIs(t, err, storage.ErrNotFound, "there is no answer that could be lost before Close")
	}
}

func TestFailedBlobWriterStaysFailed(t *testing.T) {
	t.Parallel()
	f := storagetest.NewFaulty(nil)
	blobs := f.Blobs(memstore.NewBlobs())
	w, err := blobs.Create(t.Context(), "blob", -1)
	require.NoError(t, err)
	f.FailAt(2, storage.ErrNoSpace, storagetest.Before, storagetest.WriteBlob)
	_, err = w.Write([]byte("first"))
	require.NoError(t, err)
	for range 2 {
		_, err = w.Write([]byte("second"))
		require.ErrorIs(t, err, storage.ErrNoSpace)
	}
	require.ErrorIs(t, w.Close(), storage.ErrNoSpace)
	_, err = blobs.Size(t.Context(), "blob")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// Every storage call of an operation that needs records and blobs fails in turn.
func TestCallsToRecordsAndBlobsAreCountedTogether(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		f := storagetest.NewFaulty(memstore.New())
		blobs := f.Blobs(memstore.NewBlobs())
		f.FailAt(n, storage.ErrUnavailable, storagetest.Before)
		err := writeBlob(t.Context(), blobs, "blob", []byte("a"), []byte("b"))
		if err == nil {
			err = f.Commit(t.Context(), nil, []storage.Write{{Key: "item", Value: []byte("names the blob")}})
		}
		if !f.Failed() {
			require.NoError(t, err)
			require.Equal(t, 6, n, "calls: create, write, write, close, commit")
			require.Equal(t, 4, f.Calls(storagetest.CreateBlob, storagetest.WriteBlob, storagetest.CloseBlob))
			require.Equal(t, 5, f.Calls())
			break
		}
		require.ErrorIs(t, err, storage.ErrUnavailable)
		f.Heal()
		_, err = f.Get(t.Context(), "item")
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
}
