package seal

import "fmt"

// PolicyInbox is a witness's own box key, to which vaults close what only their witness
// is to read: their policies. The witness signs it with the key that countersigns
// restores, so that who knows that key takes no other's for it.
type PolicyInbox struct {
	Generation uint64 `cbor:"1,keyasint"`
	Public     []byte `cbor:"2,keyasint"`           // X-Wing, raw
	Signature  []byte `cbor:"3,keyasint,omitempty"` // of a witness that signs; 64 bytes
}

// PolicyBoxKey derives the private half of an inbox from a secret of the witness that
// has as many generations.
func PolicyBoxKey(secret []byte) (BoxKey, error) {
	return BoxKeyFromBytes(DeriveKey(secret, "witness policies", nil).Bytes())
}

// SignPolicyInbox says which key a witness takes policies to. A zero key signs nothing:
// who asks such a witness has only the connection to believe.
func (k SigningKey) SignPolicyInbox(generation uint64, public BoxPublic) ([]byte, error) {
	return Marshal(PolicyInbox{Generation: generation, Public: public, Signature: k.Sign(policyInboxContext(generation), public)})
}

// OpenPolicyInbox reads what a witness says, whose signing key is known; nil: it is not,
// and the connection vouches for it. ErrOpen if it did not sign it.
func OpenPolicyInbox(witness, said []byte) (*PolicyInbox, error) {
	i := new(PolicyInbox)
	if err := Unmarshal(said, i); err != nil {
		return nil, err
	}
	if i.Generation == 0 {
		return nil, fmt.Errorf("%w: generation of an inbox", ErrFormat)
	}
	if err := BoxPublic(i.Public).check(); err != nil {
		return nil, err
	}
	if witness == nil {
		return i, nil
	}
	return i, VerifySignature(witness, policyInboxContext(i.Generation), i.Public, i.Signature)
}

func policyInboxContext(generation uint64) Context {
	return Context{Type: TypePolicyInbox, Generation: generation}
}
