package witness

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Restore takes the operator's statement about a vault (a signed envelope, see
// seal.SealRestore): its store was legitimately set back, or its checkpoints were
// falsely raised, and the shared, private and journal heads that the statement
// names are the present ones. The witness begins the restore epoch of the
// statement, which must be the one after the vault's: its checkpoints of those
// heads become exactly these, and what it was told of earlier epochs counts no
// more. The owner checkpoint stays (N16); owner heads of the new epoch are
// accepted from now on.
//
// The answer is the complete statement, with the witness's own signature, which
// a vault demands (C8): durable before the answer. The same statement again has
// the same answer; another one of the same epoch is refused.
//
// Errors: ErrRestore (not signed by Config.Operator, about another vault, another
// epoch; or the witness has no Operator and takes none), ErrUnregistered,
// ErrErased, ErrUnavailable, ErrDamaged, ErrClosed. Nothing was changed then, but
// for ErrUnavailable: repeat it.
func (w *Witness) Restore(ctx context.Context, vault [16]byte, statement []byte) (complete []byte, err error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	if w.operator == nil {
		return nil, closedSet("restore", fmt.Errorf("%w: this witness takes none", ErrRestore))
	}
	r, err := seal.OpenRestore(w.operator, vault, statement)
	if err == nil {
		complete, err = w.key.CountersignRestore(vault, statement)
	}
	if err != nil {
		return nil, closedSet("restore", fmt.Errorf("%w: %w", ErrRestore, err))
	}
	leave, err := w.queue.enter(ctx, vaultKey(vault))
	if err != nil {
		return nil, closedSet("restore", err)
	}
	defer leave()
	err = w.store.Transact(ctx, func(tx *storage.Tx) error { return restore(tx, r, complete) })
	if err != nil {
		return nil, closedSet("restore", err)
	}
	w.pending.dropBefore(vault, r.Epoch)
	return complete, nil
}

func restore(tx *storage.Tx, r *seal.Restore, complete []byte) error {
	s, err := loadState(tx.Get, r.Vault)
	switch {
	case err != nil:
		return err
	case !s.registered():
		return ErrUnregistered
	case s.Erased != 0:
		return ErrErased // no statement brings back what a person destroyed
	}
	known, err := restored(tx.Get, r.Vault)
	if err != nil {
		return err
	}
	if r.Epoch == s.Restore && bytes.Equal(known, complete) {
		return nil // again, as the answer was lost
	}
	if r.Epoch != s.Restore+1 { // C8: each counts once
		return fmt.Errorf("%w: it is of epoch %d, after %d", ErrRestore, r.Epoch, s.Restore)
	}
	s.Restore = r.Epoch
	for _, h := range r.Heads {
		s.heads[h.Head] = Checkpoint{Head: h.Head, Restore: r.Epoch, Version: h.Version, Hash: h.Hash}
	}
	if err := put(tx, vaultKey(r.Vault), s.record()); err != nil {
		return err
	}
	// Whoever finds these signatures in the store may take the commit for theirs.
	tx.PutUnique(restoreKey(r.Vault), append([]byte{form}, complete...))
	return nil
}

// Restored returns the complete statement that began the current restore epoch
// of a vault, or nil if the witness took none.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Restored(ctx context.Context, vault [16]byte) (complete []byte, err error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	complete, err = restored(reader(ctx, w.store), vault)
	return complete, closedSet("restored", err)
}

func restored(read func(key string) (storage.Record, error), vault [16]byte) ([]byte, error) {
	r, err := read(restoreKey(vault))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return body(r)
}

// Vaults returns the ids of the registered vaults, erased ones too, in their
// order: at most limit (1 to 1000) that come after after. Whoever restores the
// operator's store goes through all of them.
//
// Errors: ErrInvalid, ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Vaults(ctx context.Context, after [16]byte, limit int) ([][16]byte, error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	if limit < 1 || limit > storage.MaxScan {
		return nil, closedSet("vaults", fmt.Errorf("%w: limit %d is not 1 to %d", ErrInvalid, limit, storage.MaxScan))
	}
	page, err := w.store.Scan(ctx, vaultTable, vaultKey(after), limit)
	if err != nil {
		return nil, closedSet("vaults", err)
	}
	vaults := make([][16]byte, len(page))
	for i, r := range page {
		id := strings.TrimPrefix(r.Key, vaultTable)
		if hex.DecodedLen(len(id)) != len(vaults[i]) {
			return nil, closedSet("vaults", fmt.Errorf("%w: %q names no vault", ErrDamaged, r.Key))
		}
		if _, err := hex.Decode(vaults[i][:], []byte(id)); err != nil {
			return nil, closedSet("vaults", fmt.Errorf("%w: %q names no vault", ErrDamaged, r.Key))
		}
	}
	return vaults, nil
}

// PublicKey returns the Ed25519 key with which this witness countersigns restore
// statements; nil without [Config.Seed].
func (w *Witness) PublicKey() []byte { return w.key.Public() }
