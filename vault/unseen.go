package vault

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// People who are not seen for long: the service says so to its operator, and erases
// nothing. For that it keeps, in clear, the month of the last sign-in and never the
// day, written at most once a month:
//
//	V/seen      CBOR{1: month, 2: deadline of the due entry, 3: recorded as unseen, 4: month of the sign-in before, if it was long ago}
//	unseen/<V>  the month, in digits: recorded as unseen since then; gone with the next sign-in
//
// Both are the store's word: it can hide somebody who is away, or name somebody who
// is not. What follows from it is a message, and a notice at the next sign-in.
// Accounts of which nobody signed in since this record exists have none.
type lastSeen struct {
	Month  month `cbor:"1,keyasint"`
	Due    int64 `cbor:"2,keyasint"` // unix milliseconds; 0: no entry
	Unseen bool  `cbor:"3,keyasint,omitempty"`
	Before month `cbor:"4,keyasint,omitempty"`
}

// month counts from January of the year 0, in UTC.
type month int64

func monthOf(at time.Time) month {
	at = at.UTC()
	return max(0, month(at.Year())*12+month(at.Month())-1)
}

// start is the first instant of a month.
func (m month) start() time.Time {
	return time.Date(int(m/12), time.January+time.Month(m%12), 1, 0, 0, 0, 0, time.UTC)
}

func (m month) known() bool { return m >= 0 && m < 12*10_000 }

const (
	leastUnseen   = 6 // months
	defaultUnseen = 24
	mostUnseen    = 1200
	unseenPrefix  = "unseen/"
	// unseenAgain is when a message that failed is tried again.
	unseenAgain = time.Hour
)

// ActUnseen: the person was not here for so long that the service recorded it;
// Detail "since" is the month of the last sign-in, "2026-03".
const ActUnseen Act = "vault.unseen"

// NoticeUnseen: the person was not here for long, and the service recorded it; see
// Overview.UnseenSince. Shown until the first sign-in of another month.
const NoticeUnseen NoticeCode = "unseen"

func unseenKey(id ID) string { return unseenPrefix + id.String() }

func (l lastSeen) dueKey(id ID) string {
	return storage.DueKey(time.UnixMilli(l.Due), id.String(), "unseen")
}

// readSeen reads V/seen. What is not as it was written is none.
func readSeen(tx *storage.Tx, id ID) (l lastSeen, found bool, err error) {
	rec, err := tx.Get(id.key("seen"))
	if isNotFound(err) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	if seal.Unmarshal(rec.Value, &l) != nil || !l.Month.known() || !l.Before.known() {
		return lastSeen{}, false, nil
	}
	return l, true, nil
}

// putSeen writes V/seen with its due entry.
func putSeen(tx *storage.Tx, id ID, l lastSeen) error {
	value, err := seal.Marshal(l)
	if err != nil {
		return err
	}
	tx.Put(id.key("seen"), value)
	if l.Due != 0 {
		tx.Put(l.dueKey(id), nil)
	}
	return nil
}

// unseenAt is when somebody counts as not seen for long whose last sign-in was in a month.
func (s *Vaults) unseenAt(last month) time.Time {
	return (last + 1 + month(s.cfg.UnseenAfter)).start()
}

// seenNow notes a sign-in of the person.
func (t *turn) seenNow() error {
	id := t.v.id
	was, found, err := readSeen(t.tx, id)
	if err != nil {
		return err
	}
	now := lastSeen{Month: monthOf(t.now)}
	if found && was.Month == now.Month && was.Due != 0 && !was.Unseen {
		return nil // this month it was noted already
	}
	if found && was.Due != 0 {
		t.tx.Delete(was.dueKey(id))
	}
	if found && was.Unseen {
		t.tx.Delete(unseenKey(id))
		now.Before = was.Month
		t.note(ActUnseen, nil, map[string]string{"since": was.Month.start().Format("2006-01")})
	}
	now.Due = t.v.service.unseenAt(now.Month).UnixMilli()
	return putSeen(t.tx, id, now)
}

