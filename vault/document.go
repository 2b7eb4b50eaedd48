package vault

import (
	"context"
	"errors"
	"io"
)

// AddDocument stores a document: r is read to its end in constant memory,
// sealed as it comes, and nothing of it touches the disk in clear. When it
// returns without error, bytes and record are durable; on any error nothing is
// kept and the space is given back.
//
// Errors: ErrFull (with quota.FullError, which says how much is left) before the
// first byte if the size is known and at the limit otherwise; InvalidError;
// ErrTooMany; ErrUploadExpired; ErrSessionEnded; the reader's own error.
func (v *Vault) AddDocument(ctx context.Context, n NewDocument, r io.Reader) (Item, error) {
	it := &Item{ID: newID(), Kind: KindDocument, Revision: 1, Name: cleanName(n.Name), Folder: n.Folder, Document: n.document()}
	if err := errors.Join(it.check(), checkText("channel", n.Channel, MaxName, false)); err != nil {
		return Item{}, err
	}
	u := v.newUpload(it.ID, 1, n.size())
	var old *record
	replaces := func(t *turn) (err error) {
		if old = nil; !n.InPlaceOf.IsZero() {
			old, err = t.outOf(n.InPlaceOf, n.InPlaceRevision)
		}
		return err
	}
	return v.deposit(ctx, u, r, func(t *turn) error {
		return errors.Join(replaces(t), t.place(it, n.Compartment))
	}, func(t *turn) (*Item, error) {
		if err := errors.Join(replaces(t), t.place(it, n.Compartment)); err != nil {
			return nil, err
		}
		u.describe(t, it, n.Channel)
		if err := u.settle(t, u.part.Length); err != nil {
			return nil, err
		}
		if err := t.put(&record{item: it, parts: []part{u.part}, keys: [][]byte{u.key.Bytes()}}); err != nil {
			return nil, err
		}
		t.note(ActAdded, it, map[string]string{"kind": it.Kind.String(), "compartment": it.Compartment.String()})
		if old != nil {
			return it, t.destroy(old)
		}
		return it, nil
	})
}

// ReplaceDocument puts other bytes in the place of a document's: a new deposit,
// with an origin of its own, under the same id, name and folder. Until it
// returns, and if it fails, the old document is whole. Of n, Name and place are
// ignored, and dates that are empty stay as they were.
func (v *Vault) ReplaceDocument(ctx context.Context, id ItemID, revision uint64, n NewDocument, r io.Reader) (Item, error) {
	if err := errors.Join(n.document().check(), checkText("channel", n.Channel, MaxName, false)); err != nil {
		return Item{}, err
	}
	u := v.newUpload(id, revision+1, n.size())
	find := func(t *turn) (*record, error) {
		if err := t.mayRemove(); err != nil {
			return nil, err
		}
		old, err := t.findRevision(id, revision)
		if err == nil && old.item.Kind != KindDocument {
			err = &InvalidError{Field: "item", Problem: "is not a document"}
		}
		return old, err
	}
	return v.deposit(ctx, u, r, func(t *turn) error {
		_, err := find(t)
		return err
	}, func(t *turn) (*Item, error) {
		old, err := find(t)
		if err != nil {
			return nil, err
		}
		it := *old.item
		it.Revision++
		it.Document = n.document()
		if n.Issued == "" {
			it.Document.Issued = old.item.Document.Issued
		}
		if n.Expires == "" {
			it.Document.Expires = old.item.Document.Expires
		}
		u.describe(t, &it, n.Channel)
		if err := u.settle(t, u.part.Length); err != nil {
			return nil, err
		}
		if err := errors.Join(t.charge(-old.blobBytes()), t.uncountLeft(old.item, old.leftBytes())); err != nil {
			return nil, err
		}
		if err := t.put(&record{item: &it, parts: []part{u.part}, keys: [][]byte{u.key.Bytes()}, stored: old.stored}); err != nil {
			return nil, err
		}
		t.dropBlobs(old.allParts())
		t.note(ActReplaced, &it, nil)
		return &it, nil
	})
}

// deposit is reserve -> blob -> commit.
func (v *Vault) deposit(ctx context.Context, u *upload, r io.Reader, check func(t *turn) error, commit func(t *turn) (*Item, error)) (Item, error) {
	err := v.do(ctx, func(t *turn) error {
		if err := check(t); err != nil {
			return err
		}
		return u.reserve(t)
	})
	if err != nil {
		return Item{}, err
	}
	err = u.run(ctx, r)
	var out *Item
	if err == nil {
		err = v.do(ctx, func(t *turn) (err error) {
			out, err = commit(t)
			return err
		})
	}
	if err != nil {
		u.abandon(ctx, err)
		return Item{}, err
	}
	return *out, nil
}

// describe fills in what is known once the bytes are in.
func (u *upload) describe(t *turn, it *Item, channel string) {
	it.Changed = t.now
	it.Document.Size, it.Document.Digest, it.Document.Stored = u.written, u.digest, u.part.Length
	it.Origin = Origin{By: t.v.actor, Channel: orDefault(channel, "library"), At: t.now, Digest: u.digest}
}

func (n *NewDocument) document() *Document {
	return &Document{MediaType: orDefault(n.MediaType, "application/octet-stream"), Issued: n.Issued, Expires: n.Expires}
}

func (d *Document) check() error {
	return errors.Join(checkMediaType(d.MediaType), d.Issued.check("issued"), d.Expires.check("expires"))
}

func (n *NewDocument) size() int64 {
	if n.Size <= 0 {
		return -1
	}
	return n.Size
}
