package vault_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func TestEveryActLeavesALine(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	var paper, note vault.Item
	close := func(c *vault.Content, err error) error {
		if err != nil {
			return err
		}
		return c.Close()
	}
	for _, step := range []struct {
		act vault.Act
		do  func() error
		why string // the bytes were read, beside being opened
	}{
		{act: vault.ActAdded, do: func() (err error) {
			paper, err = s.v.AddDocument(ctx, vault.NewDocument{Name: "Carte"}, bytes.NewReader(content(1, 100)))
			return err
		}},
		{act: vault.ActAdded, do: func() (err error) { note, err = s.v.AddNote(ctx, "Note", vault.Note{}, vault.Place{}); return err }},
		{act: vault.ActAdded, do: func() error { _, err := s.v.AddFolder(ctx, "Mine", vault.Place{}); return err }},
		{act: vault.ActRead, do: func() error { _, err := s.v.Item(ctx, paper.ID); return err }},
		{act: vault.ActDownloaded, do: func() error { return close(s.v.ReadDocument(ctx, paper.ID)) }},
		{act: vault.ActDownloaded, do: func() error { return close(s.v.ReadDocumentRange(ctx, paper.ID, 1, 2)) }},
		{act: vault.ActDownloaded, do: func() error { return close(s.v.PrintDocument(ctx, paper.ID)) }, why: "print"},
		{act: vault.ActDownloaded, do: func() error { return close(s.v.DrawDocument(ctx, paper.ID)) }, why: "thumbnail"},
		{act: vault.ActControlled, do: func() error { _, err := s.v.Control(ctx, paper.ID); return err }},
		{act: vault.ActMetadata, do: func() error { _, err := s.v.Metadata(ctx, paper.ID); return err }},
		{act: vault.ActCounted, do: func() error { _, err := s.v.Count(ctx); return err }},
		{act: vault.ActListed, do: func() error { _, err := s.v.List(ctx, nil); return err }},
		{act: vault.ActListed, do: func() error {
			for range s.v.Items(ctx) {
			}
			return nil
		}},
		{act: vault.ActViewed, do: func() error { _, err := s.v.Overview(ctx); return err }},
		{act: vault.ActSpaceViewed, do: func() error { _, err := s.v.Space(ctx); return err }},
		{act: vault.ActSpaceAsked, do: func() error { _, err := s.v.AskForSpace(ctx, "x"); return err }},
		{act: vault.ActChanged, do: func() error { _, err := s.v.Edit(ctx, paper.ID, 1, vault.Edit{Name: ptr("x")}); return err }},
		{act: vault.ActReplaced, do: func() error {
			_, err := s.v.ReplaceDocument(ctx, paper.ID, 2, vault.NewDocument{}, bytes.NewReader(nil))
			return err
		}},
		{act: vault.ActShared, do: func() error { _, err := s.v.Move(ctx, paper.ID, 3, vault.Shared); return err }},
		{act: vault.ActMadePrivate, do: func() error { _, err := s.v.Move(ctx, paper.ID, 4, vault.Private); return err }},
		{act: vault.ActShared, do: func() error { _, err := s.v.Move(ctx, note.ID, 1, vault.Shared); return err }},
		{act: vault.ActBinned, do: func() error { _, err := s.v.Bin(ctx, paper.ID, 5); return err }},
		{act: vault.ActRestored, do: func() error { _, err := s.v.Restore(ctx, paper.ID, 6); return err }},
		{act: vault.ActDestroyed, do: func() error { return s.v.Destroy(ctx, paper.ID, 7) }},
		{act: vault.ActSessionsListed, do: func() error { _, err := s.v.Sessions(ctx); return err }},
		{act: vault.ActSessionsEnded, do: func() error { return s.v.EndOtherSessions(ctx) }},
		{act: vault.ActExported, do: func() error { return s.v.Export(ctx, io.Discard, nil) }},
		{act: vault.ActPasswordChanged, do: func() error {
			return s.v.ChangePassword(ctx, vault.ChangePassword{Old: s.person.Password, New: s.person.Password + " x"})
		}},
		{act: vault.ActClosed, do: func() error { _, err := s.v.CloseAccount(ctx, s.person.Password+" x"); return err }},
		{act: vault.ActReopened, do: func() error { return s.v.Reopen(ctx) }},
		{act: vault.ActJournalRead, do: func() error { _, err := s.v.ReadJournal(ctx, nil); return err }},
	} {
		last, err := s.v.Journal(ctx, &vault.JournalOptions{Limit: 1})
		require.NoError(t, err)
		s.Clock.Advance(time.Second)
		require.NoError(t, step.do(), step.act)
		lines, err := s.v.Journal(ctx, nil)
		require.NoError(t, err)
		// The newest line, then that of the reading before.
		require.Equal(t, step.act, lines[0].Act)
		require.Equal(t, last[0].Number+2, lines[0].Number, "%s leaves one line", step.act)
		require.Equal(t, s.Clock.Now(), lines[0].At)
		require.Equal(t, vault.Actor{Kind: vault.ActorPerson}, lines[0].Actor)
		require.Equal(t, step.why, lines[0].Detail["for"], "what was printed, or made small, is said to be")
		if lines[0].Item == paper.ID {
			require.Contains(t, []string{"Carte", "x"}, lines[0].Name)
		}
	}
	requireJournal(t, s.v)
}

