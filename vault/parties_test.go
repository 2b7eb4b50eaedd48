package vault_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

var errAway = errors.New("no answer")

// party counts the calls to somebody else and makes chosen ones fail.
type party struct {
	away atomic.Bool

	mu     sync.Mutex
	counts map[string]int
	seen   int
	first  int // calls from here on fail; 0: none
	last   int
	when   storagetest.When
	failed bool
}

// failAt makes the calls from the first to the last, counted from now, fail.
func (p *party) failAt(first, last int, when storagetest.When) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.first, p.last, p.when, p.failed = 0, first, last, when, false
	p.counts = nil
}

func (p *party) hasFailed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// calls counts by kind since failAt was last called.
func (p *party) calls() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// made counts all calls since failAt was last called.
func (p *party) made() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *party) call(kind string, perform func() error) error {
	p.mu.Lock()
	if p.counts == nil {
		p.counts = map[string]int{}
	}
	p.counts[kind]++
	p.seen++
	fails := p.first > 0 && p.first <= p.seen && p.seen <= p.last
	p.failed = p.failed || fails
	when := p.when
	p.mu.Unlock()
	if p.away.Load() || fails && when == storagetest.Before {
		return errAway
	}
	if err := perform(); err != nil {
		return err
	}
	if fails {
		return errAway
	}
	return nil
}

// faultyWitness is both halves of a witness.
type faultyWitness struct {
	party
	vault.Checkpoints
	vault.Limiter
}

func (w *faultyWitness) Latest(ctx context.Context, id [16]byte) (out []vault.Checkpoint, err error) {
	err = w.call("latest", func() (err error) { out, err = w.Checkpoints.Latest(ctx, id); return err })
	return out, err
}

func (w *faultyWitness) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) (out []vault.Checkpoint, err error) {
	err = w.call("raise", func() (err error) { out, err = w.Checkpoints.Raise(ctx, id, heads, owner, durable); return err })
	return out, err
}

func (w *faultyWitness) Count(ctx context.Context, id [16]byte, counter [32]byte) (out vault.Tries, err error) {
	err = w.call("count", func() (err error) { out, err = w.Limiter.Count(ctx, id, counter); return err })
	return out, err
}

func (w *faultyWitness) Evaluate(ctx context.Context, id [16]byte, counter, input [32]byte, generation uint64) (out vault.Evaluation, err error) {
	err = w.call("evaluate", func() (err error) { out, err = w.Limiter.Evaluate(ctx, id, counter, input, generation); return err })
	return out, err
}

func (w *faultyWitness) Tried(ctx context.Context, id [16]byte, counter [32]byte) (out vault.Tries, err error) {
	err = w.call("tried", func() (err error) { out, err = w.Limiter.Tried(ctx, id, counter); return err })
	return out, err
}

func (w *faultyWitness) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	return w.call("reset", func() error { return w.Limiter.Reset(ctx, id, counter, statement) })
}

// faultyKeeper is a key service.
type faultyKeeper struct {
	party
	vault.Keeper
}

func (k *faultyKeeper) Encrypt(ctx context.Context, plain []byte) (out []byte, err error) {
	err = k.call("encrypt", func() (err error) { out, err = k.Keeper.Encrypt(ctx, plain); return err })
	return out, err
}

func (k *faultyKeeper) Decrypt(ctx context.Context, sealed []byte) (out []byte, err error) {
	err = k.call("decrypt", func() (err error) { out, err = k.Keeper.Decrypt(ctx, sealed); return err })
	return out, err
}

// line is the connection to the records. It can be cut just after a commit has
// arrived, so that nobody can find out whether it did.
type line struct {
	storage.Driver
	mu      sync.Mutex
	commits int
	cutAt   int
	cut     bool
	scanned []string // prefixes
}

// scans counts the scans of a prefix.
func (l *line) scans(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.scanned {
		if p == prefix {
			n++
		}
	}
	return n
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
	l.mu.Lock()
	l.scanned = append(l.scanned, prefix)
	l.mu.Unlock()
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
