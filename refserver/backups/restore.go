package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/vault/backup"
	"reconnect.example/vault/local"
)

// restore fills empty stores from a backup, and makes that legitimate. No
// server may run on these stores meanwhile.
func restore(ctx context.Context, c *config.Config, out io.Writer, far backup.Progress) error {
	if conn, err := net.Dial("unix", filepath.Join(c.Data, admin.SocketName)); err == nil {
		_ = conn.Close()
		return errors.New("a server runs on this data folder; stop it first")
	}
	name, err := choose(c.Restore.BackupOne)
	if err != nil {
		return err
	}
	m, err := backup.ReadManifest(c.Restore.Folder, name)
	if err != nil {
		return err
	}
	operator, keyErr := operatorKey(c)
	if err := errors.Join(keyErr, missingFirst(c)); err != nil {
		return err
	}
	if err := sameOperator(c, operator); err != nil {
		return err
	}
	if !c.Restore.SettleOnly {
		missing, err := fill(ctx, c, name, far)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "Put back: %d records and %d documents of backup %s.\n", m.Records.Records, m.Documents-int64(len(missing)), name)
		if len(missing) > 0 {
			_, _ = fmt.Fprintf(out, "%d documents are missing from the backup; their owners see them as damaged.\n", len(missing))
		}
	}
	return settle(ctx, c, m, operator, out, far)
}

// operatorKey reads the key that signs; it is never made here, as a new one is
// worth nothing.
func operatorKey(c *config.Config) (*witness.Identity, error) {
	path := c.Restore.OperatorKeyFile
	if path == "" {
		path = engines.OperatorKeyFile(c)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the operator's key is needed to sign that this restore is meant; put it at %s or name it with --operator-key-file: %w", path, err)
	}
	return witness.OpenIdentity(path)
}

// sameOperator holds the key against the one that vaults and witness know, before
// anything is written.
func sameOperator(c *config.Config, operator *witness.Identity) error {
	if c.OperatorKey == "" {
		if c.Restore.OperatorKeyFile != "" {
			return errors.New("with --operator-key-file, say with --operator-key whose statements count")
		}
		return nil // it is the one of the data folder
	}
	public, err := witness.ParsePublicKey(c.OperatorKey)
	if err == nil && public != operator.Public() {
		err = errors.New("this is another operator's key than --operator-key names")
	}
	return err
}

// missingFirst refuses to begin without what cannot be made anew.
func missingFirst(c *config.Config) error {
	var problems []error
	need := func(path, what string) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("%s is missing: %s", path, what))
		}
	}
	if c.Keys == "" {
		need(filepath.Join(c.Data, local.KeyFileName), "without the key file nothing can be opened; put it back first, from where it was kept")
	}
	if c.Witness == "" && !c.Restore.WithWitness {
		need(filepath.Join(c.Data, local.WitnessFile), "put back the witness of the lost server, with witness.key; or, if it is lost too, take its copy from the backup with --with-witness")
	}
	if c.Witness != "" && c.Restore.WithWitness {
		problems = append(problems, errors.New("--with-witness is for a witness in the data folder; one elsewhere is never set back"))
	}
	return errors.Join(problems...)
}

func fill(ctx context.Context, c *config.Config, name string, far backup.Progress) (missing []string, err error) {
	from, err := openDocuments(c.Restore.Folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to := backup.Target{Progress: far}
	if to.Store, err = engines.OpenRecords(ctx, c, false); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Store.Close()) }()
	if to.Blobs, err = engines.OpenBlobs(ctx, c, false); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Blobs.Close()) }()
	if c.Restore.WithWitness {
		if to.Witness, err = engines.OpenOwnWitnessRecords(ctx, c); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, to.Witness.Close()) }()
	}
	_, missing, err = backup.Restore(ctx, c.Restore.Folder, name, from, to)
	if errors.Is(err, backup.ErrNotEmpty) {
		err = fmt.Errorf("%w: a restore writes over nothing. Name a new --data folder with the key files in it, or an empty --records; "+
			"if an earlier restore was interrupted after the records were back, go on with --settle-only", err)
	}
	return missing, err
}

// settle signs, vault by vault, that what is there now is meant.
func settle(ctx context.Context, c *config.Config, m *backup.Manifest, operator *witness.Identity, out io.Writer, far backup.Progress) (err error) {
	e, err := engines.Open(ctx, c)
	if err != nil {
		return fmt.Errorf("the records are back, but nothing is settled; mend this, and go on with --settle-only: %w", err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	w, ok := e.Witness.(backup.Witness)
	if !ok || e.Restore == nil {
		return errors.New("no restore can be accepted with this configuration: --operator-key and --witness-signs say whose word counts")
	}
	s, err := backup.Settle(ctx, backup.SettleConfig{
		Vaults: e.Vaults, Store: e.Records, Witness: w, Operator: operator.Seed(), Taken: m.Taken, Everyone: c.Restore.WithWitness, Progress: far,
	})
	_, _ = fmt.Fprintf(out, "%d accounts: %d unchanged since the backup, %d set back (their people are told at the next sign-in; %d of them are younger than the backup and begin again empty), %d erased again, %d failed.\n",
		s.Vaults, s.Unchanged, s.Stated, s.Younger, s.Erased, s.Failed)
	if err != nil {
		return fmt.Errorf("not everything is settled; try again with --settle-only: %w", err)
	}
	_, err = fmt.Fprintln(out, "Now start the server.")
	return err
}
