package vault

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The acts of ways back in; Detail "path" is the word of its kind.
const (
	ActPathEnrolled  Act = "path.enrolled" // and "private": "yes" or "no"
	ActPathWithdrawn Act = "path.withdrawn"
	ActPathConfirmed Act = "path.confirmed"
	ActPathsReviewed Act = "path.reviewed"
)

// NewPath is a way back in that the person wants. Package recovery makes it.
type NewPath struct {
	Kind    PathKind
	ID      PathID    // drawn by NewPathID: what the witness evaluated belongs to it
	Own     []byte    // what the person's part came to, 32 bytes; nil where the kind takes none
	Values  [2][]byte // what the witness releases, 32 bytes: for Owner and Shared, and for Private; nil but for PathHelpers
	Private bool      // opens Private, too
	Params  []byte    // kept with the keyslot, for who has the service's keys: at most 4 kB
	Shown   []byte    // for who brings the helper's half, such as the questions: at most 16 kB
	Waits   [2]time.Duration
}

// PathChange is what changes among the ways back in, in one commit.
type PathChange struct {
	Enrol    []NewPath
	Withdraw []PathKind
	Also     func(tx *storage.Tx) error // further writes of that commit; may run several times
	Receipt  []byte                     // kept as an Owner paper, if not nil: at most 64 kB
}

const (
	maxParams      = 4 << 10
	maxShown       = 16 << 10
	maxPathReceipt = 64 << 10
)

func (n *NewPath) check() error {
	var problems []error
	bad := func(is bool, field, problem string) {
		if is {
			problems = append(problems, &InvalidError{Field: field, Problem: problem})
		}
	}
	bad(!n.Kind.valid(), "path", "is none that there is")
	bad(n.ID == PathID{}, "path", "has no id")
	bad((len(n.Own) == partSize) != n.Kind.Own() || !n.Kind.Own() && n.Own != nil, "path", "has not the part that the person brings")
	for class, value := range n.Values {
		wanted := n.Kind == PathHelpers && (class == classShared || n.Private)
		bad(wanted != (len(value) == partSize) || !wanted && value != nil, "path", "has not what the witness releases")
		bad(n.Waits[class] < 0, "wait", "is negative")
	}
	bad(len(n.Params) > maxParams || len(n.Shown) > maxShown, "path", "has parameters that are too long")
	return errors.Join(problems...)
}

// ChangePaths enrols and withdraws ways back in. The person shows their secret again;
// the relays that follow, and the desk, are given their halves in the same commit, as
// far as it has room for them, and the others in those that follow. A path takes the
// place of the one of its kind, which is dead at once (F8).
//
// PathHelpers takes a relay and a desk of two organisations: ErrOneOrganisation where
// there are none (F13). Paths with a desk take a grant of ScopeHelp to it, given before.
//
// When it returns, the paths are in force and the witness has their policy. Errors:
// ErrSignIn, BackOffError, InvalidError, ErrOneOrganisation, ErrNoHelper,
// ErrWitnessAway (nothing was changed), ErrUnconfirmed (they are in force; the witness
// will hear of it).
func (v *Vault) ChangePaths(ctx context.Context, c PathChange, secret Secret) error {
	for i := range c.Enrol {
		if err := c.Enrol[i].check(); err != nil {
			return err
		}
	}
	if len(c.Receipt) > maxPathReceipt {
		return &InvalidError{Field: "receipt", Problem: "is longer than 64 kB"}
	}
	if _, err := v.service.ask(ctx, v.id); err != nil { // before anything is written (N11)
		return err
	}
	p, err := v.confirm(ctx, secret)
	if err != nil {
		return err
	}
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	err = v.changeOwner(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing(), t.proved(p)); err != nil {
			return err
		}
		return t.changePaths(c, p, holders)
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return err
	}
	if v.tendGrants(ctx) != nil {
		return ErrUnconfirmed // who did not get their half yet, gets it at the next sign-in
	}
	return err
}

