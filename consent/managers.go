package consent

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Managers counts who holds the keys of a relay's whole space, as its signed head in
// the store says: its managers. With none, only the relay recovery sheet opens it. It
// takes no key, and asks no witness: it is for an operator who looks after relays, not
// for a decision about keys.
//
// Errors: vault.ErrNotFound if the store has no space of this relay,
// vault.ErrUntrustedKey if it is not the one that the authority signed,
// vault.ErrTampered, vault.ErrStorage.
func Managers(ctx context.Context, store *storage.Store, relay Relay) (int, error) {
	rec, err := store.Get(ctx, headKey(relay.ID))
	if errors.Is(err, storage.ErrNotFound) {
		return 0, vault.ErrNotFound
	}
	if err != nil {
		return 0, storageError(err)
	}
	h, err := seal.OpenOwnerHead(relay.ID, rec.Value)
	if err != nil {
		return 0, tampered("head of a space")
	}
	if h.Kind != seal.KindRelay || !h.Trusts(relay.Key[:]) {
		return 0, vault.ErrUntrustedKey
	}
	return vault.HeldBy(h), nil
}
