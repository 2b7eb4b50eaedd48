package witness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"reconnect.example/storage"
)

// maxForks is how much evidence is kept of each head: the earliest, which says
// when two stores began to differ, and few enough that a client that invents
// forks fills nothing.
const maxForks = 4

// Fork is evidence that one head of a vault was seen twice with one version:
// somebody shows different states of the store to different readers (C2), or two
// sessions wrote at once past the store's own checks.
type Fork struct {
	Remembered Checkpoint // the one that counts: it was reported first
	Reported   Checkpoint
	Owner      []byte // the reported owner head, signed, which is proof; nil for the other heads
	Seen       time.Time
}

// keepFork writes evidence of f, unless it is known or there is enough.
func (w *Witness) keepFork(tx *storage.Tx, r *report, f fork) error {
	for n := range maxForks {
		var known forkRecord
		key := forkKey(r.vault, f.reported.Head, n)
		found, err := get(tx.Get, key, &known)
		if err != nil {
			return err
		}
		if found {
			if known.Version == f.reported.Version && known.Restore == f.reported.Restore && known.Reported == f.reported.Hash {
				return nil
			}
			continue
		}
		evidence := forkRecord{
			Restore:    f.reported.Restore,
			Version:    f.reported.Version,
			Remembered: f.remembered.Hash,
			Reported:   f.reported.Hash,
			Seen:       w.clock.read().UnixMilli(),
		}
		if f.reported.Head == ownerName {
			evidence.Owner = r.owner
		}
		return put(tx, key, evidence)
	}
	return nil
}

// Forks returns the evidence of forks of a vault, by head and then the earliest
// first; of each head the first four are kept, until the vault is erased.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Forks(ctx context.Context, vault [16]byte) ([]Fork, error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	page, err := w.store.Scan(ctx, forkPrefix(vault), "", len(headNames)*maxForks)
	if err != nil {
		return nil, closedSet("forks", err)
	}
	forks := make([]Fork, 0, len(page))
	for _, r := range page {
		var f forkRecord
		if err := decode(r, &f); err != nil {
			return nil, closedSet("forks", err)
		}
		head, _, _ := strings.Cut(strings.TrimPrefix(r.Key, forkPrefix(vault)), "/")
		if placeOf(head) < 0 {
			return nil, closedSet("forks", fmt.Errorf("%w: %q names an unknown head", ErrDamaged, r.Key))
		}
		seen := Checkpoint{Head: head, Restore: f.Restore, Version: f.Version}
		fork := Fork{Remembered: seen, Reported: seen, Owner: f.Owner, Seen: time.UnixMilli(f.Seen)}
		fork.Remembered.Hash, fork.Reported.Hash = f.Remembered, f.Reported
		forks = append(forks, fork)
	}
	return forks, nil
}
