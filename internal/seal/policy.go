package seal

import (
	"bytes"
	"fmt"
)

// Policy says when the witness may take part in helping somebody back in. The vault's
// key signs it, with the number that the owner head has as Policy, so that nobody but
// the person, signed in, allows or loosens anything (C5, F3, F4). It names who helps, so
// that it is then boxed to the witness: the store does not learn who follows whom (N20).
//
//	signed: format 1 | Ed25519 | TypePolicy | length | CBOR of this struct | signature 64
//	record: format 1 | box | TypePolicy | length | CBOR{1: generation} | boxed: signed, padded to one size
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

// policySize is what every policy is padded to, whatever it says: how many help a person
// must not show. It is a size class with the end mark of a body.
const policySize = 8<<10 - 1

// policyClear is what can be read of the record: which key of the witness opens it. It
// is the same for everybody.
type policyClear struct {
	Generation uint64 `cbor:"1,keyasint"`
}

// SignPolicy signs a policy of a vault. The same policy gives the same bytes.
func (k SigningKey) SignPolicy(vault [16]byte, p *Policy) (signed []byte, err error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: policy: %w", ErrArgument, err)
	}
	body, err := Marshal(p)
	if err != nil {
		return nil, err
	}
	if signed, err = k.SignEnvelope(policyContext(vault, 0), body); err != nil {
		return nil, err
	}
	if len(signed) >= policySize {
		return nil, fmt.Errorf("%w: policy of %d bytes", ErrArgument, len(signed))
	}
	return signed, nil
}

// OpenPolicy reads a policy that public signed for this vault.
func OpenPolicy(public []byte, vault [16]byte, signed []byte) (*Policy, error) {
	body, err := OpenSigned(public, policyContext(vault, 0), signed)
	if err != nil {
		return nil, err
	}
	p := new(Policy)
	if err := Unmarshal(body, p); err != nil {
		return nil, err
	}
	return p, p.check()
}

// SealPolicy closes a signed policy of a vault to the witness.
func (i *PolicyInbox) SealPolicy(vault [16]byte, signed []byte) (record []byte, err error) {
	if len(signed) >= policySize {
		return nil, fmt.Errorf("%w: policy of %d bytes", ErrArgument, len(signed))
	}
	clear, err := Marshal(policyClear{Generation: i.Generation})
	if err != nil {
		return nil, err
	}
	padded := make([]byte, policySize)
	padded[copy(padded, signed)] = 0x80
	return BoxPublic(i.Public).Seal(policyContext(vault, i.Generation), clear, padded)
}

// PolicyGeneration says which key of the witness a record claims to be closed to.
func PolicyGeneration(record []byte) (uint64, error) {
	_, clear, err := ParseClear(record)
	if err != nil {
		return 0, err
	}
	var c policyClear
	return c.Generation, Unmarshal(clear, &c)
}

// OpenSealedPolicy opens what [PolicyInbox.SealPolicy] closed to this key, for
// [OpenPolicy]: who signed it is not known yet.
func (k BoxKey) OpenSealedPolicy(vault [16]byte, record []byte) (signed []byte, err error) {
	generation, err := PolicyGeneration(record)
	if err != nil {
		return nil, err
	}
	_, padded, err := k.Open(policyContext(vault, generation), record)
	if err != nil {
		return nil, err
	}
	end := len(bytes.TrimRight(padded, "\x00"))
	if len(padded) != policySize || end == 0 || padded[end-1] != 0x80 {
		return nil, ErrOpen
	}
	return padded[: end-1 : end-1], nil
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

// policyContext is that of the record; signed is of no generation.
func policyContext(vault [16]byte, generation uint64) Context {
	return Context{Type: TypePolicy, Vault: vault, Compartment: Owner, Generation: generation}
}
