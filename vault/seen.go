package vault

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// Seen is somebody else who opened an item. What was seen may have been kept: to
// withdraw or to make private does not undo it.
type Seen struct {
	By    Actor // as in the journal, by the last name that it knows
	First time.Time
	Last  time.Time
	Times int // reads, of the item or of its bytes; lists in which it appeared do not count
}

// openedBySomebody says whether a line is of somebody else who read an item: of a relay,
// with a link to it, or a partner system that it was presented to.
func openedBySomebody(e Entry) bool {
	switch e.Actor.Kind {
	case ActorWorker:
		return e.Act == ActRead || e.Act == ActDownloaded
	case ActorLink:
		return e.Act == ActLinkOpened
	case ActorPartner:
		return e.Act == ActPartnerTook
	}
	return false
}

// SeenBy returns who opened an item, of the relays, with a link to it, and of partner systems that it
// was presented to, whoever did so last first. It reads the
// whole journal, verified like [Vault.Journal], and holds a line for each worker
// in memory, not the journal. An item that is gone has been seen all the same. It is
// a line in the journal of its own.
func (v *Vault) SeenBy(ctx context.Context, item ItemID) ([]Seen, error) {
	if item.IsZero() {
		return nil, ErrNotFound
	}
	var from journalHead
	var by authors
	var ring *ring
	err := v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActJournalRead, &Item{ID: item}, nil)
		from, by, ring = t.heads.journal, t.authors(), t.rings[Owner]
		return nil
	})
	if err != nil {
		return nil, err
	}
	type who struct{ worker, relay, name string }
	found := map[who]*Seen{}
	_, err = v.readJournal(ctx, from, by, ring, JournalOptions{Limit: math.MaxInt, each: func(e Entry) {
		if e.Item != item || !openedBySomebody(e) {
			return
		}
		key := who{worker: e.Actor.ID, relay: e.Actor.RelayID}
		if key.worker == "" { // nobody is told from another by an id that they have not
			key.name = e.Actor.Name
		}
		s, known := found[key]
		if !known { // the newest comes first
			s = &Seen{By: e.Actor, Last: e.At}
			found[key] = s
		}
		s.Times++
		// Lines are in the order in which they were written; a clock may have been wrong.
		if s.First.IsZero() || e.At.Before(s.First) {
			s.First = e.At
		}
		if e.At.After(s.Last) {
			s.Last = e.At
		}
	}})
	if err != nil {
		return nil, err
	}
	out := make([]Seen, 0, len(found))
	for _, s := range found {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Seen) int {
		if byTime := b.Last.Compare(a.Last); byTime != 0 {
			return byTime
		}
		return strings.Compare(a.By.ID+a.By.RelayID+a.By.Name, b.By.ID+b.By.RelayID+b.By.Name)
	})
	return out, nil
}
