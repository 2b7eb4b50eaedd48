package vault

import (
	"bytes"
	"context"
	"errors"

	"reconnect.example/internal/seal"
)

// signature says by which key, and for a key that is not the vault's own, whose:
//
//	CBOR{1: key, 2: signature, 3: credential}
//
// The credential stays with what was signed, so that its author can be told also
// when they have left long since (N9).
type signature struct {
	Key        []byte `cbor:"1,keyasint"`
	Bytes      []byte `cbor:"2,keyasint"`
	Credential []byte `cbor:"3,keyasint,omitempty"`
}

// signing signs in the name of whoever acts.
type signing func(c seal.Context, message []byte) signature

// sign signs with the key of who has the vault open: the vault's own, or a
// worker's. Nobody signs for another (G3, N9).
func (t *turn) sign(c seal.Context, message []byte) signature {
	if g := t.v.guest; g != nil {
		return signature{Key: g.signer.Public(), Bytes: g.signer.Sign(c, message), Credential: g.credential}
	}
	return signature{Key: t.signer.Public(), Bytes: t.signer.Sign(c, message)}
}

// authors says who may have signed what lies in a vault.
type authors struct {
	ctx       context.Context
	owner     *seal.OwnerHead
	directory Directory   // nil: nobody but the vault itself
	known     *signatures // nil: each is verified
}

func (t *turn) authors() authors {
	return authors{ctx: t.ctx, owner: t.heads.owner, directory: t.v.service.cfg.Directory, known: t.v.service.signatures}
}

// of returns who made a signature: nobody else than the vault itself (nil), by a
// key that it has or had, or whom its credential names.
func (a authors) of(s signature, c seal.Context, message []byte) (*Signer, error) {
	if a.known.verify(s, c, message) != nil {
		return nil, ErrUntrustedKey
	}
	if len(s.Credential) == 0 {
		if !a.owner.Trusts(s.Key) {
			return nil, ErrUntrustedKey
		}
		return nil, nil
	}
	if isLinkCredential(s.Credential) {
		return a.linkOf(s)
	}
	if a.directory == nil {
		return nil, ErrUntrustedKey
	}
	signer, err := a.directory.Signer(a.ctx, s.Credential)
	if err != nil {
		return nil, err
	}
	if string(signer.Key) != string(s.Key) {
		return nil, ErrUntrustedKey
	}
	return &signer, nil
}

// check holds a signature against who is said to have made it: a worker cannot
// write in the person's name, nor the person, or another worker, in theirs (G3).
//
// What was handed out to a partner the service says, by the key that the vault's head
// names: neither the store nor the person's own key can make up such a line.
func (a authors) check(said Actor, s signature, c seal.Context, message []byte) error {
	if said.Kind == ActorPartner {
		if len(s.Credential) != 0 || !bytes.Equal(s.Key, a.owner.Service) || a.known.verify(s, c, message) != nil {
			return ErrUntrustedKey
		}
		return nil
	}
	signer, err := a.of(s, c, message)
	switch {
	case err != nil:
		return err
	case signer == nil:
		if said.Kind == ActorWorker && a.owner.Kind == seal.KindPerson {
			return ErrUntrustedKey
		}
		return nil
	}
	is := signer.Actor
	if said.Kind != is.Kind || said.ID != is.ID || said.RelayID != is.RelayID || said.Organisation != is.Organisation || said.Relay != is.Relay || signer.Named == nil || !signer.Named(said.Name) {
		return ErrUntrustedKey
	}
	return nil
}

// authorError names what has no author that may be there; a store or a witness
// that does not answer says nothing about it.
func authorError(err, broken error) error {
	if errors.Is(err, ErrUntrustedKey) || errors.Is(err, ErrTampered) {
		return broken
	}
	return err
}
