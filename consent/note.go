package consent

import (
	"context"
	"encoding/binary"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A note tells a relay, or a worker, that somebody lets them in. It lies in the
// holder's space until it is taken in; the record is boxed to the holder's inbox, so
// that the store learns no name, and its own key is random, so that it does not say
// whose vault it is about:
//
//	R/in/f/<note>  a relay may follow
//	W/in/v/<note>  a worker is shown something for a while
//	boxed: CBOR{1: vault, 2: its signing key, 3: grant, 4: envelope}
//	envelope signed by the vault: CBOR{1: name, 2: scope, 3: given, 4: until, 5: relay}
//
// The grant is outside the signature, as it is drawn in the commit; a note with
// another one opens nothing.
type note struct {
	key    string
	holder vault.ID
	id     [16]byte
	body   noteBody
}

type noteBody struct {
	Vault [16]byte `cbor:"1,keyasint"`
	Key   []byte   `cbor:"2,keyasint"`
	Grant [16]byte `cbor:"3,keyasint"`
	Said  []byte   `cbor:"4,keyasint"`
}

type noteFacts struct {
	Name  string      `cbor:"1,keyasint"`
	Scope vault.Scope `cbor:"2,keyasint"`
	At    int64       `cbor:"3,keyasint"`
	Until int64       `cbor:"4,keyasint,omitempty"`
	Relay [16]byte    `cbor:"5,keyasint"`
}

const (
	followNote = "/in/f/"
	visitNote  = "/in/v/"
)

// noteSigned binds what a note says to who it is for, in which note.
func noteSigned(from, holder vault.ID, id [16]byte) seal.Context {
	return seal.Context{Type: seal.TypeNote, Vault: from, Object: id[:], Holder: holder[:]}
}

func noteBoxed(holder vault.ID, id [16]byte) seal.Context {
	return seal.Context{Type: seal.TypeNote, Vault: holder, Object: id[:]}
}

// newNote signs a note with the id of its record, before the grant is drawn.
func (s *Service) newNote(ctx context.Context, v *vault.Vault, id [16]byte, kind string, n vault.NewGrant, facts followFacts) (*note, error) {
	out := &note{key: n.Holder.String() + kind + vault.ID(id).String(), holder: n.Holder, id: id, body: noteBody{Vault: v.ID()}}
	body, err := seal.Marshal(noteFacts{Name: facts.Name, Scope: n.Scope, At: s.now().UnixMilli(), Until: unixMilli(n.Until), Relay: facts.Relay})
	if err != nil {
		return nil, invalid("name", "is not valid text")
	}
	if out.body.Said, err = v.SignAs(ctx, noteSigned(v.ID(), n.Holder, id), body); err != nil {
		return nil, err
	}
	out.body.Key = v.Key()
	return out, nil
}

// put writes the note, to be swept when its time is over.
func (n *note) put(tx *storage.Tx, grant vault.GrantID, inbox seal.BoxPublic, until time.Time) error {
	// By the key that the holder has in this very commit: nobody keeps a former one.
	if err := StillInbox(tx, n.holder, inbox); err != nil {
		return err
	}
	n.body.Grant = grant
	body, err := seal.Marshal(n.body)
	if err != nil {
		return err
	}
	record, err := inbox.Seal(noteBoxed(n.holder, n.id), nil, body)
	if err != nil {
		return err
	}
	tx.PutUnique(n.key, record)
	if !until.IsZero() {
		if due, ok := vault.NoteDue(n.key, laterThan(until)); ok {
			tx.Put(due, nil)
		}
	}
	return nil
}

// laterThan is when what belongs to something that ends is swept: some time after. In
// the same hour, the entries of two spaces would tell whose vault lets whom in (N20).
func laterThan(end time.Time) time.Time {
	draw := randomID()
	return end.Add(time.Duration(1+binary.BigEndian.Uint16(draw[:])%24) * time.Hour)
}

// noteOpened is a note whose signature is right.
type noteOpened struct {
	noteBody
	noteFacts
	key   string // of its record
	id    [16]byte
	under seal.BoxKey // that opened it
}

// openNote reads a note to holder. vault.ErrTampered for what nobody signed so.
func openNote(holder vault.ID, kind string, rec storage.Record, keys []seal.BoxKey) (n noteOpened, err error) {
	n.key = rec.Key
	broken := tampered("a note")
	id, err := vault.ParseID(strings.TrimPrefix(rec.Key, holder.String()+kind))
	if err != nil {
		return n, broken
	}
	for _, key := range keys {
		_, plain, err := key.Open(noteBoxed(holder, id), rec.Value)
		if err != nil {
			continue
		}
		n.id, n.under = id, key
		if seal.Unmarshal(plain, &n.noteBody) != nil {
			return n, broken
		}
		said, err := seal.OpenSigned(n.Key, noteSigned(n.Vault, holder, id), n.Said)
		if err != nil || seal.Unmarshal(said, &n.noteFacts) != nil {
			return n, broken
		}
		return n, nil
	}
	return n, broken
}

// SendAgain sends the note of a grant in force once more, if the store lost it
// before the relay took the person in. The relay takes each person in once.
// vault.ErrNotFound if there is no such grant, or no note goes with it; also of a visit,
// which is shown again with the worker's code, as no directory knows a worker's key.
func (s *Service) SendAgain(ctx context.Context, v *vault.Vault, id vault.GrantID) error {
	all, err := v.Grants(ctx)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.ID != id {
			continue
		}
		if !s.inForce(g) {
			return vault.ErrEnded
		}
		facts, err := factsOf(g)
		if err != nil {
			return err
		}
		if facts.Note == "" || g.Visit {
			return vault.ErrNotFound // a desk is sent none
		}
		holder, err := s.cfg.Register.Holder(ctx, g.Holder, nil)
		if err != nil {
			return err
		}
		noteID, err := vault.ParseID(strings.TrimPrefix(facts.Note, g.Holder.String()+followNote))
		if err != nil {
			return tampered("what was kept with a grant")
		}
		// In the place of the lost one, so that it, too, goes with its grant.
		n, err := s.newNote(ctx, v, noteID, followNote, vault.NewGrant{Holder: g.Holder, Scope: g.Scope, Until: g.Until}, facts)
		if err != nil {
			return err
		}
		return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error { return n.put(tx, g.ID, holder.Inbox, g.Until) }))
	}
	return vault.ErrNotFound
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromUnixMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
