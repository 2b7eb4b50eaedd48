package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// DirectoryConfig is what a directory is read with. The first three are required.
type DirectoryConfig struct {
	Store       *storage.Store
	Checkpoints vault.Checkpoints
	// Authority is the public half of the authority's first key. It stays the same
	// when the authority takes another key, as each key signs the next.
	Authority AuthorityKey

	// FeeCap is the highest fee of a licence that is published, in the smallest unit
	// of Currency; 0: 200,000 (2,000 EUR a year).
	FeeCap   int64
	Currency string           // of all licences, ISO 4217; "": EUR
	Zone     *time.Location   // in which the days of licences begin and end; nil: UTC
	Now      func() time.Time // nil: time.Now
}

const (
	defaultFeeCap   = 200_000
	defaultCurrency = "EUR"
)

func (c *DirectoryConfig) complete() error {
	var problems []error
	if c.Store == nil {
		problems = append(problems, invalid("DirectoryConfig.Store", "is missing"))
	}
	if c.Checkpoints == nil {
		problems = append(problems, invalid("DirectoryConfig.Checkpoints", "is missing"))
	}
	if seal.CheckPublic(c.Authority[:]) != nil {
		problems = append(problems, invalid("DirectoryConfig.Authority", "is not a public key"))
	}
	if c.FeeCap < 0 {
		problems = append(problems, invalid("DirectoryConfig.FeeCap", "is negative"))
	}
	if c.Currency != "" && !currencyCode.MatchString(c.Currency) {
		problems = append(problems, invalid("DirectoryConfig.Currency", "is not written like EUR"))
	}
	if c.FeeCap == 0 {
		c.FeeCap = defaultFeeCap
	}
	if c.Currency == "" {
		c.Currency = defaultCurrency
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return errors.Join(problems...)
}

// Directory reads, and publishes, who the relays are. Each question costs one Get of
// the store, and one call of the witness every 30 seconds; the entries lie in memory.
// Safe for many goroutines; several processes may share one store.
type Directory struct {
	cfg    DirectoryConfig
	id     vault.ID
	memory *memory

	cached  atomic.Pointer[DirectoryState]
	loading sync.Mutex // held by who reads pages, so that many questions read them once
}

// OpenDirectory checks the configuration and names every problem at once. It reads
// nothing yet: a server starts without a directory, and before its store answers.
func OpenDirectory(_ context.Context, cfg DirectoryConfig) (*Directory, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	id := DirectoryID(cfg.Authority)
	return &Directory{cfg: cfg, id: id, memory: &memory{witness: cfg.Checkpoints, id: id, now: cfg.Now}}, nil
}

// ID is the place of the directory in the store and at the witness.
func (d *Directory) ID() vault.ID { return d.id }

// Authority is the first key of the authority, as configured.
func (d *Directory) Authority() AuthorityKey { return d.cfg.Authority }

// Away reports whether the witness did not answer when it was last asked: the
// directory is then held against what this process has seen, and no further.
func (d *Directory) Away() bool {
	d.memory.mu.Lock()
	defer d.memory.mu.Unlock()
	return !d.memory.silent.IsZero()
}

// Relay returns a relay, also a withdrawn one: look at Withdrawn. ErrNotNamed if
// there is none. Errors: those of [Directory.Current].
func (d *Directory) Relay(ctx context.Context, id RelayID) (Relay, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return Relay{}, err
	}
	return s.Relay(id)
}

// Relays returns all relays, also withdrawn ones, in the order in which they were
// added. Errors: those of [Directory.Current].
func (d *Directory) Relays(ctx context.Context) ([]Relay, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Relay, 0, len(s.relays))
	for r := range s.Relays() {
		list = append(list, r)
	}
	return list, nil
}

// Organisation returns an organisation, also a withdrawn one. ErrNotNamed if there
// is none. Errors: those of [Directory.Current].
func (d *Directory) Organisation(ctx context.Context, id OrganisationID) (Organisation, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return Organisation{}, err
	}
	return s.Organisation(id)
}

// Organisations returns all organisations, also withdrawn ones, in the order in which
// they were added. Errors: those of [Directory.Current].
func (d *Directory) Organisations(ctx context.Context) ([]Organisation, error) {
	s, err := d.Current(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Organisation, 0, len(s.organisations))
	for o := range s.Organisations() {
		list = append(list, o)
	}
	return list, nil
}

