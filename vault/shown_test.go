package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

const lately = 10 * time.Minute

func TestTheSecretIsAskedForAgainAfterAWhileAndThenNotForAWhile(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	again := func() *vault.Vault { // another process, with the token alone
		v, err := s.restart(t).Resume(t.Context(), s.v.Token())
		require.NoError(t, err)
		return v
	}
	require.NoError(t, again().ShownLately(t.Context(), lately), "it was typed to come in")
	s.Clock.Advance(lately - time.Millisecond)
	require.NoError(t, again().ShownLately(t.Context(), lately))
	s.Clock.Advance(time.Millisecond)
	require.ErrorIs(t, again().ShownLately(t.Context(), lately), vault.ErrSecretAgain)
	require.ErrorIs(t, again().ShowSecret(t.Context(), vault.Secret{Password: "wrong wrong"}), vault.ErrSignIn)
	require.ErrorIs(t, again().ShownLately(t.Context(), lately), vault.ErrSecretAgain)

	require.NoError(t, again().ShowSecret(t.Context(), vault.Secret{Password: s.person.Password}))
	require.NoError(t, again().ShownLately(t.Context(), lately))
	s.Clock.Advance(lately)
	require.ErrorIs(t, again().ShownLately(t.Context(), lately), vault.ErrSecretAgain)

	card, err := again().NewAccessCard(t.Context(), vault.Secret{Password: s.person.Password}, "385206")
	require.NoError(t, err)
	require.NoError(t, again().ShowSecret(t.Context(), vault.Secret{Card: card.Code, PIN: "385206"}), "a card with its PIN does as well")
	require.NoError(t, again().ShownLately(t.Context(), lately))

	other := s.person.SignIn(t, s.Stage)
	s.Clock.Advance(lately)
	require.NoError(t, again().ShowSecret(t.Context(), vault.Secret{Password: s.person.Password}))
	require.ErrorIs(t, other.ShownLately(t.Context(), lately), vault.ErrSecretAgain, "in one session, not in another")
}

// A store that takes the note away, alters it, or gives that of another session, has the
// secret asked for.
func TestNoStoreMakesASecretShown(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Clock.Advance(lately)
	other := s.person.SignIn(t, s.Stage)
	require.NoError(t, other.ShowSecret(t.Context(), vault.Secret{Password: s.person.Password}))
	theirs := keys(t, s.Store, s.v.ID().String()+"/once/")
	require.Len(t, theirs, 1)
	require.NoError(t, s.v.ShowSecret(t.Context(), vault.Secret{Password: s.person.Password}))
	all := keys(t, s.Store, s.v.ID().String()+"/once/")
	require.Len(t, all, 2)
	mine := all[0]
	if mine == theirs[0] {
		mine = all[1]
	}
	require.True(t, strings.HasSuffix(mine, "/shown"))
	require.NoError(t, s.v.ShownLately(t.Context(), lately))

	rec, err := s.Store.Get(t.Context(), theirs[0])
	require.NoError(t, err)
	set(t, s.Store, mine, rec.Value)
	require.ErrorIs(t, s.v.ShownLately(t.Context(), lately), vault.ErrSecretAgain)
}
