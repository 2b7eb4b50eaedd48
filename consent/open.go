package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// PurposeCode is what a vault is opened for: a stable code.
type PurposeCode string

// The purposes.
const (
	PurposeHousing     PurposeCode = "housing"
	PurposeHealth      PurposeCode = "health"
	PurposeBenefits    PurposeCode = "benefits"
	PurposeResidence   PurposeCode = "residence" // residence papers
	PurposeWork        PurposeCode = "work"
	PurposeAppointment PurposeCode = "appointment"
	PurposeOther       PurposeCode = "other" // the text says which
)

var purposes = []PurposeCode{PurposeHousing, PurposeHealth, PurposeBenefits, PurposeResidence, PurposeWork, PurposeAppointment, PurposeOther}

// Purposes returns the codes that there are.
func Purposes() []PurposeCode { return slices.Clone(purposes) }

// Purpose is why a worker opens a vault. The person reads it beside everything that
// the worker does there.
type Purpose struct {
	Code PurposeCode
	Text string // in the worker's words, at most MaxPurpose characters; required for PurposeOther
}

// MaxPurpose is the length of the text of a purpose, in characters.
const MaxPurpose = 200

// String is the purpose as the journal keeps it: "housing" or "housing: the file for …".
func (p Purpose) String() string {
	if p.Text == "" {
		return string(p.Code)
	}
	return string(p.Code) + ": " + p.Text
}

// ParsePurpose reads what String wrote. Another text is PurposeOther with that text.
func ParsePurpose(s string) Purpose {
	code, text, _ := strings.Cut(s, ": ")
	if s != "" && !slices.Contains(purposes, PurposeCode(code)) {
		return Purpose{Code: PurposeOther, Text: s}
	}
	return Purpose{Code: PurposeCode(code), Text: text}
}

func (p *Purpose) check() error {
	p.Text = cleanText(p.Text)
	switch {
	case !slices.Contains(purposes, p.Code):
		return invalid("purpose", "is none of %v", purposes)
	case p.Code == PurposeOther && p.Text == "":
		return invalid("purpose", "is other, and does not say which")
	case utf8.RuneCountInString(p.Text) > MaxPurpose:
		return invalid("purpose", "is longer than %d characters", MaxPurpose)
	case !utf8.ValidString(p.Text) || strings.ContainsFunc(p.Text, unicode.IsControl):
		return invalid("purpose", "holds a control character, or is not valid text")
	}
	return nil
}

// opened is what a worker's session has open: one vault at a time, so that nobody
// reads through a whole roster without leaving it vault by vault, each time with a
// purpose. As stored, W/at/<name>, the name and the key following from the session's
// token, so that the store learns nothing of it:
//
//	sealed: CBOR{1: relay, 2: vault, 3: grant, 4: purpose, 5: nonce, 6: key of the vault, 7: a visit, 8: name there}
type opened struct {
	Relay   [16]byte `cbor:"1,keyasint"`
	Vault   [16]byte `cbor:"2,keyasint"`
	Grant   [16]byte `cbor:"3,keyasint"`
	Purpose string   `cbor:"4,keyasint"`
	Nonce   [16]byte `cbor:"5,keyasint"`
	Pinned  []byte   `cbor:"6,keyasint"`
	Visit   bool     `cbor:"7,keyasint,omitempty"`
	Name    string   `cbor:"8,keyasint,omitempty"` // so that no page need look for it in the roster
}

// openedLasts bounds what a session may have open: longer than any session lasts.
const openedLasts = 48 * time.Hour

// place is where a session of a worker keeps what it has open.
type place struct {
	key     string
	sealing seal.Key
	bound   seal.Context
}

func (w *Worker) place() (place, error) {
	token := w.own.Token()
	if token == "" {
		return place{}, invalid("session", "is missing: a worker opens others' spaces in a session")
	}
	own := w.ID()
	name := sha256.Sum256(append([]byte("reconnect open vault "), token...))
	return place{
		key:     own.String() + "/at/" + vault.ID(name[:16]).String(),
		sealing: seal.DeriveKey([]byte(token), "open vault", own[:]),
		bound:   seal.Context{Type: seal.TypeVisit, Vault: own, Object: name[:16]},
	}, nil
}

// Open opens the vault of somebody whom the relay follows: what they share, and
// nothing else, as this worker and for a purpose. Every act there is a line in the
// person's journal with worker, relay and purpose, and asks again whether the worker
// may still be there. A session has one vault open at a time: opening another closes
// this one, also in another process. Close it when the work is done.
//
// Errors: vault.ErrNotFound if the relay does not follow them (any more),
// vault.ErrEnded, vault.ErrInvalid for the purpose and for a worker who signed in
// without a session, vault.ErrUntrustedKey if the
// vault is not the one that the relay took in (D4), vault.ErrTampered.
func (p *Post) Open(ctx context.Context, id vault.ID, why Purpose) (*vault.Vault, error) {
	if err := why.check(); err != nil {
		return nil, err
	}
	one, err := p.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	v, err := p.openFor(ctx, opened{Relay: p.relay.ID, Vault: one.Vault, Grant: one.Grant, Purpose: why.String(), Nonce: randomID(), Pinned: one.pinned, Name: one.Name}, time.Time{})
	if errors.Is(err, vault.ErrEnded) && p.stands(ctx) == nil { // it is the person's end, not the worker's
		// Whose record is still there may be given new keys at their next sign-in.
		over, overErr := p.isOver(ctx, one)
		if overErr == nil && over {
			overErr = p.strike(ctx, one)
		}
		if overErr != nil {
			return nil, overErr
		}
	}
	return v, err
}

