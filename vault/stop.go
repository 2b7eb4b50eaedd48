package vault

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
)

// A phone is lost, and its person is at a relay, or on the telephone with a desk: who
// helps them ends every session at once. They hold no key of Owner and cannot raise the
// epoch, and to delete the sessions is not enough, as the store could bring them back.
// So they leave a stop beside the heads, which every turn reads, and the witness
// remembers its number (N17). As stored, V/h/stop, boxed to Owner's inbox, so that the
// store does not learn who helps whom:
//
//	clear CBOR{1: number, 2: generation} | boxed CBOR{1: facts, 2: signature of who helps, 3: their key, 4: their credential}
//	facts: CBOR{1: at, 2: actor}
//
// A stop is in force while its number is above the one in the owner head: it ends every
// session that there is, and every visit that one of them has allowed. The person's next
// sign-in raises the epoch and puts the number into the owner head, in one commit with
// the new session. Numbers and not times: no clock decides what began before a stop, and
// nothing that begins after it ends by it, so that nobody is locked out.
//
// The store cannot make one up, as nobody signed it, nor take one back that the witness
// knows. What the witness is told falsely ends sessions and nothing else: what the store
// could do anyway by deleting them.
type stopClear struct {
	Number     uint64 `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
}

type stopFacts struct {
	At    int64 `cbor:"1,keyasint"` // unix milliseconds
	Actor Actor `cbor:"2,keyasint"`
}

type stopBody struct {
	Facts      []byte `cbor:"1,keyasint"`
	Signature  []byte `cbor:"2,keyasint"`
	Signer     []byte `cbor:"3,keyasint"`
	Credential []byte `cbor:"4,keyasint"`
}

const (
	headStop = "stop" // at the witness

	// stopPlace is where heads.raw has a stop: of no compartment.
	stopPlace Compartment = 255

	// stopsAhead is how far a stop may be above what is known: nobody uses the numbers up.
	stopsAhead = 1000
)

func (id ID) stop() string { return id.key("h/stop") }

func stopContext(id ID, generation, number uint64) seal.Context {
	return id.bind(seal.TypeStop, Owner, generation, nil, number)
}

// StopSessions ends every session of the person, for who was let in by a grant: a
// worker of a relay that sees what they share, or an agent of their desk. It is for a
// lost phone. The person signs in again at once, wherever they are; what they signed in
// with, an access card too, stays as it is.
//
// From the commit on every process that sees this store refuses the sessions, and the
// visits that they allowed; reads under way end within a second. The records of the
// sessions are deleted, and a line in the person's journal says who did it and why. When
// it returns nil the witness has it durably, so that a store that brings the sessions
// back is refused too: by this process at once, by others within 30 seconds.
//
// Errors: ErrNotAllowed for the person themself (see [Vault.EndOtherSessions]), for
// visitors, and for who may only leave papers; ErrUnconfirmed if the witness did not
// answer: the sessions have ended as far as the store is honest; do it again later.
// Those of any act of a guest, ErrEnded and ErrClosing among them.
func (v *Vault) StopSessions(ctx context.Context) error {
	// A number that the witness has not seen yet; while it is away, ending goes on (N10).
	if _, err := v.service.ask(ctx, v.id); err != nil && !errors.Is(err, ErrWitnessAway) {
		return err
	}
	var stop Checkpoint
	err := v.do(ctx, func(t *turn) (err error) {
		if err := t.mayStop(); err != nil {
			return err
		}
		if stop, err = t.putStop(); err != nil {
			return err
		}
		sessions, err := t.tx.Scan(v.id.key("n/"), "", 2*maxSessions)
		if err != nil {
			return err
		}
		for _, s := range sessions { // the stop ends those that are left, too
			t.tx.Delete(s.Key)
		}
		t.note(ActSessionsEnded, nil, nil)
		t.after = func() { v.service.marks.seen(v.id, []Checkpoint{stop}) }
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.service.confirm(ctx, v.id, []Checkpoint{stop}, signedOwner{}); err != nil {
		return ErrUnconfirmed
	}
	return nil
}

// mayStop refuses who does not help this person: somebody from outside must not be
// able to end anything.
func (t *turn) mayStop() error {
	g := t.v.guest
	if g == nil || t.v.isVisitor() || t.heads.owner.Kind != seal.KindPerson {
		return ErrNotAllowed
	}
	switch g.terms.Scope {
	case ScopeSee, ScopeAdd, ScopeHelp:
		return nil
	}
	return ErrNotAllowed
}

// isVisitor says whether a guest was let in themself, and not the relay or the desk for
// which they act.
func (v *Vault) isVisitor() bool {
	g := v.guest
	return g != nil && g.terms.Scope != ScopeTeam && !g.link.mayLeave() && v.actor.RelayID != ID(g.terms.Holder).String()
}

// putStop writes a stop with the next number.
func (t *turn) putStop() (Checkpoint, error) {
	keys, ok := keysOf(t.heads.owner, Owner)
	if !ok {
		return Checkpoint{}, tampered("owner head")
	}
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return Checkpoint{}, tampered("owner head")
	}
	clear := stopClear{Number: t.stop + 1, Generation: keys.Generation}
	facts, err := seal.Marshal(stopFacts{At: t.now.UnixMilli(), Actor: t.v.actor})
	if err != nil {
		return Checkpoint{}, err
	}
	c := stopContext(t.v.id, clear.Generation, clear.Number)
	s := t.sign(c, facts)
	body, err := seal.Marshal(stopBody{Facts: facts, Signature: s.Bytes, Signer: s.Key, Credential: s.Credential})
	if err != nil {
		return Checkpoint{}, err
	}
	head, err := seal.Marshal(clear)
	if err != nil {
		return Checkpoint{}, err
	}
	record, err := inbox.Seal(c, head, body)
	if err != nil {
		return Checkpoint{}, err
	}
	t.tx.PutUnique(t.v.id.stop(), record)
	return Checkpoint{Head: headStop, Version: clear.Number, Hash: seal.Digest(record)}, nil
}

// knownStop is the number of the latest stop that is sure: the owner head's, or the
// witness's.
func (h *heads) knownStop(known view) uint64 {
	return max(h.owner.Stop, known.heads[headStop].Version)
}

// saidStop is the number of the stop that the store has, above what is sure. Whether
// somebody signed it only the person's keys tell.
func (h *heads) saidStop(sure uint64) (clear stopClear, ok bool) {
	t, head, err := seal.ParseClear(h.raw[stopPlace])
	if err != nil || t != seal.TypeStop || seal.Unmarshal(head, &clear) != nil {
		return clear, false
	}
	return clear, clear.Number > sure && clear.Number-sure <= stopsAhead
}

// unopenedStop is the number of the latest stop for who cannot open it. A store that
// makes one up sends visitors away, as it could by deleting their grants.
func (h *heads) unopenedStop(known view) uint64 {
	sure := h.knownStop(known)
	if clear, ok := h.saidStop(sure); ok {
		return clear.Number
	}
	return sure
}

// latestStop is the number of the latest stop, for who can open it. What nobody signed
// whom the directory names is none.
func (v *Vault) latestStop(ctx context.Context, h *heads, known view) (uint64, error) {
	if h.owner.Kind != seal.KindPerson {
		return h.owner.Stop, nil
	}
	sure := h.knownStop(known)
	clear, ok := h.saidStop(sure)
	if !ok {
		return sure, nil
	}
	by := authors{ctx: ctx, owner: h.owner, directory: v.service.cfg.Directory, known: v.service.signatures}
	switch err := openStop(v.id, clear, h.raw[stopPlace], v.rings[Owner], by); {
	case err == nil:
		return clear.Number, nil
	case errors.Is(err, ErrTampered):
		return sure, nil
	default:
		return 0, err
	}
}

// openStop verifies that somebody who works for a relay or a desk signed a stop.
func openStop(id ID, clear stopClear, record []byte, ring *ring, by authors) error {
	broken := tampered("stop of sessions")
	gen, ok := ring.generation(clear.Generation)
	if !ok {
		return broken
	}
	c := stopContext(id, clear.Generation, clear.Number)
	_, raw, err := gen.inbox.Open(c, record)
	if err != nil {
		return broken
	}
	var body stopBody
	var facts stopFacts
	if seal.Unmarshal(raw, &body) != nil || seal.Unmarshal(body.Facts, &facts) != nil || facts.Actor.Kind != ActorWorker {
		return broken
	}
	s := signature{Key: body.Signer, Bytes: body.Signature, Credential: body.Credential}
	return authorError(by.check(facts.Actor, s, c, body.Facts), broken)
}

// followStop ends for good, at a sign-in, what a stop has ended: the epoch is signed and
// stays, wherever the sessions are brought back from.
func (t *turn) followStop() error {
	if t.stop <= t.heads.owner.Stop {
		return nil
	}
	return t.raiseEpoch(besideKeys)
}
