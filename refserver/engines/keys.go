package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/localsecrets" // base64key: URLs. Another key service: import its driver here.

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
	if c.Keys.Scheme() == "base64key" && strings.TrimPrefix(c.Keys.Reveal(), "base64key://") == "" {
		// The library would make a key up, and forget it at the end of the process.
		return nil, nil, fmt.Errorf("%w: --keys holds no key after base64key://", vault.ErrKeyService)
	}
	if !secrets.DefaultURLMux().ValidKeeperScheme(c.Keys.Scheme()) {
		return nil, nil, fmt.Errorf("%w: no driver for the scheme %q is built in (there are: file, %s); add its import to refserver/engines",
			vault.ErrKeyService, c.Keys.Scheme(), strings.Join(secrets.DefaultURLMux().KeeperSchemes(), ", "))
	}
	keeper, err := secrets.OpenKeeper(ctx, c.Keys.Reveal())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: --keys cannot be opened: %s", vault.ErrKeyService, without(err.Error(), c.Keys.Reveal()))
	}
	return keeper, keeper.Close, nil
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

// without takes a URL and its parts out of a text that others wrote.
func without(text, raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	parts := []string{raw, u.Host, u.User.String(), u.RawQuery}
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, part := range parts {
		if part != "" {
			text = strings.ReplaceAll(text, part, "…")
		}
	}
	return text
}
