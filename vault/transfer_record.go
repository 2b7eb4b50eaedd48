package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"io"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// What moves here, as stored, V/tr: sealed under a key that follows from the token, which
// the old service shows with each request and the person keeps in Owner. The store learns
// nothing from it but that something moves, and how long the parts are. It could set it
// back or take it away: then what is missing is sent once more, or the move ends. What is
// in it is not believed either: the bundle is known by the box and by its digest (N70, N72).
type arrivalBody struct {
	Until   int64             `cbor:"1,keyasint"` // unix milliseconds
	Size    int64             `cbor:"2,keyasint,omitempty"`
	Digest  []byte            `cbor:"3,keyasint,omitempty"`
	Box     []byte            `cbor:"4,keyasint,omitempty"`
	Parts   []arrivalPartBody `cbor:"5,keyasint,omitempty"`
	Hash    []byte            `cbor:"6,keyasint,omitempty"` // state of SHA-256 over what is there
	Receipt []byte            `cbor:"7,keyasint,omitempty"`
}

type arrivalPartBody struct {
	Blob   string `cbor:"1,keyasint"`
	Length int64  `cbor:"2,keyasint"`
}

// arrivalPaper is what the person's session keeps of a move to here.
var arrivalPaper = [16]byte{15: paperArrival}

type arrivalPaperBody struct {
	Secret  [16]byte `cbor:"1,keyasint"`
	Where   string   `cbor:"2,keyasint"`
	Until   int64    `cbor:"3,keyasint"` // unix milliseconds
	Receipt []byte   `cbor:"4,keyasint,omitempty"`
}

// mostBox bounds what a stranger with a token can have kept.
const mostBox = 4096

func (id ID) arrival() string { return id.key("tr") }

func arrivalReservation(k TransferTicket) string {
	id := k.id()
	return "transfer-" + idText.EncodeToString(id[:])
}

// readArrival opens the record with a ticket. ErrNotFound where there is none, where the
// ticket is not its own, and when its time is over: one answer for all.
func (s *Vaults) readArrival(tx *storage.Tx, k TransferTicket) (b arrivalBody, err error) {
	rec, err := tx.Get(k.Vault.arrival())
	if isNotFound(err) {
		return b, ErrNotFound
	}
	if err != nil {
		return b, err
	}
	key, err := k.key()
	if err != nil {
		return b, ErrNotFound
	}
	_, raw, err := key.Open(k.bind(transferRecord), rec.Value)
	if err != nil {
		return b, ErrNotFound
	}
	if seal.Unmarshal(raw, &b) != nil {
		return b, tampered("transfer")
	}
	if s.now().UnixMilli() >= b.Until {
		return b, ErrNotFound
	}
	return b, nil
}

func putArrival(tx *storage.Tx, k TransferTicket, b arrivalBody) error {
	raw, err := seal.Marshal(b)
	if err != nil {
		return err
	}
	key, err := k.key()
	if err != nil {
		return err
	}
	sealed, err := key.Seal(k.bind(transferRecord), nil, raw)
	if err != nil {
		return err
	}
	tx.PutUnique(k.Vault.arrival(), sealed)
	return nil
}

// offset is how much of it is durable here. What was taken in is all here: who asks where
// to go on is told so, and does not send it once more to where no space is reserved.
func (b *arrivalBody) offset() (n int64) {
	if b.Receipt != nil {
		return b.Size
	}
	for _, p := range b.Parts {
		n += p.Length
	}
	return n
}

func (b *arrivalBody) complete() bool { return b.Box != nil && b.offset() == b.Size }

func (b *arrivalBody) hash() (hash.Hash, error) {
	h := sha256.New()
	if len(b.Hash) > 0 && h.(encoding.BinaryUnmarshaler).UnmarshalBinary(b.Hash) != nil {
		return nil, tampered("transfer")
	}
	return h, nil
}

func (b *arrivalBody) blobs() []part {
	var out []part
	for _, p := range b.Parts {
		out = append(out, part{Blob: p.Blob})
	}
	return out
}

// arrivalPart is how many bytes one blob of what arrives has: 64 of them at most.
func arrivalPart(size int64) int64 { return partLength(size) }

// openArrival opens length bytes of what arrived, from offset.
func (s *Vaults) openArrival(ctx context.Context, b *arrivalBody, offset, length int64) (io.ReadCloser, error) {
	var readers []io.Reader
	closers := &closeAll{}
	at := int64(0)
	for _, p := range b.Parts {
		from, to := max(offset, at), min(offset+length, at+p.Length)
		if from < to {
			skip := from - at
			r := &lateBlob{open: func() (io.ReadCloser, error) { return s.cfg.Blobs.Open(ctx, p.Blob, skip, to-from) }}
			readers, closers.all = append(readers, r), append(closers.all, r)
		}
		at += p.Length
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(readers...), closers}, nil
}

// lateBlob opens a blob when its first byte is wanted.
type lateBlob struct {
	open func() (io.ReadCloser, error)
	from io.ReadCloser
}

func (l *lateBlob) Read(p []byte) (n int, err error) {
	if l.from == nil {
		if l.from, err = l.open(); err != nil {
			l.from = nil
			return 0, err
		}
	}
	return l.from.Read(p)
}

func (l *lateBlob) Close() error {
	if l.from == nil {
		return nil
	}
	return l.from.Close()
}

type closeAll struct{ all []io.Closer }

func (c *closeAll) Close() error {
	var errs []error
	for _, one := range slices.Backward(c.all) {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// sameOffer says whether an offer is the one that was begun with.
func (b *arrivalBody) sameOffer(o TransferOffer) bool {
	return b.Size == o.Size && bytes.Equal(b.Digest, o.Digest[:]) && bytes.Equal(b.Box, o.Box)
}
