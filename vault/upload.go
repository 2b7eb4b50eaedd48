package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// Record and blob cannot commit together, so an upload is: reserve (a record
// with a deadline, which is also the reservation of space) -> write the blob ->
// commit item, page, head, journal, ledger and the end of the reservation at
// once. A crash at any step leaves a reservation, which the sweeper ends together
// with its blob; what was acknowledged is never touched.
type upload struct {
	v        *Vault
	item     ItemID
	revision uint64
	size     int64 // declared; negative: not known

	reservation quota.Reservation
	half        time.Duration // of the time that a reservation is given
	part        part
	extent      extent    // of what is known how long it is
	plain       hash.Hash // of the plaintext, from the document's beginning
	key         seal.Key
	written     int64
	digest      []byte    // of the plaintext
	looked      time.Time // when access was last checked
}

const (
	// recordRoom is reserved beside the blob for the record that will name it.
	recordRoom = 4096
	// firstRoom is reserved for an upload of unknown length; then it doubles (G12).
	firstRoom = 1 << 20
	chunk     = 256 << 10
)

var chunks = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// newUpload names the blob: fresh random under the vault's prefix, never used before.
func (v *Vault) newUpload(item ItemID, revision uint64, size int64) *upload {
	u := &upload{v: v, item: item, revision: revision, size: size, key: seal.NewStreamKey(), plain: sha256.New()}
	u.part = part{Role: roleContent, Blob: v.id.String() + "/" + ID(newID()).String(), Revision: revision}
	return u
}

// reserve sets the space for the upload aside within a turn.
func (u *upload) reserve(t *turn) error {
	if u.size < 0 {
		return u.book(t, t.quota().ReserveUpTo, min(firstRoom, u.ahead(0)))
	}
	return u.book(t, t.quota().Reserve, withRecord(seal.SealedSize(u.size)))
}

// withRecord adds the room of the record; an impossible length stays one.
func withRecord(blob int64) int64 { return min(blob, math.MaxInt64-recordRoom) + recordRoom }

func (u *upload) book(t *turn, how func(*storage.Tx, string, quota.Reservation) (quota.Reservation, error), bytes int64) (err error) {
	if err := t.changing(); err != nil {
		return err
	}
	u.reservation, err = how(t.tx, t.v.id.String(), quota.Reservation{ID: u.v.reservationName() + rand.Text(), Blob: u.part.Blob, Bytes: bytes})
	u.half, u.looked = u.reservation.Deadline.Sub(t.now)/2, t.now
	if err == nil {
		err = t.withinShare()
	}
	return err
}

// run writes the blob and closes it, or leaves nothing.
func (u *upload) run(ctx context.Context, r io.Reader) error {
	size := int64(-1)
	switch {
	case u.extent.padded > 0:
		size = u.extent.sealed()
	case u.size >= 0:
		size = seal.SealedSize(u.size)
	}
	// The writer has a context of its own: whatever goes wrong below cancels it
	// before the blob could be closed.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := u.v.service.cfg.Blobs.Create(ctx, u.part.Blob, size)
	if err != nil {
		return storageError(err)
	}
	defer w.Abort()
	sealed := &hashingWriter{to: w, hash: sha256.New()}
	stream, err := seal.NewStreamWriter(sealed, u.key, blobContext(u.v.id, u.item, u.part, u.extent.offset))
	if err != nil {
		return err
	}
	stream.PadTo(u.extent.padded)
	if err := u.copy(ctx, stream, r); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return storageError(err)
	}
	if err := u.hold(ctx); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return storageError(err)
	}
	u.part.Length, u.part.Digest = sealed.n, sealed.hash.Sum(nil)
	return nil
}

// copy feeds the stream piece by piece. The digest of the plaintext is taken on
// another core while the piece is being sealed.
func (u *upload) copy(ctx context.Context, to io.Writer, from io.Reader) error {
	buf := chunks.Get().(*[]byte)
	defer chunks.Put(buf)
	defer clear(*buf) // no plaintext stays in the pool
	for {
		n, readErr := fill(from, *buf)
		if err := ctx.Err(); err != nil {
			return err
		}
		if n > 0 {
			if err := u.allow(ctx, int64(n)); err != nil {
				return err
			}
			if err := sealAndHash(to, u.plain, (*buf)[:n]); err != nil {
				return storageError(err)
			}
			u.written += int64(n)
		}
		if readErr == io.EOF {
			u.digest = u.plain.Sum(nil)
			return u.complete()
		}
		if readErr != nil {
			return brokeOff(u.written, readErr)
		}
	}
}