func (t *turn) changePaths(c PathChange, p *proof, holders map[ID]holderNow) error {
	for _, kind := range c.Withdraw {
		if err := errors.Join(t.dropAltered(kind, p), t.dropPath(kind)); err != nil {
			return err
		}
		t.note(ActPathWithdrawn, nil, map[string]string{"path": kind.String()})
	}
	for _, n := range c.Enrol {
		if err := t.mayHelp(n.Kind); err != nil {
			return err
		}
		if err := errors.Join(t.dropAltered(n.Kind, p), t.addPath(n, p)); err != nil {
			return err
		}
		t.note(ActPathEnrolled, nil, map[string]string{"path": n.Kind.String(), "private": yesNo(n.Private)})
	}
	if c.Receipt != nil {
		if err := t.putPaper(newID(), 1, paperPathReceipt, c.Receipt); err != nil {
			return err
		}
	}
	if err := t.giveHalves(holders); err != nil {
		return err
	}
	if c.Also != nil {
		return c.Also(t.tx)
	}
	return nil
}

// mayHelp refuses a path for which there is nobody.
func (t *turn) mayHelp(kind PathKind) error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	helps := func(desk bool) bool {
		return slices.ContainsFunc(all, func(g *keptGrant) bool {
			return g.inForce(t.now) && (g.Scope == ScopeHelp) == desk && t.helps(g, &keptPath{pathBody: pathBody{Kind: kind}})
		})
	}
	switch {
	case kind.Desk() && !helps(true):
		return ErrNoHelper
	case kind.Relay() && helps(false):
		return nil
	case kind == PathHelpers: // F13
		return ErrOneOrganisation
	case kind.Relay():
		return ErrNoHelper
	}
	return nil
}

// addPath seals the roots under a new path, in the place of the one of its kind.
func (t *turn) addPath(n NewPath, p *proof) error {
	if err := t.dropPath(n.Kind); err != nil {
		return err
	}
	if len(t.heads.owner.Slots) >= maxAllSlots || t.activeSlots() >= maxSlots {
		return ErrTooMany
	}
	k := &keptPath{pathBody: pathBody{Path: n.ID, Kind: n.Kind, State: pathIssued, Since: t.now.UnixMilli(), Params: n.Params, Shown: n.Shown}}
	for _, w := range n.Waits {
		k.Waits = append(k.Waits, w.Milliseconds())
	}
	k.Parts = newParts(t.v.id, n, classShared)
	if n.Private {
		k.private, k.pathBody.Private = newParts(t.v.id, n, classPrivate), []byte{}
	}
	return t.sealPath(k, p)
}

func newParts(id ID, n NewPath, class int) parts {
	out := parts{Own: id.ownPart(n.ID, n.Kind, class, n.Own), Value: n.Values[class]}
	if n.Kind.Relay() {
		out.Relay = seal.NewKey().Bytes()
	}
	if n.Kind.Desk() {
		out.Desk = seal.NewKey().Bytes()
	}
	return out
}

// sealPath makes the keyslot of a path of what its parts are now.
func (t *turn) sealPath(k *keptPath, p *proof) error {
	entry, record, err := t.v.id.sealPathSlot(k, p.wrapping, p.roots)
	if err != nil {
		return err
	}
	k.Slot = entry.ID
	t.heads.owner.Slots, t.ownerDirty = append(slices.Clone(t.heads.owner.Slots), entry), true
	t.tx.PutUnique(t.v.id.slot(entry.ID), record)
	if err := t.keepPath(k); err != nil {
		return err
	}
	t.ways = append(slices.DeleteFunc(t.ways, func(w *keptPath) bool { return w.Kind == k.Kind }), k)
	return nil
}

// dropPath takes a path away: its keyslot, and the paper with all its parts.
func (t *turn) dropPath(kind PathKind) error {
	all, err := t.paths()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k *keptPath) bool { return k.Kind == kind })
	if i < 0 {
		return nil
	}
	t.dropSlot(seal.SlotEntry{ID: all[i].Slot})
	t.ways = slices.Delete(slices.Clone(all), i, i+1)
	t.ownerDirty = true
	return t.dropPaper(pathPaper(kind))
}

