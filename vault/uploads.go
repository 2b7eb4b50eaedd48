package vault

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
)

// Uploads that resume, for phones that lose the network (N23). An upload is begun with
// the length of the document, whose space is reserved from then on; its bytes are
// appended from where it is, in as many calls as it takes, by any process; finishing it
// makes the item, in one commit. What it has got is kept in whole parts, each a blob of
// its own (parts.go): of a call that breaks off, the parts that were whole stay.

// Upload says how far an upload is. It holds no name.
type Upload struct {
	ID     ItemID    // of the upload, and of the document that it becomes
	Size   int64     // bytes of the document
	Offset int64     // bytes that are durable: go on from here
	Part   int64     // bytes of a part: less than this, unless it is the end, is not kept
	Until  time.Time // it ends by itself unless a part comes before
}

// UploadKeeps is how long an upload may stand still: 24 hours after its last part it
// ends, and its space is free an hour later.
const UploadKeeps = 24 * time.Hour

// MaxUploads is about how many uploads may go on in one vault at a time.
const MaxUploads = 16

// BeginUpload reserves the space of a document of n.Size bytes, which must be given,
// for [UploadKeeps]. From now on no part of it can be refused because the space is
// full. The rules decide now where it will lie; nothing is listed before FinishUpload.
//
// Errors: ErrFull (with quota.FullError); InvalidError; ErrTooMany if MaxUploads go on,
// or MaxItems are there; ErrNotAllowed to who may not add.
func (v *Vault) BeginUpload(ctx context.Context, n NewDocument) (Upload, error) {
	it := &Item{ID: newID(), Kind: KindDocument, Revision: 1, Name: cleanName(n.Name), Folder: n.Folder, Document: n.document()}
	if err := errors.Join(it.check(), checkText("channel", n.Channel, MaxName, false), checkUploadSize(n.Size)); err != nil {
		return Upload{}, err
	}
	state, err := hashState(sha256.New())
	if err != nil {
		return Upload{}, err
	}
	var out Upload
	err = v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.changing(), t.place(it, n.Compartment)); err != nil {
			return err
		}
		if err := t.roomForUpload(); err != nil {
			return err
		}
		p := &pending{item: it.ID, compartment: it.Compartment, extents: extentsOf(n.Size), facts: uploadFacts{
			Name: it.Name, MediaType: it.Document.MediaType, Issued: n.Issued, Expires: n.Expires,
			Channel: orDefault(n.Channel, "library"), By: v.actor, Size: n.Size, Hash: state}}
		if !it.Folder.IsZero() {
			p.facts.Folder = it.Folder[:]
		}
		q, owner := v.service.cfg.Quota, v.id.String()
		if _, err := q.Reserve(t.tx, owner, quota.Reservation{ID: p.reservation(), Blob: v.id.key(p.item.String()), Bytes: p.room()}); err != nil {
			return err
		}
		if err := t.renewUpload(p); err != nil {
			return err
		}
		err := t.keepUpload(p)
		out = p.state()
		return err
	})
	if err != nil {
		return Upload{}, err
	}
	return out, nil
}

func checkUploadSize(size int64) error {
	switch {
	case size < 1:
		return &InvalidError{Field: "size", Problem: "must be given, as 1 byte or more"}
	case size > seal.MaxStream:
		return &InvalidError{Field: "size", Problem: "is larger than any document"}
	}
	return nil
}

// room is what is reserved for an upload: its blobs, and the record that will name them.
func (p *pending) room() int64 {
	return min(p.stored(), math.MaxInt64-recordRoom-mostParts*partRecord) + recordRoom + int64(len(p.extents))*partRecord
}

// roomForUpload counts the uploads that go on. Two that begin at once may both find
// the last place.
func (t *turn) roomForUpload() error {
	on, err := t.v.service.cfg.Store.Scan(t.ctx, t.v.id.key("u/"), "", MaxUploads)
	if err != nil {
		return err
	}
	if len(on) >= MaxUploads {
		return ErrTooMany
	}
	return nil
}

// renewUpload keeps the space for another day; only a part does.
func (t *turn) renewUpload(p *pending) error {
	_, err := t.v.service.cfg.Quota.RenewFor(t.tx, t.v.id.String(), p.reservation(), UploadKeeps)
	if errors.Is(err, quota.ErrExpired) {
		return ErrUploadExpired
	}
	return err
}

