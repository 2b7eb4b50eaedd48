package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A reminder is sent while nobody is there who could open the vault. So the running
// service must be able to read what it needs for it, and that is said to the person:
//
//	V/remind    signed: CBOR{1: owner version, 2: sealed to the service: remind-to}
//	V/re/<tag>  sealed to the service: reminder
//	due/<hour>/V/remind-<tag>
//
// The keys of a vault's items are in none of them. <tag> is made of the signature of
// the item's origin, which lies sealed in its record: who can open an item finds its
// reminder, in whichever compartment it lies, and the service alone cannot tell of
// which item one is. A store without the service's keys sees how many there
// are, and in which hours they are sent.
//
// The consent is like a wish (wish.go): signed by the vault's key for the owner head of
// that moment and what follows it within 2^32 versions. To withdraw it leaps over
// those, so a store that brings the record back has something stale in hand.
// Reminders name their consent: none of an earlier one is sent. A store
// can bring back a reminder of the present consent that was sent or whose
// appointment was cancelled; it can make none up, and change none.
type remindBody struct {
	Version uint64 `cbor:"1,keyasint"`
	To      []byte `cbor:"2,keyasint"`
}

type remindToBody struct {
	Consent [16]byte   `cbor:"1,keyasint"`
	Choice  choiceBody `cbor:"2,keyasint"`
}

type choiceBody struct {
	Channel  Channel `cbor:"1,keyasint"`
	Address  string  `cbor:"2,keyasint"`
	Language string  `cbor:"3,keyasint"`
	Zone     string  `cbor:"4,keyasint"`
	Notice   *Notice `cbor:"5,keyasint,omitempty"` // in the person's paper only
}

// reminderBody is one item's: what it is about, and the one that is sent next.
type reminderBody struct {
	Consent [16]byte    `cbor:"1,keyasint"`
	About   MessageKind `cbor:"2,keyasint"`
	At      int64       `cbor:"3,keyasint"` // unix milliseconds: the appointment, or the beginning of the day
	Day     bool        `cbor:"4,keyasint,omitempty"`
	Zone    string      `cbor:"5,keyasint"`            // in which At is told
	Home    string      `cbor:"6,keyasint"`            // the person's, which has the night
	Leads   []int64     `cbor:"7,keyasint"`            // minutes before At, the longest first
	Planned int64       `cbor:"8,keyasint"`            // unix milliseconds: for which hour the next was planned
	Due     int64       `cbor:"9,keyasint"`            // unix milliseconds: of its entry
	Tries   uint8       `cbor:"10,keyasint,omitempty"` // of this one
	Sending bool        `cbor:"11,keyasint,omitempty"` // one service is about to send it, or died of it
	Over    bool        `cbor:"12,keyasint,omitempty"` // nothing more is sent; the entry removes the record
}

// remindPaperBody is the person's own copy, in Owner.
type remindPaperBody struct {
	Given      *remindedBody `cbor:"1,keyasint,omitempty"`
	Asked      *askedBody    `cbor:"2,keyasint,omitempty"`
	Codes      uint8         `cbor:"3,keyasint,omitempty"` // sent since
	CodesSince int64         `cbor:"4,keyasint,omitempty"` // unix milliseconds
}

type remindedBody struct {
	Consent [16]byte   `cbor:"1,keyasint"`
	Since   int64      `cbor:"2,keyasint"` // unix milliseconds
	Key     []byte     `cbor:"3,keyasint"` // the vault's public key of then
	Choice  choiceBody `cbor:"4,keyasint"`
}

type askedBody struct {
	Code   string     `cbor:"1,keyasint"`
	Until  int64      `cbor:"2,keyasint"` // unix milliseconds
	Tries  uint8      `cbor:"3,keyasint,omitempty"`
	Choice choiceBody `cbor:"4,keyasint"`
}

var remindPaper = [16]byte{15: paperRemind}

func (id ID) remind() string             { return id.key("remind") }
func (id ID) reminder(tag string) string { return id.key("re/") + tag }

func (id ID) remindContext(tag []byte) seal.Context {
	return id.bind(seal.TypeRemind, Owner, 0, tag, 0)
}

// remindKey is the service's own key for what it must know to remind people.
func (s *Vaults) remindKey() seal.Key {
	return seal.DeriveKey(s.keys.lookup.Bytes(), "reminders", nil)
}

func choiceOf(c ReminderChoice) choiceBody {
	return choiceBody{Channel: c.Channel, Address: c.Address, Language: c.Language, Zone: c.Zone, Notice: &c.Notice}
}

