package consent

import (
	"context"
	"errors"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What a manager wrote on an invitation, as stored in R/invited/<hash>, the hash being
// that of the invitation's own key: boxed to the relay's inbox: CBOR of this. It is
// written with the code and goes with it, so that nothing says afterwards who invited
// whom. The store can hide a code or write on it, and gains nothing by it, as by one
// that it makes up.
type labelBody struct {
	ID    [16]byte `cbor:"1,keyasint"`
	Label string   `cbor:"2,keyasint,omitempty"`
	By    string   `cbor:"3,keyasint"`
}

// mostLabel is the length of a label in characters.
const mostLabel = 100

func labelKey(relay RelayID, invitation string) string {
	return labelPrefix(relay) + strings.TrimPrefix(invitation, invitationPrefix)
}

func labelPrefix(relay RelayID) string { return relay.String() + "/invited/" }

func labelBoxed(relay RelayID, invitation string) seal.Context {
	return seal.Context{Type: seal.TypeNote, Vault: relay, Object: []byte(invitation), Holder: []byte("invited")}
}

// writeOn seals what a manager writes on an invitation.
func (p *Post) writeOn(i Invitation, key string) ([]byte, error) {
	body, err := seal.Marshal(labelBody{ID: i.ID, Label: i.Label, By: i.By})
	if err != nil {
		return nil, err
	}
	return p.keys.Inboxes[0].Public().Seal(labelBoxed(p.relay.ID, key), nil, body)
}

// Invitations returns the codes that nobody has used yet and whose time is not over,
// the one that ends first before the others. The codes themselves are not in it: they
// were shown once. Nor are those that were made before they had an id: they end within
// their seven days. Errors: ErrNotManager, and those of any act in the relay's space.
func (p *Post) Invitations(ctx context.Context) ([]Invitation, error) {
	o, err := p.manage(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	own, err := o.OwnKeys(ctx) // also former ones: the keys may have changed since
	if err != nil {
		return nil, err
	}
	all, err := p.invitations(ctx, own.Inboxes)
	if err != nil {
		return nil, err
	}
	out := make([]Invitation, 0, len(all))
	for _, i := range all {
		out = append(out, i.Invitation)
	}
	slices.SortStableFunc(out, func(a, b Invitation) int { return a.Until.Compare(b.Until) })
	return out, nil
}

// pending is an invitation with the key of its record.
type pending struct {
	Invitation
	key string
}

func (p *Post) invitations(ctx context.Context, keys []seal.BoxKey) (out []pending, err error) {
	s, prefix := p.service(), labelPrefix(p.relay.ID)
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		one := pending{key: invitationPrefix + strings.TrimPrefix(rec.Key, prefix)}
		written, ok := p.readOn(one.key, rec.Value, keys)
		if !ok {
			continue // nobody's
		}
		rec, err := s.cfg.Store.Get(ctx, one.key)
		if errors.Is(err, storage.ErrNotFound) {
			continue // used in between
		}
		if err != nil {
			return nil, storageError(err)
		}
		i, err := s.openInvitation(rec)
		if err != nil || i.Relay != p.relay.ID {
			continue // its time is over
		}
		one.Invitation = Invitation{ID: written.ID, Relay: i.Relay, Roles: i.Roles, Until: fromUnixMilli(i.Until), Label: written.Label, By: written.By}
		out = append(out, one)
	}
	return out, nil
}

func (p *Post) readOn(invitation string, box []byte, keys []seal.BoxKey) (l labelBody, ok bool) {
	for _, key := range keys {
		_, body, err := key.Open(labelBoxed(p.relay.ID, invitation), box)
		if err == nil {
			return l, seal.Unmarshal(body, &l) == nil && checkText("label", l.Label, mostLabel, false) == nil && checkWorkerName(l.By) == nil
		}
	}
	return l, false
}

// TakeBack ends an invitation that nobody has used: with its return the code lets nobody
// ask any more, and of who uses it at the same moment and who takes it back one side
// succeeds. The line in the relay's journal is in the same commit. Who has asked with it
// before is still let in by nobody but a manager ([Post.Admit]).
//
// Errors: vault.ErrNotFound for one that was used, whose time is over, or that is
// another relay's; ErrNotManager. While the witness is away it is taken back all the
// same, without the line: vault.ErrUnconfirmed (N10).
func (p *Post) TakeBack(ctx context.Context, id InvitationID) error {
	o, err := p.manage(ctx)
	if errors.Is(err, vault.ErrWitnessAway) {
		return p.takeBackAlone(ctx, id)
	}
	if err != nil {
		return err
	}
	defer o.Close()
	own, err := o.OwnKeys(ctx)
	if err != nil {
		return err
	}
	i, err := p.invitationOf(ctx, id, own.Inboxes)
	if err != nil {
		return err
	}
	return o.NoteInvitation(ctx, i.Label, func(tx *storage.Tx) error { return p.takeBack(tx, i) })
}

// takeBackAlone is TakeBack without the whole of the relay's space.
func (p *Post) takeBackAlone(ctx context.Context, id InvitationID) error {
	if err := p.mayManage(ctx); err != nil {
		return err
	}
	i, err := p.invitationOf(ctx, id, p.keys.Inboxes)
	if err != nil {
		return err
	}
	if err := p.service().cfg.Store.Transact(ctx, func(tx *storage.Tx) error { return p.takeBack(tx, i) }); err != nil {
		return storageError(err)
	}
	return vault.ErrUnconfirmed
}

func (p *Post) invitationOf(ctx context.Context, id InvitationID, keys []seal.BoxKey) (pending, error) {
	all, err := p.invitations(ctx, keys)
	if err != nil {
		return pending{}, err
	}
	at := slices.IndexFunc(all, func(i pending) bool { return i.ID == id })
	if at < 0 {
		return pending{}, vault.ErrNotFound
	}
	return all[at], nil
}

// takeBack ends an invitation in a commit. It reads the code there, so that who uses it
// meanwhile and who takes it back do not both succeed.
func (p *Post) takeBack(tx *storage.Tx, i pending) error {
	s := p.service()
	used, err := s.use(tx, i.key)
	if errors.Is(err, ErrInvitation) || err == nil && used.Relay != p.relay.ID {
		return vault.ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.spend(tx, i.key, used)
}
