package vault

import (
	"context"
	"slices"

	"reconnect.example/internal/seal"
)

// OwnKeys are what a worker, or a relay, signs and receives with.
type OwnKeys struct {
	Signer  seal.SigningKey // zero for who has a relay's space open as its worker: that key is the managers'
	Inboxes []seal.BoxKey   // what is given to the space is sealed to them; the newest first
}

// OwnKeys returns the keys of the space of a worker or a relay, for package
// consent, which acts with them in the vaults of others. ErrNotAllowed for a
// person's vault: its keys never leave it.
func (v *Vault) OwnKeys(ctx context.Context) (k OwnKeys, err error) {
	err = v.do(ctx, func(t *turn) error {
		k = OwnKeys{}
		c := Owner
		switch t.heads.owner.Kind {
		case seal.KindRelay:
			c = Shared
		case seal.KindWorker:
		default:
			return ErrNotAllowed
		}
		ring, reached := t.rings[c]
		if !reached {
			return ErrNotAllowed
		}
		for _, g := range slices.Backward(ring.generations) {
			k.Inboxes = append(k.Inboxes, g.inbox)
		}
		if v.guest == nil {
			k.Signer = t.signer
		}
		return nil
	})
	return k, err
}

// SignAs signs in the name of this space, for package consent: credentials of a
// relay's workers, receipts of a person. ErrNotAllowed for a guest.
func (v *Vault) SignAs(ctx context.Context, c seal.Context, body []byte) (envelope []byte, err error) {
	c.Vault = v.id
	err = v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		switch c.Type { // nothing that this package signs itself
		case seal.TypeMember, seal.TypeReceipt, seal.TypeNote, seal.TypeApproval:
		default:
			return ErrNotAllowed
		}
		envelope, err = t.signer.SignEnvelope(c, body)
		return err
	})
	return envelope, err
}

// Public is what everybody may know of a space.
type Public struct {
	Kind  seal.Kind
	Key   []byte // Ed25519, which signs its head now
	Inbox []byte // where it is given keys; nil for a person
	// Trusts says whether a key is the present one or was handed over by it.
	Trusts func(key []byte) bool
	// Grants are the digests of the terms in force.
	Grants [][]byte
}

// Public reads the signed head of a space, held against the witness. pinned is the
// key that the caller knows it by, nil if none: any other than that key or one that
// follows it, in a head that the witness knows, is ErrUntrustedKey. ErrEnded for a
// space that does not exist any more.
func (s *Vaults) Public(ctx context.Context, id ID, pinned []byte) (Public, error) {
	h, err := s.trustedHead(ctx, id, pinned)
	if err != nil {
		return Public{}, err
	}
	return public(h), nil
}

func public(h *seal.OwnerHead) Public {
	p := Public{Kind: h.Kind, Key: h.Key, Trusts: h.Trusts, Grants: h.Grants}
	p.Inbox, _ = inboxOf(h)
	return p
}
