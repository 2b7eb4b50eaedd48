// Package engines opens what a configuration names: the store of records, the
// store of documents, the key service and the witness, and the vaults over all
// of them. What is not named lies in the data folder. It is the place where a
// partner adds a driver: one line of import.
//
// The drivers that are built in: records in SQLite, documents in files, and keys
// in a key file or given as base64key://. With -tags services also records in
// PostgreSQL, documents in S3 and what speaks its language, and key services by
// way of gocloud.dev/secrets (services.go): their clients are a third of what is
// compiled and half of what is downloaded, and who tries the server waits for that.
// Left out of both, because each brings a large library, are the buckets of
// Google (gocloud.dev/blob/gcsblob) and Azure (azureblob), and the drivers of key
// services (AWS, Google, Azure, HashiCorp Vault): one import in services.go each.
package engines

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/recovery"
	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/webhooks"
	"reconnect.example/storage"
	_ "reconnect.example/storage/filestore"   // file: URLs
	_ "reconnect.example/storage/sqlitestore" // sqlite: URLs
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// Witness is what vaults and ways back in need of a witness, here or elsewhere.
type Witness interface {
	vault.Checkpoints
	vault.Limiter
	recovery.Witness
}

// Engines are the opened parts. Whoever opened them closes them.
type Engines struct {
	*vault.Vaults
	Records *storage.Store
	Blobs   storage.Blobs
	Keeper  vault.Keeper
	Witness Witness
	Quota   *quota.Quota

	Directory *consent.Directory // of relays; nil: no authority is named
	Staff     *consent.Service   // what relays and workers do; nil: no authority is named
	Recovery  *recovery.Service  // ways back in; nil: no authority is named, and nobody could help
	Helped    *Helped            // counts what was asked for with it
	register  *consent.Register

	Webhooks *webhooks.Sender // tells programs of others; nil: there are none

	Restore *vault.RestoreKeys // nil: restores are never accepted

	WitnessRecords *storage.Store // of the witness of the data folder; nil: it is elsewhere

	own     *witness.Witness // the witness, if it lies in the data folder
	closers []func() error
}

// Open opens everything, or makes it at the first start. The context is for
// opening only. No error repeats a URL.
func Open(ctx context.Context, c *config.Config) (e *Engines, err error) {
	e = &Engines{Helped: &Helped{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
			e = nil
		}
	}()
	if err := local.MakeFolder(c.Data); err != nil {
		return e, err
	}
	if e.Records, err = OpenRecords(ctx, c, false); err != nil {
		return e, err
	}
	e.closers = append(e.closers, e.Records.Close)
	if e.Blobs, err = OpenBlobs(ctx, c, false); err != nil {
		return e, err
	}
	e.closers = append(e.closers, e.Blobs.Close)
	if err := e.checkOperatorKey(ctx, c); err != nil {
		return e, err
	}
	if err := e.openWitness(ctx, c); err != nil {
		return e, err
	}
	keeper, closeKeeper, err := OpenKeeper(ctx, c)
	if err != nil {
		return e, err
	}
	e.Keeper, e.closers = keeper, append(e.closers, closeKeeper)
	if e.Quota, err = quota.New(quota.Config{Allowance: c.Quota, Increased: c.QuotaIncreased}); err != nil {
		return e, err
	}
	if e.Directory, err = OpenDirectory(ctx, c, e.Records, e.Witness); err != nil {
		return e, err
	}
	if e.Directory != nil {
		if e.register, err = consent.NewRegister(consent.RegisterConfig{Directory: e.Directory, Store: e.Records, Checkpoints: e.Witness}); err != nil {
			return e, err
		}
	}
	cfg := e.Config(c)
	if cfg.Messenger, err = e.messengers(c); err != nil {
		return e, err
	}
	if cfg.Events, err = e.openEvents(ctx, c); err != nil {
		return e, err
	}
	if e.Vaults, err = vault.New(ctx, cfg); err != nil {
		return e, err
	}
	e.closers = append(e.closers, e.Vaults.Close)
	if e.Directory != nil {
		err = e.openStaff(c)
	}
	return e, err
}

// messengers are through whom people are reminded; nil: nobody is.
func (e *Engines) messengers(c *config.Config) (vault.Messenger, error) {
	var all vault.Messengers
	carried, err := c.Notify.Messenger()
	if err != nil {
		return nil, err
	}
	if carried != nil {
		all = append(all, carried)
	}
	if e.register != nil {
		all = append(all, consent.NewLists(e.register))
	}
	if all == nil {
		return nil, nil
	}
	return all, nil
}

