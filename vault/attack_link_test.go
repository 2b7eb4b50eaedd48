package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// restart forgets what this process saw, as one that has just begun.
func (s *hostile) opens(t *testing.T, code string) error {
	t.Helper()
	_, err := readLink(t, s.Another(t, nil), code)
	return err
}

// The store has every record, and the service's keys; what it lacks is behind the #.
func linkWithoutItsCode(t *testing.T, s *hostile) {
	it := add(t, s.v, "Identity card", []byte("text of the paper"))
	l := s.linkTo(t, s.v, it, 3)
	for _, key := range s.host.Records("") {
		require.NotContains(t, string(s.host.Record(key).Bytes()), "text of the paper", key)
	}
	guess := []byte(l.Code)
	guess[0] ^= 1
	for _, code := range []string{l.ID.String(), string(guess), l.Code[:30]} {
		_, err := readLink(t, s.Stage, code)
		require.ErrorIs(t, err, vault.ErrInvalid, "a guess has no check")
	}
	require.NoError(t, s.opens(t, l.Code))
}

func replayedCountOfALink(t *testing.T, s *hostile) {
	it := add(t, s.v, "Identity card", []byte("text"))
	l := s.linkTo(t, s.v, it, 1)
	uses, journal := s.v.ID().String()+"/h/u", s.v.ID().String()+"/h/j"
	before := s.host.Now()
	require.NoError(t, s.opens(t, l.Code))
	for name, alter := range map[string]func(){
		"the count of before":                 func() { s.host.Record(uses).Replay(before) },
		"the count and the journal of before": func() { s.host.Record(uses).Replay(before); s.host.Record(journal).Replay(before) },
		"no count":                            func() { s.host.Record(uses).Drop() },
		"flipped":                             func() { s.host.Record(uses).Flip(90) },
	} {
		now := s.host.Now()
		alter()
		require.ErrorIs(t, s.opens(t, l.Code), vault.ErrEnded, name)
		s.host.Record(uses).Replay(now)
		s.host.Record(journal).Replay(now)
	}
}

func replayedLink(t *testing.T, s *hostile) {
	it := add(t, s.v, "Identity card", []byte("text"))
	read, leave := s.linkTo(t, s.v, it, 0), depositLink(t, s.v, "Hôpital")
	before := s.host.Now()
	require.NoError(t, s.v.EndLink(t.Context(), read.ID))
	require.NoError(t, s.v.EndLink(t.Context(), leave.ID))
	id := s.v.ID().String()
	for _, l := range []vault.Link{read, leave} {
		for _, key := range []string{id + "/ln/" + l.ID.String(), "link/" + l.ID.String()} {
			s.host.Record(key).Replay(before)
		}
	}
	require.ErrorIs(t, s.opens(t, read.Code), vault.ErrEnded)
	require.ErrorIs(t, s.Another(t, nil).LeaveNoteByLink(t.Context(), leave.Code, "x", vault.Note{}, ""), vault.ErrNotTaken)
	s.host.Record(id + "/h/o").Replay(before) // with the head that named it
	require.ErrorIs(t, s.opens(t, read.Code), vault.ErrEnded)
}

func swappedLinks(t *testing.T, s *hostile) {
	one, two := add(t, s.v, "one", []byte("1")), add(t, s.v, "two", []byte("2"))
	a, b := s.linkTo(t, s.v, one, 0), s.linkTo(t, s.v, two, 0)
	other := s.Person(t)
	record := func(l vault.Link) string { return s.v.ID().String() + "/ln/" + l.ID.String() }
	for name, alter := range map[string]func(){
		"the record of another link": func() { s.host.Record(record(a)).Forge(s.host.Record(record(b)).Bytes()) },
		"it leads to another vault": func() {
			id := other.Vault.ID()
			s.host.Record("link/" + a.ID.String()).Forge(id[:])
		},
		"it leads nowhere": func() { s.host.Record("link/" + a.ID.String()).Forge([]byte("x")) },
		"flipped":          func() { s.host.Record(record(a)).Flip(200) },
	} {
		now := s.host.Now()
		alter()
		require.ErrorIs(t, s.opens(t, a.Code), vault.ErrEnded, name)
		require.NoError(t, s.opens(t, b.Code), name)
		s.host.Record(record(a)).Replay(now)
		s.host.Record("link/" + a.ID.String()).Replay(now)
	}
	require.NoError(t, s.opens(t, a.Code))
}

