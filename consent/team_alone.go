package consent

import (
	"context"
	"errors"

	"reconnect.example/vault"
)

// OnlyManager reports whether nobody but this manager could go on managing the relay:
// others who manage by name have no key to its space, or other keys of their own than
// those that the relay let in. Such a manager cannot leave, and if they lose their
// password or change their own keys, only the recovery sheet lets anybody manage the
// relay. Errors: ErrNotManager, and those of any act in the relay's space.
func (p *Post) OnlyManager(ctx context.Context) (bool, error) {
	_, err := p.otherManagers(ctx)
	if errors.Is(err, ErrLastManager) {
		return true, nil
	}
	return false, err
}

// OnlyManagerOf returns the relays that only this worker can manage: see
// [Post.OnlyManager]. Ask it before the worker's own keys change (vault.ChangePassword
// with KnownToOthers) or their name ([Worker.Introduce]), as a manager of each relay must
// let them in again after that: in these there is none, and only the recovery sheet
// helps. What the worker cannot open now is left out: it cannot be lost to them, and must
// not keep them from changing a password that somebody knows.
func (w *Worker) OnlyManagerOf(ctx context.Context) (out []Relay, err error) {
	all, err := w.Relays(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, err
	}
	for _, m := range all {
		if m.Founded || m.Withdrawn || !m.Roles.Has(RoleManage) {
			continue
		}
		alone, err := w.alone(ctx, m.Relay.ID)
		switch {
		case errors.Is(err, ErrNotMember), errors.Is(err, ErrNotManager), errors.Is(err, ErrKeyChanged), errors.Is(err, ErrNotNamed), errors.Is(err, vault.ErrEnded),
			errors.Is(err, vault.ErrUntrustedKey), errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrStale), errors.Is(err, vault.ErrPolicy):
		case err != nil:
			return nil, err
		case alone:
			out = append(out, m.Relay)
		}
	}
	return out, nil
}

func (w *Worker) alone(ctx context.Context, relay RelayID) (bool, error) {
	p, err := w.At(ctx, relay)
	if err != nil {
		return false, err
	}
	defer p.Close()
	return p.OnlyManager(ctx)
}
