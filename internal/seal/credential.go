package seal

// A Credential says whose a worker's key is: the space of a relay signs it with its own
// key. It goes with everything that the worker signs, so that its author can be told for
// ever (N9). The name is not in it, but a digest over a nonce, as credentials are kept
// where the name must not be readable.
type Credential struct {
	Relay  [16]byte `cbor:"1,keyasint"`
	Worker [16]byte `cbor:"2,keyasint"`
	Key    []byte   `cbor:"3,keyasint"` // the relay's, that signed
	Signed []byte   `cbor:"4,keyasint"` // CBOR of CredentialBody
}

// CredentialBody is what the relay signed.
type CredentialBody struct {
	RelayName        string   `cbor:"1,keyasint"`
	Organisation     [16]byte `cbor:"2,keyasint"`
	OrganisationName string   `cbor:"3,keyasint"`
	Roles            uint8    `cbor:"4,keyasint"` // bits; what they are, package consent says
	Key              []byte   `cbor:"5,keyasint"` // the worker's, Ed25519
	Name             []byte   `cbor:"6,keyasint"` // digest of nonce and name
	Nonce            []byte   `cbor:"7,keyasint"`
	From             int64    `cbor:"8,keyasint"` // unix milliseconds
}

// RoleHelp is the bit of who opens what people shared, and helps them back in.
const RoleHelp uint8 = 1

// CredentialContext binds a credential to relay and worker.
func CredentialContext(relay, worker [16]byte) Context {
	return Context{Type: TypeMember, Vault: relay, Object: worker[:]}
}

// OpenCredential verifies the signature by the key that it names. Whether that key is
// the relay's, the caller decides.
func OpenCredential(raw []byte) (*Credential, *CredentialBody, error) {
	c, b := new(Credential), new(CredentialBody)
	if err := Unmarshal(raw, c); err != nil {
		return nil, nil, err
	}
	signed, err := OpenSigned(c.Key, CredentialContext(c.Relay, c.Worker), c.Signed)
	if err != nil {
		return nil, nil, err
	}
	if err := Unmarshal(signed, b); err != nil {
		return nil, nil, err
	}
	if len(b.Nonce) != 16 {
		return nil, nil, ErrOpen
	}
	return c, b, CheckPublic(b.Key)
}
