package consent

import (
	"context"

	"reconnect.example/vault"
)

// StopSessions ends every session of somebody whom this relay follows, or who let this
// desk help: for a lost phone. The person reads in their journal who did it and why, and
// signs in again at once; see [vault.Vault.StopSessions]. It leaves alone what the
// worker's own session has open. A purpose that fits is [PurposeOther], with a text.
//
// Errors: vault.ErrNotFound to who may not help them, vault.ErrInvalid for the purpose,
// vault.ErrNotAllowed to who only manages and to a relay that may only leave papers,
// vault.ErrUnconfirmed: done, and the witness was not told; do it again later. Those of
// [Post.Helping].
func (p *Post) StopSessions(ctx context.Context, id vault.ID, why Purpose) error {
	if err := why.check(); err != nil {
		return err
	}
	v, err := p.helping(ctx, id, why.String())
	if err != nil {
		return err
	}
	defer v.Close()
	return v.StopSessions(ctx)
}
