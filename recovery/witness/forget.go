package witness

import (
	"context"
	"fmt"

	"reconnect.example/storage"
)

// forgetBatch is how many records of an erased vault go in one commit.
const forgetBatch = 50

// forget removes what is kept of an erased vault beside its tombstone: counters,
// evidence, its owner side and the statement about it. It may be repeated.
func (w *Witness) forget(ctx context.Context, vault [16]byte) error {
	for _, prefix := range []string{sidesPrefix(vault), restoreKey(vault), forkPrefix(vault), countPrefix(vault), policyKey(vault), requestPrefix(vault)} {
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
