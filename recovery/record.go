package recovery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// record is a request as the store has it, V/rq/<id>. Who opened it is not in clear, as
// that would tell who helps whom (N20): it lies under the half of the side that opened
// it, which everybody there holds, and in boxes for who was asked and for the person.
type record struct {
	Path       [16]byte `cbor:"1,keyasint"`
	State      uint8    `cbor:"2,keyasint"`
	Opened     int64    `cbor:"3,keyasint"` // unix milliseconds
	Until      int64    `cbor:"4,keyasint"`
	Public     []byte   `cbor:"5,keyasint"`           // X-Wing: what helpers give is boxed to it
	Private    []byte   `cbor:"6,keyasint,omitempty"` // its seed, sealed under the code; gone with the end of the request
	Salt       []byte   `cbor:"7,keyasint"`
	Generation uint64   `cbor:"8,keyasint"` // of the witness's key
	Opening    []byte   `cbor:"9,keyasint"` // under the half
	Owner      []byte   `cbor:"10,keyasint"`
	Pointer    string   `cbor:"11,keyasint,omitempty"`
	Ended      int64    `cbor:"12,keyasint,omitempty"`
	Later      bool     `cbor:"13,keyasint,omitempty"` // done, but for what comes back later
}

// States of a record.
const (
	recordOpen      uint8 = 1
	recordDone      uint8 = 2
	recordCancelled uint8 = 3
	recordOver      uint8 = 4
)

// openingBody is what is known of a request to who may help in it, and to its person.
type openingBody struct {
	Said    []byte         `cbor:"1,keyasint"` // seal.SignedApproval that opens it
	Name    string         `cbor:"2,keyasint"` // of who did, as their relay has it
	Kind    vault.PathKind `cbor:"3,keyasint"`
	Private bool           `cbor:"4,keyasint"`
}

// opening is one whose signature is right.
type opening struct {
	openingBody
	approval *seal.Approval
	by       consent.Member
}

const (
	maxOpen    = 4 // requests of a vault (G10)
	requestDir = "/rq/"
	saltSize   = 32
	// endedKept is how long a request that has ended is shown to its person.
	endedKept = 30 * 24 * time.Hour
)

func requestsOf(id vault.ID) string { return id.String() + requestDir }

func requestKey(id vault.ID, request RequestID) string { return requestsOf(id) + request.String() }

// Sides of a request.
const (
	sideRelay = "r"
	sideDesk  = "d"
)

func sideKey(id vault.ID, request RequestID, side string) string {
	return requestKey(id, request) + "/" + side
}

// noteKey is where a relay or a desk finds that it is asked. Its name is its own: with
// that of the request the store would tell who helps whom (N20).
func noteKey(relay consent.RelayID, note vault.ItemID) string {
	return consent.QueueNotes(relay) + note.String()
}

// bound is the place of what belongs to a request: of one kind, in one vault.
func bound(id vault.ID, request RequestID, what string) seal.Context {
	return seal.Context{Type: seal.TypeRequest, Vault: id, Object: request[:], Holder: []byte(what)}
}

// halfKey opens what everybody of one side may read who helps in this path.
func halfKey(id vault.ID, request RequestID, h vault.Half) seal.Key {
	return seal.DeriveKey(h.Shared, "who opened a request", append(append([]byte{}, id[:]...), request[:]...))
}

// sealOpening seals who opened a request under the half of the side that did.
func sealOpening(id vault.ID, request RequestID, h vault.Half, o openingBody) ([]byte, error) {
	plain, err := seal.Marshal(o)
	if err != nil {
		return nil, err
	}
	return halfKey(id, request, h).Seal(bound(id, request, "opening"), nil, plain)
}

func (r *record) isOpen(now time.Time) bool {
	return r.State == recordOpen && now.Before(time.UnixMilli(r.Until))
}

func (r *record) put(tx *storage.Tx, key string) error {
	value, err := seal.Marshal(r)
	if err == nil {
		tx.Put(key, value)
	}
	return err
}

