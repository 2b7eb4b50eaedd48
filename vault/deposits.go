package vault

import (
	"context"
	"strconv"
	"time"
)

// Deposit is something that somebody else left for the person, or made private on
// their word, and what became of it.
type Deposit struct {
	Line  uint64 // of the journal, that says that it was left
	At    time.Time
	By    Actor
	Act   Act    // ActLeft or ActMadePrivate
	Kind  string // "document", "note", …
	Item  ItemID // that it is, or would have been
	State DepositState
	Why   string // it was refused, as a stable code: "form", "grant", "author" or "exists"
	Kept  bool   // it was left by a link, and the person said that it is theirs to keep
}

// DepositState says what became of a deposit, as a stable code.
type DepositState string

// The states of a deposit.
const (
	DepositWaits   DepositState = "waiting"  // for the next sign-in, or for room
	DepositTakenIn DepositState = "taken-in" // it is an item; the person may have destroyed it since
	DepositMissing DepositState = "missing"  // the store lost or altered it
	DepositRefused DepositState = "refused"  // nobody was allowed to leave it; nothing of it is kept
)

// depositLines is how far back [Vault.Deposits] reads.
const depositLines = 1000

// Deposits returns what others left, the newest first, as far as the last thousand
// lines of the journal tell. It is a line in the journal. ErrNotAllowed to who is
// not the person; errors as those of [Vault.Journal].
func (v *Vault) Deposits(ctx context.Context) ([]Deposit, error) {
	var from journalHead
	var by authors
	var own *ring
	var left lefts
	cursors := map[Compartment]uint64{}
	err := v.do(ctx, func(t *turn) (err error) {
		if err := t.asPerson(); err != nil {
			return err
		}
		if left, err = t.lefts(); err != nil {
			return err
		}
		t.note(ActJournalRead, nil, nil)
		from, by, own = t.heads.journal, t.authors(), t.rings[Owner]
		clear(cursors)
		for c, ix := range t.heads.indexes {
			cursors[c] = ix.Cursor
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	in := intake{given: map[string]uint64{}, ended: map[string]uint64{}}
	turnedAway := map[uint64]Entry{} // by the line of the deposit
	_, err = v.readJournal(ctx, from, by, own, JournalOptions{Limit: depositLines, each: func(e Entry) {
		if e.Act == ActDepositMissing || e.Act == ActDepositRefused {
			line, _ := strconv.ParseUint(e.Detail["line"], 10, 64)
			turnedAway[line] = e
		}
		in.sort(e)
	}})
	if err != nil {
		return nil, err
	}
	out := make([]Deposit, 0, len(in.letters))
	for _, l := range in.letters {
		d := Deposit{Line: l.line, At: l.at, By: l.actor, Act: l.act, Kind: l.kind, Item: l.item, State: DepositTakenIn}
		switch e := turnedAway[l.line]; {
		case e.Act == ActDepositMissing:
			d.State = DepositMissing
		case e.Act == ActDepositRefused:
			d.State, d.Why = DepositRefused, e.Detail["why"]
		case l.line > cursors[l.to]: // of a compartment out of reach, too
			d.State = DepositWaits
		}
		d.Kept = d.State == DepositTakenIn && d.By.Kind == ActorLink && !left.strange(d.By, d.At, d.Item)
		out = append(out, d)
	}
	return out, nil
}
