package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"reconnect.example/internal/seal"
)

// A document that came in one go is one blob. One that was uploaded in pieces
// (uploads.go) is several: each but the last holds as many bytes as partLength says,
// under a data key of its own. So how long each is follows from the document's length,
// which is signed, and from nothing that the store could choose: no part can be
// dropped, repeated, cut short or put in another's place (A1-A4, A12).
const (
	smallestPart = 512 << 10
	mostParts    = 64
	// partRecord is about what a part takes in the record that names it.
	partRecord = 200
)

// partLength is the length of the parts of a document of so many bytes, if it has
// several: a power of two, so that a part needs no padding.
func partLength(size int64) int64 {
	p := int64(smallestPart)
	for p < seal.MaxStream && size > mostParts*p {
		p *= 2
	}
	return p
}

// extent is what one blob holds of a document.
type extent struct {
	offset, size int64
	padded       int64 // size with its padding
}

// sealed is how long the blob is.
func (e extent) sealed() int64 { return seal.StreamSize(e.padded) }

// wholeDocument is the extent of the only blob of a document.
func wholeDocument(size int64) extent { return extent{size: size, padded: seal.PaddedSize(size)} }

// extentsOf are the parts of an upload of size bytes, 1 or more. They are padded
// together: the padding of the whole lies in the last, and what the store sees says no
// more of the length than one blob would. No part takes more padding of its own,
// because Padmé rounds to less than a part.
func extentsOf(size int64) []extent {
	p := partLength(size)
	if size <= p {
		return []extent{wholeDocument(size)}
	}
	var out []extent
	for offset := int64(0); offset < size; offset += p {
		e := extent{offset: offset, size: min(p, size-offset)}
		e.padded = min(p, seal.PaddedSize(size)-offset)
		out = append(out, e)
	}
	return out
}

// extents are those of a record's parts; false if no document has such parts.
func (r *record) extents() ([]extent, bool) {
	size := r.item.Document.Size
	if size < 0 || size > seal.MaxStream {
		return nil, false
	}
	if len(r.parts) == 1 {
		return []extent{wholeDocument(size)}, true
	}
	all := extentsOf(size)
	return all, len(all) == len(r.parts)
}

// holdsDocument says whether the parts of a record are those of its document.
func (r *record) holdsDocument() bool {
	all, ok := r.extents()
	if !ok {
		return false
	}
	for i, e := range all {
		if r.parts[i].Role != roleContent || r.parts[i].Length != e.sealed() {
			return false
		}
	}
	return true
}

// blobContext is what a blob is bound to: vault, item, revision, its own name, and in
// a document of several where in it. Beside that each has a key of its own, so that a
// blob fits one place (A1, A2, A3).
func blobContext(id ID, item ItemID, p part, offset int64) seal.Context {
	object := item[:]
	if offset > 0 {
		object = binary.BigEndian.AppendUint64(slices.Clip(object), uint64(offset))
	}
	c := id.bind(seal.TypeDocument, 0, 0, object, p.Revision)
	c.Holder = []byte(p.Blob)
	return c
}

// joined opens the blobs of a document one after the other, as one stream of the
// whole; through, if not nil, is given what the store says of each.
func (v *Vault) joined(ctx context.Context, r *record, through func(part int, blob io.Reader) io.Reader) (io.ReadCloser, error) {
	all, ok := r.extents()
	if !ok {
		return nil, tampered("item %s", r.item.ID)
	}
	return v.join(r.item.ID, len(all), func(i int) (io.ReadCloser, error) {
		key, err := seal.KeyFromBytes(r.keys[i])
		if err != nil {
			return nil, seal.ErrOpen
		}
		blob, err := v.service.cfg.Blobs.Open(ctx, r.parts[i].Blob, 0, -1)
		if err != nil {
			return nil, err
		}
		from := io.Reader(blob)
		if through != nil {
			from = through(i, blob)
		}
		e := all[i]
		stream, err := seal.NewPaddedReader(from, key, blobContext(v.id, r.item.ID, r.parts[i], e.offset), e.size, e.padded)
		if err != nil {
			return nil, errors.Join(err, blob.Close())
		}
		return struct {
			io.Reader
			io.Closer
		}{stream, both{stream, blob}}, nil
	})
}

// joinedRange opens length bytes from offset, of the blobs that hold some of them. Both
// lie within the document.
func (v *Vault) joinedRange(ctx context.Context, r *record, offset, length int64) (io.ReadCloser, error) {
	all, ok := r.extents()
	if !ok {
		return nil, tampered("item %s", r.item.ID)
	}
	first, last := 0, len(all)-1
	for first < last && offset >= all[first+1].offset {
		first++
	}
	for last > first && offset+length <= all[last].offset {
		last--
	}
	return v.join(r.item.ID, last-first+1, func(i int) (io.ReadCloser, error) {
		i += first
		key, err := seal.KeyFromBytes(r.keys[i])
		if err != nil {
			return nil, seal.ErrOpen
		}
		open := func(offset, length int64) (io.ReadCloser, error) {
			return v.service.cfg.Blobs.Open(ctx, r.parts[i].Blob, offset, length)
		}
		e := all[i]
		from, to := max(offset, e.offset), min(offset+length, e.offset+e.size)
		return seal.NewPaddedRangeReader(open, key, blobContext(v.id, r.item.ID, r.parts[i], e.offset), e.size, e.padded, from-e.offset, to-from)
	})
}

// join opens the first of so many streams, and each other when the one before it has
// ended.
func (v *Vault) join(item ItemID, parts int, open func(part int) (io.ReadCloser, error)) (io.ReadCloser, error) {
	first, err := open(0)
	if err != nil {
		return nil, contentError(item, err)
	}
	return &joinedStream{now: first, parts: parts, open: open}, nil
}

type joinedStream struct {
	now   io.ReadCloser
	at    int // which it is
	parts int
	open  func(part int) (io.ReadCloser, error)
}

func (j *joinedStream) Read(p []byte) (int, error) {
	for {
		n, err := j.now.Read(p)
		if err != io.EOF || j.at+1 == j.parts {
			return n, err
		}
		if n > 0 {
			return n, nil // its end is told again
		}
		if err := j.now.Close(); err != nil {
			return 0, err
		}
		j.at++
		next, err := j.open(j.at)
		if err != nil {
			j.now, j.parts = ended{err}, j.at+1
			return 0, err
		}
		j.now = next
	}
}

// Close closes what is open.
func (j *joinedStream) Close() error { return j.now.Close() }

// ended stands in the place of a part that could not be opened.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }
func (e ended) Close() error             { return nil }
