package vault_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// folderOf is the private folder "Papers" with documents and notes in it.
func folderOf(t testing.TB, v *vault.Vault, n int) vault.Item {
	t.Helper()
	f := folder(t, v, "Papers", vault.Private)
	for i := range n {
		if i%2 == 0 {
			addTo(t, v, vault.NewDocument{Name: fmt.Sprint("paper ", i), Folder: f.ID}, content(uint64(i), 1000+i))
			continue
		}
		_, err := v.AddNote(t.Context(), fmt.Sprint("note ", i), vault.Note{}, vault.Place{Folder: f.ID})
		require.NoError(t, err)
	}
	return f
}

func inside(t testing.TB, v *vault.Vault, f vault.Item) []string {
	t.Helper()
	all, err := v.List(t.Context(), &vault.ListOptions{Folder: &f.ID})
	require.NoError(t, err)
	return names(all)
}

func TestAFolderMovesWithEverythingInIt(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	ctx := t.Context()
	f := folderOf(t, p.Vault, 5)
	binned, err := p.Vault.AddNote(ctx, "binned", vault.Note{}, vault.Place{Folder: f.ID})
	require.NoError(t, err)
	_, err = p.Vault.Bin(ctx, binned.ID, 1)
	require.NoError(t, err)
	elsewhere := addNote(t, p.Vault, "elsewhere", "")

	var told []string
	moved, err := p.Vault.MoveFolder(ctx, f.ID, vault.Shared, &vault.MoveFolderOptions{Progress: func(moved, of int) { told = append(told, fmt.Sprint(moved, "/", of)) }})
	require.NoError(t, err)
	require.Equal(t, 5, moved)
	require.Equal(t, []string{"1/5", "2/5", "3/5", "4/5", "5/5"}, told)
	require.Equal(t, []string{"item.shared", "item.shared", "item.shared", "item.shared", "item.shared"}, acts(t, p.Vault, 5))
	require.Empty(t, inside(t, p.Vault, f))
	other := folder(t, p.Vault, "Papers", vault.Shared)
	require.Equal(t, []string{"note 1", "note 3", "paper 0", "paper 2", "paper 4"}, inside(t, p.Vault, other))
	require.Equal(t, vault.Private, item(t, p.Vault, elsewhere.ID).Compartment)

	moved, err = p.Vault.MoveFolder(ctx, f.ID, vault.Shared, nil)
	require.NoError(t, err)
	require.Zero(t, moved, "there is nothing left to do")
	moved, err = p.Vault.MoveFolder(ctx, other.ID, vault.Shared, nil)
	require.NoError(t, err)
	require.Zero(t, moved)
	moved, err = p.Vault.MoveFolder(ctx, other.ID, vault.Private, nil)
	require.NoError(t, err)
	require.Equal(t, 5, moved)
	for _, to := range []vault.Compartment{vault.Default, vault.Owner, 9} {
		_, err = p.Vault.MoveFolder(ctx, f.ID, to, nil)
		requireInvalid(t, err, "compartment")
	}
	_, err = p.Vault.MoveFolder(ctx, elsewhere.ID, vault.Shared, nil)
	requireInvalid(t, err, "folder")
	_, err = p.Vault.MoveFolder(ctx, vault.ItemID{1}, vault.Shared, nil)
	require.ErrorIs(t, err, vault.ErrNotFound)
	requireSound(t, w.Stage, p)
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
}

