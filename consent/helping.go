package consent

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// helpingPurpose is what a vault is opened for to help its person back in.
const helpingPurpose = "recovery"

// Helping opens the vault of somebody whom this relay follows, or who let this desk help,
// to help them back in: for package recovery. It is not the one that the worker's
// session has open. Close it when the work is done.
//
// Errors: vault.ErrNotFound to who may not help them, also if there is no such vault;
// vault.ErrEnded, vault.ErrNotAllowed to who only manages, vault.ErrUntrustedKey (D4),
// vault.ErrTampered.
func (p *Post) Helping(ctx context.Context, id vault.ID) (*vault.Vault, error) {
	return p.helping(ctx, id, helpingPurpose)
}

// helping is Helping for any purpose.
func (p *Post) helping(ctx context.Context, id vault.ID, purpose string) (*vault.Vault, error) {
	if err := p.mayHelp(); err != nil {
		return nil, err
	}
	vaults, g := p.service().cfg.Vaults, p.Guest(purpose)
	one, err := p.Find(ctx, id)
	grant := one.Grant
	switch {
	case err == nil:
		g.Pinned = one.pinned
	case errors.Is(err, vault.ErrNotFound): // a desk keeps no list of people (N15)
		if grant, err = vaults.GrantTo(ctx, id, g); err == nil {
			_, _ = vaults.Rewrap(ctx, id, grant, g) // or by who helps next: until then it lies under a former key (N19)
		}
	}
	if err != nil {
		return nil, err
	}
	return vaults.OpenGrant(ctx, id, grant, g)
}

// Name is the worker's, as the relay let them in.
func (p *Post) Name() string { return p.name }

// Approval signs what this worker says about a request to help somebody back in, with
// the terms of their membership, so that everybody can tell who said it.
func (p *Post) Approval(id vault.ID, a *seal.Approval) ([]byte, error) {
	grant, terms := p.space.SignedTerms()
	return p.keys.Signer.SealApproval(id, a, p.credential, grant, terms)
}

// Sign signs something in this worker's name, with the credential that says whose key
// it is.
func (p *Post) Sign(c seal.Context, body []byte) (envelope, credential []byte, err error) {
	envelope, err = p.keys.Signer.SignEnvelope(c, body)
	return envelope, p.credential, err
}

// Approved reads what somebody said about a request, and who it was, also when they have
// left since: that they belonged to their relay when they said it, the commit made sure
// that wrote it, and the witness asks for itself. vault.ErrUntrustedKey,
// vault.ErrTampered.
func (r *Register) Approved(ctx context.Context, id vault.ID, raw []byte) (*seal.Approval, Member, error) {
	a, credential, err := seal.ReadApproval(id, raw)
	if err != nil {
		return nil, Member{}, tampered("an approval")
	}
	m, err := r.Member(ctx, credential)
	return a, m, err
}

// Signed reads what a worker signed with [Post.Sign].
func (r *Register) Signed(ctx context.Context, c seal.Context, envelope, credential []byte) ([]byte, Member, error) {
	m, err := r.Member(ctx, credential)
	if err != nil {
		return nil, m, err
	}
	body, err := seal.OpenSigned(m.Key, c, envelope)
	if err != nil {
		return nil, m, tampered("what a worker signed")
	}
	return body, m, nil
}
