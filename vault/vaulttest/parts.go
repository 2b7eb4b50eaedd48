package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// parts are what several services can share, as it is without any wrap.
type parts struct {
	driver  storage.Driver
	watched storage.Driver // the witness's records in memory; nil: they lie in a folder
	blobs   storage.Blobs
	keeper  vault.Keeper
	witness *witness.Witness
	clock   *Clock
	closers []func() error
}

func openParts(ctx context.Context, opts *Options) (*parts, error) {
	p := &parts{clock: &Clock{now: opts.Start}}
	if opts.Start.IsZero() {
		p.clock.now = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	}
	watched, err := p.openStores(ctx, opts)
	if err == nil && opts.Copy != nil {
		err = p.begin(ctx, opts.Copy)
	}
	if err != nil {
		return p, err
	}
	if p.witness, err = witness.New(witness.Config{Store: watched, Now: p.clock.Now}); err == nil {
		p.closers = append(p.closers, p.witness.Close)
	}
	return p, err
}

// openStores opens records, blobs and key service, and returns the witness's store.
func (p *parts) openStores(ctx context.Context, opts *Options) (watched *storage.Store, err error) {
	if opts.Folder == "" {
		p.driver, p.blobs, p.watched = memstore.New(), memstore.NewBlobs(), memstore.New()
		watched = storage.New(p.watched)
		p.keeper, err = NewKeeper()
	} else {
		watched, err = p.openFolder(ctx, opts)
	}
	if opts.Records != nil {
		p.driver = opts.Records
	}
	if opts.Documents != nil {
		p.blobs = opts.Documents
	}
	return watched, err
}

// begin gives new parts what others held.
func (p *parts) begin(ctx context.Context, c *Copy) error {
	if p.watched == nil {
		return fmt.Errorf("vaulttest: %w: a stage in a folder begins with what lies there", storage.ErrInvalid)
	}
	p.keeper = c.keeper
	p.clock.Set(c.now)
	return errors.Join(pour(ctx, c.records, p.driver), pour(ctx, c.watched, p.watched))
}

// openFolder opens what is not given.
func (p *parts) openFolder(ctx context.Context, opts *Options) (*storage.Store, error) {
	if opts.Records == nil {
		records, err := p.openRecords(ctx, opts.Folder, local.RecordsFile)
		if err != nil {
			return nil, err
		}
		p.driver = records
	}
	if opts.Documents == nil {
		documents, err := filestore.Open(filepath.Join(opts.Folder, local.DocumentsName), nil)
		if err != nil {
			return nil, err
		}
		p.blobs, p.closers = documents, append(p.closers, documents.Close)
	}
	watched, err := p.openRecords(ctx, opts.Folder, local.WitnessFile)
	if err != nil {
		return nil, err
	}
	p.keeper, err = local.OpenKeyFile(filepath.Join(opts.Folder, local.KeyFileName))
	return storage.New(watched), err
}

func (p *parts) openRecords(ctx context.Context, folder, name string) (storage.Driver, error) {
	records, err := sqlitestore.Open(ctx, filepath.Join(folder, name), nil)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, records.Close)
	return records, nil
}

// service starts a service over the parts, with the wraps of opts.
func (p *parts) service(ctx context.Context, opts *Options) (*Stage, error) {
	s := &Stage{Witness: p.witness, Clock: p.clock, parts: p}
	s.Store, s.Blobs = storage.New(wrapped(opts.Driver, p.driver)), wrapped(opts.Blobs, p.blobs)
	s.Keeper = wrapped(opts.Keeper, p.keeper)
	books := opts.Quota
	books.Now = p.clock.Now
	var err error
	if s.Quota, err = quota.New(books); err != nil {
		return nil, err
	}
	folders := opts.Folders
	if folders == nil {
		folders = []string{"Papers"}
	}
	checkpoints := wrapped(opts.Checkpoints, vault.Checkpoints(p.witness))
	var directory vault.Directory
	if opts.Directory != nil {
		if directory, err = opts.Directory(s.Store, checkpoints); err != nil {
			return nil, err
		}
	}
	s.Vaults, err = vault.New(ctx, vault.Config{
		Store: s.Store, Blobs: s.Blobs, Keeper: s.Keeper, Quota: s.Quota, Directory: directory,
		Checkpoints: checkpoints,
		Limiter:     wrapped(opts.Limiter, vault.Limiter(p.witness)),
		Now:         p.clock.Now, Folders: folders,
		SessionIdle: opts.SessionIdle, SessionMax: opts.SessionMax, StaffSessionIdle: opts.StaffSessionIdle, StaffSessionMax: opts.StaffSessionMax,
		SignIns: opts.SignIns, SignInQueue: opts.SignInQueue, LeftShare: opts.LeftShare, LeftPerDay: opts.LeftPerDay,
		DeathWait: opts.DeathWait, UnseenAfter: opts.UnseenAfter, OnUnseen: opts.OnUnseen, Messenger: opts.Messenger, Events: opts.Events, Tally: opts.Tally,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func wrapped[T any](wrap func(T) T, part T) T {
	if wrap == nil {
		return part
	}
	return wrap(part)
}

// close ends the parts in the order that loses nothing. What is in memory stays
// until nobody holds it.
func (p *parts) close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers = nil
	return errors.Join(errs...)
}
