package witness_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// model is a witness in its simplest form, without a store.
type model struct {
	key    int // which of the person's keys is registered, -1 for none
	erased bool
	epoch  uint64 // restore epoch
	heads  map[string]witness.Checkpoint
	kept   map[witness.Checkpoint][]witness.Kept // by owner head
	stated []witness.Checkpoint                  // that began the epoch
	saved  map[string]witness.Checkpoint         // those that a crash must not lose

	counters map[byte]*modelCounter
	outputs  map[byte]*[32]byte // of one input, by counter
	now      time.Time          // the witness's time
	highest  time.Time          // that of the latest counted try
}

// machine runs a witness and its model side by side.
type machine struct {
	*subject
	m     *model
	p     *person // with three keys, of which each follows the one before
	thief *person // another key, the same vault id
}

func (m *machine) order(a, b witness.Checkpoint) int {
	return cmp.Or(cmp.Compare(a.Restore, b.Restore), cmp.Compare(a.Version, b.Version))
}

// raise is what the model makes of one checkpoint.
func (m *machine) raise(c witness.Checkpoint) bool {
	if known, ok := m.m.heads[c.Head]; ok && m.order(c, known) <= 0 {
		return false
	}
	m.m.heads[c.Head] = c
	return true
}

func (m *machine) durable() {
	m.m.saved = map[string]witness.Checkpoint{}
	for name, c := range m.m.heads {
		m.m.saved[name] = c
	}
}

func (m *machine) ownerReport(t *rapid.T) {
	signer, key := m.thief, rapid.IntRange(-1, 2).Draw(t, "key")
	version, variant := rapid.Uint64Range(1, 8).Draw(t, "version"), rapid.Uint64Range(0, 1).Draw(t, "variant")
	epochs := m.m.epoch + rapid.SampledFrom([]uint64{0, 0, 0, 1}).Draw(t, "restore")
	if key >= 0 {
		signer = m.p.as(key + 1)
	}
	h, side := signer.sideOf(version, fmt.Sprint(variant), func(h *seal.OwnerHead) { h.Restore, h.Epoch = epochs, variant })
	erases := rapid.IntRange(0, 30).Draw(t, "tombstone") == 0
	if erases {
		h, epochs = signer.tombstone(version), 0
	}
	want := m.judge(t, h, key, epochs, erases)
	if !erases && rapid.Bool().Draw(t, "keep") {
		err := m.Keep(context.Background(), m.p.vault, h.record, side)
		if want != nil {
			require.ErrorIs(t, err, want)
		} else {
			require.NoError(t, err)
			m.keep(h.checkpoint, side)
		}
	}
	switch {
	case m.m.erased && want == nil:
		m.m.counters = map[byte]*modelCounter{} // the same tombstone drops what came since
	case want == nil:
		if m.raise(h.checkpoint) {
			m.m.key, m.m.erased = key, erases
			maps.DeleteFunc(m.m.kept, func(c witness.Checkpoint, _ []witness.Kept) bool { return m.order(c, h.checkpoint) < 0 })
			if erases {
				m.m.heads = map[string]witness.Checkpoint{"owner": h.checkpoint}
				m.m.counters, m.m.kept = map[byte]*modelCounter{}, map[witness.Checkpoint][]witness.Kept{}
			}
		}
		m.durable()
	}
	remembered, err := m.Raise(context.Background(), m.p.vault, h.heads(), h.record, rapid.Bool().Draw(t, "durable"))
	m.compare(t, want, remembered, err)
}

// judge is what the model makes of an owner head.
func (m *machine) judge(t *rapid.T, h signed, key int, epochs uint64, erases bool) error {
	switch first := m.m.key < 0; {
	case m.m.erased && m.m.heads["owner"] != h.checkpoint:
		return witness.ErrErased
	case m.m.erased:
		return nil
	case key < 0:
		if first {
			t.Skip("whoever comes first is believed; that is another test")
		}
		return witness.ErrUntrustedKey
	case first && (key != 0 || epochs != 0):
		t.Skip("the person registers with the first key")
	case erases && !first && key < m.m.key && key != 0:
		return witness.ErrUntrustedKey // it names no predecessors and is not the first or the present key
	case erases && !first && key > m.m.key:
		return witness.ErrUntrustedKey
	case epochs > m.m.epoch:
		return witness.ErrRestore
	case !first && m.order(h.checkpoint, m.m.heads["owner"]) > 0 && key < m.m.key:
		return witness.ErrUntrustedKey
	}
	return nil
}

// keep is what the model makes of an owner side.
func (m *machine) keep(c witness.Checkpoint, side []witness.Kept) {
	raised, known := m.m.heads["owner"]
	if known && (m.order(c, raised) < 0 || m.order(c, raised) == 0 && c != raised) {
		return
	}
	for k := range m.m.kept {
		if k == c || k != raised && m.order(k, c) > 0 {
			return
		}
	}
	maps.DeleteFunc(m.m.kept, func(k witness.Checkpoint, _ []witness.Kept) bool { return k != raised })
	m.m.kept[c] = side
}

