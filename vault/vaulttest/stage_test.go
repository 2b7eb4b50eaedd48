package vaulttest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

func TestEverybodyHasTheirOwn(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	amina, jean := stage.Person(t), stage.Person(t)
	require.NotEqual(t, amina.Login, jean.Login)
	require.NotEqual(t, amina.Password, jean.Password)

	paper, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Card"}, strings.NewReader("hers"))
	require.NoError(t, err)
	_, err = jean.Vault.Item(t.Context(), paper.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	found, err := amina.SignIn(t, stage).Item(t.Context(), paper.ID)
	require.NoError(t, err)
	require.Equal(t, stage.Clock.Now(), found.Changed, "the service goes by the clock of the stage")
}

func TestWhatLiesInAFolderIsThereAgain(t *testing.T) {
	t.Parallel()
	opts := &vaulttest.Options{Folder: t.TempDir()}
	first := vaulttest.New(t, opts)
	amina := first.Person(t)
	paper, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Card"}, strings.NewReader("hers"))
	require.NoError(t, err)
	require.NoError(t, first.Close())
	for _, name := range []string{local.RecordsFile, local.WitnessFile, local.KeyFileName, local.DocumentsName} {
		_, err := os.Stat(filepath.Join(opts.Folder, name))
		require.NoError(t, err)
	}

	second := vaulttest.New(t, opts)
	_, err = amina.SignIn(t, second).Item(t.Context(), paper.ID)
	require.NoError(t, err)
}

func TestStagesThatBeginWithACopyShareNothing(t *testing.T) {
	t.Parallel()
	first := vaulttest.New(t, nil)
	amina := first.Person(t)
	note, err := amina.Vault.AddNote(t.Context(), "Letter", vault.Note{Text: "hers"}, vault.Place{})
	require.NoError(t, err)
	first.Clock.Advance(time.Minute)
	made, err := first.CloseAndCopy(t.Context())
	require.NoError(t, err)

	second, third := vaulttest.New(t, &vaulttest.Options{Copy: made}), vaulttest.New(t, &vaulttest.Options{Copy: made, Records: memstore.New()})
	require.Equal(t, first.Clock.Now(), second.Clock.Now())
	v, err := second.Resume(t.Context(), amina.Vault.Token())
	require.NoError(t, err)
	later, err := v.AddNote(t.Context(), "Diary", vault.Note{Text: "on one of them"}, vault.Place{})
	require.NoError(t, err)
	there := amina.SignIn(t, third)
	_, err = there.Item(t.Context(), note.ID)
	require.NoError(t, err)
	_, err = there.Item(t.Context(), later.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)

	used := memstore.New()
	vaulttest.New(t, &vaulttest.Options{Records: used})
	for name, opts := range map[string]*vaulttest.Options{
		"a folder":               {Copy: made, Folder: t.TempDir()},
		"a store that is in use": {Copy: made, Records: used},
	} {
		_, err := vaulttest.Open(t.Context(), opts)
		require.ErrorIs(t, err, storage.ErrInvalid, name)
	}
	_, err = vaulttest.New(t, &vaulttest.Options{Folder: t.TempDir()}).CloseAndCopy(t.Context())
	require.Error(t, err)
}

func TestAStageStandsOnTheStoresThatItIsGiven(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} {
		records, documents := memstore.New(), memstore.NewBlobs()
		opts := &vaulttest.Options{Folder: folder, Records: records, Documents: documents}
		stage := vaulttest.New(t, opts)
		amina := stage.Person(t)
		paper, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Card"}, strings.NewReader("hers"))
		require.NoError(t, err)
		m, err := amina.Vault.Metadata(t.Context(), paper.ID)
		require.NoError(t, err)
		amina.SignIn(t, stage.Another(t, nil))
		require.NoError(t, stage.Close())

		_, err = records.Get(t.Context(), amina.Vault.ID().String()+"/h/o")
		require.NoError(t, err, "and they are still open")
		_, err = documents.Size(t.Context(), m.Parts[0].Blob)
		require.NoError(t, err)
		if folder != "" {
			_, err = os.Stat(filepath.Join(folder, local.RecordsFile))
			require.ErrorIs(t, err, os.ErrNotExist)
			_, err = os.Stat(filepath.Join(folder, local.WitnessFile))
			require.NoError(t, err, "the rest lies in the folder")
		}
	}
}

