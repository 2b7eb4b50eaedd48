package quota_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

// keep settles an upload, or charges a note, together with its item, whose value
// says how many bytes it stands for.
func (b *books) keep(item string, bytes int64, pay func(tx *storage.Tx) error) error {
	return b.do(func(tx *storage.Tx) error {
		tx.PutUnique("v1/i/"+item, []byte(strconv.FormatInt(bytes, 10)))
		return pay(tx)
	})
}

type step func() error

// inTurn ends at the first error, as a process that dies there.
func inTurn(steps ...[]step) error {
	for _, s := range slices.Concat(steps...) {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

func (b *books) uploads() []step {
	return []step{
		// A paper of unknown length, which arrives slowly.
		func() error { _, err := b.reserveUpTo("kept", 8); return err },
		func() error { _, err := b.growUpTo("kept", 16); return err },
		func() error { b.clock.forward(50 * time.Minute); _, err := b.renew("kept"); return err },
		func() error { return b.write("kept", 12) },
		func() error {
			return b.keep("kept", 12, func(tx *storage.Tx) error { return b.q.Settle(tx, vault, "kept", 12) })
		},
		// One that is given up.
		func() error { _, err := b.reserve("cancelled", 20); return err },
		func() error { return b.write("cancelled", 20) },
		func() error { return b.blobs.Delete(b.ctx, blobOf("cancelled")) },
		func() error { return b.cancel("cancelled") },
	}
}

// abandoned is an upload whose writer dies, and its end.
func (b *books) abandoned() []step {
	return []step{
		func() error { _, err := b.reserve("abandoned", 30); return err },
		func() error { return b.write("abandoned", 30) },
		func() error { b.clock.forward(3 * time.Hour); return b.trySweep() },
	}
}

func (b *books) notesAndMore() []step {
	return []step{
		// A note that comes and goes.
		func() error {
			return b.keep("note", 3, func(tx *storage.Tx) error { return b.q.Charge(tx, vault, 3) })
		},
		func() error {
			return b.do(func(tx *storage.Tx) error {
				tx.Delete("v1/i/note")
				return b.q.Charge(tx, vault, -3)
			})
		},
		// More.
		func() error { _, err := b.ask("sealed"); return err },
		func() error {
			_, err := b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
			return err
		},
	}
}

// checkNextDay looks at what is left when a sweeper has been there.
func (b *books) checkNextDay(t *testing.T, at string) {
	b.clock.forward(24 * time.Hour)
	b.sweep()
	var sum int64
	for r, err := range b.store.All(b.ctx, "v1/i/") {
		require.NoError(t, err)
		bytes, err := strconv.ParseInt(string(r.Value), 10, 64)
		require.NoError(t, err)
		sum += bytes
	}
	u := b.usage()
	require.Equal(t, quota.Usage{Limit: u.Limit, Used: sum, Left: u.Limit - sum}, u, at)
	require.Empty(t, b.keys("due/"), at)
	require.Empty(t, b.keys(quota.ReservationPrefix(vault)), at)
	require.False(t, b.stored("abandoned"), at)
	require.False(t, b.stored("cancelled"), at)
	require.Equal(t, len(b.keys("v1/i/kept")) == 1, b.stored("kept"), at)

	for _, inc := range b.pending() { // the operator clicks again
		_, err := b.decide(quota.Decision{Number: inc.Number, Approve: true, By: "Anne"})
		require.NoError(t, err, at)
	}
	all := b.increases()
	require.LessOrEqual(t, len(all), 1, at)
	require.EqualValues(t, 100*(1+len(all)), b.usage().Limit, at)
}

func TestAnyFailureOfTheStoreLeavesTheBooksExact(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		when storagetest.When
		down bool // for good, not one call only
		ops  []storagetest.Op
	}{
		"one call fails":              {err: storage.ErrUnavailable},
		"the store is down":           {err: storage.ErrUnavailable, down: true},
		"the disk is full":            {err: storage.ErrNoSpace, down: true, ops: []storagetest.Op{storagetest.Commit}},
		"a commit is lost":            {err: storage.ErrUnknown, ops: []storagetest.Op{storagetest.Commit}},
		"the answer is lost":          {err: storage.ErrUnknown, when: storagetest.After, ops: []storagetest.Op{storagetest.Commit}},
		"all answers are lost":        {err: storage.ErrUnknown, when: storagetest.After, down: true, ops: []storagetest.Op{storagetest.Commit}},
		"somebody was faster, once":   {err: storage.ErrConflict, ops: []storagetest.Op{storagetest.Commit}},
		"an answer to a read is lost": {err: storage.ErrUnavailable, when: storagetest.After, ops: []storagetest.Op{storagetest.Get, storagetest.Scan}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				faulty := storagetest.NewFaulty(memstore.New())
				b := openBooksOn(t, faulty, quota.Config{Allowance: 100})
				if c.down {
					faulty.FailFrom(n, c.err, c.when, c.ops...)
				} else {
					faulty.FailAt(n, c.err, c.when, c.ops...)
				}
				err := inTurn(b.uploads(), b.abandoned(), b.notesAndMore())
				reached := faulty.Failed()
				faulty.Heal()
				if !reached {
					require.NoError(t, err)
					require.Greater(t, n, 10, "the day has that many calls")
					break
				}
				if err != nil {
					require.True(t, errors.Is(err, c.err) || errors.Is(err, storage.ErrUnknown), "call %d: %v", n, err)
				}
				b.checkNextDay(t, fmt.Sprintf("call %d of kind %v failed with: %v", n, c.ops, err))
			}
		})
	}
}

// Every commit of a writer holds something unique, so that a lost answer is found
// out by looking, and the writer goes on.
func TestALostAnswerEndsNothing(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		faulty := storagetest.NewFaulty(memstore.New())
		b := openBooksOn(t, faulty, quota.Config{Allowance: 100})
		faulty.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
		require.NoError(t, inTurn(b.uploads(), b.notesAndMore()), "commit %d", n)
		if !faulty.Failed() {
			require.Equal(t, 11, n, "the day has ten commits")
			break
		}
		b.checkNextDay(t, fmt.Sprint("commit ", n))
	}
}

func TestAnEraseWhoseCommitIsLostIsSentAgain(t *testing.T) {
	t.Parallel()
	faulty := storagetest.NewFaulty(memstore.New())
	b := openBooksOn(t, faulty, quota.Config{})
	faulty.FailAt(1, storage.ErrUnknown, storagetest.Before, storagetest.Commit)
	require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Close(tx, vault) }))
	require.Empty(t, b.keys(""))
}

// twin loses the first commit it is given, after somebody else has done the very
// same.
type twin struct {
	storage.Driver
	other func()
}

func (d *twin) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	if other := d.other; other != nil {
		d.other = nil
		other()
		return storage.ErrUnknown
	}
	return d.Driver.Commit(ctx, checks, writes)
}

func TestAnothersEqualChargeIsNotTakenForOnesOwn(t *testing.T) {
	t.Parallel()
	d := &twin{Driver: memstore.New()}
	b := openBooksOn(t, d, quota.Config{})
	d.other = func() { require.NoError(t, b.charge(5)) }
	err := b.charge(5)
	if err == nil {
		require.EqualValues(t, 10, b.usage().Used)
		return
	}
	require.ErrorIs(t, err, storage.ErrUnknown)
	require.EqualValues(t, 5, b.usage().Used)
}
