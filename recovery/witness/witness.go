package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The bounds of [Config.FlushEvery], and how long the witness waits for its own
// store where no caller's context says so.
const (
	defaultFlush = 500 * time.Millisecond
	longestFlush = time.Second
	storeLimit   = 10 * time.Second
)

// Config is what a witness is made of.
type Config struct {
	// Store keeps everything. It belongs to the witness alone, and is not the
	// store whose state is being watched. The caller closes it, after the witness.
	Store *storage.Store
	// Now is the machine's clock; nil is time.Now. See "Time" in the package
	// comment for what is made of it.
	Now func() time.Time
	// FlushEvery is how long a report that is not urgent may stay in memory: more
	// than nothing, at most one second; 0 is half a second.
	FlushEvery time.Duration
	// Seed is the witness's signing key, 32 random bytes kept for it alone: it
	// countersigns restore statements. Vaults pin its public half
	// ([Witness.PublicKey]). nil: the witness signs nothing.
	Seed []byte
	// Operator is the Ed25519 public key whose restore statements are taken, 32
	// bytes. It must not be the witness's own: it takes two. nil: none are taken.
	Operator []byte
}

// check returns the configuration with its defaults and the key of its seed, or
// every problem of it.
func (c Config) check() (Config, seal.SigningKey, error) {
	var key seal.SigningKey
	var problems []error
	if c.Store == nil {
		problems = append(problems, fmt.Errorf("%w: Store is missing", ErrInvalid))
	}
	if c.FlushEvery < 0 || c.FlushEvery > longestFlush {
		problems = append(problems, fmt.Errorf("%w: FlushEvery is %s, not between 0 and %s", ErrInvalid, c.FlushEvery, longestFlush))
	}
	if c.Seed != nil {
		var err error
		if key, err = seal.SigningKeyFromBytes(c.Seed); err != nil {
			problems = append(problems, fmt.Errorf("%w: Seed is not 32 random bytes", ErrInvalid))
		}
	}
	if c.Operator != nil {
		if seal.CheckPublic(c.Operator) != nil {
			problems = append(problems, fmt.Errorf("%w: Operator is not an Ed25519 public key", ErrInvalid))
		}
		if c.Seed == nil {
			problems = append(problems, fmt.Errorf("%w: Operator needs Seed, to countersign", ErrInvalid))
		}
		if bytes.Equal(c.Operator, key.Public()) {
			problems = append(problems, fmt.Errorf("%w: Operator is the witness's own key", ErrInvalid))
		}
	}
	if c.FlushEvery == 0 {
		c.FlushEvery = defaultFlush
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, key, errors.Join(problems...)
}

// Witness remembers checkpoints and counts tries; see the package comment. Its
// methods may be called from many goroutines. Several processes may share one
// store: what is durable holds for all of them at once.
type Witness struct {
	store   *storage.Store
	clock   *clock
	pending *pending
	queue   *queue

	key      seal.SigningKey // zero: signs nothing
	operator []byte          // nil: takes no restore statements
	loss     lossRecord      // zero: nothing was lost

	flushEvery time.Duration
	closing    sync.Once
	closeErr   error
	stop, done chan struct{} // of the goroutine that flushes
}

// New starts a witness over cfg.Store, of which it reads two records. End it
// with [Witness.Close].
func New(cfg Config) (*Witness, error) {
	cfg, key, err := cfg.check()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	highest, err := highestTime(ctx, cfg.Store)
	if err != nil {
		return nil, closedSet("start", err)
	}
	loss, err := readLoss(ctx, cfg.Store)
	if err != nil {
		return nil, closedSet("start", err)
	}
	w := &Witness{
		store:      cfg.Store,
		clock:      startClock(cfg.Now, highest),
		pending:    newPending(),
		queue:      newQueue(),
		key:        key,
		operator:   bytes.Clone(cfg.Operator),
		loss:       loss,
		flushEvery: cfg.FlushEvery,
		stop:       make(chan struct{}),
		done:       make(chan struct{}),
	}
	go w.flushing()
	return w, nil
}

// highestTime reads the highest time on record, or the zero time.
func highestTime(ctx context.Context, store *storage.Store) (time.Time, error) {
	var record clockRecord
	found, err := get(reader(ctx, store), clockKey, &record)
	if err != nil || !found {
		return time.Time{}, err
	}
	return time.UnixMilli(record.Highest), nil
}

// Close writes the reports that are still in memory and ends the witness; calls
// after it answer ErrClosed. It does not close the store. An error
// (ErrUnavailable) means that reports which were not acknowledged as durable may
// be lost: the vaults they are about will report again when they are next
// opened.
func (w *Witness) Close() error {
	w.closing.Do(func() {
		w.pending.close() // from here on nobody adds to what the flush below writes
		close(w.stop)
		<-w.done
		w.closeErr = w.flush()
	})
	return w.closeErr
}

// reader makes the Get of a store one of a given context.
func reader(ctx context.Context, store *storage.Store) func(key string) (storage.Record, error) {
	return func(key string) (storage.Record, error) { return store.Get(ctx, key) }
}
