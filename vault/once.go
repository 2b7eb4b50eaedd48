package vault

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A phone that loses the network does not know whether its request was carried out, and
// sends it again. A session remembers what it asked for and what the answer was, under a
// key that its sender chose (Idempotency-Key), sealed under its token: so it is carried
// out once, in whichever process the second request ends up, and nobody else reads what
// was answered. As stored, V/once/<session>/<slot>:
//
//	sealed under HKDF(token): CBOR{1: digest of key, 2: digest of request, 3: when, 4: answered, 5: answer}
//
// A key may lie in onceProbes slots, of which the one used longest ago gives way.
const (
	onceSlots  = 96
	onceProbes = 8

	// MaxAnswer bounds an answer that is remembered, in bytes. Of a larger one it is known
	// only that it was given.
	MaxAnswer = 64 << 10
)

type onceBody struct {
	Key      [32]byte `cbor:"1,keyasint"`
	Request  [32]byte `cbor:"2,keyasint"`
	At       int64    `cbor:"3,keyasint"` // unix milliseconds
	Answered bool     `cbor:"4,keyasint"`
	Answer   []byte   `cbor:"5,keyasint,omitempty"`
}

// Once notes that the session of a token is about to carry out a request, under a key
// that its sender chose. request is a digest of what is asked.
//
// If nobody has asked for it before, answered is false, the note is durable, and the
// caller carries it out and then calls [Vaults.Answered]. If it was carried out before,
// answered is true, with the answer of then; it is nil if that was larger than
// [MaxAnswer]. The caller has made sure that the session is one; nothing is opened here.
//
// Errors: ErrRepeated if the key was used for another request; ErrUnknown if the one of
// before is still at work, or ended without a word (look what is there before doing it
// again under another key); ErrSessionEnded if the token is none. Remembered are at
// least the latest eight requests of a session, mostly about ninety, until its time is up.
func (s *Vaults) Once(ctx context.Context, token, key string, request [32]byte) (answer []byte, answered bool, err error) {
	o, err := s.onceOf(token, key)
	if err != nil {
		return nil, false, err
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		answer, answered = nil, false
		slot, found, err := o.find(tx)
		if err != nil {
			return err
		}
		switch {
		case found == nil:
			return o.put(tx, slot, onceBody{Key: o.name, Request: request, At: s.now().UnixMilli()})
		case found.Request != request:
			return ErrRepeated
		case !found.Answered:
			return ErrUnknown
		}
		answer, answered = found.Answer, true
		return nil
	})
	return answer, answered, storageError(err)
}

// Answered notes how a request ended that Once has let through, durably. With done false
// it was not carried out and nothing was changed: it is forgotten, and may be sent again
// under the same key. A request that nobody remembers any more is left so.
func (s *Vaults) Answered(ctx context.Context, token, key string, done bool, answer []byte) error {
	o, err := s.onceOf(token, key)
	if err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		slot, found, err := o.find(tx)
		if err != nil || found == nil {
			return err
		}
		if !done {
			tx.Delete(slot)
			return nil
		}
		found.Answered = true
		if len(answer) <= MaxAnswer {
			found.Answer = slices.Clone(answer)
		}
		return o.put(tx, slot, *found)
	}))
}

// once is where a session remembers one key.
type once struct {
	id      ID
	session SessionID
	key     seal.Key
	name    [32]byte // digest of the key that the sender chose
}

func (s *Vaults) onceOf(token, key string) (o once, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16+32 {
		return o, ErrSessionEnded
	}
	o.id = ID(raw[:16])
	o.session, _ = sessionKeys(o.id, raw[16:])
	o.key = seal.DeriveKey(raw[16:], "session once", o.id[:])
	o.name = seal.Digest(append([]byte("reconnect once "), key...))
	return o, nil
}

func (id ID) once(s SessionID, slot string) string {
	return id.key("once/" + s.String() + "/" + slot)
}

func (o once) context(slot string) seal.Context {
	c := o.id.bind(seal.TypeOnce, 0, 0, o.session[:], 0)
	c.Holder = []byte(slot)
	return c
}

// find returns the slot of the key with what it holds, or the slot that is to hold it.
func (o once) find(tx *storage.Tx) (slot string, found *onceBody, err error) {
	var oldest int64
	first := int(o.name[0])<<8 | int(o.name[1])
	for i := range onceProbes {
		name := o.id.once(o.session, strconv.Itoa((first+i)%onceSlots))
		rec, err := tx.Get(name)
		if err != nil && !isNotFound(err) {
			return "", nil, err
		}
		var body onceBody
		if err == nil {
			// What does not open was altered: it says nothing, and gives way.
			if _, raw, err := o.key.Open(o.context(name), rec.Value); err == nil && seal.Unmarshal(raw, &body) == nil && body.Key == o.name {
				return name, &body, nil
			}
		}
		if slot == "" || body.At < oldest {
			slot, oldest = name, body.At
		}
	}
	return slot, nil, nil
}

func (o once) put(tx *storage.Tx, slot string, body onceBody) error {
	raw, err := seal.Marshal(body)
	if err != nil {
		return err
	}
	record, err := o.key.Seal(o.context(slot), nil, raw)
	if err != nil {
		return err
	}
	tx.PutUnique(slot, record)
	return nil
}
