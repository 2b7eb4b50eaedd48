package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"time"

	"reconnect.example/quota"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// keys tries the key service by itself.
func (k *checker) keys(ctx context.Context) {
	const part = "keys"
	path, err := engines.KeyFile(k.c)
	if err == nil && path != "" && k.c.Keys == "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			k.good(part, "There is no key file yet. The first start makes it.")
			return
		}
	}
	keeper, closeKeeper, err := engines.OpenKeeper(ctx, k.c)
	if err != nil {
		k.fail(part, "Without the key service nobody can sign in. Set it right before the server starts.", "The key service cannot be opened: %s.", plain(err))
		return
	}
	defer func() { _ = closeKeeper() }()
	secret := make([]byte, 100)
	_, _ = rand.Read(secret)
	began := time.Now()
	sealed, err := keeper.Encrypt(ctx, secret)
	if err != nil {
		k.fail(part, "Look whether it runs and whether this server may use the key to encrypt.", "The key service does not seal.")
		return
	}
	opened, err := keeper.Decrypt(ctx, sealed)
	switch {
	case err != nil:
		k.fail(part, "Allow this server to use the key to decrypt.", "The key service does not open what it sealed.")
		return
	case !bytes.Equal(opened, secret):
		k.fail(part, "Do not use this key service.", "The key service gives back something else than it sealed.")
		return
	case bytes.Contains(sealed, secret):
		k.fail(part, "Do not use this key service.", "The key service does not seal: what it was given stands in what it answers.")
		return
	}
	k.good(part, "The key service (%s) seals and opens, in %s together.", k.scheme(k.c.Keys.Scheme(), "key file"), round(time.Since(began)))
}

// serviceKeys is where a store keeps the keys of its service.
const serviceKeys = "svc/keys"

// untouched stands where a service needs a witness or documents that it does not
// ask for anything when it only opens its own keys.
type untouched struct {
	vault.Checkpoints
	vault.Limiter
}

// sameKeys sees whether the key service is the one that this store was begun with.
func (k *checker) sameKeys(ctx context.Context, store *storage.Store) {
	const part = "keys"
	_, err := store.Get(ctx, serviceKeys)
	if errors.Is(err, storage.ErrNotFound) {
		k.good(part, "The store of records is new: the first start seals its keys with this key service.")
		return
	}
	if err != nil {
		k.failedStore("records", "--records", err)
		return
	}
	if path, err := engines.KeyFile(k.c); err == nil && path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			k.fail(part, "Put the key file back from its backup, to "+path+". Do not start the server without it.", "The store of records is in use, and its key file is missing.")
			return
		}
	}
	keeper, closeKeeper, err := engines.OpenKeeper(ctx, k.c)
	if err != nil {
		return // said where the key service is tried by itself
	}
	defer func() { _ = closeKeeper() }()
	space, err := quota.New(quota.Config{Allowance: k.c.Quota, Increased: k.c.QuotaIncreased})
	if err != nil {
		return // said by the configuration
	}
	vaults, err := vault.New(ctx, vault.Config{
		Store: store, Keeper: keeper, Quota: space,
		Blobs: struct{ storage.Blobs }{}, Checkpoints: untouched{}, Limiter: untouched{},
	})
	if err != nil {
		k.fail(part, "Name the key service, or put back the key file, that this store was begun with.", "The key service does not open the keys of this store: %s.", plain(err))
		return
	}
	_ = vaults.Close()
	k.good(part, "The key service opens the keys of this store.")
}