// reminderTag finds the reminder of an item for who has opened it.
func (id ID) reminderTag(r *record) string {
	m := hmac.New(sha256.New, r.originSig.Bytes)
	m.Write([]byte(remindersLabel))
	m.Write(id[:])
	return idText.EncodeToString(m.Sum(nil)[:16])
}

func (b *reminderBody) dueKey(id ID, tag string) string {
	return storage.DueKey(time.UnixMilli(b.Due), id.String(), "remind-"+tag)
}

// remindPaper reads the person's own copy; the zero one if there is none.
func (t *turn) remindPaper() (b remindPaperBody, err error) {
	p, found, err := t.fixedPaper(remindPaper, paperRemind)
	if err != nil || !found {
		return b, err
	}
	if seal.Unmarshal(p.Body, &b) != nil {
		return remindPaperBody{}, tampered("owner paper")
	}
	return b, nil
}

// openReminder reads one; ErrTampered for what this service did not write there.
func (s *Vaults) openReminder(id ID, tag string, record []byte) (b reminderBody, err error) {
	raw, err := idText.DecodeString(tag)
	if err != nil {
		return b, tampered("reminder")
	}
	_, body, err := s.remindKey().Open(id.remindContext(raw), record)
	if err != nil || seal.Unmarshal(body, &b) != nil {
		return b, tampered("reminder")
	}
	return b, nil
}

// putReminder writes one with its entry. The entry of before is the caller's to remove.
func (s *Vaults) putReminder(tx *storage.Tx, id ID, tag string, b reminderBody) error {
	raw, err := idText.DecodeString(tag)
	if err != nil {
		return err
	}
	body, err := seal.Marshal(b)
	if err != nil {
		return err
	}
	record, err := s.remindKey().Seal(id.remindContext(raw), nil, body)
	if err != nil {
		return err
	}
	tx.PutUnique(id.reminder(tag), record)
	tx.Put(b.dueKey(id, tag), nil)
	return nil
}

// reminded reads the consent that is in force by a living owner head; ErrNotFound if
// there is none.
func (s *Vaults) reminded(tx *storage.Tx, id ID, head *seal.OwnerHead) (to remindToBody, err error) {
	rec, err := tx.Get(id.remind())
	if isNotFound(err) {
		return to, ErrNotFound
	}
	if err != nil {
		return to, err
	}
	var b remindBody
	body, err := seal.OpenSigned(head.Key, id.remindContext(nil), rec.Value)
	if err != nil || seal.Unmarshal(body, &b) != nil {
		return to, ErrNotFound // of another key: what it was given with is over
	}
	if head.Closing != 0 || head.Version < b.Version || head.Version-b.Version >= wishAhead {
		return to, ErrNotFound // withdrawn since
	}
	_, raw, err := s.remindKey().Open(id.remindContext(nil), b.To)
	if err != nil || seal.Unmarshal(raw, &to) != nil {
		return to, ErrNotFound
	}
	return to, nil
}

// dropReminders removes the address and every reminder with its entry.
func (t *turn) dropReminders() error {
	var by choiceBody
	if p, err := t.remindPaper(); err == nil && p.Given != nil { // an altered paper stops nothing
		by = p.Given.Choice
	}
	t.tx.Delete(t.v.id.remind())
	prefix := t.v.id.reminder("")
	recs, err := t.tx.Scan(prefix, "", MaxReminders) // more are not ours, and name no consent in force
	if err != nil {
		return err
	}
	for _, rec := range recs {
		tag := rec.Key[len(prefix):]
		if b, err := t.v.service.openReminder(t.v.id, tag, rec.Value); err == nil {
			t.tx.Delete(b.dueKey(t.v.id, tag))
			t.recall(tag, b, by)
		}
		t.tx.Delete(rec.Key)
	}
	return nil
}

// readReminder reads the reminder of an item, if it has one of this consent. The record
// is looked for outside the transaction, so that an item without one costs no check;
// what is written meanwhile moves the journal's head, which is checked.
func (t *turn) readReminder(r *record) (tag string, b reminderBody, found bool, err error) {
	tag = t.v.id.reminderTag(r)
	rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.reminder(tag))
	if isNotFound(err) {
		return tag, b, false, nil
	}
	if err == nil {
		rec, err = t.tx.Get(t.v.id.reminder(tag)) // a service that sends it moves it, too
	}
	if isNotFound(err) {
		return tag, b, false, nil
	}
	if err != nil {
		return tag, b, false, storageError(err)
	}
	b, err = t.v.service.openReminder(t.v.id, tag, rec.Value)
	if errors.Is(err, ErrTampered) {
		return tag, reminderBody{}, false, nil // as if it were not there: it is not sent either
	}
	return tag, b, err == nil, err
}

func (b *reminderBody) of(consent [16]byte) bool { return bytes.Equal(b.Consent[:], consent[:]) }
