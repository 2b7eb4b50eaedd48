package vault_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestASessionGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"memory": "", "sqlite and files": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, &vaulttest.Options{Folder: folder})
			paper := add(t, s.v, "Carte", content(1, 5000))
			token := s.v.Token()
			other := s.restart(t)
			v, err := other.Resume(t.Context(), token)
			require.NoError(t, err)
			require.Equal(t, token, v.Token())
			require.Equal(t, content(1, 5000), read(t, v, paper.ID))
			it, err := v.Bin(t.Context(), paper.ID, paper.Revision)
			require.NoError(t, err)
			require.Equal(t, it, item(t, v, paper.ID))
		})
	}
}

func TestWithoutBeingAskedForThereIsNoSession(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	v, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: s.person.Password})
	require.NoError(t, err)
	require.Empty(t, v.Token())
	list, err := v.Sessions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1, "the one of the creation")
	require.False(t, list[0].Current)
	s.Clock.Advance(100 * time.Hour)
	require.Empty(t, papers(t, v), "who holds the handle decides how long")
	require.NoError(t, v.SignOut(t.Context()))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrClosed)
}

func TestForgedTokensOpenNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.Person(t)
	token := s.v.Token()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	id := other.Vault.ID()
	forged := []string{
		"", " ", token[:len(token)-1], token[1:], token + "A", token + "=", token + "\n", strings.ToLower(token), "Bearer " + token,
		encode(raw[:16]), encode(raw[:32]), encode(append(raw, 0)),
		encode(append(id[:], raw[16:]...)), // the same secret on another vault
		encode(make([]byte, 48)), strings.Repeat("A", 1<<16),
		base64.StdEncoding.EncodeToString(flipped(raw, 47)),
	}
	for i := range raw {
		forged = append(forged, encode(flipped(raw, i)))
	}
	// Base64 leaves no bits over in 48 bytes, so that each token has one spelling.
	require.Len(t, token, 64)
	for _, f := range forged {
		_, err := s.Resume(t.Context(), f)
		require.ErrorIs(t, err, vault.ErrSessionEnded, "%q", f)
		require.Equal(t, vault.ErrSessionEnded.Error(), err.Error())
	}
	_, err = s.Resume(t.Context(), token)
	require.NoError(t, err)
	for rec, err := range s.Store.All(t.Context(), "") {
		require.NoError(t, err)
		require.False(t, bytes.Contains(rec.Value, raw[16:]) || strings.Contains(rec.Key, token[24:]), "the store has a hash only")
	}
}

func TestAnIdleSessionEnds(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	token := s.v.Token()
	s.Clock.Advance(15 * time.Minute)
	_, err := s.Resume(t.Context(), token)
	require.NoError(t, err)
	s.Clock.Advance(21 * time.Minute) // fifteen, and five because use is not noted more often
	_, err = s.Resume(t.Context(), token)
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	_, err = s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrSessionEnded, "the open handle, too")
	_, err = s.v.AddNote(t.Context(), "x", vault.Note{}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrSessionEnded)
}

func TestASessionInUseGoesOnUntilItsLongestTime(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{SessionIdle: 10 * time.Minute, SessionMax: 2 * time.Hour})
	uses := map[int]func() error{
		0: func() error { _, err := s.Resume(t.Context(), s.v.Token()); return err },
		1: func() error { _, err := s.v.List(t.Context(), nil); return err },
		2: func() error { _, err := s.v.AddNote(t.Context(), "x", vault.Note{}, vault.Place{}); return err },
	}
	for minutes := 10; minutes < 120; minutes += 10 {
		s.Clock.Advance(10 * time.Minute)
		require.NoError(t, uses[minutes/10%3](), "after %d minutes", minutes)
	}
	s.Clock.Advance(10*time.Minute - time.Millisecond)
	require.NoError(t, uses[1]())
	s.Clock.Advance(time.Millisecond)
	for _, use := range uses {
		require.ErrorIs(t, use(), vault.ErrSessionEnded)
	}
}