func depositInAnotherLinksName(t *testing.T, s *hostile) {
	a, b := depositLink(t, s.v, "a"), depositLink(t, s.v, "b")
	ended := depositLink(t, s.v, "ended")
	require.NoError(t, s.v.EndLink(t.Context(), ended.ID))
	stolen, err := s.LinkHandle(t.Context(), b.Code)
	require.NoError(t, err)
	giver, err := s.LinkHandle(t.Context(), a.Code)
	require.NoError(t, err)
	for name, f := range map[string]vault.Forgery{
		"signed by another link":   stolen.LinkForgery(),
		"by the grant of another":  {Grant: b.ID.String()},
		"by a link that has ended": {Grant: ended.ID.String()},
		"in the person's name":     {By: vault.Actor{Kind: vault.ActorPerson}},
		"in another link's name":   {By: vault.Actor{Kind: vault.ActorLink, ID: b.ID.String(), Name: "b"}},
		"under another label":      {By: vault.Actor{Kind: vault.ActorLink, ID: a.ID.String(), Name: "Prefecture"}},
	} {
		f.Content = content(1, 2000)
		_, err := giver.LeaveForged(t.Context(), f)
		require.NoError(t, err)
		taken, err := s.v.TakeIn(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, vault.TakenIn{Refused: 1}, taken, name)
	}
	_, inbox, err := s.v.Links(t.Context())
	require.NoError(t, err)
	require.Zero(t, inbox.Left)
}

// A backup that is put back brings no link back that has ended since, and no count.
func TestABackupRevivesNoLink(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	s := &scene{Stage: r.stage, person: r.person, v: r.signIn(t)}
	it := add(t, s.v, "Identity card", []byte("text"))
	ended, kept, read := depositLink(t, s.v, "ended"), depositLink(t, s.v, "kept"), s.linkTo(t, s.v, it, 2)
	day, taken := r.backup(t), r.stage.Clock.Now()
	require.NoError(t, s.v.EndLink(t.Context(), ended.ID))
	o, err := r.OpenByLink(t.Context(), read.Code)
	require.NoError(t, err)
	require.NoError(t, o.Close())
	late := depositLink(t, s.v, "made after the backup")
	r.restart(t)
	putBack(t, r.stage.Store, day)
	owner, side, err := r.witness.OwnerSide(t.Context(), r.id())
	require.NoError(t, err)
	_, err = r.PutBackOwner(t.Context(), r.id(), owner, side)
	require.NoError(t, err)
	r.state(t, 1, taken)
	v := r.signIn(t)
	leave := func(code string) error { return r.LeaveNoteByLink(t.Context(), code, "x", vault.Note{}, "") }
	require.ErrorIs(t, leave(ended.Code), vault.ErrNotTaken)
	require.NoError(t, leave(kept.Code))
	require.NoError(t, leave(late.Code))
	_, err = r.OpenByLink(t.Context(), read.Code)
	require.ErrorIs(t, err, vault.ErrEnded, "nobody knows any more how often it was opened")
	links, _, err := v.Links(t.Context())
	require.NoError(t, err)
	by := map[string]vault.EndedBy{}
	for _, l := range links {
		by[l.Label] = l.EndedBy
	}
	require.Equal(t, map[string]vault.EndedBy{"ended": vault.EndedByPerson, "kept": "", "made after the backup": "", "For the desk": vault.EndedByRestore}, by)
}
