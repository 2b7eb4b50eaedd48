package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// ActRecovered: the person came back in by a path; Detail "path", "private".
const ActRecovered Act = "vault.recovered"

// PathProof is what came together for a path.
type PathProof struct {
	Path   PathID
	Own    []byte    // what the person brought, as at the enrolment; nil where the kind takes none
	Relay  Half      // what a relay contributed
	Desk   Half      // what the desk contributed
	Values [2][]byte // what the witness released
}

// Recovery is the way back in of somebody who forgot their password.
type Recovery struct {
	Vault    ID
	Proof    PathProof
	Password string // the new one, which the person alone has typed
	Session  *SessionRequest
	Detail   map[string]string // further facts of the line in the journal
	// Also is in the commit of the new keys, and may run several times. helpers are all who
	// helped in the path, with what the directory said of them just now: who cannot be
	// trusted any more is not among them.
	Also func(tx *storage.Tx, helpers map[ID]HolderKeys) error
	// Later is kept for its person where PathHelpers left Private locked, so that it opens
	// when its own wait is over (N14): see Vault.Later. Nil: nothing will.
	Later []byte
}

// Recover opens a vault by a path, and changes everything that opened it before: new
// roots, new keys, the new password; every session ends, the access card, the recovery
// sheet and every other path are to be made anew. What the path does not open of
// Private is locked, not lost: [Vault.OpenLocked].
//
// A path is opened by all its halves or not at all; which of them is wrong is not said.
// It counts nothing: what can be guessed, answers, the witness evaluates and counts, and
// the rest is random.
//
// When it returns, the new password is in force and the witness has it. Errors:
// ErrSignIn if the halves do not open the path, or there is no such path or vault;
// InvalidError for the password; ErrTooManyLocked, ErrRevision if Private changes all the
// time meanwhile, ErrWitnessAway (nothing was changed); ErrUnconfirmed:
// the new password is in force, and the vault is returned.
func (s *Vaults) Recover(ctx context.Context, r Recovery) (*Vault, error) {
	check, p, kind, err := s.provePath(ctx, r.Vault, r.Proof)
	if err != nil {
		return nil, signInError(err)
	}
	v, err := s.open(ctx, check, p.roots)
	if err != nil {
		return nil, signInError(err)
	}
	v.loginRecord = ""
	if err := v.acceptRestore(ctx, p, check); err != nil {
		return nil, signInError(err)
	}
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return nil, err
	}
	next, err := newPassword(r.Password, login)
	if err != nil {
		return nil, err
	}
	_, private := p.roots[Private]
	change := rootsChange{password: next, locks: !private, also: func(t *turn, holders map[ID]holderNow) error {
		detail := map[string]string{"path": kind.String(), "private": yesNo(private)}
		for k, d := range r.Detail {
			detail[k] = d
		}
		t.note(ActRecovered, nil, detail)
		if kind == PathHelpers && !private && r.Later != nil {
			if err := t.putFixedPaper(laterPaper, paperLater, r.Later); err != nil {
				return err
			}
		}
		if r.Also == nil {
			return nil
		}
		helpers, err := t.helpersOf(r.Proof.Path, holders)
		if err != nil {
			return err
		}
		return r.Also(t.tx, helpers)
	}}
	if kind == PathHelpers {
		change.waits = r.Proof.Path
	}
	unconfirmed := v.changeRoots(ctx, p, change)
	if unconfirmed != nil && !errors.Is(unconfirmed, ErrUnconfirmed) {
		return nil, unconfirmed
	}
	if err := v.signedIn(ctx, entrance{session: r.Session}, &proof{}); err != nil {
		return nil, err // the new password is in force: it signs in
	}
	return v, unconfirmed
}

// provePath opens the roots by a path, with one call of the key service whatever is
// wrong.
func (s *Vaults) provePath(ctx context.Context, id ID, proved PathProof) (*secretCheck, *proof, PathKind, error) {
	check, p := &secretCheck{id: id}, &proof{}
	if err := s.compare(ctx, check, p); err != nil {
		return nil, nil, 0, err
	}
	if p.away {
		return nil, nil, 0, ErrWitnessAway
	}
	if check.refused == nil && check.owner.Kind != seal.KindPerson {
		check.refused = ErrSignIn
	}
	var err error
	if p.wrapping, err = s.unwrap(ctx, check); err != nil {
		return nil, nil, 0, err
	}
	if check.refused != nil {
		return nil, nil, 0, check.refused
	}
	slot, err := check.pathSlot(p.wrapping, proved.Path, slotActive)
	if err != nil {
		return nil, nil, 0, err
	}
	p.roots, err = slot.openPath(id, proved)
	return check, p, slot.body.PathKind, err
}

