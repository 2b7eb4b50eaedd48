package vault_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

const day = 24 * time.Hour

func TestAClosedAccountCanOnlyBeReadAndExported(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	paper := add(t, s.v, "Carte", content(1, 5000))
	note := addNote(t, s.v, "Note", "")
	binned := addNote(t, s.v, "binned", "")
	_, err := s.v.Bin(ctx, binned.ID, 1)
	require.NoError(t, err)
	_, err = s.v.CloseAccount(ctx, "wrong wrong")
	require.ErrorIs(t, err, vault.ErrSignIn)
	receipt, err := s.v.CloseAccount(ctx, s.person.Password)
	require.NoError(t, err)
	require.NoError(t, receipt.Verify(s.PublicKey()))
	require.Equal(t, vault.ActClosed, receipt.Act)
	require.Equal(t, s.Clock.Now(), receipt.At)
	require.Equal(t, s.Clock.Now().Add(365*day), receipt.ErasedAt)
	require.True(t, receipt.Witnessed)
	require.Equal(t, 5, receipt.Items)

	s.Clock.Advance(364 * day) // the bin is not emptied, either: it is all still there
	v := s.person.SignIn(t, s.Stage)
	require.Equal(t, content(1, 5000), read(t, v, paper.ID))
	require.NotZero(t, item(t, v, binned.ID).Binned)
	require.NoError(t, v.Export(ctx, io.Discard, nil))
	o := overview(t, v)
	require.Equal(t, []vault.NoticeCode{vault.NoticeClosing}, o.Notices)
	require.Equal(t, receipt.ErasedAt, o.ErasedAt)
	for name, change := range map[string]func() error{
		"add":    func() error { _, err := v.AddNote(ctx, "x", vault.Note{}, vault.Place{}); return err },
		"upload": func() error { _, err := v.AddDocument(ctx, vault.NewDocument{Name: "x"}, untouched(t)); return err },
		"replace": func() error {
			_, err := v.ReplaceDocument(ctx, paper.ID, 1, vault.NewDocument{}, untouched(t))
			return err
		},
		"edit":    func() error { _, err := v.Edit(ctx, note.ID, 1, vault.Edit{Name: ptr("x")}); return err },
		"move":    func() error { _, err := v.Move(ctx, paper.ID, 1, vault.Shared); return err },
		"move it": func() error { _, err := v.Move(ctx, note.ID, 1, vault.Shared); return err },
		"bin":     func() error { _, err := v.Bin(ctx, note.ID, 1); return err },
		"restore": func() error { _, err := v.Restore(ctx, binned.ID, 2); return err },
		"destroy": func() error { return v.Destroy(ctx, note.ID, 1) },
		"ask":     func() error { _, err := v.AskForSpace(ctx, "x"); return err },
		"close":   func() error { _, err := v.CloseAccount(ctx, s.person.Password); return err },
	} {
		require.ErrorIs(t, change(), vault.ErrClosing, name)
	}
	requireSound(t, s.Stage, s.person)
}

func TestAClosedAccountCanBeReopened(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	requireInvalid(t, p.Vault.Reopen(t.Context()), "account")
	_, err := p.Vault.CloseAccount(t.Context(), p.Password)
	require.NoError(t, err)
	w.Clock.Advance(100 * day)
	v := p.SignIn(t, w.Stage)
	require.NoError(t, v.Reopen(t.Context()))
	note := addNote(t, v, "goes on", "")
	passing(t, w.Stage, 500*day)
	v = p.SignIn(t, w.Stage)
	require.Equal(t, "goes on", item(t, v, note.ID).Name)
	require.Empty(t, overview(t, v).Notices)
	requireSound(t, w.Stage, p)
	requireTidy(t, w.Stage, w.blobs, v.ID())
}

func TestAClosedAccountIsErasedAfterAYearByItself(t *testing.T) {
	t.Parallel()
	for name, keysChanged := range map[string]bool{"as it was": false, "with its keys changed since": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			add(t, p.Vault, "Carte", content(1, 5000))
			_, err := p.Vault.CloseAccount(t.Context(), p.Password)
			require.NoError(t, err)
			id := p.Vault.ID()
			if keysChanged {
				require.NoError(t, p.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: "gato niru pesa fova", KnownToOthers: true}))
				p.Password = "gato niru pesa fova"
			}
			w.Clock.Advance(365*day - 2*time.Hour)
			_, err = w.Sweep(t.Context())
			require.NoError(t, err)
			p.SignIn(t, w.Stage)
			passing(t, w.Stage, 6*time.Hour)
			_, err = w.Unlock(t.Context(), p.Secret())
			require.ErrorIs(t, err, vault.ErrSignIn)
			passing(t, w.Stage, 60*time.Hour)
			requireBuried(t, w.Stage, w.blobs, id)
			known, err := w.Witness.Latest(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, known, 1, "the witness has the tombstone")
			for key := range dump(t, w.Store) {
				require.False(t, strings.HasPrefix(key, "login/"))
			}
		})
	}
}

func TestAClosedAccountCanBeErasedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	id := p.Vault.ID()
	_, err := p.Vault.CloseAccount(t.Context(), p.Password)
	require.NoError(t, err)
	_, err = p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
}

func TestAClosedAccountTakesNoChangeThatWaitsForKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 40)
	w := watch(t, s.Stage, nil)
	v := s.person.SignIn(t, w.Stage)
	n := 0
	for ; generationOfHead(t, s.Stage, v.ID()) == 1; n++ { // only the keys are changed, nothing is sealed anew
		w.store.FailFrom(n+1, errAway, 0, "commit")
		_ = v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true})
		w.heal()
	}
	_, err := v.CloseAccount(t.Context(), "gato niru pesa fova")
	require.NoError(t, err)
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindNote})
	require.NoError(t, err)
	_, err = v.Edit(t.Context(), all[0].ID, 1, vault.Edit{Name: ptr("x")})
	require.ErrorIs(t, err, vault.ErrClosing)
	_, err = v.Bin(t.Context(), all[0].ID, 1)
	require.ErrorIs(t, err, vault.ErrClosing)
	s.person.Password = "gato niru pesa fova"
	require.Len(t, papers(t, s.person.SignIn(t, s.Stage)), 40)
}

func TestAReplacementEndsWhereTheAccountIsClosed(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "Carte", content(1, 5000))
	closed := false
	_, err := p.Vault.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, readerFunc(func(b []byte) (int, error) {
		if !closed {
			_, err := p.Vault.CloseAccount(t.Context(), p.Password)
			require.NoError(t, err)
			closed = true
			return copy(b, "late"), nil
		}
		return bytes.NewReader(nil).Read(b)
	}))
	require.ErrorIs(t, err, vault.ErrClosing)
	require.Equal(t, content(1, 5000), read(t, p.Vault, paper.ID))
	require.Len(t, w.blobs.there(t), 1)
}
