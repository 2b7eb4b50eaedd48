package witness_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestReportsThatAreNotUrgentAreWrittenTogetherWithinTheInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := storagetest.NewFaulty(memstore.New())
		w := start(t, driver, witness.Config{FlushEvery: 300 * time.Millisecond})
		reader := start(t, driver, witness.Config{}) // sees what is in the store, and no more
		people := make([]*person, 10)
		for i := range people {
			people[i] = newPerson(t)
			register(t, w, people[i])
		}
		driver.Heal()
		for version := range uint64(50) {
			for _, p := range people {
				_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", version, 's'), at("journal", version, 'j')}, nil, false)
				require.NoError(t, err)
			}
		}
		require.Zero(t, calls(driver)[2], "nothing is written before the answer")
		for _, p := range people {
			stored, err := reader.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Len(t, stored, 1)
		}
		driver.Heal()
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, calls(driver)[2], "a thousand checkpoints of ten vaults are one commit")
		for _, p := range people {
			known, err := w.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, at("journal", 49, 'j'), known[2])
			stored, err := reader.Latest(t.Context(), p.vault)
			require.NoError(t, err)
			require.Equal(t, known, stored)
		}
		driver.Heal()
		time.Sleep(time.Hour)
		require.Zero(t, calls(driver), "an idle witness does nothing")
		require.NoError(t, w.Close())
		require.NoError(t, reader.Close())
	})
}

func TestManyVaultsAreFlushedWithoutLoss(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	w := start(t, driver, witness.Config{FlushEvery: time.Second})
	people := make([]*person, 40)
	for i := range people {
		people[i] = newPerson(t)
		register(t, w, people[i])
		_, err := w.Raise(t.Context(), people[i].vault, []witness.Checkpoint{at("private", uint64(i), 'p')}, nil, false)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	again := start(t, driver, witness.Config{})
	for i, p := range people {
		latest, err := again.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, at("private", uint64(i), 'p'), latest[1])
	}
}

func TestFlushThatFailsLosesNothingAndTheNextReporterIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mains := storagetest.NewFaulty(memstore.New())
		w := start(t, mains, witness.Config{})
		p := newPerson(t)
		h := register(t, w, p)
		_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 1, 's')}, nil, false)
		require.NoError(t, err)
		cut(mains)
		time.Sleep(time.Minute)
		_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 2, 's')}, nil, false)
		require.ErrorIs(t, err, witness.ErrUnavailable, "no more is taken than can be written")
		mains.Heal()
		_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", 3, 'j')}, nil, false)
		require.NoError(t, err)
		other := start(t, mains, witness.Config{})
		stored, err := other.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("shared", 1, 's'), at("journal", 3, 'j')), stored, "written before the answer, with what had waited")
		require.NoError(t, other.Close())
		require.NoError(t, w.Close())
	})
}

func TestCloseWritesOrSaysThatItCouldNot(t *testing.T) {
	t.Parallel()
	mains := storagetest.NewFaulty(memstore.New())
	w := start(t, mains, witness.Config{FlushEvery: time.Second})
	p := newPerson(t)
	register(t, w, p)
	_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 1, 's')}, nil, false)
	require.NoError(t, err)
	cut(mains)
	require.ErrorIs(t, w.Close(), witness.ErrUnavailable)
	require.ErrorIs(t, w.Close(), witness.ErrUnavailable, "and says so again")
}

// gate is a driver whose Gets wait, once it is shut, until it is opened.
type gate struct {
	storage.Driver
	shut chan struct{}
}

func (g *gate) Get(ctx context.Context, key string) (storage.Record, error) {
	if g.shut != nil {
		<-g.shut
	}
	return g.Driver.Get(ctx, key)
}

func TestReportUnderWayWhenTheWitnessClosesIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := &gate{Driver: memstore.New()}
		w := start(t, driver, witness.Config{})
		p := newPerson(t)
		register(t, w, p)
		driver.shut = make(chan struct{})
		answer := make(chan error)
		go func() {
			_, err := w.Raise(context.Background(), p.vault, []witness.Checkpoint{at("shared", 1, 's')}, nil, false)
			answer <- err
		}()
		synctest.Wait()
		require.NoError(t, w.Close())
		close(driver.shut)
		require.ErrorIs(t, <-answer, witness.ErrClosed, "there is nobody left to write it")
	})
}

func TestFailedFlushIsRepeatedUnasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := storagetest.NewFaulty(memstore.New())
		w := start(t, driver, witness.Config{})
		p := newPerson(t)
		h := register(t, w, p)
		_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 1, 's')}, nil, false)
		require.NoError(t, err)
		cut(driver)
		time.Sleep(time.Minute)
		driver.Heal()
		time.Sleep(time.Second)
		synctest.Wait()
		reader := start(t, driver, witness.Config{})
		latest, err := reader.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("shared", 1, 's')), latest)
		require.NoError(t, reader.Close())
		require.NoError(t, w.Close())
	})
}
