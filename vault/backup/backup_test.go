package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/backup"
	"reconnect.example/vault/vaulttest"
)

// shelf is a folder of backups.
type shelf struct {
	dir       string
	documents storage.Blobs
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{dir: t.TempDir()}
	var err error
	s.documents, err = filestore.Open(filepath.Join(s.dir, backup.DocumentsName), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.documents.Close()) })
	return s
}

func (s *shelf) take(t *testing.T, stage *vaulttest.Stage) (string, *backup.Manifest) {
	t.Helper()
	stage.Clock.Advance(time.Minute) // a name of its own
	name, m, err := backup.Take(t.Context(), source(stage), s.dir, s.documents)
	require.NoError(t, err)
	return name, m
}

func source(stage *vaulttest.Stage) backup.Source {
	return backup.Source{Store: stage.Store, Blobs: stage.Blobs, Now: stage.Clock.Now}
}

func letter(t *testing.T, v *vault.Vault, name, text string) vault.Item {
	t.Helper()
	it, err := v.AddDocument(t.Context(), vault.NewDocument{Name: name}, strings.NewReader(text))
	require.NoError(t, err)
	return it
}

func TestABackupHoldsWhatThereIsAndNoSession(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, nil), newShelf(t)
	amina := stage.Person(t)
	letter(t, amina.Vault, "Lettre", "a letter")
	letter(t, amina.Vault, "بطاقة", strings.Repeat("card ", 100_000))

	name, m := shelf.take(t, stage)
	require.EqualValues(t, 2, m.Documents)
	require.Empty(t, m.Damaged)
	spoilt, err := backup.Verify(t.Context(), shelf.dir, name, shelf.documents, nil)
	require.NoError(t, err)
	require.Empty(t, spoilt)

	to := backup.Target{Store: storage.New(memstore.New()), Blobs: memstore.NewBlobs()}
	_, missing, err := backup.Restore(t.Context(), shelf.dir, name, shelf.documents, to)
	require.NoError(t, err)
	require.Empty(t, missing)
	there := map[string][]byte{}
	sessions := 0
	for rec, err := range stage.Store.All(t.Context(), "") {
		require.NoError(t, err)
		if vault.IsSessionKey(rec.Key) {
			sessions++
			continue
		}
		there[rec.Key] = rec.Value
	}
	require.NotZero(t, sessions, "there was one to leave out")
	for rec, err := range to.Store.All(t.Context(), "") {
		require.NoError(t, err)
		require.True(t, bytes.Equal(there[rec.Key], rec.Value), rec.Key)
		delete(there, rec.Key)
	}
	require.Empty(t, there, "everything but sessions comes back as it was")
}

func TestASecondBackupCopiesOnlyNewDocuments(t *testing.T) {
	t.Parallel()
	counter := &counted{}
	stage := vaulttest.New(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs { counter.Blobs = b; return counter }})
	shelf := newShelf(t)
	amina := stage.Person(t)
	letter(t, amina.Vault, "one", "one")
	shelf.take(t, stage)
	require.EqualValues(t, 1, counter.opened())
	letter(t, amina.Vault, "two", "two")
	_, m := shelf.take(t, stage)
	require.EqualValues(t, 2, counter.opened(), "the first was there")
	require.EqualValues(t, 2, m.Documents)
}

// counted counts how many blobs were read.
type counted struct {
	storage.Blobs
	mu sync.Mutex
	n  int
}

func (c *counted) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.Blobs.Open(ctx, name, offset, length)
}

func (c *counted) opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func TestABackupTakenWhilePeopleWorkIsOfOneInstant(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, &vaulttest.Options{Folder: t.TempDir()}), newShelf(t)
	amina := stage.Person(t)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			it, err := amina.Vault.AddDocument(context.Background(), vault.NewDocument{Name: fmt.Sprint(i)}, strings.NewReader(strings.Repeat("x", i)))
			if err == nil && i%3 == 0 {
				err = amina.Vault.Destroy(context.Background(), it.ID, it.Revision)
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	var names []string
	for range 5 {
		name, m := shelf.take(t, stage)
		require.Empty(t, m.Damaged)
		names = append(names, name)
	}
	close(stop)
	require.NoError(t, <-done)
	for _, name := range names {
		// The heads of one instant name every record of it; whoever opens the copy
		// with a witness that knows nothing sees no gap and no stranger.
		records := memstore.New()
		blobs := memstore.NewBlobs()
		_, missing, err := backup.Restore(t.Context(), shelf.dir, name, shelf.documents, backup.Target{Store: storage.New(records), Blobs: blobs})
		require.NoError(t, err)
		require.Empty(t, missing)
		copied := vaulttest.New(t, &vaulttest.Options{Records: records, Documents: blobs, Keeper: func(vault.Keeper) vault.Keeper { return stage.Keeper }})
		v := amina.SignIn(t, copied)
		for it, err := range v.Items(t.Context()) {
			require.NoError(t, err)
			if it.Kind == vault.KindDocument {
				r, err := v.ReadDocument(t.Context(), it.ID)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, r)
				require.NoError(t, err)
				require.NoError(t, r.Close())
			}
		}
	}
}

