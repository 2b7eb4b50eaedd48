package vault_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// picture begins as a JPEG does, which is all that a vault looks at.
func picture(seed uint64, size int) []byte {
	return append([]byte{0xFF, 0xD8, 0xFF}, content(seed, size-3)...)
}

// pictured adds a document with a small picture.
func pictured(t testing.TB, v *vault.Vault, n vault.NewDocument, seed uint64) vault.Item {
	t.Helper()
	it := addTo(t, v, n, content(seed, 3000))
	it, err := v.SetThumbnail(t.Context(), it.ID, it.Revision, picture(seed, 9000))
	require.NoError(t, err)
	require.True(t, it.Document.Thumbnail)
	return it
}

func requirePicture(t testing.TB, v *vault.Vault, id vault.ItemID, seed uint64) {
	t.Helper()
	got, err := v.ReadThumbnail(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, picture(seed, 9000), got)
}

func TestASmallPictureGoesWithItsPaper(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	plain := add(t, s.v, "Carte", content(1, 3000))
	before := usage(t, s.Stage, s.v.ID()).Used
	_, err := s.v.ReadThumbnail(t.Context(), plain.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)

	it, err := s.v.SetThumbnail(t.Context(), plain.ID, 1, picture(1, 9000))
	require.NoError(t, err)
	require.EqualValues(t, 2, it.Revision)
	require.Equal(t, plain.Origin, it.Origin, "it is still the paper of who brought it")
	requirePicture(t, s.v, it.ID, 1)
	taken := usage(t, s.Stage, s.v.ID()).Used - before
	require.Greater(t, taken, int64(20<<10), "it counts")
	require.Less(t, taken, int64(21<<10))

	other, err := s.v.SetThumbnail(t.Context(), it.ID, 2, picture(2, vault.MaxThumbnail))
	require.NoError(t, err)
	require.Equal(t, before+taken, usage(t, s.Stage, s.v.ID()).Used, "one takes the place of the other, whatever it shows")
	moved, err := s.v.Move(t.Context(), other.ID, other.Revision, vault.Shared)
	require.NoError(t, err)
	got, err := s.v.ReadThumbnail(t.Context(), moved.ID)
	require.NoError(t, err)
	require.Equal(t, picture(2, vault.MaxThumbnail), got)
	require.Equal(t, before+taken, usage(t, s.Stage, s.v.ID()).Used)
	named, err := s.v.Edit(t.Context(), moved.ID, moved.Revision, vault.Edit{Name: ptr("Identity")})
	require.NoError(t, err)
	again := s.person.SignIn(t, s.Another(t, nil))
	got, err = again.ReadThumbnail(t.Context(), named.ID)
	require.NoError(t, err)
	require.Equal(t, picture(2, vault.MaxThumbnail), got)

	next, err := s.v.ReplaceDocument(t.Context(), named.ID, named.Revision, vault.NewDocument{}, bytes.NewReader(content(3, 3000)))
	require.NoError(t, err)
	require.False(t, next.Document.Thumbnail, "it shows what is there no longer")
	_, err = s.v.ReadThumbnail(t.Context(), next.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	last, err := s.v.SetThumbnail(t.Context(), next.ID, next.Revision, picture(3, 100))
	require.NoError(t, err)
	require.NoError(t, s.v.Destroy(t.Context(), last.ID, last.Revision))
	s.Clock.Advance(2 * vault.BinKeeps)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, requireBooks(t, s.Stage, s.v.ID()), "and nothing of it is left")
}

// Whoever has a paper open while its small picture is made, edits what they saw.
func TestASmallPictureIsNobodysEdit(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	name := "Bail"
	for what, change := range map[string]func(vault.ItemID, uint64) error{
		"edit": func(id vault.ItemID, seen uint64) error {
			_, err := s.v.Edit(ctx, id, seen, vault.Edit{Name: &name})
			return err
		},
		"move": func(id vault.ItemID, seen uint64) error { _, err := s.v.Move(ctx, id, seen, vault.Shared); return err },
		"replace": func(id vault.ItemID, seen uint64) error {
			_, err := s.v.ReplaceDocument(ctx, id, seen, vault.NewDocument{MediaType: "image/jpeg"}, bytes.NewReader(content(9, 2000)))
			return err
		},
		"bin":     func(id vault.ItemID, seen uint64) error { _, err := s.v.Bin(ctx, id, seen); return err },
		"destroy": func(id vault.ItemID, seen uint64) error { return s.v.Destroy(ctx, id, seen) },
	} {
		it := pictured(t, s.v, vault.NewDocument{Name: what, MediaType: "image/jpeg"}, 3)
		require.EqualValues(t, 2, it.Revision)
		_, err := s.v.SetThumbnail(ctx, it.ID, 1, picture(4, 9000))
		require.ErrorIs(t, err, vault.ErrRevision, "one picture is enough")
		require.NoError(t, change(it.ID, 1), what)
		err = change(it.ID, 1)
		require.Error(t, err, what)
		if what != "destroy" {
			require.ErrorIs(t, err, vault.ErrRevision, "what somebody has changed is seen first")
			now, err := s.v.Item(ctx, it.ID)
			require.NoError(t, err)
			require.EqualValues(t, 3, now.Revision, what)
			require.ErrorIs(t, change(it.ID, 2), vault.ErrRevision)
		}
	}
	requireSound(t, s.Stage, s.person)
}

