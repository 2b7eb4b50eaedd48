//go:build !services

package engines

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"reconnect.example/refserver/config"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// openKeyService knows no key service of others.
func openKeyService(_ context.Context, c *config.Config) (vault.Keeper, func() error, error) {
	return nil, nil, fmt.Errorf("%w: no driver for the scheme %q is built in (there are: %s); build with -tags services",
		vault.ErrKeyService, c.Keys.Scheme(), strings.Join(ownKeySchemes(), ", "))
}

// openQueue knows no queue.
func openQueue(context.Context, *config.Config) (vault.Events, func() error, error) {
	return nil, nil, errors.New("this program was built for one machine; queues need -tags services, and the import of their driver in refserver/engines")
}

// elsewhere says how the program is built that knows a service, where the store
// says which package a program of one's own imports.
func elsewhere(u config.URL, err error) error {
	if slices.Contains(services, u.Scheme()) && errors.Is(err, storage.ErrInvalid) {
		return fmt.Errorf("%w; this program was built for one machine: for %s:, go build -tags services ./refserver", err, u.Scheme())
	}
	return err
}

// services are the schemes of drivers that are left out.
var services = []string{"postgres", "postgresql", "s3"}
