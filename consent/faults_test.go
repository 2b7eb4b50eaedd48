package consent_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// broken is a witness that does not answer some calls, from the first to the last of
// them, before or after it has done its work.
type broken struct {
	vault.Checkpoints
	vault.Limiter
	away atomic.Bool // it answers nothing

	mu          sync.Mutex
	first, last int // 0: answers all
	after       bool
	seen        int
	failed      bool
}

var errNoAnswer = errors.New("no answer")

func (w *broken) failAt(first, last int, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.first, w.last, w.after, w.seen, w.failed = first, last, after, 0, false
}

func (w *broken) hasFailed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *broken) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func (w *broken) call(do func() error) error {
	w.mu.Lock()
	w.seen++
	fails := w.first > 0 && w.seen >= w.first && w.seen <= w.last
	w.failed = w.failed || fails
	before := w.away.Load() || fails && !w.after
	w.mu.Unlock()
	if before {
		return errNoAnswer
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return errNoAnswer
}

func (w *broken) Latest(ctx context.Context, id [16]byte) (out []vault.Checkpoint, err error) {
	if err := w.call(func() error { out, err = w.Checkpoints.Latest(ctx, id); return err }); err != nil {
		return nil, err
	}
	return out, nil
}

func (w *broken) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) (out []vault.Checkpoint, err error) {
	if err := w.call(func() error { out, err = w.Checkpoints.Raise(ctx, id, heads, owner, durable); return err }); err != nil {
		return nil, err
	}
	return out, nil
}

func (w *broken) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	return w.call(func() error { return w.Checkpoints.Keep(ctx, id, owner, side) })
}

func (w *broken) Count(ctx context.Context, id [16]byte, counter [32]byte) (out vault.Tries, err error) {
	err = w.call(func() error { out, err = w.Limiter.Count(ctx, id, counter); return err })
	return out, err
}

func (w *broken) Evaluate(ctx context.Context, id [16]byte, counter, input [32]byte, generation uint64) (out vault.Evaluation, err error) {
	err = w.call(func() error { out, err = w.Limiter.Evaluate(ctx, id, counter, input, generation); return err })
	return out, err
}

func (w *broken) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	return w.call(func() error { return w.Limiter.Reset(ctx, id, counter, statement) })
}

// line is the connection to the records. It can be cut just after a commit has
// arrived, so that nobody can find out whether it did.
type line struct {
	storage.Driver
	mu             sync.Mutex
	commits, cutAt int
	cut            bool
}

func (l *line) cutAfter(commit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits, l.cutAt, l.cut = 0, commit, false
}

func (l *line) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

func (l *line) Get(ctx context.Context, key string) (storage.Record, error) {
	if l.isCut() {
		return storage.Record{}, storage.ErrUnavailable
	}
	return l.Driver.Get(ctx, key)
}

func (l *line) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	if l.isCut() {
		return nil, storage.ErrUnavailable
	}
	return l.Driver.Scan(ctx, prefix, after, limit)
}

func (l *line) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	if l.isCut() {
		return storage.ErrUnavailable
	}
	err := l.Driver.Commit(ctx, checks, writes)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.commits++; err == nil && l.commits == l.cutAt {
		l.cut = true
		return storage.ErrUnknown
	}
	return err
}

// fault is one way in which somebody fails at the n-th call.
type fault struct {
	name string
	set  func(s *scene, n int)
	of   func(s *scene) int // how many calls there were
}

func (s *scene) calls() int    { return s.store.Calls() }
func (s *scene) commits() int  { return s.store.Calls(storagetest.Commit) }
func (s *scene) answered() int { return s.witness.count() }

var faults = []fault{
	{"the store refuses a call", func(s *scene, n int) { s.store.FailAt(n, storage.ErrUnavailable, storagetest.Before) }, (*scene).calls},
	{"the line is cut after a commit", func(s *scene, n int) { s.line.cutAfter(n) }, (*scene).commits},
	{"the witness is away from a call on", func(s *scene, n int) { s.witness.failAt(n, math.MaxInt, false) }, (*scene).answered},
	{"the store is away from a call on", func(s *scene, n int) { s.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before) }, (*scene).calls},
	{"an answer of the witness is lost", func(s *scene, n int) { s.witness.failAt(n, n, true) }, (*scene).answered},
	{"the answer to a commit is lost", func(s *scene, n int) {
		s.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, (*scene).commits},
	{"the witness does not answer once", func(s *scene, n int) { s.witness.failAt(n, n, false) }, (*scene).answered},
}

// try is one fault at one call.
type try struct {
	fault
	n int
}