func TestASmallPictureHasNewKeysWhenWhatIsSharedHas(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := pictured(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, 1)
	old, err := tn.v.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	private, err := tn.v.Move(t.Context(), it.ID, it.Revision, vault.Private)
	require.NoError(t, err)
	now, err := tn.v.Metadata(t.Context(), private.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"content", "thumbnail"}, []string{now.Parts[0].Role, now.Parts[1].Role})
	require.NotEqual(t, old.Parts[1].Blob, now.Parts[1].Blob)
	require.NotEqual(t, old.Parts[1].Digest, now.Parts[1].Digest)
}

func TestAPageOfSmallPicturesIsOneLine(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var ids []vault.ItemID
	for seed := range uint64(3) {
		ids = append(ids, pictured(t, s.v, vault.NewDocument{Name: "paper"}, seed).ID)
	}
	ids = append(ids, add(t, s.v, "text", content(9, 10)).ID, vault.ItemID{1})
	before := requireJournal(t, s.v)
	all, err := s.v.ReadThumbnails(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, all, len(ids))
	for seed := range uint64(3) {
		require.Equal(t, vault.Thumbnail{Item: ids[seed], JPEG: picture(seed, 9000)}, all[seed])
	}
	require.ErrorIs(t, all[3].Err, vault.ErrNotFound)
	require.ErrorIs(t, all[4].Err, vault.ErrNotFound)
	after := requireJournal(t, s.v)
	require.Len(t, after, len(before)+2, "the page, and the reading before")
	_, err = s.v.ReadThumbnails(t.Context(), make([]vault.ItemID, vault.MaxThumbnailsRead+1))
	require.ErrorIs(t, err, vault.ErrTooMany)
}

func TestWhatIsNoSmallPictureIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper, note := add(t, s.v, "Carte", content(1, 100)), addNote(t, s.v, "note", "text")
	before := usage(t, s.Stage, s.v.ID()).Used
	for _, bad := range [][]byte{nil, []byte("<script>"), picture(1, vault.MaxThumbnail+1)} {
		_, err := s.v.SetThumbnail(t.Context(), paper.ID, 1, bad)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
	_, err := s.v.SetThumbnail(t.Context(), note.ID, 1, picture(1, 100))
	require.ErrorIs(t, err, vault.ErrInvalid)
	_, err = s.v.SetThumbnail(t.Context(), paper.ID, 2, picture(1, 100))
	require.ErrorIs(t, err, vault.ErrRevision)
	_, err = s.v.SetThumbnail(t.Context(), vault.ItemID{1}, 1, picture(1, 100))
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.Equal(t, before, usage(t, s.Stage, s.v.ID()).Used)
	requireBooks(t, s.Stage, s.v.ID())
}

func TestASmallPictureNeedsRoom(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 100_000, Increased: 100_000}})
	paper := add(t, s.v, "Carte", content(1, 100))
	for usage(t, s.Stage, s.v.ID()).Left > 20<<10 {
		addNote(t, s.v, "full", strings.Repeat("x", 10_000))
	}
	before := usage(t, s.Stage, s.v.ID())
	_, err := s.v.SetThumbnail(t.Context(), paper.ID, 1, picture(1, 100))
	require.ErrorIs(t, err, vault.ErrFull)
	require.Equal(t, before, usage(t, s.Stage, s.v.ID()), "and nothing is set aside")
	requireBooks(t, s.Stage, s.v.ID())
}

