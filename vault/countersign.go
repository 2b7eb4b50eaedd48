package vault

import "reconnect.example/internal/seal"

// Countersign signs a receipt of another package in the name of the service, for
// package consent; see [Vaults.PublicKey]. The receipts of this package name no
// object, so that none of them can be made here. ErrNotAllowed for anything else.
func (s *Vaults) Countersign(c seal.Context, message []byte) ([]byte, error) {
	if c.Type != seal.TypeReceipt || len(c.Object) == 0 {
		return nil, ErrNotAllowed
	}
	return s.keys.signer.Sign(c, message), nil
}

// Key returns the public half (Ed25519) of the key with which this space signs, nil
// for who was let in by a grant. It is no secret.
func (v *Vault) Key() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guest != nil {
		return nil
	}
	return v.signer.Public()
}
