package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"reconnect.example/storage"
)

// OwnerHead returns the latest owner head of a vault as it was signed, or its
// tombstone: what a store that lost or hides it can be set right with.
//
// Errors: ErrUnregistered, ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) OwnerHead(ctx context.Context, vault [16]byte) ([]byte, error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	r, err := w.store.Get(ctx, ownerKey(vault))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, closedSet("owner head", ErrUnregistered)
	}
	if err != nil {
		return nil, closedSet("owner head", err)
	}
	signed, err := body(r)
	if err != nil {
		return nil, closedSet("owner head", err)
	}
	return bytes.Clone(signed), nil
}

// forgetBatch is how many records of an erased vault go in one commit.
const forgetBatch = 50

// forget removes what is kept of an erased vault beside its tombstone. It may be
// repeated.
func (w *Witness) forget(ctx context.Context, vault [16]byte) error {
	for _, prefix := range []string{forkPrefix(vault), countPrefix(vault)} {
		for more := true; more; {
			page, err := w.store.Scan(ctx, prefix, "", forgetBatch)
			if err != nil {
				return err
			}
			more = len(page) == forgetBatch
			if err := w.remove(ctx, page); err != nil {
				return fmt.Errorf("forget: %w", err)
			}
		}
	}
	return nil
}

func (w *Witness) remove(ctx context.Context, records []storage.Record) error {
	if len(records) == 0 {
		return nil
	}
	return w.store.Transact(ctx, func(tx *storage.Tx) error {
		for _, r := range records {
			tx.Delete(r.Key)
		}
		return nil
	})
}
