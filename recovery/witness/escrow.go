package witness

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Escrow is all the keys with which the witness of one machine evaluates, of all its
// clients and all generations. It is for two people who keep one share each
// ([Escrow.Shares]): neither can do anything with theirs, and both together bring back
// what a loss of the witness's store would end: the access cards, and the paths back in
// in which the witness takes part. It cannot be printed.
type Escrow struct{ all *escrowed }

// escrowed is what an escrow holds. It lies behind a pointer, so that fmt shows an address.
type escrowed struct {
	of    PublicKey
	made  time.Time
	parts []escrowPart
}

// escrowPart is the keys of one client, as its witness stores them.
type escrowPart struct {
	Name    string       `cbor:"1,keyasint,omitempty"`
	Records []sideRecord `cbor:"2,keyasint"`
}

// EscrowPart is a witness whose keys go into an escrow.
type EscrowPart struct {
	Name    string // of the client: small letters, digits and -; "" for a witness that has one only
	Witness *Witness
}

// Key is one generation of the key of [Witness.Evaluate], without the key.
type Key struct {
	Generation uint64
	Escrowed   bool // it is in an escrow that was made
}

// maxEscrowKeys bounds the keys of one client, so that they are put back in one commit.
const maxEscrowKeys = 64

// escrowName can stand in a share, and in a key of a store.
var escrowName = regexp.MustCompile(`^[a-z0-9-]{0,32}$`)

// escrowRecord says what was put into an escrow.
type escrowRecord struct {
	Generation uint64 `cbor:"1,keyasint"` // the latest
	Made       int64  `cbor:"2,keyasint"` // Unix milliseconds
}

// NewEscrow collects the keys. A witness that has none yet draws its first one, so that
// an escrow that is made before the first use is whole. of is the key by which the
// witness is known to its clients: shares name it.
//
// Errors: ErrInvalid (no part, a name that cannot be one, or is there twice, or more than 64
// generations), ErrUnavailable, ErrDamaged, ErrClosed.
func NewEscrow(ctx context.Context, of PublicKey, made time.Time, parts []EscrowPart) (*Escrow, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: an escrow of nothing", ErrInvalid)
	}
	e := &escrowed{of: of, made: made.UTC().Truncate(time.Second)}
	for _, p := range parts {
		part, err := p.Witness.escrowPart(ctx, p.Name)
		if err != nil {
			return nil, closedSet("escrow", err)
		}
		e.parts = append(e.parts, part)
	}
	slices.SortFunc(e.parts, func(a, b escrowPart) int { return strings.Compare(a.Name, b.Name) })
	if err := e.check(); err != nil {
		return nil, err
	}
	return &Escrow{e}, nil
}

func (w *Witness) escrowPart(ctx context.Context, name string) (part escrowPart, err error) {
	if w.pending.isClosed() {
		return part, ErrClosed
	}
	if _, err := w.evaluationKey(ctx, 0); err != nil {
		return part, err
	}
	part.Name = name
	for r, err := range w.store.All(ctx, keyTable) {
		if err != nil {
			return part, err
		}
		part.Records = append(part.Records, sideRecord{Key: r.Key, Value: r.Value})
	}
	return part, nil
}

// check refuses what no witness has put into an escrow.
func (e *escrowed) check() error {
	for n, p := range e.parts {
		switch {
		case !escrowName.MatchString(p.Name) || n > 0 && e.parts[n-1].Name >= p.Name:
			return fmt.Errorf("%w: %q is no name of a part of an escrow, or is there twice", ErrInvalid, p.Name)
		case len(p.Records) == 0 || len(p.Records) > maxEscrowKeys:
			return fmt.Errorf("%w: %d keys of %q, not 1 to %d", ErrInvalid, len(p.Records), p.Name, maxEscrowKeys)
		}
		for _, r := range p.Records {
			generation, err := generationOf(r.Key)
			if err != nil {
				return err
			}
			stored := func(string) (storage.Record, error) { return storage.Record{Key: r.Key, Value: r.Value}, nil }
			if _, err := readKey(stored, generation); err != nil {
				return err
			}
		}
	}
	return nil
}

// generationOf reads the generation out of the key of its record.
func generationOf(key string) (uint64, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(key, keyTable))
	if err != nil || len(b) != 8 || keyKey(binary.BigEndian.Uint64(b)) != key {
		return 0, fmt.Errorf("%w: %q names no key", ErrDamaged, key)
	}
	return binary.BigEndian.Uint64(b), nil
}

func (p escrowPart) generations() (out []uint64) {
	for _, r := range p.Records {
		generation, _ := generationOf(r.Key) // checked
		out = append(out, generation)
	}
	slices.Sort(out)
	return out
}