// stands says whether the worker may still act for the relay.
func (p *Post) stands(ctx context.Context) error {
	_, err := p.space.OwnKeys(ctx)
	return err
}

// openFor opens a vault and makes it the one that the session has open.
func (p *Post) openFor(ctx context.Context, o opened, until time.Time) (*vault.Vault, error) {
	at, err := p.worker.place()
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(o)
	if err != nil {
		return nil, invalid("purpose", "is not valid text")
	}
	record, err := at.sealing.Seal(at.bound, nil, body)
	if err != nil {
		return nil, err
	}
	s := p.service()
	last := s.now().Add(openedLasts)
	if !until.IsZero() {
		last = laterThan(until) // nothing of a visit stays
	}
	due, ok := vault.NoteDue(at.key, last)
	if !ok {
		return nil, tampered("the place of a session")
	}
	what := CountedOpened
	if o.Visit {
		what = CountedVisits
	}
	count := p.count(what)
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.PutUnique(at.key, record)
		tx.Put(due, nil)
		return count(tx)
	})
	if err != nil {
		return nil, storageError(err)
	}
	return p.openAs(ctx, o, at.key, record)
}

// openAs opens a vault as long as the record of the session says so.
func (p *Post) openAs(ctx context.Context, o opened, key string, record []byte) (*vault.Vault, error) {
	if err := p.mayHelp(); err != nil {
		return nil, err
	}
	g := p.Guest(o.Purpose)
	if o.Visit {
		var err error
		if g, err = p.VisitGuest(ctx, o.Purpose); err != nil {
			return nil, err
		}
	}
	g.Pinned = o.Pinned
	before := g.Standing
	g.Standing = func(ctx context.Context, tx *storage.Tx, now time.Time) error {
		if err := before(ctx, tx, now); err != nil {
			return err
		}
		rec, err := tx.Get(key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !bytes.Equal(rec.Value, record) {
			return vault.ErrEnded // the session has another one open, or none
		}
		return err
	}
	return p.service().cfg.Vaults.OpenGrant(ctx, o.Vault, o.Grant, g)
}

// Opened opens again what this worker's session has open, also in another process,
// with the post and the purpose that it was opened for. Close both. vault.ErrNotFound
// if it has nothing open.
func (w *Worker) Opened(ctx context.Context) (*Post, *vault.Vault, Purpose, error) {
	o, at, record, err := w.readOpened(ctx)
	if err != nil {
		return nil, nil, Purpose{}, err
	}
	p, err := w.At(ctx, o.Relay)
	if err != nil {
		return nil, nil, Purpose{}, err
	}
	v, err := p.openAs(ctx, o, at.key, record)
	if err != nil {
		p.Close()
		return nil, nil, Purpose{}, err
	}
	p.called = o.Name
	return p, v, ParsePurpose(o.Purpose), nil
}

// Opened is [Worker.Opened] for who is at the post already. vault.ErrNotFound, too,
// if what is open was opened for another relay.
func (p *Post) Opened(ctx context.Context) (*vault.Vault, Purpose, error) {
	o, at, record, err := p.worker.readOpened(ctx)
	if err != nil {
		return nil, Purpose{}, err
	}
	if o.Relay != p.relay.ID {
		return nil, Purpose{}, vault.ErrNotFound
	}
	v, err := p.openAs(ctx, o, at.key, record)
	if err == nil {
		p.called = o.Name
	}
	return v, ParsePurpose(o.Purpose), err
}

func (w *Worker) readOpened(ctx context.Context) (o opened, at place, record []byte, err error) {
	if at, err = w.place(); err != nil {
		return o, at, nil, err
	}
	rec, err := w.service.cfg.Store.Get(ctx, at.key)
	if errors.Is(err, storage.ErrNotFound) {
		return o, at, nil, vault.ErrNotFound
	}
	if err != nil {
		return o, at, nil, storageError(err)
	}
	_, plain, err := at.sealing.Open(at.bound, rec.Value)
	if err != nil || seal.Unmarshal(plain, &o) != nil {
		return o, at, nil, tampered("what a session has open")
	}
	return o, at, rec.Value, nil
}

// CloseOpened closes what this session has open, in every process.
func (w *Worker) CloseOpened(ctx context.Context) error {
	at, err := w.place()
	if err != nil {
		return err
	}
	return storageError(w.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(at.key)
		return nil
	}))
}

// GiveUp ends that the relay follows somebody: nobody of the relay opens their vault
// from that commit on, and the person reads in their journal who gave it up, and in
// [Service.Followers] that it is over. Their shared papers get new keys at their next
// sign-in. Errors: those of Open.
func (p *Post) GiveUp(ctx context.Context, id vault.ID, why Purpose) error {
	one, err := p.Find(ctx, id)
	if err != nil {
		return err
	}
	v, err := p.Open(ctx, id, why)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := v.GiveUp(ctx); err != nil {
		return err
	}
	// After a crash here the roster's next look finds the grant gone.
	return p.strike(ctx, one)
}