// A folder that exists on one side only is made on the other, once.
func TestAFolderIsMadeOnTheOtherSide(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f, err := s.v.AddFolder(t.Context(), "أوراق", vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	for n := range 3 {
		_, err := s.v.AddNote(t.Context(), fmt.Sprint(n), vault.Note{}, vault.Place{Folder: f.ID})
		require.NoError(t, err)
	}
	moved, err := s.v.MoveFolder(t.Context(), f.ID, vault.Shared, nil)
	require.NoError(t, err)
	require.Equal(t, 3, moved)
	require.Equal(t, []string{"0", "1", "2"}, inside(t, s.v, folder(t, s.v, "أوراق", vault.Shared)))
}

// Whatever stops it, each item is on one of the two sides, whole, and calling it
// again does the rest.
func TestAMoveOfAFolderCanStopAnywhereAndGoOn(t *testing.T) {
	t.Parallel()
	for n, reached := 1, true; reached; n += sized(4, 1) {
		reached = apart(t, "call", n, func(t *testing.T) bool {
			w := newWatched(t, nil)
			p := w.Person(t)
			f := folderOf(t, p.Vault, 4)
			w.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before)
			_, err := p.Vault.MoveFolder(t.Context(), f.ID, vault.Shared, nil)
			require.Equal(t, w.failed(), err != nil)
			reached := w.failed()
			w.heal()
			if err != nil {
				require.ErrorIs(t, err, vault.ErrStorage)
			}
			w.Clock.Advance(3 * time.Hour) // a move that was under way is over
			v := p.SignIn(t, w.Stage)
			left := len(inside(t, v, f))
			moved, err := v.MoveFolder(t.Context(), f.ID, vault.Shared, nil)
			require.NoError(t, err)
			require.Equal(t, left, moved)
			require.Empty(t, inside(t, v, f))
			require.Len(t, inside(t, v, folder(t, v, "Papers", vault.Shared)), 4)
			requireSound(t, w.Stage, p)
			settle(t, w.Stage)
			requireTidy(t, w.Stage, w.blobs, v.ID())
			return reached
		})
	}
}

func TestAMoveOfAFolderEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f := folderOf(t, s.v, 4)
	ctx, cancel := context.WithCancel(t.Context())
	moved, err := s.v.MoveFolder(ctx, f.ID, vault.Shared, &vault.MoveFolderOptions{Progress: func(moved, _ int) {
		if moved == 2 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, moved)
	require.Len(t, inside(t, s.v, f), 2)
}

// Somebody changes, bins and adds items meanwhile: nothing is lost and all that is
// in the folder goes over.
func TestAMoveOfAFolderAgreesWithOthersWhoChangeIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f := folderOf(t, s.v, 4)
	other, err := s.Another(t, nil).Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	all, err := other.List(t.Context(), &vault.ListOptions{Folder: &f.ID})
	require.NoError(t, err)
	moved, err := s.v.MoveFolder(t.Context(), f.ID, vault.Shared, &vault.MoveFolderOptions{Progress: func(moved, _ int) {
		if moved != 1 {
			return
		}
		gone := 0
		for _, it := range all { // the first is over already
			switch it, err := other.Item(t.Context(), it.ID); {
			case err != nil || it.Compartment == vault.Shared:
			case gone == 0:
				gone++
				_, err := other.Bin(t.Context(), it.ID, it.Revision)
				require.NoError(t, err)
			case gone == 1:
				gone++
				_, err := other.Edit(t.Context(), it.ID, it.Revision, vault.Edit{Name: ptr("changed")})
				require.NoError(t, err)
			}
		}
	}})
	require.NoError(t, err)
	require.Equal(t, 3, moved)
	require.Empty(t, inside(t, s.v, f))
	require.Contains(t, inside(t, s.v, folder(t, s.v, "Papers", vault.Shared)), "changed")
}

func TestADocumentThatWasAlteredDoesNotKeepItsFolderBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f := folderOf(t, s.v, 4)
	all, err := s.v.List(t.Context(), &vault.ListOptions{Folder: &f.ID, Kind: vault.KindDocument})
	require.NoError(t, err)
	require.NoError(t, s.Blobs.Delete(t.Context(), blobOf(t, s.v, all[0].ID)))
	moved, err := s.v.MoveFolder(t.Context(), f.ID, vault.Shared, nil)
	require.ErrorIs(t, err, vault.ErrTampered)
	require.ErrorContains(t, err, all[0].ID.String())
	require.Equal(t, 3, moved)
	require.Equal(t, []string{all[0].Name}, inside(t, s.v, f))
}
