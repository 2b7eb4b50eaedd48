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

func TestNewNeedsTwoKeysToTakeRestores(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	for problem, cfg := range map[string]witness.Config{
		"Seed is not":                   {Seed: []byte("short"), Operator: operatorKey.Public()},
		"Seed is not 32":                {Seed: make([]byte, 32)},
		"Operator is not an":            {Seed: witnessSeed, Operator: []byte("short")},
		"Operator is not an Ed25519":    {Seed: witnessSeed, Operator: make([]byte, 32)},
		"Operator needs Seed":           {Operator: operatorKey.Public()},
		"Operator is the witness's own": {Seed: witnessSeed, Operator: witnessKey.Public()},
	} {
		cfg.Store = store
		_, err := witness.New(cfg)
		require.ErrorIs(t, err, witness.ErrInvalid, problem)
		require.ErrorContains(t, err, problem)
	}
	p := newPerson(t)
	for _, cfg := range []witness.Config{{}, {Seed: witnessSeed}} {
		w := start(t, memstore.New(), cfg)
		register(t, w, p)
		_, err := w.Restore(t.Context(), p.vault, p.restored(1))
		require.ErrorIs(t, err, witness.ErrRestore)
		if cfg.Seed == nil {
			require.Nil(t, w.PublicKey())
		} else {
			require.Equal(t, witnessKey.Public(), w.PublicKey())
		}
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
	_, _, err = w.OwnerSide(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrClosed)
	require.ErrorIs(t, w.Keep(t.Context(), p.vault, h.record, nil), witness.ErrClosed)
	_, err = w.Restore(t.Context(), p.vault, p.restored(1))
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Restored(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = w.Vaults(t.Context(), [16]byte{}, 10)
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
	require.Equal(t, [3]int{102, 0, 50}, calls(driver), "one commit each, and the clock and the loss at the start")
}

func TestSweepLeavesNothingOfWhatItDropped(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	clock := &testClock{now: noon}
	w := start(t, driver, witness.Config{Now: clock.Now})
	for n := range byte(3) {
		_, err := w.Count(t.Context(), [16]byte{n}, password)
		require.NoError(t, err)
	}
	clock.move(15 * 24 * time.Hour)
	_, err := w.Count(t.Context(), [16]byte{0}, password)
	require.NoError(t, err)
	require.Len(t, keysBut(t, driver, "clock", "count/"), 3, "one deadline each, however many tries")
	for range 3 {
		clock.move(20 * 24 * time.Hour)
		_, err := w.Sweep(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"clock"}, keysBut(t, driver))
}

func TestWhoWaitsForAnotherIsNotKeptBeyondTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := &gate{Driver: memstore.New()}
		w := start(t, driver, witness.Config{})
		driver.shut = make(chan struct{})
		first := make(chan error)
		go func() {
			_, err := w.Count(context.Background(), [16]byte{1}, password)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Count(ctx, [16]byte{1}, password)
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(driver.shut)
		require.NoError(t, <-first)
		require.NoError(t, w.Close())
	})
}

func TestContextThatEndedIsAnUnavailableWitness(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{Seed: witnessSeed, Operator: operatorKey.Public()})
	p := newPerson(t)
	h := register(t, w, p)
	next, side := p.sideOf(2, "next", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, try := range []func() error{
		func() error { _, err := w.Latest(ctx, p.vault); return err },
		func() error { _, err := w.Raise(ctx, p.vault, h.heads(), h.record, true); return err },
		func() error { _, err := w.Count(ctx, p.vault, password); return err },
		func() error { return w.Reset(ctx, p.vault, password, p.reset(password, 0)) },
		func() error { return w.Keep(ctx, p.vault, next.record, side) },
		func() error { _, _, err := w.OwnerSide(ctx, p.vault); return err },
		func() error { _, err := w.Restore(ctx, p.vault, p.restored(1)); return err },
		func() error { _, err := w.Restored(ctx, p.vault); return err },
		func() error { _, err := w.Vaults(ctx, [16]byte{}, 10); return err },
	} {
		err := try()
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.ErrorIs(t, err, context.Canceled)
	}
	tries, err := w.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.EqualValues(t, 1, tries.Total)
}
