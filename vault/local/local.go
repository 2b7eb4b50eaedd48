// Package local opens vaults on one machine with durable defaults, in one line:
// records in SQLite, documents in files, the key service in a key file, and the
// witness beside them in a database of its own. It is the one package that knows
// all these parts, and meant to be read: write your own like it for other parts.
//
// What is on one machine only: an embedded witness lies on the same disk as what
// it watches, so that whoever can put back an old disk can put back both. For
// protection against that, let another organisation run the witness. In the same
// way witness.key and operator.key, which only together tell a vault that a
// restore from a backup is legitimate, lie in one folder.
package local

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	_ "reconnect.example/storage/sqlitestore" // sqlite: URLs
	"reconnect.example/vault"
)

var (
	_ vault.Checkpoints = (*witness.Witness)(nil)
	_ vault.Limiter     = (*witness.Witness)(nil)
	_ vault.Keeper      = (*KeyFile)(nil)
)

// The parts of a data folder.
const (
	RecordsFile     = "records.db"
	WitnessFile     = "witness.db"
	KeyFileName     = "service.key"
	WitnessKeyName  = "witness.key"  // seed with which the witness countersigns restores
	OperatorKeyName = "operator.key" // seed with which the operator signs them
	DocumentsName   = "documents"
)

// OperatorKey opens the operator's restore key in a data folder, or makes it
// (32 bytes, mode 0600, durable): with its seed a restore tool signs which state
// of each vault was put back. Together with witness.key it takes the protection
// against rollback away. To keep it apart, move it to another machine and name its
// public half in [Options.Operator].
//
// Errors: witness.ErrInvalid, with what to do.
func OperatorKey(dir string) (*witness.Identity, error) {
	return witness.OpenIdentity(filepath.Join(dir, OperatorKeyName))
}

// Options are what may differ from the defaults; see the fields of the same
// name of [vault.Config] and [quota.Config].
type Options struct {
	Quota       quota.Config
	Folders     []string
	SessionIdle time.Duration
	SessionMax  time.Duration
	Now         func() time.Time
	Messenger   vault.Messenger // sends reminders; nil: nobody is reminded
	Events      vault.Events    // takes what happened; nil: nothing is kept for it
	Tally       vault.Tally     // counts what is done for who pays; nil: nothing is counted

	// Operator is the Ed25519 public key of the operator's restore key, where that
	// is kept elsewhere; nil: the one of [OperatorKey] in the folder.
	Operator []byte

	// Directory makes the directory over the parts of the folder, so that relays can be
	// let in: a Register of package consent. nil: nobody but the person can be.
	Directory func(*storage.Store, vault.Checkpoints) (vault.Directory, error)

	// SweepEvery is how often what is due is swept in the background: abandoned
	// uploads, replaced documents, erased vaults; 0: every 10 minutes; negative:
	// never, the caller calls Sweep and sees its report.
	SweepEvery time.Duration
}

// Local is everything that Open opened. The parts are there for a backup, a
// status page, a test.
type Local struct {
	*vault.Vaults
	Store   *storage.Store
	Blobs   storage.Blobs
	Quota   *quota.Quota
	Witness *witness.Witness
	// WitnessStore is the witness's own store, for a backup (vault/backup). Nothing
	// else may write to it.
	WitnessStore *storage.Store

	closers []func() error
	sweeps  sync.WaitGroup
}

// Open opens the vaults of a data folder, or makes it (mode 0700). One process
// at a time: a second one gets an error that wraps storage.ErrInUse.
func Open(dir string) (*Local, error) { return OpenWith(context.Background(), dir, nil) }

