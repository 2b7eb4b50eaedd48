package vault_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func injectedRecord(t *testing.T, s *scene) {
	it, other := add(t, s.v, "Carte", content(1, 500)), addNote(t, s.v, "Note", "old")
	old := get(t, s.Store, s.itemKey(other))
	_, err := s.v.Edit(t.Context(), other.ID, 1, vault.Edit{Note: &vault.Note{Text: "new"}})
	require.NoError(t, err)
	fresh := vault.ItemID{1, 2, 3}
	set(t, s.Store, s.key("i/"+fresh.String()), get(t, s.Store, s.itemKey(it)))
	_, err = s.v.Item(t.Context(), fresh)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.Len(t, papers(t, s.v), 2, "what no page lists does not exist")

	set(t, s.Store, s.itemKey(other), old)
	var altered *vault.TamperedError
	_, err = s.v.Item(t.Context(), other.ID)
	require.ErrorAs(t, err, &altered)
	require.Equal(t, "item "+other.ID.String(), altered.What)
	all, err := s.v.List(t.Context(), nil)
	require.ErrorAs(t, err, &altered)
	require.Contains(t, names(all), "Carte")
}

func deletedItem(t *testing.T, s *scene) {
	it := add(t, s.v, "Carte", content(1, 500))
	set(t, s.Store, s.itemKey(it), nil)
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

func undeletedItem(t *testing.T, s *scene) {
	it := add(t, s.v, "Carte", content(1, 500))
	record := get(t, s.Store, s.itemKey(it))
	require.NoError(t, s.v.Destroy(t.Context(), it.ID, 1))
	set(t, s.Store, s.itemKey(it), record)
	for _, v := range []*vault.Vault{s.v, s.person.SignIn(t, s.Another(t, nil))} {
		_, err := v.Item(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = v.ReadDocument(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrNotFound)
		require.Empty(t, papers(t, v))
	}
}

func noPrivacyFlag(t *testing.T, s *scene) {
	var clear [2]clearItem
	for n, side := range []vault.Compartment{vault.Shared, vault.Private} {
		it := addTo(t, s.v, vault.NewDocument{Name: "Carte", Compartment: side}, content(1, 500))
		record := get(t, s.Store, s.itemKey(it))
		_, raw, err := seal.ParseClear(record)
		require.NoError(t, err)
		require.NoError(t, seal.Unmarshal(raw, &clear[n]), "nothing else stands in the clear")
		clear[n].Parts[0].Blob, clear[n].Parts[0].Digest = "", nil // random on both sides
		end := bytes.Index(record, raw) + len(raw)
		for at := range end {
			set(t, s.Store, s.itemKey(it), flipped(record, at))
			_, err := s.v.Item(t.Context(), it.ID)
			require.ErrorIs(t, err, vault.ErrTampered, "byte %d", at)
		}
		set(t, s.Store, s.itemKey(it), record)
	}
	require.Equal(t, clear[0], clear[1], "a private and a shared record look the same")
}

func movedByEditingRows(t *testing.T, s *scene) {
	addTo(t, s.v, vault.NewDocument{Name: "private"}, content(1, 500))
	h := remember(t, s.v)
	honest := dump(t, s.Store)
	for _, rows := range []map[string]string{
		{"x/s/0": "x/p/0"}, {"h/s": "h/p"}, {"x/s/0": "x/p/0", "h/s": "h/p"}, {"k/s": "k/p"}, {"x/s/0": "x/p/0", "h/s": "h/p", "k/s": "k/p"},
	} {
		for to, from := range rows { // what is private is given out as shared
			set(t, s.Store, s.key(to), honest[s.key(from)])
		}
		requireRefused(t, h.survey(t, s), rows)
		for to := range rows {
			set(t, s.Store, s.key(to), honest[s.key(to)])
		}
	}
}

// unguarded are records that guard no secret and say nothing to the person: the
// disk's ledger, deadlines, and sessions, which are tested by their own.
func unguarded(key string) bool {
	owner, rest, _ := strings.Cut(key, "/")
	kind, _, _ := strings.Cut(rest, "/") // not anywhere in the key: an id may begin with any letter
	return owner == "due" || slices.Contains([]string{"q", "n", "new", "mv"}, kind)
}

func rolledBack(t *testing.T, s *scene) {
	paper, note := add(t, s.v, "Carte", content(1, 500)), addNote(t, s.v, "Note", "old")
	old := dump(t, s.Store)
	_, err := s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Note: &vault.Note{Text: "new"}})
	require.NoError(t, err)
	_, err = s.v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 500)))
	require.NoError(t, err)
	addTo(t, s.v, vault.NewDocument{Name: "shared", Compartment: vault.Shared}, nil)
	next := s.person.Password + " x"
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next}))
	s.person.Password = next
	h := remember(t, s.v)
	settleWitness(t, s)
	today := dump(t, s.Store)
	rolled := 0
	for key, then := range old { // each record alone
		if unguarded(key) || bytes.Equal(then, today[key]) {
			continue
		}
		set(t, s.Store, key, then)
		refused := h.survey(t, s)
		if now, there := today[key]; there {
			requireRefused(t, refused, key)
			set(t, s.Store, key, now)
			rolled++
		} else { // a keyslot that no head names any more changes nothing
			require.NoError(t, refused, key)
			set(t, s.Store, key, nil)
		}
	}
	require.GreaterOrEqual(t, rolled, 8)
	require.NoError(t, h.survey(t, s))

	putBack(t, s.Store, old) // everything, consistent in itself
	for _, password := range []string{s.person.Password, strings.TrimSuffix(s.person.Password, " x")} {
		_, err = s.Another(t, nil).Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: password})
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrStale)
	}
	_, err = s.v.List(t.Context(), nil)
	require.Error(t, err)
}

