//go:build services

package engines

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"gocloud.dev/secrets" // Another key service: import its driver here.

	"reconnect.example/refserver/config"
	_ "reconnect.example/storage/bucket/s3bucket" // s3: URLs
	_ "reconnect.example/storage/postgresstore"   // postgres: URLs
	"reconnect.example/vault"
)

// openKeyService opens a key service of others, through gocloud.
func openKeyService(ctx context.Context, c *config.Config) (vault.Keeper, func() error, error) {
	known := secrets.DefaultURLMux()
	if !known.ValidKeeperScheme(c.Keys.Scheme()) {
		return nil, nil, fmt.Errorf("%w: no driver for the scheme %q is built in (there are: %s); add its import to refserver/engines",
			vault.ErrKeyService, c.Keys.Scheme(), strings.Join(append(ownKeySchemes(), known.KeeperSchemes()...), ", "))
	}
	keeper, err := secrets.OpenKeeper(ctx, c.Keys.Reveal())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: --keys cannot be opened: %s", vault.ErrKeyService, without(err.Error(), c.Keys.Reveal()))
	}
	return keeper, keeper.Close, nil
}

// elsewhere adds nothing: all drivers are built in.
func elsewhere(_ config.URL, err error) error { return err }

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
