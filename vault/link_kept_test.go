package vault_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// The small pictures that a list makes of what strangers left, and what the person writes
// into it, were never counted against strangers: to keep or throw away the one keeps no
// other, and makes no room for more (LK11).
func TestWhatThePersonAddsToThingsOfStrangersGivesNoRoomToThem(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(v *vault.Vault, it vault.Item) error{
		"kept":      func(v *vault.Vault, it vault.Item) error { return v.KeepLeftItem(t.Context(), it.ID) },
		"destroyed": func(v *vault.Vault, it vault.Item) error { return v.Destroy(t.Context(), it.ID, it.Revision) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			l := depositLink(t, s.v, "Hôpital")
			for _, name := range []string{"a", "b"} {
				require.NoError(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: name}, bytes.NewReader(drawing(3000))))
			}
			v := s.person.SignIn(t, s.Stage)
			left := func() int64 {
				_, inbox, err := v.Links(t.Context())
				require.NoError(t, err)
				return inbox.Left
			}
			all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
			require.NoError(t, err)
			two := left()
			for i, it := range all {
				all[i], err = v.SetThumbnail(t.Context(), it.ID, it.Revision, picture(uint64(i), 9000))
				require.NoError(t, err)
			}
			require.NoError(t, keep(v, all[0]))
			require.InDelta(t, two/2, left(), 1000)
			o, err := v.Overview(t.Context())
			require.NoError(t, err)
			require.Contains(t, o.Notices, vault.NoticeLeftByLink, "the other is there, and nobody has kept it")
		})
	}
}

func TestALongNoteInAStrangersThingKeepsNoOther(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	l := depositLink(t, s.v, "Hôpital")
	for _, name := range []string{"a", "b"} {
		require.NoError(t, s.LeaveNoteByLink(t.Context(), l.Code, name, vault.Note{Text: "x"}, "web"))
	}
	v := s.person.SignIn(t, s.Stage)
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindNote})
	require.NoError(t, err)
	it, err := v.Edit(t.Context(), all[0].ID, all[0].Revision, vault.Edit{Note: &vault.Note{Text: strings.Repeat("x", 15_000)}})
	require.NoError(t, err)
	require.NoError(t, v.KeepLeftItem(t.Context(), it.ID))
	deposits, err := v.Deposits(t.Context())
	require.NoError(t, err)
	require.Len(t, deposits, 2)
	for _, d := range deposits {
		require.Equal(t, d.Item == it.ID, d.Kept)
	}
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.True(t, slices.Contains(o.Notices, vault.NoticeLeftByLink))
}
