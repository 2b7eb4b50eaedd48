package vault_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func injectedRecord(t *testing.T, s *hostile) {
	it, other := add(t, s.v, "Carte", content(1, 500)), addNote(t, s.v, "Note", "old")
	then := s.host.Now()
	_, err := s.v.Edit(t.Context(), other.ID, 1, vault.Edit{Note: &vault.Note{Text: "new"}})
	require.NoError(t, err)
	fresh := vault.ItemID{1, 2, 3}
	s.record("i/" + fresh.String()).Forge(s.item(it).Bytes())
	_, err = s.v.Item(t.Context(), fresh)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.Len(t, papers(t, s.v), 2, "what no page lists does not exist")

	s.item(other).Replay(then)
	requireNamed(t, s.v, other)
	var altered *vault.TamperedError
	all, err := s.v.List(t.Context(), nil)
	require.ErrorAs(t, err, &altered)
	require.Contains(t, names(all), "Carte")
}

func deletedItem(t *testing.T, s *hostile) {
	it := add(t, s.v, "Carte", content(1, 500))
	s.item(it).Drop()
	for _, v := range []*vault.Vault{s.v, s.person.SignIn(t, s.Another(t, nil))} {
		var missing *vault.MissingError
		_, err := v.Item(t.Context(), it.ID)
		require.ErrorAs(t, err, &missing)
		require.Equal(t, it.ID, missing.Item)
		_, err = v.List(t.Context(), nil)
		require.ErrorAs(t, err, &missing)
		require.Equal(t, it.ID, missing.Item)
		require.Equal(t, 1, overview(t, v).Counts.Damaged)
	}
}

func undeletedItem(t *testing.T, s *hostile) {
	it := add(t, s.v, "Carte", content(1, 500))
	blob := s.content(t, it)
	then := s.host.Now()
	require.NoError(t, s.v.Destroy(t.Context(), it.ID, 1))
	s.item(it).Replay(then)
	blob.Replay(then)
	require.NotEmpty(t, blob.Bytes())
	for _, v := range []*vault.Vault{s.v, s.person.SignIn(t, s.Another(t, nil))} {
		_, err := v.Item(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = v.ReadDocument(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrNotFound)
		require.Empty(t, papers(t, v))
	}
}

func noPrivacyFlag(t *testing.T, s *hostile) {
	var clear [2]clearItem
	for n, side := range []vault.Compartment{vault.Shared, vault.Private} {
		it := addTo(t, s.v, vault.NewDocument{Name: "Carte", Compartment: side}, content(1, 500))
		record := s.item(it).Bytes()
		_, raw, err := seal.ParseClear(record)
		require.NoError(t, err)
		require.NoError(t, seal.Unmarshal(raw, &clear[n]), "nothing else stands in the clear")
		clear[n].Parts[0].Blob, clear[n].Parts[0].Digest = "", nil // random on both sides
		end := bytes.Index(record, raw) + len(raw)
		for at := range end {
			s.item(it).Flip(8 * at)
			_, err := s.v.Item(t.Context(), it.ID)
			require.ErrorIs(t, err, vault.ErrTampered, "byte %d", at)
			s.item(it).Honest()
		}
	}
	require.Equal(t, clear[0], clear[1], "a private and a shared record look the same")
}

func movedByEditingRows(t *testing.T, s *hostile) {
	addTo(t, s.v, vault.NewDocument{Name: "private"}, content(1, 500))
	h := remember(t, s.v)
	for _, rows := range []map[string]string{
		{"x/s/0": "x/p/0"}, {"h/s": "h/p"}, {"x/s/0": "x/p/0", "h/s": "h/p"}, {"k/s": "k/p"}, {"x/s/0": "x/p/0", "h/s": "h/p", "k/s": "k/p"},
	} {
		for to, from := range rows { // what is private is given out as shared
			s.record(to).Forge(s.record(from).Bytes())
		}
		requireRefused(t, h.survey(t, s), rows)
		s.host.Honest()
	}
}

// unguarded are records that guard no secret and say nothing to the person: the
// disk's ledger, deadlines, months, and sessions, which are tested by their own.
func unguarded(key string) bool {
	owner, rest, _ := strings.Cut(key, "/")
	kind, _, _ := strings.Cut(rest, "/") // not anywhere in the key: an id may begin with any letter
	return owner == "due" || owner == "unseen" || slices.Contains([]string{"q", "n", "new", "mv", "seen"}, kind)
}

func rolledBack(t *testing.T, s *hostile) {
	paper, note := add(t, s.v, "Carte", content(1, 500)), addNote(t, s.v, "Note", "old")
	then, old := s.host.Now(), s.host.Records("")
	_, err := s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Note: &vault.Note{Text: "new"}})
	require.NoError(t, err)
	_, err = s.v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 500)))
	require.NoError(t, err)
	addTo(t, s.v, vault.NewDocument{Name: "shared", Compartment: vault.Shared}, nil)
	next := s.person.Password + " x"
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next}))
	s.person.Password = next
	h := remember(t, s.v)
	settleWitness(t, s.scene)
	rolled := 0
	for _, key := range old { // each record alone
		today := s.host.Record(key).Bytes()
		s.host.Record(key).Replay(then)
		if unguarded(key) || bytes.Equal(s.host.Record(key).Bytes(), today) {
			s.host.Honest()
			continue
		}
		if refused := h.survey(t, s); today != nil {
			requireRefused(t, refused, key)
			rolled++
		} else { // a keyslot that no head names any more changes nothing
			require.NoError(t, refused, key)
		}
		s.host.Honest()
	}
	require.GreaterOrEqual(t, rolled, 8)
	require.NoError(t, h.survey(t, s))

	s.host.Replay("", then) // everything, consistent in itself
	for _, password := range []string{s.person.Password, strings.TrimSuffix(s.person.Password, " x")} {
		_, err = s.Another(t, nil).Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: password})
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrStale)
	}
	_, err = s.v.List(t.Context(), nil)
	require.Error(t, err)
}