// slow reads from a person's slow line: time passes with every piece.
type slow struct {
	from  io.Reader
	piece int
	pass  func()
}

func (s slow) Read(p []byte) (int, error) {
	s.pass()
	return s.from.Read(p[:min(s.piece, len(p))])
}

func TestAnUploadOfAnHourIsUse(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, 12*segment)
	it, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "slow"},
		slow{bytes.NewReader(b), segment, func() { s.Clock.Advance(10 * time.Minute) }})
	require.NoError(t, err)
	require.Equal(t, b, read(t, s.v, it.ID))
	c, err := s.v.ReadDocument(t.Context(), it.ID)
	require.NoError(t, err)
	got, err := io.ReadAll(slow{c, segment, func() { s.Clock.Advance(10 * time.Minute) }})
	require.NoError(t, err)
	require.Equal(t, b, got)
	require.NoError(t, c.Close())
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	for _, idle := range []time.Duration{0, 6 * time.Minute} {
		t.Run(fmt.Sprint("after ", idle), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			token := s.v.Token()
			s.Clock.Advance(idle)
			require.NoError(t, s.v.SignOut(t.Context()))
			_, err := s.Resume(t.Context(), token)
			require.ErrorIs(t, err, vault.ErrSessionEnded)
			_, err = s.v.List(t.Context(), nil)
			require.ErrorIs(t, err, vault.ErrClosed)
			require.Empty(t, keys(t, s.Store, s.v.ID().String()+"/n/"))
			require.ErrorIs(t, s.v.SignOut(t.Context()), vault.ErrClosed)
			v := s.person.SignIn(t, s.Stage)
			require.Equal(t, []string{"vault.signed-in", "vault.signed-out"}, acts(t, v, 2))
		})
	}
}

func TestSignOutOfAnEndedSessionIsNoError(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Clock.Advance(time.Hour)
	require.NoError(t, s.v.SignOut(t.Context()))
	_, err := s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrClosed)
}

func TestClosingAHandleLeavesTheSession(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	token := s.v.Token()
	s.v.Close()
	s.v.Close()
	require.Empty(t, s.v.Token())
	_, err := s.v.Login(t.Context())
	require.ErrorIs(t, err, vault.ErrClosed)
	_, err = s.Resume(t.Context(), token)
	require.NoError(t, err)
}

func TestTheListOfSessionsSaysWhereAndWhen(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	began := s.Clock.Now()
	s.Clock.Advance(7 * time.Minute)
	phone, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: s.person.Password, Session: &vault.SessionRequest{Device: "téléphone d'Amina"}})
	require.NoError(t, err)
	list, err := phone.Sessions(t.Context())
	require.NoError(t, err)
	now := s.Clock.Now()
	require.Equal(t, []vault.Session{
		{ID: list[0].ID, Device: "téléphone d'Amina", Started: now, LastUsed: now, Expires: now.Add(15 * time.Minute), Current: true},
		{ID: list[1].ID, Device: "test", Started: began, LastUsed: began, Expires: began.Add(15 * time.Minute)},
	}, list)
	require.NotEqual(t, list[0].ID, list[1].ID)

	s.Clock.Advance(19 * time.Minute)
	list, err = phone.Sessions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1, "the other's time is up")
}

