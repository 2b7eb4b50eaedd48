package recovery_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// tally counts what a service asks of store, key service and witness.
type tally struct {
	mu       sync.Mutex
	of       map[string]int
	approved [][]byte // what people said, as it went to the witness
	counter  [32]byte // at which the witness evaluated last
	away     atomic.Bool
}

func newTally() *tally { return &tally{of: map[string]int{}} }

// watch puts the count between a stage and its parts.
func (c *tally) watch(o *recoverytest.Options) {
	o.Consent.Vault.Driver = func(d storage.Driver) storage.Driver { return &countedStore{d, c} }
	o.Consent.Vault.Keeper = func(k vault.Keeper) vault.Keeper { return &countedKeeper{k, c} }
	o.Consent.Vault.Checkpoints = func(w vault.Checkpoints) vault.Checkpoints { return &countedCheckpoints{w, c} }
	o.Consent.Vault.Limiter = func(w vault.Limiter) vault.Limiter { return &countedLimiter{w, c} }
	if o.Witness == nil {
		o.Witness = func(w recovery.Witness) recovery.Witness { return &countedWitness{w, c} }
	}
}

func (c *tally) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[what]++
}

// asks notes a call of the witness, which may be away.
func (c *tally) asks(what string) error {
	if c.away.Load() {
		return errors.New("nobody there")
	}
	c.note("witness " + what)
	return nil
}

// during counts what is asked while f runs, but for the heads that are reported to the
// witness in the background, when there is time.
func (c *tally) during(f func()) map[string]int {
	c.mu.Lock()
	c.of = map[string]int{}
	c.mu.Unlock()
	f()
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := maps.Clone(c.of)
	delete(counted, "witness raise")
	return counted
}

// said are the words that people said to the witness, so far.
func (c *tally) said() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.approved)
}

func (c *tally) keep(approval []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.approved = append(c.approved, approval)
}

type countedStore struct {
	storage.Driver
	calls *tally
}

func (s *countedStore) Get(ctx context.Context, key string) (storage.Record, error) {
	s.calls.note("get")
	return s.Driver.Get(ctx, key)
}

func (s *countedStore) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	s.calls.note("scan")
	return s.Driver.Scan(ctx, prefix, after, limit)
}

func (s *countedStore) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	s.calls.note("commit")
	return s.Driver.Commit(ctx, checks, writes)
}

type countedKeeper struct {
	vault.Keeper
	calls *tally
}

func (k *countedKeeper) Encrypt(ctx context.Context, plain []byte) ([]byte, error) {
	k.calls.note("encrypt")
	return k.Keeper.Encrypt(ctx, plain)
}

func (k *countedKeeper) Decrypt(ctx context.Context, sealed []byte) ([]byte, error) {
	k.calls.note("decrypt")
	return k.Keeper.Decrypt(ctx, sealed)
}

type countedCheckpoints struct {
	vault.Checkpoints
	calls *tally
}

func (w *countedCheckpoints) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if err := w.calls.asks("latest"); err != nil {
		return nil, err
	}
	return w.Checkpoints.Latest(ctx, id)
}

func (w *countedCheckpoints) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if err := w.calls.asks("raise"); err != nil {
		return nil, err
	}
	return w.Checkpoints.Raise(ctx, id, heads, owner, durable)
}

func (w *countedCheckpoints) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	if err := w.calls.asks("keep"); err != nil {
		return err
	}
	return w.Checkpoints.Keep(ctx, id, owner, side)
}

type countedLimiter struct {
	vault.Limiter
	calls *tally
}

func (w *countedLimiter) Count(ctx context.Context, id [16]byte, counter [32]byte) (vault.Tries, error) {
	if err := w.calls.asks("count"); err != nil {
		return vault.Tries{}, err
	}
	return w.Limiter.Count(ctx, id, counter)
}

func (w *countedLimiter) Evaluate(ctx context.Context, id [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	if err := w.calls.asks("evaluate"); err != nil {
		return vault.Evaluation{}, err
	}
	w.calls.mu.Lock()
	w.calls.counter = counter
	w.calls.mu.Unlock()
	e, err := w.Limiter.Evaluate(ctx, id, counter, input, generation)
	if e.Generation != 0 {
		w.calls.note("witness served a code")
	}
	return e, err
}

type countedWitness struct {
	recovery.Witness
	calls *tally
}

func (w *countedWitness) Begin(ctx context.Context, id [16]byte, approval []byte) (recovery.WitnessRequest, error) {
	if err := w.calls.asks("begin"); err != nil {
		return recovery.WitnessRequest{}, err
	}
	w.calls.keep(approval)
	return w.Witness.Begin(ctx, id, approval)
}

func (w *countedWitness) Approve(ctx context.Context, id [16]byte, approval []byte) (recovery.WitnessRequest, error) {
	if err := w.calls.asks("approve"); err != nil {
		return recovery.WitnessRequest{}, err
	}
	w.calls.keep(approval)
	return w.Witness.Approve(ctx, id, approval)
}

func (w *countedWitness) Cancel(ctx context.Context, id, request [16]byte) error {
	if err := w.calls.asks("cancel"); err != nil {
		return err
	}
	return w.Witness.Cancel(ctx, id, request)
}

func (w *countedWitness) Requests(ctx context.Context, id [16]byte) ([]recovery.WitnessRequest, error) {
	if err := w.calls.asks("requests"); err != nil {
		return nil, err
	}
	return w.Witness.Requests(ctx, id)
}

func (w *countedWitness) EvaluateWithin(ctx context.Context, id, request [16]byte, counter, input [32]byte, generation uint64) (vault.Evaluation, error) {
	if err := w.calls.asks("evaluate within"); err != nil {
		return vault.Evaluation{}, err
	}
	e, err := w.Witness.EvaluateWithin(ctx, id, request, counter, input, generation)
	if e.Generation != 0 {
		w.calls.note("witness served answers")
	}
	return e, err
}

// letIn has Amina let relay and desk in, as the stage did for the first one.
func (s *hostile) letIn(t testing.TB) {
	t.Helper()
	f := consent.Follow{Relay: s.Harbour.ID, Scope: vault.ScopeAdd, Notice: recoverytest.Notice(), Agreed: true, Name: "Boris"}
	_, err := s.Follow(t.Context(), s.Amina.Vault, f, s.Secret())
	require.NoError(t, err)
	d := consent.DeskHelp{Desk: s.Line.ID, Notice: recoverytest.Notice(), Agreed: true}
	_, err = s.AllowDesk(t.Context(), s.Amina.Vault, d, s.Secret())
	require.NoError(t, err)
}

// forgetful is the witness of who has only a copy, and answers for it: it knows nothing
// of what came later.
type forgetful struct{ vault.Checkpoints }

func (forgetful) Latest(context.Context, [16]byte) ([]vault.Checkpoint, error) { return nil, nil }

func (forgetful) Raise(_ context.Context, _ [16]byte, heads []vault.Checkpoint, _ []byte, _ bool) ([]vault.Checkpoint, error) {
	return heads, nil
}

func (forgetful) Keep(context.Context, [16]byte, []byte, []vault.Kept) error { return nil }
