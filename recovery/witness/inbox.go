package witness

import (
	"context"
	"fmt"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Inbox says to which key of this witness vaults close what only it is to read: their
// policies, which name who helps a person, and lie in a store that is not to learn it.
// The answer (CBOR, see docs/format.md) names the generation of the key, which is that
// of [Witness.Evaluate], and is signed with the key of [Config.Seed], if there is one.
// What was closed to an earlier generation stays readable.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Inbox(ctx context.Context) (inbox []byte, err error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	key, err := w.evaluationKey(ctx, 0)
	if err != nil {
		return nil, closedSet("inbox", err)
	}
	box, err := key.box()
	if err == nil {
		inbox, err = w.key.SignPolicyInbox(key.generation, box.Public())
	}
	return inbox, closedSet("inbox", err)
}

// box is the private half of the inbox. It is derived, so that who keeps the keys of the
// witness safe keeps it, too; nothing that Evaluate answers is of that form.
func (k evaluationKey) box() (seal.BoxKey, error) {
	box, err := seal.PolicyBoxKey(k.key)
	if err != nil {
		return box, fmt.Errorf("%w: %q", ErrDamaged, keyKey(k.generation))
	}
	return box, nil
}

// openPolicyRecord opens a policy as it lies in the owner side; who signed it is not
// known yet. ErrGeneration if it is closed to a key that this witness does not have: one
// that lost its store is told the vault's policy anew.
func openPolicyRecord(tx *storage.Tx, vault [16]byte, record []byte) (signed []byte, err error) {
	generation, err := seal.PolicyGeneration(record)
	if err != nil {
		return nil, fmt.Errorf("%w: the policy of its owner head", ErrForged)
	}
	key, err := readKey(tx.Get, generation)
	if err != nil {
		return nil, err
	}
	box, err := key.box()
	if err != nil {
		return nil, err
	}
	if signed, err = box.OpenSealedPolicy(vault, record); err != nil {
		return nil, fmt.Errorf("%w: the policy of its owner head", ErrForged)
	}
	return signed, nil
}
