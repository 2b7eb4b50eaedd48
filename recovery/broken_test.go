package recovery_test

import (
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"testing"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// sized is how much of something is tried: all of it only where there is time.
func sized(small, all int) int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return all
	}
	return small
}

var errNoAnswer = errors.New("no answer")

// calls counts the calls to somebody, and makes some fail: from the first to the last of
// them, before or after the work is done.
type calls struct {
	mu          sync.Mutex
	first, last int // 0: answers all
	when        storagetest.When
	seen        int
	failed      bool
}

func (c *calls) failAt(first, last int, when storagetest.When) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first, c.last, c.when, c.seen, c.failed = first, last, when, 0, false
}

func (c *calls) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *calls) hasFailed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

func (c *calls) call(do func() error) error {
	c.mu.Lock()
	c.seen++
	fails := c.first > 0 && c.seen >= c.first && c.seen <= c.last
	c.failed = c.failed || fails
	when := c.when
	c.mu.Unlock()
	if fails && when == storagetest.Before {
		return errNoAnswer
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return errNoAnswer
}

// brokenWitness is a witness that does not answer some calls.
type brokenWitness struct {
	calls
	vault.Checkpoints
	vault.Limiter
	requests recovery.Witness
}

func answer[T any](c *calls, do func() (T, error)) (out T, err error) {
	err = c.call(func() error { out, err = do(); return err })
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (w *brokenWitness) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	return answer(&w.calls, func() ([]vault.Checkpoint, error) { return w.Checkpoints.Latest(ctx, id) })
}

func (w *brokenWitness) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	return answer(&w.calls, func() ([]vault.Checkpoint, error) { return w.Checkpoints.Raise(ctx, id, heads, owner, durable) })
}

func (w *brokenWitness) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	return w.call(func() error { return w.Checkpoints.Keep(ctx, id, owner, side) })
}

func (w *brokenWitness) Inbox(ctx context.Context) ([]byte, error) {
	return answer(&w.calls, func() ([]byte, error) { return w.Checkpoints.Inbox(ctx) })
}

func (w *brokenWitness) Count(ctx context.Context, id [16]byte, counter [32]byte) (vault.Tries, error) {
	return answer(&w.calls, func() (vault.Tries, error) { return w.Limiter.Count(ctx, id, counter) })
}

func (w *brokenWitness) Evaluate(ctx context.Context, id [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	return answer(&w.calls, func() (vault.Evaluation, error) { return w.Limiter.Evaluate(ctx, id, counter, input, generation) })
}

func (w *brokenWitness) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	return w.call(func() error { return w.Limiter.Reset(ctx, id, counter, statement) })
}

func (w *brokenWitness) Begin(ctx context.Context, id [16]byte, approval []byte) (recovery.WitnessRequest, error) {
	return answer(&w.calls, func() (recovery.WitnessRequest, error) { return w.requests.Begin(ctx, id, approval) })
}

func (w *brokenWitness) Approve(ctx context.Context, id [16]byte, approval []byte) (recovery.WitnessRequest, error) {
	return answer(&w.calls, func() (recovery.WitnessRequest, error) { return w.requests.Approve(ctx, id, approval) })
}

func (w *brokenWitness) Cancel(ctx context.Context, id, request [16]byte) error {
	return w.call(func() error { return w.requests.Cancel(ctx, id, request) })
}

func (w *brokenWitness) Requests(ctx context.Context, id [16]byte) ([]recovery.WitnessRequest, error) {
	return answer(&w.calls, func() ([]recovery.WitnessRequest, error) { return w.requests.Requests(ctx, id) })
}

func (w *brokenWitness) EvaluateWithin(ctx context.Context, id, request [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	return answer(&w.calls, func() (vault.Evaluation, error) {
		return w.requests.EvaluateWithin(ctx, id, request, counter, input, generation)
	})
}

// brokenKeeper is a key service that does not answer some calls.
type brokenKeeper struct {
	calls
	vault.Keeper
}

func (k *brokenKeeper) Encrypt(ctx context.Context, plain []byte) ([]byte, error) {
	return answer(&k.calls, func() ([]byte, error) { return k.Keeper.Encrypt(ctx, plain) })
}

func (k *brokenKeeper) Decrypt(ctx context.Context, sealed []byte) ([]byte, error) {
	return answer(&k.calls, func() ([]byte, error) { return k.Keeper.Decrypt(ctx, sealed) })
}

// parts are what one process stands on, each of which can fail.
type parts struct {
	store   *storagetest.Faulty
	witness *brokenWitness
	keeper  *brokenKeeper
}

// under puts what can fail between a process and its parts.
func (p *parts) under(opts recoverytest.Options) *recoverytest.Options {
	p.witness, p.keeper = &brokenWitness{}, &brokenKeeper{}
	v := &opts.Consent.Vault
	v.Driver = func(d storage.Driver) storage.Driver { p.store = storagetest.NewFaulty(d); return p.store }
	v.Keeper = func(k vault.Keeper) vault.Keeper { p.keeper.Keeper = k; return p.keeper }
	v.Checkpoints = func(c vault.Checkpoints) vault.Checkpoints { p.witness.Checkpoints = c; return p.witness }
	v.Limiter = func(l vault.Limiter) vault.Limiter { p.witness.Limiter = l; return p.witness }
	opts.Witness = func(w recovery.Witness) recovery.Witness { p.witness.requests = w; return p.witness }
	return &opts
}

// heal ends every fault, and says whether somebody was asked who had to fail.
func (p *parts) heal() (failed bool) {
	failed = p.store.Failed() || p.witness.hasFailed() || p.keeper.hasFailed()
	p.store.Heal()
	p.witness.failAt(0, 0, storagetest.Before)
	p.keeper.failAt(0, 0, storagetest.Before)
	return failed
}

// fault is one way in which somebody fails at the n-th call.
type fault struct {
	name string
	set  func(p *parts, n int)
	of   func(p *parts) int // how many calls there were
}

func (p *parts) calls() int    { return p.store.Calls() }
func (p *parts) commits() int  { return p.store.Calls(storagetest.Commit) }
func (p *parts) answered() int { return p.witness.made() }
func (p *parts) opened() int   { return p.keeper.made() }

var faults = []fault{
	{"the store refuses a call", func(p *parts, n int) { p.store.FailAt(n, storage.ErrUnavailable, storagetest.Before) }, (*parts).calls},
	{"the answer to a commit is lost", func(p *parts, n int) {
		p.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
	}, (*parts).commits},
	{"the witness does not answer once", func(p *parts, n int) { p.witness.failAt(n, n, storagetest.Before) }, (*parts).answered},
	{"an answer of the witness is lost", func(p *parts, n int) { p.witness.failAt(n, n, storagetest.After) }, (*parts).answered},
	{"the key service does not answer once", func(p *parts, n int) { p.keeper.failAt(n, n, storagetest.Before) }, (*parts).opened},
	{"the store is away from a call on", func(p *parts, n int) { p.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before) }, (*parts).calls},
	{"the witness is away from a call on", func(p *parts, n int) { p.witness.failAt(n, math.MaxInt, storagetest.Before) }, (*parts).answered},
	{"commits may have got lost", func(p *parts, n int) {
		p.store.FailFrom(n, storage.ErrUnknown, storagetest.Before, storagetest.Commit)
	}, (*parts).commits},
}

// newBroken sets a stage on parts that can fail.
func newBroken(t testing.TB, opts recoverytest.Options) (*recoverytest.Stage, *parts) {
	t.Helper()
	p := &parts{}
	return recoverytest.New(t, p.under(opts)), p
}
