package vault_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func TestAnUploadWhoseProcessDiedIsSwept(t *testing.T) {
	t.Parallel()
	base := newScene(t, nil)
	before := usage(t, base.Stage, base.v.ID())
	w := watch(t, base.Stage, nil)
	v := base.person.SignIn(t, w.Stage)
	// It wrote the blob, and then neither its commit nor its cleaning up came through.
	w.store.FailFrom(2, storage.ErrUnavailable, storagetest.Before, storagetest.Commit, storagetest.DeleteBlob)
	_, err := v.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: 5000}, bytes.NewReader(content(1, 5000)))
	require.ErrorIs(t, err, vault.ErrStorage)
	w.heal()
	require.Len(t, w.blobs.there(t), 1)
	require.NotZero(t, usage(t, base.Stage, v.ID()).Reserved)

	base.Clock.Advance(time.Hour)
	report, err := base.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, report.Uploads, "not before an hour and its grace")
	base.Clock.Advance(2 * time.Hour)
	report, err = base.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Uploads)
	require.Empty(t, w.blobs.there(t))
	require.Equal(t, before, usage(t, base.Stage, v.ID()))
}

func TestAnUploadThatComesTooLateSaysSo(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	v, err := w.Unlock(t.Context(), vault.Password{Login: p.Login, Secret: p.Password})
	require.NoError(t, err)
	for _, size := range []int64{-1, 5000} {
		stood := false
		_, err = v.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: size}, slow{bytes.NewReader(content(1, 5000)), 5000, func() {
			if !stood { // stands still for hours
				w.Clock.Advance(4 * time.Hour)
				_, err := w.Sweep(t.Context())
				require.NoError(t, err)
				stood = true
			}
		}})
		require.ErrorIs(t, err, vault.ErrUploadExpired)
	}
	require.Empty(t, papers(t, v))
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, v.ID())
}

func TestAReplacedDocumentIsSweptAfterAnHour(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 5000))
	old := blobOf(t, p.Vault, paper.ID)
	w.Clock.Advance(time.Minute)
	_, err := p.Vault.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 5000)))
	require.NoError(t, err)
	w.Clock.Advance(59 * time.Minute)
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Contains(t, w.blobs.there(t), old)
	w.Clock.Advance(time.Hour)
	report, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Blobs)
	require.NotContains(t, w.blobs.there(t), old)
	requireSound(t, w.Stage, p)
}

func TestWhatASweepCannotDoTheNextDoes(t *testing.T) {
	t.Parallel()
	base := newScene(t, nil)
	known := newKnownBlobs(base.Blobs)
	for n := range 3 {
		paper := add(t, base.v, "x", content(uint64(n), 5000))
		known.names[blobOf(t, base.v, paper.ID)] = true
		require.NoError(t, base.v.Destroy(t.Context(), paper.ID, 1))
	}
	base.Clock.Advance(2 * time.Hour)
	w := watch(t, base.Stage, nil)
	w.store.FailAt(1, storage.ErrUnavailable, storagetest.Before, storagetest.DeleteBlob)
	report, err := w.Sweep(t.Context())
	require.ErrorIs(t, err, vault.ErrStorage)
	require.Equal(t, 1, report.Failed)
	require.Len(t, known.there(t), 1, "the others are not kept waiting")
	w.heal()
	report, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.SweepReport{Blobs: 1}, report)
	require.Empty(t, known.there(t))
	report, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, report, "there is nothing left to do")
}
