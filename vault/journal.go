package vault

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// ActorKind says in which role somebody acts.
type ActorKind string

// Who acts in a vault.
const (
	ActorPerson  ActorKind = "person"  // the holder
	ActorWorker  ActorKind = "worker"  // somebody of a relay, in their own name
	ActorLink    ActorKind = "link"    // whoever has the code of a link; ID is the link's, Name its label
	ActorService ActorKind = "service" // the service by itself: an emptied bin, a lost upload
	ActorPartner ActorKind = "partner" // a partner system; the service tells what it handed out to it
)

// Actor is who did something: a worker in their own name, for a relay. All but
// Kind is empty for the person, whose vault it is.
type Actor struct {
	Kind         ActorKind `cbor:"1,keyasint" json:"kind"`
	ID           string    `cbor:"2,keyasint,omitempty" json:"id,omitempty"`
	Name         string    `cbor:"3,keyasint,omitempty" json:"name,omitempty"`
	Organisation string    `cbor:"4,keyasint,omitempty" json:"organisation,omitempty"`
	Relay        string    `cbor:"5,keyasint,omitempty" json:"relay,omitempty"` // its name
	RelayID      string    `cbor:"6,keyasint,omitempty" json:"relay_id,omitempty"`
}

// Act is what was done, as a stable code that pages put into words.
type Act string

// The acts of the journal. A code is never reused.
const (
	ActCreated         Act = "vault.created"
	ActSignedIn        Act = "vault.signed-in"
	ActSignInFailed    Act = "vault.sign-in-failed" // Detail "tries"
	ActSignedOut       Act = "vault.signed-out"
	ActSessionsEnded   Act = "vault.sessions-ended"
	ActPasswordChanged Act = "vault.password-changed"
	ActKeysChanged     Act = "vault.keys-changed"
	ActCardIssued      Act = "card.issued"
	ActCardRevoked     Act = "card.revoked"
	ActFactorConfirmed Act = "vault.second-factor-set"
	ActExported        Act = "vault.exported"
	ActClosed          Act = "vault.closed"
	ActReopened        Act = "vault.reopened"
	ActAccountRead     Act = "vault.account-read" // login or consents
	ActViewed          Act = "vault.overview"
	ActListed          Act = "items.listed"
	ActCounted         Act = "items.counted"
	ActAdded           Act = "item.added"
	ActRead            Act = "item.read"
	ActDownloaded      Act = "document.read" // Detail "for": "print", where it was for paper; "thumbnail", for its small picture
	ActChanged         Act = "item.changed"
	ActReplaced        Act = "document.replaced"
	// A worker signed that the original was seen, or that was taken back.
	ActAttested        Act = "document.attested"
	ActAttestedRemoved Act = "document.attested-removed"
	ActMadePrivate     Act = "item.made-private"
	ActShared          Act = "item.shared"
	ActBinned          Act = "item.binned"
	ActRestored        Act = "item.restored"
	ActDestroyed       Act = "item.destroyed"
	ActControlled      Act = "document.controlled"
	ActMetadata        Act = "document.metadata"
	ActJournalRead     Act = "journal.read"
	ActSessionsListed  Act = "sessions.listed"
	ActSpaceViewed     Act = "space.viewed"
	ActSpaceAsked      Act = "space.asked"
	// ActVaultRestored: the service's store was set back to a backup and this vault
	// went on from there; Detail "taken" is the instant of the backup (RFC 3339).
	ActVaultRestored    Act = "vault.restored"
	ActRestoreConfirmed Act = "vault.restore-confirmed"
	// What was allowed to others; Detail "grant", "holder", and for an end "by".
	ActGranted      Act = "grant.given"
	ActGrantEnded   Act = "grant.ended"
	ActGrantsListed Act = "grants.listed"
	// ActSharedKeysChanged: what is shared got new keys, so that who could see it
	// before cannot see what comes.
	ActSharedKeysChanged Act = "vault.shared-keys-changed"
	// ActKeyRefused: the directory named a key of somebody that does not follow the
	// one known; Detail "holder". They were given nothing.
	ActKeyRefused Act = "key.refused"
	// ActHolderAdded: somebody can open the whole of a relay's space; Detail "holder".
	ActHolderAdded Act = "holder.added"
)

// Entry is one line of the journal: plain facts, for pages to put into words.
type Entry struct {
	Number  uint64            // from 1, without gaps
	At      time.Time         // to the millisecond, UTC
	Actor   Actor             // who
	Act     Act               // what
	Purpose string            // why, where somebody else acted
	Item    ItemID            // on what; zero: the vault
	Name    string            // of the item, as it was then
	Detail  map[string]string // further facts by stable key
}