// dropAltered takes a path away whose paper the store altered, by what its keyslot says:
// otherwise that keyslot would outlive the path that takes its place (F8).
func (t *turn) dropAltered(kind PathKind, p *proof) error {
	all, err := t.paths()
	if err != nil || !t.waysLost || slices.ContainsFunc(all, func(k *keptPath) bool { return k.Kind == kind }) {
		return err
	}
	for _, entry := range slices.Clone(t.heads.owner.Slots) {
		if entry.Kind != slotPath || entry.State != slotActive {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return err
		}
		body, err := openSlotBody(t.v.id, entry, rec.Value, p.wrapping)
		if err == nil && body.PathKind == kind {
			t.dropSlot(entry)
		}
	}
	t.ownerDirty = true
	return t.dropPaper(pathPaper(kind))
}

// renewPaths gives every path fresh halves for relays and desk: in the commit that gives
// Shared new keys, so that whoever has gone has a worthless one (N4), and when one of
// them has other keys than those it was given its half under (N19). What the person
// brings stays as it is, and so does what the witness releases.
func (t *turn) renewPaths(p *proof) error {
	all, err := t.paths()
	if err != nil {
		return err
	}
	for _, k := range slices.Clone(all) {
		if !k.inForce() {
			continue
		}
		if _, reached := p.roots[Private]; k.pathBody.Private != nil && !reached {
			return nil // by the next secret that opens everything
		}
		t.dropSlot(seal.SlotEntry{ID: k.Slot})
		k.Parts.renew()
		if k.pathBody.Private != nil {
			k.private.renew()
		}
		if err := t.sealPath(k, p); err != nil {
			return err
		}
	}
	return nil
}

// renew draws the helpers' halves anew.
func (p *parts) renew() {
	if p.Relay != nil {
		p.Relay = seal.NewKey().Bytes()
	}
	if p.Desk != nil {
		p.Desk = seal.NewKey().Bytes()
	}
}

// outdatedHalves says whether a half went to keys that its holder has no more: whoever
// left them may have it still (N19).
func (t *turn) outdatedHalves(holders map[ID]holderNow) (bool, error) {
	all, err := t.grants()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(k *keptGrant) bool {
		h, asked := holders[k.Holder]
		inbox := seal.Digest(h.keys.Inbox)
		return k.Halves && k.inForce(t.now) && asked && h.ended == "" && !h.damaged && !bytes.Equal(k.Under, inbox[:])
	}), nil
}

// renewHalves makes them worthless, and gives fresh ones.
func (v *Vault) renewHalves(ctx context.Context, p *proof) error {
	if _, reached := p.roots[Private]; !reached {
		return nil
	}
	holders, err := v.askHolders(ctx)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if outdated, err := t.outdatedHalves(holders); err != nil || !outdated { // another process was faster
			return err
		}
		if err := errors.Join(t.proved(p), t.renewPaths(p)); err != nil {
			return err
		}
		return t.giveHalves(holders)
	})
}

// expirePaths makes every path worthless, as the roots change: what was printed is to
// be printed anew (G21). What is left says which there were.
func (t *turn) expirePaths() error {
	t.dropSlots(slotPath)
	all, err := t.paths()
	if err != nil {
		return err
	}
	for _, k := range slices.Clone(all) {
		due := &keptPath{pathBody: pathBody{Path: k.Path, Kind: k.Kind, State: pathDue, Since: k.Since}}
		if err := t.keepPath(due); err != nil {
			return err
		}
		t.ways = append(slices.DeleteFunc(slices.Clone(t.ways), func(w *keptPath) bool { return w.Kind == k.Kind }), due)
	}
	return nil
}

// giveHalves gives the grants again with which halves go, with the present ones.
func (t *turn) giveHalves(holders map[ID]holderNow) error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.Ended == 0 && !g.Visit && g.Scope != ScopeTeam && g.Scope != ScopePartner && t.listed(g) {
			t.unlist(g)
		}
	}
	return t.tend(holders)
}

// activeSlots counts the keyslots that open everything.
func (t *turn) activeSlots() (n int) {
	for _, e := range t.heads.owner.Slots {
		if e.State != slotLocked {
			n++
		}
	}
	return n
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