func TestSweepersLeaveABackupWhatItStillNeeds(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	amina := stage.Person(t)
	it := letter(t, amina.Vault, "replaced while the backup runs", "old")
	m, err := amina.Vault.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.NoError(t, vault.HoldBlobs(t.Context(), stage.Store, stage.Clock.Now().Add(3*time.Hour)))
	require.NoError(t, amina.Vault.Destroy(t.Context(), it.ID, it.Revision))
	stage.Clock.Advance(2 * time.Hour)
	_, err = stage.Sweep(t.Context())
	require.NoError(t, err)
	_, err = stage.Blobs.Size(t.Context(), m.Parts[0].Blob)
	require.NoError(t, err, "held")
	stage.Clock.Advance(time.Hour) // the backup was killed: the hold ends by itself
	_, err = stage.Sweep(t.Context())
	require.NoError(t, err)
	_, err = stage.Blobs.Size(t.Context(), m.Parts[0].Blob)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

func TestOneBackupDoesNotEndTheHoldOfAnother(t *testing.T) {
	t.Parallel()
	store, now := storage.New(memstore.New()), time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	require.NoError(t, vault.HoldBlobs(t.Context(), store, now.Add(2*time.Hour)))
	require.NoError(t, vault.HoldBlobs(t.Context(), store, now.Add(time.Hour)))
	require.NoError(t, vault.ReleaseBlobs(t.Context(), store, now.Add(time.Hour)))
	_, err := store.Get(t.Context(), "svc/hold")
	require.NoError(t, err, "the longer one goes on")
	require.NoError(t, vault.ReleaseBlobs(t.Context(), store, now.Add(2*time.Hour)))
	_, err = store.Get(t.Context(), "svc/hold")
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.NoError(t, vault.ReleaseBlobs(t.Context(), store, now.Add(2*time.Hour)))
}

func TestAnInterruptedBackupIsNeverTakenForWhole(t *testing.T) {
	t.Parallel()
	for _, when := range []int{1, 2, 3, 5, 8} {
		t.Run(fmt.Sprint("call ", when), func(t *testing.T) {
			t.Parallel()
			stage, shelf := vaulttest.New(t, nil), newShelf(t)
			letter(t, stage.Person(t).Vault, "one", strings.Repeat("one", 1000))
			faulty := storagetest.NewFaulty(memstore.New())
			faulty.FailFrom(when, storage.ErrUnavailable, storagetest.Before)
			src := source(stage)
			src.Blobs = faulty.Blobs(stage.Blobs)
			stage.Clock.Advance(time.Minute)
			name, _, err := backup.Take(t.Context(), src, shelf.dir, shelf.documents)
			if err == nil {
				return // it was over before that call
			}
			_, err = backup.ReadManifest(shelf.dir, name)
			require.ErrorIs(t, err, backup.ErrDamaged)
			_, err = stage.Store.Get(t.Context(), "svc/hold")
			require.ErrorIs(t, err, storage.ErrNotFound, "and sweepers go on")
			shelf.take(t, stage) // the next one is whole
		})
	}
}

func TestASpoiltDocumentIsNamedAndTheRestIsKept(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, nil), newShelf(t)
	amina := stage.Person(t)
	lost, kept := letter(t, amina.Vault, "lost", "lost"), letter(t, amina.Vault, "kept", "kept")
	parts := map[string]string{}
	for _, it := range []vault.Item{lost, kept} {
		m, err := amina.Vault.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		parts[it.Name] = m.Parts[0].Blob
	}
	require.NoError(t, stage.Blobs.Delete(t.Context(), parts["lost"]))
	name, m := shelf.take(t, stage)
	require.Equal(t, []string{parts["lost"]}, m.Damaged)

	spoilt, err := backup.Verify(t.Context(), shelf.dir, name, shelf.documents, nil)
	require.NoError(t, err)
	require.Empty(t, spoilt, "what was lost before is no news")
	require.NoError(t, shelf.documents.Delete(t.Context(), parts["kept"]))
	spoilt, err = backup.Verify(t.Context(), shelf.dir, name, shelf.documents, nil)
	require.NoError(t, err)
	require.Equal(t, []string{parts["kept"]}, spoilt)
}

