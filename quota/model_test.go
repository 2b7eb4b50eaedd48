package quota_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// model is the whole package in a few lines.
type model struct {
	limit, used int64
	live        map[string]*modelReservation // not being swept
	sweeping    map[string]*modelReservation
}

type modelReservation struct {
	bytes int64
	due   time.Time
}

func (m *model) reserved() (sum int64) {
	for _, r := range m.live {
		sum += r.bytes
	}
	return sum
}

func (m *model) left() int64 { return m.limit - m.used - m.reserved() }

// machine drives the package and the model with the same calls.
type machine struct {
	*books
	model
}

var (
	anyID    = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	anyBytes = rapid.OneOf(rapid.Int64Range(0, 40), rapid.SampledFrom([]int64{99, 100, 101, 1 << 62}))
)

func (m *machine) due() time.Time { return m.clock.now().Add(2 * time.Hour) }

func (m *machine) reserveOne(t *rapid.T) {
	id, bytes, cut := anyID.Draw(t, "id"), anyBytes.Draw(t, "bytes"), rapid.Bool().Draw(t, "cut")
	call, expect := m.reserve, bytes
	if cut {
		call = m.reserveUpTo
		if left := m.left(); left > 0 {
			expect = min(bytes, left)
		}
	}
	r, err := call(id, bytes)
	switch _, taken := m.live[id]; {
	case taken || m.sweeping[id] != nil:
		require.ErrorIs(t, err, quota.ErrRepeated)
	case len(m.live) == 3:
		require.ErrorIs(t, err, quota.ErrTooMany)
	case expect > m.left():
		require.ErrorIs(t, err, quota.ErrFull)
	default:
		require.NoError(t, err)
		require.Equal(t, expect, r.Bytes)
		m.live[id] = &modelReservation{bytes: expect, due: m.due()}
	}
}

func (m *machine) growOne(t *rapid.T) {
	id, bytes, cut := anyID.Draw(t, "id"), anyBytes.Draw(t, "bytes"), rapid.Bool().Draw(t, "cut")
	own := m.live[id]
	call, expect := m.grow, bytes
	if cut {
		call = m.growUpTo
		if own != nil && m.left() > 0 {
			expect = min(bytes, own.bytes+m.left())
		}
	}
	r, err := call(id, bytes)
	switch {
	case own == nil:
		require.ErrorIs(t, err, quota.ErrExpired)
	case expect-own.bytes > m.left():
		require.ErrorIs(t, err, quota.ErrFull)
	default:
		require.NoError(t, err)
		own.bytes, own.due = max(own.bytes, expect), m.due()
		require.Equal(t, own.bytes, r.Bytes)
	}
}

func (m *machine) renewOne(t *rapid.T) {
	id := anyID.Draw(t, "id")
	_, err := m.renew(id)
	if own := m.live[id]; own != nil {
		require.NoError(t, err)
		own.due = m.due()
		return
	}
	require.ErrorIs(t, err, quota.ErrExpired)
}

func (m *machine) settleOne(t *rapid.T) {
	id, bytes := anyID.Draw(t, "id"), anyBytes.Draw(t, "bytes")
	err := m.settle(id, bytes)
	switch own := m.live[id]; {
	case own == nil:
		require.ErrorIs(t, err, quota.ErrExpired)
	case bytes > own.bytes:
		require.ErrorIs(t, err, quota.ErrExceeded)
	default:
		require.NoError(t, err)
		m.used += bytes
		delete(m.live, id)
	}
}

func (m *machine) cancelOne(t *rapid.T) {
	id := anyID.Draw(t, "id")
	require.NoError(t, m.cancel(id))
	delete(m.live, id)
}

func (m *machine) chargeSome(t *rapid.T) {
	delta := rapid.Int64Range(-50, 50).Draw(t, "delta")
	err := m.charge(delta)
	switch {
	case delta > 0 && delta > m.left():
		require.ErrorIs(t, err, quota.ErrFull)
	case m.used+delta < 0:
		require.ErrorIs(t, err, quota.ErrLedger)
	default:
		require.NoError(t, err)
		m.used += delta
	}
}

