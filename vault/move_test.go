package vault_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestWhatIsMovedKeepsItsIdItsBytesAndItsOrigin(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	it := addTo(t, p.Vault, vault.NewDocument{Name: "Carte", Channel: "relay"}, content(1, 2*segment+7))
	blob := w.blobs.there(t)[0]
	used := usage(t, w.Stage, p.Vault.ID()).Used
	w.Clock.Advance(time.Minute)
	for revision, to := range []vault.Compartment{vault.Shared, vault.Private, vault.Shared} {
		moved, err := p.Vault.Move(t.Context(), it.ID, uint64(revision+1), to)
		require.NoError(t, err)
		require.Equal(t, it.ID, moved.ID)
		require.Equal(t, to, moved.Compartment)
		require.EqualValues(t, revision+2, moved.Revision)
		require.Equal(t, it.Origin, moved.Origin)
		require.Equal(t, it.Document, moved.Document)
		require.Equal(t, moved, item(t, p.SignIn(t, w.Another(t, nil)), it.ID))
		require.Equal(t, content(1, 2*segment+7), read(t, p.Vault, it.ID))
		m, err := p.Vault.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		require.NotEqual(t, blob, m.Parts[0].Blob, "under a fresh key and name")
		blob = m.Parts[0].Blob
		require.Equal(t, used, usage(t, w.Stage, p.Vault.ID()).Used)
	}
	require.Equal(t, []string{"document.metadata", "document.read", "item.read", "vault.signed-in", "item.shared"}, acts(t, p.Vault, 5))
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
	require.Equal(t, []string{blob}, w.blobs.there(t))
}

func TestEveryKindButFoldersMoves(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "Note", "text")
	contact, err := s.v.AddContact(t.Context(), "Ali", vault.Contact{Role: "ami"}, vault.Place{})
	require.NoError(t, err)
	date, err := s.v.AddAppointment(t.Context(), "CAF", vault.Appointment{Start: s.Clock.Now(), Zone: "UTC"}, vault.Place{})
	require.NoError(t, err)
	for _, it := range []vault.Item{note, contact, date} {
		moved, err := s.v.Move(t.Context(), it.ID, 1, vault.Shared)
		require.NoError(t, err)
		it.Compartment, it.Revision = vault.Shared, 2
		require.Equal(t, it, moved)
		same, err := s.v.Move(t.Context(), it.ID, 2, vault.Shared)
		require.NoError(t, err)
		require.Equal(t, moved, same, "it is there already")
	}
	_, err = s.v.Move(t.Context(), folder(t, s.v, "Papers", vault.Private).ID, 1, vault.Shared)
	requireInvalid(t, err, "item")
	for _, to := range []vault.Compartment{vault.Default, vault.Owner, 9} {
		_, err = s.v.Move(t.Context(), note.ID, 2, to)
		requireInvalid(t, err, "compartment")
	}
	_, err = s.v.Bin(t.Context(), note.ID, 2)
	require.NoError(t, err)
	_, err = s.v.Move(t.Context(), note.ID, 3, vault.Private)
	requireInvalid(t, err, "item")
}

func TestAMovedPaperLiesInTheFolderOfTheSameName(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	mine, err := s.v.AddFolder(t.Context(), "Mine", vault.Place{})
	require.NoError(t, err)
	suggested := folder(t, s.v, "Papers", vault.Private)
	one := addTo(t, s.v, vault.NewDocument{Name: "one", Folder: suggested.ID}, nil)
	two := addTo(t, s.v, vault.NewDocument{Name: "two", Folder: mine.ID}, nil)
	three := addTo(t, s.v, vault.NewDocument{Name: "three", Folder: mine.ID}, nil)

	moved, err := s.v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, folder(t, s.v, "Papers", vault.Shared).ID, moved.Folder)
	moved, err = s.v.Move(t.Context(), two.ID, 1, vault.Shared)
	require.NoError(t, err)
	made := folder(t, s.v, "Mine", vault.Shared)
	require.Equal(t, made.ID, moved.Folder)
	moved, err = s.v.Move(t.Context(), three.ID, 1, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, made.ID, moved.Folder, "made once")
	require.NoError(t, s.v.Destroy(t.Context(), mine.ID, 1))
	moved, err = s.v.Move(t.Context(), three.ID, 2, vault.Private)
	require.NoError(t, err)
	require.Equal(t, folder(t, s.v, "Mine", vault.Private).ID, moved.Folder)
	requireSound(t, s.Stage, s.person)
}

