package vault_test

import (
	"bytes"
	"io"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/vault"
)

// What the machine does with items. Each act is done in the vault and in the model.

func (m *machine) addNote(t *rapid.T) {
	name, place := anyName.Draw(t, "name"), m.place(t)
	var it vault.Item
	require.NoError(t, m.do(t, func(s *seat) (err error) {
		it, err = s.v.AddNote(t.Context(), name, vault.Note{Text: name}, place)
		return err
	}))
	require.Equal(t, place.Folder, it.Folder)
	m.items = append(m.items, &thing{Item: it})
}

func (m *machine) addFolder(t *rapid.T) {
	name, side := anyName.Draw(t, "name"), m.place(t).Compartment
	var it vault.Item
	require.NoError(t, m.do(t, func(s *seat) (err error) {
		it, err = s.v.AddFolder(t.Context(), name, vault.Place{Compartment: side})
		return err
	}))
	m.items = append(m.items, &thing{Item: it})
}

func (m *machine) addPaper(t *rapid.T) {
	b, place := m.bytes(t), m.place(t)
	n := vault.NewDocument{Name: anyName.Draw(t, "name"), Compartment: place.Compartment, Folder: place.Folder}
	if rapid.Bool().Draw(t, "known length") {
		n.Size = int64(len(b))
	}
	var it vault.Item
	require.NoError(t, m.do(t, func(s *seat) (err error) {
		it, err = s.v.AddDocument(t.Context(), n, bytes.NewReader(b))
		return err
	}))
	m.items = append(m.items, &thing{it, b})
}

// change does something to an item at the revision that the model knows, or at
// another, which is refused.
func (m *machine) change(t *rapid.T, it *thing, what func(v *vault.Vault, revision uint64) (vault.Item, error)) bool {
	off := rapid.SampledFrom([]uint64{0, 0, 0, 0, 1}).Draw(t, "too old by")
	var next vault.Item
	err := m.do(t, func(s *seat) (err error) {
		if m.find(it.ID) == nil { // the bin was emptied at a sign-in
			return vault.ErrNotFound
		}
		next, err = what(s.v, it.Revision-off)
		return err
	})
	switch {
	case m.find(it.ID) == nil:
		require.ErrorIs(t, err, vault.ErrNotFound)
		return false
	case off > 0:
		require.ErrorIs(t, err, vault.ErrRevision)
		return false
	}
	require.NoError(t, err)
	require.Equal(t, it.Revision+1, next.Revision)
	it.Item = next
	return true
}

func (m *machine) edit(t *rapid.T) {
	it := m.one(t, inUse)
	e := vault.Edit{Name: ptr(anyName.Draw(t, "name"))}
	if it.Kind != vault.KindFolder && rapid.Bool().Draw(t, "to another folder") {
		e.Folder = ptr(m.folder(t, it.Compartment))
	}
	m.change(t, it, func(v *vault.Vault, r uint64) (vault.Item, error) { return v.Edit(t.Context(), it.ID, r, e) })
}

func (m *machine) replace(t *rapid.T) {
	it, b := m.one(t, isPaper), m.bytes(t)
	if m.change(t, it, func(v *vault.Vault, r uint64) (vault.Item, error) {
		return v.ReplaceDocument(t.Context(), it.ID, r, vault.NewDocument{}, bytes.NewReader(b))
	}) {
		it.content = b
	}
}

func (m *machine) move(t *rapid.T) {
	it := m.one(t, movable)
	was, to := it.Folder, vault.Shared+vault.Private-it.Compartment
	if !m.change(t, it, func(v *vault.Vault, r uint64) (vault.Item, error) { return v.Move(t.Context(), it.ID, r, to) }) {
		return
	}
	require.Equal(t, to, it.Compartment)
	if was.IsZero() {
		require.Zero(t, it.Folder)
		return
	}
	if m.find(it.Folder) == nil { // it was made
		var made vault.Item
		require.NoError(t, m.do(t, func(s *seat) (err error) { made, err = s.v.Item(t.Context(), it.Folder); return err }))
		for _, other := range m.items {
			require.False(t, other.Kind == vault.KindFolder && inUse(other) && other.Compartment == to && other.Name == made.Name, "there was one")
		}
		m.items = append(m.items, &thing{Item: made})
	}
	require.Equal(t, m.find(was).Name, m.find(it.Folder).Name)
}

// holds says whether a folder holds something outside the bin.
func (m *machine) holds(id vault.ItemID) bool {
	return slices.ContainsFunc(m.items, func(it *thing) bool { return it.Folder == id && inUse(it) })
}

func (m *machine) bin(t *rapid.T) {
	it := m.one(t, inUse)
	if it.Kind == vault.KindFolder && m.holds(it.ID) {
		err := m.do(t, func(s *seat) error { _, err := s.v.Bin(t.Context(), it.ID, it.Revision); return err })
		require.ErrorIs(t, err, vault.ErrNotEmpty)
		return
	}
	m.change(t, it, func(v *vault.Vault, r uint64) (vault.Item, error) { return v.Bin(t.Context(), it.ID, r) })
}

func (m *machine) restore(t *rapid.T) {
	it := m.one(t, func(it *thing) bool { return !inUse(it) })
	was := it.Folder
	if m.change(t, it, func(v *vault.Vault, r uint64) (vault.Item, error) { return v.Restore(t.Context(), it.ID, r) }) {
		if f := m.find(was); f == nil || !inUse(f) {
			was = vault.ItemID{}
		}
		require.Equal(t, was, it.Folder)
	}
}

func (m *machine) destroy(t *rapid.T) {
	it := m.one(t, any1)
	err := m.do(t, func(s *seat) error { return s.v.Destroy(t.Context(), it.ID, it.Revision) })
	switch {
	case m.find(it.ID) == nil: // the bin was emptied at a sign-in
		require.ErrorIs(t, err, vault.ErrNotFound)
	case it.Kind == vault.KindFolder && m.holds(it.ID):
		require.ErrorIs(t, err, vault.ErrNotEmpty)
	default:
		require.NoError(t, err)
		m.items = slices.DeleteFunc(m.items, func(other *thing) bool { return other == it })
	}
}

func (m *machine) readOne(t *rapid.T) {
	it := m.one(t, func(it *thing) bool { return it.Kind == vault.KindDocument })
	offset := rapid.IntRange(0, len(it.content)).Draw(t, "offset")
	var got []byte
	err := m.do(t, func(s *seat) error {
		c, err := s.v.ReadDocumentRange(t.Context(), it.ID, int64(offset), -1)
		if err == nil {
			got, err = io.ReadAll(c)
			require.NoError(t, c.Close())
		}
		return err
	})
	if m.find(it.ID) == nil {
		require.ErrorIs(t, err, vault.ErrNotFound)
		return
	}
	require.NoError(t, err)
	require.True(t, bytes.Equal(it.content[offset:], got))
}
