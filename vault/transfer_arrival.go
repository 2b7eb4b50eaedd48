package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The person's side of a move at the new operator: a code is shown, what came is opened,
// and once it was taken in, package vault/bundle's work, a receipt is signed for both.

// Acts of a move to here.
const (
	ActArrivalAwaited Act = "arrival.awaited" // a transfer code was shown
	ActArrivalOpened  Act = "arrival.opened"  // what came was opened; Detail "bytes", "from"
	ActArrivalTaken   Act = "arrival.taken-in"
	ActArrivalEnded   Act = "arrival.ended"
)

// AwaitOptions are extras of [Vault.AwaitTransfer].
type AwaitOptions struct {
	Lasts time.Duration // how long the code is good for; 0: TransferLasts. At most MostTransferLasts
}

// AwaitTransfer makes a code with which another operator's service can send everything
// that the person has there. where is the address of this service, as the other one
// reaches it. Show the code to the person alone, once. A code from before ends, with what
// came by it.
//
// Errors: ErrNotAllowed to everybody but the person; ErrClosing; InvalidError, also while
// Private is locked.
func (v *Vault) AwaitTransfer(ctx context.Context, where string, opts *AwaitOptions) (TransferCode, error) {
	lasts := TransferLasts
	if opts != nil && opts.Lasts != 0 {
		lasts = opts.Lasts
	}
	if lasts < time.Minute || lasts > MostTransferLasts {
		return TransferCode{}, &InvalidError{Field: "lasts", Problem: "is not between a minute and seven days"}
	}
	if err := checkWhere(where); err != nil {
		return TransferCode{}, err
	}
	code := TransferCode{Where: where, Vault: v.id, secret: newTransferSecret()}
	var before []part
	err := v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if _, reached := t.rings[Private]; !reached {
			return &InvalidError{Field: "compartment", Problem: "is locked"}
		}
		_, gone, err := t.endArrival()
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrTampered) {
			return err
		}
		before = gone
		keys, err := transferKeysOf(t.heads.owner)
		if err != nil {
			return err
		}
		if code.keys, err = keys.digest(); err != nil {
			return err
		}
		until := t.now.Add(lasts).UnixMilli()
		if err := putArrival(t.tx, secretsOf(v.id, code.secret).ticket, arrivalBody{Until: until}); err != nil {
			return err
		}
		t.note(ActArrivalAwaited, nil, nil)
		return t.putFixedPaper(arrivalPaper, paperArrival, arrivalPaperBody{Secret: code.secret, Where: where, Until: until})
	})
	if err != nil {
		return TransferCode{}, err
	}
	v.service.forgetParts(ctx, before)
	return code, nil
}

// Arrival says how far a move to here is.
type Arrival struct {
	Until    time.Time        // the code ends then
	Size     int64            // of the sealed bundle; 0: nothing has come yet
	Offset   int64            // bytes of it that are here
	Complete bool             // it can be opened
	Receipt  *TransferReceipt // it was taken in
}

// Arrival says how far it is. ErrNotFound if nothing is awaited.
func (v *Vault) Arrival(ctx context.Context) (a Arrival, err error) {
	err = v.do(ctx, func(t *turn) error {
		a = Arrival{}
		p, k, err := t.arrival()
		if err != nil {
			return err
		}
		a.Until = time.UnixMilli(p.Until).UTC()
		if p.Receipt != nil {
			r, err := openTransferReceipt(k.ticket, t.heads.owner.Service, p.Receipt)
			a.Receipt, a.Complete = &r, true
			return err
		}
		b, err := v.service.readArrival(t.tx, k.ticket)
		if errors.Is(err, ErrNotFound) { // it has ended; what came by it is gone
			return ErrNotFound
		}
		a.Size, a.Offset, a.Complete = b.Size, b.offset(), b.complete()
		return err
	})
	return a, err
}

