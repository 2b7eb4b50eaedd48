package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
)

// What a recovery left for later lies in an Owner paper of a fixed id, that of the latest
// one. Where another recovery leaves something before that came back, the earlier goes to
// the id of the number of what it opens: both come back, and of both the person is told
// (N14). The reader of package recovery knows what is in it, and this package does not.

var laterPaper = [16]byte{15: paperLater}

// laterOf is where it lies of one that another recovery followed.
func laterOf(number uint64) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], number)
	id[15] = paperLater
	return id
}

// Later is what recoveries left for later, as package recovery sealed it: see
// [Recovery.Later]. The latest is last; nil if nothing waits.
func (v *Vault) Later(ctx context.Context) (all [][]byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		all = nil
		if err := t.asPerson(); err != nil {
			return err
		}
		places := make([][16]byte, 0, len(t.heads.owner.Locked)+1)
		for _, l := range t.heads.owner.Locked {
			places = append(places, laterOf(l.Number))
		}
		for _, place := range append(places, laterPaper) {
			later, found, err := t.laterAt(place)
			if err != nil {
				return err
			}
			if found {
				all = append(all, later)
			}
		}
		return nil
	})
	return all, err
}

func (t *turn) laterAt(place [16]byte) (later []byte, found bool, err error) {
	p, found, err := t.fixedPaper(place, paperLater)
	if err == nil && found && seal.Unmarshal(p.Body, &later) != nil {
		err = tampered("owner paper")
	}
	return later, found, err
}

// makeWayForLater puts what lies at the fixed id where it stays when another recovery
// follows. What was altered stays, to be written over.
func (t *turn) makeWayForLater(p *proof) error {
	number, err := t.laterNumber(p)
	if err != nil || number == 0 {
		return err
	}
	later, found, err := t.laterAt(laterPaper)
	if errors.Is(err, ErrTampered) || err == nil && !found {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(t.putFixedPaper(laterOf(number), paperLater, later), t.dropPaper(laterPaper))
}

// takeLater removes what was left for what is locked under a number, as that is open, and
// returns it; nil if nothing was, or the store altered it. latest is what laterNumber said
// before the keyslots of this one went.
func (t *turn) takeLater(number, latest uint64) (later []byte, err error) {
	place := laterOf(number)
	if number == latest {
		place = laterPaper
	}
	later, found, err := t.laterAt(place)
	if errors.Is(err, ErrTampered) {
		later, found, err = nil, true, nil
	}
	if err != nil || !found {
		return nil, err
	}
	return later, t.dropPaper(place)
}

// laterNumber is that of what is locked to which the paper at the fixed id belongs: the
// latest that a path may still open, unless its paper has made way. 0: none.
func (t *turn) laterNumber(p *proof) (latest uint64, err error) {
	for _, entry := range t.heads.owner.Slots {
		if entry.Kind != slotPath || entry.State != slotLocked {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return 0, err
		}
		body, err := openSlotBody(t.v.id, entry, rec.Value, p.wrapping)
		if err != nil {
			continue // altered: it opens nothing
		}
		latest = max(latest, body.Locked)
	}
	if latest == 0 {
		return 0, nil
	}
	_, _, moved, err := t.lookup(Owner, laterOf(latest))
	if moved {
		latest = 0
	}
	return latest, err
}

// dropLater removes what is left of all of them, if no path opens anything that is locked:
// nothing comes by itself any more.
func (t *turn) dropLater() error {
	if slices.ContainsFunc(t.heads.owner.Slots, func(e seal.SlotEntry) bool { return e.Kind == slotPath && e.State == slotLocked }) {
		return nil
	}
	for _, l := range t.heads.owner.Locked {
		if err := t.dropPaper(laterOf(l.Number)); err != nil {
			return err
		}
	}
	return t.dropPaper(laterPaper)
}
