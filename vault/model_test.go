package vault_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// model is a vault in a few lines: what the person was told is there.
type model struct {
	items []*thing // in the order in which they came
}

type thing struct {
	vault.Item
	content []byte
}

// machine drives two sessions, each in a process of its own, and the model with
// the same acts.
type machine struct {
	t      *testing.T
	stage  *vaulttest.Stage
	blobs  *knownBlobs
	person *vaulttest.Person
	seats  [2]*seat
	model
}

// seat is where somebody sits with a session of the person.
type seat struct {
	*watched
	v      *vault.Vault
	used   time.Time
	kicked bool // the session may have been ended by the other
}

func newMachine(t *testing.T) *machine {
	base := vaulttest.New(t, nil)
	m := &machine{t: t, stage: base, person: base.Person(t), blobs: newKnownBlobs(base.Blobs)}
	for i := range m.seats {
		m.seats[i] = &seat{}
		m.boot(m.seats[i])
	}
	for it, err := range m.seats[0].v.Items(t.Context()) {
		require.NoError(t, err)
		m.items = append(m.items, &thing{Item: it})
	}
	return m
}

// boot starts a process and signs in.
func (m *machine) boot(s *seat) {
	s.watched = watch(m.t, m.stage, nil)
	s.blobs.names = m.blobs.names // all processes write to one store
	m.signIn(s)
}

func (m *machine) signIn(s *seat) {
	v, err := s.Unlock(m.t.Context(), m.person.Secret())
	require.NoError(m.t, err)
	s.v, s.used, s.kicked = v, s.Clock.Now(), false
	m.items = slices.DeleteFunc(m.items, func(it *thing) bool { // the bin is emptied at a sign-in
		return !it.Binned.IsZero() && it.Binned.Before(s.Clock.Now().Add(-vault.BinKeeps))
	})
}

// do lets somebody act, who signs in again if their session has ended.
func (m *machine) do(t *rapid.T, act func(s *seat) error) error {
	s := m.seats[rapid.IntRange(0, 1).Draw(t, "seat")]
	err := act(s)
	if errors.Is(err, vault.ErrSessionEnded) {
		require.True(t, s.kicked || s.Clock.Now().Sub(s.used) >= 15*time.Minute, "ended for no reason")
		m.signIn(s)
		err = act(s)
	}
	s.used = s.Clock.Now()
	return err
}

// one draws an item that is there and fits, or skips.
func (m *machine) one(t *rapid.T, fits func(it *thing) bool) *thing {
	var some []*thing
	for _, it := range m.items {
		if fits(it) {
			some = append(some, it)
		}
	}
	if len(some) == 0 {
		t.Skip("there is none")
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "item")]
}

func any1(*thing) bool       { return true }
func inUse(it *thing) bool   { return it.Binned.IsZero() }
func isPaper(it *thing) bool { return it.Kind == vault.KindDocument && inUse(it) }
func movable(it *thing) bool { return it.Kind != vault.KindFolder && inUse(it) }

func (m *machine) find(id vault.ItemID) *thing {
	for _, it := range m.items {
		if it.ID == id {
			return it
		}
	}
	return nil
}

// place draws a side, and a folder there or none.
func (m *machine) place(t *rapid.T) vault.Place {
	p := vault.Place{Compartment: rapid.SampledFrom([]vault.Compartment{vault.Shared, vault.Private}).Draw(t, "side")}
	p.Folder = m.folder(t, p.Compartment)
	return p
}

func (m *machine) folder(t *rapid.T, side vault.Compartment) vault.ItemID {
	ids := []vault.ItemID{{}}
	for _, it := range m.items {
		if it.Kind == vault.KindFolder && inUse(it) && it.Compartment == side {
			ids = append(ids, it.ID)
		}
	}
	return rapid.SampledFrom(ids).Draw(t, "folder")
}

var (
	anyName = rapid.SampledFrom([]string{"a", "b", "ج", "Papers", strings.Repeat("x", 200)})
	anySize = rapid.SampledFrom([]int{0, 1, 1000, 3000, segment + 1})
)

func (m *machine) bytes(t *rapid.T) []byte {
	return content(uint64(rapid.IntRange(0, 1<<20).Draw(t, "seed")), anySize.Draw(t, "size"))
}

