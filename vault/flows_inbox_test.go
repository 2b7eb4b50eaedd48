package vault_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// inboxFlow is an act on what others leave, with the town it happens in.
type inboxFlow struct {
	prepare func(t testing.TB, tn *town) func() error
	ends    bool // done in the end, whatever the answer was: the next sign-in does it
}

// inboxFlows are what a worker, who may add, and somebody who may only give do, and
// the taking in.
func inboxFlows() map[string]inboxFlow {
	leaveAll := func(t testing.TB, tn *town) {
		worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 3000))
		require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
		giver := tn.giver(t)
		leaveNote(t, giver, "note")
		_, err := giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "scan", MediaType: "image/png"}, bytes.NewReader(content(2, 3000)))
		require.NoError(t, err)
		_, err = giver.LeaveForged(t.Context(), vault.Forgery{Grant: "none", Content: content(3, 3000)})
		require.NoError(t, err)
	}
	return map[string]inboxFlow{
		"make a document private": {prepare: func(t testing.TB, tn *town) func() error {
			worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 3000))
			return func() error { return worker.MakePrivate(t.Context(), it.ID, 1) }
		}},
		"make a note private": {prepare: func(t testing.TB, tn *town) func() error {
			note, err := tn.v.AddNote(t.Context(), "note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Shared})
			require.NoError(t, err)
			worker, err := tn.open(t, tn.follow(t, vault.ScopeAdd))
			require.NoError(t, err)
			return func() error { return worker.MakePrivate(t.Context(), note.ID, 1) }
		}},
		"leave a document": {prepare: func(t testing.TB, tn *town) func() error {
			giver := tn.giver(t)
			return func() error {
				_, err := giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "scan", MediaType: "image/png"}, bytes.NewReader(content(2, 5*segment)))
				return err
			}
		}},
		"leave a note": {prepare: func(t testing.TB, tn *town) func() error {
			giver := tn.giver(t)
			return func() error {
				_, err := giver.LeaveNote(t.Context(), "note", vault.Note{Text: "text"}, vault.Place{})
				return err
			}
		}},
		"take in": {ends: true, prepare: func(t testing.TB, tn *town) func() error {
			leaveAll(t, tn)
			return func() error { _, err := tn.v.TakeIn(t.Context()); return err }
		}},
		"sign in when things wait": {ends: true, prepare: func(t testing.TB, tn *town) func() error {
			leaveAll(t, tn)
			return func() error { _, err := tn.Vaults.Unlock(t.Context(), tn.person.Secret()); return err }
		}},
	}
}

// watchedTown is a town of which every part can be made to fail.
func watchedTown(t testing.TB) (*watched, *town) {
	t.Helper()
	r := &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	w := newWatched(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return r, nil }})
	p := w.Person(t)
	return w, settled(t, &scene{Stage: w.Stage, person: p, v: p.Vault}, r)
}

// seen is everything that the person sees on a fresh service, once it is well again.
func (tn *town) seen(t testing.TB) []string {
	t.Helper()
	fresh := tn.Another(t, tn.opts())
	tn.register.service = fresh.Vaults
	return requireSoundOn(t, fresh, tn.person, tn.opts())
}

// Whatever fails while something is left, made private or taken in: it is there
// once and whole, or where it was, as the answer says; and nothing is left over.
func TestWhateverFailsWhatIsLeftIsThereOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	turn := 0
	for name, f := range inboxFlows() {
		turn++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tn := watchedTown(t)
			act := f.prepare(t, tn)
			var known states
			if !f.ends { // to look is to sign in, which takes in
				known.before = tn.seen(t)
				tn.register.service = tn.Vaults
			}
			require.NoError(t, act())
			known.after = tn.seen(t)
			if f.ends {
				known.before = known.after
				require.Len(t, known.after, 5)
			}
			for i, what := range faults {
				if what.rare && sized(0, 1) == 0 {
					continue
				}
				step := sized(7*what.every*slower, 2)
				for n, reached := 1+(turn+i)%step, true; reached; n += step {
					reached = apart(t, what.name, n, func(t *testing.T) bool { return f.fails(t, what, n, &known) })
				}
			}
		})
	}
}

func (f *inboxFlow) fails(t testing.TB, what fault, n int, known *states) bool {
	t.Helper()
	w, tn := watchedTown(t)
	act := f.prepare(t, tn)
	what.set(w, n)
	err := act()
	require.NoError(t, w.Vaults.Close())
	reached := w.failed()
	w.heal()
	which := fmt.Sprintf("%s fails at call %d and the answer is: %v", what.name, n, err)
	if err != nil {
		require.NotEmpty(t, vault.Code(err), which)
	}
	seen := tn.seen(t)
	switch answered(err) {
	case doneForSure:
		require.Equal(t, known.after, seen, which)
	case notDone:
		require.Equal(t, known.before, seen, which)
	default:
		require.Contains(t, [][]string{known.before, known.after}, seen, which)
	}
	stage := tn.Another(t, tn.opts())
	settle(t, stage)
	requireTidy(t, stage, w.blobs, tn.v.ID())
	return reached
}
