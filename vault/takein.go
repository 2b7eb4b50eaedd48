package vault

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// The acts of taking in.
const (
	ActTakenIn        Act = "deposit.taken-in" // Detail "count"
	ActDepositMissing Act = "deposit.missing"  // Detail "line", "by", "kind"
	ActDepositRefused Act = "deposit.refused"  // Detail "line", "by", "kind", "why"
)

// TakenIn counts what became of what waited in the inbox.
type TakenIn struct {
	Items   int // taken in
	Missing int // lost or altered by the store; see [Vault.MissingDeposits]
	Refused int // left by nobody who was allowed to; nothing of it is kept
}

// TakeIn takes in what others have left, and what they made private on the person's
// word. Every sign-in does; a session that goes on may call it. It can stop anywhere
// and be called again: what is taken in is so in one commit with the cursor that
// says how far it went. Each line of the journal that says that something was left
// must have its record: what the store dropped or altered is a gap, which is
// journalled and shown by Overview until [Vault.ConfirmMissing] (B6). What was not
// left by somebody to whom the person had allowed it is refused (B7).
//
// Errors: ErrTampered if the journal itself was altered: then nothing below that
// line is taken in; ErrFull, ErrTooMany: the rest waits; ErrNotAllowed to who is not
// the person; those of every act.
func (v *Vault) TakeIn(ctx context.Context) (out TakenIn, err error) {
	in, err := v.readInbox(ctx)
	if err != nil {
		return out, err
	}
	for len(in.letters) > 0 {
		var done int
		var batch TakenIn
		err := v.do(ctx, func(t *turn) (err error) {
			batch = TakenIn{}
			done, err = t.takeBatch(in, &batch)
			return err
		})
		if err != nil {
			return out, err
		}
		in.letters = in.letters[done:]
		out.Items, out.Missing, out.Refused = out.Items+batch.Items, out.Missing+batch.Missing, out.Refused+batch.Refused
	}
	return out, v.sweepInbox(ctx, in.from.Count)
}

// inboxWaits says whether anything may wait that this handle can take in.
func (t *turn) inboxWaits() bool {
	_, waits := t.inboxCursor()
	return waits && t.asPerson() == nil
}

// inboxCursor is the line up to which everything within reach was taken in, and
// whether there is a deposit behind it. A compartment that is out of reach waits.
func (t *turn) inboxCursor() (low uint64, waits bool) {
	low = math.MaxUint64
	for _, c := range []Compartment{Shared, Private} {
		if ix, reached := t.heads.indexes[c]; reached {
			low = min(low, ix.Cursor)
		}
	}
	return low, low < t.heads.journal.Deposit
}

// letter is the line of a deposit.
type letter struct {
	line   uint64
	at     time.Time
	act    Act
	actor  Actor
	item   ItemID
	kind   string
	to     Compartment
	digest string
	grant  string
	takes  int64
}

// intake is what the journal says of the inbox.
type intake struct {
	from    journalHead
	letters []letter          // by line
	given   map[string]uint64 // the line that says so, by grant
	ended   map[string]uint64
	open    map[string]bool // grants and links that had not ended when these lines were all there were
}

// opened remembers which grants and links have not ended: an end that comes while the lines
// are read lies behind all of them, and its time, of another server's clock, says nothing.
func (in *intake) opened(t *turn) error {
	grants, err := t.grants()
	for _, k := range grants {
		in.open[k.id.String()] = k.Ended == 0
	}
	for _, k := range t.links {
		in.open[k.id.String()] = k.Ended == 0
	}
	return err
}

// readInbox reads the lines behind the cursor, if there is one of a deposit.
func (v *Vault) readInbox(ctx context.Context) (*intake, error) {
	in := &intake{given: map[string]uint64{}, ended: map[string]uint64{}, open: map[string]bool{}}
	var by authors
	var own *ring
	var low uint64
	var waits bool
	err := v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		in.from, by, own = t.heads.journal, t.authors(), t.rings[Owner]
		if low, waits = t.inboxCursor(); waits {
			return in.opened(t)
		}
		return nil
	})
	if err != nil || !waits {
		return in, err
	}
	_, err = v.readJournal(ctx, in.from, by, own, JournalOptions{Limit: int(in.from.Count - low), each: in.sort})
	slices.Reverse(in.letters)
	return in, err
}

