package vault

import (
	"context"
	"errors"
)

// What is taken in out of a document of the same vault takes the space of that document,
// which goes when everything is there (N91). Otherwise who has little space could bring
// nothing of half its size. Each commit looks whether the document is still there, so
// nobody has the space twice: what lies in the vault beside what it may hold is that one
// document, and nothing else can come in meanwhile.

// source counts the space of what it comes out of as free, in this turn.
func (im *importer) source(t *turn) error {
	if im.opts.From.IsZero() {
		return nil
	}
	_, err := t.outOf(im.opts.From, im.opts.FromRevision)
	return err
}

// end destroys what everything came out of. To do so twice is no error.
func (im *importer) end(ctx context.Context) error {
	if im.opts.From.IsZero() {
		return nil
	}
	return im.v.do(ctx, func(t *turn) error {
		r, err := t.findRevision(im.opts.From, im.opts.FromRevision)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.destroy(r)
	})
}