// Current returns the directory as it is now, held against the witness. Errors:
// ErrNoDirectory, vault.ErrStale, vault.ErrTampered, vault.ErrUntrustedKey,
// vault.ErrInvalid, vault.ErrTooMany, vault.ErrWitnessAway (a directory that the
// witness does not know yet, and cannot be asked about), vault.ErrStorage.
func (d *Directory) Current(ctx context.Context) (*DirectoryState, error) {
	// The witness first: what it remembers was in the store before.
	v, err := d.memory.latest(ctx)
	if err != nil {
		return nil, err
	}
	record, err := d.readHead(ctx, v.highest)
	if err != nil {
		return nil, err
	}
	s := d.cached.Load()
	if s == nil || !bytes.Equal(s.record, record) {
		if s, err = d.load(ctx, record, v.highest); err != nil {
			return nil, err
		}
	}
	if err := hold(s.checkpoint(), v.highest); err != nil {
		return nil, err
	}
	if !v.away && later(s.checkpoint(), v.told) {
		// A crash came between commit and report; or a store shows what the witness
		// would not take, such as a head that was signed with a key of earlier (C3).
		if err := d.tell(ctx, s); err != nil {
			return nil, fmt.Errorf("%w: the witness did not confirm the directory", err)
		}
	}
	d.memory.seen(s.checkpoint())
	d.cached.Store(s)
	return s, nil
}

// tell reports a directory that the witness may not know.
func (d *Directory) tell(ctx context.Context, s *DirectoryState) error {
	if err := d.memory.keep(ctx, s); err != nil {
		return err
	}
	return d.memory.raise(ctx, s)
}

func (d *Directory) readHead(ctx context.Context, highest vault.Checkpoint) ([]byte, error) {
	rec, err := d.cfg.Store.Get(ctx, headKey(d.id))
	switch {
	case errors.Is(err, storage.ErrNotFound) && highest.Version > 0:
		return nil, vault.ErrStale // it was there
	case errors.Is(err, storage.ErrNotFound):
		return nil, ErrNoDirectory
	case err != nil:
		return nil, storageError(err)
	}
	return rec.Value, nil
}

// steadyTries is how often pages are read until the head has not moved meanwhile.
const steadyTries = 5

// load reads the pages of a head. The state that it returns is not believed yet.
func (d *Directory) load(ctx context.Context, record []byte, highest vault.Checkpoint) (*DirectoryState, error) {
	d.loading.Lock()
	defer d.loading.Unlock()
	if s := d.cached.Load(); s != nil && bytes.Equal(s.record, record) {
		return s, nil // somebody else has loaded it meanwhile
	}
	for range steadyTries {
		s, loadErr := d.loadOnce(ctx, record, highest)
		if loadErr == nil {
			return s, d.follows(s)
		}
		// Pages are replaced together with the head: was there a publication?
		now, err := d.readHead(ctx, vault.Checkpoint{})
		if err != nil {
			return nil, err
		}
		if bytes.Equal(now, record) {
			return nil, loadErr
		}
		record = now
	}
	return nil, vault.ErrStorage // somebody publishes all the time
}

func (d *Directory) loadOnce(ctx context.Context, record []byte, highest vault.Checkpoint) (*DirectoryState, error) {
	head, err := openHead(d.cfg.Authority, record)
	if err != nil {
		return nil, err
	}
	if err := hold(checkpointOf(head, record), highest); err != nil {
		return nil, err
	}
	pages := make([][]byte, len(head.Pages))
	for n := range pages {
		rec, err := d.cfg.Store.Get(ctx, pageKey(d.id, n))
		if errors.Is(err, storage.ErrNotFound) {
			return nil, tampered("directory page %d", n)
		}
		if err != nil {
			return nil, storageError(err)
		}
		pages[n] = rec.Value
	}
	return newState(head, record, pages)
}

// follows refuses a directory that is signed by a key which the one that this process
// knows does not lead to: the key of earlier signs nothing new.
func (d *Directory) follows(s *DirectoryState) error {
	known := d.cached.Load()
	if known != nil && !s.head.Trusts(known.head.Key) && !later(known.checkpoint(), s.checkpoint()) {
		return fmt.Errorf("%w: the directory is signed by a key that was replaced", vault.ErrUntrustedKey)
	}
	return nil
}
