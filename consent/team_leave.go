package consent

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Remove takes somebody out of the relay. From its first commit on nothing that they
// have open at this relay goes on, also not a download of a person's paper. Then the
// relay takes new keys, which they are not given, and what people gave to the relay
// is sealed to those by whoever works there next. Of a manager the keys of the whole
// space are taken too, under a new recovery sheet, which is returned; it is nil
// otherwise. What somebody has seen, they may have kept: say so.
//
// After an error or a crash, Remove again finishes it; until then the one who goes is
// shown as leaving, and has no access. vault.ErrNotFound if there is no such worker,
// ErrLastManager, ErrNotManager, vault.ErrNotAllowed to take oneself out: see
// [Post.Leave].
//
// While the witness is away, they are out at once all the same; the new keys are
// owed, and whoever manages the relay next pays: vault.ErrUnconfirmed.
func (p *Post) Remove(ctx context.Context, worker vault.ID) (*Sheet, error) {
	sheet, err := p.takeOut(ctx, worker, func(o *office) error { return p.forgetSuspended(ctx, o, worker) })
	if !errors.Is(err, vault.ErrWitnessAway) {
		return sheet, err
	}
	if shutErr := p.shut(ctx, worker); shutErr != nil { // broken off later: Remove again
		return sheet, errors.Join(err, shutErr)
	}
	return nil, vault.ErrUnconfirmed
}

// shut deletes what a worker opens the relay with, without the relay's own keys: what
// only closes is never refused (N10).
func (p *Post) shut(ctx context.Context, worker vault.ID) error {
	if err := p.mayManage(ctx); err != nil {
		return err
	}
	return storageError(p.service().cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(memberKey(worker, p.relay.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return vault.ErrNotFound
		}
		if err != nil {
			return err
		}
		var m membership
		if seal.Unmarshal(rec.Value, &m) != nil {
			return tampered("membership")
		}
		tx.Delete(grantKey(p.relay.ID, m.Grant))
		tx.Delete(memberKey(worker, p.relay.ID))
		// Who closes must still be there themselves: of two who shut each other out one
		// stays.
		_, err = tx.Get(grantKey(p.relay.ID, p.grant))
		if errors.Is(err, storage.ErrNotFound) {
			return vault.ErrEnded
		}
		return err
	}))
}

// takeOut ends the memberships of a worker. first is done before, in the relay's
// space.
func (p *Post) takeOut(ctx context.Context, worker vault.ID, first func(o *office) error) (*Sheet, error) {
	if worker == p.worker.ID() {
		return nil, vault.ErrNotAllowed
	}
	o, seats, holders, err := p.team(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	ending := seatsOf(seats, worker)
	holds := slices.Contains(holders, worker)
	if len(ending) == 0 && !holds {
		away, err := suspended(ctx, o.Vault)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(away, func(s seat) bool { return s.member.Worker == worker }) {
			return nil, vault.ErrNotFound
		}
	}
	if managers(seats, worker) == 0 {
		return nil, ErrLastManager
	}
	if err := first(o); err != nil {
		return nil, err
	}
	if err := p.endSeats(ctx, o, ending, !holds); err != nil {
		return nil, err
	}
	if err := p.forgetPointer(ctx, worker); err != nil {
		return nil, err
	}
	if !holds {
		return nil, nil
	}
	sheet, err := p.newKeys(ctx, o, worker)
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return nil, err
	}
	return &sheet, err
}

func seatsOf(seats []seat, worker vault.ID) (out []seat) {
	for _, s := range seats {
		if s.member.Worker == worker {
			out = append(out, s)
		}
	}
	return out
}

// endSeats ends memberships, one commit each, and then, if it is told to, changes the
// keys that their workers have.
func (p *Post) endSeats(ctx context.Context, o *office, ending []seat, change bool) error {
	if len(ending) == 0 {
		return nil
	}
	for _, s := range ending {
		err := o.End(ctx, s.grant, nil)
		if errors.Is(err, vault.ErrEnded) { // it has, or who ends it is out themselves
			err = p.mayManage(ctx)
		}
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return err
		}
	}
	if !change {
		return nil
	}
	return p.settle(ctx, o)
}

// forgetPointer removes what the worker's own space says of the relay. Nothing
// depends on it: the terms are gone from the relay's head.
func (p *Post) forgetPointer(ctx context.Context, worker vault.ID) error {
	return storageError(p.service().cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(memberKey(worker, p.relay.ID))
		tx.Delete(askKey(p.relay.ID, worker))
		return nil
	}))
}

// Leave ends the worker's own membership, at once. A manager who looks at the relay
// next gives it new keys. ErrLastManager: let another in first.
func (p *Post) Leave(ctx context.Context) error {
	var others []vault.GrantID
	head, err := p.service().cfg.Store.Get(ctx, headKey(p.relay.ID))
	if err != nil {
		return storageError(err)
	}
	if p.member.Roles.Has(RoleManage) {
		if others, err = p.otherManagers(ctx); err != nil {
			return err
		}
		// Opening the office may have changed the keys.
		if head, err = p.service().cfg.Store.Get(ctx, headKey(p.relay.ID)); err != nil {
			return storageError(err)
		}
	}
	err = p.service().cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		now, err := tx.Get(headKey(p.relay.ID))
		if err != nil {
			return err
		}
		if !bytes.Equal(now.Value, head.Value) {
			return vault.ErrRevision
		}
		// Of two managers who leave at once, one finds the other gone.
		if p.member.Roles.Has(RoleManage) && !slices.ContainsFunc(others, func(g vault.GrantID) bool { _, err := tx.Get(grantKey(p.relay.ID, g)); return err == nil }) {
			return ErrLastManager
		}
		tx.Delete(grantKey(p.relay.ID, p.grant))
		tx.Delete(memberKey(p.worker.ID(), p.relay.ID))
		return nil
	})
	if err == nil {
		p.Close()
	}
	return storageError(err)
}

// otherManagers returns the memberships of those who would still manage.
func (p *Post) otherManagers(ctx context.Context) (out []vault.GrantID, err error) {
	o, seats, holders, err := p.team(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	for _, s := range seats {
		if !s.member.Roles.Has(RoleManage) || s.left || s.member.Worker == p.worker.ID() || !slices.Contains(holders, s.member.Worker) {
			continue
		}
		if changed, err := p.service().keyChanged(ctx, s.member); err != nil || changed {
			continue
		}
		out = append(out, s.grant)
	}
	if len(out) == 0 {
		err = ErrLastManager
	}
	return out, err
}

// team opens the relay's space for the manager, and returns the memberships and who
// holds keys of the space. Who manages by name alone cannot go on: their admission was
// interrupted, or their own keys have changed since.
func (p *Post) team(ctx context.Context) (*office, []seat, []vault.ID, error) {
	o, err := p.manage(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	seats, err := p.service().seats(ctx, o.Vault)
	if err == nil {
		var holders []vault.ID
		if holders, err = holdersOf(ctx, o.Vault, vault.Secret{}); err == nil {
			return o, seats, holders, nil
		}
	}
	o.Close()
	return nil, nil, nil, err
}
