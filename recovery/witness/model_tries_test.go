package witness_test

import (
	"cmp"
	"context"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/recovery/witness"
)

type modelCounter struct {
	total, reset uint64
	last         time.Time
}

func (m *machine) try(t *rapid.T) {
	name := rapid.ByteRange(0, 1).Draw(t, "counter")
	c := m.m.counters[name]
	if c == nil {
		c = &modelCounter{}
		m.m.counters[name] = c
	}
	var wait time.Duration
	if failed := c.total - c.reset; failed >= 5 {
		wait = waits[min(failed-5, 5)] - m.m.now.Sub(c.last)
	}
	tries, err := m.Count(context.Background(), m.p.vault, [32]byte{name})
	require.NoError(t, err)
	if wait <= 0 {
		c.total++
		c.last, m.m.highest, wait = m.m.now, m.m.now, 0
	}
	require.Equal(t, witness.Tries{Total: c.total, Failed: c.total - c.reset, Wait: wait}, tries)
}

// evaluate is a try at a counter that has an end.
func (m *machine) evaluate(t *rapid.T) {
	name := rapid.ByteRange(0, 1).Draw(t, "counter")
	c := m.m.counters[name]
	if c == nil {
		c = &modelCounter{}
	}
	e, err := m.Evaluate(context.Background(), m.p.vault, [32]byte{name}, pin, 0)
	if m.m.erased {
		require.ErrorIs(t, err, witness.ErrErased)
		return
	}
	require.NoError(t, err)
	failed, want := c.total-c.reset, witness.Tries{Total: c.total, Failed: c.total - c.reset}
	if failed >= 5 {
		want.Wait = max(0, waits[min(failed-5, 5)]-m.m.now.Sub(c.last))
	}
	if failed >= 20 {
		want.Wait, want.Spent = 0, true
	}
	if want.Wait == 0 && !want.Spent {
		c.total++
		c.last, m.m.highest, m.m.counters[name] = m.m.now, m.m.now, c
		want.Total, want.Failed = c.total, c.total-c.reset
	}
	require.Equal(t, want, e.Tries)
	require.Equal(t, want.Wait == 0 && !want.Spent, e.Output != [32]byte{})
	if e.Output != [32]byte{} {
		require.Equal(t, *cmp.Or(m.m.outputs[name], &e.Output), e.Output)
		m.m.outputs[name] = &e.Output
	}
}

func (m *machine) resetTries(t *rapid.T) {
	name, count := rapid.ByteRange(0, 1).Draw(t, "counter"), rapid.Uint64Range(0, 12).Draw(t, "count")
	signer, key := m.thief, rapid.IntRange(-1, 2).Draw(t, "key")
	if key >= 0 {
		signer = m.p.as(key + 1)
	}
	c := m.m.counters[name]
	if c == nil {
		c = &modelCounter{}
	}
	var want error
	switch {
	case m.m.key < 0:
		want = witness.ErrUnregistered
	case m.m.erased:
		want = witness.ErrErased
	case key != m.m.key || count > c.total:
		want = witness.ErrStatement
	default:
		c.reset = max(c.reset, count)
	}
	err := m.Reset(context.Background(), m.p.vault, [32]byte{name}, signer.reset([32]byte{name}, count))
	if want != nil {
		require.ErrorIs(t, err, want)
		return
	}
	require.NoError(t, err)
}

// timePasses or, now and then, somebody sets the clock back.
func (m *machine) timePasses(t *rapid.T) {
	d := time.Duration(rapid.Int64Range(0, 1000).Draw(t, "seconds")) * time.Second
	m.clock.move(d)
	m.m.now = m.m.now.Add(d)
	m.readClock(t)
	if rapid.IntRange(0, 3).Draw(t, "set back") == 0 {
		m.clock.move(-d * 3)
		m.readClock(t)
	}
}

// readClock makes the witness look at its clock, which the test's clock needs
// before and after it is set; time.Now tells of what it measured in between.
func (m *machine) readClock(t *rapid.T) {
	_, err := m.sweep(context.Background())
	require.NoError(t, err)
}