// sort keeps what a line says of the inbox; the newest comes first.
func (in *intake) sort(e Entry) {
	switch {
	case e.Act == ActGranted || e.Act == ActLinkMade:
		in.given[e.Detail["grant"]] = e.Number
	case e.Act == ActGrantEnded || e.Act == ActLinkEnded:
		in.ended[e.Detail["grant"]] = e.Number
	case e.Detail[detailDeposit] != "" && (e.Act == ActLeft || e.Act == ActMadePrivate):
		takes, _ := strconv.ParseInt(e.Detail[detailTakes], 10, 64)
		in.letters = append(in.letters, letter{line: e.Number, at: e.At, act: e.Act, actor: e.Actor, item: e.Item, kind: e.Detail[detailKind],
			to: inboxNamed(e.Detail[detailInbox]), digest: e.Detail[detailDeposit], grant: e.Detail[detailGrant], takes: takes})
	}
}

func inboxNamed(name string) Compartment {
	if name == Shared.String() {
		return Shared
	}
	return Private
}

// takeInRoom keeps a commit below the limit of a batch: two writes for each thing
// taken in, with its pages and folders, beside heads, ledger and journal.
const takeInRoom = 80

// batch is what one commit of taking in shares.
type batch struct {
	in      *intake
	grants  []*keptGrant
	rules   Rules
	folders map[ItemID]ItemID // on the other side
	gaps    []gap
	listed  int // entries before it
	writes  int // of what is not listed
	out     *TakenIn
}

// takeBatch takes in as many letters as one commit holds, and moves the cursor
// behind them: repeated after a crash, it goes on from there.
func (t *turn) takeBatch(in *intake, out *TakenIn) (done int, err error) {
	if err := t.asPerson(); err != nil {
		return 0, err
	}
	// It was accepted when it was left: taking it in is allowed in a closed account, too.
	t.resealing = true
	b := &batch{in: in, folders: map[ItemID]ItemID{}, out: out}
	if b.grants, err = t.grants(); err != nil {
		return 0, err
	}
	if b.rules, err = t.rules(); err != nil && !errors.Is(err, ErrTampered) { // then they share nothing
		return 0, err
	}
	b.listed, _ = t.count()
	reached := in.from.Count
	for ; done < len(in.letters); done++ {
		l := in.letters[done]
		if b.size(t) > takeInRoom {
			reached = l.line - 1
			break
		}
		ix, within := t.heads.indexes[l.to]
		if !within || ix.skips(l.line) { // locked: it stays; or another process was faster
			continue
		}
		err := t.takeOne(b, l)
		if done > 0 && (errors.Is(err, ErrFull) || errors.Is(err, ErrTooMany)) {
			reached = l.line - 1 // what came before is taken in; the next commit says why not the rest
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if out.Items > 0 {
		t.note(ActTakenIn, nil, map[string]string{"count": strconv.Itoa(out.Items)})
	}
	if err := t.keepGaps(b.gaps); err != nil {
		return 0, err
	}
	for c, ix := range t.heads.indexes {
		if c != Owner && ix.Cursor < reached && len(in.letters) > 0 {
			ix.passed(reached)
			ix.dirty = true
		}
	}
	return done, nil
}

func (b *batch) size(t *turn) int {
	now, _ := t.count()
	size := b.writes + now - b.listed + len(t.entries)
	for _, ix := range t.heads.indexes {
		size += len(ix.changed)
	}
	return size
}

// maxStrays is how many are removed at a time.
const maxStrays = 1000

// sweepInbox removes what lies in the inbox and never had a line, or has been taken
// in: up to a line that both cursors have passed. A deposit that is made meanwhile
// has a later one.
func (v *Vault) sweepInbox(ctx context.Context, upTo uint64) error {
	within := map[Compartment]bool{}
	locked := uint64(0)
	err := v.do(ctx, func(t *turn) error {
		for _, l := range t.heads.owner.Locked { // what waits for a locked Private stays
			locked = max(locked, l.Line)
		}
		for c, ix := range t.heads.indexes {
			within[c] = c != Owner && ix.Cursor >= min(upTo, t.heads.journal.Deposit)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var strays []string
	for _, c := range slices.Sorted(maps.Keys(within)) {
		prefix := v.id.key("in/" + c.letter() + "/")
		for rec, err := range v.service.cfg.Store.All(ctx, prefix) {
			if err != nil {
				return storageError(err)
			}
			line, err := strconv.ParseUint(rec.Key[len(prefix):], 16, 64)
			if len(strays) == maxStrays {
				break
			}
			if c == Private && err == nil && line <= locked {
				continue
			}
			if within[c] && (err != nil || line <= upTo || fixed(line) != rec.Key[len(prefix):]) {
				strays = append(strays, rec.Key)
			}
		}
	}
	for some := range slices.Chunk(strays, eraseBatch) {
		if err := v.service.dropRecords(ctx, some); err != nil {
			return storageError(err)
		}
	}
	return nil
}