// OpenWith is Open with options; nil takes the defaults. The context is for
// opening only.
func OpenWith(ctx context.Context, dir string, opts *Options) (l *Local, err error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if err := MakeFolder(dir); err != nil {
		return nil, err
	}
	l = &Local{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("data folder %s: %w", dir, err), l.Close())
			l = nil
		}
	}()
	if l.Store, err = l.openStore(ctx, filepath.Join(dir, RecordsFile)); err != nil {
		return l, err
	}
	if l.Blobs, err = filestore.Open(filepath.Join(dir, DocumentsName), nil); err != nil {
		return l, err
	}
	l.closers = append(l.closers, l.Blobs.Close)
	restore, err := l.openWitness(ctx, dir, o)
	if err != nil {
		return l, err
	}
	keeper, err := OpenKeyFile(filepath.Join(dir, KeyFileName))
	if err != nil {
		return l, err
	}
	if o.Quota.Now == nil {
		o.Quota.Now = o.Now
	}
	if l.Quota, err = quota.New(o.Quota); err != nil {
		return l, err
	}
	var directory vault.Directory
	if o.Directory != nil {
		if directory, err = o.Directory(l.Store, l.Witness); err != nil {
			return l, err
		}
	}
	l.Vaults, err = vault.New(ctx, vault.Config{
		Directory: directory,
		Store:     l.Store, Blobs: l.Blobs, Keeper: keeper, Checkpoints: l.Witness, Limiter: l.Witness, Quota: l.Quota,
		Restore: restore, Folders: o.Folders, SessionIdle: o.SessionIdle, SessionMax: o.SessionMax, Now: o.Now, Messenger: o.Messenger, Events: o.Events, Tally: o.Tally,
	})
	if err != nil {
		return l, err
	}
	l.closers = append(l.closers, l.Vaults.Close)
	l.sweepEvery(o.SweepEvery)
	return l, nil
}

// openWitness opens the witness with its own key and the operator's public one,
// and returns the two that a restore needs.
func (l *Local) openWitness(ctx context.Context, dir string, o Options) (*vault.RestoreKeys, error) {
	own, err := witness.OpenIdentity(filepath.Join(dir, WitnessKeyName))
	if err != nil {
		return nil, err
	}
	if o.Operator == nil {
		operator, err := OperatorKey(dir)
		if err != nil {
			return nil, err
		}
		public := operator.Public()
		o.Operator = public[:]
	}
	store, err := l.openStore(ctx, filepath.Join(dir, WitnessFile))
	if err != nil {
		return nil, err
	}
	l.WitnessStore = store
	l.Witness, err = witness.New(witness.Config{Store: store, Now: o.Now, Seed: own.Seed(), Operator: o.Operator})
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, l.Witness.Close)
	return &vault.RestoreKeys{Operator: o.Operator, Witness: l.Witness.PublicKey()}, nil
}

const sweepEvery = 10 * time.Minute

// sweepEvery sweeps until Close. What cannot be done now is tried again: it needs
// nobody's attention.
func (l *Local) sweepEvery(every time.Duration) {
	if every < 0 {
		return
	}
	if every == 0 {
		every = sweepEvery
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.closers = append(l.closers, func() error {
		cancel()
		l.sweeps.Wait()
		return nil
	})
	l.sweeps.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_, _ = l.Vaults.Sweep(ctx)
				_, _ = l.Witness.Sweep(ctx)
			}
		}
	})
}

func (l *Local) openStore(ctx context.Context, path string) (*storage.Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	store, err := storage.Open(ctx, (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(abs)}).String())
	if err == nil {
		l.closers = append(l.closers, store.Close)
	}
	return store, err
}

// Close ends everything in the order that loses nothing: first the service, so
// that its last reports reach the witness, then the witness, then the stores.
func (l *Local) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	l.closers = nil
	return errors.Join(errs...)
}

// MakeFolder makes a data folder (mode 0700), unless it is there. ErrReadOnly of
// package storage if this user may not.
func MakeFolder(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: data folder %s: %w", storage.ErrReadOnly, dir, err)
	case err != nil:
		return fmt.Errorf("data folder %s: %w", dir, err)
	}
	return nil
}
