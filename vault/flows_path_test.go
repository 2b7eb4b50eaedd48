package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// elsewhere is another process over the same data, with everything well.
func (h *helped) elsewhere(t testing.TB) *vaulttest.Stage {
	t.Helper()
	r := *h.register
	o := organised{of: h.organisations, register: &r}
	stage := h.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return o, nil }})
	r.service = stage.Vaults
	return stage
}

// forgotten is somebody whose way back in does not open what is private.
type forgotten struct {
	*helped
	w     *watched
	proof vault.PathProof
	old   string
	diary vault.Item
}

func newForgotten(t testing.TB) *forgotten { return newForgottenOn(t, nil) }

func newForgottenOn(t testing.TB, opts *vaulttest.Options) *forgotten {
	t.Helper()
	w := &watched{}
	f := &forgotten{w: w, helped: newHelpedOn(t, w.wraps(opts))}
	w.Stage = f.Stage
	addTo(t, f.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, content(1, 700))
	f.diary = addTo(t, f.v, vault.NewDocument{Name: "Diary"}, content(2, 700))
	f.old = f.person.Password
	f.proof = f.helped.proof(t, vault.PathAnswersRelay, f.enrol(t, vault.PathAnswersRelay, false))
	return f
}

// comesBack opens what was locked, with everything well, and demands that nothing is lost.
func (f *forgotten) comesBack(t testing.TB, stage *vaulttest.Stage) {
	t.Helper()
	v := f.person.SignIn(t, stage)
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	if o.Locked > 0 {
		require.Equal(t, []string{"Letter"}, papers(t, v))
		_, err = v.OpenLocked(t.Context(), vault.Secret{Password: f.old}, f.secret(), nil)
		require.NoError(t, err)
	}
	v = f.person.SignIn(t, stage)
	require.Equal(t, []string{"Diary", "Letter"}, papers(t, v))
	require.Equal(t, content(2, 700), read(t, v, f.diary.ID))
	requireBooks(t, stage, v.ID())
	require.Empty(t, keys(t, stage.Store, v.ID().String()+"/l/"))
	_, err = v.OpenLocked(t.Context(), vault.Secret{Password: f.old}, f.secret(), nil)
	require.ErrorIs(t, err, vault.ErrNotFound)
}

const afterwards = "fomi tade vuko lera"

// Whatever fails while somebody comes back in, they are in with the new password, or out
// as before with a path that still works; and nothing of theirs is lost.
func TestWhateverFailsARecoveryHappensOrDoesNot(t *testing.T) {
	t.Parallel()
	eachPathFault(t, func(t *testing.T, arm func(w *watched)) bool {
		f := newForgotten(t)
		arm(f.w)
		_, err := f.Vaults.Recover(t.Context(), vault.Recovery{Vault: f.v.ID(), Proof: f.proof, Password: afterwards})
		_ = f.Vaults.Close()
		reached := f.w.failed()
		f.w.heal()
		stage := f.elsewhere(t)
		f.person.Password = afterwards
		if _, signIn := stage.Unlock(t.Context(), f.person.Secret()); signIn != nil {
			require.ErrorIs(t, signIn, vault.ErrSignIn)
			require.NotEqual(t, doneForSure, answered(err), "%v", err)
			f.person.Password = f.old
			require.Equal(t, []string{"Diary", "Letter"}, papers(t, f.person.SignIn(t, stage)), "out, and as before")
			f.person.Password = afterwards
			_, err = stage.Recover(t.Context(), vault.Recovery{Vault: f.v.ID(), Proof: f.proof, Password: afterwards})
			require.NoError(t, err, "and the path still works")
		}
		f.comesBack(t, stage)
		return reached
	})
}

// Whatever fails while what was locked comes back, it is locked still or all there.
func TestWhateverFailsWhatIsLockedComesBackWhole(t *testing.T) {
	t.Parallel()
	eachPathFault(t, func(t *testing.T, arm func(w *watched)) bool {
		f := newForgotten(t)
		f.person.Password = afterwards
		v, err := f.Vaults.Recover(t.Context(), vault.Recovery{Vault: f.v.ID(), Proof: f.proof, Password: afterwards})
		require.NoError(t, err)
		arm(f.w)
		_, err = v.OpenLocked(t.Context(), vault.Secret{Password: f.old}, f.secret(), nil)
		_ = f.Vaults.Close()
		reached := f.w.failed()
		f.w.heal()
		stage := f.elsewhere(t)
		if err == nil {
			require.Equal(t, []string{"Diary", "Letter"}, papers(t, f.person.SignIn(t, stage)))
		}
		require.NotEqual(t, "", vault.Code(orNil(err)), "%v", err)
		f.comesBack(t, stage)
		return reached
	})
}

// Whatever fails at an enrolment, the path is there or not, and says so; nobody is
// locked out.
func TestWhateverFailsAPathIsEnrolledOrNot(t *testing.T) {
	t.Parallel()
	eachPathFault(t, func(t *testing.T, arm func(w *watched)) bool {
		w := &watched{}
		h := newHelpedOn(t, w.wraps(nil))
		w.Stage = h.Stage
		n := vault.NewPath{Kind: vault.PathSheetRelay, ID: vault.NewPathID(), Own: content(7, 32), Private: true}
		arm(w)
		err := h.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, h.secret())
		_ = h.Vaults.Close()
		reached := w.failed()
		w.heal()
		stage := h.elsewhere(t)
		all, listErr := h.person.SignIn(t, stage).Paths(t.Context())
		require.NoError(t, listErr)
		switch answered(err) {
		case doneForSure:
			require.Len(t, all, 1)
		case notDone:
			require.Empty(t, all, "%v", err)
		}
		if len(all) > 0 {
			require.Equal(t, []vault.ID{h.relay.ID()}, all[0].Helpers)
		}
		return reached
	})
}

func eachPathFault(t *testing.T, story func(t *testing.T, arm func(w *watched)) (reached bool)) {
	for turn, what := range faults {
		if what.rare && sized(0, 1) == 0 {
			continue
		}
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			step := sized(24*what.every*slower, 9*what.every)
			for n, reached := 1+turn%step, true; reached; n += step {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					return story(t, func(w *watched) { what.set(w, n) })
				})
			}
		})
	}
}
