package vault_test

import (
	"errors"
	"fmt"
	"math"
	"os"
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
	// besides says what of the account the act changes that look does not show.
	besides func(t testing.TB, v *vault.Vault) string
}

// engine is what a flow runs on.
type engine struct {
	name   string
	onDisk bool // SQLite and files; otherwise in memory
}

var engines = []engine{{name: "in memory"}, {name: "on disk", onDisk: true}}

// steps says which of so many calls to fail: one of the first, and then each so manyth. With
// RECONNECT_FAULTS=all each, on disk too, which takes minutes.
func (e engine) steps(f *flow, what fault, turn, calls int) (first, step int) {
	step = max(1, f.costly)
	switch {
	case os.Getenv("RECONNECT_FAULTS") == "all":
	case !e.onDisk:
		step *= sized(4*what.every*slower, 1)
	default:
		step *= sized(1000, 19)
	}
	return 1 + turn%max(1, min(step, calls)), step
}

// tries says whether a flow is tried on an engine with a fault.
func (e engine) tries(what fault, turn int) bool {
	return (!what.rare || sized(0, 1) == 1) && (!e.onDisk || sized(turn%16, 0) == 0)
}

// stage sets a stage for one run of a flow.
func (e engine) stage(t testing.TB, f *flow) *watched {
	t.Helper()
	opts := vaulttest.Options{}
	if f.opts != nil {
		opts = *f.opts
	}
	if e.onDisk {
		opts.Folder = t.TempDir()
	}
	return newWatched(t, &opts)
}

// fault is one way in which somebody fails at the n-th call.
type fault struct {
	name  string
	set   func(w *watched, n int)
	rare  bool                 // only with RECONNECT_TEST_ALL=1
	every int                  // otherwise each so manyth call
	of    func(w *watched) int // how many calls could fail so
}

func callsOf(ops ...storagetest.Op) func(*watched) int {
	return func(w *watched) int { return w.store.Calls(ops...) }
}

func callsOfWitness(w *watched) int { return w.witness.made() }
func callsOfKeeper(w *watched) int  { return w.keeper.made() }

// changingNothing are the calls of the store that only look.
var changingNothing = []storagetest.Op{
	storagetest.Get, storagetest.Scan, storagetest.CreateBlob, storagetest.WriteBlob, storagetest.OpenBlob, storagetest.ReadBlob, storagetest.SizeBlob,
}

var faults = []fault{
	{name: "the store once", set: func(w *watched, n int) { w.store.FailAt(n, storage.ErrUnavailable, storagetest.Before) }, every: 2, of: callsOf()},
	{name: "the store from then on", set: func(w *watched, n int) { w.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before) }, every: 4, of: callsOf()},
	{name: "an answer to a commit", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, every: 1, of: callsOf(storagetest.Commit)},
	{name: "all answers to commits", set: func(w *watched, n int) {
		w.store.FailFrom(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, every: 1, of: callsOf(storagetest.Commit)},
	{name: "the line to the records after a commit", set: func(w *watched, n int) { w.line.cutAfter(n) }, every: 1, of: callsOf(storagetest.Commit)},
	{name: "commits may have got lost", set: func(w *watched, n int) {
		w.store.FailFrom(n, storage.ErrUnknown, storagetest.Before, storagetest.Commit)
	}, every: 1, of: callsOf(storagetest.Commit)},
	{name: "the answer to a blob", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.CloseBlob)
	}, every: 1, of: callsOf(storagetest.CloseBlob)},
	{name: "the answer to a deletion", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnavailable, storagetest.After, storagetest.DeleteBlob)
	}, every: 1, of: callsOf(storagetest.DeleteBlob)},
	{name: "the witness once", set: func(w *watched, n int) { w.witness.failAt(n, n, storagetest.Before) }, every: 1, of: callsOfWitness},
	{name: "the witness from then on", set: func(w *watched, n int) { w.witness.failAt(n, math.MaxInt, storagetest.Before) }, every: 1, of: callsOfWitness},
	{name: "an answer of the witness", set: func(w *watched, n int) { w.witness.failAt(n, n, storagetest.After) }, every: 1, of: callsOfWitness},
	{name: "all answers of the witness", set: func(w *watched, n int) { w.witness.failAt(n, math.MaxInt, storagetest.After) }, rare: true, every: 1, of: callsOfWitness},
	{name: "the key service", set: func(w *watched, n int) { w.keeper.failAt(n, n, storagetest.Before) }, every: 1, of: callsOfKeeper},
	{name: "the key service from then on", set: func(w *watched, n int) { w.keeper.failAt(n, math.MaxInt, storagetest.Before) }, rare: true, every: 1, of: callsOfKeeper},
	{name: "an answer of the key service", set: func(w *watched, n int) { w.keeper.failAt(n, n, storagetest.After) }, rare: true, every: 1, of: callsOfKeeper},
	{name: "the answer to a call that changes nothing", set: func(w *watched, n int) {
		w.store.FailAt(n, storage.ErrUnavailable, storagetest.After, changingNothing...)
	}, rare: true, every: 1, of: callsOf(changingNothing...)},
}

