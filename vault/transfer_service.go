package vault

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// What the service of the new operator does of a move while nobody is signed in there,
// for who shows the ticket. It opens nothing of it. [Vaults] is a [TransferTo], so that
// two services in one process, and a server's requests, do the same.

// TransferKeys says to which keys the bundle is to be sealed, from the vault's signed head.
// ErrNotFound without the right ticket.
func (s *Vaults) TransferKeys(ctx context.Context, k TransferTicket) (TransferKeys, error) {
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		_, err := s.readArrival(tx, k)
		return err
	})
	if err != nil {
		return TransferKeys{}, storageError(err)
	}
	h, err := s.trustedHead(ctx, k.Vault, nil)
	if err != nil {
		return TransferKeys{}, arrivalGone(err)
	}
	return transferKeysOf(h)
}

// arrivalGone is ErrNotFound for a space that ended: whoever has a token learns no more.
func arrivalGone(err error) error {
	if errors.Is(err, ErrEnded) || errors.Is(err, ErrClosing) {
		return ErrNotFound
	}
	return err
}

func transferKeysOf(h *seal.OwnerHead) (TransferKeys, error) {
	keys, ok := keysOf(h, Private)
	if !ok || h.Kind != seal.KindPerson {
		return TransferKeys{}, ErrNotFound
	}
	return TransferKeys{Generation: keys.Generation, Inbox: keys.Inbox, Service: h.Service}, nil
}

// BeginTransfer reserves the space of a bundle before its first byte, and says from where
// to send: the same offer again goes on where it was.
//
// Errors: ErrFull (with quota.FullError, which says how much is left: the person has
// given the code to be told so); ErrRepeated for another bundle than the one that was
// begun with (N73); InvalidError; ErrNotFound without the right ticket.
func (s *Vaults) BeginTransfer(ctx context.Context, k TransferTicket, o TransferOffer) (offset int64, err error) {
	if o.Size < 1 || o.Size > seal.MaxStream || len(o.Box) == 0 || len(o.Box) > mostBox {
		return 0, &InvalidError{Field: "offer", Problem: "is not that of a bundle"}
	}
	if err := s.arrivalOpen(ctx, k); err != nil {
		return 0, err
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		b, err := s.readArrival(tx, k)
		if err != nil {
			return err
		}
		if b.Box != nil {
			if !b.sameOffer(o) {
				return ErrRepeated
			}
			offset = b.offset()
			return nil
		}
		owner, r := k.Vault.String(), arrivalReservation(k)
		if _, err := s.cfg.Quota.Reserve(tx, owner, quota.Reservation{ID: r, Blob: k.Vault.newBlob(), Bytes: o.Size}); err != nil {
			return err
		}
		if _, err := s.cfg.Quota.RenewFor(tx, owner, r, time.UnixMilli(b.Until).Sub(s.now())); err != nil {
			return err
		}
		b.Size, b.Digest, b.Box = o.Size, o.Digest[:], o.Box
		return putArrival(tx, k, b)
	})
	return offset, storageError(err)
}

// arrivalOpen refuses for a space that was closed or erased since the code was made.
func (s *Vaults) arrivalOpen(ctx context.Context, k TransferTicket) error {
	h, err := s.trustedHead(ctx, k.Vault, nil)
	if err == nil && h.Closing != 0 {
		err = ErrClosing
	}
	return arrivalGone(err)
}

// AppendTransfer takes more of the bundle: r is read to its end and begins at offset,
// which must be where the transfer is. When it returns, with an error or without, what
// the answer says is durable; only whole parts are kept, and the last. With the last the
// digest is checked: a bundle that is not what was announced is thrown away, and its
// sending begins again.
//
// Errors: OffsetError; InvalidError for more than was announced, less than a part, or
// another digest; ErrNotFound without the right ticket; the reader's own.
func (s *Vaults) AppendTransfer(ctx context.Context, k TransferTicket, offset int64, r io.Reader) (int64, error) {
	from := bufio.NewReaderSize(r, 64<<10)
	if err := s.arrivalOpen(ctx, k); err != nil {
		return 0, err
	}
	for first := true; ; first = false {
		switch _, err := from.Peek(1); {
		case err == io.EOF:
			return offset, nil
		case err != nil:
			return offset, brokeOff(0, err)
		}
		next, err := s.appendArrival(ctx, k, offset, from)
		if errors.Is(err, errPartCut) {
			if !first {
				return offset, nil
			}
			err = &InvalidError{Field: "body", Problem: "holds less than a part"}
		}
		var source *sourceError
		if errors.As(err, &source) {
			return offset, brokeOff(0, source.err)
		}
		if err != nil {
			return offset, storageError(err)
		}
		offset = next
	}
}

