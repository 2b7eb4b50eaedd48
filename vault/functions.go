package vault

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strconv"
	"time"
)

// The eight functions of a digital safe by their names in NF Z42-020, each
// journalled: Deposit, Read, Destroy, Metadata, Control, ReadJournal, List (see
// List), Count. Those that have another name elsewhere are that function.

// Deposit is [Vault.AddDocument] (NF Z42-020 "déposer").
func (v *Vault) Deposit(ctx context.Context, n NewDocument, r io.Reader) (Item, error) {
	return v.AddDocument(ctx, n, r)
}

// Read is [Vault.ReadDocument] (NF Z42-020 "lire").
func (v *Vault) Read(ctx context.Context, id ItemID) (*Content, error) {
	return v.ReadDocument(ctx, id)
}

// ReadJournal is [Vault.Journal] (NF Z42-020 "lire le journal").
func (v *Vault) ReadJournal(ctx context.Context, opts *JournalOptions) ([]Entry, error) {
	return v.Journal(ctx, opts)
}

// Count counts what is there (NF Z42-020 "compter").
func (v *Vault) Count(ctx context.Context) (Counts, error) {
	var out Counts
	err := v.do(ctx, func(t *turn) error {
		out = Counts{}
		all, err := t.all()
		if err != nil {
			return err
		}
		for _, l := range all {
			out.add(l)
		}
		t.note(ActCounted, nil, nil)
		return nil
	})
	return out, err
}

// Metadata is what is technically known of a stored document (NF Z42-020
// "lire les métadonnées techniques").
type Metadata struct {
	Item       Item // with Origin and Digest
	Revision   uint64
	Generation uint64 // of the compartment's keys
	Algorithms []string
	Parts      []PartMetadata
}

// PartMetadata is one blob as the store has it: checkable without any key.
type PartMetadata struct {
	Role   string
	Blob   string // its name in the store
	Length int64  // bytes, padded and sealed
	Digest []byte // SHA-256 of those bytes
}

// Metadata returns the technical metadata of a document. It reads no content.
func (v *Vault) Metadata(ctx context.Context, id ItemID) (Metadata, error) {
	var m Metadata
	err := v.do(ctx, func(t *turn) error {
		r, err := t.document(id)
		if err != nil {
			return err
		}
		m = Metadata{Item: *r.item, Revision: r.item.Revision, Generation: r.generation,
			Algorithms: []string{"XAES-256-GCM", "AES256-GCM-HKDF-256KiB", "SHA-256", "Ed25519"}}
		for _, p := range r.allParts() {
			m.Parts = append(m.Parts, PartMetadata{Role: p.Role, Blob: p.Blob, Length: p.Length, Digest: p.Digest})
		}
		t.note(ActMetadata, r.item, nil)
		return nil
	})
	return m, err
}

func (t *turn) document(id ItemID) (*record, error) {
	r, err := t.find(id)
	if err == nil && r.item.Kind != KindDocument {
		return nil, &InvalidError{Field: "item", Problem: "is not a document"}
	}
	return r, err
}

// ControlReport is the result of a control of integrity.
type ControlReport struct {
	Item   Item
	At     time.Time
	Intact bool
	Found  []byte // SHA-256 of the document as it opens now; nil if it does not
}

// Control reads a stored document from end to end and holds it against the
// digest of its deposit (NF Z42-020 "contrôler"; FR-1). An altered one is a
// report with Intact false, not an error.
func (v *Vault) Control(ctx context.Context, id ItemID) (ControlReport, error) {
	var r *record
	err := v.do(ctx, func(t *turn) (err error) {
		r, err = t.document(id)
		return err
	})
	if err != nil {
		return ControlReport{}, err
	}
	report := ControlReport{Item: *r.item}
	found, err := v.controlled(ctx, r)
	switch {
	case err == nil:
		report.Found = found
		report.Intact = slices.Equal(found, r.item.Document.Digest)
	case Code(err) != Code(ErrTampered):
		return ControlReport{}, err
	}
	err = v.do(ctx, func(t *turn) error {
		report.At = t.now
		t.note(ActControlled, r.item, map[string]string{"intact": strconv.FormatBool(report.Intact)})
		return nil
	})
	return report, err
}

// controlled checks each blob against the digest that needs no key, opens it, and
// returns the digest of what came out, which does not leave the library. A small picture
// is no part of what was deposited: it is checked when it is shown.
func (v *Vault) controlled(ctx context.Context, r *record) ([]byte, error) {
	sealed := make([]hash.Hash, len(r.parts))
	whole, err := v.joined(ctx, r, func(part int, blob io.Reader) io.Reader {
		sealed[part] = sha256.New()
		return io.TeeReader(blob, sealed[part])
	})
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	plain := sha256.New()
	if _, err := io.Copy(plain, whole); err != nil {
		return nil, contentError(r.item.ID, err)
	}
	for i, p := range r.parts {
		if sealed[i] == nil || !slices.Equal(sealed[i].Sum(nil), p.Digest) {
			return nil, tampered("item %s", r.item.ID)
		}
	}
	return plain.Sum(nil), nil
}