// states are what a person may see: before the act and after it.
type states struct{ before, after []string }

func TestWhateverFailsNothingIsLostOrHalfDone(t *testing.T) {
	t.Parallel()
	turn := 0
	for name, f := range flows() {
		for _, e := range engines {
			turn++
			t.Run(name+" "+e.name, func(t *testing.T) {
				t.Parallel()
				f.failsInTurn(t, e, turn)
			})
		}
	}
}

// failsInTurn fails every call of the act that the engine wants failed.
func (f *flow) failsInTurn(t *testing.T, e engine, turn int) {
	var known *states
	var calls map[string]int
	for i, what := range faults {
		if !e.tries(what, turn+i) {
			continue
		}
		if known == nil {
			known, calls = f.healthy(t, e), f.counts(t, e)
		}
		first, step := e.steps(f, what, turn+i, calls[what.name])
		for n := first; n <= calls[what.name]; n += step {
			apart(t, what.name, n, func(t *testing.T) bool { return f.fails(t, e, what, n, known) })
		}
	}
}

// apart tries one call as a test of its own, so that what it had goes at once.
func apart(t *testing.T, what string, n int, try func(t *testing.T) (reached bool)) (reached bool) {
	t.Run(fmt.Sprint(what, " ", n), func(t *testing.T) { reached = try(t) })
	return reached
}

// counts are how many calls the act makes that each fault could meet.
func (f *flow) counts(t *testing.T, e engine) map[string]int {
	calls := map[string]int{}
	apart(t, "calls", 0, func(t *testing.T) bool {
		w := e.stage(t, f)
		_, act := f.prepare(t, w)
		w.heal()
		require.NoError(t, act())
		require.NoError(t, w.Vaults.Close())
		for _, what := range faults {
			calls[what.name] = what.of(w)
		}
		return true
	})
	return calls
}

// sees is everything that the person sees, on a vault that is sound.
func (f *flow) sees(t testing.TB, stage *vaulttest.Stage, p *vaulttest.Person) []string {
	t.Helper()
	seen := requireSound(t, stage, p)
	if f.besides != nil {
		v := p.SignIn(t, stage.Another(t, nil))
		defer v.Close()
		seen = append(seen, f.besides(t, v))
	}
	return seen
}

// healthy does the act once with everything well.
func (f *flow) healthy(t *testing.T, e engine) *states {
	s := &states{}
	apart(t, "well", 0, func(t *testing.T) bool {
		w := e.stage(t, f)
		p, act := f.prepare(t, w)
		s.before = f.sees(t, w.Stage, p)
		require.NoError(t, act())
		if f.next != "" {
			p.Password = f.next
		}
		if !f.erases {
			s.after = f.sees(t, w.Stage, p)
		}
		return true
	})
	return s
}

// fails does the act on a vault of its own with one fault, and looks at what is
// left with everything well again. False if the act ended before the fault.
func (f *flow) fails(t testing.TB, e engine, what fault, n int, known *states) bool {
	t.Helper()
	w := e.stage(t, f)
	p, act := f.prepare(t, w)
	what.set(w, n)
	err := act()
	require.NoError(t, w.Vaults.Close()) // its process is gone, after its last reports
	reached := w.failed()
	w.heal()
	f.requireOneOf(t, w, p, known, err, fmt.Sprintf("%s fails at call %d and the answer is: %v", what.name, n, err))
	return reached
}

// requireOneOf demands that the act was done or not, as it answered, and that
// nothing else is left of it.
func (f *flow) requireOneOf(t testing.TB, w *watched, p *vaulttest.Person, known *states, err error, which string) {
	t.Helper()
	if err != nil {
		require.NotEmpty(t, vault.Code(err), which)
	}
	stage := w.Another(t, nil)
	done := f.isDone(t, stage, p, err, which)
	if f.erases && done {
		passing(t, stage, 60*time.Hour)
		requireBuried(t, stage, w.blobs, p.Vault.ID())
		return
	}
	seen := f.sees(t, stage, p)
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
