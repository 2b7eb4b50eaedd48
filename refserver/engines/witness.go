package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// identityFile is who this server is to a witness elsewhere, in the data folder.
const identityFile = "witness-client.key"

// openWitness opens the witness that is named, or that of the data folder.
func (e *Engines) openWitness(ctx context.Context, c *config.Config) error {
	if c.Witness != "" {
		client, err := DialWitness(c)
		if err != nil {
			return err
		}
		e.Witness, e.closers = client, append(e.closers, client.Close)
		e.Restore, err = restoreKeys(c)
		return err
	}
	store, err := OpenOwnWitnessRecords(ctx, c)
	if err != nil {
		return err
	}
	e.WitnessRecords, e.closers = store, append(e.closers, store.Close)
	cfg := witness.Config{Store: store}
	if e.Restore, err = ownKeys(c, &cfg); err != nil {
		return err
	}
	if e.own, err = witness.New(cfg); err != nil {
		return err
	}
	e.Witness, e.closers = e.own, append(e.closers, e.own.Close)
	return nil
}

// DialWitness makes a client of the witness that is named, without asking
// whether it is there: a server starts while the witness is away.
func DialWitness(c *config.Config) (*witness.Client, error) {
	identity, err := Identity(c)
	if err != nil {
		return nil, err
	}
	server, err := witness.ParsePublicKey(c.WitnessKey)
	if err != nil {
		return nil, fmt.Errorf("--witness-key: %w", err)
	}
	client, err := witness.NewClient(witness.ClientConfig{URL: c.Witness.Reveal(), Identity: identity, Server: server})
	if err != nil {
		return nil, fmt.Errorf("--witness: %w", err)
	}
	return client, nil
}

// Identity opens who this server is to a witness elsewhere. It makes the file
// only where nobody named it: the witness would not know a new one.
func Identity(c *config.Config) (*witness.Identity, error) {
	path := IdentityFile(c)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && c.WitnessIdentity != "" {
		return nil, fmt.Errorf("--witness-identity: there is no file %s; make it with: refserver witness identity %s", path, path)
	}
	identity, err := witness.OpenIdentity(path)
	if err != nil {
		return nil, fmt.Errorf("--witness-identity: %w", err)
	}
	return identity, nil
}

// WitnessAnswers reports whether a witness elsewhere answers this server; nil
// for one that lies here.
func (e *Engines) WitnessAnswers(ctx context.Context) error {
	if elsewhere, ok := e.Witness.(*witness.Client); ok {
		return elsewhere.Health(ctx)
	}
	return nil
}

// IdentityFile is the file that says who this server is to a witness elsewhere.
func IdentityFile(c *config.Config) string {
	if c.WitnessIdentity != "" {
		return c.WitnessIdentity
	}
	return filepath.Join(c.Data, identityFile)
}

// restoreKeys are the two keys of a restore with a witness elsewhere; nil: none
// is taken.
func restoreKeys(c *config.Config) (*vault.RestoreKeys, error) {
	if c.WitnessSigns == "" {
		return nil, nil //nolint:nilnil // as said
	}
	signs, err := witness.ParsePublicKey(c.WitnessSigns)
	if err != nil {
		return nil, fmt.Errorf("--witness-signs: %w", err)
	}
	operator, err := operatorKey(c)
	if err != nil {
		return nil, err
	}
	return &vault.RestoreKeys{Operator: operator[:], Witness: signs[:]}, nil
}

// ownKeys gives the witness of the data folder its signing key and the
// operator's.
func ownKeys(c *config.Config, cfg *witness.Config) (*vault.RestoreKeys, error) {
	signs, err := witness.OpenIdentity(filepath.Join(c.Data, local.WitnessKeyName))
	if err != nil {
		return nil, err
	}
	operator, err := operatorKey(c)
	if err != nil {
		return nil, err
	}
	cfg.Seed, cfg.Operator = signs.Seed(), operator[:]
	public := signs.Public()
	return &vault.RestoreKeys{Operator: operator[:], Witness: public[:]}, nil
}

// checkOperatorKey refuses a store that is in use while the operator's key is
// missing here: a new one would silently take its place, and the one that was put
// away would sign for nothing.
func (e *Engines) checkOperatorKey(ctx context.Context, c *config.Config) error {
	if c.OperatorKey != "" || c.Witness != "" && c.WitnessSigns == "" {
		return nil
	}
	if _, err := os.Stat(OperatorKeyFile(c)); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	used, err := e.Records.Scan(ctx, "svc/", "", 1)
	if err == nil && len(used) > 0 {
		err = fmt.Errorf("%s is missing, and these records are in use: put it back, or say its public key with --operator-key; if it is lost, make another with: refserver witness identity %s",
			local.OperatorKeyName, OperatorKeyFile(c))
	}
	return err
}

// operatorKey is the public key of the operator: the one that is named or, on
// one machine, that of the file in the data folder.
func operatorKey(c *config.Config) (witness.PublicKey, error) {
	if c.OperatorKey != "" {
		return witness.ParsePublicKey(c.OperatorKey)
	}
	identity, err := witness.OpenIdentity(OperatorKeyFile(c))
	if err != nil {
		return witness.PublicKey{}, err
	}
	return identity.Public(), nil
}

// OperatorKeyFile is where the operator's own key lies if it lies here.
func OperatorKeyFile(c *config.Config) string { return filepath.Join(c.Data, local.OperatorKeyName) }

// PrivateFiles are the files of the data folder with keys in them, those that
// are there, beside the key file.
func PrivateFiles(c *config.Config) []string {
	var files []string
	for _, path := range []string{IdentityFile(c), filepath.Join(c.Data, local.WitnessKeyName), OperatorKeyFile(c)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			files = append(files, path)
		}
	}
	return files
}
