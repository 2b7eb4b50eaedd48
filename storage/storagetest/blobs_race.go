package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkTakenName(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	first := someBytes("first", 10_000)
	// Begun before the name was taken, closed after.
	early, err := b.Create(t.Context(), "blob", -1)
	require.NoError(t, err)
	_, err = early.Write([]byte("early"))
	require.NoError(t, err)
	empty, err := b.Create(t.Context(), "blob", 0)
	require.NoError(t, err)

	putBlob(t, b, "blob", first)
	require.ErrorIs(t, early.Close(), storage.ErrExists)
	require.ErrorIs(t, empty.Close(), storage.ErrExists)
	requireBlob(t, b, "blob", first)
	for _, content := range [][]byte{someBytes("second", 10_000), someBytes("shorter", 1), first, nil} {
		require.ErrorIs(t, sendBlob(t.Context(), b, "blob", int64(len(content)), content, 4096), storage.ErrExists)
		requireBlob(t, b, "blob", first)
	}
}

func checkWriters(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	ctx := t.Context()
	const writers = 6
	for round := range sized(15, 150) {
		name := numbered("b", round)
		answers := make([]error, writers)
		var begun sync.WaitGroup
		begun.Add(writers)
		together(t, writers, func(i int) error {
			w, err := b.Create(ctx, name, -1)
			if err == nil {
				_, err = w.Write(someBytes(fmt.Sprint(name, i), 1000+i))
			}
			begun.Done()
			begun.Wait() // so that all close at once
			if err == nil {
				answers[i] = w.Close()
			}
			return err
		})
		winner := -1
		for i, answer := range answers {
			if answer == nil {
				require.Equal(t, -1, winner, "two writers of %s won", name)
				winner = i
				continue
			}
			require.ErrorIs(t, answer, storage.ErrExists)
		}
		require.NotEqual(t, -1, winner, "no writer of %s won", name)
		requireBlob(t, b, name, someBytes(fmt.Sprint(name, winner), 1000+winner))
	}
}

// checkLoser ends writers in every other way beside one that wins.
func checkLoser(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("winner", 1000)
	begin := func(declared int64) storage.BlobWriter {
		w, err := b.Create(t.Context(), "blob", declared)
		require.NoError(t, err)
		_, err = w.Write([]byte("loser"))
		require.NoError(t, err)
		return w
	}
	aborted, short, second, last := begin(-1), begin(6), begin(-1), begin(-1)
	putBlob(t, b, "blob", content)
	aborted.Abort()
	requireBlob(t, b, "blob", content)
	require.Error(t, short.Close())
	requireBlob(t, b, "blob", content)
	require.ErrorIs(t, second.Close(), storage.ErrExists)
	second.Abort()
	requireBlob(t, b, "blob", content)

	require.NoError(t, b.Delete(t.Context(), "blob"))
	last.Abort()
	requireNameIsFree(t, b, "blob") // also for who began before the winner
}

func checkDeletedUnderReader(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	content := someBytes("deleted", 3<<20)
	putBlob(t, b, "blob", content)
	r, err := b.Open(t.Context(), "blob", 0, -1)
	require.NoError(t, err)
	defer r.Close()
	start := make([]byte, 1000)
	_, err = io.ReadFull(r, start)
	require.NoError(t, err)
	require.NoError(t, b.Delete(t.Context(), "blob"))
	requireNoBlob(t, b, "blob")
	other := someBytes("another of that name", 3<<20)
	putBlob(t, b, "blob", other)

	rest, err := io.ReadAll(r)
	if err == nil { // the reader may go on, but then to the right end
		requireValue(t, content, append(start, rest...), "what the reader had open")
	}
	requireBlob(t, b, "blob", other)
}

// checkManyBlobs lets goroutines do everything at once, each with names of its
// own, so that each knows what it must find.
func checkManyBlobs(t testing.TB, h BlobsHarness) {
	b := h.open(t)
	ctx := t.Context()
	together(t, 12, func(worker int) error {
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		there := map[string][]byte{}
		for step := range sized(60, 250) {
			name := fmt.Sprintf("w%d/%d", worker, random.IntN(4))
			content := someBytes(fmt.Sprint(name, step), random.IntN(50_000))
			switch random.IntN(4) {
			case 0, 1:
				err := sendBlob(ctx, b, name, -1, content, 10_000)
				if _, taken := there[name]; taken {
					if !errors.Is(err, storage.ErrExists) {
						return fmt.Errorf("writing over %s: %w", name, err)
					}
				} else if err != nil {
					return err
				} else {
					there[name] = content
				}
			case 2:
				if err := b.Delete(ctx, name); err != nil {
					return err
				}
				delete(there, name)
			case 3:
				w, err := b.Create(ctx, "shared", -1) // aborted always, so never there
				if err != nil {
					return err
				}
				_, err = w.Write(content)
				w.Abort()
				if err != nil {
					return err
				}
			}
			want, taken := there[name]
			have, err := readRange(ctx, b, name, 0, -1)
			if taken != (err == nil) || taken && !bytes.Equal(want, have) {
				return fmt.Errorf("%s: there %t, but read %d of %d bytes: %w", name, taken, len(have), len(want), err)
			}
		}
		return nil
	})
	requireNoBlob(t, b, "shared")
}
