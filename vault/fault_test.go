package vault_test

import (
	"errors"
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

// flow is an act of a person. Whatever fails while it is done, the vault is
// afterwards as it was before or as it shall be then, and the answer says which.
type flow struct {
	opts *vaulttest.Options
	// prepare makes the person, with everything well, and returns the act.
	prepare func(t testing.TB, w *watched) (*vaulttest.Person, func() error)
	next    string // the password that the act sets
	erases  bool
	costly  int // how many times fewer faults are tried
}

// fault is one way in which somebody fails at the n-th call.
type fault struct {
	name  string
	set   func(w *watched, n int)
	rare  bool // only with RECONNECT_TEST_ALL=1
	every int  // otherwise each so manyth call
}

var faults = []fault{
	{name: "the store once", set: func(w *watched, n int) { w.store.FailAt(n, storage.ErrUnavailable, storagetest.Before) }, every: 2},
	{name: "the store from then on", set: func(w *watched, n int) { w.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before) }, every: 4},
	{name: "an answer to a commit", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, every: 1},
	{name: "all answers to commits", set: func(w *watched, n int) {
		w.store.FailFrom(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, every: 1},
	{name: "the line to the records after a commit", set: func(w *watched, n int) { w.line.cutAfter(n) }, every: 1},
	{name: "commits may have got lost", set: func(w *watched, n int) {
		w.store.FailFrom(n, storage.ErrUnknown, storagetest.Before, storagetest.Commit)
	}, every: 1},
	{name: "the answer to a blob", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.CloseBlob)
	}, every: 1},
	{name: "the answer to a deletion", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnavailable, storagetest.After, storagetest.DeleteBlob)
	}, every: 1},
	{name: "the witness once", set: func(w *watched, n int) { w.witness.failAt(n, n, storagetest.Before) }, every: 1},
	{name: "the witness from then on", set: func(w *watched, n int) { w.witness.failAt(n, math.MaxInt, storagetest.Before) }, every: 1},
	{name: "an answer of the witness", set: func(w *watched, n int) { w.witness.failAt(n, n, storagetest.After) }, every: 1},
	{name: "all answers of the witness", set: func(w *watched, n int) { w.witness.failAt(n, math.MaxInt, storagetest.After) }, rare: true, every: 1},
	{name: "the key service", set: func(w *watched, n int) { w.keeper.failAt(n, n, storagetest.Before) }, every: 1},
}

// states are what a person may see: before the act and after it.
type states struct{ before, after []string }

func TestWhateverFailsNothingIsLostOrHalfDone(t *testing.T) {
	t.Parallel()
	for name, f := range flows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known := f.healthy(t)
			for _, what := range faults {
				if what.rare && sized(0, 1) == 0 {
					continue
				}
				for n := 1; f.fails(t, what, n, known); n += sized(what.every*slower, 1) * max(1, f.costly) {
				}
			}
		})
	}
}

// healthy does the act once with everything well.
func (f *flow) healthy(t testing.TB) (s states) {
	t.Helper()
	w := newWatched(t, f.opts)
	p, act := f.prepare(t, w)
	s.before = requireSound(t, w.Stage, p)
	require.NoError(t, act())
	if f.next != "" {
		p.Password = f.next
	}
	if !f.erases {
		s.after = requireSound(t, w.Stage, p)
	}
	return s
}

// fails does the act on a vault of its own with one fault, and looks at what is
// left with everything well again. False if the act ended before the fault.
func (f *flow) fails(t testing.TB, what fault, n int, known states) bool {
	t.Helper()
	w := newWatched(t, f.opts)
	p, act := f.prepare(t, w)
	what.set(w, n)
	err := act()
	require.NoError(t, w.Vaults.Close()) // its process is gone, after its last reports
	reached := w.failed()
	w.heal()
	which := fmt.Sprintf("%s fails at call %d and the answer is: %v", what.name, n, err)
	if err != nil {
		require.NotEmpty(t, vault.Code(err), which)
	}
	stage := w.Another(t, nil)
	done := f.isDone(t, stage, p, err, which)
	if f.erases && done {
		passing(t, stage, 60*time.Hour)
		requireBuried(t, stage, w.blobs, p.Vault.ID())
		return reached
	}
	seen := requireSound(t, stage, p)
	switch {
	case answered(err) == doneForSure, f.next != "" && done:
		require.Equal(t, known.after, seen, which)
	case answered(err) == notDone:
		require.Equal(t, known.before, seen, which)
	default:
		require.Contains(t, [][]string{known.before, known.after}, seen, which)
	}
	settle(t, stage)
	requireTidy(t, stage, w.blobs, p.Vault.ID())
	return reached
}

// isDone signs in: of the old and the new password exactly one opens, and it is
// the one that the answer said. It leaves that one with the person.
func (f *flow) isDone(t testing.TB, stage *vaulttest.Stage, p *vaulttest.Person, answer error, which string) bool {
	t.Helper()
	if f.next == "" && !f.erases {
		return answered(answer) == doneForSure
	}
	_, oldErr := stage.Unlock(t.Context(), p.Secret())
	if oldErr != nil {
		require.ErrorIs(t, oldErr, vault.ErrSignIn, which)
		require.NotErrorIs(t, oldErr, vault.ErrTampered, which)
	}
	done := oldErr != nil
	if answered(answer) != unsure {
		require.Equal(t, answered(answer) == doneForSure, done, which)
	}
	if f.erases {
		return done
	}
	renewed := *p
	renewed.Password = f.next
	_, newErr := stage.Unlock(t.Context(), renewed.Secret())
	require.Equal(t, done, newErr == nil, "exactly one opens, but %v and %v; %s", oldErr, newErr, which)
	if done {
		p.Password = f.next
	}
	return done
}

type sureness int

const (
	notDone sureness = iota
	unsure
	doneForSure
)

// answered is what an answer promises.
func answered(err error) sureness {
	switch {
	case err == nil, errors.Is(err, vault.ErrUnconfirmed):
		return doneForSure
	case errors.Is(err, vault.ErrUnknown):
		return unsure
	}
	return notDone
}
