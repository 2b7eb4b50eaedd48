package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"sync"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Arrived is the bundle that came, opened: a ZIP in clear, for package vault/bundle.
// Nothing of a segment is released before it was verified. It is safe for many
// goroutines, which queue. Close it.
type Arrived struct {
	From   string   // the old operator, as it calls itself
	Digest [32]byte // SHA-256 of the bundle, which was checked

	v    *Vault
	ctx  context.Context
	b    arrivalBody
	k    TransferTicket
	body transferBody
	mu   sync.Mutex
	at   int64
	from io.ReadCloser // nil: none is open
}

// OpenArrival opens the bundle that came: who sealed it had the code, and its digest is
// the one that they announced, or it is ErrTampered and nothing is given out (N70, N72).
// One line in the journal. The space that was reserved for it is free from now on: it is
// the papers' that come out of it. So what came lies there once beside what the space
// allows, and no more: its bytes go with its end, at once.
//
// Errors: ErrNotFound if nothing is awaited, or it was taken in; OffsetError if it has not all come;
// ErrTampered; ErrNotAllowed to everybody but the person.
func (v *Vault) OpenArrival(ctx context.Context) (*Arrived, error) {
	a := &Arrived{v: v, ctx: ctx}
	err := v.do(ctx, func(t *turn) error {
		if err := t.changing(); err != nil {
			return err
		}
		_, k, err := t.arrival()
		if err != nil {
			return err
		}
		if a.b, err = v.service.readArrival(t.tx, k.ticket); err != nil {
			return err
		}
		if a.b.Receipt != nil { // another window was faster
			return ErrNotFound
		}
		if !a.b.complete() {
			return &OffsetError{Offset: a.b.offset(), Size: a.b.Size}
		}
		a.k = k.ticket
		if a.body, err = t.openArrivalBox(k, a.b.Box); err != nil {
			return err
		}
		if seal.SealedSize(a.body.Size) != a.b.Size {
			return tampered("transfer")
		}
		a.From, a.Digest = a.body.From, a.body.Digest
		t.note(ActArrivalOpened, nil, map[string]string{"bytes": strconv.FormatInt(a.body.Size, 10), "from": a.From})
		return v.service.cfg.Quota.Cancel(t.tx, v.id.String(), arrivalReservation(k.ticket))
	})
	if err != nil {
		return nil, err
	}
	if err := a.verify(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// openArrivalBox opens the box by whichever generation it was made for.
func (t *turn) openArrivalBox(k transferSecrets, box []byte) (body transferBody, err error) {
	ring, reached := t.rings[Private]
	if !reached {
		return body, &InvalidError{Field: "compartment", Problem: "is locked"}
	}
	for _, g := range ring.generations {
		_, raw, err := g.inbox.Open(k.ticket.bind(transferBox), box)
		if err != nil {
			continue
		}
		if seal.Unmarshal(raw, &body) != nil || body.Sender != k.sender { // N70: whoever sealed it had no code
			return body, tampered("transfer")
		}
		return body, checkText("from", body.From, MaxName, false)
	}
	return body, tampered("transfer")
}

// verify reads all of it once.
func (a *Arrived) verify() error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(a, 0, a.body.Size)); err != nil {
		return err
	}
	if [32]byte(sum.Sum(nil)) != a.body.Digest {
		return tampered("transfer")
	}
	return nil
}

// Size is that of the bundle, in bytes.
func (a *Arrived) Size() int64 { return a.body.Size }

// ReadAt reads as [io.ReaderAt]. ErrTampered where the store altered something since.
func (a *Arrived) ReadAt(p []byte, off int64) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case off < 0:
		return 0, &InvalidError{Field: "range", Problem: "begins before the bundle"}
	case off >= a.body.Size:
		return 0, io.EOF
	}
	if a.from == nil || a.at != off {
		if err := errors.Join(a.drop(), a.open(off)); err != nil {
			return 0, a.fault(err)
		}
	}
	short := int64(len(p)) > a.body.Size-off
	n, err := io.ReadFull(a.from, p[:min(int64(len(p)), a.body.Size-off)])
	a.at += int64(n)
	if err != nil {
		return n, errors.Join(a.fault(err), a.drop())
	}
	if short {
		err = io.EOF
	}
	return n, err
}

func (a *Arrived) open(off int64) error {
	key, err := seal.KeyFromBytes(a.body.Key)
	if err != nil {
		return seal.ErrOpen
	}
	a.from, err = seal.NewRangeReader(func(offset, length int64) (io.ReadCloser, error) {
		return a.v.service.openArrival(a.ctx, &a.b, offset, length)
	}, key, a.k.bind(transferStream), a.body.Size, off, a.body.Size-off)
	a.at = off
	return err
}

// fault is arrivalError, but ErrNotFound where the bytes are gone because the code was
// ended on another device: nobody altered anything.
func (a *Arrived) fault(err error) error {
	if !isNotFound(err) {
		return arrivalError(err)
	}
	ended := a.v.service.cfg.Store.Transact(a.ctx, func(tx *storage.Tx) error {
		b, err := a.v.service.readArrival(tx, a.k)
		if err == nil && (!b.complete() || b.Receipt != nil) {
			err = ErrNotFound
		}
		return err
	})
	if errors.Is(ended, ErrNotFound) {
		return ErrNotFound
	}
	return arrivalError(err)
}

func arrivalError(err error) error {
	if errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrFormat) || isNotFound(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, storage.ErrInvalid) {
		return tampered("transfer")
	}
	return storageError(err)
}

func (a *Arrived) drop() error {
	if a.from == nil {
		return nil
	}
	from := a.from
	a.from = nil
	return from.Close()
}

// Close releases the bundle.
func (a *Arrived) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drop()
}
