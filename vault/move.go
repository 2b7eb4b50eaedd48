package vault

import (
	"bytes"
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Move makes an item private or shared. A document is encrypted anew, with a
// fresh key and a fresh blob, its small picture too, so that who had the old keys has nothing; this
// needs no free space (but a few hundred bytes where a folder has to be made),
// as the old blob is given up in the same commit. One move
// of one vault at a time: ErrBusyMoving. A crash at any step leaves the item
// where it was, whole.
//
// The folder of the same name on the other side takes it in; it is made if
// there is none. What others already saw, they have seen: say so to the person.
func (v *Vault) Move(ctx context.Context, id ItemID, revision uint64, to Compartment) (Item, error) {
	if to != Shared && to != Private {
		return Item{}, &InvalidError{Field: "compartment", Problem: "is not private or shared"}
	}
	var out Item
	var old *record
	err := v.do(ctx, func(t *turn) error {
		r, err := t.movable(id, revision, to)
		if err != nil {
			return err
		}
		if old = r; r.item.Compartment == to { // it is where it shall be; to say so is to show it
			out = *r.item
			t.note(ActRead, r.item, map[string]string{"kind": r.item.Kind.String()})
			return nil
		}
		if r.item.Kind == KindDocument {
			return nil
		}
		out, err = t.move(r, to)
		return err
	})
	if err != nil || old.item.Compartment == to || old.item.Kind != KindDocument {
		return out, err
	}
	return v.moveDocument(ctx, id, revision, mover{
		find: func(t *turn) (*record, error) { return t.movable(id, revision, to) },
		move: func(t *turn, r *record) (Item, error) { return t.move(r, to) },
	})
}

// mover is how a document changes sides: find says each time whether it still may,
// move writes it there, with its new blob.
type mover struct {
	find func(t *turn) (*record, error)
	move func(t *turn, r *record) (Item, error)
	bare bool // without its small picture
}

// longestMove is more than any reservation lasts.
const longestMove = 24 * time.Hour

// moving is V/mv, the one move in progress: CBOR{1: reservation, 2: deadline}.
// It is over when its deadline has passed, so that a crash blocks nobody for long.
type moving struct {
	Reservation string `cbor:"1,keyasint"`
	Deadline    int64  `cbor:"2,keyasint"` // unix milliseconds
}

func (v *Vault) moveDocument(ctx context.Context, id ItemID, revision uint64, m mover) (Item, error) {
	u, small := v.newUpload(id, revision+1, 0), v.newThumbnail(id, revision+1)
	err := v.do(ctx, func(t *turn) error {
		r, err := m.find(t)
		if err != nil {
			return err
		}
		u.size = r.item.Document.Size
		return u.beginMove(t)
	})
	if err != nil {
		return Item{}, err
	}
	out, err := v.copyAndMove(ctx, u, small, m)
	if err != nil {
		small.abandon(ctx, err)
		u.abandon(ctx, err)
		u.endMove(ctx)
	}
	return out, err
}

func (u *upload) beginMove(t *turn) error {
	key := t.v.id.key("mv")
	rec, err := t.tx.Get(key)
	if err == nil {
		var m moving
		_ = seal.Unmarshal(rec.Value, &m) // what does not parse is over
		deadline := time.UnixMilli(m.Deadline)
		// A deadline that no honest move has is none: it would block for ever.
		if t.now.Before(deadline) && deadline.Before(t.now.Add(longestMove)) {
			return ErrBusyMoving
		}
	} else if !isNotFound(err) {
		return err
	}
	// The new blob is exactly as long as the old one, which is charged already:
	// the difference to reserve is nothing. The reservation still names the blob
	// for the sweeper.
	if err := u.book(t, t.v.service.cfg.Quota.Reserve, 0); err != nil {
		return err
	}
	body, err := seal.Marshal(moving{Reservation: u.reservation.ID, Deadline: u.reservation.Deadline.UnixMilli()})
	if err != nil {
		return err
	}
	t.tx.PutUnique(key, body)
	return nil
}

// endMove frees the way for the next move after this one failed. If it cannot,
// the deadline will.
func (u *upload) endMove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	key := u.v.id.key("mv")
	_ = u.v.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(key)
		var m moving
		if err == nil && seal.Unmarshal(rec.Value, &m) == nil && m.Reservation == u.reservation.ID {
			tx.Delete(key)
		}
		return nil
	})
}