func forked(t *testing.T, s *scene) {
	common := dump(t, s.Store)
	addNote(t, s.v, "one history", "")
	settleWitness(t, s)
	one := dump(t, s.Store)
	putBack(t, s.Store, common)
	stage := s.Another(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return blind{c} }})
	v, err := stage.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	addNote(t, v, "another history", "")
	require.NoError(t, stage.Close())
	forks, err := s.Witness.Forks(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.NotEmpty(t, forks, "the witness has seen both")

	_, err = s.Another(t, nil).Resume(t.Context(), s.v.Token())
	require.ErrorIs(t, err, vault.ErrTampered)
	putBack(t, s.Store, one)
	again, err := s.Another(t, nil).Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	require.Equal(t, []string{"one history"}, papers(t, again))
}

func oldPasswordWithOldDump(t *testing.T, s *scene) {
	paper := add(t, s.v, "Carte", content(1, 500))
	fill(t, s.v, 5)
	old, oldSecret := dump(t, s.Store), s.person.Secret()
	rings, inboxes, _ := s.v.Keys() // what the old password opens in the old dump
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	added := add(t, s.v, "since", content(2, 500))
	s.person.Password = "gato niru pesa fova"
	h := remember(t, s.v)
	id, today := s.v.ID(), dump(t, s.Store)
	for key, record := range today {
		for _, ring := range rings {
			for _, k := range ring {
				if strings.HasPrefix(key, id.String()) && !unguarded(key) {
					require.False(t, vault.Opens(id, key, record, k), key)
				}
			}
		}
	}
	lines := keys(t, s.Store, id.String()+"/j/")
	for _, k := range inboxes {
		require.False(t, vault.OpensLine(id, uint64(len(lines)), today[lines[len(lines)-1]], k), "new lines are not for the old key")
	}
	settleWitness(t, s)
	for _, which := range []func(key string) bool{
		func(key string) bool { return strings.Contains(key, "/s/") },
		func(key string) bool { return strings.Contains(key, "/s/") || strings.HasSuffix(key, "/h/o") },
		func(key string) bool { return strings.Contains(key, "/s/") || strings.Contains(key, "/k/") },
		func(key string) bool {
			return strings.Contains(key, "/s/") || strings.Contains(key, "/k/") || strings.Contains(key, "/h/")
		},
		func(string) bool { return true },
	} {
		for key, record := range old {
			if which(key) {
				set(t, s.Store, key, record)
			}
		}
		s.Clock.Advance(vaultWait)
		_, err := s.Another(t, nil).Unlock(t.Context(), oldSecret)
		require.ErrorIs(t, err, vault.ErrSignIn)
		putBack(t, s.Store, today)
	}
	require.NoError(t, h.survey(t, s))
	s.Clock.Advance(vaultWait)
	v := s.person.SignIn(t, s.Another(t, nil))
	require.Equal(t, content(1, 500), read(t, v, paper.ID))
	require.Equal(t, content(2, 500), read(t, v, added.ID))
}

func witnessAway(t *testing.T, s *scene) {
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
