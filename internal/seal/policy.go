package seal

import "fmt"

// Policy says when the witness may take part in helping somebody back in. The vault's
// key signs it, with the number that the owner head has as Policy, so that nobody but
// the person, signed in, allows or loosens anything (C5, F3, F4).
//
//	format 1 | Ed25519 | TypePolicy | length | CBOR of this struct | signature 64
type Policy struct {
	Number uint64       `cbor:"1,keyasint"`
	Rules  []PolicyRule `cbor:"2,keyasint,omitempty"`
}

// PolicyRule is one path in which the witness takes part: it evaluates its key at these
// counters within a request, which one of these parties has opened, and at no other time.
type PolicyRule struct {
	Path      [16]byte        `cbor:"1,keyasint"`
	Counters  []PolicyCounter `cbor:"2,keyasint"`
	Parties   []PolicyParty   `cbor:"3,keyasint"`
	Approvals uint8           `cbor:"4,keyasint,omitempty"` // people on each side who must approve first; 0: none
}

// PolicyCounter is a counter that is evaluated so long after the request was opened.
type PolicyCounter struct {
	Counter [32]byte `cbor:"1,keyasint"`
	Wait    int64    `cbor:"2,keyasint,omitempty"` // milliseconds
}

// PolicyParty is a relay or a desk whose people may open, approve of and cancel requests.
type PolicyParty struct {
	Space        [16]byte `cbor:"1,keyasint"`
	Organisation [16]byte `cbor:"2,keyasint"`
	Key          []byte   `cbor:"3,keyasint"` // of the space at the first contact, Ed25519
	Desk         bool     `cbor:"4,keyasint,omitempty"`
}

// Bounds of a policy.
const (
	maxRules    = 8
	maxParties  = 32
	maxCounters = 2
)

// SealPolicy signs a policy of a vault.
func (k SigningKey) SealPolicy(vault [16]byte, p *Policy) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: policy: %w", ErrArgument, err)
	}
	body, err := Marshal(p)
	if err != nil {
		return nil, err
	}
	return k.SignEnvelope(policyContext(vault), body)
}

// OpenPolicy reads a policy that public signed for this vault.
func OpenPolicy(public []byte, vault [16]byte, signed []byte) (*Policy, error) {
	body, err := OpenSigned(public, policyContext(vault), signed)
	if err != nil {
		return nil, err
	}
	p := new(Policy)
	if err := Unmarshal(body, p); err != nil {
		return nil, err
	}
	return p, p.check()
}

func (p *Policy) check() error {
	if len(p.Rules) > maxRules {
		return fmt.Errorf("%w: too many rules", ErrFormat)
	}
	for _, r := range p.Rules {
		if len(r.Counters) == 0 || len(r.Counters) > maxCounters || len(r.Parties) > maxParties {
			return fmt.Errorf("%w: a rule", ErrFormat)
		}
		for _, c := range r.Counters {
			if c.Wait < 0 {
				return fmt.Errorf("%w: a wait", ErrFormat)
			}
		}
		for _, party := range r.Parties {
			if err := CheckPublic(party.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

func policyContext(vault [16]byte) Context {
	return Context{Type: TypePolicy, Vault: vault, Compartment: Owner}
}