func TestSpoiltCopiesAreCopiedAgain(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, nil), newShelf(t)
	amina := stage.Person(t)
	blobs := map[string]string{}
	for _, name := range []string{"cut", "flipped", "good"} {
		m, err := amina.Vault.Metadata(t.Context(), letter(t, amina.Vault, name, name).ID)
		require.NoError(t, err)
		blobs[name] = m.Parts[0].Blob
	}
	name, _ := shelf.take(t, stage)
	spoil := func(name string, change func([]byte) []byte) {
		r, err := shelf.documents.Open(t.Context(), blobs[name], 0, -1)
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NoError(t, shelf.documents.Delete(t.Context(), blobs[name]))
		b = change(b)
		w, err := shelf.documents.Create(t.Context(), blobs[name], int64(len(b)))
		require.NoError(t, err)
		_, err = w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	spoil("cut", func(b []byte) []byte { return b[:len(b)-1] })
	spoil("flipped", func(b []byte) []byte { return flipped(b, len(b)/2) })
	spoilt, err := backup.Verify(t.Context(), shelf.dir, name, shelf.documents, nil)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{blobs["cut"], blobs["flipped"]}, spoilt)
	deleted, err := backup.Repair(t.Context(), shelf.dir, name, shelf.documents, append(spoilt, blobs["good"]), nil)
	require.NoError(t, err)
	require.Equal(t, 2, deleted, "the good one stays")

	spoil("good", func(b []byte) []byte { return b[:1] }) // found by its length, without a repair
	again, m := shelf.take(t, stage)
	require.Empty(t, m.Damaged, "the store is sound")
	for _, name := range []string{name, again} {
		spoilt, err := backup.Verify(t.Context(), shelf.dir, name, shelf.documents, nil)
		require.NoError(t, err)
		require.Empty(t, spoilt)
	}
}

func TestNothingIsPutOverWhatIsThereNorPutBackInPart(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, nil), newShelf(t)
	letter(t, stage.Person(t).Vault, "one", "one")
	name, _ := shelf.take(t, stage)
	_, _, err := backup.Restore(t.Context(), shelf.dir, name, shelf.documents, backup.Target{Store: stage.Store, Blobs: stage.Blobs})
	require.ErrorIs(t, err, backup.ErrNotEmpty)

	path := filepath.Join(shelf.dir, name, "records")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, bad := range [][]byte{nil, good[:len(good)/2], good[:len(good)-1], append(bytes.Clone(good), 0), flipped(good, len(good)/3)} {
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		to := backup.Target{Store: storage.New(memstore.New()), Blobs: memstore.NewBlobs()}
		_, _, err = backup.Restore(t.Context(), shelf.dir, name, shelf.documents, to)
		require.ErrorIs(t, err, backup.ErrDamaged)
		some, err := to.Store.Scan(t.Context(), "", "", 1)
		require.NoError(t, err)
		require.Empty(t, some, "nothing of a damaged backup is used")
	}

	require.NoError(t, os.WriteFile(path, good, 0o600))
	records := memstore.New()
	faulty := storagetest.NewFaulty(records)
	faulty.FailFrom(2, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
	_, _, err = backup.Restore(t.Context(), shelf.dir, name, shelf.documents,
		backup.Target{Store: storage.New(faulty), Blobs: memstore.NewBlobs()})
	require.Error(t, err)
	_, err = vaulttest.Open(t.Context(), &vaulttest.Options{Records: records, Keeper: func(vault.Keeper) vault.Keeper { return stage.Keeper }})
	require.ErrorContains(t, err, "only in part")
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func TestPruningKeepsWhatKeptBackupsName(t *testing.T) {
	t.Parallel()
	stage, shelf := vaulttest.New(t, nil), newShelf(t)
	amina := stage.Person(t)
	old, both := letter(t, amina.Vault, "old", "old"), letter(t, amina.Vault, "both", "both")
	blobs := map[string]string{}
	for _, it := range []vault.Item{old, both} {
		m, err := amina.Vault.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		blobs[it.Name] = m.Parts[0].Blob
	}
	first, _ := shelf.take(t, stage)
	require.NoError(t, amina.Vault.Destroy(t.Context(), old.ID, old.Revision))
	second, _ := shelf.take(t, stage)
	require.NoError(t, os.Mkdir(filepath.Join(shelf.dir, "20990101T000000Z"), 0o700)) // under way

	deleted, err := backup.Prune(t.Context(), shelf.dir, shelf.documents, 1, nil)
	require.NoError(t, err)
	require.Equal(t, []string{first}, deleted)
	_, err = shelf.documents.Size(t.Context(), blobs["old"])
	require.ErrorIs(t, err, storage.ErrNotFound)
	spoilt, err := backup.Verify(t.Context(), shelf.dir, second, shelf.documents, nil)
	require.NoError(t, err)
	require.Empty(t, spoilt)
	names, err := backup.List(shelf.dir)
	require.NoError(t, err)
	require.Equal(t, []string{second, "20990101T000000Z"}, names)
}
