package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"reconnect.example/refserver/config"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// KeyFile returns the path of the key file, or "" if the key service is another one.
func KeyFile(c *config.Config) (string, error) {
	if c.Keys == "" {
		return filepath.Join(c.Data, local.KeyFileName), nil
	}
	u, err := url.Parse(c.Keys.Reveal())
	if err != nil || u.Scheme != "file" {
		return "", nil //nolint:nilerr // OpenKeeper says so
	}
	if u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path == "" {
		return "", fmt.Errorf("%w: --keys names no file; write file:///absolute/path/service.key", vault.ErrKeyService)
	}
	return filepath.FromSlash(u.Path), nil
}

// OpenKeeper opens the key service. The function that comes with it closes it.
func OpenKeeper(ctx context.Context, c *config.Config) (vault.Keeper, func() error, error) {
	path, err := KeyFile(c)
	if err != nil {
		return nil, nil, err
	}
	if path != "" {
		keeper, err := openKeyFile(path, c.Keys == "")
		return keeper, func() error { return nil }, err
	}
	if c.Keys.Scheme() == givenKey {
		keeper, err := openGivenKey(c.Keys.Reveal())
		if err != nil {
			return nil, nil, err
		}
		return keeper, func() error { return nil }, nil
	}
	return openKeyService(ctx, c)
}

// openKeyFile makes the file only where nobody named it: one that was named and
// is missing is a mistake, and a new key would open nothing.
func openKeyFile(path string, mayMake bool) (vault.Keeper, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !mayMake {
		return nil, fmt.Errorf("%w: there is no key file %s; the first one is made with: head -c 32 /dev/urandom > %s && chmod 600 %s",
			vault.ErrKeyService, path, path, path)
	}
	return local.OpenKeyFile(path)
}