func (m *machine) changePassword(t *rapid.T) {
	c := vault.ChangePassword{Old: m.person.Password, New: m.person.Password[:min(20, len(m.person.Password))] + rapid.StringMatching("[a-z]{4}").Draw(t, "password")}
	c.KnownToOthers = rapid.Bool().Draw(t, "known to others")
	require.NoError(t, m.do(t, func(s *seat) error {
		err := s.v.ChangePassword(t.Context(), c)
		if err == nil {
			m.person.Password = c.New
			m.kick(s)
		}
		return err
	}))
}

func (m *machine) endOthers(t *rapid.T) {
	require.NoError(t, m.do(t, func(s *seat) error {
		m.kick(s)
		return s.v.EndOtherSessions(t.Context())
	}))
}

func (m *machine) kick(by *seat) {
	for _, s := range m.seats {
		s.kicked = s.kicked || s != by
	}
}

// crash ends a process; the session may go on in the next, or somebody signs in.
func (m *machine) crash(t *rapid.T) {
	s := m.seats[rapid.IntRange(0, 1).Draw(t, "seat")]
	token := s.v.Token()
	require.NoError(t, s.Vaults.Close())
	s.watched = watch(m.t, m.stage, nil)
	s.blobs.names = m.blobs.names
	if rapid.Bool().Draw(t, "resume") {
		v, err := s.Resume(t.Context(), token)
		if err == nil {
			s.v, s.used = v, s.Clock.Now()
			return
		}
		require.ErrorIs(t, err, vault.ErrSessionEnded)
		require.True(t, s.kicked || s.Clock.Now().Sub(s.used) >= 15*time.Minute)
	}
	m.signIn(s)
}

// die ends a process in the middle of an upload or a move: from some call on its
// store is out of reach, and nobody cleans up.
func (m *machine) die(t *rapid.T) {
	s := m.seats[rapid.IntRange(0, 1).Draw(t, "seat")]
	m.signIn(s)
	b, place, call := m.bytes(t), m.place(t), rapid.IntRange(1, 25).Draw(t, "call")
	paper := (*thing)(nil)
	if rapid.Bool().Draw(t, "move") {
		paper = m.one(t, func(it *thing) bool { return isPaper(it) && it.Folder.IsZero() })
	}
	s.store.FailFrom(call, storage.ErrUnavailable, storagetest.Before)
	var it vault.Item
	var err error
	if paper != nil {
		it, err = s.v.Move(t.Context(), paper.ID, paper.Revision, vault.Shared+vault.Private-paper.Compartment)
	} else {
		it, err = s.v.AddDocument(t.Context(), vault.NewDocument{Name: "died", Compartment: place.Compartment, Folder: place.Folder}, bytes.NewReader(b))
	}
	s.heal()
	require.NoError(t, s.Vaults.Close())
	m.boot(s)
	switch {
	case err != nil:
		require.ErrorIs(t, err, vault.ErrStorage)
	case paper != nil:
		paper.Item = it
	default:
		m.items = append(m.items, &thing{it, b})
	}
	s.Clock.Advance(time.Hour) // so that what died blocks no other move
}

func (m *machine) wait(t *rapid.T) {
	m.stage.Clock.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 20 * time.Minute, 3 * time.Hour, 13 * time.Hour, 31 * day}).Draw(t, "time"))
}

func (m *machine) sweep(t *rapid.T) {
	_, err := m.stage.Sweep(t.Context())
	require.NoError(t, err)
}

// check compares what one of them sees with what they were told.
func (m *machine) check(t *rapid.T) {
	seen := map[vault.ItemID]vault.Item{}
	require.NoError(t, m.do(t, func(s *seat) error {
		for it, err := range s.v.Items(t.Context()) {
			if err != nil {
				return err
			}
			seen[it.ID] = it
		}
		return nil
	}))
	require.Len(t, seen, len(m.items))
	for _, it := range m.items {
		require.Equal(t, it.Item, seen[it.ID])
	}
}

func TestTwoSessionsAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t)
		rt.Repeat(map[string]func(*rapid.T){
			"note": m.addNote, "folder": m.addFolder, "paper": m.addPaper, "edit": m.edit, "replace": m.replace, "move": m.move,
			"bin": m.bin, "restore": m.restore, "destroy": m.destroy, "read": m.readOne, "password": m.changePassword,
			"end others": m.endOthers, "crash": m.crash, "die": m.die, "wait": m.wait, "sweep": m.sweep,
			"": m.check,
		})
		m.signIn(m.seats[0])
		require.Len(rt, requireSound(t, m.stage, m.person), len(m.items))
		settle(t, m.stage)
		requireTidy(t, m.stage, m.blobs, m.person.Vault.ID())
	})
}
