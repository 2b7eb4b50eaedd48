package vault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func TestWhatThePersonAddsIsPrivateUnlessTheirRulesSayOtherwise(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	none, err := s.v.Rules(ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	require.Equal(t, vault.Private, addNote(t, s.v, "by default", "").Compartment)

	rules := vault.Rules{
		Kinds:   map[vault.Kind]vault.Compartment{vault.KindDocument: vault.Shared, vault.KindNote: vault.Private},
		Folders: map[string]vault.Compartment{" Papers ": vault.Shared, "Santé": vault.Private},
	}
	require.NoError(t, s.v.SetRules(ctx, rules))
	got, err := s.person.SignIn(t, s.Another(t, nil)).Rules(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]vault.Compartment{"Papers": vault.Shared, "Santé": vault.Private}, got.Folders)
	require.Equal(t, rules.Kinds, got.Kinds)
	require.Equal(t, vault.Shared, got.For(vault.KindNote, "Papers"), "a folder's rule goes first")
	require.Equal(t, vault.Private, got.For(vault.KindDocument, "Santé"))
	require.Equal(t, vault.Shared, got.For(vault.KindDocument, "unknown"))
	require.Equal(t, vault.Private, got.For(vault.KindContact, ""))

	require.Equal(t, vault.Shared, add(t, s.v, "by rule", content(1, 100)).Compartment)
	require.Equal(t, vault.Private, addNote(t, s.v, "by rule", "").Compartment)
	contact, err := s.v.AddContact(ctx, "Ali", vault.Contact{}, vault.Place{})
	require.NoError(t, err)
	require.Equal(t, vault.Private, contact.Compartment, "no rule")
	said := addTo(t, s.v, vault.NewDocument{Name: "said", Compartment: vault.Private}, nil)
	require.Equal(t, vault.Private, said.Compartment, "what is said goes before every rule")
	f, err := s.v.AddFolder(ctx, "Papers", vault.Place{})
	require.NoError(t, err)
	require.Equal(t, vault.Shared, f.Compartment)

	for _, side := range []vault.Compartment{vault.Shared, vault.Private} { // a folder decides by itself
		in := folder(t, s.v, "Papers", side)
		it := addTo(t, s.v, vault.NewDocument{Name: "in a folder", Folder: in.ID}, nil)
		require.Equal(t, side, it.Compartment)
		require.Equal(t, in.ID, it.Folder)
	}
	_, err = s.v.AddNote(ctx, "x", vault.Note{}, vault.Place{Compartment: vault.Private, Folder: folder(t, s.v, "Papers", vault.Shared).ID})
	requireInvalid(t, err, "folder")
	_, err = s.v.AddNote(ctx, "x", vault.Note{}, vault.Place{Folder: f.ID, Compartment: vault.Owner})
	requireInvalid(t, err, "compartment")
	_, err = s.v.AddNote(ctx, "x", vault.Note{}, vault.Place{Folder: contact.ID})
	requireInvalid(t, err, "folder")
	_, err = s.v.AddNote(ctx, "x", vault.Note{}, vault.Place{Folder: vault.ItemID{9}})
	requireInvalid(t, err, "folder")

	require.NoError(t, s.v.SetRules(ctx, vault.Rules{}))
	require.Equal(t, vault.Private, add(t, s.v, "again", content(1, 100)).Compartment)
	require.Contains(t, acts(t, s.v, 5), string(vault.ActRulesChanged))
}

func TestRulesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	many := map[string]vault.Compartment{}
	for n := range vault.MaxFolderRules + 1 {
		many[fmt.Sprint("folder ", n)] = vault.Shared
	}
	for field, all := range map[string][]vault.Rules{
		"kinds": {
			{Kinds: map[vault.Kind]vault.Compartment{vault.KindFolder: vault.Shared}},
			{Kinds: map[vault.Kind]vault.Compartment{77: vault.Shared}}, {Kinds: map[vault.Kind]vault.Compartment{0: vault.Shared}},
			{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Owner}}, {Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Default}},
		},
		"folders": {
			{Folders: many}, {Folders: map[string]vault.Compartment{"": vault.Shared}}, {Folders: map[string]vault.Compartment{"x": 9}},
			{Folders: map[string]vault.Compartment{"x\x00": vault.Shared}}, {Folders: map[string]vault.Compartment{"\xff": vault.Shared}},
			{Folders: map[string]vault.Compartment{strings.Repeat("x", 201): vault.Shared}},
			{Folders: map[string]vault.Compartment{"x": vault.Shared, " x": vault.Private}},
		},
	} {
		for _, r := range all {
			requireInvalid(t, s.v.SetRules(t.Context(), r), field)
		}
	}
	got, err := s.v.Rules(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
	delete(many, "folder 0") // as many as there may be, with names as long as they may be
	long := map[string]vault.Compartment{}
	for name := range many {
		long[strings.Repeat("ش", vault.MaxName-len(name))+name] = vault.Shared
	}
	require.NoError(t, s.v.SetRules(t.Context(), vault.Rules{Folders: long}))
	got, err = s.v.Rules(t.Context())
	require.NoError(t, err)
	require.Equal(t, long, got.Folders)
	_, err = s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	require.ErrorIs(t, s.v.SetRules(t.Context(), vault.Rules{}), vault.ErrClosing)
}