// tries are the faults of one act that there is time for, spread over all kinds and
// calls; RECONNECT_FAULTS says another number of them.
func tries(t testing.TB, healthy *scene, name string) (out []try) {
	count, turn := sized(2, 9), 0
	if n := os.Getenv("RECONNECT_FAULTS"); n != "" && n != "all" { // "all" is for package vault
		var err error
		count, err = strconv.Atoi(n)
		require.NoError(t, err)
	}
	for _, b := range []byte(name) {
		turn += int(b)
	}
	for k := range count {
		f := faults[(turn+k)%len(faults)]
		if total := f.of(healthy); total > 0 {
			out = append(out, try{f, 1 + (37*turn+61*k)%total})
		}
	}
	return out
}

// act is what somebody does, and what a fault in the middle of it must leave.
type act struct {
	prepare func(t testing.TB, s *scene)
	do      func(ctx context.Context, s *scene) error
	done    []error                      // what it may say when it is done already
	after   func(t testing.TB, s *scene) // what else must be true when it was done
}

// Whatever fails, and whoever comes first afterwards: nobody has gained anything, who
// should be in is in, the relay can be managed, roster and grants agree, the books
// are right, and the act repeated ends as if nothing had happened.
func TestWhateverFailsAnActEndsCleanly(t *testing.T) {
	t.Parallel()
	for of, all := range map[string]map[string]act{"team": teamActs, "people": peopleActs} {
		for name, a := range all {
			t.Run(of+"/"+name, func(t *testing.T) {
				t.Parallel()
				first := newScene(t)
				if a.prepare != nil {
					a.prepare(t, first)
				}
				first.freeze(t)
				was := first.fork(t).look(t)
				healthy := first.fork(t)
				healthy.heal() // counts from here
				require.NoError(t, a.do(t.Context(), healthy))
				is := healthy.elsewhere(t).look(t)
				for _, one := range tries(t, healthy, name) {
					t.Run(fmt.Sprintf("%s %d", one.name, one.n), func(t *testing.T) { a.fails(t, first, one, was, is) })
				}
			})
		}
	}
}

// fails does the act with one fault, and looks at what is left with everything well
// again: in the same process, or where that is gone, in another one.
func (a act) fails(t *testing.T, first *scene, one try, was, is view) {
	s := first.fork(t)
	s.acted = s
	one.set(s, one.n)
	err := a.do(t.Context(), s)
	failed := s.heal()
	require.True(t, failed || err == nil, "%v", err)
	if err != nil && !a.isDone(err) {
		require.NotEmpty(t, vault.Code(err), "a typed error, not %v", err)
	}
	s.Clock.Advance(31 * time.Second) // what was asked of the witness is asked again
	last := s.elsewhere(t)
	if one.n%4 < 2 { // somebody comes before it is tried again
		last.look(t).between(t, was, is, err)
	}
	if err != nil {
		by := last
		if one.n%2 == 0 {
			by = s
		}
		again := a.do(t.Context(), by)
		if by == s && errors.Is(again, vault.ErrSessionEnded) { // new keys whose answer was lost end sessions: sign in again
			by = last
			again = a.do(t.Context(), by)
		}
		require.True(t, again == nil || a.isDone(again), "first %v, then %v", err, again)
		last.sheet, last.account, last.code = by.sheet, by.account, by.code
		last.people(t)
	}
	got := last.look(t)
	require.Equal(t, is, got, "after %v", err)
	if a.after != nil {
		a.after(t, last)
	}
	last.requireBooks(t)
	last.requireNothingReadable(t)
}

func (a act) isDone(err error) bool {
	return slices.ContainsFunc(a.done, func(d error) bool { return errors.Is(err, d) })
}

// view is what everybody can do, each by doing it.
type view struct {
	can    map[string]string // what workers can at the relay
	people string            // whom the relay follows, by the roster
}

// between says of a view after a fault that nobody has gained or lost anything that
// the act neither gives nor takes.
func (v view) between(t testing.TB, was, is view, err error) {
	t.Helper()
	if err == nil || errors.Is(err, vault.ErrUnconfirmed) {
		require.Equal(t, is, v, "after %v", err)
	}
	for who, can := range v.can {
		if was.can[who] == is.can[who] {
			require.Equal(t, is.can[who], can, "%s, after %v", who, err)
		}
		for _, one := range strings.Fields(can) {
			require.Contains(t, was.can[who]+" "+is.can[who], one, "%s, after %v", who, err)
		}
	}
	require.Contains(t, []string{was.people, is.people}, v.people, "after %v", err)
}