func TestEndingASessionEndsAllOthers(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	lost, third := s.person.SignIn(t, s.Stage), s.person.SignIn(t, s.Another(t, nil))
	plain, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: s.person.Password})
	require.NoError(t, err)
	list, err := lost.Sessions(t.Context())
	require.NoError(t, err)
	before := keys(t, s.Store, s.v.ID().String()+"/n/")
	records := map[string][]byte{}
	for _, k := range before {
		records[k] = get(t, s.Store, k)
	}

	require.ErrorIs(t, s.v.EndSession(t.Context(), vault.SessionID{1}), vault.ErrNotFound)
	require.NoError(t, s.v.EndSession(t.Context(), list[0].ID))
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	for _, v := range []*vault.Vault{lost, third, plain} {
		_, err := v.List(t.Context(), nil)
		require.ErrorIs(t, err, vault.ErrSessionEnded)
		if v != plain {
			_, err = s.Resume(t.Context(), v.Token())
			require.ErrorIs(t, err, vault.ErrSessionEnded)
		}
	}
	// The store brings the records back: their epoch is over.
	for k, b := range records {
		if get2, err := s.Store.Get(t.Context(), k); err != nil || len(get2.Value) == 0 {
			set(t, s.Store, k, b)
		}
	}
	_, err = s.Another(t, nil).Resume(t.Context(), lost.Token())
	require.ErrorIs(t, err, vault.ErrSessionEnded)

	list, err = s.v.Sessions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.True(t, list[0].Current, "the own goes on")
	again, err := s.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	require.Equal(t, []string{"sessions.listed", "vault.sessions-ended", "vault.sessions-ended"}, acts(t, again, 3))
}

func TestEndingTheOwnSessionIsSigningOut(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.person.SignIn(t, s.Stage)
	list, err := s.v.Sessions(t.Context())
	require.NoError(t, err)
	require.True(t, list[0].Current)
	require.NoError(t, s.v.EndSession(t.Context(), list[0].ID))
	_, err = s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrClosed)
	require.Empty(t, papers(t, other))
}

func TestAVaultHasAtMost32Sessions(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	first := s.v.Token()
	var last *vault.Vault
	for range 32 {
		s.Clock.Advance(time.Second)
		last = s.person.SignIn(t, s.Stage)
	}
	list, err := last.Sessions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 32)
	require.Len(t, keys(t, s.Store, s.v.ID().String()+"/n/"), 32)
	_, err = s.Resume(t.Context(), first)
	require.ErrorIs(t, err, vault.ErrSessionEnded, "the one used longest ago makes room")
	require.NoError(t, last.EndOtherSessions(t.Context()))
	require.Len(t, keys(t, s.Store, s.v.ID().String()+"/n/"), 1)
}

func TestADownloadEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "long", content(1, 4*segment))
	thief := s.person.SignIn(t, s.Another(t, nil))
	c, err := thief.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.CopyN(io.Discard, c, segment)
	require.NoError(t, err)
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	s.Clock.Advance(time.Second)
	_, err = io.ReadAll(c)
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, vault.ErrSessionEnded, "and stays ended")
}

func TestAnUploadEndsWithItsSession(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	other := p.SignIn(t, w.Another(t, nil))
	ended := false
	_, err := p.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "late"}, slow{bytes.NewReader(content(1, 2*segment)), segment, func() {
		if !ended {
			require.NoError(t, other.EndOtherSessions(t.Context()))
			ended = true
		}
	}})
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	require.Empty(t, papers(t, other))
	require.Empty(t, w.blobs.there(t), "nothing was kept")
}

func TestSessionsWhoseTimeIsUpAreSwept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.person.SignIn(t, s.Stage)
	s.Clock.Advance(13 * time.Hour)
	report, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.SweepReport{Sessions: 2}, report)
	require.Empty(t, keys(t, s.Store, s.v.ID().String()+"/n/"))
	s.person.SignIn(t, s.Stage)
}

func TestOpenSessionsAreCountedWithoutAnyKey(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Person(t)
	open := func() int {
		n, err := s.CountSessions(t.Context())
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 2, open(), "those of the creations")
	v := s.person.SignIn(t, s.Stage)
	require.Equal(t, 3, open())
	require.NoError(t, v.SignOut(t.Context()))
	require.Equal(t, 2, open())
	// What the store makes up, or has lost, counts for nothing and stops nothing.
	require.NoError(t, s.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		for _, what := range []string{"session-", "session-x", "session-" + vault.SessionID{7}.String()} {
			tx.Put(storage.DueKey(s.Clock.Now().Add(time.Hour), s.v.ID().String(), what), nil)
		}
		tx.Put("due/0/x", nil)
		return nil
	}))
	require.Equal(t, 2, open())
	s.Clock.Advance(21 * time.Minute)
	require.Zero(t, open(), "they stood idle")
}