// Upload says how far an upload is, to its maker. Of one that was finished it says
// that everything is there, for as long as its document is.
//
// Errors: ErrNotFound, also for one that was ended or is another's; ErrUploadExpired.
func (v *Vault) Upload(ctx context.Context, id ItemID) (Upload, error) {
	var out Upload
	err := v.do(ctx, func(t *turn) error {
		p, err := t.findUpload(id)
		if err == nil {
			out = p.state()
			return nil
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		it, err := t.finished(id)
		if err != nil {
			return err
		}
		out = Upload{ID: id, Size: it.Document.Size, Offset: it.Document.Size, Part: extentsOf(max(1, it.Document.Size))[0].size}
		return nil
	})
	if err != nil {
		return Upload{}, err
	}
	return out, nil
}

// finished is the document that an upload has become. To say so is to show it.
func (t *turn) finished(id ItemID) (*Item, error) {
	r, err := t.find(id)
	if err != nil {
		return nil, err
	}
	if by, me := r.item.Origin.By, t.v.actor; r.item.Kind != KindDocument || by.Kind != me.Kind || by.ID != me.ID || by.RelayID != me.RelayID {
		return nil, ErrNotFound
	}
	t.note(ActRead, r.item, map[string]string{"kind": r.item.Kind.String()})
	return r.item, nil
}

// AppendUpload takes more of a document: r is read to its end, or to that of the
// document, and begins at offset, which must be where the upload is. When it returns,
// with an error or without, what the answer says is durable; it may be less than was
// read, because only whole parts are kept, and the last. Call it again from there.
//
// Of two who append at once one wins each part, and the other has an OffsetError.
//
// Errors: OffsetError; InvalidError if r holds less than a part, or more than the
// document; ErrUploadExpired; ErrNotFound as [Vault.Upload]; ErrClosing;
// ErrSessionEnded, ErrEnded; the reader's own. Never ErrFull.
func (v *Vault) AppendUpload(ctx context.Context, id ItemID, offset int64, r io.Reader) (Upload, error) {
	from := bufio.NewReaderSize(r, 16)
	now, err := v.Upload(ctx, id)
	if err == nil && now.Offset != offset {
		err = &OffsetError{Offset: now.Offset, Size: now.Size}
	}
	for err == nil && now.Offset < now.Size {
		var next Upload
		if next, err = v.appendPart(ctx, now, from); err != nil {
			if errors.Is(err, errPartCut) {
				if err = nil; now.Offset == offset {
					err = &InvalidError{Field: "body", Problem: fmt.Sprintf("holds less than a part of %d bytes", now.Part)}
				}
			}
			return now, err
		}
		if next.Offset == now.Offset {
			return now, nil // r has ended
		}
		now = next
	}
	return now, err
}

// errPartCut: the bytes ended within a part.
var errPartCut = errors.New("vault: the bytes ended within a part")

// appendPart is reserve -> blob -> commit for one part; it answers where the upload is
// then. The part has a reservation of its own for no bytes, which names its blob to the
// sweeper until the upload does; the space was reserved at the beginning.
func (v *Vault) appendPart(ctx context.Context, at Upload, from *bufio.Reader) (Upload, error) {
	switch _, err := from.Peek(1); {
	case err == io.EOF:
		return at, nil
	case err != nil:
		return at, brokeOff(0, err)
	}
	var u *upload
	err := v.do(ctx, func(t *turn) error {
		p, err := t.uploadAt(at)
		if err != nil {
			return err
		}
		e := p.extents[len(p.parts)]
		u = v.newUpload(at.ID, 1, e.size)
		u.extent = e
		if u.plain, err = p.hash(); err != nil {
			return err
		}
		return u.book(t, v.service.cfg.Quota.Reserve, 0)
	})
	if err != nil {
		return at, err
	}
	last := u.extent.offset+u.size == at.Size
	if err = u.run(ctx, &partReader{from: from, left: u.size}); err == nil && last {
		if _, peekErr := from.Peek(1); peekErr == nil {
			err = &InvalidError{Field: "size", Problem: fmt.Sprintf("was given as %d bytes, but more came; the last part was not kept", at.Size)}
		} else if peekErr != io.EOF {
			err = brokeOff(u.written, peekErr)
		}
	}
	next := at
	if err == nil {
		err = v.do(ctx, func(t *turn) error {
			p, err := t.uploadAt(at)
			if err != nil {
				return err
			}
			next, err = t.addPart(p, u)
			return err
		})
	}
	if err != nil {
		u.abandon(ctx, err)
		return at, err
	}
	return next, nil
}

// uploadAt finds an upload that is still where its sender thinks, and may go on.
func (t *turn) uploadAt(at Upload) (*pending, error) {
	if err := t.changing(); err != nil {
		return nil, err
	}
	p, err := t.findUpload(at.ID)
	if err == nil && (p.offset() != at.Offset || p.complete()) {
		err = &OffsetError{Offset: p.offset(), Size: p.facts.Size}
	}
	return p, err
}

// addPart names the part that was written.
func (t *turn) addPart(p *pending, u *upload) (Upload, error) {
	state, err := hashState(u.plain)
	if err != nil {
		return Upload{}, err
	}
	p.parts, p.facts.Keys, p.facts.Hash = append(p.parts, u.part), append(p.facts.Keys, u.key.Bytes()), state
	if err := u.settle(t, 0); err != nil {
		return Upload{}, err
	}
	if err := t.renewUpload(p); err != nil {
		return Upload{}, err
	}
	err = t.keepUpload(p)
	return p.state(), err
}

// partReader is as much of a stream as one part takes.
type partReader struct {
	from *bufio.Reader
	left int64
}

// Read tells bytes that end within the part from an end of the part.
func (p *partReader) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.from.Read(b[:min(p.left, int64(len(b)))])
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 {
		err = errPartCut
	} else if err == io.EOF {
		err = nil // the next Read says so
	}
	return n, err
}

