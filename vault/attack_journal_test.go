package vault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func (s *scene) line(n int) string { return s.key(fmt.Sprintf("j/%016x", n)) }

// requireAltered demands that the journal is refused and a line is named.
func requireAltered(t *testing.T, s *scene, line int) {
	t.Helper()
	_, err := s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	var altered *vault.TamperedError
	require.ErrorAs(t, err, &altered)
	require.Equal(t, fmt.Sprintf("journal entry %d", line), altered.What)
}

func editedJournal(t *testing.T, s *scene) {
	for n := range 8 {
		addNote(t, s.v, fmt.Sprint("note ", n), "")
	}
	honest := dump(t, s.Store)
	back := func(lines ...int) {
		for _, n := range lines {
			set(t, s.Store, s.line(n), honest[s.line(n)])
		}
	}
	requireJournal(t, s.v)
	record := honest[s.line(4)]
	for at := 0; at < len(record); at += 37 { // edited
		set(t, s.Store, s.line(4), flipped(record, at))
		requireAltered(t, s, 4)
	}
	set(t, s.Store, s.line(4), nil) // removed
	_, err := s.v.Journal(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
	back(4)
	swap(t, s.Store, s.line(4), s.line(5)) // reordered
	requireAltered(t, s, 5)
	back(4, 5)
	set(t, s.Store, s.line(6), record) // repeated
	requireAltered(t, s, 6)
	back(6)
	set(t, s.Store, s.line(1), nil) // the first
	_, err = s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	require.ErrorIs(t, err, vault.ErrTampered)
	page, err := s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 3})
	require.NoError(t, err, "what is newer can still be read")
	require.Len(t, page, 3)
	back(1)
	requireJournal(t, s.v)

	next := len(keys(t, s.Store, s.key("j/"))) + 1 // a line of another history, sealed and signed as it should be
	other := s.Another(t, &vaulttest.Options{
		Driver:      func(d storage.Driver) storage.Driver { return copied(t, d) },
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return deaf{c} },
	})
	v, err := other.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	addNote(t, v, "elsewhere", "")
	addNote(t, s.v, "here", "")
	addNote(t, s.v, "and on", "")
	set(t, s.Store, s.line(next), get(t, other.Store, s.line(next)))
	requireAltered(t, s, next)
}

func cutJournal(t *testing.T, s *scene) {
	addNote(t, s.v, "before", "")
	oldHead := get(t, s.Store, s.key("h/j"))
	lines := len(keys(t, s.Store, s.key("j/")))
	for n := range 3 {
		addNote(t, s.v, fmt.Sprint("what it hides ", n), "")
	}
	h := remember(t, s.v)
	settleWitness(t, s)
	today := dump(t, s.Store)
	cut := func() {
		for _, key := range keys(t, s.Store, s.key("j/"))[lines:] {
			set(t, s.Store, key, nil)
		}
	}
	cut()
	refused := h.survey(t, s)
	require.ErrorIs(t, refused, vault.ErrTampered, "there are fewer lines than the head says")
	putBack(t, s.Store, today)
	cut()
	set(t, s.Store, s.key("h/j"), oldHead) // and the head of then
	s.Clock.Advance(vaultWait)
	_, err := s.Another(t, nil).Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrStale)
	_, err = s.v.Journal(t.Context(), nil)
	require.Error(t, err)
}

func forgedLine(t *testing.T, s *scene) {
	mallory := seal.NewSigningKey()
	before := len(keys(t, s.Store, s.key("j/")))
	forger := s.person.SignIn(t, s.Stage)
	require.NoError(t, forger.ForgeLine(t.Context(), mallory), "even who has the service's key")
	requireAltered(t, s, before+2)
	v := s.person.SignIn(t, s.Another(t, nil))
	_, err := v.Journal(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
}

func appendFails(t *testing.T, s *scene) {
	paper := add(t, s.v, "Carte", content(1, 500))
	w := watch(t, s.Stage, nil)
	v, err := w.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	for _, fault := range []error{storage.ErrUnavailable, storage.ErrNoSpace, storage.ErrReadOnly} {
		w.store.FailFrom(1, fault, storagetest.Before, storagetest.Commit)
		c, err := v.ReadDocument(t.Context(), paper.ID)
		require.ErrorIs(t, err, vault.ErrStorage)
		require.Nil(t, c)
		it, err := v.Item(t.Context(), paper.ID)
		require.ErrorIs(t, err, vault.ErrStorage)
		require.True(t, it.Document == nil || err != nil)
		require.Zero(t, w.store.Calls(storagetest.OpenBlob))
		w.heal()
	}
	w.store.FailFrom(1, storage.ErrUnknown, storagetest.After, storagetest.Commit) // nor when nobody knows
	c, err := v.ReadDocument(t.Context(), paper.ID)
	if err == nil { // it was found out that the line is there
		require.NoError(t, c.Close())
	} else {
		require.ErrorIs(t, err, vault.ErrUnknown)
		require.Nil(t, c)
	}
}

func lineOfAnotherVault(t *testing.T, s *scene) {
	other := s.Person(t)
	for n := range 4 {
		addNote(t, s.v, fmt.Sprint(n), "")
		addNote(t, other.Vault, fmt.Sprint(n), "")
	}
	theirs := other.Vault.ID().String()
	honest := get(t, s.Store, s.line(3))
	set(t, s.Store, s.line(3), get(t, s.Store, theirs+s.line(3)[26:]))
	requireAltered(t, s, 3)
	set(t, s.Store, s.line(3), honest)
	requireJournal(t, s.v)
	for _, key := range append(keys(t, s.Store, s.key("j/")), s.key("h/j")) { // all of it, with its head
		if rec, err := s.Store.Get(t.Context(), theirs+key[26:]); err == nil {
			set(t, s.Store, key, rec.Value)
		}
	}
	_, err := s.v.Journal(t.Context(), nil)
	requireRefused(t, err)
	_, err = s.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
}
