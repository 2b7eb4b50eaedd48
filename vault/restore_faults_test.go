package vault_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func (w *faultyWitness) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	return w.call("keep", func() error { return w.Checkpoints.Keep(ctx, id, owner, side) })
}

func (w *faultyWitness) Restored(ctx context.Context, id [16]byte) (out []byte, err error) {
	err = w.call("restored", func() (err error) { out, err = w.Checkpoints.Restored(ctx, id); return err })
	return out, err
}

// Whatever fails while a restore is taken: it is taken once, and told.
func TestARestoreThatIsInterruptedIsTakenAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	type set func(store *storagetest.Faulty, w *faultyWitness, n int)
	for name, fail := range map[string]set{
		"the store once": func(s *storagetest.Faulty, _ *faultyWitness, n int) {
			s.FailAt(n, storage.ErrUnavailable, storagetest.Before)
		},
		"the store from then on": func(s *storagetest.Faulty, _ *faultyWitness, n int) {
			s.FailFrom(n, storage.ErrUnavailable, storagetest.Before)
		},
		"all answers to commits": func(s *storagetest.Faulty, _ *faultyWitness, n int) {
			s.FailFrom(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
		},
		"the witness once": func(_ *storagetest.Faulty, w *faultyWitness, n int) { w.failAt(n, n, storagetest.Before) },
		"the witness from then on": func(_ *storagetest.Faulty, w *faultyWitness, n int) {
			w.failAt(n, math.MaxInt, storagetest.Before)
		},
		"an answer of the witness": func(_ *storagetest.Faulty, w *faultyWitness, n int) { w.failAt(n, n, storagetest.After) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, met := 1, true; met; n += sized(2*slower-1, 1) {
				met = apart(t, "call", n, func(t *testing.T) bool { return interrupted(t, n, fail) })
			}
		})
	}
}

func interrupted(t *testing.T, n int, fail func(*storagetest.Faulty, *faultyWitness, int)) (met bool) {
	t.Helper()
	var driver storage.Driver
	r := newRestorable(t, vaulttest.New(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { driver = d; return d }}))
	paper := add(t, r.person.Vault, "kept", content(1, 700))
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.stage.Clock.Advance(time.Hour)
	addNote(t, r.signIn(t), "lost", "")
	r.putBack(t, day)
	r.state(t, 1, taken)

	faulty, w := storagetest.NewFaulty(driver), &faultyWitness{Checkpoints: r.witness, Limiter: r.witness}
	service := r.over(t, storage.New(faulty), r.keys(), w, w)
	fail(faulty, w, n)
	_, err := service.Unlock(t.Context(), r.person.Secret())
	require.NoError(t, service.Close())
	met = faulty.Failed() || w.hasFailed()
	faulty.Heal()

	which := fmt.Sprintf("call %d fails and the answer is: %v", n, err)
	r.stage.Clock.Advance(vaultWait)
	v := r.signIn(t)
	require.Equal(t, []string{"kept"}, papers(t, v), which)
	require.Equal(t, content(1, 700), read(t, v, paper.ID), which)
	require.Equal(t, taken, overview(t, v).RestoredTo, which)
	restores, err := v.Restores(t.Context())
	require.NoError(t, err)
	require.Len(t, restores, 1, which)
	lines := 0
	for _, e := range requireJournal(t, v) {
		if e.Act == vault.ActVaultRestored {
			lines++
		}
	}
	require.Equal(t, 1, lines, which)
	r.restart(t)
	latest, err := r.witness.Latest(t.Context(), r.id())
	require.NoError(t, err)
	require.EqualValues(t, 1, latest[0].Restore, "the witness knows that it was taken; %s", which)
	r.putBack(t, day)
	r.requireStale(t, r.Vaults, which)
	return met
}
