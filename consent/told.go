package consent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Who has no phone can be told at their relay: a reminder is then a line of a list that is
// read and printed there. The line has the name that the person gave for this, and lies boxed to the relay's
// inbox, so that no store and no service can read it afterwards:
//
//	R/told/<line>  boxed: CBOR{1: name, 2: kind, 3: at, 4: zone, 5: day, 6: code}
//
// It is swept some hours after the day that it is about.
type toldBody struct {
	Name string            `cbor:"1,keyasint"`
	Kind vault.MessageKind `cbor:"2,keyasint"`
	At   int64             `cbor:"3,keyasint"` // unix milliseconds
	Zone string            `cbor:"4,keyasint"`
	Day  bool              `cbor:"5,keyasint,omitempty"`
	Code string            `cbor:"6,keyasint,omitempty"`
}

const (
	// codeStands is how long a code stays on a list: a little longer than it is good for.
	codeStands = time.Hour
	mostTold   = 2000
)

func toldPrefix(relay RelayID) string { return relay.String() + "/told/" }

func toldBox(relay RelayID, line [16]byte) seal.Context {
	return seal.Context{Type: seal.TypeRemind, Vault: relay, Object: line[:], Holder: []byte("told")}
}

// Lists is a vault.Messenger for vault.ByRelay: what it sends is a line of the relay's list,
// which [Post.Told] reads. Safe for many goroutines.
type Lists struct{ register *Register }

var (
	_ vault.Messenger  = (*Lists)(nil)
	_ vault.Withdrawer = (*Lists)(nil)
)

// NewLists puts messages on the lists of relays that a register knows.
func NewLists(r *Register) *Lists { return &Lists{r} }

// Offers is true of vault.ByRelay alone.
func (l *Lists) Offers(c vault.Channel) bool { return c == vault.ByRelay }

// Send puts a message on a list; it is durable on return, and sent again with the same ID it is there
// once. vault.ErrNotSent for whatever hinders it: the cause would name the relay.
func (l *Lists) Send(ctx context.Context, m vault.Message) error {
	relay, name, err := vault.AtRelay(m.Address)
	if err != nil || m.Channel != vault.ByRelay {
		return vault.ErrNotSent
	}
	holder, err := l.register.Holder(ctx, relay, nil)
	if err != nil || holder.Inbox == nil {
		return vault.ErrNotSent
	}
	spaces := l.register.spaces
	body, ends := toldBody{Name: name, Kind: m.Kind, At: m.At.UnixMilli(), Zone: m.At.Location().String(), Day: m.Day, Code: m.Code}, m.At.Add(24*time.Hour)
	if m.Kind == vault.MessageCode {
		body.At, body.Zone, ends = spaces.now().UnixMilli(), "", spaces.now().Add(codeStands)
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return vault.ErrNotSent
	}
	line := lineOf(m)
	record, err := holder.Inbox.Seal(toldBox(relay, line), nil, raw)
	if err != nil {
		return vault.ErrNotSent
	}
	key := toldPrefix(relay) + line.String()
	err = spaces.store.Transact(ctx, func(tx *storage.Tx) error {
		if err := StillInbox(tx, relay, holder.Inbox); err != nil {
			return err
		}
		tx.PutUnique(key, record)
		if entry, ok := vault.NoteDue(key, laterThan(ends)); ok {
			tx.Put(entry, nil)
		}
		return nil
	})
	if err != nil {
		return vault.ErrNotSent
	}
	return nil
}

func lineOf(m vault.Message) vault.ID {
	digest := sha256.Sum256([]byte(m.ID))
	return vault.ID(digest[:16])
}

// Withdraw takes the line of a message away; none is no error. vault.ErrNotSent for
// whatever hinders it: then it goes when it would have.
func (l *Lists) Withdraw(ctx context.Context, m vault.Message) error {
	relay, _, err := vault.AtRelay(m.Address)
	if err != nil || m.Channel != vault.ByRelay {
		return vault.ErrNotSent
	}
	err = l.register.spaces.store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(toldPrefix(relay) + lineOf(m).String())
		return nil
	})
	if err != nil {
		return vault.ErrNotSent
	}
	return nil
}

// Told is a line of a relay's list: somebody asked to be told something there. It has no
// place and no reason, and does not say whose space it is about.
type Told struct {
	Line vault.ID          // of this line alone
	Name string            // as the person gave it for this list: neutralise it where it is shown
	Kind vault.MessageKind // vault.MessageCode: they are waiting for Code, to say that they are reached here
	Code string
	At   time.Time // of what they are told, in their zone; of a code: since when it stands here
	Day  bool      // At is a day; otherwise an hour
}

// Told returns what people asked this relay to tell them, by the hour: from the beginning of
// today on, and codes of the last hour. Lines that were altered are left out.
//
// Errors: vault.ErrNotAllowed for who only manages, and those of any act in the relay's space.
func (p *Post) Told(ctx context.Context) (out []Told, err error) {
	if err := errors.Join(p.mayHelp(), p.stands(ctx)); err != nil {
		return nil, err
	}
	s, prefix := p.service(), toldPrefix(p.relay.ID)
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		if len(out) == mostTold { // a store that makes lines up must not fill the memory
			break
		}
		t, ok := p.openTold(strings.TrimPrefix(rec.Key, prefix), rec.Value)
		if ok && t.stands(s.now()) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Told) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}

func (p *Post) openTold(name string, record []byte) (t Told, ok bool) {
	line, err := vault.ParseID(name)
	if err != nil {
		return t, false
	}
	for _, key := range p.keys.Inboxes {
		_, raw, err := key.Open(toldBox(p.relay.ID, line), record)
		var b toldBody
		if err != nil || seal.Unmarshal(raw, &b) != nil {
			continue
		}
		zone, err := time.LoadLocation(b.Zone)
		if err != nil {
			zone = time.UTC
		}
		return Told{Line: line, Name: b.Name, Kind: b.Kind, Code: b.Code, At: time.UnixMilli(b.At).In(zone), Day: b.Day}, true
	}
	return t, false
}

// stands says whether a line is still of use: a code for its hour, anything else to the end
// of its day.
func (t Told) stands(now time.Time) bool {
	if t.Kind == vault.MessageCode {
		return now.Sub(t.At) < codeStands
	}
	year, month, day := now.In(t.At.Location()).Date()
	return !t.At.Before(time.Date(year, month, day, 0, 0, 0, 0, t.At.Location()))
}

// carryTold seals the list to the relay's present key: who is to be told something hears it
// also when somebody has left the team meanwhile.
func (p *Post) carryTold(ctx context.Context) error {
	prefix := toldPrefix(p.relay.ID)
	return p.carry(ctx, prefix, func(line [16]byte) seal.Context { return toldBox(p.relay.ID, line) })
}
