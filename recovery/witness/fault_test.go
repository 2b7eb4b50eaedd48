package witness_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

// faults are the ways in which a store fails.
var faults = map[string]func(f *storagetest.Faulty, n int){
	"one call fails": func(f *storagetest.Faulty, n int) { f.FailAt(n, storage.ErrUnavailable, storagetest.Before) },
	"one call's request is lost": func(f *storagetest.Faulty, n int) {
		f.FailAt(n, storage.ErrUnknown, storagetest.Before)
	},
	"one call's answer is lost": func(f *storagetest.Faulty, n int) { f.FailAt(n, storage.ErrUnknown, storagetest.After) },
	"the store goes down":       func(f *storagetest.Faulty, n int) { f.FailFrom(n, storage.ErrUnavailable, storagetest.Before) },
	"all answers are lost":      func(f *storagetest.Faulty, n int) { f.FailFrom(n, storage.ErrUnknown, storagetest.After) },
}

// inTurn runs story with each of its storage calls after arm failing in turn, in
// every way, in a bubble where pauses take no time. story returns whether the
// fault was met.
func inTurn(t *testing.T, story func(t *testing.T, driver *storagetest.Faulty, arm func()) bool) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, met := 1, true; met; n++ {
				require.Less(t, n, 1000)
				synctest.Test(t, func(t *testing.T) {
					driver := storagetest.NewFaulty(memstore.New())
					met = story(t, driver, func() { fault(driver, n) })
				})
			}
		})
	}
}

// ledger is what the client of a witness was told, and what it may rely on.
type ledger struct {
	t     *testing.T
	w     *witness.Witness
	clock *testClock
	p     *person

	reported      map[witness.Checkpoint]bool
	durable, lazy map[string]witness.Checkpoint // acknowledged in the one way or the other

	allowed    int       // tries since the latest thing that can have given some back
	latest     time.Time // the latest of them
	total      uint64    // what it was told then
	registered bool
}

func (l *ledger) raise(owner *signed, durable bool, heads ...witness.Checkpoint) {
	var record []byte
	if owner != nil {
		heads, record = owner.heads(heads...), owner.record
	}
	for _, c := range heads {
		l.reported[c] = true
	}
	remembered, err := l.w.Raise(l.t.Context(), l.p.vault, heads, record, durable)
	if err != nil {
		require.True(l.t, oneOf(err, witness.ErrUnavailable, witness.ErrUnregistered, witness.ErrUntrustedKey), "%v", err)
		return
	}
	l.registered = true
	for _, c := range remembered {
		l.lazy[c.Head] = c
		if owner != nil || durable {
			l.durable[c.Head] = c
		}
	}
}

// guess tries as often as it is let, ten seconds apart.
func (l *ledger) guess(times int) {
	for range times {
		l.clock.move(10 * time.Second)
		tries, err := l.w.Count(l.t.Context(), l.p.vault, password)
		if err != nil {
			require.ErrorIs(l.t, err, witness.ErrUnavailable)
			continue // the caller must not evaluate it
		}
		if tries.Wait > 0 {
			continue
		}
		if l.allowed >= 5 {
			require.GreaterOrEqual(l.t, l.clock.Now().Sub(l.latest), waits[min(l.allowed-5, 5)], "no limit is bypassed")
		}
		require.Greater(l.t, tries.Total, l.total, "no counted try is lost")
		l.allowed, l.latest, l.total = l.allowed+1, l.clock.Now(), tries.Total
	}
}

func (l *ledger) reset(statement []byte) {
	err := l.w.Reset(l.t.Context(), l.p.vault, password, statement)
	if err != nil {
		require.True(l.t, oneOf(err, witness.ErrUnavailable, witness.ErrUnregistered, witness.ErrStatement), "%v", err)
	}
}

func oneOf(err error, any ...error) bool {
	return slices.ContainsFunc(any, func(known error) bool { return errors.Is(err, known) })
}

