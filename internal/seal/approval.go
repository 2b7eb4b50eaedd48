package seal

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// Approval is what somebody of a relay or a desk says about one request to help a person
// back in: that it is opened, that they approve of it, or that it is cancelled. It says
// all that the request is about, so that it is worth nothing for another (F7).
type Approval struct {
	Request [16]byte `cbor:"1,keyasint"`
	Path    [16]byte `cbor:"2,keyasint"`
	Policy  uint64   `cbor:"3,keyasint"` // of the vault at that time
	Act     uint8    `cbor:"4,keyasint"`
	Key     []byte   `cbor:"5,keyasint"` // digest of the request's public key, to which halves are sealed
	Until   int64    `cbor:"6,keyasint"` // unix milliseconds: when the request expires
	At      int64    `cbor:"7,keyasint"` // unix milliseconds
}

// What an approval says.
const (
	ApprovalOpens   uint8 = 1
	ApprovalAgrees  uint8 = 2
	ApprovalCancels uint8 = 3
)

// SignedApproval shows that it was said by somebody who belongs to a relay or a desk now:
// their relay's credential, the terms of their membership, which the head of the relay's
// space names, and their own signature.
//
//	CBOR{1: credential, 2: grant, 3: terms, 4: approval as signed by the worker's key}
type SignedApproval struct {
	Credential []byte   `cbor:"1,keyasint"`
	Grant      [16]byte `cbor:"2,keyasint"`
	Terms      []byte   `cbor:"3,keyasint"`
	Signed     []byte   `cbor:"4,keyasint"`
}

// Approver is who said it.
type Approver struct {
	Space        [16]byte // of the relay or the desk
	Worker       [16]byte
	Organisation [16]byte // as the credential has it
	Key          []byte   // the worker's
	Head         *OwnerHead
}

// SealApproval signs what a worker says about a request of a vault. credential, grant
// and terms are those of their membership.
func (k SigningKey) SealApproval(vault [16]byte, a *Approval, credential []byte, grant [16]byte, terms []byte) ([]byte, error) {
	body, err := Marshal(a)
	if err != nil {
		return nil, err
	}
	signed, err := k.SignEnvelope(approvalContext(vault, a.Request), body)
	if err != nil {
		return nil, err
	}
	return Marshal(SignedApproval{Credential: credential, Grant: grant, Terms: terms, Signed: signed})
}

// OpenApproval verifies all of it against the head of the relay's space, which spaceHead
// returns as far as the caller trusts it: that the credential is the relay's, by a key
// that it has or had; that the head names the terms of this very membership, so that who
// has left approves of nothing; and that the worker signed. request is read from it, and
// at is the time for which the terms must hold, unix milliseconds.
func OpenApproval(vault [16]byte, raw []byte, at int64, spaceHead func(space [16]byte) (*OwnerHead, error)) (*Approval, *Approver, error) {
	var s SignedApproval
	if err := Unmarshal(raw, &s); err != nil {
		return nil, nil, err
	}
	c, b, err := OpenCredential(s.Credential)
	if err != nil {
		return nil, nil, err
	}
	head, err := spaceHead(c.Relay)
	if err != nil {
		return nil, nil, err
	}
	if head.Kind != KindRelay || !head.Trusts(c.Key) || b.Roles&RoleHelp == 0 {
		return nil, nil, ErrOpen
	}
	digest := Digest(s.Terms)
	if !slices.ContainsFunc(head.Grants, func(d []byte) bool { return bytes.Equal(d, digest[:]) }) {
		return nil, nil, ErrOpen
	}
	terms, err := OpenTerms(head.Key, c.Relay, s.Grant, s.Terms)
	if err != nil {
		return nil, nil, err
	}
	subject := sha256.Sum256(s.Credential)
	if terms.Holder != c.Worker || terms.Scope != ScopeTeam || !bytes.Equal(terms.Subject, subject[:]) || terms.Until != 0 && terms.Until <= at {
		return nil, nil, ErrOpen
	}
	a, err := openApprovalBody(vault, b.Key, s.Signed)
	if err != nil {
		return nil, nil, err
	}
	return a, &Approver{Space: c.Relay, Worker: c.Worker, Organisation: b.Organisation, Key: b.Key, Head: head}, nil
}

// openApprovalBody reads what was signed: the request that it is bound to is in it.
func openApprovalBody(vault [16]byte, key, signed []byte) (*Approval, error) {
	_, clear, err := ParseClear(signed)
	if err != nil {
		return nil, err
	}
	a := new(Approval)
	if err := Unmarshal(clear, a); err != nil {
		return nil, err
	}
	if _, err := OpenSigned(key, approvalContext(vault, a.Request), signed); err != nil {
		return nil, err
	}
	if a.Act < ApprovalOpens || a.Act > ApprovalCancels || len(a.Key) != digestSize || a.Until <= a.At {
		return nil, ErrOpen
	}
	return a, nil
}

func approvalContext(vault, request [16]byte) Context {
	return Context{Type: TypeApproval, Vault: vault, Object: request[:]}
}

// ReadApproval reads what somebody said, by the key of the credential that comes with it.
// That the credential leads to a relay, the caller finds out, and that its worker belonged
// there when they said it.
func ReadApproval(vault [16]byte, raw []byte) (a *Approval, credential []byte, err error) {
	var s SignedApproval
	if err := Unmarshal(raw, &s); err != nil {
		return nil, nil, err
	}
	_, b, err := OpenCredential(s.Credential)
	if err != nil {
		return nil, nil, err
	}
	a, err = openApprovalBody(vault, b.Key, s.Signed)
	return a, s.Credential, err
}