func (m *machine) beginOne(t *rapid.T) {
	id := anyID.Draw(t, "id")
	_, err := m.beginSweep(id)
	switch own := m.live[id]; {
	case m.sweeping[id] != nil:
		require.NoError(t, err)
	case own == nil:
		require.ErrorIs(t, err, quota.ErrExpired)
	case m.clock.now().Before(own.due):
		require.ErrorIs(t, err, quota.ErrNotDue)
	default:
		require.NoError(t, err)
		delete(m.live, id)
		m.sweeping[id] = own
	}
}

func (m *machine) endOne(t *rapid.T) {
	id := anyID.Draw(t, "id")
	err := m.endSweep(id)
	if m.live[id] != nil {
		require.ErrorIs(t, err, quota.ErrNotDue)
		return
	}
	require.NoError(t, err)
	delete(m.sweeping, id)
}

func (m *machine) sweepAll(*rapid.T) {
	m.sweep()
	for _, all := range []map[string]*modelReservation{m.live, m.sweeping} {
		for id, own := range all {
			if !nextHour(own.due).After(m.clock.now()) {
				delete(all, id)
			}
		}
	}
}

func nextHour(at time.Time) time.Time {
	if hour := at.Truncate(time.Hour); hour.Before(at) {
		return hour.Add(time.Hour)
	}
	return at
}

func (m *machine) wait(t *rapid.T) {
	m.clock.forward(time.Duration(rapid.IntRange(1, 200).Draw(t, "minutes")) * time.Minute)
}

func (m *machine) rebuildBooks(t *rapid.T) {
	require.NoError(t, m.do(func(tx *storage.Tx) error { return m.q.Rebuild(tx, vault, m.used) }))
}

func (m *machine) increase(t *rapid.T) {
	inc, err := m.ask("")
	require.NoError(t, err)
	if m.limit == 200 {
		require.Equal(t, quota.Refused, inc.State)
		return
	}
	yes := rapid.Bool().Draw(t, "yes")
	_, err = m.decide(quota.Decision{Number: inc.Number, Approve: yes, By: "Anne"})
	require.NoError(t, err)
	if yes {
		m.limit = 200
	}
}

// check compares everything that can be seen.
func (m *machine) check(t *rapid.T) {
	require.Equal(t, quota.Usage{Limit: m.limit, Used: m.used, Reserved: m.reserved(), Left: m.left()}, m.usage())
	require.LessOrEqual(t, m.used+m.reserved(), m.limit)
	due := map[string]int{}
	for _, key := range m.keys("due/") {
		d, err := storage.ParseDue(key)
		require.NoError(t, err)
		id, ok := quota.ReservationID(d)
		require.True(t, ok)
		due[id]++
		own := m.live[id]
		if own == nil {
			own = m.sweeping[id]
		}
		require.NotNil(t, own, id)
		require.Equal(t, nextHour(own.due), d.Hour)
	}
	require.Len(t, m.keys(quota.ReservationPrefix(vault)), len(m.live)+len(m.sweeping))
	require.Len(t, due, len(m.live)+len(m.sweeping), "one due entry each")
	for id, entries := range due {
		require.Equal(t, 1, entries, id)
	}
}

func TestTheBooksAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			books: openBooksOn(t, memstore.New(), quota.Config{Allowance: 100, MaxReservations: 3}),
			model: model{limit: 100, live: map[string]*modelReservation{}, sweeping: map[string]*modelReservation{}},
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": m.reserveOne, "grow": m.growOne, "renew": m.renewOne, "settle": m.settleOne, "cancel": m.cancelOne,
			"charge": m.chargeSome, "begin": m.beginOne, "end": m.endOne, "sweep": m.sweepAll, "wait": m.wait,
			"rebuild": m.rebuildBooks, "increase": m.increase,
			"": m.check,
		})
		m.clock.forward(4 * time.Hour)
		m.sweep()
		require.Equal(t, quota.Usage{Limit: m.limit, Used: m.used, Left: m.limit - m.used}, m.usage(), "nothing is reserved for ever")
		require.Equal(t, []string{"v1/q"}, slices.DeleteFunc(m.keys(""), func(key string) bool { return key == "v1/q/i" }))
	})
}