func TestEveryStorageFaultLeavesWhatWasAcknowledgedAndEveryLimit(t *testing.T) {
	t.Parallel()
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		arm()
		clock := &testClock{now: noon}
		w, err := witness.New(witness.Config{Store: storage.New(driver), Now: clock.Now})
		if err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
			return true
		}
		l := &ledger{
			t: t, w: w, clock: clock, p: newPerson(t),
			reported: map[witness.Checkpoint]bool{}, durable: map[string]witness.Checkpoint{}, lazy: map[string]witness.Checkpoint{},
		}

		first := l.p.head(1, nil)
		l.raise(&first, true, at("shared", 1, 's'))
		l.raise(nil, false, at("journal", 1, 'j'), at("private", 1, 'p'))
		time.Sleep(time.Second) // the flush
		l.guess(20)
		statement := l.p.reset(password, l.total)
		l.reset(statement)
		l.allowed = 0
		l.guess(20)
		l.reset(statement) // a replay gives nothing back
		l.guess(20)

		l.raise(nil, false, at("shared", 1, 'x')) // a fork
		l.p.succeed()
		second := l.p.head(2, nil)
		l.raise(&second, false)
		l.raise(nil, true, at("shared", 4, 's'))

		clock.move(31 * 24 * time.Hour)
		if _, err := w.Sweep(t.Context()); err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
		}
		l.allowed = 0 // as long as this it would have waited for six tries in any case
		if !l.registered {
			l.total = 0 // no statements, so that nothing depends on it
		}
		l.guess(20)
		l.reset(statement)
		l.guess(20)
		l.raise(nil, false, at("journal", 7, 'j'))
		closed := w.Close()

		met := driver.Failed()
		driver.Heal()
		l.w, err = witness.New(witness.Config{Store: storage.New(driver), Now: clock.Now})
		require.NoError(t, err)
		l.verify(closed)
		l.guess(20)
		require.NoError(t, l.w.Close())
		return met
	})
}

// A lost answer is not a lost try: the witness finds out by itself that it counted.
func TestATryWhoseAnswerIsLostIsCountedOnceAndAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		driver := storagetest.NewFaulty(memstore.New())
		w := start(t, driver, witness.Config{})
		p := newPerson(t)
		register(t, w, p)
		for n := range uint64(5) {
			driver.FailAt(1, storage.ErrUnknown, storagetest.After, storagetest.Commit)
			tries, err := w.Count(t.Context(), p.vault, password)
			require.NoError(t, err)
			require.True(t, driver.Failed())
			require.Equal(t, witness.Tries{Total: n + 1, Failed: n + 1}, tries)
		}
		driver.FailAt(1, storage.ErrUnknown, storagetest.After, storagetest.Commit)
		require.NoError(t, w.Reset(t.Context(), p.vault, password, p.reset(password, 5)))
		driver.Heal()
		tries, err := w.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		require.Equal(t, witness.Tries{Total: 6, Failed: 1}, tries)
		require.NoError(t, w.Close())
	})
}

// verify compares what is remembered after a new start with what was said.
func (l *ledger) verify(closed error) {
	latest, err := l.w.Latest(l.t.Context(), l.p.vault)
	require.NoError(l.t, err)
	remembered := map[string]witness.Checkpoint{}
	for _, c := range latest {
		require.True(l.t, l.reported[c], "only what was reported is remembered")
		remembered[c.Head] = c
	}
	for head, c := range l.durable {
		require.GreaterOrEqual(l.t, remembered[head].Version, c.Version)
	}
	if len(latest) > 0 {
		record, _, err := l.w.OwnerSide(l.t.Context(), l.p.vault)
		require.NoError(l.t, err)
		require.Equal(l.t, remembered["owner"].Hash, seal.Digest(record))
	}
	if closed == nil {
		for head, c := range l.lazy {
			require.GreaterOrEqual(l.t, remembered[head].Version, c.Version)
		}
	}
}

