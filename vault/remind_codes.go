package vault

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// How many codes went to an address on a day (UTC), from whichever vault: who has many
// vaults opened could otherwise have a stranger's phone ring all day.
//
//	svc/code/<keyed hash of day, channel and address>  decimal digits: so many
//
// The hash is of that day alone, so that the records of two days cannot be laid side by
// side, and it is gone by the day after.
const codePrefix = "svc/code/"

// countCode counts one in the commit before it is sent.
func (t *turn) countCode(c ReminderChoice) error {
	day := t.now.Truncate(24 * time.Hour)
	h := t.v.service.keys.hash("reminder code", day.Format(time.DateOnly)+" "+string(c.Channel)+" "+strings.ToLower(c.Address))
	key := codePrefix + hex.EncodeToString(h[:])
	rec, err := t.tx.Get(key)
	if err != nil && !isNotFound(err) {
		return err
	}
	n, _ := strconv.Atoi(string(rec.Value))
	next := day.Add(24 * time.Hour)
	if n >= codesADay {
		return &BackOffError{Wait: next.Sub(t.now)}
	}
	t.tx.Put(key, strconv.AppendInt(nil, int64(n+1), 10))
	if entry, ok := NoteDue(key, next); ok {
		t.tx.Put(entry, nil)
	}
	return nil
}

// codeMessage is the message of a code. Its ID is made of what the person's own copy has,
// under a key: so it can be named again when the code is used.
func (v *Vault) codeMessage(a *askedBody) Message {
	h := v.service.keys.hash("reminder", v.id.remind()+"/"+a.Code+"/"+strconv.FormatInt(a.Until, 10))
	c := a.Choice
	return Message{ID: idText.EncodeToString(h[:16]), Kind: MessageCode, Channel: c.Channel, Address: c.Address, Language: c.Language, Code: a.Code}
}

// recall has what was told by a relay of an appointment that is moved, or cancelled, or whose
// reminders are stopped, taken off its list once this turn is committed: a list is read for a
// whole day, and nobody should be sent out at an hour that is none any more. What could not be
// taken away goes at the end of the day.
func (t *turn) recall(tag string, was reminderBody, by choiceBody) {
	first := was.hours(ByRelay)
	if by.Channel != ByRelay || len(first) == 0 || !was.Over && was.Planned > t.now.UnixMilli() && was.Planned == first[0].UnixMilli() {
		return // nothing was told yet
	}
	t.recalls = append(t.recalls, t.v.service.message(t.v.id, tag, was, remindToBody{Choice: by}))
}

// recalled takes them away.
func (s *Vaults) recalled(ctx context.Context, all []Message) {
	w, ok := s.cfg.Messenger.(Withdrawer)
	for _, m := range all {
		if ok {
			_ = w.Withdraw(ctx, m)
		}
	}
}

// takeBack has a code taken away from where it is read. It is no more than order: a code is
// good once, and for half an hour, whoever still reads it.
func (v *Vault) takeBack(ctx context.Context, a *askedBody) {
	if w, ok := v.service.cfg.Messenger.(Withdrawer); ok && a != nil {
		_ = w.Withdraw(ctx, v.codeMessage(a)) // who gives codes finds it for an hour at most
	}
}