// fill is io.ReadFull, but passes on what the source says: a connection that was
// cut answers io.ErrUnexpectedEOF, which must not look like an end.
func fill(from io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var more int
		more, err = from.Read(buf[n:])
		if n += more; more > 0 {
			idle = 0
		} else if idle++; idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func sealAndHash(to io.Writer, plain hash.Hash, piece []byte) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		plain.Write(piece)
	}()
	_, err := to.Write(piece)
	<-done
	return err
}

// allow makes sure that n more bytes are within what was declared and reserved.
func (u *upload) allow(ctx context.Context, n int64) error {
	if u.size >= 0 {
		if u.written+n > u.size {
			return &InvalidError{Field: "size", Problem: fmt.Sprintf("was given as %d bytes, but more came; nothing was kept", u.size)}
		}
		return u.hold(ctx)
	}
	need := withRecord(seal.SealedSize(u.written + n))
	if need <= u.reservation.Bytes {
		return u.hold(ctx)
	}
	return u.extend(ctx, func(tx *storage.Tx) (quota.Reservation, error) {
		q, owner := u.v.service.cfg.Quota, u.v.id.String()
		r, err := q.GrowUpTo(tx, owner, u.reservation.ID, max(need, u.ahead(need)))
		if err == nil && r.Bytes < need {
			_, err = q.Grow(tx, owner, u.reservation.ID, need) // says how much is left
		}
		return r, err
	})
}

// hold renews the reservation when half of its time is over. A writer does not
// go on, nor close its blob, after the deadline (N12).
//
// In between it looks once a minute whether access has ended.
func (u *upload) hold(ctx context.Context) error {
	s := u.v.service
	now := s.now()
	if u.reservation.Deadline.Sub(now) > u.half {
		if age := now.Sub(u.looked); age >= 0 && age < time.Minute {
			return nil
		}
		u.looked = now
		return u.v.stillOpen(ctx)
	}
	return u.extend(ctx, func(tx *storage.Tx) (quota.Reservation, error) {
		return s.cfg.Quota.Renew(tx, u.v.id.String(), u.reservation.ID)
	})
}

func (u *upload) extend(ctx context.Context, f func(tx *storage.Tx) (quota.Reservation, error)) error {
	var after quota.Reservation
	err := u.v.do(ctx, func(t *turn) (err error) {
		if after, err = f(t.tx); err == nil {
			err = t.withinShare()
		}
		return err
	})
	if errors.Is(err, quota.ErrExpired) {
		return ErrUploadExpired
	}
	if err == nil {
		u.reservation = after
	}
	return err
}

func (u *upload) complete() error {
	if u.size >= 0 && u.written != u.size {
		return &InvalidError{Field: "size", Problem: fmt.Sprintf("was given as %d bytes, but %d came; nothing was kept", u.size, u.written)}
	}
	return nil
}

// settle turns the reservation into use, in the commit that names the blob.
func (u *upload) settle(t *turn, bytes int64) error {
	err := t.v.service.cfg.Quota.Settle(t.tx, t.v.id.String(), u.reservation.ID, bytes)
	if errors.Is(err, quota.ErrExpired) {
		return ErrUploadExpired
	}
	return err
}

const cleanUp = 10 * time.Second

// abandon gives the space back at once after a failure: first the blob, then
// the reservation that remembers it. Where the outcome of the commit is not
// known, nothing is touched: the sweeper can tell.
func (u *upload) abandon(ctx context.Context, why error) {
	if errors.Is(why, ErrUnknown) || u.reservation.ID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	s := u.v.service
	if s.cfg.Blobs.Delete(ctx, u.part.Blob) != nil {
		return // the sweeper will
	}
	_ = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		return s.cfg.Quota.Cancel(tx, u.v.id.String(), u.reservation.ID)
	})
}

// hashingWriter takes the digest of what is stored, which can be checked without keys.
type hashingWriter struct {
	to   io.Writer
	hash hash.Hash
	n    int64
}

func (w *hashingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.hash.Write(p[:n])
	w.n += int64(n)
	return n, err
}

// dropBlobs lists the blobs of one item for the sweeper, an hour from now: who is
// reading may finish. It is one entry, so that a commit can drop many.
func (t *turn) dropBlobs(parts []part) {
	if len(parts) == 0 {
		return
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Blob
	}
	id := idText.EncodeToString(digest16(names[0]))
	t.tx.Put(storage.DueKey(t.now.Add(time.Hour), t.v.id.String(), "blob-"+id), []byte(strings.Join(names, "\n")))
}

func digest16(s string) []byte {
	d := seal.Digest([]byte(s))
	return d[:16]
}
