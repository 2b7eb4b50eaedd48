package vault

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"reconnect.example/internal/seal"
)

// A backup of a day on which a Private was locked, or was joining, is of no use by itself
// once that was opened: today's owner head, which a restore leaves in force (N16), does
// not list it any more, and the pages of that day do not have its entries yet. So what the
// store has of it is listed once more, by the commit that takes the restore, and joins as
// after any opening. No old secret is needed: its generations are in today's keyring.
//
// The journal of that day says what was locked: its head is one of those that the restore
// statement names, and each line names the one before by its digest. The line that locked
// it names the records, so that no store chooses others (C8).

// The details of the two acts of a locked Private. Lines of before they were noted lack
// them, but for the count.
const (
	detailNumber     = "number"
	detailGeneration = "generation" // the last of its own
	detailVersion    = "version"    // of its head, which stays while it joins
	detailHead       = "head"       // digests of the records, in hexadecimal
	detailKeyring    = "keyring"
)

// noteLocked is the line by which a later restore knows what was locked.
func (t *turn) noteLocked(l seal.LockedPrivate, version uint64) {
	t.note(ActPrivateLocked, nil, map[string]string{
		detailNumber: strconv.FormatUint(l.Number, 10), detailGeneration: strconv.FormatUint(l.Generation, 10),
		detailVersion: strconv.FormatUint(version, 10),
		detailHead:    hex.EncodeToString(l.Head), detailKeyring: hex.EncodeToString(l.Keyring),
	})
}

// lockedThen is what the journal of a day says of one that was locked then.
type lockedThen struct {
	detail map[string]string // of the line that locked it
	line   uint64            // before that one
	begun  bool              // a later line opened it
	named  map[ItemID]bool   // the things that later lines are about
}

func (l *lockedThen) noted() bool { return l.detail[detailHead] != "" }

// is says whether records of the store are those that the line names. While it joins,
// its head changes, and keeps its generation and version.
func (l *lockedThen) is(found seal.LockedPrivate, clear clearHead) bool {
	switch {
	case !l.noted(): // then it must open, which only the person's own keys let it
		return true
	case l.detail[detailKeyring] != hex.EncodeToString(found.Keyring):
		return false
	case !l.begun:
		return l.detail[detailHead] == hex.EncodeToString(found.Head)
	}
	return l.detail[detailVersion] == strconv.FormatUint(clear.Version, 10)
}

