package vault

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"strconv"
	"time"

	"reconnect.example/internal/seal"
)

// The person's side of a move at the old operator: everything is sealed to the new vault
// once and kept as one sealed blob until the new one has it, because a bundle that is made
// again is another (its journal has grown) and a connection may be cut at any byte (G60).
// Nothing that is here is deleted by a move: the account is closed on the person's word,
// by [Vault.CloseAccount], and never before.

// Acts of a move away.
const (
	ActDepartureBegun     Act = "departure.begun" // Detail "to", "bytes"
	ActDepartureConfirmed Act = "departure.confirmed"
	ActDepartureEnded     Act = "departure.ended"
)

// TransferTo is the new operator's service, as the old one reaches it: [Vaults] in the
// same process, or a client over the network. What it answers is believed as far as the
// code bears it out.
type TransferTo interface {
	// TransferKeys says to which keys to seal. ErrNotFound if no such transfer is awaited.
	TransferKeys(ctx context.Context, k TransferTicket) (TransferKeys, error)
	// BeginTransfer announces a bundle, or the same one again, and says how many bytes
	// of it are durable there. ErrFull if there is no space for it.
	BeginTransfer(ctx context.Context, k TransferTicket, o TransferOffer) (offset int64, err error)
	// AppendTransfer sends what r holds, from offset, and says how many bytes are durable
	// then. OffsetError if the transfer is not there.
	AppendTransfer(ctx context.Context, k TransferTicket, offset int64, r io.Reader) (next int64, err error)
	// TransferReceipt is the signed receipt; nil as long as nobody has taken it in.
	TransferReceipt(ctx context.Context, k TransferTicket) ([]byte, error)
}

var _ TransferTo = (*Vaults)(nil)

// departurePaper is what the person's session keeps of a move away.
var departurePaper = [16]byte{15: paperDeparture}

type departureBody struct {
	Vault   [16]byte `cbor:"1,keyasint"` // at the new operator
	Secret  [16]byte `cbor:"2,keyasint"`
	Where   string   `cbor:"3,keyasint"`
	Service []byte   `cbor:"4,keyasint"` // the new service's key, which the code bore out
	Until   int64    `cbor:"5,keyasint"` // unix milliseconds; the blob is gone then
	Blob    string   `cbor:"6,keyasint"`
	Size    int64    `cbor:"7,keyasint"` // of the blob
	Digest  [32]byte `cbor:"8,keyasint"` // of the blob
	Bundle  [32]byte `cbor:"9,keyasint"` // of what is sealed in it
	Box     []byte   `cbor:"10,keyasint"`
	Receipt []byte   `cbor:"11,keyasint,omitempty"`
}

// DepartureOptions are extras of [Vault.BeginDeparture].
type DepartureOptions struct {
	Export *ExportOptions // nil: everything
	From   string         // this operator in words, for the receipt
}

// Departure says how a move away stands.
type Departure struct {
	To      string           // where, as the code has it
	Until   time.Time        // what was sealed for it is thrown away then
	Size    int64            // bytes to send
	Digest  [32]byte         // SHA-256 of the bundle
	Receipt *TransferReceipt // the new service has signed that it was taken in
}

// BeginDeparture seals everything to the vault that a code names, and announces it there,
// where the space for it is reserved. Nothing of it is sent yet: [Vault.SendDeparture]. Ask
// for the secret before ([Vault.ShownLately]), and let the person see code.Where: with an
// open session alone somebody could carry all of it to a vault of their own (N74).
//
// The sealed bundle takes none of the person's space, so that who is full can leave too.
// Errors: ErrUntrustedKey if the keys that to says are not those of the code (N71);
// ErrFull if the space at the new one is too small; ErrRepeated if a move goes on that was
// not ended; ErrNotFound if the code has ended; ErrNotAllowed to everybody but the person;
// those of to.
func (v *Vault) BeginDeparture(ctx context.Context, code TransferCode, to TransferTo, opts *DepartureOptions) (Departure, error) {
	if opts == nil {
		opts = &DepartureOptions{}
	}
	if err := checkText("from", opts.From, MaxName, false); err != nil {
		return Departure{}, err
	}
	if code.Vault == v.id {
		return Departure{}, &InvalidError{Field: "code", Problem: "is that of this space"}
	}
	if err := v.do(ctx, func(t *turn) error { return t.mayDepart() }); err != nil {
		return Departure{}, err
	}
	k := secretsOf(code.Vault, code.secret)
	keys, err := to.TransferKeys(ctx, k.ticket)
	if err != nil {
		return Departure{}, err
	}
	digest, err := keys.digest()
	if err != nil {
		return Departure{}, err
	}
	if subtle.ConstantTimeCompare(digest[:], code.keys[:]) != 1 {
		return Departure{}, ErrUntrustedKey // N71
	}
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return Departure{}, ErrUntrustedKey
	}
	d := departureBody{Vault: code.Vault, Secret: code.secret, Where: code.Where, Service: keys.Service,
		Until: v.service.now().Add(MostTransferLasts).UnixMilli(), Blob: v.id.newBlob()}
	if err := v.sealDeparture(ctx, &d, k, inbox, opts); err != nil {
		return Departure{}, v.forgetDeparture(ctx, &d, err)
	}
	// At the new one first: what does not fit there leaves nothing here.
	if _, err := to.BeginTransfer(ctx, k.ticket, d.offer()); err != nil {
		return Departure{}, v.forgetDeparture(ctx, &d, err)
	}
	err = v.do(ctx, func(t *turn) error {
		if err := t.mayDepart(); err != nil {
			return err
		}
		t.note(ActDepartureBegun, nil, map[string]string{"to": d.Where, "bytes": strconv.FormatInt(d.Size, 10)})
		return t.putFixedPaper(departurePaper, paperDeparture, d)
	})
	if err != nil {
		return Departure{}, v.forgetDeparture(ctx, &d, err)
	}
	return d.departure()
}

