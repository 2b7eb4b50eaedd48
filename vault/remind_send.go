package vault

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"reconnect.example/storage"
)

// ReminderReport counts what one round of reminders did. It names nobody.
type ReminderReport struct {
	Sent   int // handed over to the messenger
	Failed int // that it did not take; tried again, three times in all
	Moved  int // too late, by night, or without a consent: not sent
}

const (
	remindWhat = "remind-"
	// defaultSendWaits is for how long one message may take.
	defaultSendWaits = 30 * time.Second
)

// SendReminders sends what is due, of each channel one after the other: a mail server that
// hangs holds the others up once, for thirty seconds, and gets no more in this round.
// Run it every few minutes;
// several services may, and one message is sent by one of them: it is taken in a commit
// before it is sent. If a service dies in between it is not sent again, because it may
// have gone. What the messenger refuses is tried again, so a gateway that takes a message
// and loses its answer may get it twice, with the same ID.
//
// Nothing is sent without a consent that the owner head bears out, against the
// witness while it answers; nor for who is recorded as dead, nor from 20 to 8 o'clock, nor
// later than six hours after it was planned, nor after the appointment. A relay's list, which
// wakes nobody, is whole when its day begins, and takes what comes up to a day late.
func (s *Vaults) SendReminders(ctx context.Context) (r ReminderReport, err error) {
	if s.cfg.Messenger == nil {
		return r, nil
	}
	out := &reminderLanes{s: s, ctx: ctx, of: map[Channel]chan outgoing{}}
	defer out.end(&r, &err)
	var errs []error
	for due, err := range s.cfg.Store.DueBefore(ctx, s.now()) {
		if errors.Is(err, storage.ErrInvalid) {
			continue // Sweep names it
		}
		if err != nil {
			return r, errors.Join(append(errs, storageError(err))...)
		}
		tag, ours := strings.CutPrefix(due.What, remindWhat)
		id, idErr := ParseID(due.Owner)
		if !ours || idErr != nil {
			continue
		}
		if err := s.remindOne(ctx, id, tag, due, out); err != nil {
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			if len(errs) < 10 {
				errs = append(errs, storageError(err))
			}
		}
	}
	return r, errors.Join(errs...)
}

// remindOne takes one, and gives it to the lane of its channel.
func (s *Vaults) remindOne(ctx context.Context, id ID, tag string, due storage.Due, out *reminderLanes) error {
	known, err := s.ask(ctx, id)
	if err != nil && !errors.Is(err, ErrWitnessAway) { // as reading goes on without it
		return err
	}
	var b reminderBody
	var to remindToBody
	var send bool
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) (err error) {
		send = false
		if _, err := tx.Get(due.Key()); isNotFound(err) {
			return nil // another service was faster
		} else if err != nil {
			return err
		}
		tx.Delete(due.Key())
		rec, err := tx.Get(id.reminder(tag))
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err = s.openReminder(id, tag, rec.Value)
		if err != nil || b.dueKey(id, tag) != due.Key() {
			return nil // made up, or brought back: the record has an entry of its own
		}
		if to, err = s.mayRemind(tx, id, known); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || !b.of(to.Consent) || b.Over {
			tx.Delete(id.reminder(tag))
			return nil
		}
		back := false
		if _, err := tx.Get(id.awaits()); err == nil {
			back = true
		} else if !isNotFound(err) {
			return err
		}
		send = b.next(s.now(), back, to.Choice.Channel)
		return s.putReminder(tx, id, tag, b)
	})
	if err != nil || !send {
		if err == nil {
			out.count(func(r *ReminderReport) { r.Moved++ })
		}
		return err
	}
	out.add(outgoing{id, tag, b, s.message(id, tag, b, to)})
	return nil
}

// mayRemind reads the consent of a living person; ErrNotFound if nothing may be sent.
func (s *Vaults) mayRemind(tx *storage.Tx, id ID, known []Checkpoint) (to remindToBody, err error) {
	head, err := readLivingHead(tx, id, known)
	if err != nil {
		return to, err
	}
	// Whoever has the phone of somebody who died should not hear of their appointments.
	if d, err := s.readDeath(tx, id); err == nil && d != nil && d.Ended == 0 {
		return to, ErrNotFound
	} else if err != nil && !errors.Is(err, ErrTampered) {
		return to, err
	}
	return s.reminded(tx, id, head)
}

// remindDone moves one on that was taken, if nobody has moved it since.
func (s *Vaults) remindDone(ctx context.Context, id ID, tag string, taken reminderBody, by Channel, failed error) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(id.reminder(tag))
		if isNotFound(err) {
			return nil // withdrawn, or the item was removed
		}
		if err != nil {
			return err
		}
		b, err := s.openReminder(id, tag, rec.Value)
		if err != nil || !b.Sending || b.Due != taken.Due || b.Planned != taken.Planned {
			return nil
		}
		tx.Delete(b.dueKey(id, tag))
		b.sent(s.now(), by, failed)
		return s.putReminder(tx, id, tag, b)
	})
}

// message is what the messenger is given: nothing of the item but its hour.
func (s *Vaults) message(id ID, tag string, b reminderBody, to remindToBody) Message {
	// Under a key, so that it tells who gets it nothing of the vault. On a list an appointment
	// has one line, however often it is told: it is found there when it is none any more.
	one := strconv.FormatInt(b.Planned, 10)
	if to.Choice.Channel == ByRelay {
		one = "list " + strconv.FormatInt(b.At, 10)
	}
	h := s.keys.hash("reminder", id.reminder(tag)+"/"+one)
	return Message{
		ID: idText.EncodeToString(h[:16]), Kind: b.About,
		Channel: to.Choice.Channel, Address: to.Choice.Address, Language: to.Choice.Language,
		At: time.UnixMilli(b.At).In(zoneOf(b.Zone)), Day: b.Day,
	}
}

// sweepRemind leaves reminders to SendReminders, and removes what nobody sends.
func (s *Vaults) sweepRemind(ctx context.Context, due storage.Due) error {
	if s.now().Sub(due.Hour) < 7*24*time.Hour {
		return nil
	}
	return s.drop(ctx, due)
}
