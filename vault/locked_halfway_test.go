package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// What joins needs no secret any more, however much of it has not joined yet.
func TestWhatIsJoiningIsNotCountedAsLocked(t *testing.T) {
	t.Parallel()
	for name, commits := range map[string]int{"nothing has joined": 0, "some has": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLarge(t, nil, pagesOfMany, 1)
			_, err := l.comeBack(t, l.Stage)
			require.NoError(t, err)
			l.person.Password = afterwards
			v := l.person.SignIn(t, l.elsewhere(t))
			require.Equal(t, 2, overview(t, v).Locked)
			require.NoError(t, v.BeginOpenLocked(t.Context(), vault.Secret{Password: l.old}, l.secret(), commits))
			require.Zero(t, overview(t, v).Locked)
		})
	}
}

// The service stops in the middle of a join, and the person forgets the new password, too:
// all that was private opens with the password of when it was locked last.
func TestWhatWasJoiningAtAnotherRecoveryIsReachable(t *testing.T) {
	t.Parallel()
	for name, commits := range map[string]int{"nothing had joined": 0, "some had": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturned(t, 1)
			poem := add(t, r.signIn(t), "private after", content(4, 700))
			r.all = append(r.all, poem.ID)
			proof := r.proof(t)
			v := r.signIn(t)
			require.NoError(t, v.BeginOpenLocked(t.Context(), r.before, r.now(), commits))
			r.before = r.now()
			r.recoverBy(t, proof, "a third password")
			v = r.signIn(t)
			require.NotZero(t, overview(t, v).Locked, "it needs the password of before")
			r.open(t, r.before)
			r.requireAll(t, r.signIn(t))
			require.Equal(t, content(4, 700), read(t, r.signIn(t), poem.ID))
		})
	}
}
