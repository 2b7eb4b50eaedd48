package consent

import (
	"context"

	"reconnect.example/internal/seal"
)

// AttestKeyOf is the private key for attestations that a worker holds, who may keep it.
func AttestKeyOf(ctx context.Context, p *Post) (id string, key seal.TokenKey, err error) {
	k, err := p.attestKey(ctx)
	return k.id, k.own, err
}