// The store cannot make private what was shared by rule, nor the other way round.
func TestRulesThatTheStoreAlteredShareNothing(t *testing.T) {
	t.Parallel()
	share := vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}}
	for name, spoil := range map[string]func(t *testing.T, s *scene, key string, old []byte){
		"gone": func(t *testing.T, s *scene, key string, _ []byte) { set(t, s.Store, key, nil) },
		"altered": func(t *testing.T, s *scene, key string, _ []byte) {
			set(t, s.Store, key, flipped(get(t, s.Store, key), 60))
		},
		"older": func(t *testing.T, s *scene, key string, old []byte) { set(t, s.Store, key, old) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			before := keys(t, s.Store, s.key("o/"))
			require.NoError(t, s.v.SetRules(t.Context(), share))
			paper := onlyNew(t, before, keys(t, s.Store, s.key("o/")))
			old := get(t, s.Store, paper)
			require.NoError(t, s.v.SetRules(t.Context(), share))
			spoil(t, s, paper, old)
			_, err := s.v.Rules(t.Context())
			require.ErrorIs(t, err, vault.ErrTampered)
			require.Equal(t, vault.Private, addNote(t, s.v, "x", "").Compartment)
			require.NoError(t, s.v.SetRules(t.Context(), share), "and they can be set again")
			require.Equal(t, vault.Shared, addNote(t, s.v, "x", "").Compartment)
		})
	}
}

// Two devices: the second has read the rules before the first one set others.
func TestRulesAndAWishThatSomebodyElseHasChangedAreNotReplaced(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	share := vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}}
	require.NoError(t, s.v.ReplaceRules(ctx, vault.Rules{}, share))
	require.ErrorIs(t, s.v.ReplaceRules(ctx, vault.Rules{}, vault.Rules{}), vault.ErrRevision)
	now, err := s.v.Rules(ctx)
	require.NoError(t, err)
	require.Equal(t, share.Kinds, now.Kinds)
	require.NoError(t, s.v.ReplaceRules(ctx, now, vault.Rules{}))

	require.NoError(t, s.v.ReplaceWish(ctx, vault.Wish{}, vault.WantErase))
	require.ErrorIs(t, s.v.ReplaceWish(ctx, vault.Wish{}, vault.WantNothing), vault.ErrRevision)
	seen := wish(t, s.v)
	s.Clock.Advance(time.Minute)
	require.NoError(t, s.v.ReplaceWish(ctx, seen, vault.WantErase))
	require.ErrorIs(t, s.v.ReplaceWish(ctx, seen, vault.WantKeep), vault.ErrRevision, "it was said again since")
	seen = wish(t, s.v)
	require.Equal(t, vault.WantErase, seen.Want)
	require.NoError(t, s.v.ReplaceWish(ctx, seen, vault.WantNothing))
	require.Zero(t, wish(t, s.v))
	require.ErrorIs(t, s.v.ReplaceWish(ctx, seen, vault.WantKeep), vault.ErrRevision)
	requireSound(t, s.Stage, s.person)
}

func TestRulesLiveThroughAChangeOfKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	rules := vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}}
	require.NoError(t, s.v.SetRules(t.Context(), rules))
	const next = "gato niru pesa fova"
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: true}))
	s.person.Password = next
	got, err := s.person.SignIn(t, s.Another(t, nil)).Rules(t.Context())
	require.NoError(t, err)
	require.Equal(t, rules.Kinds, got.Kinds)
}

// onlyNew is the one key that is in after and not in before.
func onlyNew(t testing.TB, before, after []string) string {
	t.Helper()
	old := map[string]bool{}
	for _, key := range before {
		old[key] = true
	}
	var fresh []string
	for _, key := range after {
		if !old[key] {
			fresh = append(fresh, key)
		}
	}
	require.Len(t, fresh, 1)
	return fresh[0]
}
