package vault

import (
	"context"
	"errors"
	"strconv"
	"time"

	"reconnect.example/internal/seal"
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
// reaches it. Show the code to the person alone: [Vault.Arrival] has it again while nothing has come. A code from before ends, with what
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

	// Code is the code that was made, to be shown to its person again, for as long as nothing
	// has come by it; zero from then on. With the keys that this service has now.
	Code TransferCode
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
		if a.Size, a.Offset, a.Complete = b.Size, b.offset(), b.complete(); err != nil || a.Size > 0 {
			return err
		}
		keys, err := transferKeysOf(t.heads.owner)
		if err != nil {
			return err
		}
		a.Code = TransferCode{Where: p.Where, Vault: v.id, secret: p.Secret}
		a.Code.keys, err = keys.digest()
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