// mayDepart: the person, with no other move away under way.
func (t *turn) mayDepart() error {
	d, err := t.departure()
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrTampered) {
		return nil
	}
	if err == nil && d.Receipt == nil && t.now.UnixMilli() < d.Until {
		return ErrRepeated
	}
	return err
}

func (t *turn) departure() (d departureBody, err error) {
	if err := t.asPerson(); err != nil {
		return d, err
	}
	p, found, err := t.fixedPaper(departurePaper, paperDeparture)
	if err != nil {
		return d, err
	}
	if !found {
		return d, ErrNotFound
	}
	if seal.Unmarshal(p.Body, &d) != nil {
		return d, tampered("owner paper")
	}
	return d, nil
}

// sealDeparture is name -> blob: the name is listed for the sweeper first.
func (v *Vault) sealDeparture(ctx context.Context, d *departureBody, k transferSecrets, inbox seal.BoxPublic, opts *DepartureOptions) error {
	err := v.do(ctx, func(t *turn) error {
		dropBlobAt(t.tx, v.id, time.UnixMilli(d.Until), d.Blob)
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := v.service.cfg.Blobs.Create(ctx, d.Blob, -1)
	if err != nil {
		return storageError(err)
	}
	defer w.Abort()
	key := seal.NewStreamKey()
	sealed := &hashingWriter{to: w, hash: sha256.New()}
	stream, err := seal.NewStreamWriter(sealed, key, k.ticket.bind(transferStream))
	if err != nil {
		return err
	}
	bundle := &hashingWriter{to: stream, hash: sha256.New()}
	if err := v.Export(ctx, bundle, opts.Export); err != nil {
		return storageError(err)
	}
	if err := stream.Close(); err != nil {
		return storageError(err)
	}
	if err := w.Close(); err != nil {
		return storageError(err)
	}
	d.Size, d.Digest, d.Bundle = sealed.n, [32]byte(sealed.hash.Sum(nil)), [32]byte(bundle.hash.Sum(nil))
	body, err := seal.Marshal(transferBody{Sender: k.sender, Key: key.Bytes(), Size: bundle.n, Digest: d.Bundle, From: opts.From})
	if err != nil {
		return err
	}
	d.Box, err = inbox.Seal(k.ticket.bind(transferBox), nil, body)
	return err
}

// forgetDeparture deletes what was sealed after a failure; or the sweeper will.
func (v *Vault) forgetDeparture(ctx context.Context, d *departureBody, why error) error {
	if errors.Is(why, ErrUnknown) {
		return why // it may have happened
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_ = v.service.cfg.Blobs.Delete(ctx, d.Blob)
	return why
}

func (d *departureBody) offer() TransferOffer {
	return TransferOffer{Size: d.Size, Digest: d.Digest, Box: d.Box}
}

func (d *departureBody) secrets() transferSecrets { return secretsOf(d.Vault, d.Secret) }

func (d *departureBody) departure() (Departure, error) {
	out := Departure{To: d.Where, Until: time.UnixMilli(d.Until).UTC(), Size: d.Size, Digest: d.Bundle}
	if d.Receipt == nil {
		return out, nil
	}
	r, err := openTransferReceipt(d.secrets().ticket, d.Service, d.Receipt)
	out.Receipt = &r
	return out, err
}

// Departure says how a move away stands. ErrNotFound if there is none.
func (v *Vault) Departure(ctx context.Context) (out Departure, err error) {
	err = v.do(ctx, func(t *turn) error {
		d, err := t.departure()
		if err != nil {
			return err
		}
		out, err = d.departure()
		return err
	})
	if err != nil {
		return Departure{}, err
	}
	return out, nil
}

// SendDeparture sends what is missing at the new one. It may break off anywhere: what
// came as a whole part stays there; call it again, and it goes on. left is how many bytes
// are still missing; with an error 0 where that is not known.
//
// Errors: ErrNotFound if no move goes on, or it has ended at the new one; those of to.
func (v *Vault) SendDeparture(ctx context.Context, to TransferTo) (left int64, err error) {
	var d departureBody
	err = v.do(ctx, func(t *turn) (err error) {
		if d, err = t.departure(); err == nil && (d.Receipt != nil || t.now.UnixMilli() >= d.Until) {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	k := d.secrets().ticket
	offset, err := to.BeginTransfer(ctx, k, d.offer()) // the same again says where it is
	if err != nil {
		return 0, err
	}
	for offset < d.Size {
		if err := v.stillOpen(ctx); err != nil { // who was signed out sends nothing more
			return d.Size - offset, err
		}
		next, err := v.sendPart(ctx, &d, to, k, offset)
		if err != nil {
			return d.Size - offset, err
		}
		if next <= offset || next > d.Size { // whatever it answers, this comes to an end
			return d.Size - offset, &OffsetError{Offset: next, Size: d.Size}
		}
		offset = next
	}
	return 0, nil
}

func (v *Vault) sendPart(ctx context.Context, d *departureBody, to TransferTo, k TransferTicket, offset int64) (int64, error) {
	length := min(arrivalPart(d.Size), d.Size-offset)
	if offset < 0 {
		return 0, &OffsetError{Offset: offset, Size: d.Size}
	}
	blob, err := v.service.cfg.Blobs.Open(ctx, d.Blob, offset, length)
	if isNotFound(err) {
		return 0, v.departureGone(ctx, d)
	}
	if err != nil {
		return 0, storageError(err)
	}
	next, err := to.AppendTransfer(ctx, k, offset, io.LimitReader(blob, length))
	return next, errors.Join(err, blob.Close())
}

// departureGone is ErrNotFound where the move was ended on another device, and ErrTampered
// where the store lost what it should have.
func (v *Vault) departureGone(ctx context.Context, d *departureBody) error {
	return v.do(ctx, func(t *turn) error {
		now, err := t.departure()
		if err == nil && now.Receipt == nil && now.Blob == d.Blob {
			err = tampered("departure")
		} else if err == nil {
			err = ErrNotFound
		}
		return err
	})
}

// ConfirmDeparture asks the new one for its receipt, and keeps it: it must be signed by
// the service whose key the code bore out, and say the digest of this very bundle. The
// sealed bundle is deleted here; nothing else is. false: the person there has not taken it
// in yet. Called again it answers from what is kept.
//
// Errors: ErrTampered for a receipt that is not that; ErrNotFound; those of to.
func (v *Vault) ConfirmDeparture(ctx context.Context, to TransferTo) (r TransferReceipt, confirmed bool, err error) {
	var d departureBody
	err = v.do(ctx, func(t *turn) (err error) {
		d, err = t.departure()
		return err
	})
	if err != nil {
		return r, false, err
	}
	if d.Receipt == nil {
		signed, err := to.TransferReceipt(ctx, d.secrets().ticket)
		if err != nil || len(signed) == 0 {
			return r, false, err
		}
		if err := v.keepReceipt(ctx, &d, signed); err != nil {
			return r, false, err
		}
	}
	r, err = openTransferReceipt(d.secrets().ticket, d.Service, d.Receipt)
	return r, err == nil, err
}

func (v *Vault) keepReceipt(ctx context.Context, d *departureBody, signed []byte) error {
	r, err := openTransferReceipt(d.secrets().ticket, d.Service, signed)
	if err != nil {
		return err
	}
	if r.Digest != d.Bundle || r.To != d.Where { // N75: of another bundle, or for another
		return tampered("receipt of a transfer")
	}
	err = v.do(ctx, func(t *turn) error {
		now, err := t.departure()
		if err != nil {
			return err
		}
		if now.Secret != d.Secret {
			return ErrNotFound // ended, and another begun
		}
		now.Receipt, d.Receipt = signed, signed
		t.dropBlobs([]part{{Blob: d.Blob}})
		t.note(ActDepartureConfirmed, nil, map[string]string{"to": d.Where, "count": strconv.Itoa(r.Items + r.There)})
		return t.putFixedPaper(departurePaper, paperDeparture, now)
	})
	if err == nil {
		v.service.forgetParts(ctx, []part{{Blob: d.Blob}})
	}
	return err
}

// EndDeparture gives a move away up, whatever the new one has of it; with a receipt it
// forgets the receipt. ErrNotFound if there is none.
func (v *Vault) EndDeparture(ctx context.Context) error {
	var gone []part // at once: what is sealed is beside the person's space
	err := v.do(ctx, func(t *turn) error {
		gone = nil
		d, err := t.departure()
		if err != nil && !errors.Is(err, ErrTampered) {
			return err
		}
		if d.Blob != "" {
			gone = []part{{Blob: d.Blob}}
			t.dropBlobs(gone)
		}
		t.note(ActDepartureEnded, nil, nil)
		return t.dropPaper(departurePaper)
	})
	if err == nil {
		v.service.forgetParts(ctx, gone)
	}
	return err
}
