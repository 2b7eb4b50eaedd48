package vault

import (
	"bytes"
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// documentData is what is kept with a document besides its own facts, in field 11 of
// an item's facts. Readers that do not know it show the document as ever.
type documentData struct {
	Attested string `cbor:"1,keyasint"`
}

// MaxAttested is the length of what somebody signed about a document, in bytes.
const MaxAttested = seal.MaxToken

// pack is nil where nobody signed anything.
func (d *Document) pack() []byte {
	if d.Attested == "" {
		return nil
	}
	raw, err := seal.Marshal(documentData{Attested: d.Attested})
	if err != nil {
		return nil // no text: what is written back is not what was signed, and is refused
	}
	return raw
}

func (d *Document) unpack(raw []byte) bool {
	if len(raw) == 0 {
		return true
	}
	var data documentData
	if seal.Unmarshal(raw, &data) != nil {
		return false
	}
	d.Attested = data.Attested
	return data.Attested != "" && len(data.Attested) <= MaxAttested
}

// Attest keeps with a document what a worker signed about it: Document.Attested, in
// the place of what was there. digest names the bytes that it is about: ErrRevision
// if the document has others by now, so that nothing is said of a copy that nobody
// held beside the original. It goes with the document when that is moved, renamed or
// exported, and goes when other bytes take its place. also writes in the same commit,
// and may run several times; nil: nothing.
//
// Only somebody of a relay who may add does this, in their own name: ErrNotAllowed,
// also for the person, who is nobody's witness of their own papers. What statement
// holds, the caller vouches for: see package consent. It is a line in the journal, and
// durable on return. Errors: ErrNotFound, ErrRevision, InvalidError.
func (v *Vault) Attest(ctx context.Context, id ItemID, revision uint64, digest []byte, statement string, also func(tx *storage.Tx) error) (Item, error) {
	return v.change(ctx, id, revision, func(t *turn, it *Item) (Act, error) {
		if t.v.guest == nil {
			return "", ErrNotAllowed
		}
		switch {
		case it.Kind != KindDocument:
			return "", &InvalidError{Field: "item", Problem: "is not a document"}
		case !it.Binned.IsZero():
			return "", &InvalidError{Field: "item", Problem: "is in the bin"}
		case len(statement) == 0 || len(statement) > MaxAttested:
			return "", &InvalidError{Field: "statement", Problem: "is empty or too long"}
		case !bytes.Equal(it.Document.Digest, digest):
			return "", ErrRevision
		}
		it.Document.Attested = statement
		return ActAttested, t.also(also)
	})
}

// RemoveAttested takes back what a worker signed about a document. The person may,
// and who may add. ErrNotFound if there is nothing; otherwise as [Vault.Attest].
func (v *Vault) RemoveAttested(ctx context.Context, id ItemID, revision uint64, also func(tx *storage.Tx) error) (Item, error) {
	return v.change(ctx, id, revision, func(t *turn, it *Item) (Act, error) {
		if it.Kind != KindDocument || it.Document.Attested == "" {
			return "", ErrNotFound
		}
		it.Document.Attested = ""
		return ActAttestedRemoved, t.also(also)
	})
}

// also runs what a caller writes in the commit of this turn.
func (t *turn) also(f func(tx *storage.Tx) error) error {
	if f == nil {
		return nil
	}
	return f(t.tx)
}
