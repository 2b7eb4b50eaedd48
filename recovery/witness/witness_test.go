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

func TestNewNamesEveryProblemOfItsConfigAtOnce(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{-time.Millisecond, time.Second + 1} {
		_, err := witness.New(witness.Config{FlushEvery: every})
		require.ErrorIs(t, err, witness.ErrInvalid)
		require.ErrorContains(t, err, "Store is missing")
		require.ErrorContains(t, err, "FlushEvery is "+every.String())
	}
}

func TestNewNeedsAStoreThatAnswers(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	require.NoError(t, store.Close())
	_, err := witness.New(witness.Config{Store: store})
	require.ErrorIs(t, err, witness.ErrUnavailable)
	require.ErrorIs(t, err, storage.ErrClosed)
}

// calls returns how many Gets, Scans and Commits there were since the last time.
func calls(f *storagetest.Faulty) [3]int {
	n := [3]int{f.Calls(storagetest.Get), f.Calls(storagetest.Scan), f.Calls(storagetest.Commit)}
	f.Heal()
	return n
}

func start(t *testing.T, driver storage.Driver, cfg witness.Config) *witness.Witness {
	cfg.Store = storage.New(driver)
	w, err := witness.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() }) // a test that cares has closed it itself
	return w
}

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

func TestEverythingAfterCloseIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	p := newPerson(t)
	h := register(t, w, p)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())

	_, err := w.Latest(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 1, 0)}, nil, false)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Raise(t.Context(), p.vault, h.heads(), h.record, true)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.OwnerHead(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Forks(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Count(t.Context(), p.vault, password)
	require.ErrorIs(t, err, witness.ErrClosed)
	require.ErrorIs(t, w.Reset(t.Context(), p.vault, password, nil), witness.ErrClosed)
	_, err = w.Sweep(t.Context())
	require.ErrorIs(t, err, witness.ErrClosed)
}

func TestLatestCostsOneGet(t *testing.T) {
	t.Parallel()
	driver := storagetest.NewFaulty(memstore.New())
	w := start(t, driver, witness.Config{})
	p := newPerson(t)
	register(t, w, p)
	_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 1, 0), at("private", 1, 0), at("journal", 1, 0)}, nil, true)
	require.NoError(t, err)
	driver.Heal()
	_, err = w.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, [3]int{1, 0, 0}, calls(driver))
}

// E8: whoever sees how long a try takes, or what the witness asks of its store,
// learns nothing about whether the login exists.
func TestUnknownVaultIsCountedWithTheSameWork(t *testing.T) {
	t.Parallel()
	driver := storagetest.NewFaulty(memstore.New())
	w := start(t, driver, witness.Config{})
	p := newPerson(t)
	register(t, w, p)
	unknown := newPerson(t)
	for range 8 { // the first, those after it, those that are refused
		driver.Heal()
		known, err := w.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		work := calls(driver)
		decoy, err := w.Count(t.Context(), unknown.vault, password)
		require.NoError(t, err)
		require.Equal(t, work, calls(driver))
		require.Equal(t, known.Wait > 0, decoy.Wait > 0)
		known.Wait, decoy.Wait = 0, 0
		require.Equal(t, known, decoy)
	}
}

func TestTriesAtManyCountersDoNotConflict(t *testing.T) {
	t.Parallel()
	driver := storagetest.NewFaulty(memstore.New())
	w := start(t, driver, witness.Config{})
	counted := make(chan error)
	for n := range byte(50) {
		go func() {
			_, err := w.Count(t.Context(), [16]byte{n}, password)
			counted <- err
		}()
	}
	for range 50 {
		require.NoError(t, <-counted)
	}
	require.Equal(t, [3]int{101, 0, 50}, calls(driver), "one commit each, and the clock at the start")
}

func TestTwoWitnessesOverOneStoreCountTogether(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	clock := &testClock{now: noon}
	one, other := start(t, driver, witness.Config{Now: clock.Now}), start(t, driver, witness.Config{Now: clock.Now})
	allowed := make(chan bool)
	for n := range 30 {
		go func() {
			w := one
			if n%2 == 1 {
				w = other
			}
			tries, err := w.Count(t.Context(), [16]byte{1}, password)
			allowed <- err == nil && tries.Wait == 0
		}()
	}
	count := 0
	for range 30 {
		if <-allowed {
			count++
		}
	}
	require.Equal(t, 5, count)
}

func TestForkBetweenTwoWitnessesIsFoundWhenTheyWrite(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	one, other := start(t, driver, witness.Config{FlushEvery: time.Second}), start(t, driver, witness.Config{FlushEvery: time.Second})
	p := newPerson(t)
	h := register(t, one, p)
	_, err := one.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 5, 'a')}, nil, false)
	require.NoError(t, err)
	_, err = other.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 5, 'b')}, nil, true)
	require.NoError(t, err)
	require.NoError(t, one.Close())
	latest, err := other.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.heads(at("shared", 5, 'b')), latest)
	forks, err := other.Forks(t.Context(), p.vault)
	require.NoError(t, err)
	require.Len(t, forks, 1)
	require.Equal(t, at("shared", 5, 'a'), forks[0].Reported)
}

func TestContextThatEndedIsAnUnavailableWitness(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	p := newPerson(t)
	h := register(t, w, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, try := range []func() error{
		func() error { _, err := w.Latest(ctx, p.vault); return err },
		func() error { _, err := w.Raise(ctx, p.vault, h.heads(), h.record, true); return err },
		func() error { _, err := w.Count(ctx, p.vault, password); return err },
		func() error { return w.Reset(ctx, p.vault, password, p.reset(password, 0)) },
	} {
		err := try()
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.ErrorIs(t, err, context.Canceled)
	}
	tries, err := w.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.EqualValues(t, 1, tries.Total)
}
