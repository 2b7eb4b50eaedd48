package vault_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func TestTheBinKeepsForThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 5000))
	note := addNote(t, p.Vault, "Note", "")
	used := usage(t, w.Stage, p.Vault.ID()).Used
	binned, err := p.Vault.Bin(t.Context(), paper.ID, 1)
	require.NoError(t, err)
	require.Equal(t, w.Clock.Now(), binned.Binned)
	require.EqualValues(t, 2, binned.Revision)
	_, err = p.Vault.Bin(t.Context(), paper.ID, 2)
	requireInvalid(t, err, "item")
	require.Equal(t, []string{"Note"}, papers(t, p.Vault))
	require.Equal(t, content(1, 5000), read(t, p.Vault, paper.ID), "it can still be looked at")
	require.GreaterOrEqual(t, usage(t, w.Stage, p.Vault.ID()).Used, used, "and takes its room")

	w.Clock.Advance(30 * 24 * time.Hour)
	v := p.SignIn(t, w.Stage)
	require.Equal(t, content(1, 5000), read(t, v, paper.ID), "to the last instant")
	_, err = v.Bin(t.Context(), note.ID, 1)
	require.NoError(t, err)

	w.Clock.Advance(time.Millisecond)
	v = p.SignIn(t, w.Stage)
	_, err = v.Item(t.Context(), paper.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.NotZero(t, item(t, v, note.ID).Binned, "each has its own thirty days")
	require.Contains(t, acts(t, v, 3), "item.destroyed")
	require.Less(t, usage(t, w.Stage, v.ID()).Used, used)
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, v.ID())
	w.Clock.Advance(30 * 24 * time.Hour)
	v = p.SignIn(t, w.Stage)
	count, err := v.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.Counts{Folders: 2}, count)
	requireSound(t, w.Stage, p)
}

func TestABinOfHundredsIsEmptied(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 70)
	all, err := s.v.List(t.Context(), &vault.ListOptions{Kind: vault.KindNote})
	require.NoError(t, err)
	for _, it := range all {
		_, err := s.v.Bin(t.Context(), it.ID, 1)
		require.NoError(t, err)
	}
	s.Clock.Advance(31 * 24 * time.Hour)
	v := s.person.SignIn(t, s.Stage)
	count, err := v.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.Counts{Folders: 2}, count)
	require.Len(t, requireSound(t, s.Stage, s.person), 2)
}

func TestWhatIsRestoredLiesWhereItWas(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f, err := s.v.AddFolder(t.Context(), "Mine", vault.Place{})
	require.NoError(t, err)
	one := addTo(t, s.v, vault.NewDocument{Name: "one", Folder: f.ID}, []byte("1"))
	two := addTo(t, s.v, vault.NewDocument{Name: "two", Folder: f.ID}, []byte("2"))
	for _, it := range []vault.Item{one, two} {
		_, err := s.v.Restore(t.Context(), it.ID, 1)
		requireInvalid(t, err, "item")
		_, err = s.v.Bin(t.Context(), it.ID, 1)
		require.NoError(t, err)
	}
	back, err := s.v.Restore(t.Context(), one.ID, 2)
	require.NoError(t, err)
	require.Equal(t, f.ID, back.Folder)
	require.Zero(t, back.Binned)
	_, err = s.v.Bin(t.Context(), one.ID, 3)
	require.NoError(t, err)

	require.NoError(t, s.v.Destroy(t.Context(), f.ID, 1))
	back, err = s.v.Restore(t.Context(), two.ID, 2)
	require.NoError(t, err)
	require.Zero(t, back.Folder, "at the top, as its folder is gone")
	require.Equal(t, []byte("2"), read(t, s.v, two.ID))
}

func TestAFolderThatHoldsSomethingStays(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f, err := s.v.AddFolder(t.Context(), "Mine", vault.Place{})
	require.NoError(t, err)
	in := addTo(t, s.v, vault.NewDocument{Name: "in it", Folder: f.ID}, []byte("1"))
	_, err = s.v.Bin(t.Context(), f.ID, 1)
	require.ErrorIs(t, err, vault.ErrNotEmpty)
	require.ErrorIs(t, s.v.Destroy(t.Context(), f.ID, 1), vault.ErrNotEmpty)

	_, err = s.v.Bin(t.Context(), in.ID, 1)
	require.NoError(t, err)
	f, err = s.v.Bin(t.Context(), f.ID, 1)
	require.NoError(t, err, "what lies in the bin does not count")
	for _, place := range []vault.Place{{Folder: f.ID}, {Folder: in.ID}, {Folder: vault.ItemID{9}}, {Compartment: vault.Private, Folder: folder(t, s.v, "Papers", vault.Shared).ID}} {
		_, err = s.v.AddNote(t.Context(), "x", vault.Note{}, place)
		requireInvalid(t, err, "folder")
	}
	f, err = s.v.Restore(t.Context(), f.ID, f.Revision)
	require.NoError(t, err)
	back, err := s.v.Restore(t.Context(), in.ID, 2)
	require.NoError(t, err)
	require.Equal(t, f.ID, back.Folder)
	_, err = s.v.AddFolder(t.Context(), "in a folder", vault.Place{Folder: f.ID})
	requireInvalid(t, err, "folder")
	_, err = s.v.Edit(t.Context(), f.ID, f.Revision, vault.Edit{Folder: ptr(folder(t, s.v, "Papers", vault.Private).ID)})
	requireInvalid(t, err, "folder")
}

func TestWhatIsDestroyedIsGoneWithItsBytes(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	empty := usage(t, w.Stage, p.Vault.ID()).Used
	paper := add(t, p.Vault, "Carte", content(1, 5000))
	reader, err := p.Vault.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	defer reader.Close()
	require.NoError(t, p.Vault.Destroy(t.Context(), paper.ID, 1))
	require.Equal(t, empty, usage(t, w.Stage, p.Vault.ID()).Used, "the space is free at once")
	require.Len(t, w.blobs.there(t), 1, "who is reading may finish")
	_, err = p.Vault.Item(t.Context(), paper.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	w.Clock.Advance(2 * time.Hour)
	report, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Blobs)
	require.Empty(t, w.blobs.there(t))
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
}