func TestWrapsSeeTheirServiceOnly(t *testing.T) {
	t.Parallel()
	var faults *storagetest.Faulty
	wrapped := map[string]bool{}
	stage := vaulttest.New(t, &vaulttest.Options{
		Driver:      func(d storage.Driver) storage.Driver { faults = storagetest.NewFaulty(d); return faults },
		Blobs:       func(b storage.Blobs) storage.Blobs { return faults.Blobs(b) },
		Keeper:      func(k vault.Keeper) vault.Keeper { wrapped["keeper"] = k != nil; return k },
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { wrapped["checkpoints"] = c != nil; return c },
		Limiter:     func(l vault.Limiter) vault.Limiter { wrapped["limiter"] = l != nil; return l },
	})
	require.Equal(t, map[string]bool{"keeper": true, "checkpoints": true, "limiter": true}, wrapped)
	amina := stage.Person(t)
	_, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Card"}, strings.NewReader("hers"))
	require.NoError(t, err)
	require.NotZero(t, faults.Calls(storagetest.Commit))
	require.NotZero(t, faults.Calls(storagetest.CloseBlob))

	faults.FailFrom(1, storage.ErrUnavailable, storagetest.Before)
	_, err = stage.Unlock(t.Context(), amina.Secret())
	require.ErrorIs(t, err, vault.ErrStorage)
	other := stage.Another(t, nil)
	_, err = amina.SignIn(t, other).List(t.Context(), nil)
	require.NoError(t, err, "another service has no such store")
}

// deaf is a key service that never answers.
type deaf struct{}

func (deaf) Encrypt(context.Context, []byte) ([]byte, error) { return nil, errors.New("away") }
func (deaf) Decrypt(context.Context, []byte) ([]byte, error) { return nil, errors.New("away") }

func TestTheClockMovesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	start := time.Date(2030, time.May, 1, 0, 0, 0, 0, time.UTC)
	stage := vaulttest.New(t, &vaulttest.Options{Start: start})
	require.Equal(t, start, stage.Clock.Now())
	require.Equal(t, start.Add(time.Minute), stage.Clock.Advance(time.Minute))
	stage.Clock.Set(start)
	require.Equal(t, start, stage.Clock.Now())
}

func TestAKeeperOpensOnlyItsOwn(t *testing.T) {
	t.Parallel()
	one, err := vaulttest.NewKeeper()
	require.NoError(t, err)
	other, err := vaulttest.NewKeeper()
	require.NoError(t, err)
	sealed, err := one.Encrypt(t.Context(), []byte("key"))
	require.NoError(t, err)
	plain, err := one.Decrypt(t.Context(), sealed)
	require.NoError(t, err)
	require.Equal(t, "key", string(plain))
	_, err = other.Decrypt(t.Context(), sealed)
	require.Error(t, err)
	_, err = one.Decrypt(t.Context(), nil)
	require.Error(t, err)
}

func TestAStageThatCannotOpenSaysWhy(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := vaulttest.Open(t.Context(), &vaulttest.Options{Folder: file})
	require.Error(t, err)
	_, err = vaulttest.Open(t.Context(), &vaulttest.Options{SessionIdle: -1})
	require.ErrorIs(t, err, vault.ErrInvalid)
	_, err = vaulttest.Open(t.Context(), &vaulttest.Options{Keeper: func(vault.Keeper) vault.Keeper { return deaf{} }})
	require.ErrorIs(t, err, vault.ErrKeyService)
}
