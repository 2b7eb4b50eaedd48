package seal

// Terms say what a vault lets somebody do. Its key signs them, and its owner head
// names their digests, so that everybody who reads that head can tell what is in
// force: the holder, the vault, and the witness, which is told by members of a
// relay what they approve of.
//
//	format 1 | Ed25519 | TypeTerms | length | CBOR of this struct | signature 64
type Terms struct {
	Grant       [16]byte     `cbor:"1,keyasint"`
	Holder      [16]byte     `cbor:"2,keyasint"` // the space it is for
	Scope       Scope        `cbor:"3,keyasint"`
	Given       int64        `cbor:"4,keyasint"`           // unix milliseconds
	Until       int64        `cbor:"5,keyasint,omitempty"` // 0: until withdrawn
	Nonce       []byte       `cbor:"6,keyasint"`           // 16 bytes, so that the store cannot test who follows whom (N20)
	Generations []Commitment `cbor:"7,keyasint,omitempty"`
	Subject     []byte       `cbor:"8,keyasint,omitempty"`  // what package consent binds to it
	Chosen      []byte       `cbor:"9,keyasint,omitempty"`  // digest of the chosen items: a visit to these alone
	Halves      []byte       `cbor:"10,keyasint,omitempty"` // digest of the halves of recovery paths that go with it
}

// Commitment is what terms say of a generation that goes with them.
type Commitment struct {
	Number uint64 `cbor:"1,keyasint"`
	Digest []byte `cbor:"2,keyasint"`
}

// Scope says what a grant allows. Between seeing and adding, the service holds the
// line, not a key: who can see Shared holds the key that writes it.
type Scope uint8

// The scopes of a grant. A value is never reused.
const (
	ScopeSee  Scope = 1 // read what is shared
	ScopeAdd  Scope = 2 // and add to it, correct names and dates, make a paper private
	ScopeGive Scope = 3 // leave papers in the inbox, and see nothing
	ScopeTeam Scope = 4 // everything in Shared: a worker in the space of their relay
	ScopeHelp Scope = 5 // help its person back in, and see nothing: a desk
	// ScopePartner: take copies of chosen papers: a partner system.
	ScopePartner Scope = 6

	// ScopeLink is of who comes with a link. No terms are signed for it, so that it is not Valid.
	ScopeLink Scope = 7
)

// Valid says whether there is such a scope.
func (s Scope) Valid() bool { return s >= ScopeSee && s <= ScopePartner }

// SealTerms signs terms of a vault.
func (k SigningKey) SealTerms(vault [16]byte, t *Terms) ([]byte, error) {
	body, err := Marshal(t)
	if err != nil {
		return nil, err
	}
	return k.SignEnvelope(termsContext(vault, t.Grant), body)
}

// OpenTerms reads terms that public signed for this vault and this grant. ErrOpen,
// or what is wrong with the form, if it did not.
func OpenTerms(public []byte, vault, grant [16]byte, signed []byte) (*Terms, error) {
	body, err := OpenSigned(public, termsContext(vault, grant), signed)
	if err != nil {
		return nil, err
	}
	t := new(Terms)
	if err := Unmarshal(body, t); err != nil {
		return nil, err
	}
	if t.Grant != grant || !t.Scope.Valid() || len(t.Nonce) != 16 {
		return nil, ErrOpen
	}
	return t, nil
}

func termsContext(vault, grant [16]byte) Context {
	return Context{Type: TypeTerms, Vault: vault, Object: grant[:]}
}