func TestTheJournalIsReadInPages(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for n := range 120 {
		_, err := s.v.Count(t.Context())
		require.NoError(t, err, n)
	}
	page, err := s.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, page, 50)
	all := page
	for before := page[49].Number; before > 1; before = all[len(all)-1].Number {
		page, err := s.v.Journal(t.Context(), &vault.JournalOptions{Before: before, Limit: 33})
		require.NoError(t, err)
		require.Equal(t, min(33, int(before)-1), len(page))
		all = append(all, page...)
	}
	for i, e := range all {
		require.EqualValues(t, len(all)-i, e.Number)
	}
	for _, opts := range []vault.JournalOptions{{Before: 1}, {Before: 1, Limit: 1}} {
		page, err = s.v.Journal(t.Context(), &opts)
		require.NoError(t, err)
		require.Empty(t, page)
	}
	page, err = s.v.Journal(t.Context(), &vault.JournalOptions{Before: 1 << 60, Limit: 5000})
	require.NoError(t, err)
	require.EqualValues(t, 1, page[len(page)-1].Number)
}

func TestALongJournalIsVerifiedAcrossScans(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	before := len(requireJournal(t, s.v))
	for range 520 {
		_, err := s.v.Count(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, before+520+1, len(requireJournal(t, s.v)), "each count, and the reading before")
	page, err := s.v.Journal(t.Context(), &vault.JournalOptions{Before: 10, Limit: 3})
	require.NoError(t, err)
	require.EqualValues(t, 9, page[0].Number)
	require.EqualValues(t, 7, page[2].Number)
}

func TestWhatCannotBeJournalledIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 100))
	w.store.FailFrom(1, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
	for name, look := range map[string]func() error{
		"item":     func() error { _, err := p.Vault.Item(t.Context(), paper.ID); return err },
		"list":     func() error { l, err := p.Vault.List(t.Context(), nil); require.Empty(t, l); return err },
		"document": func() error { c, err := p.Vault.ReadDocument(t.Context(), paper.ID); require.Nil(t, c); return err },
		"range": func() error {
			c, err := p.Vault.ReadDocumentRange(t.Context(), paper.ID, 0, 1)
			require.Nil(t, c)
			return err
		},
		"overview": func() error { _, err := p.Vault.Overview(t.Context()); return err },
		"journal":  func() error { e, err := p.Vault.Journal(t.Context(), nil); require.Empty(t, e); return err },
		"count":    func() error { _, err := p.Vault.Count(t.Context()); return err },
	} {
		require.ErrorIs(t, look(), vault.ErrStorage, name)
	}
	require.Zero(t, w.store.Calls(storagetest.OpenBlob), "no byte was even fetched")
}