// An entry as stored, V/j/<number>, boxed to Owner's inbox, so that the service
// appends and only the person reads:
//
//	clear CBOR{1: number, 2: digest of the entry before, 3: generation} | boxed CBOR{1: facts, 2: signature of the actor}
//
// Each names the one before by its digest, and the journal head the last: an
// entry that was edited, removed, moved or repeated breaks the chain (G1, G2, G5).
type entryClear struct {
	Number     uint64 `cbor:"1,keyasint"`
	Before     []byte `cbor:"2,keyasint"`
	Generation uint64 `cbor:"3,keyasint"`
}

type entryFacts struct {
	At      int64             `cbor:"1,keyasint"` // unix milliseconds
	Actor   Actor             `cbor:"2,keyasint"`
	Act     Act               `cbor:"3,keyasint"`
	Purpose string            `cbor:"4,keyasint,omitempty"`
	Item    []byte            `cbor:"5,keyasint,omitempty"`
	Name    string            `cbor:"6,keyasint,omitempty"`
	Detail  map[string]string `cbor:"7,keyasint,omitempty"`
}

type entryBody struct {
	Facts     []byte `cbor:"1,keyasint"`
	Signature []byte `cbor:"2,keyasint"`
	Signer    []byte `cbor:"3,keyasint"` // public key: the vault's own of its time, or a worker's
	// Credential says whose key it is, if it is not the vault's own.
	Credential []byte `cbor:"4,keyasint,omitempty"`
}

func entryContext(id ID, generation, number uint64, before []byte) seal.Context {
	c := id.bind(seal.TypeJournalEntry, Owner, generation, binary.BigEndian.AppendUint64(nil, number), 0)
	c.Holder = before
	return c
}

// note adds a line to the journal of this turn.
func (t *turn) note(act Act, item *Item, detail map[string]string) {
	e := Entry{At: t.now, Actor: t.v.actor, Act: act, Purpose: t.v.purpose, Detail: detail}
	if item != nil {
		e.Item, e.Name = item.ID, item.Name
	}
	t.entries = append(t.entries, e)
}

// writeJournal seals the lines of the turn and moves the journal's head.
func (t *turn) writeJournal() error {
	if len(t.entries) == 0 {
		return nil
	}
	keys, ok := keysOf(t.heads.owner, Owner)
	if !ok {
		return tampered("owner head")
	}
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return tampered("owner head")
	}
	j := &t.heads.journal
	uses, err := t.linkUses() // while the journal is as they say
	if err != nil {
		return err
	}
	for i := range t.entries {
		e := &t.entries[i]
		e.Number = j.Count + 1
		record, err := sealEntry(t.v.id, *e, j.Last, keys.Generation, inbox, t.sign)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		j.Count, j.Last = e.Number, digest[:]
		if e.Detail[detailDeposit] != "" {
			j.Deposit = e.Number
		}
		t.tx.PutUnique(t.v.id.entry(e.Number), record)
		t.v.service.announce(t.tx, t.heads.owner.Kind, eventOf(e.Act))
		t.tally(e)
	}
	j.Restore = t.heads.owner.Restore
	record, err := sealJournalHead(t.v.id, t.v.service.keys.signer, *j)
	if err != nil {
		return err
	}
	t.heads.raw[0] = record
	t.tx.PutUnique(t.v.id.key("h/j"), record)
	return t.keepUses(uses)
}

func sealEntry(id ID, e Entry, before []byte, generation uint64, inbox seal.BoxPublic, sign signing) ([]byte, error) {
	f := entryFacts{At: e.At.UnixMilli(), Actor: e.Actor, Act: e.Act, Purpose: e.Purpose, Name: e.Name, Detail: e.Detail}
	if !e.Item.IsZero() {
		f.Item = e.Item[:]
	}
	facts, err := seal.Marshal(f)
	if err != nil {
		return nil, err
	}
	c := entryContext(id, generation, e.Number, before)
	s := sign(c, facts)
	body, err := seal.Marshal(entryBody{Facts: facts, Signature: s.Bytes, Signer: s.Key, Credential: s.Credential})
	if err != nil {
		return nil, err
	}
	clear, err := seal.Marshal(entryClear{Number: e.Number, Before: before, Generation: generation})
	if err != nil {
		return nil, err
	}
	return inbox.Seal(c, clear, body)
}

