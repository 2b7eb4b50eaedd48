package engines

import (
	"context"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// OpenDirectory opens the directory of relays over a store and a witness; nil if no
// authority is named.
func OpenDirectory(ctx context.Context, c *config.Config, records *storage.Store, remembers vault.Checkpoints) (*consent.Directory, error) {
	authority := c.AuthorityKey()
	if authority == nil {
		return nil, nil //nolint:nilnil // as said
	}
	zone, err := time.LoadLocation(c.Serve.Zone)
	if err != nil {
		return nil, err
	}
	return consent.OpenDirectory(ctx, consent.DirectoryConfig{
		Store: records, Checkpoints: remembers, Authority: *authority, FeeCap: c.FeeCap, Currency: c.Currency, Zone: zone,
	})
}
