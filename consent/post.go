package consent

import (
	"context"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Space is the relay's space: what its workers share.
func (p *Post) Space() *vault.Vault { return p.space }

// Relay is the relay's entry in the directory.
func (p *Post) Relay() Relay { return p.relay }

// Roles are what the worker may do there.
func (p *Post) Roles() Role { return p.member.Roles }

// Worker is who is at this post.
func (p *Post) Worker() *Worker { return p.worker }

// Called is the name, at this relay, of whose space [Worker.Opened] or [Post.Opened]
// opened here, as it was when the worker began: neutralise it where it is shown. "" if
// nothing was.
func (p *Post) Called() string { return p.called }

// Keys are the worker's signing key and the relay's inbox keys, the newest first;
// former ones too, as long as something lies under them.
func (p *Post) Keys() vault.OwnKeys { return p.keys }

// Close forgets the relay's keys. The worker stays signed in.
func (p *Post) Close() {
	if p.space != nil {
		p.space.Close()
	}
}

func (p *Post) service() *Service { return p.worker.service }

// actor is the worker with the name that the relay let in, whatever they have called
// themselves since: under another one, nothing that they sign would be theirs.
func (p *Post) actor() vault.Actor {
	a := p.member.actor()
	a.Name = p.name
	return a
}

// mayHelp refuses who only manages: nobody reads what people shared because they
// manage a relay.
func (p *Post) mayHelp() error {
	if !p.member.Roles.Has(RoleHelp) {
		return vault.ErrNotAllowed
	}
	return nil
}

// standing is what must be true for anything that a worker does for a relay: their
// session goes on, and the authority has not withdrawn the relay.
func (w *Worker) standing(relay RelayID) vault.Standing {
	own, register := w.own.Standing(), w.service.cfg.Register
	return func(ctx context.Context, tx *storage.Tx, now time.Time) error {
		if err := own(ctx, tx, now); err != nil {
			return err
		}
		return register.standing(ctx, tx, relay)
	}
}

// Guest is this worker opening a person's vault that the relay follows, for a
// purpose. In each commit there, the whole chain is asked again: the worker's
// session, the relay's place in the directory, the worker's at the relay (N7). Who
// only manages opens nothing: vault.ErrNotAllowed. It is what [Post.Open] opens with:
// call that one, unless your program keeps what is open by other means than sessions.
func (p *Post) Guest(purpose string) vault.Guest {
	standing := p.space.Standing()
	if !p.member.Roles.Has(RoleHelp) {
		standing = func(context.Context, *storage.Tx, time.Time) error { return vault.ErrNotAllowed }
	}
	return vault.Guest{
		Actor: p.actor(), Signer: p.keys.Signer, Credential: p.credential, Purpose: purpose,
		Holder: p.relay.ID, Keys: p.keys.Inboxes, Standing: standing,
	}
}

// VisitGuest is this worker opening what a person gave to them alone, for a visit.
func (p *Post) VisitGuest(ctx context.Context, purpose string) (vault.Guest, error) {
	own, err := p.worker.own.OwnKeys(ctx)
	if err != nil {
		return vault.Guest{}, err
	}
	g := p.Guest(purpose)
	g.Holder, g.Keys = p.worker.ID(), own.Inboxes
	return g, nil
}
