package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// Limits of small pictures.
const (
	MaxThumbnail      = 16 << 10 // bytes of one
	MaxThumbnailsRead = 100      // at once
)

const (
	roleThumbnail = "thumbnail"

	// thumbnailSize is what each takes before it is sealed, whatever it shows: so its
	// length tells nothing of the paper, and no record has to say it.
	thumbnailSize = 20 << 10
)

// Thumbnail is the small picture of one document.
type Thumbnail struct {
	Item ItemID
	JPEG []byte
	Err  error // ErrNotFound: there is none; one that wraps ErrTampered: the store altered it
}

// SetThumbnail keeps a small picture of a document beside it, as a part with a data
// key and a blob of its own: a JPEG of at most MaxThumbnail bytes, of which nothing
// but the beginning is looked at. It takes the place of the one that was there, and
// costs 20 KiB of the space. Whoever may add to the document sets it; in a person's
// vault only the person replaces one. It goes with the bytes that it shows: when
// they are replaced, with the item when that is destroyed, and when somebody else
// makes it private; it is encrypted anew with them by [Vault.Move], and never
// exported. Durable when it returns; on an error nothing is kept. The item has a new
// revision then, but nobody has edited it: Changed stays, and a change that names the
// revision before is taken.
//
// Errors: those of [Vault.ReplaceDocument]; ErrNotFound for what is not within reach.
func (v *Vault) SetThumbnail(ctx context.Context, id ItemID, revision uint64, jpeg []byte) (Item, error) {
	if len(jpeg) > MaxThumbnail || !bytes.HasPrefix(jpeg, []byte{0xFF, 0xD8, 0xFF}) {
		return Item{}, &InvalidError{Field: "thumbnail", Problem: "is not a JPEG of at most 16 KiB"}
	}
	u := v.newThumbnail(id, revision+1)
	find := func(t *turn) (*record, error) {
		if err := t.mayAdd(); err != nil {
			return nil, err
		}
		r, err := t.findRevision(id, revision)
		if err == nil && r.item.Revision != revision { // another picture was faster
			err = ErrRevision
		}
		if err == nil && r.item.Kind != KindDocument {
			err = &InvalidError{Field: "item", Problem: "is not a document"}
		}
		if err == nil && r.small != nil {
			err = t.mayRemove() // what is there already, only the person takes away
		}
		return r, err
	}
	plain := &bytes.Reader{}
	return v.deposit(ctx, u, plain, func(t *turn) error {
		r, err := find(t)
		if err != nil {
			return err
		}
		body, err := t.thumbnailBody(r.item, jpeg)
		plain.Reset(body)
		return err
	}, func(t *turn) (*Item, error) {
		r, err := find(t)
		if err != nil {
			return nil, err
		}
		if err := u.settle(t, u.part.Length); err != nil {
			return nil, err
		}
		if err := t.dropThumbnail(r); err != nil {
			return nil, err
		}
		r.small = u.asSmall()
		r.describe()
		r.item.Revision++ // and Changed stays: nobody has edited it
		if err := t.put(r); err != nil {
			return nil, err
		}
		t.note(ActChanged, r.item, map[string]string{"thumbnail": "set"})
		return r.item, nil
	})
}

// ReadThumbnail returns the small picture of a document. It is a line in the journal.
// ErrNotFound if it has none; ErrTampered if the store altered it.
func (v *Vault) ReadThumbnail(ctx context.Context, id ItemID) ([]byte, error) {
	all, err := v.ReadThumbnails(ctx, []ItemID{id})
	if err != nil {
		return nil, err
	}
	return all[0].JPEG, all[0].Err
}

// ReadThumbnails returns the small pictures of one page of a list, in its order, at
// most MaxThumbnailsRead (ErrTooMany). The page is one line in the journal, which is
// durable before a picture leaves. What cannot be shown says why in its place.
func (v *Vault) ReadThumbnails(ctx context.Context, ids []ItemID) ([]Thumbnail, error) {
	if len(ids) > MaxThumbnailsRead {
		return nil, ErrTooMany
	}
	var found []loaded
	var by authors
	err := v.do(ctx, func(t *turn) error {
		found, by = nil, t.authors()
		if err := t.maySee(); err != nil {
			return err
		}
		for _, id := range ids {
			r, err := t.find(id)
			if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrTampered) {
				return err
			}
			found = append(found, loaded{id, r, err})
		}
		if len(found) == 1 && found[0].err == nil {
			t.note(ActRead, found[0].record.item, map[string]string{"kind": KindDocument.String(), "thumbnail": "read"})
			return nil
		}
		t.note(ActListed, nil, map[string]string{"count": strconv.Itoa(len(found)), "thumbnail": "read"})
		return nil
	})
	if err != nil {
		return nil, err
	}
	by.ctx = ctx
	out := make([]Thumbnail, len(found))
	for i, l := range found {
		out[i] = Thumbnail{Item: l.id, Err: l.err}
		if l.err != nil {
			continue
		}
		out[i].JPEG, out[i].Err = v.thumbnail(ctx, l.record, by)
		if err := out[i].Err; err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrTampered) {
			return nil, err
		}
	}
	return out, nil
}

// smallPart is the part that is a small picture. It stands behind those of the
// document.
type smallPart struct {
	part part
	key  []byte
}

// asSmall is the part that was written.
func (u *upload) asSmall() *smallPart { return &smallPart{u.part, u.key.Bytes()} }