func (m *machine) restores(t *rapid.T) {
	epoch := m.m.epoch + rapid.Uint64Range(0, 2).Draw(t, "epoch")
	var heads []witness.Checkpoint
	for _, head := range []string{"shared", "private", "journal"} {
		c := witness.Checkpoint{Head: head, Restore: epoch}
		if rapid.Bool().Draw(t, head) {
			c.Version, c.Hash = rapid.Uint64Range(1, 8).Draw(t, "version"), [32]byte{'r'}
		}
		heads = append(heads, c)
	}
	var want error
	switch {
	case epoch == 0:
		t.Skip("there is no such statement")
	case m.m.key < 0:
		want = witness.ErrUnregistered
	case m.m.erased:
		want = witness.ErrErased
	case epoch == m.m.epoch && m.same(heads):
		// again
	case epoch != m.m.epoch+1:
		want = witness.ErrRestore
	default:
		m.m.epoch, m.m.stated = epoch, heads
		for _, c := range heads {
			m.m.heads[c.Head] = c
		}
		m.durable()
	}
	complete, err := m.Restore(context.Background(), m.p.vault, m.p.restored(epoch, heads...))
	if want != nil {
		require.ErrorIs(t, err, want)
		return
	}
	require.NoError(t, err)
	kept, err := m.Restored(context.Background(), m.p.vault)
	require.NoError(t, err)
	require.Equal(t, complete, kept)
}

func (m *machine) same(heads []witness.Checkpoint) bool { return slices.Equal(m.m.stated, heads) }

func (m *machine) otherReport(t *rapid.T) {
	var heads []witness.Checkpoint
	var want error
	for _, head := range []string{"shared", "private", "journal"} {
		if rapid.Bool().Draw(t, head) {
			c := at(head, rapid.Uint64Range(0, 8).Draw(t, "version"), rapid.Byte().Draw(t, "hash")%2)
			c.Restore = m.m.epoch + rapid.SampledFrom([]uint64{0, 0, 0, 0, 0, 1}).Draw(t, "restore")
			if m.m.epoch > 0 && rapid.IntRange(0, 4).Draw(t, "late") == 0 {
				c.Restore = 0
			}
			heads = append(heads, c)
		}
	}
	durable := rapid.Bool().Draw(t, "durable")
	switch {
	case m.m.erased:
		want = witness.ErrErased
	case m.m.key < 0:
		want = witness.ErrUnregistered
	case slices.ContainsFunc(heads, func(c witness.Checkpoint) bool { return c.Restore > m.m.epoch }):
		want = witness.ErrRestore
	default:
		for _, c := range heads {
			m.raise(c)
		}
		if durable {
			m.durable()
		}
	}
	remembered, err := m.Raise(context.Background(), m.p.vault, heads, nil, durable)
	m.compare(t, want, remembered, err)
}

func (m *machine) compare(t *rapid.T, want error, remembered []witness.Checkpoint, err error) {
	if want != nil {
		require.ErrorIs(t, err, want)
		return
	}
	require.NoError(t, err)
	require.Equal(t, m.list(), remembered)
}

func (m *machine) list() []witness.Checkpoint {
	list := []witness.Checkpoint{}
	for _, head := range []string{"owner", "shared", "private", "journal"} {
		if c, ok := m.m.heads[head]; ok {
			list = append(list, c)
		}
	}
	return list
}

func (m *machine) startsAgain(t *rapid.T) {
	if rapid.Bool().Draw(t, "crash") {
		m.crash()
		// Between what was durable and what was reported, anything may be left.
		latest, err := m.Latest(context.Background(), m.p.vault)
		require.NoError(t, err)
		left := map[string]witness.Checkpoint{}
		for _, c := range latest {
			require.LessOrEqual(t, m.order(c, m.m.heads[c.Head]), 0)
			left[c.Head] = c
		}
		for name, c := range m.m.saved {
			require.GreaterOrEqual(t, m.order(left[name], c), 0)
		}
		m.m.heads = left
	} else {
		m.restart()
	}
	m.durable()
	m.m.now = m.clock.Now()
	if m.m.highest.After(m.m.now) {
		m.m.now = m.m.highest
	}
}

func TestWitnessIsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{subject: inMemory(t), p: newPerson(t), thief: newPerson(t)}
		m.m = &model{key: -1, heads: map[string]witness.Checkpoint{}, kept: map[witness.Checkpoint][]witness.Kept{}, counters: map[byte]*modelCounter{}, outputs: map[byte]*[32]byte{}, now: noon}
		m.thief.vault = m.p.vault
		m.p.succeed()
		m.p.succeed()
		t.Repeat(map[string]func(*rapid.T){
			"owner":   m.ownerReport,
			"others":  m.otherReport,
			"restore": m.restores,
			"try":     m.try,
			"tries":   func(t *rapid.T) { m.try(t); m.try(t); m.try(t) },
			"evaluate": func(t *rapid.T) {
				for range rapid.IntRange(1, 4).Draw(t, "times") {
					m.evaluate(t)
				}
			},
			"reset": m.resetTries,
			"time":  m.timePasses,
			"start": m.startsAgain,
			"": func(t *rapid.T) {
				latest, err := m.Latest(context.Background(), m.p.vault)
				require.NoError(t, err)
				require.Equal(t, m.list(), latest)
				if m.m.key >= 0 {
					_, side, err := m.OwnerSide(context.Background(), m.p.vault)
					require.NoError(t, err)
					require.Equal(t, m.m.kept[m.m.heads["owner"]], side)
				}
			},
		})
	})
}
