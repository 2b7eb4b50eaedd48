package vault

import (
	"context"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Path is a way back in, as its person reviews it.
type Path struct {
	Kind      PathKind
	ID        PathID
	State     PathState
	Since     time.Time
	Private   bool             // opens Private, too
	Waits     [2]time.Duration // before it opens Owner and Shared, and Private
	Helpers   []ID             // the relays and the desk that hold a half
	Organised int              // of how many organisations they are
	Shown     []byte           // of NewPath, such as the questions; nil of one that is due
}

// PathState is how it stands with a path.
type PathState string

// States of a path.
const (
	PathIssued    PathState = "issued"    // in force; nobody has said yet that it was printed, or tried
	PathConfirmed PathState = "confirmed" // in force
	PathDue       PathState = "due"       // the keys were changed since: it opens nothing and is to be made anew
	PathUnusable  PathState = "unusable"  // nobody is left who could help: it waits for another relay
)

// Paths returns every way back in, as the person chose them. It is a line in the
// journal. If the store altered what is kept of one, the others are returned together
// with ErrTampered; enrol it anew.
func (v *Vault) Paths(ctx context.Context) (out []Path, err error) {
	lost := false
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		all, err := t.paths()
		if err != nil {
			return err
		}
		given, err := t.grants()
		if err != nil {
			return err
		}
		out, lost = nil, t.waysLost
		for _, k := range all {
			out = append(out, t.review(k, given))
		}
		t.note(ActPathsReviewed, nil, nil)
		return nil
	})
	if err == nil && lost {
		err = tampered("the paper of a path")
	}
	return out, err
}

func (t *turn) review(k *keptPath, given []*keptGrant) Path {
	p := Path{Kind: k.Kind, ID: k.Path, Since: time.UnixMilli(k.Since).UTC(), Private: k.pathBody.Private != nil, Waits: [2]time.Duration{k.wait(classShared), k.wait(classPrivate)}, Shown: slices.Clone(k.Shown)}
	organisations, relays, desks := map[[16]byte]bool{}, 0, 0
	for _, g := range given {
		if !g.inForce(t.now) || !t.helps(g, k) {
			continue
		}
		if g.Scope == ScopeHelp {
			desks++
		} else {
			relays++
		}
		p.Helpers, organisations[g.organisation()] = append(p.Helpers, g.Holder), true
	}
	p.Organised = len(organisations)
	switch {
	case !k.inForce():
		p.State = PathDue
	case k.Kind.Relay() && relays == 0, k.Kind.Desk() && desks == 0:
		p.State = PathUnusable
	case k.State == pathConfirmed:
		p.State = PathConfirmed
	default:
		p.State = PathIssued
	}
	return p
}

// noWayBack reports that no path is in force, and that there is who could help.
func (t *turn) noWayBack() (bool, error) {
	all, err := t.paths()
	if err != nil || slices.ContainsFunc(all, (*keptPath).inForce) {
		return false, err
	}
	given, err := t.grants()
	return slices.ContainsFunc(given, func(g *keptGrant) bool {
		return g.inForce(t.now) && !g.Visit && g.Scope != ScopeHelp && g.Scope != ScopePartner
	}), err
}

// ConfirmPath notes that what belongs to a path was printed, or tried, and is in the
// person's hands. ErrNotFound if it is not in force (any more).
func (v *Vault) ConfirmPath(ctx context.Context, id PathID) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		all, err := t.paths()
		if err != nil {
			return err
		}
		for _, k := range all {
			if PathID(k.Path) != id || !k.inForce() {
				continue
			}
			k.State = pathConfirmed
			t.note(ActPathConfirmed, nil, map[string]string{"path": k.Kind.String()})
			return t.keepPath(k)
		}
		return ErrNotFound
	})
}

// PathReceipts returns the receipts of changes of paths, as package recovery made them.
func (v *Vault) PathReceipts(ctx context.Context) (out [][]byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = nil
		t.note(ActAccountRead, nil, nil)
		return t.eachPaper(paperPathReceipt, func(_ [16]byte, p ownerPaper) error {
			var raw []byte
			if seal.Unmarshal(p.Body, &raw) != nil {
				return tampered("owner paper")
			}
			out = append(out, raw)
			return nil
		})
	})
	return out, err
}

// EvaluateNew lets the witness evaluate its key for a path that is about to be
// enrolled, in the person's own session: counted like every try, at a counter that is
// fresh with the path, and set right at once (N13). From the moment when the path is
// in force, the witness does so only as its policy says. class: 0 for Owner and
// Shared, 1 for Private. Errors: ErrWitnessAway.
func (v *Vault) EvaluateNew(ctx context.Context, path PathID, class int, input [32]byte) (output [32]byte, generation uint64, err error) {
	if err := v.do(ctx, func(t *turn) error { return t.asPerson() }); err != nil {
		return output, 0, err
	}
	counter := v.service.pathCounter(v.id, path, class)
	e, err := v.service.evaluate(ctx, v.id, counter, input, 0)
	if err != nil {
		return output, 0, err
	}
	if e.Generation == 0 {
		return output, 0, ErrWitnessAway
	}
	v.resetCounter(ctx, &proof{counter: counter, tries: e.Tries})
	return e.Output, e.Generation, nil
}

// PathCounter is the name of a counter at the witness, for package recovery.
func (s *Vaults) PathCounter(id ID, path PathID, class int) [32]byte {
	return s.pathCounter(id, path, class)
}

// Half is what a relay or a desk holds of a path: useless without what the person
// brings, or the other organisation holds, and the witness releases.
type Half struct {
	Shared  []byte // 32 bytes
	Private []byte // 32 bytes; nil: the path does not open Private
}

// Contribute gives the half of a path that goes with this grant to also, which seals
// it to a request in the same commit: one that checks that the grant, the holder and
// their session stand (N7). The half opens nothing alone. act and detail are the line in
// the journal, in this guest's name.
//
// Errors: ErrNotAllowed to who is no guest, ErrNotFound if no half of this path goes
// with the grant, ErrEnded, and those of every act.
func (v *Vault) Contribute(ctx context.Context, path PathID, act Act, detail map[string]string, also func(tx *storage.Tx, h Half) error) error {
	return v.do(ctx, func(t *turn) error {
		if v.guest == nil {
			return ErrNotAllowed
		}
		i := slices.IndexFunc(v.guest.halves, func(h half) bool { return PathID(h.Path) == path })
		if i < 0 {
			return ErrNotFound
		}
		t.note(act, nil, detail)
		return also(t.tx, Half{Shared: v.guest.halves[i].Shared, Private: v.guest.halves[i].Private})
	})
}

// HelpsBy returns the paths of which a half goes with this grant.
func (v *Vault) HelpsBy() (out []PathID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guest != nil {
		for _, h := range v.guest.halves {
			out = append(out, h.Path)
		}
	}
	return out
}