func TestErasureThatFailsIsFinishedByReportingItAgain(t *testing.T) {
	t.Parallel()
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		w, err := witness.New(witness.Config{Store: storage.New(driver)})
		require.NoError(t, err)
		p := newPerson(t)
		register(t, w, p)
		_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 2, 's'), at("journal", 2, 's')}, nil, true)
		require.NoError(t, err)
		_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 2, 'f')}, nil, true)
		require.NoError(t, err)
		_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", 3, 'j')}, nil, false)
		require.NoError(t, err)
		for n := range byte(60) {
			_, err = w.Count(t.Context(), p.vault, [32]byte{n})
			require.NoError(t, err)
		}
		stone := p.tombstone(2)

		arm()
		_, err = w.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
		met := driver.Failed()
		driver.Heal()
		if err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
			_, err = w.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.Equal(t, []string{"clock", "owner/" + hex.EncodeToString(p.vault[:]), "vault/" + hex.EncodeToString(p.vault[:])}, keysBut(t, driver, "due/"))
		return met
	})
}

// requireKept demands the side that was kept: whole, or none if nobody was told
// that it is.
func requireKept(t *testing.T, err error, want, got []witness.Kept, acknowledged bool) {
	t.Helper()
	require.NoError(t, err)
	if acknowledged || got != nil {
		require.Equal(t, want, got)
	}
}

// requireOneWithItsCheckpoints demands that there are both the statement and its
// checkpoints, or neither if nobody was told that it was taken.
func requireOneWithItsCheckpoints(t *testing.T, w *witness.Witness, p *person, complete []byte, acknowledged bool) {
	t.Helper()
	begun, err := w.Restored(t.Context(), p.vault)
	require.NoError(t, err)
	latest, err := w.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, begun != nil, slices.Contains(latest, in(1, at("shared", 5, 'd'))))
	if acknowledged {
		require.Equal(t, complete, begun)
	}
}

// What is kept and stated survives every fault, or was not acknowledged; and all
// of it may be repeated.
func TestEveryStorageFaultLeavesTheOwnerSideAndTheStatementWhole(t *testing.T) {
	t.Parallel()
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		cfg := witness.Config{Store: storage.New(driver), Seed: witnessSeed, Operator: operatorKey.Public()}
		w, err := witness.New(cfg)
		require.NoError(t, err)
		p := newPerson(t)
		first, one := p.sideOf(1, "one", nil)
		second, two := p.sideOf(2, "two", nil)
		statement := p.restored(1, at("shared", 5, 'd'))
		arm()
		var kept, raised [2]bool
		for n, step := range []struct {
			head signed
			side []witness.Kept
		}{{first, one}, {second, two}} {
			kept[n] = w.Keep(t.Context(), p.vault, step.head.record, step.side) == nil
			_, err := w.Raise(t.Context(), p.vault, step.head.heads(), step.head.record, true)
			raised[n] = err == nil
		}
		_, _ = w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 9, 's')}, nil, false)
		complete, err := w.Restore(t.Context(), p.vault, statement)
		stated := err == nil
		if err != nil {
			require.True(t, oneOf(err, witness.ErrUnavailable, witness.ErrUnregistered), "%v", err)
		}
		_ = w.Close()
		met := driver.Failed()
		driver.Heal()

		w, err = witness.New(cfg)
		require.NoError(t, err)
		owner, side, err := w.OwnerSide(t.Context(), p.vault)
		switch {
		case errors.Is(err, witness.ErrUnregistered):
			require.False(t, raised[0] || raised[1])
		case string(owner) == string(second.record):
			requireKept(t, err, two, side, kept[1])
		default:
			require.False(t, raised[1])
			require.Equal(t, first.record, owner)
			requireKept(t, err, one, side, kept[0])
		}
		requireOneWithItsCheckpoints(t, w, p, complete, stated)
		require.NoError(t, w.Keep(t.Context(), p.vault, second.record, two))
		_, err = w.Raise(t.Context(), p.vault, second.heads(), second.record, true)
		require.NoError(t, err)
		again, err := w.Restore(t.Context(), p.vault, statement)
		require.NoError(t, err)
		if stated {
			require.Equal(t, complete, again)
		}
		_, side, err = w.OwnerSide(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, two, side)
		require.NoError(t, w.Close())
		return met
	})
}

// keysBut lists what a store holds, but for what begins with one of prefixes.
func keysBut(t *testing.T, driver storage.Driver, prefixes ...string) (keys []string) {
	for r, err := range storage.New(driver).All(t.Context(), "") {
		require.NoError(t, err)
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(r.Key, prefix) }) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}