// listAgain lists what was locked on the day of the backup and has joined since, or had
// begun to. Nothing is read of the journal where the store has nothing of the kind.
func (t *turn) listAgain() error {
	stored, err := t.lockedStored()
	if err != nil || len(stored) == 0 {
		return err
	}
	then, err := t.lockedThen(stored)
	if err != nil {
		return err
	}
	for _, n := range stored {
		if l, ok := then[n]; ok {
			if err := t.listOne(n, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockedStored are the numbers of which the store has something and that no old secret
// could open: today's owner head does not list them, or they are joining.
func (t *turn) lockedStored() (out []uint64, err error) {
	prefix := t.v.id.key("l/")
	for after := ""; ; {
		found, err := t.v.service.cfg.Store.Scan(t.ctx, prefix, after, 1)
		if err != nil {
			return nil, storageError(err)
		}
		if len(found) == 0 {
			break
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(found[0].Key, prefix), "/")
		after = prefix + number + "0" // what follows a slash: all else under this number is passed over
		n, err := strconv.ParseUint(number, 10, 64)
		if i := t.lockedAt(n); err == nil && n != 0 && (i < 0 || t.joins(t.heads.owner.Locked[i])) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (t *turn) lockedAt(number uint64) int {
	return slices.IndexFunc(t.heads.owner.Locked, func(l seal.LockedPrivate) bool { return l.Number == number })
}

// lockedThen reads the restored journal backwards, until it has found the lines that
// locked all of them. A line of before the details were noted is about the latest that is
// not found yet, and one that opened, about each.
func (t *turn) lockedThen(numbers []uint64) (map[uint64]*lockedThen, error) {
	found, begun, named := map[uint64]*lockedThen{}, map[uint64]bool{}, map[ItemID]bool{}
	open := slices.Clone(numbers)
	err := t.backwards(func(e Entry) (more bool) {
		n, err := strconv.ParseUint(e.Detail[detailNumber], 10, 64)
		noted := err == nil
		switch {
		case e.Actor.Kind == ActorWorker: // what is private is none of theirs, whatever they write
		case !e.Item.IsZero():
			named[e.Item] = true
		case e.Actor.Kind != ActorPerson:
		case e.Act == ActPrivateUnlocked && noted:
			begun[n] = true
		case e.Act == ActPrivateUnlocked:
			for _, n := range open {
				begun[n] = true
			}
		case e.Act == ActPrivateLocked:
			if !noted {
				n = open[len(open)-1]
			}
			if i := slices.Index(open, n); i >= 0 {
				found[n] = &lockedThen{detail: e.Detail, line: e.Number - 1, begun: begun[n], named: maps.Clone(named)}
				open = slices.Delete(open, i, i+1)
			}
		}
		return len(open) > 0
	})
	return found, err
}

// backwards gives the lines of the journal from its head down, while each wants more. A
// line that cannot be opened is passed over: nobody signed it. It stops where one is
// missing or altered, which [Vault.Journal] names, and what is below counts for nothing.
func (t *turn) backwards(each func(Entry) (more bool)) error {
	id, by, digest := t.v.id, t.authors(), t.heads.journal.Last
	for high := t.heads.journal.Count; high > 0; {
		low := max(high, journalScan) - journalScan + 1
		records, err := t.v.service.cfg.Store.Scan(t.ctx, id.key("j/"), id.entry(low-1), int(high-low+1))
		if err != nil {
			return storageError(err)
		}
		if len(records) != int(high-low+1) {
			return nil
		}
		for n := high; n >= low; n-- {
			record := records[n-low].Value
			sum := seal.Digest(record)
			clear, err := parseEntry(n, record)
			if err != nil || !slices.Equal(sum[:], digest) {
				return nil
			}
			digest = clear.Before
			if e, err := openEntry(id, n, record, t.rings[Owner], by); err == nil && !each(e) {
				return nil
			}
		}
		high = low - 1
	}
	return nil
}

// listOne lists one again, if the store has what was locked: nobody could tell another
// head from it later.
func (t *turn) listOne(n uint64, then *lockedThen) error {
	owner, id := t.heads.owner, t.v.id
	head, err := t.tx.Get(id.locked(n, "h"))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	ring, err := t.tx.Get(id.locked(n, "k"))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	clear, ok := parseClearHead(head.Value)
	if !ok {
		return nil
	}
	digest, ringDigest := seal.Digest(head.Value), seal.Digest(ring.Value)
	l, at := seal.LockedPrivate{Number: n, Generation: clear.Generation, Keyring: ringDigest[:], Head: digest[:], Line: then.line}, t.lockedAt(n)
	if g, err := strconv.ParseUint(then.detail[detailGeneration], 10, 64); err == nil {
		l.Generation = g
	}
	if at >= 0 { // of today: what has joined since is counted again
		l = owner.Locked[at]
	} else if !then.is(l, clear) {
		return nil
	}
	if t.joins(l) {
		if l, err = t.joinAgain(l, then, at >= 0); err != nil || l.Number == 0 {
			return err
		}
	} else if !then.noted() {
		return nil // nobody can say whose it is
	}
	owner.Locked = slices.Clone(owner.Locked)
	if at >= 0 {
		owner.Locked[at] = l
		return nil
	}
	owner.Locked = append(owner.Locked, l) // also where its generations are locked themselves: they come together
	slices.SortFunc(owner.Locked, func(a, b seal.LockedPrivate) int { return int(a.Number) - int(b.Number) })
	return nil
}

// joinAgain counts what is to join, and seals the head with that. What the store altered
// is left out, and where it is listed it stays, to be named.
func (t *turn) joinAgain(l seal.LockedPrivate, then *lockedThen, listed bool) (seal.LockedPrivate, error) {
	ix, err := t.lockedIndex(l, t.rings[Private])
	if errors.Is(err, ErrTampered) && listed {
		return l, nil
	}
	if errors.Is(err, ErrTampered) {
		return seal.LockedPrivate{}, nil
	}
	if err != nil {
		return l, err
	}
	for page := range ix.Pages {
		if err := t.countAgain(l.Number, ix, page, then, listed); err != nil {
			return l, err
		}
	}
	now := t.heads.indexes[Private]
	now.Since, now.dirty = min(now.Since, ix.Since), true
	if !then.begun {
		t.joinsInbox(ix, l.Line)
	}
	gen, ok := t.rings[Private].generation(ix.generation)
	if !ok {
		return l, tampered("what is locked")
	}
	record, err := sealIndex(t.v.id, Private, ix, gen)
	if err != nil {
		return l, err
	}
	digest := seal.Digest(record)
	l.Head = digest[:]
	t.tx.PutUnique(t.v.id.locked(l.Number, "h"), record)
	return l, nil
}

// countAgain counts a page of what is to join. The page that the head names tells itself,
// and one that has joined was deleted with that. A store that shows one which had joined
// before the backup would bring back what was destroyed since: but from then on there is
// a line for each thing that was. And nobody reaches a thing before its page has joined.
func (t *turn) countAgain(number uint64, ix *index, page int, then *lockedThen, listed bool) error {
	had := then.begun || !then.noted() // some of it may have joined before the backup
	if !had && (!listed || ix.Counts[page] != 0) {
		return nil // the head is as it was locked, or this page never joined
	}
	p, err := t.lockedPage(number, ix, page, t.rings[Private])
	switch {
	case errors.Is(err, ErrTampered) || errors.Is(err, ErrNotFound):
		if !had {
			ix.Counts[page] = 1 // it is to be named
		}
		return nil
	case err != nil:
		return err
	}
	ix.Counts[page] = uint16(len(p.entries))
	if had && slices.ContainsFunc(p.entries, func(e pageEntry) bool { return then.named[e.id] }) {
		ix.Counts[page] = 0
	}
	return nil
}