// pathSlot finds the keyslot of a path among those that the owner head names (C5, F3).
func (check *secretCheck) pathSlot(wrapping seal.Key, path PathID, state uint8) (foundSlot, error) {
	for _, entry := range check.owner.Slots {
		if entry.Kind != slotPath || entry.State != state {
			continue
		}
		i := slices.IndexFunc(check.slots, func(r storage.Record) bool { return r.Key == check.id.slot(entry.ID) })
		if i < 0 {
			continue
		}
		body, err := openSlotBody(check.id, entry, check.slots[i].Value, wrapping)
		if err == nil && PathID(body.Path) == path {
			return foundSlot{entry, body}, nil
		}
	}
	return foundSlot{}, ErrSignIn
}

// openPath opens the roots that a path holds: Owner and Shared, and Private if the
// halves for it were brought. Those that were, must fit (F10).
func (s foundSlot) openPath(id ID, proved PathProof) (map[Compartment]root, error) {
	roots := map[Compartment]root{}
	for _, r := range s.body.Roots {
		c := Compartment(r.Compartment)
		have := proved.parts(id, s.body.PathKind, classOf(c))
		if !have.fits(s.body.PathKind) {
			if c == Private {
				continue
			}
			return nil, ErrSignIn
		}
		key := id.pathKey(proved.Path, s.body.PathKind, classOf(c), have)
		_, raw, err := key.OpenCommitted(id.rootContext(c, s.entry.ID), r.Envelope)
		if err != nil {
			return nil, ErrSignIn
		}
		if roots[c], err = seal.KeyFromBytes(raw); err != nil {
			return nil, tampered("keyslot")
		}
	}
	return roots, nil
}

// parts are those of one class that were brought; what the kind does not take is left
// out.
func (p PathProof) parts(id ID, k PathKind, class int) (out parts) {
	pick := func(h Half) []byte {
		if class == classPrivate {
			return h.Private
		}
		return h.Shared
	}
	if k.Own() && len(p.Own) == partSize {
		out.Own = id.ownPart(p.Path, k, class, p.Own)
	}
	if k.Relay() {
		out.Relay = pick(p.Relay)
	}
	if k.Desk() {
		out.Desk = pick(p.Desk)
	}
	if k == PathHelpers {
		out.Value = p.Values[class]
	}
	return out
}

// PathFacts are what stands with the keyslot of a path, for package recovery: what it
// needs to make the person's part, and, for who brings the helper's half, what was
// kept for them.
type PathFacts struct {
	Kind    PathKind
	Params  []byte
	Shown   []byte // nil without a half that opens it
	Private bool   // the path opens Private, too
	Policy  uint64
	Slot    [16]byte // of the keyslot: another one takes other halves
}

// PathFacts reads what stands with a path, held against the witness, with one call of
// the key service. ErrSignIn if there is no such path (any more), whatever the reason.
func (s *Vaults) PathFacts(ctx context.Context, id ID, path PathID, relay, desk Half) (f PathFacts, err error) {
	check, p := &secretCheck{id: id}, &proof{}
	if err := s.compare(ctx, check, p); err != nil {
		return f, err
	}
	if p.away {
		return f, ErrWitnessAway
	}
	if p.wrapping, err = s.unwrap(ctx, check); err != nil {
		return f, err
	}
	if check.refused != nil {
		return f, signInError(check.refused)
	}
	slot, err := check.pathSlot(p.wrapping, path, slotActive)
	if err != nil {
		return f, err
	}
	b := slot.body
	f = PathFacts{Kind: b.PathKind, Params: b.Params, Policy: check.owner.Policy, Slot: slot.entry.ID}
	f.Private = slices.ContainsFunc(b.Roots, func(r slotRoot) bool { return Compartment(r.Compartment) == Private })
	if have := (PathProof{Path: path, Relay: relay, Desk: desk}).parts(id, b.PathKind, classShared); b.Shown != nil && (have.Relay != nil || have.Desk != nil) {
		_, f.Shown, err = id.shownKey(path, b.PathKind, have).Open(id.rootContext(Owner, slot.entry.ID), b.Shown)
		if err != nil {
			return f, ErrSignIn
		}
	}
	return f, nil
}

// OpenLockedByPath is [Vault.OpenLocked] by the path that this recovery came by, when
// what it waited for has come.
func (v *Vault) OpenLockedByPath(ctx context.Context, proved PathProof, secret Secret, also AlsoOpened) (n int, err error) {
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return 0, err
	}
	p, err := v.confirm(ctx, secret)
	if err != nil {
		return 0, err
	}
	slots, err := v.lockedSlots(ctx, p.wrapping)
	if err != nil {
		return 0, err
	}
	for _, s := range slots {
		if s.entry.Kind != slotPath || PathID(s.body.Path) != proved.Path {
			continue
		}
		roots, err := s.openPath(v.id, proved)
		if err != nil {
			return 0, err
		}
		root, ok := roots[Private]
		if !ok {
			return 0, ErrSignIn
		}
		return v.unlock(ctx, p, lockedRoot{number: s.body.Locked, root: root}, also)
	}
	return 0, ErrNotFound
}