// Config is that of the vaults over the parts that are open.
func (e *Engines) Config(c *config.Config) vault.Config {
	cfg := vault.Config{
		Store: e.Records, Blobs: e.Blobs, Keeper: e.Keeper, Checkpoints: e.Witness, Limiter: e.Witness, Quota: e.Quota,
		Restore: e.Restore, SessionIdle: c.SessionIdle, SessionMax: c.SessionMax, StaffSessionIdle: c.StaffSessionIdle, StaffSessionMax: c.StaffSessionMax,
		LeftShare: c.LeftShare, LeftPerDay: c.LeftPerDay,
		DeathWait: time.Duration(c.DeathWait) * 24 * time.Hour, UnseenAfter: c.UnseenAfter,
	}
	if e.register != nil { // not a nil register in an interface that is not nil
		cfg.Directory, cfg.Tally = e.register, consent.NewTally(e.Directory)
	}
	return cfg
}

// Close ends everything in the order that loses nothing: first the vaults, so
// that their last reports reach the witness, then the rest.
func (e *Engines) Close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	e.closers = nil
	return errors.Join(errs...)
}

// Sweep does what is due in the stores, and in the witness if it lies here.
// Several processes may sweep at once.
func (e *Engines) Sweep(ctx context.Context) (vault.SweepReport, error) {
	r, err := e.Vaults.Sweep(ctx)
	if e.own != nil {
		_, witnessErr := e.own.Sweep(ctx)
		err = errors.Join(err, witnessErr)
	}
	return r, err
}

// OpenWitnessRecords opens the store of a witness that serves others.
func OpenWitnessRecords(ctx context.Context, c *config.Config) (*storage.Store, error) {
	if err := local.MakeFolder(c.Data); err != nil {
		return nil, err
	}
	return openStore(ctx, c.Data, c.Records, local.WitnessFile, false)
}

// OpenOwnWitnessRecords opens the store of the witness of the data folder.
func OpenOwnWitnessRecords(ctx context.Context, c *config.Config) (*storage.Store, error) {
	return openStore(ctx, c.Data, "", local.WitnessFile, false)
}

// OpenRecords opens the store of records. With existing, one on this machine
// that is not there is storage.ErrNotFound instead of made.
func OpenRecords(ctx context.Context, c *config.Config, existing bool) (*storage.Store, error) {
	return openStore(ctx, c.Data, c.Records, local.RecordsFile, existing)
}

func openStore(ctx context.Context, folder string, named config.URL, file string, existing bool) (*storage.Store, error) {
	if named != "" {
		store, err := storage.Open(ctx, mustExist(named.Reveal(), existing))
		return store, of("--records", elsewhere(named, err))
	}
	at, err := within(folder, "sqlite", file)
	if err != nil {
		return nil, err
	}
	store, err := storage.Open(ctx, mustExist(at, existing))
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", folder, err)
	}
	return store, nil
}

// OpenBlobs opens the store of documents; existing is as in OpenRecords.
func OpenBlobs(ctx context.Context, c *config.Config, existing bool) (storage.Blobs, error) {
	if c.Blobs != "" {
		blobs, err := storage.OpenBlobs(ctx, mustExist(c.Blobs.Reveal(), existing))
		return blobs, of("--blobs", elsewhere(c.Blobs, err))
	}
	at, err := within(c.Data, "file", local.DocumentsName)
	if err != nil {
		return nil, err
	}
	blobs, err := storage.OpenBlobs(ctx, mustExist(at, existing))
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", c.Data, err)
	}
	return blobs, nil
}

// NamedError says which setting names what could not be opened. It wraps the
// error of the driver.
type NamedError struct {
	Flag string
	Err  error
}

func (e *NamedError) Error() string { return e.Flag + ": " + e.Err.Error() }

// Unwrap returns the error of the driver.
func (e *NamedError) Unwrap() error { return e.Err }

func of(flag string, err error) error {
	if err == nil {
		return nil
	}
	return &NamedError{Flag: flag, Err: err}
}

// within is the URL of a part of the data folder.
func within(folder, scheme, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(folder, name))
	if err != nil {
		return "", fmt.Errorf("data folder %s: %w", folder, err)
	}
	return (&url.URL{Scheme: scheme, Path: filepath.ToSlash(path)}).String(), nil
}

// mustExist tells a driver of this machine to make nothing.
func mustExist(raw string, existing bool) string {
	u, err := url.Parse(raw)
	if !existing || err != nil || u.Scheme != "sqlite" && u.Scheme != "file" {
		return raw
	}
	query := u.Query()
	query.Set("existing", "true")
	u.RawQuery = query.Encode()
	return u.String()
}
