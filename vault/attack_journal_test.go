package vault_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func (s *scene) line(n int) string { return s.key(fmt.Sprintf("j/%016x", n)) }

// entry is a line of the journal at the host.
func (s *hostile) entry(n int) storagetest.Piece { return s.host.Record(s.line(n)) }

// requireAltered demands that the journal is refused and a line is named.
func requireAltered(t *testing.T, s *hostile, line int) {
	t.Helper()
	_, err := s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	var altered *vault.TamperedError
	require.ErrorAs(t, err, &altered)
	require.Equal(t, fmt.Sprintf("journal entry %d", line), altered.What)
}

func editedJournal(t *testing.T, s *hostile) {
	for n := range 8 {
		addNote(t, s.v, fmt.Sprint("note ", n), "")
	}
	requireJournal(t, s.v)
	for at := 0; at < len(s.entry(4).Bytes()); at += 37 { // edited
		s.entry(4).Flip(8 * at)
		requireAltered(t, s, 4)
		s.host.Honest()
	}
	s.entry(4).Drop() // removed
	_, err := s.v.Journal(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
	s.host.Honest()
	s.entry(4).Swap(s.entry(5)) // reordered
	requireAltered(t, s, 5)
	s.host.Honest()
	s.entry(6).Forge(s.entry(4).Bytes()) // repeated
	requireAltered(t, s, 6)
	s.host.Honest()
	s.entry(1).Drop() // the first
	_, err = s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	require.ErrorIs(t, err, vault.ErrTampered)
	page, err := s.v.Journal(t.Context(), &vault.JournalOptions{Limit: 3})
	require.NoError(t, err, "what is newer can still be read")
	require.Len(t, page, 3)
	s.host.Honest()
	requireJournal(t, s.v)

	next := len(s.host.Records(s.key("j/"))) + 1 // a line of another history, sealed and signed as it should be
	fork := s.fork(t)
	other := s.onFork(t, fork, vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return deaf{c} }})
	v, err := other.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	addNote(t, v, "elsewhere", "")
	addNote(t, s.v, "here", "")
	addNote(t, s.v, "and on", "")
	s.entry(next).Forge(fork.Record(s.line(next)).Bytes())
	requireAltered(t, s, next)
}

func cutJournal(t *testing.T, s *hostile) {
	addNote(t, s.v, "before", "")
	then, lines := s.host.Now(), len(s.host.Records(s.key("j/")))
	for n := range 3 {
		addNote(t, s.v, fmt.Sprint("what it hides ", n), "")
	}
	h := remember(t, s.v)
	settleWitness(t, s.scene)
	for _, key := range s.host.Records(s.key("j/"))[lines:] {
		s.host.Record(key).Drop()
	}
	require.ErrorIs(t, h.survey(t, s), vault.ErrTampered, "there are fewer lines than the head says")
	s.record("h/j").Replay(then) // and the head of then
	s.Clock.Advance(vaultWait)
	_, err := s.Another(t, nil).Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrStale)
	_, err = s.v.Journal(t.Context(), nil)
	require.Error(t, err)
}

func forgedLine(t *testing.T, s *hostile) {
	mallory := seal.NewSigningKey()
	before := len(s.host.Records(s.key("j/")))
	forger := s.person.SignIn(t, s.Stage)
	require.NoError(t, forger.ForgeLine(t.Context(), mallory), "even who has the service's key")
	requireAltered(t, s, before+2)
	v := s.person.SignIn(t, s.Another(t, nil))
	_, err := v.Journal(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
}

func appendFails(t *testing.T, s *hostile) {
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

func lineOfAnotherVault(t *testing.T, s *hostile) {
	other := s.Person(t)
	for n := range 4 {
		addNote(t, s.v, fmt.Sprint(n), "")
		addNote(t, other.Vault, fmt.Sprint(n), "")
	}
	theirs := other.Vault.ID().String() + "/"
	s.entry(3).Swap(s.host.Record(theirs + strings.TrimPrefix(s.line(3), s.key(""))))
	requireAltered(t, s, 3)
	s.host.Honest()
	requireJournal(t, s.v)
	s.host.SwapPrefixes(s.key("j/"), theirs+"j/") // all of it, with its head
	s.record("h/j").Swap(s.host.Record(theirs + "h/j"))
	_, err := s.v.Journal(t.Context(), nil)
	requireRefused(t, err)
	_, err = s.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
}

// markupInNames: a name or a reason is never a second line, a tag or a formula
// where the journal goes out.
func markupInNames(t *testing.T, s *hostile) {
	hostile := []string{`"><script>alert(1)</script>`, "=HYPERLINK(\"https://example.org\")", "a,b;c\"d", "-1+1|' /C calc'!A0", "@SUM(1)"}
	for _, name := range hostile {
		addNote(t, s.v, name, "text\nof two lines")
	}
	_, err := s.v.AskForSpace(t.Context(), "please\n2026-01-01,somebody else,vault.exported")
	require.NoError(t, err)
	entries := requireJournal(t, s.v)
	var out bytes.Buffer
	require.NoError(t, s.v.Export(t.Context(), &out, nil))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	file := func(name string) []byte {
		f, err := z.Open("reconnect/data/" + name)
		require.NoError(t, err)
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		return bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	for _, name := range []string{"journal.csv", "notes.csv"} {
		rows, err := csv.NewReader(bytes.NewReader(file(name))).ReadAll()
		require.NoError(t, err)
		if name == "journal.csv" {
			require.Len(t, rows, 1+len(entries)+1, "a head, a line for each, and that they were read: %v", rows)
		}
		for _, cell := range flat(rows) {
			require.NotRegexp(t, "^[=@\t\r-]", cell, name)
		}
	}
	var lines []struct{ Name string }
	require.NoError(t, json.Unmarshal(file("journal.json"), &lines))
	written := map[string]bool{}
	for _, l := range lines {
		written[l.Name] = true
	}
	for _, name := range hostile {
		require.True(t, written[name], "%q is kept as it was written", name)
	}
}

func flat(rows [][]string) (cells []string) {
	for _, row := range rows {
		cells = append(cells, row...)
	}
	return cells
}
