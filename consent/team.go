package consent

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// TeamMember is somebody who works for a relay, as its managers see them.
type TeamMember struct {
	Worker vault.ID
	Name   string
	Roles  Role
	Since  time.Time
	State  MemberState
	// KeyChanged: the worker's own keys are not those that the relay let in. Compare
	// the new ones, and let them in again: see [Post.Renew].
	KeyChanged bool
}

// MemberState says how somebody stands with a relay.
type MemberState string

// The states of a member.
const (
	MemberActive    MemberState = "active"
	MemberSuspended MemberState = "suspended"
	// MemberLeaving: gone, but a key of the relay is still to be taken from them: see
	// [Post.Remove].
	MemberLeaving MemberState = "leaving"
)

// Team is who works for a relay.
type Team struct {
	Members []TeamMember // by name
	// OneManager warns that only one manager is left: when they lose their password,
	// only the recovery sheet lets anybody manage the relay.
	OneManager bool
}

// memberFacts lie with a membership for the managers.
type memberFacts struct {
	Name       string `cbor:"1,keyasint"`
	Credential []byte `cbor:"2,keyasint"`
}

// seat is a membership in force.
type seat struct {
	grant vault.GrantID
	memberFacts
	member Member
	left   bool // the worker has gone by themselves
}

// openHeld opens the whole of a relay's space by the worker's own keys, as long as
// standing says so. That they still hold a key is asked here; any change of the
// holders ends the handle.
func (w *Worker) openHeld(ctx context.Context, relay Relay, actor vault.Actor, standing vault.Standing) (*vault.Vault, error) {
	own, err := w.own.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	return w.service.cfg.Vaults.OpenHeld(ctx, relay.ID, vault.Guest{
		Actor: actor, Signer: own.Signer, Holder: w.ID(), Keys: own.Inboxes, Standing: standing, Pinned: relay.Key[:],
	})
}

// mayManage refuses who is not a manager, or not any more.
func (p *Post) mayManage(ctx context.Context) error {
	if !p.member.Roles.Has(RoleManage) {
		return ErrNotManager
	}
	_, err := p.space.OwnKeys(ctx) // asks the relay's head whether the membership is in force
	return err
}

// seats returns the memberships in force, as the managers' papers say.
func (s *Service) seats(ctx context.Context, v *vault.Vault) (out []seat, err error) {
	all, err := v.Grants(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) { // whose paper is lost is out: the space ends what is left of it
		return nil, err
	}
	for _, g := range all {
		if g.Scope != vault.ScopeTeam || !g.Ended.IsZero() {
			continue
		}
		one := seat{grant: g.ID}
		if seal.Unmarshal(g.Facts, &one.memberFacts) != nil {
			return nil, tampered("what was kept with a membership")
		}
		if one.member, _, err = openCredential(one.Credential); err != nil || one.member.Worker != g.Holder {
			return nil, tampered("what was kept with a membership")
		}
		_, err := s.cfg.Store.Get(ctx, grantKey(v.ID(), g.ID))
		if one.left = errors.Is(err, storage.ErrNotFound); err != nil && !one.left {
			return nil, storageError(err)
		}
		out = append(out, one)
	}
	return out, nil
}

// seatOf returns a worker's latest membership.
func seatOf(seats []seat, worker vault.ID) (seat, bool) {
	for _, s := range slices.Backward(seats) {
		if s.member.Worker == worker && !s.left {
			return s, true
		}
	}
	return seat{}, false
}

// managers counts those who would still manage if this worker did not.
func managers(seats []seat, without vault.ID) (n int) {
	for _, s := range seats {
		if !s.left && s.member.Roles.Has(RoleManage) && s.member.Worker != without {
			n++
		}
	}
	return n
}

// Members returns who works for the relay. It is for managers, and a line in the
// relay's journal. Errors: ErrNotManager, and those of any act in the relay's space.
func (p *Post) Members(ctx context.Context) (Team, error) {
	v, err := p.manage(ctx)
	if err != nil {
		return Team{}, err
	}
	defer v.Close()
	return p.service().team(ctx, v.Vault)
}

func (s *Service) team(ctx context.Context, v *vault.Vault) (Team, error) {
	seats, err := s.seats(ctx, v)
	if err != nil {
		return Team{}, err
	}
	var t Team
	there := map[vault.ID]bool{}
	for _, one := range seats {
		m := TeamMember{Worker: one.member.Worker, Name: one.Name, Roles: one.member.Roles, Since: one.member.From, State: MemberActive}
		if one.left {
			m.State = MemberLeaving
		}
		if m.KeyChanged, err = s.keyChanged(ctx, one.member); err != nil {
			return Team{}, err
		}
		there[m.Worker] = true
		t.Members = append(t.Members, m)
	}
	holders, err := holdersOf(ctx, v, vault.Secret{})
	if err != nil {
		return Team{}, err
	}
	managing := slices.DeleteFunc(slices.Clone(seats), func(one seat) bool { return !slices.Contains(holders, one.member.Worker) })
	t.OneManager = managers(managing, vault.ID{}) == 1
	away, err := suspended(ctx, v)
	if err != nil {
		return Team{}, err
	}
	for _, one := range away {
		if there[one.member.Worker] {
			continue // a crash came between: the membership counts
		}
		there[one.member.Worker] = true
		t.Members = append(t.Members, TeamMember{Worker: one.member.Worker, Name: one.Name, Roles: one.member.Roles, Since: one.member.From, State: MemberSuspended})
	}
	for _, id := range holders {
		i := slices.IndexFunc(t.Members, func(m TeamMember) bool { return m.Worker == id })
		switch {
		case i < 0:
			names, err := workersOf(ctx, v)
			if err != nil {
				return Team{}, err
			}
			t.Members = append(t.Members, TeamMember{Worker: id, Name: names[id.String()], Roles: RoleManage, State: MemberLeaving})
		case t.Members[i].State == MemberSuspended:
			t.Members[i].State = MemberLeaving
		}
	}
	slices.SortStableFunc(t.Members, func(a, b TeamMember) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), bytes.Compare(a.Worker[:], b.Worker[:]))
	})
	return t, nil
}

// keyChanged says whether a worker's present key is not the one of their credential,
// as far as anybody can say what it is.
func (s *Service) keyChanged(ctx context.Context, m Member) (bool, error) {
	now, err := s.cfg.Register.worker(ctx, m.Worker, m.Key)
	switch {
	case errors.Is(err, vault.ErrEnded), errors.Is(err, vault.ErrUntrustedKey):
		return true, nil
	case errors.Is(err, vault.ErrStale), errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrPolicy):
		return true, nil // what cannot be believed of one must not hide the others
	}
	return err == nil && !bytes.Equal(now.Key, m.Key), err
}

// Journal returns what happened at the relay, newest first: who let whom in, who
// took whom out, who changed its keys. Who only manages reads no name of the people
// whom the relay follows. Errors: ErrNotManager, and those of vault.Journal.
func (p *Post) Journal(ctx context.Context, opts *vault.JournalOptions) ([]vault.Entry, error) {
	o, err := p.manage(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return p.journal(ctx, o, opts)
}

func (p *Post) journal(ctx context.Context, o *office, opts *vault.JournalOptions) ([]vault.Entry, error) {
	entries, err := o.Journal(ctx, opts)
	if p.mayHelp() != nil {
		for i := range entries {
			entries[i].Name = ""
		}
	}
	return entries, err
}