// Of returns by which key the witness was known whose keys these are.
func (e *Escrow) Of() PublicKey { return e.all.of }

// Made returns when the escrow was made, to the second.
func (e *Escrow) Made() time.Time { return e.all.made }

// Names returns the names of the clients whose keys are in it.
func (e *Escrow) Names() (names []string) {
	for _, p := range e.all.parts {
		names = append(names, p.Name)
	}
	return names
}

// Generations returns which keys of a client are in it, the oldest first; nil: none.
func (e *Escrow) Generations(name string) []uint64 {
	if p := e.part(name); p != nil {
		return p.generations()
	}
	return nil
}

func (e *Escrow) part(name string) *escrowPart {
	i := slices.IndexFunc(e.all.parts, func(p escrowPart) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &e.all.parts[i]
}

// Escrowed notes that the shares of this escrow are where they belong, so that
// [Witness.Keys] can tell which keys came later. To be called when they are durable.
// Durable on return. Errors: ErrInvalid (nothing of this client is in it), ErrUnavailable,
// ErrDamaged, ErrClosed.
func (w *Witness) Escrowed(ctx context.Context, e *Escrow, name string) error {
	if w.pending.isClosed() {
		return ErrClosed
	}
	generations := e.Generations(name)
	if generations == nil {
		return fmt.Errorf("%w: nothing of %q is in this escrow", ErrInvalid, name)
	}
	return closedSet("escrowed", w.store.Transact(ctx, func(tx *storage.Tx) error {
		known := new(escrowRecord)
		if _, err := get(tx.Get, escrowKey, known); err != nil {
			return err
		}
		latest := generations[len(generations)-1]
		if known.Generation >= latest {
			return nil
		}
		return put(tx, escrowKey, escrowRecord{Generation: latest, Made: e.Made().UnixMilli()})
	}))
}

// Keys returns the generations of the key, the oldest first, and which of them are in an
// escrow. One that is in none is lost with the witness's store, and what was made with
// it. Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Keys(ctx context.Context) (keys []Key, err error) {
	if w.pending.isClosed() {
		return nil, ErrClosed
	}
	known := new(escrowRecord)
	if _, err := get(reader(ctx, w.store), escrowKey, known); err != nil {
		return nil, closedSet("keys", err)
	}
	for r, err := range w.store.All(ctx, keyTable) {
		if err != nil {
			return nil, closedSet("keys", err)
		}
		generation, err := generationOf(r.Key)
		if err != nil {
			return nil, closedSet("keys", err)
		}
		keys = append(keys, Key{Generation: generation, Escrowed: generation <= known.Generation})
	}
	return keys, nil
}

// PutBack gives the keys of a client to a witness that has lost its store, and notes in
// the new one that it began after a loss: see loss.go for what follows from that. New
// evaluations use a key that is drawn now, and is in no escrow yet. No witness may run
// over the store. It may have begun anew already; what it has learnt since stays. One
// commit, durable on return; may be repeated. now is the machine's clock, which must be
// right here.
//
// Errors: ErrInvalid (nothing of this client is in the escrow), ErrDamaged (also where
// the store has another key of one of these generations), ErrUnavailable.
func (e *Escrow) PutBack(ctx context.Context, name string, store *storage.Store, now time.Time) error {
	part := e.part(name)
	if part == nil {
		return fmt.Errorf("%w: nothing of %q is in this escrow", ErrInvalid, name)
	}
	generations := part.generations()
	latest := generations[len(generations)-1]
	fresh := newEvaluationKey(max(latest+1, uint64(max(now.UnixMilli(), 1))))
	return closedSet("put back", store.Transact(ctx, func(tx *storage.Tx) error {
		for _, r := range part.Records {
			known, err := tx.Get(r.Key)
			switch {
			case err == nil && !bytes.Equal(known.Value, r.Value):
				return fmt.Errorf("%w: %q is another key", ErrDamaged, r.Key)
			case err == nil:
				continue
			case !errors.Is(err, storage.ErrNotFound):
				return err
			}
			tx.PutUnique(r.Key, r.Value)
		}
		if err := noteLoss(tx, max(now.UnixMilli(), int64(latest)), latest); err != nil {
			return err
		}
		current := new(latestRecord)
		if _, err := get(tx.Get, latestKeyKey, current); err != nil || current.Generation > latest {
			return err // it drew one since it began anew
		}
		return putKey(tx, fresh)
	}))
}

// escrowBody is what the shares come to.
type escrowBody struct {
	Parts []escrowPart `cbor:"1,keyasint"`
}

func (e *escrowed) body() ([]byte, error) { return seal.Marshal(escrowBody{Parts: e.parts}) }
