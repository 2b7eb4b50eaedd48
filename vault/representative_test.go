package vault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func TestAMinorHasARepresentativeUntilTheyAreOfAge(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	all, err := s.v.Representatives(ctx)
	require.NoError(t, err)
	require.Empty(t, all)
	r := vault.Representative{Name: " Aïcha ", Relation: "mother", RecordedBy: "CCAS, family record book", Until: "2027-05-01"}
	require.NoError(t, s.v.SetRepresentative(ctx, r))
	require.NoError(t, s.v.SetRepresentative(ctx, vault.Representative{Name: "Département", Relation: "guardian", RecordedBy: "judge", Until: "2026-03-03"}))
	r.Name, r.Recorded = "Aïcha", s.Clock.Now()
	all, err = s.person.SignIn(t, s.Another(t, nil)).Representatives(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, r, all[0])
	require.False(t, all[1].Past, "on the eve")

	s.Clock.Set(time.Date(2027, 4, 30, 23, 59, 59, 0, time.UTC))
	s.v = s.person.SignIn(t, s.Stage)
	past := func() (out []bool) {
		all, err := s.v.Representatives(ctx)
		require.NoError(t, err)
		for _, r := range all {
			out = append(out, r.Past)
		}
		return out
	}
	require.Equal(t, []bool{false, true}, past())
	s.Clock.Advance(time.Second)
	require.Equal(t, []bool{true, true}, past(), "it ends by itself, and is shown")
	s.Clock.Set(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)) // the clock was wrong
	s.v = s.person.SignIn(t, s.Stage)
	require.Equal(t, []bool{false, true}, past())

	r.Relation = "aunt" // the same name again replaces
	require.NoError(t, s.v.SetRepresentative(ctx, r))
	all, err = s.v.Representatives(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "aunt", all[1].Relation)
	require.ErrorIs(t, s.v.RemoveRepresentative(ctx, "nobody"), vault.ErrNotFound)
	require.NoError(t, s.v.RemoveRepresentative(ctx, "Aïcha "))
	require.Equal(t, []bool{true}, past())
	require.Contains(t, acts(t, s.v, 4), string(vault.ActRepresentativeGone))
}

func TestRepresentativesAreFewAndComplete(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	ctx := t.Context()
	good := vault.Representative{Name: "N", Relation: "R", RecordedBy: "B", Until: "2030-01-01"}
	for field, spoil := range map[string]func(r *vault.Representative){
		"name": func(r *vault.Representative) { r.Name = "\x00" }, "relation": func(r *vault.Representative) { r.Relation = "" },
		"recordedBy": func(r *vault.Representative) { r.RecordedBy = strings.Repeat("x", 201) }, "until": func(r *vault.Representative) { r.Until = "" },
	} {
		bad := good
		spoil(&bad)
		requireInvalid(t, s.v.SetRepresentative(ctx, bad), field)
	}
	for _, day := range []vault.Date{"2026-02-30", "tomorrow", "2026-03-02", "1989-01-01"} { // today is not the future
		bad := good
		bad.Until = day
		requireInvalid(t, s.v.SetRepresentative(ctx, bad), "until")
	}
	for n := range vault.MaxRepresentatives {
		r := good
		r.Name = fmt.Sprint("N", n)
		if n == 3 {
			r.Until = "2028-01-01"
		}
		require.NoError(t, s.v.SetRepresentative(ctx, r))
	}
	good.Name = "one more"
	require.ErrorIs(t, s.v.SetRepresentative(ctx, good), vault.ErrTooMany)
	s.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
	s.v = s.person.SignIn(t, s.Stage)
	require.NoError(t, s.v.SetRepresentative(ctx, good), "who is past makes room")
	all, err := s.v.Representatives(ctx)
	require.NoError(t, err)
	require.Len(t, all, vault.MaxRepresentatives)
	require.Equal(t, "one more", all[len(all)-1].Name)
	for _, r := range all {
		require.NotEqual(t, "N3", r.Name)
	}
	_, err = s.v.CloseAccount(ctx, s.person.Password)
	require.NoError(t, err)
	require.ErrorIs(t, s.v.SetRepresentative(ctx, good), vault.ErrClosing)
}