func TestWhoSeesAPaperSeesItsSmallPicture(t *testing.T) {
	t.Parallel()
	for scope, what := range map[vault.Scope]struct{ read, set error }{
		vault.ScopeSee: {nil, vault.ErrNotAllowed}, vault.ScopeAdd: {nil, nil}, vault.ScopeGive: {vault.ErrNotAllowed, vault.ErrNotAllowed},
	} {
		tn := newTown(t, nil)
		worker, plain := tn.sharing(t, scope, content(1, 100))
		_, err := worker.SetThumbnail(t.Context(), plain.ID, plain.Revision, picture(1, 9000))
		require.ErrorIs(t, err, what.set)
		if what.set != nil {
			_, err = tn.v.SetThumbnail(t.Context(), plain.ID, plain.Revision, picture(1, 9000))
			require.NoError(t, err)
		}
		_, err = worker.SetThumbnail(t.Context(), plain.ID, plain.Revision+1, picture(2, 9000))
		require.ErrorIs(t, err, vault.ErrNotAllowed, "what is there, only the person takes away")
		_, err = worker.ReadThumbnails(t.Context(), nil)
		require.ErrorIs(t, err, what.read)
		private := pictured(t, tn.v, vault.NewDocument{Name: "Diary"}, 3)
		all, err := worker.ReadThumbnails(t.Context(), []vault.ItemID{plain.ID, private.ID})
		require.ErrorIs(t, err, what.read)
		if what.read == nil {
			require.Equal(t, picture(1, 9000), all[0].JPEG)
			require.ErrorIs(t, all[1].Err, vault.ErrNotFound)
		}
		requirePicture(t, tn.v, plain.ID, 1)
	}
}

func TestAPaperThatAWorkerMakesPrivateHasNoSmallPicture(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	worker, plain := tn.sharing(t, vault.ScopeAdd, content(1, 3000))
	before := usage(t, tn.Stage, tn.v.ID()).Used
	it, err := worker.SetThumbnail(t.Context(), plain.ID, plain.Revision, picture(1, 9000))
	require.NoError(t, err)
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, it.Revision))
	require.InDelta(t, before, usage(t, tn.Stage, tn.v.ID()).Used, 300, "its space is free, but for what the record grew")
	_, err = tn.v.TakeIn(t.Context())
	require.NoError(t, err)
	back, err := tn.v.Item(t.Context(), it.ID)
	require.NoError(t, err)
	require.False(t, back.Document.Thumbnail)
	require.Equal(t, content(1, 3000), read(t, tn.v, it.ID))
	requireBooks(t, tn.Stage, tn.v.ID())
}

// What the store may do to a small picture: each is refused and named, the others
// are shown, and the paper itself is well.
func TestAStoreCannotShowAnotherSmallPicture(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	one, two := pictured(t, s.v, vault.NewDocument{Name: "one"}, 1), pictured(t, s.v, vault.NewDocument{Name: "two"}, 2)
	blob := func(it vault.Item) string {
		m, err := s.v.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		return m.Parts[1].Blob
	}
	mine, other := s.host.Blob(blob(one)), s.host.Blob(blob(two))
	refused := func(msg string) {
		t.Helper()
		all, err := s.v.ReadThumbnails(t.Context(), []vault.ItemID{one.ID})
		require.NoError(t, err, msg)
		require.ErrorIs(t, all[0].Err, vault.ErrTampered, msg)
		require.Empty(t, all[0].JPEG, msg)
		require.Equal(t, content(1, 3000), read(t, s.v, one.ID), msg)
		_, err = s.v.Move(t.Context(), one.ID, one.Revision, vault.Shared)
		require.ErrorIs(t, err, vault.ErrTampered, "nor is it sealed anew as if it were well: %s", msg)
		s.host.Honest()
		requirePicture(t, s.v, one.ID, 1)
	}
	mine.Swap(other)
	refused("of another document")
	mine.Swap(s.content(t, one))
	all, err := s.v.ReadThumbnails(t.Context(), []vault.ItemID{one.ID})
	require.NoError(t, err)
	require.ErrorIs(t, all[0].Err, vault.ErrTampered, "the paper in its place")
	s.host.Honest()
	mine.Cut(100)
	refused("cut")
	mine.Append([]byte{0})
	refused("longer")
	mine.Drop()
	refused("dropped")

	next, err := s.v.SetThumbnail(t.Context(), one.ID, one.Revision, picture(5, 9000))
	require.NoError(t, err)
	s.host.Blob(blob(next)).Forge(mine.Versions()[0])
	_, err = s.v.ReadThumbnail(t.Context(), next.ID)
	require.ErrorIs(t, err, vault.ErrTampered, "the one before")
}
