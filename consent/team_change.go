package consent

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"reconnect.example/vault"
)

// SetRoles changes what somebody may do at the relay: a new credential takes the place
// of the former one, with a change of keys. Who does not manage any more loses the
// keys of the whole space: the new recovery sheet is returned. Errors: those of
// [Post.Remove]; vault.ErrNotAllowed for one's own roles.
func (p *Post) SetRoles(ctx context.Context, worker vault.ID, roles Role) (*Sheet, error) {
	return p.setRoles(ctx, worker, nil, roles)
}

// ReplaceRoles is SetRoles for who has read the roles: vault.ErrRevision if they are not
// those that were seen any more, as another manager was faster. The change itself is made
// of several commits: of two at the very same moment, the later one holds.
func (p *Post) ReplaceRoles(ctx context.Context, worker vault.ID, seen, roles Role) (*Sheet, error) {
	return p.setRoles(ctx, worker, &seen, roles)
}

func (p *Post) setRoles(ctx context.Context, worker vault.ID, seen *Role, roles Role) (*Sheet, error) {
	if err := roles.check(); err != nil {
		return nil, err
	}
	if worker == p.worker.ID() {
		return nil, vault.ErrNotAllowed
	}
	return p.replace(ctx, worker, func(one seat) (newcomer, error) {
		if seen != nil && one.member.Roles != *seen {
			return newcomer{}, vault.ErrRevision
		}
		return newcomer{id: worker, name: one.Name, key: one.member.Key, roles: roles}, nil
	})
}

// Renew lets somebody in again whose own keys have changed: they showed the manager
// the fingerprint of the new ones. What the former keys had opened, is given new ones.
// Errors: ErrFingerprint, and those of [Post.SetRoles].
func (p *Post) Renew(ctx context.Context, worker vault.ID, fingerprint string) (*Sheet, error) {
	return p.replace(ctx, worker, func(one seat) (newcomer, error) {
		now, err := p.service().cfg.Register.worker(ctx, worker, one.member.Key)
		if err != nil {
			return newcomer{}, err
		}
		if !SameFingerprint(fingerprint, RelayKey(now.Key)) {
			return newcomer{}, ErrFingerprint
		}
		return newcomer{id: worker, name: one.Name, key: now.Key, roles: one.member.Roles}, nil
	})
}

// replace gives a worker another membership for the one that they have.
func (p *Post) replace(ctx context.Context, worker vault.ID, by func(one seat) (newcomer, error)) (*Sheet, error) {
	o, seats, holders, err := p.team(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	one, ok := seatOf(seats, worker)
	if !ok {
		return nil, vault.ErrNotFound
	}
	n, err := by(one)
	if err != nil {
		return nil, err
	}
	if !n.roles.Has(RoleManage) && managers(seats, worker) == 0 {
		return nil, ErrLastManager
	}
	if err := p.service().readmit(ctx, o.Vault, p.relay, n, vault.Secret{}); err != nil {
		return nil, err
	}
	// By the key, not the roles: an act that was broken off may have left somebody who
	// does not manage any more the keys of the whole space.
	if !one.member.Roles.Has(RoleManage) && !slices.Contains(holders, worker) {
		return nil, p.settle(ctx, o)
	}
	without := worker
	if n.roles.Has(RoleManage) {
		without = vault.ID{} // stays, by the keys of now
	}
	sheet, err := p.newKeys(ctx, o, without)
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return nil, err
	}
	return &sheet, err
}

// ReplaceForgotten lets a worker in with a new account, who asked as a newcomer does,
// and takes the account out whose password they have forgotten. Nobody can be helped
// to a forgotten password: its keys are lost with it. Nobody is let in unless there is
// somebody to take out. Errors: those of [Post.Admit] and [Post.Remove];
// vault.ErrInvalid if both are the same account.
func (p *Post) ReplaceForgotten(ctx context.Context, old vault.ID, a Admission) (*Sheet, error) {
	switch old {
	case a.Worker:
		return nil, invalid("worker", "is the account that goes")
	case p.worker.ID():
		return nil, vault.ErrNotAllowed
	}
	team, err := p.Members(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(team.Members, func(m TeamMember) bool { return m.Worker == old }) {
		return nil, vault.ErrNotFound
	}
	if err := p.Admit(ctx, a); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return nil, err
	}
	return p.Remove(ctx, old)
}

const suspendedName = "suspended"

// Suspend is Remove for a while: [Post.Resume] lets the worker in again without an
// invitation. vault.ErrWitnessAway: nothing was changed; Remove does it now.
func (p *Post) Suspend(ctx context.Context, worker vault.ID) (*Sheet, error) {
	return p.takeOut(ctx, worker, func(o *office) error {
		seats, err := p.service().seats(ctx, o.Vault)
		if err != nil {
			return err
		}
		one, ok := seatOf(seats, worker)
		if !ok {
			return nil // interrupted: the note is there
		}
		data, err := formSuspended.pack(one.memberFacts)
		if err != nil {
			return err
		}
		_, err = findData(ctx, o.Vault, formSuspended, func(there []byte) bool { return bytes.Equal(there, data) })
		if errors.Is(err, vault.ErrNotFound) {
			_, err = o.AddData(ctx, suspendedName, data, vault.Place{Compartment: vault.Private})
		}
		return err
	})
}

// suspended returns who may come back.
func suspended(ctx context.Context, v *vault.Vault) (out []seat, err error) {
	all, err := v.List(ctx, &vault.ListOptions{Kind: vault.KindData, Compartment: vault.Private})
	if err != nil {
		return nil, err
	}
	for _, it := range all {
		if !formSuspended.is(it.Data) {
			continue
		}
		var one seat
		if err := formSuspended.unpack(it.Data, &one.memberFacts); err != nil {
			return nil, err
		}
		if one.member, _, err = openCredential(one.Credential); err != nil {
			return nil, tampered("a suspended membership")
		}
		out = append(out, one)
	}
	return out, nil
}

func (p *Post) forgetSuspended(ctx context.Context, o *office, worker vault.ID) error {
	all, err := o.List(ctx, &vault.ListOptions{Kind: vault.KindData, Compartment: vault.Private})
	if err != nil {
		return err
	}
	for _, it := range all {
		var f memberFacts
		if !formSuspended.is(it.Data) || formSuspended.unpack(it.Data, &f) != nil {
			continue
		}
		if m, _, err := openCredential(f.Credential); err == nil && m.Worker == worker {
			if err := o.Destroy(ctx, it.ID, it.Revision); err != nil {
				return err
			}
		}
	}
	return nil
}

// Resume lets somebody in again who was suspended, with the roles that they had. The
// commits: the membership; for a manager the key; the note of the suspension goes.
// vault.ErrNotFound if nobody of that id is suspended, ErrKeyChanged if their keys
// have changed since: then they ask to join, and are compared.
func (p *Post) Resume(ctx context.Context, worker vault.ID) error {
	o, err := p.manage(ctx)
	if err != nil {
		return err
	}
	defer o.Close()
	away, err := suspended(ctx, o.Vault)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(away, func(s seat) bool { return s.member.Worker == worker })
	if i < 0 {
		return vault.ErrNotFound
	}
	one := away[i]
	changed, err := p.service().keyChanged(ctx, one.member)
	if err != nil {
		return err
	}
	if changed {
		return ErrKeyChanged
	}
	n := newcomer{id: worker, name: one.Name, key: one.member.Key, roles: one.member.Roles}
	if err := p.service().readmit(ctx, o.Vault, p.relay, n, vault.Secret{}); err != nil {
		return err
	}
	return p.forgetSuspended(ctx, o, worker)
}