func (t *turn) arrival() (p arrivalPaperBody, k transferSecrets, err error) {
	if err := t.asPerson(); err != nil {
		return p, k, err
	}
	paper, found, err := t.fixedPaper(arrivalPaper, paperArrival)
	if err != nil {
		return p, k, err
	}
	if !found {
		return p, k, ErrNotFound
	}
	if seal.Unmarshal(paper.Body, &p) != nil {
		return p, k, tampered("owner paper")
	}
	return p, secretsOf(t.v.id, p.Secret), nil
}

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
// Errors: ErrNotFound if nothing is awaited; OffsetError if it has not all come;
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
		if err == nil && !b.complete() {
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

// AcceptArrival says that all of the bundle was taken in, items of it now and there of it
// before: the receipt is signed by this
// service, kept here, and given to the old service when it asks. What came is deleted at
// once; the code lasts to its end, for the receipt alone. Called again it returns
// the same receipt.
//
// Errors: ErrNotFound; ErrNotAllowed; ErrTampered if a is not what lies here now.
func (v *Vault) AcceptArrival(ctx context.Context, a *Arrived, items, there int) (r TransferReceipt, err error) {
	var gone []part
	err = v.do(ctx, func(t *turn) error {
		gone = nil
		p, k, err := t.arrival()
		if err != nil {
			return err
		}
		if p.Receipt != nil {
			r, err = openTransferReceipt(k.ticket, t.heads.owner.Service, p.Receipt)
			return err
		}
		b, err := v.service.readArrival(t.tx, k.ticket)
		if err != nil {
			return err
		}
		if a == nil || a.k != k.ticket || !b.sameOffer(TransferOffer{Size: a.b.Size, Digest: [32]byte(a.b.Digest), Box: a.b.Box}) {
			return tampered("transfer")
		}
		body, err := seal.Marshal(transferReceiptBody{From: a.From, To: p.Where, At: t.now.Unix(), Digest: a.Digest, Items: items, There: there})
		if err != nil {
			return err
		}
		if p.Receipt, err = v.service.keys.signer.SignEnvelope(k.ticket.bind(transferReceipt), body); err != nil {
			return err
		}
		if r, err = openTransferReceipt(k.ticket, t.heads.owner.Service, p.Receipt); err != nil {
			return err
		}
		gone = b.blobs()
		t.dropBlobs(gone)
		b.Parts, b.Hash, b.Receipt = nil, nil, p.Receipt
		if err := putArrival(t.tx, k.ticket, b); err != nil {
			return err
		}
		t.note(ActArrivalTaken, nil, map[string]string{"count": strconv.Itoa(items), "from": a.From})
		return t.putFixedPaper(arrivalPaper, paperArrival, p)
	})
	if err == nil {
		v.service.forgetParts(ctx, gone)
	}
	return r, err
}

// EndArrival ends a code, and throws away what came by it. A receipt stays. ErrNotFound
// if nothing is awaited.
func (v *Vault) EndArrival(ctx context.Context) error {
	var gone []part
	err := v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		taken, blobs, err := t.endArrival()
		if err != nil {
			return err
		}
		gone = blobs
		t.note(ActArrivalEnded, nil, nil)
		if taken {
			return nil
		}
		return t.dropPaper(arrivalPaper)
	})
	if err == nil {
		v.service.forgetParts(ctx, gone)
	}
	return err
}

// endArrival removes the record, so that the ticket opens nothing any more (N73). The
// caller deletes what it returns once that is committed: what opens frees its space, and
// who opens one code after the other would fill the disk in the hour before a sweep.
func (t *turn) endArrival() (taken bool, gone []part, err error) {
	defer t.tx.Delete(t.v.id.arrival()) // after it was read
	p, k, err := t.arrival()
	if err != nil {
		return false, nil, err
	}
	b, err := t.v.service.readArrival(t.tx, k.ticket)
	if err == nil {
		gone = b.blobs()
		t.dropBlobs(gone)
	} else if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrTampered) {
		return false, nil, err
	}
	return p.Receipt != nil, gone, t.v.service.cfg.Quota.Cancel(t.tx, t.v.id.String(), arrivalReservation(k.ticket))
}
