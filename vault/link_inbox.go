package vault

import (
	"context"

	"reconnect.example/quota"
)

// Strangers who have the code of a link fill a share of the space, and never the rest: what
// they have left and what they are leaving at this moment is together at most
// Config.LeftShare percent of the limit (LK7). It counts until the person destroys or
// replaces it, or says that it is theirs to keep.

// Inbox is how the inbox stands.
type Inbox struct {
	Closed bool  // nobody may leave anything
	Left   int64 // bytes that strangers left by links, and that are not the person's own yet
	Share  int64 // as many bytes as they may fill
}

// linkReservations begins the ids of reservations for what comes by a link; at most so many
// go on at a time, so that the person's own uploads are not kept waiting.
const (
	linkReservations = "link-"
	maxLinkUploads   = 8
)

func (v *Vault) link() *openLink {
	if v.guest == nil {
		return nil
	}
	return v.guest.link
}

func (v *Vault) reservationName() string {
	if v.link() != nil {
		return linkReservations
	}
	return ""
}

// ahead is what is reserved when so much is needed, of an unknown length: twice what was,
// or, of a share that may be small, a little more.
func (u *upload) ahead(need int64) int64 {
	if u.v.link() != nil {
		return need + chunk
	}
	return max(firstRoom, 2*u.reservation.Bytes)
}

func (t *turn) share(u quota.Usage) int64 { return u.Limit / 100 * int64(t.v.service.cfg.LeftShare) }

// withinShare refuses what goes beyond the share; it is asked after each change of what is
// left or reserved by a link, in its commit.
func (t *turn) withinShare() error {
	if t.v.link() == nil {
		return nil
	}
	owner := t.v.id.String()
	space, err := t.v.service.cfg.Quota.Usage(t.tx, owner)
	if err != nil {
		return err
	}
	count, bytes, err := t.v.service.cfg.Quota.ReservedAs(t.tx, owner, linkReservations)
	if err != nil {
		return err
	}
	u, err := t.uses()
	if err != nil {
		return err
	}
	if count > maxLinkUploads || u.Left+bytes > t.share(space) {
		return ErrNotTaken
	}
	return nil
}

// countLeft counts what a link leaves.
func (t *turn) countLeft(bytes int64) error {
	l := t.v.link()
	if l == nil {
		return nil
	}
	u, err := t.uses()
	if err != nil {
		return err
	}
	u.Left += bytes
	n, err := t.useLink(l)
	if err != nil {
		return err
	}
	if n.Today > uint64(t.v.service.cfg.LeftPerDay) {
		return ErrNotTaken
	}
	return t.withinShare()
}

func (t *turn) inboxState(u *usesBody) (Inbox, error) {
	space, err := t.v.service.cfg.Quota.Usage(t.tx, t.v.id.String())
	out := Inbox{Closed: t.inboxClosed(), Share: t.share(space)}
	if u != nil {
		out.Left = u.Left
	}
	return out, err
}

// CloseInbox closes the inbox: nobody leaves anything any more, with a link or without, until
// OpenInbox. Who tries learns that it was not taken, and not why. What a worker makes private on
// the person's word still goes through. It is done also while the witness is away: ErrUnconfirmed
// then says that the witness will be told later. ErrNotAllowed to who is not the person.
func (v *Vault) CloseInbox(ctx context.Context) error { return v.setInbox(ctx, true) }

// OpenInbox opens the inbox again. Errors as those of CloseInbox.
func (v *Vault) OpenInbox(ctx context.Context) error { return v.setInbox(ctx, false) }

func (v *Vault) setInbox(ctx context.Context, closed bool) error {
	return v.changeOwner(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		if t.inboxClosed() == closed {
			return nil
		}
		mark := closedMark(t.v.id)
		if closed {
			t.heads.owner.Grants = append(t.heads.owner.Grants, mark)
			t.note(ActInboxClosed, nil, nil)
			return nil
		}
		t.unlistDigest(mark)
		t.note(ActInboxOpened, nil, nil)
		return nil
	})
}