// hold takes over the parts of a record, as they are stored.
func (r *record) hold(parts []part, keys [][]byte) {
	if last := len(parts) - 1; last >= 0 && parts[last].Role == roleThumbnail {
		r.small, parts, keys = &smallPart{parts[last], keys[last]}, parts[:last:last], keys[:last:last]
	}
	r.parts, r.keys = parts, keys
}

// allParts are the parts as they are stored.
func (r *record) allParts() []part {
	if r.small == nil {
		return r.parts
	}
	return append(slices.Clip(r.parts), r.small.part)
}

func (r *record) allKeys() [][]byte {
	if r.small == nil {
		return r.keys
	}
	return append(slices.Clip(r.keys), r.small.key)
}

// isPicturedOnly says that this revision differs from the one before by its small picture
// alone: that was written for it, and no part of the document was.
func (r *record) isPicturedOnly() bool {
	now := r.item.Revision
	return r.small != nil && r.small.part.Revision == now && !slices.ContainsFunc(r.parts, func(p part) bool { return p.Revision == now })
}

// describe says of a document what its parts say.
func (r *record) describe() {
	d := *r.item.Document
	d.Stored, d.Thumbnail = r.blobBytes(), r.small != nil
	r.item.Document = &d
}

// dropThumbnail takes the small picture, if there is one, out of a record that is
// about to be written.
func (t *turn) dropThumbnail(r *record) error {
	if r.small == nil {
		return nil
	}
	t.dropBlobs([]part{r.small.part})
	err := t.charge(-r.small.part.Length)
	r.small = nil
	r.describe()
	return err
}

// moveThumbnail puts the small picture that was written anew in the place of the old
// one, which is as long; where none was written there is none any more.
func (t *turn) moveThumbnail(r *record, written *upload) error {
	if written.part.Length == 0 || r.small == nil {
		return t.dropThumbnail(r)
	}
	t.dropBlobs([]part{r.small.part})
	r.small = written.asSmall()
	return written.settle(t, 0)
}

// newThumbnail is the upload of one.
func (v *Vault) newThumbnail(id ItemID, revision uint64) *upload {
	u := v.newUpload(id, revision, thumbnailSize)
	u.part.Role = roleThumbnail
	return u
}

// thumbnailContext is where a small picture is signed: the place of the item's
// origin, for another holder.
func thumbnailContext(id ID, item ItemID) seal.Context {
	c := originContext(id, item)
	c.Holder = []byte(roleThumbnail)
	return c
}

// thumbnailBody is what is sealed:
//
//	length u16 | signature, as CBOR | length u16 | JPEG | zeros up to 20 KiB
//
// Signed is the digest of the document and that of the JPEG, so that who merely holds
// the compartment's keys cannot show another picture in somebody's name (N9), nor
// this one for other bytes.
func (t *turn) thumbnailBody(it *Item, jpeg []byte) ([]byte, error) {
	signed, err := seal.Marshal(t.sign(thumbnailContext(t.v.id, it.ID), thumbnailMessage(it, jpeg)))
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(signed)))
	b = append(b, signed...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(jpeg)))
	b = append(b, jpeg...)
	if len(b) > thumbnailSize || len(signed) > thumbnailSize-MaxThumbnail {
		return nil, &InvalidError{Field: "thumbnail", Problem: "has no room beside the credential of who sets it"}
	}
	return append(b, make([]byte, thumbnailSize-len(b))...), nil
}

func thumbnailMessage(it *Item, jpeg []byte) []byte {
	digest := sha256.Sum256(jpeg)
	return append(bytes.Clone(it.Document.Digest), digest[:]...)
}

// thumbnail opens and checks the small picture of a document.
func (v *Vault) thumbnail(ctx context.Context, r *record, by authors) ([]byte, error) {
	if r.small == nil {
		return nil, ErrNotFound
	}
	plain, err := v.sealedThumbnail(ctx, r)
	if err != nil {
		return nil, err
	}
	broken := tampered("item %s", r.item.ID)
	raw, rest, ok := cutLength(plain)
	jpeg, zeros, second := cutLength(rest)
	var signed signature
	if !ok || !second || len(jpeg) > MaxThumbnail || seal.Unmarshal(raw, &signed) != nil || len(bytes.Trim(zeros, "\x00")) > 0 {
		return nil, broken
	}
	if _, err := by.of(signed, thumbnailContext(v.id, r.item.ID), thumbnailMessage(r.item, jpeg)); err != nil {
		return nil, authorError(err, broken)
	}
	return jpeg, nil
}

// sealedThumbnail opens the blob, which must be the one that the record names.
func (v *Vault) sealedThumbnail(ctx context.Context, r *record) ([]byte, error) {
	p := r.small.part
	key, err := seal.KeyFromBytes(r.small.key)
	if err != nil || p.Length != seal.SealedSize(thumbnailSize) {
		return nil, tampered("item %s", r.item.ID)
	}
	blob, err := v.service.cfg.Blobs.Open(ctx, p.Blob, 0, -1)
	if err != nil {
		return nil, contentError(r.item.ID, err)
	}
	stream, err := seal.NewStreamReader(blob, key, blobContext(v.id, r.item.ID, p, 0), thumbnailSize) // A1, A2, A3
	if err != nil {
		return nil, errors.Join(contentError(r.item.ID, err), blob.Close())
	}
	plain, err := io.ReadAll(stream)
	if closed := (both{stream, blob}).Close(); err == nil && closed != nil {
		return nil, storageError(closed)
	}
	if err != nil {
		return nil, contentError(r.item.ID, err)
	}
	return plain, nil
}

// cutLength takes off what a length of 16 bits stands before.
func cutLength(b []byte) (piece, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
