package witness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage/memstore"
)

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

func TestVaultErasedAtOneWitnessIsErasedAtTheOther(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	one, other := start(t, driver, witness.Config{FlushEvery: time.Second}), start(t, driver, witness.Config{})
	p := newPerson(t)
	register(t, one, p)
	_, err := one.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 5, 'a')}, nil, false)
	require.NoError(t, err)
	stone := p.tombstone(2)
	_, err = other.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
	require.NoError(t, err)
	latest, err := one.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, stone.heads(), latest, "what it still had to write of it is void")
	require.NoError(t, one.Close())
	latest, err = other.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, stone.heads(), latest)
}

func TestVaultRestoredAtOneWitnessIsRestoredAtTheOther(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	cfg := witness.Config{FlushEvery: time.Second, Seed: witnessSeed, Operator: operatorKey.Public()}
	one, other := start(t, driver, cfg), start(t, driver, cfg)
	p := newPerson(t)
	h := register(t, one, p)
	_, err := one.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 90, 'a')}, nil, false)
	require.NoError(t, err)
	statement := p.restored(1, at("shared", 5, 'd'))
	answers := make(chan string)
	for n := range 10 {
		go func() {
			w := one
			if n%2 == 1 {
				w = other
			}
			complete, err := w.Restore(t.Context(), p.vault, statement)
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- string(complete)
		}()
	}
	first := <-answers
	for range 9 {
		require.Equal(t, first, <-answers)
	}
	want := h.heads(in(1, at("shared", 5, 'd')), in(1, at("private", 0, 0)), in(1, at("journal", 0, 0)))
	require.NoError(t, one.Close(), "what it still had to write is void")
	latest, err := other.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, want, latest)
	forks, err := other.Forks(t.Context(), p.vault)
	require.NoError(t, err)
	require.Empty(t, forks)
}

func TestWitnessesWhoseClocksDifferNeitherShortenNorLock(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	ahead, behind := &testClock{now: noon.Add(years)}, &testClock{now: noon}
	one, other := start(t, driver, witness.Config{Now: ahead.Now}), start(t, driver, witness.Config{Now: behind.Now})
	wait := func(w *witness.Witness) time.Duration {
		tries, err := w.Count(t.Context(), [16]byte{1}, password)
		require.NoError(t, err)
		return tries.Wait
	}
	for range 5 {
		require.Zero(t, wait(one))
	}
	require.Equal(t, 30*time.Second, wait(other))
	behind.move(29 * time.Second)
	require.Equal(t, time.Second, wait(other))
	behind.move(time.Second)
	ahead.move(30 * time.Second)
	require.Zero(t, wait(other))
	require.Equal(t, time.Minute, wait(one))
}