func TestAFullSpaceCanStillBeShared(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 200_000}})
	paper := add(t, s.v, "Carte", content(1, 100_000))
	for n := 100_000; n > 0; n /= 2 { // until nothing fits any more
		for {
			if _, err := s.v.AddNote(t.Context(), "n", vault.Note{Text: string(make([]rune, n/20))}, vault.Place{}); err != nil {
				break
			}
		}
	}
	moved, err := s.v.Move(t.Context(), paper.ID, 1, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, content(1, 100_000), read(t, s.v, moved.ID))
}

// standingBlobs holds its first writer before it is closed.
type standingBlobs struct {
	storage.Blobs
	reached, goOn chan struct{}
	once          sync.Once
}

func newStanding(b storage.Blobs) *standingBlobs {
	return &standingBlobs{Blobs: b, reached: make(chan struct{}), goOn: make(chan struct{})}
}

func (s *standingBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	w, err := s.Blobs.Create(ctx, name, size)
	return standingWriter{w, s}, err
}

type standingWriter struct {
	storage.BlobWriter
	blobs *standingBlobs
}

func (w standingWriter) Close() error {
	w.blobs.once.Do(func() {
		close(w.blobs.reached)
		<-w.blobs.goOn
	})
	return w.BlobWriter.Close()
}

func TestOneMoveAtATime(t *testing.T) {
	t.Parallel()
	var blobs *standingBlobs
	base := newScene(t, nil)
	stage := base.Another(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs {
		blobs = newStanding(b)
		return blobs
	}})
	one, two := add(t, base.v, "one", content(1, 5000)), add(t, base.v, "two", content(2, 5000))
	note := addNote(t, base.v, "note", "")
	v := base.person.SignIn(t, stage)
	done := make(chan error)
	go func() { _, err := v.Move(t.Context(), one.ID, 1, vault.Shared); done <- err }()
	<-blobs.reached

	_, err := base.v.Move(t.Context(), two.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrBusyMoving)
	require.Equal(t, content(1, 5000), read(t, base.v, one.ID), "it can be read meanwhile")
	_, err = base.v.Move(t.Context(), note.ID, 1, vault.Shared)
	require.NoError(t, err, "what is a record only needs no turn")
	close(blobs.goOn)
	require.NoError(t, <-done)
	_, err = base.v.Move(t.Context(), two.ID, 1, vault.Shared)
	require.NoError(t, err)
	requireSound(t, base.Stage, base.person)
}

func TestAMoveThatDiedBlocksNobodyForLong(t *testing.T) {
	t.Parallel()
	base := newScene(t, nil)
	one, two := add(t, base.v, "one", content(1, 5000)), add(t, base.v, "two", content(2, 5000))
	w := watch(t, base.Stage, nil)
	v := base.person.SignIn(t, w.Stage)
	w.store.FailFrom(1, storage.ErrUnavailable, storagetest.Before, storagetest.CreateBlob, storagetest.DeleteBlob)
	_, err := v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrStorage)
	_, err = base.v.Move(t.Context(), two.ID, 1, vault.Shared)
	require.NoError(t, err, "a move that failed is over at once")

	w.store.FailFrom(3, storage.ErrUnavailable, storagetest.Before, storagetest.Commit) // the process dies after looking and reserving
	_, err = v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrStorage)
	_, err = base.v.Move(t.Context(), one.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrBusyMoving)
	base.Clock.Advance(time.Hour)
	again := base.person.SignIn(t, base.Stage)
	require.Equal(t, content(1, 5000), read(t, again, one.ID))
	_, err = again.Move(t.Context(), one.ID, 1, vault.Shared)
	require.NoError(t, err)
	requireSound(t, base.Stage, base.person)
}

func TestAMoveThatComesTooLateMovesNothing(t *testing.T) {
	t.Parallel()
	var blobs *standingBlobs
	base := newScene(t, &vaulttest.Options{SessionIdle: 12 * time.Hour})
	one := add(t, base.v, "one", content(1, 5000))
	stage := base.Another(t, &vaulttest.Options{SessionIdle: 12 * time.Hour, Blobs: func(b storage.Blobs) storage.Blobs {
		blobs = newStanding(b)
		return blobs
	}})
	v := base.person.SignIn(t, stage)
	done := make(chan error)
	go func() { _, err := v.Move(t.Context(), one.ID, 1, vault.Shared); done <- err }()
	<-blobs.reached
	base.Clock.Advance(4 * time.Hour)
	_, err := base.Sweep(t.Context())
	require.NoError(t, err)
	again := base.person.SignIn(t, base.Stage)
	_, err = again.Move(t.Context(), one.ID, 1, vault.Shared)
	require.NoError(t, err, "another took its turn")
	close(blobs.goOn)
	require.ErrorIs(t, <-done, vault.ErrRevision)
	require.Equal(t, content(1, 5000), read(t, again, one.ID))
	requireSound(t, base.Stage, base.person)
}
