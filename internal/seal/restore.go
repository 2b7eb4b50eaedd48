package seal

import (
	"fmt"
	"slices"
)

// Restore states which heads of one vault are the present ones, after its store
// was put back from a backup or after somebody raised its checkpoints falsely.
// It takes two: the operator signs, with a key that is kept apart from the
// running service, and the witness countersigns what the operator signed.
//
//	the operator's:  format 1 | Ed25519 | TypeStatement    | length | CBOR of this struct | signature 64
//	the witness's:   format 1 | Ed25519 | TypeCountersigned | length | SHA-256 of the operator's | signature 64
//	complete:        CBOR{1: the operator's, 2: the witness's}
//
// It fixes these heads and no others, so that a store cannot choose another day
// (attack C8), and counts once, because of its epoch.
type Restore struct {
	Vault  [16]byte       `cbor:"1,keyasint"`
	Epoch  uint64         `cbor:"2,keyasint"` // restore epoch that begins with it, from 1
	Heads  []RestoredHead `cbor:"3,keyasint"` // exactly those of RestoredHeads, in their order
	Taken  int64          `cbor:"4,keyasint"` // the instant of the backup, Unix milliseconds
	Issued int64          `cbor:"5,keyasint"` // when this was signed, Unix milliseconds
}

// RestoredHead is one head of a vault as its store has it. A head that the store
// does not have, because the vault is younger than the backup, has version 0 and
// a zero hash.
type RestoredHead struct {
	Head    string   `cbor:"1,keyasint"`
	Version uint64   `cbor:"2,keyasint"`
	Hash    [32]byte `cbor:"3,keyasint"` // [Digest] of its record
}

// RestoredHeads returns the names of the heads that a restore sets back, in the
// order of a statement. The owner head is never set back (N16).
func RestoredHeads() []string { return []string{"shared", "private", "journal"} }

// MaxRestore is the most bytes that an operator's statement can have; a complete
// one has at most twice as many.
const MaxRestore = 1024

// countersigned is a complete statement.
type countersigned struct {
	Operator []byte `cbor:"1,keyasint"`
	Witness  []byte `cbor:"2,keyasint"`
}

// SealRestore signs r with the operator's restore key. ErrArgument if r is not a
// statement that [OpenRestore] would take.
func (k SigningKey) SealRestore(r *Restore) ([]byte, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: no restore statement", ErrArgument)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: restore statement: %w", ErrArgument, err)
	}
	body, err := Marshal(r)
	if err != nil {
		return nil, err
	}
	return k.SignEnvelope(restoreContext(TypeStatement, r.Vault), body)
}

// OpenRestore reads what the operator signed about vault. ErrOpen if operator
// did not sign it, or it is about another vault; ErrFormat if it is malformed.
func OpenRestore(operator []byte, vault [16]byte, statement []byte) (*Restore, error) {
	if len(statement) > MaxRestore {
		return nil, fmt.Errorf("%w: restore statement", ErrFormat)
	}
	body, err := OpenSigned(operator, restoreContext(TypeStatement, vault), statement)
	if err != nil {
		return nil, err
	}
	r := new(Restore)
	if err := Unmarshal(body, r); err != nil {
		return nil, err
	}
	if r.Vault != vault {
		return nil, ErrOpen
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// CountersignRestore adds the witness's signature to what the operator signed
// about vault, which the caller has opened, and returns the complete statement.
// The same statement gives the same bytes.
func (k SigningKey) CountersignRestore(vault [16]byte, statement []byte) (complete []byte, err error) {
	if len(statement) > MaxRestore {
		return nil, fmt.Errorf("%w: restore statement", ErrArgument)
	}
	digest := Digest(statement)
	second, err := k.SignEnvelope(restoreContext(TypeCountersigned, vault), digest[:])
	if err != nil {
		return nil, err
	}
	return Marshal(countersigned{Operator: statement, Witness: second})
}

// OpenRestored reads a complete statement about vault. It opens only with both
// signatures, each by its own key: ErrOpen if one is missing, false or by the
// other's key.
func OpenRestored(operator, witness []byte, vault [16]byte, complete []byte) (*Restore, error) {
	if len(complete) > 2*MaxRestore {
		return nil, fmt.Errorf("%w: complete restore statement", ErrFormat)
	}
	if slices.Equal(operator, witness) { // one key is one party
		return nil, fmt.Errorf("%w: operator and witness have one key", ErrArgument)
	}
	var c countersigned
	if err := Unmarshal(complete, &c); err != nil {
		return nil, err
	}
	body, err := OpenSigned(witness, restoreContext(TypeCountersigned, vault), c.Witness)
	if err != nil {
		return nil, err
	}
	if digest := Digest(c.Operator); !slices.Equal(body, digest[:]) {
		return nil, ErrOpen
	}
	return OpenRestore(operator, vault, c.Operator)
}

// check holds what every statement must satisfy beside its signatures.
func (r *Restore) check() error {
	names := RestoredHeads()
	if r.Epoch == 0 || r.Taken <= 0 || r.Issued <= 0 || len(r.Heads) != len(names) {
		return fmt.Errorf("%w: restore statement", ErrFormat)
	}
	for i, h := range r.Heads {
		if h.Head != names[i] || (h.Version == 0) != (h.Hash == [32]byte{}) {
			return fmt.Errorf("%w: restore statement", ErrFormat)
		}
	}
	return nil
}

func restoreContext(t Type, vault [16]byte) Context { return Context{Type: t, Vault: vault} }
