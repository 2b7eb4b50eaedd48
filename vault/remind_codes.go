package vault

import (
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
