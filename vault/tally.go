package vault

import (
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Counted is something that is counted for who pays: a stable code.
type Counted string

// What vaults count. Each act is under one code and no code holds another one, as a count
// less one of its parts would tell a part that is too small to be said (N85).
const (
	CountedKept    Counted = "kept"    // papers that were added, by whomever
	CountedBrought Counted = "brought" // papers that came in with an import, from elsewhere
	CountedLeft    Counted = "left"    // papers and messages that were left in an inbox
)

// Tally counts acts for who pays. consent.Tally is one.
type Tally interface {
	// Count counts one act, by writing into the commit of that act: tx. It reads nothing
	// there, so that no act waits for another one's count. relay is for which relay somebody
	// did it, zero for the person themselves, a link or a partner. It may run several times
	// for one act, in other transactions, of which one at most is committed.
	Count(tx *storage.Tx, relay ID, what Counted)
}

// countedOf says as what an act is counted; "" for most.
func countedOf(e *Entry) Counted {
	switch {
	case e.Act == ActLeft:
		return CountedLeft
	case e.Act != ActAdded || e.Detail["kind"] != KindDocument.String():
		return ""
	case e.Detail["for"] == "import":
		return CountedBrought
	}
	return CountedKept
}

// tally counts a line of the journal in its own commit, so that neither is without the
// other: an act that is undone was not counted, and one that was repeated and found
// done is not counted again. No vault is read for it. For which relay is said only
// where somebody of one acts: such a commit checks their membership anyway. Whom the
// person themselves goes to it could only tell by saying whose space it is (N86).
func (t *turn) tally(e *Entry) {
	s := t.v.service
	what := countedOf(e)
	if s.cfg.Tally == nil || what == "" || t.heads.owner.Kind != seal.KindPerson {
		return
	}
	var relay ID
	if g := t.v.guest; g != nil && e.Actor.Kind == ActorWorker {
		relay = g.terms.Holder
	}
	s.cfg.Tally.Count(t.tx, relay, what)
}
