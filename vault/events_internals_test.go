package vault

import (
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// MakeEvents announces something several times.
func (s *Vaults) MakeEvents(ctx context.Context, n int) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for range n {
			s.announce(tx, seal.KindPerson, EventDepositWaiting)
		}
		return nil
	})
}
