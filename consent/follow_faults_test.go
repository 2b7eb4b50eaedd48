package consent_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// broken is a witness that does not answer one call: the n-th from now, before or
// after it has done its work.
type broken struct {
	vault.Checkpoints
	calls, at atomic.Int64
	after     atomic.Bool
	away      atomic.Bool
}

var errNoAnswer = errors.New("no answer")

func (w *broken) failAt(n int, after bool) {
	w.calls.Store(0)
	w.at.Store(int64(n))
	w.after.Store(after)
}

func (w *broken) fails() bool { return w.calls.Add(1) == w.at.Load() || w.away.Load() }

func (w *broken) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if w.fails() {
		return nil, errNoAnswer
	}
	return w.Checkpoints.Latest(ctx, id)
}

func (w *broken) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	fails := w.fails()
	if fails && !w.after.Load() {
		return nil, errNoAnswer
	}
	out, err := w.Checkpoints.Raise(ctx, id, heads, owner, durable)
	if fails {
		return nil, errNoAnswer
	}
	return out, err
}

func (w *broken) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	fails := w.fails()
	if fails && !w.after.Load() {
		return errNoAnswer
	}
	err := w.Checkpoints.Keep(ctx, id, owner, side)
	if fails {
		return errNoAnswer
	}
	return err
}

// faulty is a town whose store and witness fail when they are told to.
type faulty struct {
	*town
	store   *storagetest.Faulty
	witness *broken
}

func newFaulty(t testing.TB) *faulty {
	f := &faulty{}
	f.town = newTown(t, &vaulttest.Options{
		Driver:      func(d storage.Driver) storage.Driver { f.store = storagetest.NewFaulty(d); return f.store },
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { f.witness = &broken{Checkpoints: c}; return f.witness },
	})
	return f
}

// flows are what a person and a relay do with each other: each leaves what it
// promises, or what was before, whatever call fails.
var flows = map[string]struct {
	before func(t testing.TB, f *faulty)
	do     func(ctx context.Context, f *faulty) error
}{
	"follow": {
		do: func(ctx context.Context, f *faulty) error {
			_, err := f.service.Follow(ctx, f.amina.Vault, f.yes(), f.secret())
			return err
		},
	},
	"withdraw": {
		before: func(t testing.TB, f *faulty) { f.follow(t) },
		do: func(ctx context.Context, f *faulty) error {
			all, err := f.amina.Vault.Grants(ctx)
			if err != nil {
				return err
			}
			secret := f.secret()
			_, err = f.service.Withdraw(ctx, f.amina.Vault, all[0].ID, &secret)
			return err
		},
	},
	"visit": {
		do: func(ctx context.Context, f *faulty) error {
			p, err := f.centre.worker.Worker.At(ctx, f.centre.relay.ID)
			if err != nil {
				return err
			}
			defer p.Close()
			code, err := p.VisitCode(ctx)
			if err != nil {
				return err
			}
			_, err = f.service.Visit(ctx, f.amina.Vault, consent.NewVisit{Code: code.String(), Lasts: time.Hour, Notice: testNotice, Agreed: true, Name: "Amina"}, f.secret())
			return err
		},
	},
	"take in": {
		before: func(t testing.TB, f *faulty) { f.follow(t) },
		do: func(ctx context.Context, f *faulty) error {
			p, err := f.centre.worker.Worker.At(ctx, f.centre.relay.ID)
			if err != nil {
				return err
			}
			defer p.Close()
			_, err = p.People(ctx)
			return err
		},
	},
}

// step says how coarse a sweep is, unless everything is asked for.
func step(calls int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return 1
	}
	return max(1, calls/3)
}

func TestAFaultLeavesWhatWasOrWhatWasPromised(t *testing.T) {
	t.Parallel()
	for name, flow := range flows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t)
			if flow.before != nil {
				flow.before(t, f)
			}
			f.store.Heal()
			f.witness.failAt(0, false)
			require.NoError(t, flow.do(t.Context(), f))
			stored, witnessed := f.store.Calls(), int(f.witness.calls.Load())
			refused := 0
			for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
				for n := 1; n <= stored; n += step(stored) {
					f := newFaulty(t)
					if flow.before != nil {
						flow.before(t, f)
					}
					f.store.FailAt(n, storage.ErrUnknown, when)
					err := flow.do(t.Context(), f)
					f.store.Heal()
					f.isWhole(t, err)
					if err != nil {
						refused++
					}
				}
			}
			for _, after := range []bool{false, true} {
				for n := 1; n <= witnessed; n += step(witnessed) {
					f := newFaulty(t)
					if flow.before != nil {
						flow.before(t, f)
					}
					f.witness.failAt(n, after)
					err := flow.do(t.Context(), f)
					f.witness.failAt(0, false)
					f.isWhole(t, err)
					if err != nil {
						refused++
					}
				}
			}
			require.Positive(t, refused)
		})
	}
}

// isWhole says that after a fault everybody sees the same: what the person's papers
// call in force is what opens, and nothing else; and that repeating is possible.
func (f *faulty) isWhole(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		require.NotEmpty(t, vault.Code(err), "a typed error, not %v", err)
	}
	f.Clock.Advance(31 * time.Second) // the witness is asked again
	v := f.amina.SignIn(t, f.Stage.Stage)
	followers, err := f.service.Followers(t.Context(), v)
	require.NoError(t, err)
	_, err = f.service.Receipts(t.Context(), v)
	require.NoError(t, err)
	post := f.again(t)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	visits, err := post.Visits(t.Context())
	require.NoError(t, err)
	follows, shows := 0, 0
	for _, one := range followers {
		switch {
		case one.InForce && one.Visit:
			shows++
		case one.InForce:
			follows++
		}
	}
	require.Len(t, people, follows)
	require.Len(t, visits, shows)
	for _, one := range people {
		opened, err := post.Open(t.Context(), one.Vault, aboutHousing)
		require.NoError(t, err)
		_, err = opened.List(t.Context(), nil)
		require.NoError(t, err)
	}
	for _, one := range visits {
		_, err := post.OpenVisit(t.Context(), one.Grant, aboutHousing)
		require.NoError(t, err)
	}
	if follows == 0 {
		_, err = f.service.Follow(t.Context(), v, f.yes(), f.secret())
		require.NoError(t, err)
		people, err = post.People(t.Context())
		require.NoError(t, err)
		require.Len(t, people, 1)
	}
}