func forked(t *testing.T, s *hostile) {
	fork := s.fork(t)
	addNote(t, s.v, "one history", "")
	settleWitness(t, s.scene)
	stage := s.onFork(t, fork, vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return blind{c} }})
	v, err := stage.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	addNote(t, v, "another history", "")
	require.NoError(t, stage.Close())
	forks, err := s.Witness.Forks(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.NotEmpty(t, forks, "the witness has seen both")

	_, err = s.onFork(t, fork, vaulttest.Options{}).Resume(t.Context(), s.v.Token())
	require.ErrorIs(t, err, vault.ErrTampered)
	again, err := s.Another(t, nil).Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	require.Equal(t, []string{"one history"}, papers(t, again))
}

func oldPasswordWithOldDump(t *testing.T, s *hostile) {
	paper := add(t, s.v, "Carte", content(1, 500))
	fill(t, s.v, 5)
	then, old, oldSecret := s.host.Now(), s.host.Records(""), s.person.Secret()
	rings, inboxes, _ := s.v.Keys() // what the old password opens in the old dump
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	added := add(t, s.v, "since", content(2, 500))
	s.person.Password = "gato niru pesa fova"
	h := remember(t, s.v)
	id := s.v.ID()
	for _, key := range s.host.Records(id.String()) {
		for _, ring := range rings {
			for _, k := range ring {
				require.False(t, !unguarded(key) && vault.Opens(id, key, s.host.Record(key).Bytes(), k), key)
			}
		}
	}
	lines := s.host.Records(s.key("j/"))
	for _, k := range inboxes {
		require.False(t, vault.OpensLine(id, uint64(len(lines)), s.host.Record(lines[len(lines)-1]).Bytes(), k), "new lines are not for the old key")
	}
	settleWitness(t, s.scene)
	for _, which := range []string{"/s/", "/s/|/h/o$", "/s/|/k/", "/s/|/k/|/h/", ""} {
		for _, key := range old {
			if regexp.MustCompile(which).MatchString(key) {
				s.host.Record(key).Replay(then)
			}
		}
		s.Clock.Advance(vaultWait)
		_, err := s.Another(t, nil).Unlock(t.Context(), oldSecret)
		require.ErrorIs(t, err, vault.ErrSignIn)
		s.host.Honest()
	}
	require.NoError(t, h.survey(t, s))
	s.Clock.Advance(vaultWait)
	v := s.person.SignIn(t, s.Another(t, nil))
	require.Equal(t, content(1, 500), read(t, v, paper.ID))
	require.Equal(t, content(2, 500), read(t, v, added.ID))
}

// oldPolicyOrPath: a way to the roots, with the policy that allowed it, was taken
// back. Whoever still has what opened it is not let in by it, with or without the
// head of then.
func oldPolicyOrPath(t *testing.T, s *hostile) {
	lost, own := seal.NewKey(), s.slot()
	slot, err := s.v.OpenPath(t.Context(), s.person.Login, s.person.Password, lost)
	require.NoError(t, err)
	then := s.host.Now()
	require.NoError(t, s.v.ClosePath(t.Context(), slot))
	require.Empty(t, s.host.Record(slot).Bytes())
	h := remember(t, s.v)
	settleWitness(t, s.scene)

	s.host.Record(slot).Replay(then) // the way alone
	require.NoError(t, h.survey(t, s), "a keyslot that no head names does not exist")
	s.host.Record(slot).Swap(own)
	requireRefused(t, h.survey(t, s))
	s.host.Honest()

	for _, record := range []string{"h/o", "s/", "k/", "h/", ""} { // the policy, and what belonged to it
		s.record("h/o").Replay(then)
		s.host.Replay(s.key(record), then)
		requireRefused(t, h.survey(t, s), record)
		_, err = s.Another(t, nil).Resume(t.Context(), s.v.Token())
		require.ErrorIs(t, err, vault.ErrStale)
		s.host.Honest()
	}
	// A service that saw the present knows it, also while the witness is away.
	w := watch(t, s.Stage, nil)
	v := s.person.SignIn(t, w.Stage)
	w.witness.away.Store(true)
	s.Clock.Advance(time.Minute)
	s.record("h/o").Replay(then)
	s.host.Record(slot).Replay(then)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrStale)
	s.host.Honest()
	require.NoError(t, h.survey(t, s))
}

func witnessAway(t *testing.T, s *hostile) {
	paper := add(t, s.v, "Carte", content(1, 500))
	w := watch(t, s.Stage, nil)
	w.witness.away.Store(true)
	v, err := w.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	require.Equal(t, content(1, 500), read(t, v, paper.ID), "reading goes on")
	add(t, v, "more", content(2, 500))
	require.Contains(t, overview(t, s.person.SignIn(t, w.Stage)).Notices, vault.NoticeWitnessAway, "and it is said")
	require.ErrorIs(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}), vault.ErrWitnessAway)
	for range 9 {
		_, err = w.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	_, err = w.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrBackOff)
}