// appendArrival is name -> blob -> commit for one part. The name is listed for the
// sweeper first, for after the end of the code, so that a crash leaves nothing for ever.
func (s *Vaults) appendArrival(ctx context.Context, k TransferTicket, offset int64, from *bufio.Reader) (int64, error) {
	name, part := k.Vault.newBlob(), int64(0)
	var before arrivalBody
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) (err error) {
		if before, err = s.readArrival(tx, k); err != nil {
			return err
		}
		if before.Box == nil || before.offset() != offset || before.complete() {
			return &OffsetError{Offset: before.offset(), Size: before.Size}
		}
		part = min(arrivalPart(before.Size), before.Size-offset)
		dropBlobAt(tx, k.Vault, time.UnixMilli(before.Until), name)
		return nil
	})
	if err != nil {
		return offset, err
	}
	sum, err := before.hash()
	if err != nil {
		return offset, err
	}
	if err := s.writePart(ctx, name, part, &sourceReader{from: &partReader{from: from, left: part}}, sum); err != nil {
		return offset, err
	}
	state, err := hashState(sum)
	if err != nil {
		return offset, err
	}
	var wrong []arrivalPartBody
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		b, err := s.readArrival(tx, k)
		if err != nil {
			return err
		}
		if !b.sameOffer(TransferOffer{Size: before.Size, Digest: [32]byte(before.Digest), Box: before.Box}) || b.offset() != offset {
			return &OffsetError{Offset: b.offset(), Size: b.Size}
		}
		b.Parts, b.Hash = append(b.Parts, arrivalPartBody{Blob: name, Length: part}), state
		if wrong = nil; b.complete() && !bytes.Equal(sum.Sum(nil), b.Digest) { // N72
			wrong, b.Parts, b.Hash = b.Parts, nil, nil
		}
		return putArrival(tx, k, b)
	})
	if err != nil {
		return offset, errors.Join(err, s.forgetPart(ctx, name, err))
	}
	if wrong != nil {
		// At once, not with the code's end: else who repeats it fills the disk with what no
		// space is reserved for. What a crash leaves the sweeper has.
		for _, p := range wrong {
			_ = s.forgetPart(ctx, p.Blob, nil) // or the sweeper will
		}
		return 0, &InvalidError{Field: "digest", Problem: "is not that of the bundle that came; nothing of it was kept"}
	}
	return offset + part, nil
}

func (s *Vaults) writePart(ctx context.Context, name string, size int64, from io.Reader, sum io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.cfg.Blobs.Create(ctx, name, size)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(io.MultiWriter(w, sum), from); err != nil {
		return err
	}
	return w.Close()
}

// sourceReader tells an error of who sends from one of the store.
type sourceReader struct{ from io.Reader }

func (r *sourceReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, errPartCut) {
		err = &sourceError{err}
	}
	return n, err
}

type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// forgetPart deletes a part that another request was faster with.
func (s *Vaults) forgetPart(ctx context.Context, name string, why error) error {
	if errors.Is(why, storage.ErrUnknown) {
		return nil // the sweeper can tell
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_ = s.cfg.Blobs.Delete(ctx, name) // or the sweeper will
	return nil
}

// forgetParts deletes at once (N76) what was listed for the sweeper, which has what this leaves.
func (s *Vaults) forgetParts(ctx context.Context, parts []part) {
	for _, p := range parts {
		_ = s.forgetPart(ctx, p.Blob, nil)
	}
}

// TransferReceipt is the receipt of the new service once the person there has taken the
// bundle in; nil before.
func (s *Vaults) TransferReceipt(ctx context.Context, k TransferTicket) (receipt []byte, err error) {
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		b, err := s.readArrival(tx, k)
		receipt = b.Receipt
		return err
	})
	return receipt, storageError(err)
}

// newBlob is a name under the vault's prefix that was never used.
func (id ID) newBlob() string { return id.String() + "/" + ID(newID()).String() }

// dropBlobAt lists a blob for the sweeper, for when it is of no use any more.
func dropBlobAt(tx *storage.Tx, id ID, at time.Time, name string) {
	tx.Put(storage.DueKey(at.Add(time.Hour), id.String(), "blob-"+idText.EncodeToString(digest16(name))), []byte(name))
}
