package vault

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// ContentAt is a document that is read at any place, as readers of archives do. Nothing of
// a segment is released before it was verified; the digest of the whole is not checked.
// It is safe for many goroutines, which queue. Close it.
type ContentAt struct {
	Item Item

	v       *Vault
	ctx     context.Context
	record  *record
	mu      sync.Mutex
	checked time.Time
	from    io.ReadCloser // nil: none is open
	at      int64         // where from is
}

// nearby is how far ahead bytes are sooner skipped than looked for.
const nearby = 64 << 10

// OpenDocumentAt opens a document to be read at any place. It is one line in the journal,
// durable before the first byte leaves. Errors: those of [Vault.ReadDocument].
func (v *Vault) OpenDocumentAt(ctx context.Context, id ItemID) (*ContentAt, error) {
	r, err := v.announce(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	return &ContentAt{Item: *r.item, v: v, ctx: ctx, record: r, checked: v.service.now()}, nil
}

// Size returns the length of the document in bytes.
func (c *ContentAt) Size() int64 { return c.record.item.Document.Size }

// ReadAt reads as [io.ReaderAt]. ErrTampered where the store altered something;
// ErrSessionEnded within a second after access has ended.
func (c *ContentAt) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := c.Size()
	switch {
	case off < 0:
		return 0, &InvalidError{Field: "range", Problem: "begins before the document"}
	case off >= size:
		return 0, io.EOF
	}
	if err := c.stillAllowed(); err != nil {
		return 0, err
	}
	if err := c.seek(off); err != nil {
		return 0, err
	}
	short := int64(len(p)) > size-off
	n, err := io.ReadFull(c.from, p[:min(int64(len(p)), size-off)])
	c.at += int64(n)
	if err != nil {
		return n, errors.Join(contentError(c.Item.ID, err), c.drop())
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

func (c *ContentAt) stillAllowed() error {
	now := c.v.service.now()
	if age := now.Sub(c.checked); age >= 0 && age < time.Second {
		return nil
	}
	c.checked = now
	return c.v.stillOpen(c.ctx)
}

// seek opens the document from off, or skips there.
func (c *ContentAt) seek(off int64) error {
	if c.from != nil && off >= c.at && off-c.at <= nearby {
		n, err := io.CopyN(io.Discard, c.from, off-c.at)
		c.at += n
		if err == nil {
			return nil
		}
		return errors.Join(contentError(c.Item.ID, err), c.drop())
	}
	if err := c.drop(); err != nil {
		return err
	}
	from, err := c.v.joinedRange(c.ctx, c.record, off, c.Size()-off)
	if err != nil {
		return contentError(c.Item.ID, err)
	}
	c.from, c.at = from, off
	return nil
}

func (c *ContentAt) drop() error {
	if c.from == nil {
		return nil
	}
	from := c.from
	c.from = nil
	return from.Close()
}

// Close releases the document.
func (c *ContentAt) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop()
}