// unseenNotice is what an overview says of it.
func (t *turn) unseenNotice(o *Overview) error {
	was, found, err := readSeen(t.tx, t.v.id)
	if found && was.Before != 0 {
		o.Notices, o.UnseenSince = append(o.Notices, NoticeUnseen), was.Before.start()
	}
	return err
}

// forgetSeen removes, when a vault is erased, what lies outside its own prefix.
func forgetSeen(tx *storage.Tx, id ID) error {
	was, found, err := readSeen(tx, id)
	if found && was.Due != 0 {
		tx.Delete(was.dueKey(id))
	}
	tx.Delete(unseenKey(id))
	return err
}

// sweepUnseen records, once, that somebody was not seen for long. One sweeper of
// several moves the entry on by an hour and then tells the operator; only when that
// has worked the entry goes, so that a message gets lost by no crash. After a
// crash in between it may come twice.
func (s *Vaults) sweepUnseen(ctx context.Context, id ID, due storage.Due, r *SweepReport) error {
	var told lastSeen
	var fresh, tell bool
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		fresh, tell = false, false
		if _, err := tx.Get(due.Key()); isNotFound(err) {
			return nil // another sweeper was faster
		} else if err != nil {
			return err
		}
		tx.Delete(due.Key())
		l, found, err := readSeen(tx, id)
		if err != nil || !found || l.Due == 0 || l.dueKey(id) != due.Key() {
			return err // not the entry that V/seen names
		}
		open, err := isOpen(tx, id)
		if err != nil {
			return err
		}
		now := s.now()
		switch at := s.unseenAt(l.Month); {
		case !open: // closed: its own day comes first
			l.Due = 0
		case now.Before(at): // the configuration says another time now
			l.Due = at.UnixMilli()
		default:
			fresh, tell, l.Unseen, l.Due = !l.Unseen, s.cfg.OnUnseen != nil, true, 0
			if tell {
				l.Due = now.Add(unseenAgain).UnixMilli()
			}
			tx.Put(unseenKey(id), strconv.AppendInt(nil, int64(l.Month), 10))
		}
		told = l
		return putSeen(tx, id, l)
	})
	if err != nil {
		return err
	}
	if fresh {
		r.Unseen++
	}
	if !tell {
		return nil
	}
	if err := s.cfg.OnUnseen(ctx, id, told.Month.start()); err != nil {
		return err // tried again when the entry that was moved on is due
	}
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		l, found, err := readSeen(tx, id)
		if err != nil || !found || l != told { // somebody signed in meanwhile
			return err
		}
		tx.Delete(l.dueKey(id))
		l.Due = 0
		return putSeen(tx, id, l)
	})
}

// isOpen says whether a vault is there, and neither erased nor closed.
func isOpen(tx *storage.Tx, id ID) (bool, error) {
	rec, err := tx.Get(id.head(Owner))
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	h, err := openOwnerHead(id, rec.Value)
	return err == nil && h.Erased == 0 && h.Closing == 0, err
}

// Unseen is somebody who was not seen for long.
type Unseen struct {
	Vault ID
	Since time.Time // the beginning of the month of the last sign-in, UTC
}

// Unseen yields the vaults in which nobody signed in for [Config.UnseenAfter]
// months, by their ids, for whatever the operator does about it: nothing happens by
// itself. [Vaults.Sweep] finds them. An entry that cannot be read is an error with
// ErrTampered, and the others follow.
func (s *Vaults) Unseen(ctx context.Context) iter.Seq2[Unseen, error] {
	return func(yield func(Unseen, error) bool) {
		for rec, err := range s.cfg.Store.All(ctx, unseenPrefix) {
			var u Unseen
			if err == nil {
				u, err = parseUnseen(rec)
			}
			if !yield(u, storageError(err)) || err != nil && !errors.Is(err, ErrTampered) {
				return
			}
		}
	}
}

func parseUnseen(rec storage.Record) (u Unseen, err error) {
	id, err := ParseID(strings.TrimPrefix(rec.Key, unseenPrefix))
	n, numErr := strconv.ParseInt(string(rec.Value), 10, 64)
	if err != nil || numErr != nil || !month(n).known() {
		return u, tampered("list of who was not seen")
	}
	return Unseen{Vault: id, Since: month(n).start()}, nil
}
