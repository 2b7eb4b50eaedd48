package vault_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Who has little space brings a file that takes most of it: what is in it takes its place.
func TestWhatComesOutOfAFileTakesItsSpace(t *testing.T) {
	t.Parallel()
	const limit = 1_000_000
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: limit, Increased: limit}})
	file := addTo(t, s.v, vault.NewDocument{Name: "papers.zip", Compartment: vault.Private}, content(1, 700_000))
	inside := []vault.NewImport{coming("One", content(2, 220_000)), coming("Two", content(3, 220_000)), coming("Three", content(4, 220_000))}
	_, err := s.v.Import(t.Context(), inside, nil)
	require.ErrorIs(t, err, vault.ErrFull, "both at once are too much")
	out := &vault.ImportOptions{From: file.ID, FromRevision: file.Revision}
	plan, err := s.v.PlanImport(t.Context(), inside, out)
	require.NoError(t, err)
	require.LessOrEqual(t, plan.Bytes, plan.Left)

	// It breaks off when two are in. Meanwhile there is more than the space holds, and nothing
	// else comes in: neither by itself, nor out of the file beyond what that takes.
	ctx, stop := context.WithCancel(t.Context())
	broken := *out
	broken.Progress = func(done int) {
		if done == 2 {
			stop()
		}
	}
	got, err := s.v.Import(ctx, inside, &broken)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, got.New)
	require.Greater(t, usage(t, s.Stage, s.v.ID()).Used, int64(limit))
	_, err = s.v.AddNote(t.Context(), "more", vault.Note{Text: "x"}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrFull)
	_, err = s.v.Import(t.Context(), []vault.NewImport{coming("Large", content(5, 600_000))}, out)
	require.ErrorIs(t, err, vault.ErrFull)

	// Somebody puts other bytes there: what is read is not what lies there.
	again := *out
	again.Progress = func(done int) {
		if done == 1 {
			_, err := s.person.SignIn(t, s.Stage).Bin(t.Context(), file.ID, file.Revision)
			require.NoError(t, err)
		}
	}
	_, err = s.v.Import(t.Context(), inside, &again)
	require.ErrorIs(t, err, vault.ErrRevision)

	out.FromRevision++
	got, err = s.v.Import(t.Context(), inside, out)
	require.NoError(t, err)
	require.Equal(t, 1, got.New)
	require.Equal(t, 2, got.There)
	_, err = s.v.Item(t.Context(), file.ID)
	require.ErrorIs(t, err, vault.ErrNotFound, "it goes when everything is there")
	require.LessOrEqual(t, usage(t, s.Stage, s.v.ID()).Used, int64(limit))
	_, err = s.v.Import(t.Context(), inside, out)
	require.ErrorIs(t, err, vault.ErrNotFound)
	note, err := s.v.AddNote(t.Context(), "more", vault.Note{Text: "x"}, vault.Place{})
	require.NoError(t, err)
	_, err = s.v.Import(t.Context(), inside, &vault.ImportOptions{From: note.ID, FromRevision: note.Revision})
	require.ErrorIs(t, err, vault.ErrInvalid)
}

// What was opened takes the place of what was closed, in one commit.
func TestADocumentIsAddedInThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	const limit = 1_000_000
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: limit, Increased: limit}})
	closed := addTo(t, s.v, vault.NewDocument{Name: "papers.zip.age"}, content(1, 600_000))
	opened := vault.NewDocument{Name: "papers.zip", Size: 590_000}
	_, err := s.v.AddDocument(t.Context(), opened, bytes.NewReader(content(2, 590_000)))
	require.ErrorIs(t, err, vault.ErrFull)
	opened.InPlaceOf, opened.InPlaceRevision = closed.ID, closed.Revision
	lost := errors.New("lost")
	_, err = s.v.AddDocument(t.Context(), opened, iotest.ErrReader(lost))
	require.ErrorIs(t, err, lost)
	require.Equal(t, content(1, 600_000), read(t, s.v, closed.ID), "until then it is there")
	now, err := s.v.AddDocument(t.Context(), opened, bytes.NewReader(content(2, 590_000)))
	require.NoError(t, err)
	require.Equal(t, content(2, 590_000), read(t, s.v, now.ID))
	_, err = s.v.Item(t.Context(), closed.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.LessOrEqual(t, usage(t, s.Stage, s.v.ID()).Used, int64(limit))
	_, err = s.v.AddDocument(t.Context(), opened, bytes.NewReader(content(2, 590_000)))
	require.ErrorIs(t, err, vault.ErrNotFound, "a second time there is nothing to take the place of")
}

// While a file is read somebody puts another one in its place, on another device: what they
// were told is kept stays, and nobody destroys what nobody has looked into.
func TestAFileThatTookThePlaceOfTheOneThatWasReadIsNotLost(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	file := addTo(t, s.v, vault.NewDocument{Name: "papers.zip"}, content(1, 7000))
	from, err := s.v.OpenDocumentAt(t.Context(), file.ID)
	require.NoError(t, err)
	require.NoError(t, from.Close())
	now, err := s.v.ReplaceDocument(t.Context(), file.ID, file.Revision, vault.NewDocument{}, bytes.NewReader(content(2, 7000)))
	require.NoError(t, err)
	_, err = s.v.Import(t.Context(), []vault.NewImport{coming("One", content(3, 500))}, &vault.ImportOptions{From: from.Item.ID, FromRevision: from.Item.Revision})
	require.ErrorIs(t, err, vault.ErrRevision)
	_, err = s.v.AddDocument(t.Context(), vault.NewDocument{Name: "opened", InPlaceOf: from.Item.ID, InPlaceRevision: from.Item.Revision}, bytes.NewReader(content(4, 500)))
	require.ErrorIs(t, err, vault.ErrRevision)
	require.Equal(t, content(2, 7000), read(t, s.v, now.ID))
	require.Len(t, papers(t, s.v), 1)
}
