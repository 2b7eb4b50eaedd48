package vault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// cardFlows are the acts with an access card and with a second factor.
func cardFlows() map[string]flow {
	return map[string]flow{
		"issue a card": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			_, err := p.Vault.NewAccessCard(t.Context(), vault.Secret{Password: p.Password}, pin)
			return err
		}).showing(cardState),
		"take a card back": withPaper(func(t testing.TB, _ *watched, p *vaulttest.Person) { issue(t, p) }, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.RevokeAccessCard(t.Context())
		}).showing(cardState),
		"sign in with a card": {besides: cardState, prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
			p := w.Person(t)
			add(t, p.Vault, "paper", content(1, 3000))
			card := issue(t, p)
			return p, func() error {
				_, err := w.UnlockCard(t.Context(), withCard(card, pin))
				return err
			}
		}},
		"sign in with a code": {besides: factorState, prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
			p := w.Person(t)
			p.Code = protect(t, w.Stage, p).next
			return p, func() error {
				_, err := w.Unlock(t.Context(), p.Secret())
				return err
			}
		}},
		"confirm a second factor": {besides: factorState, prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
			p := w.Person(t)
			a := enrol(t, w.Stage, p)
			p.Code = a.next
			return p, func() error { return p.Vault.ConfirmSecondFactor(t.Context(), a.code()) }
		}},
		"enrol another second factor": {besides: factorState, prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
			p := w.Person(t)
			p.Code = protect(t, w.Stage, p).next
			return p, func() error {
				_, err := p.Vault.EnrolSecondFactor(t.Context(), vault.Secret{Password: p.Password})
				return err
			}
		}},
	}
}

func cardState(t testing.TB, v *vault.Vault) string {
	t.Helper()
	state, err := v.AccessCardState(t.Context())
	require.NoError(t, err)
	return fmt.Sprint("card: ", state)
}

func factorState(t testing.TB, v *vault.Vault) string {
	t.Helper()
	has, err := v.HasSecondFactor(t.Context())
	require.NoError(t, err)
	return fmt.Sprint("second factor: ", has)
}

// eachFault does story with each so manyth call failing in turn, in every way.
func eachFault(t *testing.T, story func(t *testing.T, w *watched, arm func()) (reached bool)) {
	for turn, what := range faults {
		if what.rare && sized(0, 1) == 0 {
			continue
		}
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			step := sized(2*what.every*slower, 1)
			for n, reached := 1+turn%step, true; reached; n += step {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					w := newWatched(t, nil)
					return story(t, w, func() { what.set(w, n) })
				})
			}
		})
	}
}

// Whatever fails while a card takes the place of another, exactly one opens, and it
// is the one that the answer said.
func TestWhateverFailsOneCardOpens(t *testing.T) {
	t.Parallel()
	eachFault(t, func(t *testing.T, w *watched, arm func()) bool {
		p := w.Person(t)
		old := issue(t, p)
		arm()
		next, err := p.Vault.NewAccessCard(t.Context(), vault.Secret{Card: old.Code, PIN: pin}, "719403")
		require.NoError(t, w.Vaults.Close())
		reached := w.failed()
		w.heal()
		stage := w.Another(t, nil)
		_, oldErr := stage.UnlockCard(t.Context(), withCard(old, pin))
		if answered(err) != unsure {
			require.Equal(t, answered(err) == notDone, oldErr == nil, "%v, %v", err, oldErr)
		}
		if oldErr != nil {
			require.ErrorIs(t, oldErr, vault.ErrSignIn)
			require.NotErrorIs(t, oldErr, vault.ErrTampered)
		}
		if answered(err) == doneForSure {
			_, newErr := stage.UnlockCard(t.Context(), withCard(next, "719403"))
			require.NoError(t, newErr)
		} else {
			require.Zero(t, next, "no card that does not open is printed")
		}
		requireSound(t, stage, p)
		return reached
	})
}

// Whatever fails at a sign-in, no code lets two in, and no guess at a PIN is free.
func TestWhateverFailsACodeOpensOnceAndEveryGuessIsCounted(t *testing.T) {
	t.Parallel()
	eachFault(t, func(t *testing.T, w *watched, arm func()) bool {
		p := w.Person(t)
		card := issue(t, p)
		a := protect(t, w.Stage, p)
		w.Clock.Advance(vaultWait)
		code := a.code()
		arm()
		_, first := w.Unlock(t.Context(), withCode(p, code))
		_, guess := w.UnlockCard(t.Context(), withCard(card, "999991"))
		require.Error(t, guess)
		require.NoError(t, w.Vaults.Close())
		reached := w.failed()
		w.heal()
		stage := w.Another(t, nil)
		_, second := stage.Unlock(t.Context(), withCode(p, code))
		require.False(t, first == nil && second == nil, "one code let two in")
		w.Clock.Advance(vaultWait)
		v, err := stage.Unlock(t.Context(), withCode(p, a.code()))
		require.NoError(t, err)
		if guess != nil && vault.Code(guess) == "sign-in" { // it was evaluated
			opened, err := stage.UnlockCard(t.Context(), withCard(card, pin))
			require.NoError(t, err)
			require.Contains(t, acts(t, opened, 3), string(vault.ActSignInFailed))
		}
		require.NotNil(t, v)
		return reached
	})
}
