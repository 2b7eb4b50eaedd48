package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Content is a document being read. Nothing of a segment is released before it
// was verified; Read answers ErrTampered where the store altered it, and
// ErrSessionEnded within a second after access has ended. Read it to io.EOF:
// only then the digest of the whole has been checked. Close it.
type Content struct {
	Item Item

	v       *Vault
	ctx     context.Context
	from    io.Reader
	closer  io.Closer
	hash    hash.Hash // nil: a range
	left    int64
	checked time.Time
	failed  error
}

// ReadDocument opens a document. The line in the journal is durable before the
// first byte leaves; if it cannot be written, nothing does.
func (v *Vault) ReadDocument(ctx context.Context, id ItemID) (*Content, error) {
	r, err := v.announce(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	return v.content(ctx, r)
}

// PrintDocument is ReadDocument for paper: the line in the journal says that it was
// printed (Detail "for": "print").
func (v *Vault) PrintDocument(ctx context.Context, id ItemID) (*Content, error) {
	r, err := v.announce(ctx, id, map[string]string{"for": "print"})
	if err != nil {
		return nil, err
	}
	return v.content(ctx, r)
}

// DrawDocument is ReadDocument for its small picture (see [Vault.SetThumbnail]): the line in
// the journal says that one was made (Detail "for": "thumbnail"). Somebody else who had the
// bytes for that counts among those who opened it ([Vault.SeenBy]).
func (v *Vault) DrawDocument(ctx context.Context, id ItemID) (*Content, error) {
	r, err := v.announce(ctx, id, map[string]string{"for": "thumbnail"})
	if err != nil {
		return nil, err
	}
	return v.content(ctx, r)
}

// ReadDocumentRange opens length bytes from offset (to the end if length is
// negative); a range past the end is cut. Its segments are verified, the digest
// of the whole is not. InvalidError if offset lies behind the end.
func (v *Vault) ReadDocumentRange(ctx context.Context, id ItemID, offset, length int64) (*Content, error) {
	r, err := v.announce(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	size := r.item.Document.Size
	if offset < 0 || offset > size {
		return nil, &InvalidError{Field: "range", Problem: "begins behind the end of the document"}
	}
	if length < 0 || length > size-offset {
		length = size - offset
	}
	rc, err := v.joinedRange(ctx, r, offset, length)
	if err != nil {
		return nil, err
	}
	return &Content{Item: *r.item, v: v, ctx: ctx, checked: v.service.now(), from: rc, closer: rc, left: length}, nil
}

// announce finds a document and commits the line that says it was read, and for what.
func (v *Vault) announce(ctx context.Context, id ItemID, detail map[string]string) (*record, error) {
	var found *record
	err := v.do(ctx, func(t *turn) (err error) {
		if found, err = t.document(id); err == nil {
			t.note(ActDownloaded, found.item, detail)
		}
		return err
	})
	return found, err
}

// content opens a document from its beginning, once the line is in the journal.
func (v *Vault) content(ctx context.Context, r *record) (*Content, error) {
	stream, err := v.stream(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Content{Item: *r.item, v: v, ctx: ctx, checked: v.service.now(), from: stream, closer: stream, hash: sha256.New(), left: r.item.Document.Size}, nil
}

// stream opens the bytes of a document for the service's own use.
func (v *Vault) stream(ctx context.Context, r *record) (io.ReadCloser, error) {
	whole, err := v.joined(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	return &documentStream{ReadCloser: whole, item: r.item.ID}, nil
}

// documentStream gives the errors of a stream their names.
type documentStream struct {
	io.ReadCloser
	item ItemID
}

func (d *documentStream) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = contentError(d.item, err)
	}
	return n, err
}

// Read returns verified bytes.
func (c *Content) Read(p []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	if err := c.stillAllowed(); err != nil {
		c.failed = err
		return 0, err
	}
	n, err := c.from.Read(p)
	c.left -= int64(n)
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		c.failed = contentError(c.Item.ID, err)
	case c.left != 0, c.hash != nil && !bytes.Equal(c.hash.Sum(nil), c.Item.Document.Digest):
		c.failed = tampered("item %s", c.Item.ID) // FR-1, A4, A12
	default:
		c.failed = io.EOF
	}
	return n, c.failed
}

// stillAllowed looks again, at least once a second, whether the session is
// still open, so that ending one ends its downloads too (N17).
func (c *Content) stillAllowed() error {
	now := c.v.service.now()
	if age := now.Sub(c.checked); age >= 0 && age < time.Second {
		return nil
	}
	c.checked = now
	return c.v.stillOpen(c.ctx)
}

// Close releases the document.
func (c *Content) Close() error {
	if c.failed == nil {
		c.failed = ErrClosed
	}
	return c.closer.Close()
}

// both closes a stream and what it reads from.
type both struct{ first, second io.Closer }

func (b both) Close() error { return errors.Join(b.first.Close(), b.second.Close()) }

// contentError tells an altered blob from a store that does not answer.
func contentError(id ItemID, err error) error {
	if errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrFormat) || isNotFound(err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, storage.ErrInvalid) { // the blob ends before a segment that it has
		return tampered("item %s", id)
	}
	return storageError(err)
}