func readRecord(value []byte) (*record, error) {
	r := new(record)
	if seal.Unmarshal(value, r) != nil || len(r.Salt) != saltSize || r.State < recordOpen || r.State > recordOver {
		return nil, errDamaged
	}
	return r, nil
}

var errDamaged error = &vault.TamperedError{What: "a request"}

// load reads a request. ErrRequest if there is none.
func (s *Service) load(ctx context.Context, id vault.ID, request RequestID) (*record, error) {
	rec, err := s.cfg.Store.Get(ctx, requestKey(id, request))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrRequest
	}
	if err != nil {
		return nil, storageError(err)
	}
	return readRecord(rec.Value)
}

// reload reads it in a commit, which then is about this very state of it. ErrRequest,
// together with the record, if it is not open (any more).
func reload(tx *storage.Tx, id vault.ID, request RequestID, now time.Time) (*record, error) {
	rec, err := tx.Get(requestKey(id, request))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrRequest
	}
	if err != nil {
		return nil, err
	}
	r, err := readRecord(rec.Value)
	if err == nil && !r.isOpen(now) {
		err = ErrRequest
	}
	return r, err
}

// named is a record with its id.
type named struct {
	id RequestID
	*record
}

// all reads the requests of a vault; one that is damaged is left out.
func (s *Service) all(ctx context.Context, id vault.ID) (out []named, err error) {
	for rec, err := range s.cfg.Store.All(ctx, requestsOf(id)) {
		if err != nil {
			return nil, storageError(err)
		}
		if n, ok := parseNamed(id, rec); ok {
			out = append(out, n)
		}
	}
	return out, nil
}

// allIn is all of them in a commit.
func allIn(tx *storage.Tx, id vault.ID) (out []named, err error) {
	records, err := tx.Scan(requestsOf(id), "", storage.MaxScan)
	for _, rec := range records {
		if n, ok := parseNamed(id, rec); ok {
			out = append(out, n)
		}
	}
	return out, err
}

func parseNamed(id vault.ID, rec storage.Record) (named, bool) {
	request, err := vault.ParseItemID(strings.TrimPrefix(rec.Key, requestsOf(id)))
	if err != nil {
		return named{}, false // what belongs to one
	}
	r, err := readRecord(rec.Value)
	return named{request, r}, err == nil
}

// end ends a request in a commit: nothing that was given to it stays. Notes of it are
// left to who finds them in their queue, and to the sweep: here nobody knows where they lie.
func (r *record) end(tx *storage.Tx, id vault.ID, request RequestID, state uint8, now time.Time) error {
	key := requestKey(id, request)
	below, err := tx.Scan(key+"/", "", storage.MaxScan)
	if err != nil {
		return err
	}
	for _, rec := range below {
		tx.Delete(rec.Key)
	}
	if r.Pointer != "" {
		tx.Delete(r.Pointer)
	}
	r.State, r.Private, r.Pointer, r.Ended = state, nil, "", now.UnixMilli()
	return r.put(tx, key)
}

// putPassing writes something that a sweep deletes some time after it is over.
func putPassing(tx *storage.Tx, key string, value []byte, until time.Time) {
	tx.Put(key, value)
	dueOf(tx, key, until)
}

func dueOf(tx *storage.Tx, key string, until time.Time) {
	if due, ok := vault.NoteDue(key, until); ok {
		tx.Put(due, nil)
	}
}

// readOpening verifies who opened a request, and that this is the request that they
// meant: its public key, too, so that nothing is boxed to another (F2).
func (s *Service) readOpening(ctx context.Context, id vault.ID, request RequestID, r *record, plain []byte) (*opening, error) {
	o := new(opening)
	if seal.Unmarshal(plain, &o.openingBody) != nil {
		return nil, errDamaged
	}
	var err error
	if o.approval, o.by, err = s.cfg.Register.Approved(ctx, id, o.Said); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(r.Public)
	a := o.approval
	if a.Act != seal.ApprovalOpens || a.Request != request || a.Path != r.Path || !hmac.Equal(a.Key, digest[:]) || a.Until != r.Until || !o.by.Named(o.Name) {
		return nil, errDamaged
	}
	return o, nil
}
