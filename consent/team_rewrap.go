package consent

import (
	"bytes"
	"context"
	"errors"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// RewrapOwed seals everything that people gave to the relay to its present key: notes
// that wait are taken in, what asks for help and what people are to be told is carried over, and the grant of each person of the roster is sealed anew,
// one commit each, of that person's record alone. Their own words stay as they are.
// What is done already is found done, so that it goes on where it stopped. [Worker.At]
// calls it where it is owed.
//
// Errors: those of any act in the relay's space, vault.ErrStorage. What the store has
// altered is left as it is: nobody opens it.
func (p *Post) RewrapOwed(ctx context.Context) error {
	if err := p.takeAllNotes(ctx); err != nil {
		return err
	}
	if err := p.carryNotes(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.carryQueue(ctx), p.carryTold(ctx)); err != nil {
		return err
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

// takeAllNotes takes in all notes that can be: takeNotes does so many at a time.
func (p *Post) takeAllNotes(ctx context.Context) error {
	for {
		done, err := p.takeNotes(ctx)
		away := errors.Is(err, vault.ErrWitnessAway)
		if err != nil && !away && !errors.Is(err, vault.ErrTampered) {
			return err
		}
		if done == 0 || away {
			return nil
		}
	}
}

// carryNotes seals the notes that cannot be taken in yet to the present key, together
// with their grants: one person whose vault must wait for them, after a restore, must
// not keep the whole relay waiting.
func (p *Post) carryNotes(ctx context.Context) error {
	s, relay, g := p.service(), p.relay.ID, p.Guest("")
	to := g.Keys[0].Public()
	for rec, err := range s.cfg.Store.All(ctx, relay.String()+followNote) {
		if err != nil {
			return storageError(err)
		}
		n, err := openNote(relay, followNote, rec, g.Keys)
		if err != nil {
			continue // nobody's: who takes notes in next drops it
		}
		if !bytes.Equal(n.under.Public(), to) {
			body, err := seal.Marshal(n.noteBody)
			if err != nil {
				return err
			}
			record, err := to.Seal(noteBoxed(relay, n.id), nil, body)
			if err != nil {
				return err
			}
			if err := p.instead(ctx, rec, record); err != nil {
				return err
			}
		}
		_, err = s.cfg.Vaults.Rewrap(ctx, n.Vault, n.Grant, g)
		if err != nil && !errors.Is(err, vault.ErrEnded) && !errors.Is(err, vault.ErrTampered) {
			return err
		}
	}
	return nil
}
