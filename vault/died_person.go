package vault

import (
	"context"
	"errors"
	"time"
)

// answerDeath makes a record void at a sign-in, and writes it into the journal once.
func (t *turn) answerDeath() error {
	d, err := t.v.service.readDeath(t.tx, t.v.id)
	if errors.Is(err, ErrTampered) {
		t.tx.Delete(t.v.id.died()) // the store made it up
		return nil
	}
	if err != nil || d == nil || d.Told {
		return err
	}
	if d.Ended == 0 {
		d.end(t.tx, t.v.id, t.now, "")
	}
	d.Told = true
	r := d.record()
	t.note(ActDeathRecorded, nil, map[string]string{
		"by": r.By, "organisation": r.Organisation, "evidence": r.Evidence, "recorded": r.Recorded.Format(time.RFC3339), "want": string(r.Wish),
	})
	return t.v.service.putDeath(t.tx, t.v.id, d)
}

// DeathRecord returns what an operator recorded of the person. It is a line in the
// journal. ErrNotFound if nothing was.
func (v *Vault) DeathRecord(ctx context.Context) (out DeathRecord, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		d, err := v.service.readDeath(t.tx, v.id)
		if err == nil && d == nil {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		out = d.record()
		t.note(ActAccountRead, nil, nil)
		return nil
	})
	return out, err
}

// DismissDeathRecord notes that the person knows of it: Overview does not show it any
// more. The journal does. If there is none, it does nothing.
func (v *Vault) DismissDeathRecord(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		d, err := v.service.readDeath(t.tx, v.id)
		if err != nil || d == nil || !d.Told || d.Known {
			return err
		}
		d.Known = true
		return v.service.putDeath(t.tx, v.id, d)
	})
}

// deathNotice is what an overview says of it.
func (t *turn) deathNotice(o *Overview) error {
	d, err := t.v.service.readDeath(t.tx, t.v.id)
	if errors.Is(err, ErrTampered) {
		return nil
	}
	if d != nil && d.Told && !d.Known {
		o.Notices = append(o.Notices, NoticeDeathRecorded)
	}
	return err
}
