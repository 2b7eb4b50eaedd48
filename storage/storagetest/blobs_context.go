package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkBlobEndedContext(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("kept", 1000)
	putBlob(t, b, "kept", content)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	for _, ctx := range []context.Context{cancelled, late} {
		// A store may notice at Create or later, but has noticed when Close returns.
		require.ErrorIs(t, sendBlob(ctx, b, "new", 100, someBytes("new", 100), 100), ctx.Err())
		require.ErrorIs(t, sendBlob(ctx, b, "new", 0, nil, 1), ctx.Err())
		requireNameIsFree(t, b, "new")
		_, err := readRange(ctx, b, "kept", 0, -1)
		require.ErrorIs(t, err, ctx.Err())
		_, err = b.Size(ctx, "kept")
		require.ErrorIs(t, err, ctx.Err())
		require.ErrorIs(t, b.Delete(ctx, "kept"), ctx.Err())
		requireBlob(t, b, "kept", content)
	}
}

// checkCancelledWriter cancels before each piece and then closes, as a caller
// does that copies from a request whose client went away. The length is right
// where it is declared, so that nothing but the context speaks against the blob.
func checkCancelledWriter(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	const piece = 300_000
	content := someBytes("cancelled", 4*piece)
	for written := range 5 {
		for _, declared := range []int64{-1, int64(written) * piece} {
			ctx, cancel := context.WithCancel(t.Context())
			w, err := b.Create(ctx, "blob", declared)
			require.NoError(t, err)
			for i := range written {
				_, err := w.Write(content[i*piece : (i+1)*piece])
				require.NoError(t, err)
			}
			cancel()
			if declared < 0 {
				// A store may take more bytes before it notices, but never keep them.
				if _, err := w.Write([]byte("more")); err != nil {
					require.ErrorIs(t, err, context.Canceled)
				}
			}
			require.ErrorIs(t, w.Close(), context.Canceled, "cancelled after %d pieces", written)
			requireNameIsFree(t, b, "blob")
		}
	}
}

// checkContextDuringClose holds every answer against what is there afterwards:
// when the context ends at the n-th time that the store looks at it, for every
// n, and when it ends at a random moment.
func checkContextDuringClose(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	for looks := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		fuse := &fuseContext{Context: ctx, cancel: cancel}
		fuse.looks.Store(int64(looks))
		require.NoError(t, honestBlob(t.Context(), fuse, b, numbered("fuse", looks)))
		cancel()
		if fuse.looks.Load() >= 0 {
			break // the store looks less often
		}
	}
	parent := t.Context()
	together(t, 4, func(writer int) error {
		for i := range sized(40, 250) {
			ctx, cancel := context.WithCancel(parent)
			var timer sync.WaitGroup
			timer.Go(func() {
				<-time.After(time.Duration(rand.IntN(1500)) * time.Microsecond)
				cancel()
			})
			err := honestBlob(parent, ctx, b, numbered(fmt.Sprintf("w%d/", writer), i))
			timer.Wait()
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// fuseContext is cancelled when it has been looked at so many times.
type fuseContext struct {
	context.Context
	cancel context.CancelFunc
	looks  atomic.Int64 // left
}

func (f *fuseContext) look() {
	if f.looks.Add(-1) == -1 {
		f.cancel()
	}
}

func (f *fuseContext) Err() error {
	f.look()
	return f.Context.Err()
}

func (f *fuseContext) Done() <-chan struct{} {
	f.look()
	return f.Context.Done()
}

// honestBlob writes with ctx and looks with clear whether the answer was true.
func honestBlob(clear, ctx context.Context, b storage.Blobs, name string) error {
	content := someBytes(name, 5000)
	answer := sendBlob(ctx, b, name, 5000, content, 2500)
	there, err := wholeOrAbsent(clear, b, name, content)
	switch {
	case err != nil:
		return err
	case answer == nil && !there:
		return errors.New("a blob that was acknowledged is not there")
	case answer != nil && !errors.Is(answer, context.Canceled) && !errors.Is(answer, storage.ErrUnknown):
		return answer
	case answer != nil && there && !errors.Is(answer, storage.ErrUnknown):
		return fmt.Errorf("the blob whose writer answered %q is there", answer)
	}
	return nil
}

func checkCancelledReader(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("read", 8<<20)
	putBlob(t, b, "blob", content)
	for _, length := range []int64{-1, int64(len(content)) - 1} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := b.Open(ctx, "blob", 0, length)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 1000))
		require.NoError(t, err)
		cancel()
		n, err := io.Copy(io.Discard, r)
		require.ErrorIs(t, err, context.Canceled, "after %d bytes more", n)
		require.NoError(t, r.Close())
	}
	requireBlob(t, b, "blob", content)
}