// openEntry opens an entry and returns the digest of the one before it.
func openEntry(id ID, number uint64, record []byte, ring *ring, by authors) (e Entry, err error) {
	clear, err := parseEntry(number, record)
	if err != nil {
		return e, err
	}
	broken := tampered("journal entry %d", number)
	gen, ok := ring.generation(clear.Generation)
	if !ok {
		return e, broken
	}
	c := entryContext(id, clear.Generation, number, clear.Before)
	_, raw, err := gen.inbox.Open(c, record)
	if err != nil {
		return e, broken
	}
	var body entryBody
	var f entryFacts
	if seal.Unmarshal(raw, &body) != nil || seal.Unmarshal(body.Facts, &f) != nil {
		return e, broken
	}
	// G3: anybody can seal to an inbox; only a key of this vault may speak for its
	// person, and only a worker's own key for a worker.
	s := signature{Key: body.Signer, Bytes: body.Signature, Credential: body.Credential}
	if err := by.check(f.Actor, s, c, body.Facts); err != nil {
		return e, authorError(err, broken)
	}
	e = Entry{Number: number, At: time.UnixMilli(f.At).UTC(), Actor: f.Actor, Act: f.Act, Purpose: f.Purpose, Name: f.Name, Detail: f.Detail}
	copy(e.Item[:], f.Item)
	return e, nil
}

func parseEntry(number uint64, record []byte) (c entryClear, err error) {
	t, raw, err := seal.ParseClear(record)
	if err != nil || t != seal.TypeJournalEntry || seal.Unmarshal(raw, &c) != nil || c.Number != number {
		return c, tampered("journal entry %d", number)
	}
	return c, nil
}

// JournalOptions chooses a part of the journal.
type JournalOptions struct {
	Before uint64 // only entries with a lower number; 0: from the newest
	Limit  int    // at most so many; 0: 50, at most 1000

	each func(Entry) // takes the entries, instead of collecting them all in memory
}

// Journal returns what happened, newest first, verified along the chain from
// the journal head down to the last entry returned: an entry that was changed,
// removed, moved or forged is ErrTampered and named. This reading is a line of
// its own, which the next one shows.
func (v *Vault) Journal(ctx context.Context, opts *JournalOptions) ([]Entry, error) {
	o := JournalOptions{Limit: 50}
	if opts != nil {
		o.Before = opts.Before
		if opts.Limit > 0 {
			o.Limit = min(opts.Limit, 1000)
		}
	}
	var from journalHead
	var by authors
	var ring *ring
	err := v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		t.note(ActJournalRead, nil, nil)
		from, by, ring = t.heads.journal, t.authors(), t.rings[Owner]
		return nil
	})
	if err != nil {
		return nil, err
	}
	// from is a copy made before the line of this reading: that one is read next time.
	entries, err := v.readJournal(ctx, from, by, ring, o)
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// wholeJournal reads everything up to a head that was verified in a turn.
func (v *Vault) wholeJournal(ctx context.Context, from journalHead) ([]Entry, error) {
	var by authors
	var ring *ring
	err := v.do(ctx, func(t *turn) error {
		by, ring = t.authors(), t.rings[Owner]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v.readJournal(ctx, from, by, ring, JournalOptions{Limit: math.MaxInt})
}

// readJournal returns what is above the first line that is not as it was written
// together with the error that names it.
func (v *Vault) readJournal(ctx context.Context, from journalHead, by authors, ring *ring, o JournalOptions) ([]Entry, error) {
	if o.Before == 0 || o.Before > from.Count+1 {
		o.Before = from.Count + 1
	}
	lowest := uint64(1)
	if o.Before > uint64(o.Limit) {
		lowest = o.Before - uint64(o.Limit)
	}
	var out []Entry
	digest := from.Last
	// Pages of a scan, from the head down; within a page the store's order is upwards.
	for high := from.Count; high >= lowest && high > 0; {
		low := lowest
		if high >= journalScan && high-journalScan+1 > low {
			low = high - journalScan + 1
		}
		records, err := v.service.cfg.Store.Scan(ctx, v.id.key("j/"), v.id.entry(low-1), int(high-low+1))
		if err != nil {
			return nil, storageError(err)
		}
		for len(records) > 0 && records[len(records)-1].Key > v.id.entry(high) {
			records = records[:len(records)-1] // appended since; where a line is missing, the page reaches up to it
		}
		for i, n := len(records)-1, high; n >= low; i, n = i-1, n-1 {
			if i < 0 || records[i].Key != v.id.entry(n) {
				return out, tampered("journal entry %d", n) // G1, G2: a gap
			}
			sum := seal.Digest(records[i].Value)
			if !slices.Equal(sum[:], digest) {
				return out, tampered("journal entry %d", n)
			}
			clear, err := parseEntry(n, records[i].Value)
			if err != nil {
				return out, err
			}
			digest = clear.Before
			if n < o.Before {
				e, err := openEntry(v.id, n, records[i].Value, ring, by)
				if err != nil {
					return out, err
				}
				if o.each == nil {
					out = append(out, e)
				} else {
					o.each(e)
				}
			}
		}
		high = low - 1
	}
	return out, nil
}

const journalScan = 500

func (e Entry) String() string { return fmt.Sprintf("%d %s", e.Number, e.Act) }
