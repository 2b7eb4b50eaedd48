package consent

import (
	"context"
	"errors"

	"reconnect.example/vault"
)

// RewrapOwed seals everything that people gave to the relay to its present key: notes
// that wait are taken in, and the grant of each person of the roster is sealed anew,
// one commit each, of that person's record alone. Their own words stay as they are.
// What is done already is found done, so that it goes on where it stopped. [Worker.At]
// calls it where it is owed.
//
// Errors: those of any act in the relay's space, vault.ErrStorage. What the store has
// altered is left as it is: nobody opens it.
func (p *Post) RewrapOwed(ctx context.Context) error {
	if err := p.takeAllNotes(ctx); err != nil {
		return err // a note that cannot be checked now lies under a former key: it must wait
	}
	all, err := p.roster(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return err
	}
	g := p.Guest("")
	for _, k := range all {
		_, err := p.service().cfg.Vaults.Rewrap(ctx, k.Vault, k.Grant, g)
		if err != nil && !errors.Is(err, vault.ErrEnded) && !errors.Is(err, vault.ErrTampered) {
			return err
		}
	}
	return nil
}

// takeAllNotes takes in all notes that there are: takeNotes does so many at a time.
func (p *Post) takeAllNotes(ctx context.Context) error {
	left := -1
	for {
		if err := p.takeNotes(ctx); err != nil && !errors.Is(err, vault.ErrTampered) {
			return err
		}
		now := 0
		for _, err := range p.service().cfg.Store.All(ctx, p.relay.ID.String()+followNote) {
			if err != nil {
				return storageError(err)
			}
			now++
		}
		if now == 0 || now == left { // others are at it, too
			return nil
		}
		left = now
	}
}