// copyAndMove writes the new blobs and commits the move.
func (v *Vault) copyAndMove(ctx context.Context, u, small *upload, m mover) (Item, error) {
	if err := v.copyForMove(ctx, u, small, m); err != nil {
		return Item{}, err
	}
	var out Item
	err := v.do(ctx, func(t *turn) error {
		r, err := m.find(t)
		if err != nil {
			return err
		}
		rec, err := t.tx.Get(v.id.key("mv"))
		var now moving
		if err != nil || seal.Unmarshal(rec.Value, &now) != nil || now.Reservation != u.reservation.ID {
			return errors.Join(ErrUploadExpired, err)
		}
		t.tx.Delete(v.id.key("mv"))
		if err := errors.Join(u.settle(t, 0), t.moveThumbnail(r, small)); err != nil {
			return err
		}
		// One blob is never longer than several of the same document.
		if err := t.charge(u.part.Length - partBytes(r.parts)); err != nil {
			return err
		}
		t.dropBlobs(r.parts)
		r.parts, r.keys = []part{u.part}, [][]byte{u.key.Bytes()}
		r.describe()
		out, err = m.move(t, r)
		return err
	})
	return out, err
}

// copyForMove reads the document and its small picture for the service's own use, and
// writes them under new keys: the bytes do not leave, so that the move itself is the
// line in the journal.
func (v *Vault) copyForMove(ctx context.Context, u, small *upload, m mover) error {
	var r *record
	err := v.do(ctx, func(t *turn) (err error) {
		r, err = t.findRevision(u.item, u.revision-1)
		return err
	})
	if err != nil {
		return err
	}
	from, err := v.stream(ctx, r)
	if err != nil {
		return err
	}
	err = u.run(ctx, from)
	if closeErr := from.Close(); err == nil && closeErr != nil {
		err = storageError(closeErr)
	}
	if err != nil || m.bare || r.small == nil {
		return err
	}
	plain, err := v.sealedThumbnail(ctx, r)
	if err != nil {
		return err
	}
	// Reserved only now: the document may have taken longer than a reservation lasts.
	if err := v.do(ctx, func(t *turn) error { return small.book(t, t.v.service.cfg.Quota.Reserve, 0) }); err != nil {
		return err
	}
	return small.run(ctx, bytes.NewReader(plain))
}

func (t *turn) movable(id ItemID, revision uint64, to Compartment) (*record, error) {
	if err := t.asOwner(); err != nil {
		return nil, err
	}
	r, err := t.findRevision(id, revision)
	if err != nil {
		return nil, err
	}
	if _, reached := t.heads.indexes[to]; !reached {
		return nil, &InvalidError{Field: "compartment", Problem: "cannot be reached in this session"}
	}
	if r.item.Kind == KindFolder {
		return nil, &InvalidError{Field: "item", Problem: "is a folder; each folder exists on both sides, move what is in it"}
	}
	if !r.item.Binned.IsZero() {
		return nil, &InvalidError{Field: "item", Problem: "is in the bin; take it out first"}
	}
	return r, nil
}

// move rewrites the record in the other compartment: same id, next revision,
// origin kept with its signature.
func (t *turn) move(r *record, to Compartment) (Item, error) {
	it := r.item
	if err := t.strike(it.Compartment, it.ID); err != nil {
		return Item{}, err
	}
	folder, err := t.sameFolder(it.Folder, to)
	if err != nil {
		return Item{}, err
	}
	it.Compartment, it.Folder, it.Changed = to, folder, t.now
	it.Revision++
	if err := t.put(r); err != nil {
		return Item{}, err
	}
	act := ActShared
	if to == Private {
		act = ActMadePrivate
	}
	t.note(act, it, map[string]string{"kind": it.Kind.String()})
	return *it, nil
}

// sameFolder finds or makes the folder of the same name on the other side (G6).
func (t *turn) sameFolder(id ItemID, to Compartment) (ItemID, error) {
	if id.IsZero() {
		return id, nil
	}
	f, err := t.find(id)
	if errors.Is(err, ErrNotFound) {
		return ItemID{}, nil
	}
	if err != nil {
		return ItemID{}, err
	}
	all, err := t.all()
	if err != nil {
		return ItemID{}, err
	}
	for _, l := range all {
		if l.err == nil && l.record.item.Kind == KindFolder && l.record.item.Compartment == to &&
			l.record.item.Name == f.item.Name && l.record.item.Binned.IsZero() {
			return l.id, nil
		}
	}
	it := &Item{ID: newID(), Kind: KindFolder, Compartment: to, Revision: 1, Name: f.item.Name, Changed: t.now}
	it.Origin = Origin{By: t.v.actor, Channel: "move", At: t.now}
	return it.ID, t.put(&record{item: it})
}
