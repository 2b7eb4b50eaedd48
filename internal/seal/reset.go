package seal

// reset is the body of the statement that lets a counter at the witness go back:
//
//	format 1 | Ed25519 | TypeReset | length | CBOR of this struct | signature 64
type reset struct {
	Counter [32]byte `cbor:"1,keyasint"`
	Count   uint64   `cbor:"2,keyasint"` // where the counter stood
}

// SealReset states, with the vault's signing key, that the tries counted so far
// were followed by a right one. Only a session that opened the vault can say so:
// a service that resets counters by itself would remove the limit.
func (k SigningKey) SealReset(vault [16]byte, counter [32]byte, count uint64) ([]byte, error) {
	body, err := Marshal(reset{Counter: counter, Count: count})
	if err != nil {
		return nil, err
	}
	return k.SignEnvelope(resetContext(vault), body)
}

// OpenReset returns which counter may go back and at which count this was said;
// an older statement must not undo later tries. ErrOpen if public did not sign it
// for this vault.
func OpenReset(public []byte, vault [16]byte, statement []byte) (counter [32]byte, count uint64, err error) {
	body, err := OpenSigned(public, resetContext(vault), statement)
	if err != nil {
		return counter, 0, err
	}
	var r reset
	if err := Unmarshal(body, &r); err != nil {
		return counter, 0, err
	}
	return r.Counter, r.Count, nil
}

func resetContext(vault [16]byte) Context {
	return Context{Type: TypeReset, Vault: vault, Compartment: Owner}
}