// FinishUpload makes the document of an upload that is complete, in one commit. Called
// again it returns the same item, as long as that is there. A folder that is gone by
// now leaves it at the top.
//
// Errors: OffsetError if bytes are still missing; ErrTooMany if MaxItems are there;
// ErrUploadExpired; ErrNotFound as [Vault.Upload]; ErrClosing; ErrNotAllowed.
func (v *Vault) FinishUpload(ctx context.Context, id ItemID) (Item, error) {
	var out Item
	err := v.do(ctx, func(t *turn) error {
		p, err := t.findUpload(id)
		if errors.Is(err, ErrNotFound) {
			it, err := t.finished(id)
			if err == nil {
				out = *it
			}
			return err
		}
		if err != nil {
			return err
		}
		if !p.complete() {
			return &OffsetError{Offset: p.offset(), Size: p.facts.Size}
		}
		it, err := t.finishUpload(p)
		if err == nil {
			out = *it
		}
		return err
	})
	if err != nil {
		return Item{}, err
	}
	return out, nil
}

func (t *turn) finishUpload(p *pending) (*Item, error) {
	sum, err := p.hash()
	if err != nil {
		return nil, err
	}
	f := p.facts
	it := &Item{ID: p.item, Kind: KindDocument, Revision: 1, Name: f.Name, Changed: t.now,
		Document: &Document{MediaType: f.MediaType, Issued: f.Issued, Expires: f.Expires, Size: f.Size, Stored: p.stored(), Digest: sum.Sum(nil)}}
	if err := errors.Join(t.changing(), t.place(it, p.compartment)); err != nil {
		return nil, err
	}
	copy(it.Folder[:], f.Folder)
	if err := t.checkFolder(it); errors.Is(err, ErrInvalid) {
		it.Folder = ItemID{}
	} else if err != nil {
		return nil, err
	}
	it.Origin = Origin{By: t.v.actor, Channel: f.Channel, At: t.now, Digest: it.Document.Digest}
	r := &record{item: it, parts: p.parts, keys: f.Keys}
	if !r.holdsDocument() {
		return nil, tampered("upload %s", p.item)
	}
	// First the reservation: what it frees is what the record takes.
	err = t.v.service.cfg.Quota.Settle(t.tx, t.v.id.String(), p.reservation(), p.stored())
	if errors.Is(err, quota.ErrExpired) {
		return nil, ErrUploadExpired
	}
	if err != nil {
		return nil, err
	}
	t.tx.Delete(t.v.id.upload(p.item))
	if err := t.put(r); err != nil {
		return nil, err
	}
	t.note(ActAdded, it, map[string]string{"kind": it.Kind.String(), "compartment": it.Compartment.String()})
	return it, nil
}

// EndUpload gives an upload up: its space is free at once, its bytes are deleted within
// two hours. Of one that was finished nothing is taken away: ErrNotFound.
func (v *Vault) EndUpload(ctx context.Context, id ItemID) error {
	return v.do(ctx, func(t *turn) error {
		p, err := t.findUpload(id)
		if err != nil {
			return err
		}
		t.tx.Delete(v.id.upload(id))
		t.dropBlobs(p.parts)
		return v.service.cfg.Quota.Cancel(t.tx, v.id.String(), p.reservation())
	})
}

func brokeOff(after int64, err error) error {
	return fmt.Errorf("vault: the upload broke off after %d bytes, which were not kept: %w", after, err)
}
